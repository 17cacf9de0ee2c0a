//! Mechanisms that are unknown to this crate: clients authenticate by them once they are configured.

use std::sync::Arc;

use identity::{
    Acceptor, AcceptorConfig, AuthError, Channel, Initiator, InitiatorConfig, Mechanism, OsRandom, Package,
    Random, Scope, Step,
};
use testkit::http_auth::{Handshake, NOW};
use wire::Now;

use crate::http::tests::playbook::Client;
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// NTLM with masked tokens.
struct Masked;

/// Basic in one step under another name, as an API key might be.
struct Key;

/// An end of NTLM, with masked tokens.
struct End<T: ?Sized>(Box<T>);

fn mask(token: &[u8]) -> Vec<u8> {
    token.iter().map(|byte| byte ^ 0xa5).collect()
}

fn masked(step: Step) -> Step {
    match step {
        Step::Continue(token) => Step::Continue(mask(&token)),
        Step::Done { token, context, security } => {
            Step::Done { token: token.map(|token| mask(&token)), context, security }
        }
    }
}

impl Acceptor for End<dyn Acceptor> {
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        self.0.step(&mask(token), now, random).map(masked)
    }
}

impl Initiator for End<dyn Initiator> {
    fn step(&mut self, token: &[u8], now: Now, random: &mut dyn Random) -> Result<Step, AuthError> {
        self.0.step(&mask(token), now, random).map(masked)
    }
}

impl Package for Masked {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Masked")
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn acceptor(
        &self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn Acceptor>, AuthError> {
        Ok(Box::new(End(Mechanism::NTLM.acceptor(config, channel)?)))
    }

    fn initiator(&self, config: &InitiatorConfig, channel: Channel) -> Result<Box<dyn Initiator>, AuthError> {
        Ok(Box::new(End(Mechanism::NTLM.initiator(config, channel)?)))
    }
}

impl Package for Key {
    fn name(&self) -> &'static str {
        "key"
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Key")
    }

    fn http_challenge(&self) -> Option<&'static str> {
        Some("Key realm=\"keys\"")
    }

    fn scope(&self) -> Scope {
        Scope::Request
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn acceptor(
        &self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn Acceptor>, AuthError> {
        Mechanism::BASIC.acceptor(config, channel)
    }

    fn read_http(&self, credentials: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, AuthError> {
        Ok(zeroize::Zeroizing::new(credentials.to_vec()))
    }
}

const MASKED: Mechanism = Mechanism::of(&Masked);
const KEY: Mechanism = Mechanism::of(&Key);

pub(super) fn get(fields: &str) -> String {
    format!("GET /ews/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// Completes `handshake` as far as the proxy continues it. Returns the last status.
pub(super) fn authenticate(client: &mut Client, handshake: Handshake) -> u16 {
    authenticate_with(client, handshake, "")
}

/// The same with `fields` in each request.
pub(super) fn authenticate_with(client: &mut Client, mut handshake: Handshake, fields: &str) -> u16 {
    let mut challenge: Option<String> = None;
    loop {
        let authorization = handshake.next(challenge.as_deref());
        let answer = client.exchange(get(&format!("Authorization: {authorization}\r\n{fields}")));
        match answer.header("www-authenticate") {
            Some(value) if answer.status() == 401 && value.contains(' ') && !value.contains('=') => {
                challenge = Some(value.to_owned());
            }
            _ => return answer.status(),
        }
    }
}

#[test]
fn a_mechanism_authenticates_a_connection_or_a_request_once_it_is_configured() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup { mechanisms: vec![MASKED, KEY], ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let refused = client.exchange(get(""));
    let offers: Vec<_> = refused.head.fields.all("www-authenticate").collect();
    assert_eq!((refused.status(), offers), (401, vec![&b"Masked"[..], b"Key realm=\"keys\""]));

    assert_eq!(authenticate(&mut client, Handshake::new("maSKed", MASKED, "alice")), 200);
    assert_eq!(client.exchange(get("")).status(), 200, "the connection is authenticated");
    assert_eq!(
        authenticate(&mut Client::new(&proxy), Handshake::new("Masked", Mechanism::NTLM, "alice")),
        401
    );
    assert_eq!(
        authenticate(&mut Client::new(&proxy), Handshake::ntlm("alice")),
        401,
        "NTLM is not configured"
    );

    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(get("Authorization: Key alice:alicepw1\r\n")).status(), 200);
    assert_eq!(client.exchange(get("Authorization: Key alice:wrong\r\n")).status(), 401);
    assert_eq!(client.exchange(get("")).status(), 401, "only the request was authenticated");
    // The mechanism has no initiator.
    assert!(KEY.initiator(&config(), Channel::http(None)).is_err());
    let first = MASKED.initiator(&config(), Channel::http(None)).unwrap();
    let Step::Continue(first) = { first }.step(&[], NOW, &mut OsRandom).unwrap() else {
        panic!("NTLM has three tokens")
    };
    assert!(!first.starts_with(b"NTLMSSP"));
}

fn config() -> InitiatorConfig {
    let credentials = identity::Credentials::password("alice", "LAB", &identity::Password::new("alicepw1"));
    crate::ServiceCredentials::new(
        credentials,
        MASKED,
        rpc::AuthLevel::NONE,
        "proxy",
        &identity::ContextCounters::new(),
    )
    .config
}
