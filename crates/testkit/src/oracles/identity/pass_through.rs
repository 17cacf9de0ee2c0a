//! Oracle: pass-through authentication makes no context without proof.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::pass_through::{
    AuthAttempt, Authenticated, Checked, Config, CredentialsAccepted, Outcome, Probe, RejectedProbe, Response,
};
use identity::{Authority, ContextCounters, Mechanism, OsRandom, Proof, Scope};
use wire::{FileTime, Now};

use crate::input::Input;

/// The time of all requests.
const NOW: Now = Now::at(FileTime(1));

/// Statuses of responses. The first one requests authentication.
const STATUSES: [u16; 8] = [401, 200, 302, 404, 403, 400, 500, 407];

/// Pass-through authentication.
///
/// The first byte chooses the scheme, the second the probe. Then legs follow: a block that the client sends, a byte
/// that chooses the status and whether the response is that of a PING, and a block with the token of the response; if
/// the request is repeated, another byte for its response. Tokens of handshakes are encoded in base64.
///
/// A context is made only for a request that was rejected, was executed, and was rejected again without credentials.
/// Its user has a name, it covers no other credentials than those that were accepted, and it is closed at the end.
/// The same credentials are the same identity.
///
/// # Panics
/// If one of these properties is violated.
pub fn pass_through(data: &[u8]) {
    let contexts = ContextCounters::new();
    let authority = Authority::new("server");
    let config = Arc::new(Config { authority, lifetime: None, contexts: Arc::clone(&contexts) });
    let (first, second) = (authenticate(data, &config), authenticate(data, &config));
    assert_eq!(first, second, "the same credentials are another identity");
    assert_eq!(contexts.opened() == 0, first.is_none(), "a context without a holder");
    assert_eq!(contexts.open(), 0, "a context is left open");
}

/// A response whose status, and whether it has the headers of a PING, are selected by `byte`.
fn response(byte: u8, token: Option<&[u8]>) -> Response<'_> {
    let status = STATUSES[usize::from(byte) % STATUSES.len()];
    let is_ping = byte & 0x80 != 0;
    let request_type = is_ping.then_some(&b"PING"[..]);
    let response_code = is_ping.then_some(&b"0"[..]);
    Response { status, token, request_type, response_code, offers: &Mechanism::ALL }
}

/// The probe that `byte` chooses.
fn probe(byte: u8) -> Probe {
    if byte & 0x40 == 0 { Probe::Ping } else { Probe::Get }
}

/// The probe that `byte` chooses, rejected without credentials.
fn rejected_probe(byte: u8) -> Option<RejectedProbe> {
    RejectedProbe::from_response(probe(byte), &response(byte, None), NOW)
}

/// The authenticated user.
fn authenticate(data: &[u8], config: &Arc<Config>) -> Option<identity::Identity> {
    let mut input = Input::new(data);
    let scheme = Mechanism::ALL[usize::from(input.byte()) % Mechanism::ALL.len()];
    let first = input.byte();
    let mut attempt = AuthAttempt::new(config, scheme, &rejected_probe(first)?, NOW).ok()?;
    while !input.is_empty() {
        let block = input.block();
        let text = if is_handshake(scheme) { STANDARD.encode(block).into_bytes() } else { block.to_vec() };
        let byte = input.byte();
        let token = input.block();
        let sent = attempt.send(&text).ok()?;
        let outcome = sent.on_response(&response(byte, Some(token)), NOW);
        let end = repeat(Leg { outcome, byte, repeated: false }, &mut input, scheme, probe(first))?;
        match end.outcome {
            Outcome::Continue(next) => {
                assert!(response(end.byte, None).status == 401 && is_handshake(scheme) && !token.is_empty());
                attempt = next;
            }
            Outcome::Accepted(credentials) => {
                assert_eq!(end.repeated, is_handshake(scheme), "a handshake without a repeated request");
                let executed = probe(first) == Probe::Get || end.byte & 0x80 != 0;
                assert!(response(end.byte, None).status == 200 && executed, "the server executed nothing");
                let accepted = checked(credentials, &mut input, probe(first))?;
                return Some(checked_context(&accepted, scheme, &text));
            }
            _ => return None,
        }
    }
    None
}

/// A leg of a handshake, or credentials: the outcome, the byte that chose the last response, and whether the request
/// was repeated.
struct Leg {
    outcome: Outcome,
    byte: u8,
    repeated: bool,
}

/// Repeats the request and sends other probes until another outcome.
fn repeat(mut leg: Leg, input: &mut Input<'_>, scheme: Mechanism, kind: Probe) -> Option<Leg> {
    loop {
        let sent = match leg.outcome {
            Outcome::Repeat(sent) => {
                assert!(is_handshake(scheme) && !leg.repeated, "a handshake has one end");
                leg.repeated = true;
                sent.send()
            }
            Outcome::OtherProbe(_) if input.is_empty() => return None,
            Outcome::OtherProbe(other) => {
                assert_eq!(other.is_authenticated(), leg.repeated);
                let by = input.byte();
                let sent = other.with_probe(&rejected_probe(by)?);
                assert_eq!(sent.is_ok(), probe(by) == kind, "another kind of request than the first");
                sent.ok()?
            }
            _ => return Some(leg),
        };
        leg.byte = input.byte();
        leg.outcome = sent.on_response(&response(leg.byte, None), NOW);
    }
}

/// Checks that the server accepts `credentials` only.
fn checked(credentials: CredentialsAccepted, input: &mut Input<'_>, kind: Probe) -> Option<Authenticated> {
    let without = response(input.byte(), None);
    let checked = credentials.on_unauthenticated_response(&without, NOW, &mut OsRandom);
    assert_eq!(checked.is_ok(), without.status == 401);
    match checked.ok()? {
        Checked::Authenticated(accepted) => Some(accepted),
        Checked::Control(control) => {
            assert_eq!(kind, Probe::Get);
            control.on_response(&response(input.byte(), None), NOW).ok()
        }
    }
}

/// Asserts the properties of every authenticated user.
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
