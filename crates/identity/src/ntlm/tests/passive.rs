//! Tests of decrypting recorded NTLM sessions with known secrets.

use super::*;
use crate::Mechanism;
use crate::ntlm::passive::{DecryptionSecret, PassiveSecurity, RecordedHandshake, Sender};

/// One end of a handshake: tokens in, tokens out.
type End = Box<dyn FnMut(&[u8]) -> Step>;

/// What a handshake leaves: both ends, and a recorder of its tokens.
struct Shaken {
    client: Box<dyn MessageSecurity>,
    server: Box<dyn MessageSecurity>,
    key: [u8; 16],
    handshake: RecordedHandshake,
}

fn seen(mut config: InitiatorConfig, rules: impl Into<Rules>, within_spnego: bool) -> Shaken {
    let config_of_server = Arc::new(server(rules));
    let mut random = Script::default();
    let version = config.settings.get::<NtlmInitiatorConfig>().version;
    let ntlm = NtlmInitiatorConfig { version, allow_legacy: true, ..initiator() };
    config.settings = Settings::of(ntlm);
    let mut initiator: End = if within_spnego {
        let mut end = Mechanism::SPNEGO.initiator(&config, Channel::http(None)).unwrap();
        Box::new(move |token| end.step(token, NOW, &mut random).unwrap())
    } else {
        let mut end = Initiator::new(config, Channel::http(None));
        Box::new(move |token| end.step(token, NOW, &mut random).unwrap())
    };
    let mut random = Script(Vec::new(), 7);
    let mut acceptor: End = if within_spnego {
        let mut end = Mechanism::SPNEGO.acceptor(&config_of_server, Channel::http(None)).unwrap();
        Box::new(move |token| end.step(token, NOW, &mut random).unwrap())
    } else {
        let mut end = Acceptor::new(config_of_server, Channel::http(None));
        Box::new(move |token| end.step(token, NOW, &mut random).unwrap())
    };
    let (mut handshake, mut client, mut arrived) = (RecordedHandshake::default(), None, Vec::new());
    loop {
        match initiator(&arrived) {
            Step::Continue(token) => arrived = token,
            Step::Done { token, security, .. } => {
                client = Some(security);
                arrived = token.unwrap_or_default();
            }
        }
        assert!(!arrived.is_empty(), "the server was not done");
        handshake.token(Sender::Client, &arrived);
        match acceptor(&arrived) {
            Step::Continue(token) => arrived = token,
            Step::Done { token, context, security } => {
                let token = token.unwrap_or_default();
                handshake.token(Sender::Server, &token);
                let client = client.unwrap_or_else(|| match initiator(&token) {
                    Step::Done { security, .. } => security,
                    Step::Continue(_) => panic!("not done"),
                });
                let key = *context.session_key().unwrap().expose();
                return Shaken { client, server: security, key, handshake };
            }
        }
        handshake.token(Sender::Server, &arrived);
    }
}

/// A signature of NTLM's.
fn code(signature: &[u8]) -> [u8; 16] {
    signature.try_into().unwrap()
}

impl Shaken {
    /// Sends sealed and signed messages both ways, all of which `passive` can read.
    fn expect_read_by(mut self, mut passive: PassiveSecurity) {
        for round in 0..6_u8 {
            let (from, to, sender) = if round % 2 == 0 {
                (&mut self.client, &mut self.server, Sender::Client)
            } else {
                (&mut self.server, &mut self.client, Sender::Server)
            };
            let plain = vec![round; 40];
            let mut body = plain.clone();
            let signature = from.seal(b"head", &mut body, b"tail").unwrap();
            let mut copy = body.clone();
            to.unseal(b"head", &mut body, b"tail", &signature).unwrap();
            passive.unseal(sender, (b"head", &mut copy, b"tail"), &code(&signature)).unwrap();
            assert_eq!((&copy, &body), (&plain, &plain));
            let signature = from.sign(b"head", &plain, b"tail").unwrap();
            to.verify(b"head", &plain, b"tail", &signature).unwrap();
            passive.verify(sender, (b"head", &plain, b"tail"), &code(&signature)).unwrap();
        }
    }
}

fn one(mut found: Vec<PassiveSecurity>) -> PassiveSecurity {
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn both_directions_are_decrypted_with_the_password_the_hash_or_the_key() {
    let hash = NtHash::from_password("wonderland");
    for within_spnego in [false, true] {
        let shaken = || seen(client("alice", "LAB", "wonderland"), Policy::default(), within_spnego);
        let key = shaken().key;
        for secret in [
            DecryptionSecret::account("ALICE", hash.clone()),
            DecryptionSecret::hash(hash.clone()),
            DecryptionSecret::session_key(key),
        ] {
            let shaken = shaken();
            assert_eq!(shaken.handshake.claim().unwrap().user, "alice");
            let others = [
                DecryptionSecret::hash(NtHash::from_password("other")),
                DecryptionSecret::session_key([7; 16]),
                secret,
            ];
            let passive = one(shaken.handshake.open(&others).unwrap());
            shaken.expect_read_by(passive);
        }
    }
}

#[test]
fn recordings_of_older_versions_are_decrypted() {
    let hash = NtHash::from_password("wonderland");
    let mut config = client("alice", "LAB", "wonderland");
    config.settings = Settings::of(NtlmInitiatorConfig { version: NtlmVersion::V1, ..initiator() });
    let shaken = seen(config, lenient(), false);
    let passive = one(shaken.handshake.open(&[DecryptionSecret::hash(hash)]).unwrap());
    shaken.expect_read_by(passive);
}

#[test]
fn a_wrong_secret_decrypts_nothing() {
    let shaken = seen(client("alice", "LAB", "wonderland"), Policy::default(), false);
    let hash = NtHash::from_password("wonderland");
    for secret in [
        DecryptionSecret::hash(NtHash::from_password("Wonderland")),
        DecryptionSecret::account("bob", hash),
        DecryptionSecret::session_key([0; 16]),
    ] {
        assert!(shaken.handshake.open(std::slice::from_ref(&secret)).unwrap().is_empty());
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
    assert!(!RecordedHandshake::default().is_complete());
    assert!(RecordedHandshake::default().open(&[]).is_err());
}
