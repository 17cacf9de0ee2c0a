use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::relayed::{Answer, Config, Guarded, Outcome, Scheme, SignIn};
use identity::{Authority, Proof, Registry};
use wire::FileTime;

use crate::input::Input;

/// Statuses that servers answer with, the first of which asks for more.
const STATUSES: [u16; 8] = [401, 200, 302, 404, 403, 400, 500, 407];

/// Sign-ins that pass through us.
///
/// The first byte says the scheme. Then come legs: a block that the client sends, a byte that chooses the
/// status, and a block that the server answers with; behind a redirect, a byte that chooses the next status.
/// What a handshake sends is put into base64. A context comes of a status that takes the request and of
/// nothing else, is of a person who has a name, covers no other credentials than those that were taken, and
/// is closed at the end. The same sign-in is the same identity.
///
/// # Panics
/// When one of these does not hold.
pub fn relayed(data: &[u8]) {
    let registry = Registry::new();
    let config = Arc::new(Config {
        authority: Authority::new("server"),
        lifetime: None,
        registry: Arc::clone(&registry),
    });
    let (first, second) = (sign_in(data, &config), sign_in(data, &config));
    assert_eq!(first, second, "the same sign-in is somebody else");
    assert_eq!(registry.opened() == 0, first.is_none(), "a context that nobody got");
    assert_eq!(registry.open(), 0, "a context is left open");
}

/// Who signed in.
fn sign_in(data: &[u8], config: &Arc<Config>) -> Option<identity::Identity> {
    let mut input = Input::new(data);
    let scheme = Scheme::ALL[usize::from(input.byte()) % Scheme::ALL.len()];
    let mut sign_in = SignIn::new(config, scheme, Guarded::by(401)?);
    while !input.is_empty() {
        let block = input.block();
        let text = if scheme.is_handshake() { STANDARD.encode(block).into_bytes() } else { block.to_vec() };
        let mut status = STATUSES[usize::from(input.byte()) % STATUSES.len()];
        let mut token = input.block();
        let sent = sign_in.sent(&text).ok()?;
        let mut outcome = sent.answered(Answer { status, token: Some(token) }, FileTime(1));
        if let Outcome::Redirected(redirected) = outcome {
            assert_eq!(status, 302);
            status = STATUSES[usize::from(input.byte()) % STATUSES.len()];
            token = &[];
            outcome =
                redirected.again(Guarded::by(401)?).answered(Answer { status, token: None }, FileTime(1));
        }
        match outcome {
            Outcome::GoesOn(goes_on) => {
                assert!(status == 401 && scheme.is_handshake() && !token.is_empty());
                sign_in = goes_on;
            }
            Outcome::Accepted(accepted) => {
                assert!(matches!(status, 200 | 404), "{status} takes nobody");
                let context = accepted.context();
                assert!(context.proof() == Proof::Relayed && !context.is_anonymous() && !context.is_system());
                assert!(!context.principal().user().is_empty());
                assert_eq!(accepted.covers(scheme, &text), !scheme.is_handshake());
                let other = [&text, &b"x"[..]].concat();
                assert!(Scheme::ALL.iter().all(|scheme| !accepted.covers(*scheme, &other)));
                return Some(context.identity().clone());
            }
            Outcome::Refused | Outcome::Unclear | Outcome::Redirected(_) => return None,
        }
    }
    None
}
