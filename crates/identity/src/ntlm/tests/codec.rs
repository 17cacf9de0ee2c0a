//! Tests of reading and writing NTLM's messages.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wire::{Decode as _, Encode as _};

use super::super::flags::NegotiateFlags as F;
use super::super::messages::AuthenticateParts;
use super::*;

fn pairs() -> impl Strategy<Value = AvPairs> {
    let pair = (1u16..200, vec(any::<u8>(), 0..20)).prop_map(|(id, value)| AvPair { id: AvId(id), value });
    let rest = (vec(any::<u8>(), 0..4), vec(any::<u8>(), 0..8));
    (vec(pair, 0..10), rest).prop_map(|(pairs, rest)| AvPairs { pairs, rest })
}

proptest! {
    #[test]
    fn negotiate_round_trips(flags: u32, version: [u8; 8], payload in vec(any::<u8>(), 0..30)) {
        let mut message = Negotiate::new(F(flags) | F::NTLMSSP_NEGOTIATE_VERSION, Version(version));
        message.payload = payload;
        let bytes = message.to_bytes().unwrap();
        prop_assert_eq!(Negotiate::from_bytes(&bytes).unwrap(), message);
    }

    #[test]
    fn challenge_round_trips(
        flags: u32,
        nonce: [u8; 8],
        version: [u8; 8],
        name in vec(any::<u8>(), 0..30),
        info in vec(any::<u8>(), 0..60),
    ) {
        let message = Challenge::new(F(flags), nonce, Version(version), &name, &info).unwrap();
        let bytes = message.to_bytes().unwrap();
        let read = Challenge::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.target_name().unwrap(), name);
        prop_assert_eq!(read.target_info().unwrap(), info);
        prop_assert_eq!(read, message);
    }

    #[test]
    fn authenticate_round_trips(
        flags: u32,
        version: [u8; 8],
        mic in option::of(any::<[u8; 16]>()),
        parts in [(); 6].map(|()| vec(any::<u8>(), 0..40)),
    ) {
        let [lm_response, nt_response, domain, user, workstation, session_key] = &parts;
        let parts = AuthenticateParts { lm_response, nt_response, domain, user, workstation, session_key };
        let mut message = Authenticate::new(F(flags), Version(version), parts).unwrap();
        message.mic = mic.or(message.mic);
        let bytes = message.to_bytes().unwrap();
        let read = Authenticate::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.lm_response().unwrap(), lm_response);
        prop_assert_eq!(read.nt_response().unwrap(), nt_response);
        prop_assert_eq!(read.session_key().unwrap(), session_key);
        prop_assert_eq!(read, message);
    }

    #[test]
    fn claims_round_trip(
        reserved: (u16, u32, u32),
        timestamp: u64,
        nonce: [u8; 8],
        av_pairs in pairs(),
    ) {
        let claims = ClientChallenge {
            reserved1: reserved.0,
            reserved2: reserved.1,
            timestamp: FileTime(timestamp),
            challenge_from_client: nonce,
            reserved3: reserved.2,
            av_pairs,
        };
        let bytes = claims.to_bytes().unwrap();
        prop_assert_eq!(ClientChallenge::from_bytes(&bytes).unwrap(), claims);
    }

    /// Bytes that decode as a message encode to the same bytes, and the accessors of its parts do not panic.
    #[test]
    fn decoded_messages_are_encoded_alike(kind in 1u8..4, body in vec(any::<u8>(), 0..160)) {
        let mut bytes = b"NTLMSSP\0".to_vec();
        bytes.extend([kind, 0, 0, 0]);
        bytes.extend(body);
        if let Ok(message) = Negotiate::from_bytes(&bytes) {
            prop_assert_eq!(message.to_bytes().unwrap(), bytes.clone());
        }
        if let Ok(message) = Challenge::from_bytes(&bytes) {
            let _ = (message.target_name(), message.target_info());
            prop_assert_eq!(message.to_bytes().unwrap(), bytes.clone());
        }
        if let Ok(message) = Authenticate::from_bytes(&bytes) {
            let _ = (message.lm_response(), message.nt_response(), message.session_key());
            let _ = (message.user(), message.domain(), message.workstation());
            prop_assert_eq!(message.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn arbitrary_tokens_cause_no_panic_at_either_end(tokens in vec(vec(any::<u8>(), 0..80), 0..4)) {
        let mut acceptor = Acceptor::new(Arc::new(server(lenient())), Channel::http(None));
        let mut initiator = Initiator::new(client("alice", "LAB", "wonderland"), Channel::http(None));
        for token in &tokens {
            let step = acceptor.step(token, NOW, &mut Script::default());
            prop_assert!(!matches!(step, Ok(Step::Done { .. })), "signed in");
            let step = initiator.step(token, NOW, &mut Script::default());
            prop_assert!(!matches!(step, Ok(Step::Done { .. })), "signed in");
        }
    }
}

#[test]
fn the_shortest_negotiate_is_accepted() {
    let bytes = hex("4e544c4d53535000 01000000 05820820");
    let message = Negotiate::from_bytes(&bytes).unwrap();
    assert_eq!((message.flags, message.names), (F(0x2008_8205), None));
    assert_eq!(message.to_bytes().unwrap(), bytes);
}

#[test]
fn parts_outside_the_message_are_refused() {
    let parts = AuthenticateParts { user: &wire::utf16le_bytes("User"), ..AuthenticateParts::default() };
    let message = Authenticate::new(F::NTLMSSP_NEGOTIATE_UNICODE, Version::default(), parts).unwrap();
    for (offset, length) in [(0, 8), (87, 8), (89, 8), (88, 10), (u32::MAX, 8), (88, u16::MAX)] {
        let mut message = message.clone();
        message.user = Field { length, maximum: length, offset };
        assert!(message.user().is_err(), "{offset} {length}");
    }
    assert_eq!(message.user().unwrap(), "User");
}

#[test]
fn endless_lists_of_pairs_are_refused() {
    let mut pairs = AvPairs::default();
    (0..64).for_each(|_| pairs.push(AvId(20), []));
    assert!(AvPairs::from_bytes(&pairs.to_bytes().unwrap()).is_ok());
    pairs.push(AvId(20), []);
    assert!(AvPairs::from_bytes(&pairs.to_bytes().unwrap()).is_err());
    assert!(AvPairs::from_bytes(&[2, 0, 0, 0]).is_err(), "no end");
}

#[test]
fn tokens_over_the_limit_are_refused() {
    let mut acceptor = Acceptor::new(Arc::new(server(Policy::default())), Channel::http(None));
    let refusal = acceptor.step(&vec![0; MAX_TOKEN + 1], NOW, &mut Script::default()).unwrap_err();
    assert!(matches!(
        refusal,
        AuthError::Malformed(wire::Error { kind: wire::ErrorKind::TooLong { .. }, .. })
    ));
}
