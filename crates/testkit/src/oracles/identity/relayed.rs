//! Oracle: relayed authentication makes no context without proof.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::passthrough::{
    AuthAttempt, Authenticated, Checked, Config, Outcome, Probe, RejectedProbe, Response,
};
use identity::{Authority, ContextCounters, Mechanism, OsRandom, Proof, Scope};
use wire::FileTime;

use crate::input::Input;

/// The time of all requests.
const NOW: FileTime = FileTime(1);

/// Statuses that servers respond with, the first of which asks for more.
const STATUSES: [u16; 8] = [401, 200, 302, 404, 403, 400, 500, 407];

/// Pass-through authentication.
///
/// The first byte says the scheme, the second by what it is proven. Then come legs: a block that the client sends, a byte that chooses the
/// status and whether the response is that of a PING, and a block that the server responds with; where something has
/// to be asked again, a byte more for its response. What a handshake sends is put into base64. A context comes of a
/// request that was refused, was carried out, and was refused again, and of nothing else; it is of a person who
/// has a name, covers no other credentials than those that were taken, and is closed at the end. The same
/// sign-in is the same identity.
///
/// # Panics
/// If one of these does not hold.
pub fn relayed(data: &[u8]) {
    let contexts = ContextCounters::new();
    let authority = Authority::new("server");
    let config = Arc::new(Config { authority, lifetime: None, contexts: Arc::clone(&contexts) });
    let (first, second) = (sign_in(data, &config), sign_in(data, &config));
    assert_eq!(first, second, "the same sign-in is somebody else");
    assert_eq!(contexts.opened() == 0, first.is_none(), "a context without a holder");
    assert_eq!(contexts.open(), 0, "a context is left open");
}

/// A response with a status, and the headers of a PING or not, as `byte` says.
fn answer(byte: u8, token: Option<&[u8]>) -> Response<'_> {
    let status = STATUSES[usize::from(byte) % STATUSES.len()];
    let is_ping = byte & 0x80 != 0;
    let request_type = is_ping.then_some(&b"PING"[..]);
    let response_code = is_ping.then_some(&b"0"[..]);
    Response { status, token, request_type, response_code, offers: &Mechanism::ALL }
}

/// The authenticated user.
fn sign_in(data: &[u8], config: &Arc<Config>) -> Option<identity::Identity> {
    let mut input = Input::new(data);
    let scheme = Mechanism::ALL[usize::from(input.byte()) % Mechanism::ALL.len()];
    let probe = |byte: u8| if byte & 0x40 == 0 { Probe::Ping } else { Probe::Address };
    let guarded = |byte: u8| RejectedProbe::from_response(probe(byte), &answer(0, None), NOW);
    let first = input.byte();
    let kind = probe(first);
    let mut sign_in = AuthAttempt::new(config, scheme, &guarded(first)?, NOW).ok()?;
    while !input.is_empty() {
        let block = input.block();
        let text = if is_handshake(scheme) { STANDARD.encode(block).into_bytes() } else { block.to_vec() };
        let mut byte = input.byte();
        let token = input.block();
        let sent = sign_in.send(&text).ok()?;
        let mut outcome = sent.on_response(&answer(byte, Some(token)), NOW);
        let mut again = false;
        loop {
            let sent = match outcome {
                Outcome::Repeat(sent) => {
                    assert!(is_handshake(scheme) && !again, "a handshake is over once");
                    again = true;
                    sent.send()
                }
                Outcome::OtherProbe(_) if input.is_empty() => return None,
                Outcome::OtherProbe(elsewhere) => {
                    assert_eq!(elsewhere.is_authenticated(), again);
                    let by = input.byte();
                    let sent = elsewhere.with_probe(&guarded(by)?);
                    assert_eq!(sent.is_ok(), probe(by) == kind, "another kind of request than the first");
                    sent.ok()?
                }
                other => {
                    outcome = other;
                    break;
                }
            };
            byte = input.byte();
            outcome = sent.on_response(&answer(byte, None), NOW);
        }
        match outcome {
            Outcome::Continue(goes_on) => {
                assert!(answer(byte, None).status == 401 && is_handshake(scheme) && !token.is_empty());
                sign_in = goes_on;
            }
            Outcome::Accepted(taken) => {
                assert_eq!(again, is_handshake(scheme), "a handshake whose connection was not seen to hold");
                let carried_out = kind == Probe::Address || byte & 0x80 != 0;
                assert!(answer(byte, None).status == 200 && carried_out, "nothing shows who answered");
                let without = answer(input.byte(), None);
                let checked = taken.on_unauthenticated_response(&without, NOW, &mut OsRandom);
                assert_eq!(checked.is_ok(), without.status == 401);
                let accepted = match checked.ok()? {
                    Checked::Authenticated(accepted) => accepted,
                    Checked::Control(control) => {
                        assert_eq!(kind, Probe::Address);
                        control.on_response(&answer(input.byte(), None), NOW).ok()?
                    }
                };
                return Some(checked_context(&accepted, scheme, &text));
            }
            _ => return None,
        }
    }
    None
}

/// Asserts what holds for every authenticated user.
fn checked_context(accepted: &Authenticated, scheme: Mechanism, text: &[u8]) -> identity::Identity {
    let context = accepted.context();
    assert!(context.proof() == Proof::PassThrough && !context.is_anonymous() && !context.is_system());
    assert!(!context.principal().user().is_empty());
    assert_eq!(accepted.covers(scheme, text), !is_handshake(scheme));
    let other = [text, &b"x"[..]].concat();
    assert!(Mechanism::ALL.iter().all(|scheme| !accepted.covers(*scheme, &other)));
    context.identity().clone()
}

fn is_handshake(mechanism: Mechanism) -> bool {
    mechanism.scope() == Scope::Connection
}
