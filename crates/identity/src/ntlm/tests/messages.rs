//! Tests of signing and sealing.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::flags::NegotiateFlags as F;
use super::*;
use crate::error::MessageError;

const FULL: F = F(0xe288_8235);
/// Without extended session security.
const LEGACY: F = F(0xe280_8235);
/// Extended session security without key exchange, whose checksums are not encrypted.
const NO_EXCHANGE: F = F(0xa288_8235);

fn pair(flags: F) -> (NtlmSecurity, NtlmSecurity) {
    (NtlmSecurity::new(flags, &[7; 16], true), NtlmSecurity::new(flags, &[7; 16], false))
}

fn sealed(from: &mut NtlmSecurity, text: &[u8]) -> (Vec<u8>, [u8; 16]) {
    let mut body = text.to_vec();
    let signature = from.seal(b"head", &mut body, b"tail").unwrap();
    (body, signature)
}

#[test]
fn replayed_and_reordered_messages_fail() {
    for flags in [FULL, NO_EXCHANGE, LEGACY] {
        let (mut client, mut server) = pair(flags);
        let (first, first_signature) = sealed(&mut client, b"first message");
        let mut body = first.clone();
        server.unseal(b"head", &mut body, b"tail", &first_signature).unwrap();
        let mut body = first.clone();
        assert!(server.unseal(b"head", &mut body, b"tail", &first_signature).is_err(), "{flags:?}");
        assert!(body.iter().all(|byte| *byte == 0), "what fails is wiped");

        let (mut client, mut server) = pair(flags);
        let _ = sealed(&mut client, b"first message");
        let (mut second, signature) = sealed(&mut client, b"second message");
        assert!(server.unseal(b"head", &mut second, b"tail", &signature).is_err(), "{flags:?}");
    }
}

#[test]
fn a_replay_does_not_invalidate_the_session() {
    let (mut client, mut server) = pair(FULL);
    let (first, signature) = sealed(&mut client, b"first");
    server.unseal(b"head", &mut first.clone(), b"tail", &signature).unwrap();
    let replayed = server.unseal(b"head", &mut first.clone(), b"tail", &signature);
    assert_eq!(replayed, Err(MessageError::Sequence { expected: 1, found: 0 }));
    let (mut second, signature) = sealed(&mut client, b"second");
    server.unseal(b"head", &mut second, b"tail", &signature).unwrap();
    assert_eq!(second, b"second");
}

#[test]
fn messages_after_a_forged_one_are_rejected() {
    for flags in [FULL, NO_EXCHANGE, LEGACY] {
        let (mut client, mut server) = pair(flags);
        let (mut body, mut signature) = sealed(&mut client, b"message");
        signature[9] ^= 1;
        let forged = server.unseal(b"head", &mut body, b"tail", &signature);
        assert_eq!(forged, Err(MessageError::Signature));
        let (mut body, signature) = sealed(&mut client, b"message");
        let after = server.unseal(b"head", &mut body, b"tail", &signature);
        assert_eq!(after, Err(MessageError::Broken));
    }
}

#[test]
fn a_flipped_bit_is_detected() {
    for flags in [FULL, NO_EXCHANGE, LEGACY] {
        let (mut client, _) = pair(flags);
        let (body, signature) = sealed(&mut client, b"some message");
        let message = [b"head".as_slice(), &body, b"tail", &signature].concat();
        for bit in 0..message.len() * 8 {
            // RandomPad, without extended session security, has any value.
            if flags == LEGACY && (24..28).contains(&(bit / 8)) {
                continue;
            }
            let mut message = message.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            let (head, rest) = message.split_at_mut(4);
            let (body, rest) = rest.split_at_mut(12);
            let (tail, signature) = rest.split_at(4);
            let (_, mut server) = pair(flags);
            let signature = signature.try_into().unwrap();
            assert!(server.unseal(head, body, tail, signature).is_err(), "{flags:?} bit {bit}");
        }
    }
}

#[test]
fn a_message_reflected_to_its_sender_fails() {
    for flags in [FULL, NO_EXCHANGE] {
        let (mut client, _) = pair(flags);
        let (mut body, signature) = sealed(&mut client, b"message");
        let reflected = client.unseal(b"head", &mut body, b"tail", &signature);
        assert_eq!(reflected, Err(MessageError::Signature), "{flags:?}");
    }
}

#[test]
fn contexts_and_keys_travel_between_threads() {
    fn travels<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<SecurityContext>();
    is_shared::<AcceptorConfig>();
    travels::<NtlmSecurity>();
    travels::<Box<dyn MessageSecurity>>();
    travels::<Box<dyn crate::Acceptor>>();
    travels::<Box<dyn crate::Initiator>>();
}

#[test]
fn only_negotiated_protection_is_applied() {
    let signing = FULL.without(F::NTLMSSP_NEGOTIATE_SEAL);
    let (mut client, mut server) = pair(signing);
    assert_eq!(client.seal(b"", &mut [1], b""), Err(MessageError::NotNegotiated("sealing")));
    assert_eq!(server.unseal(b"", &mut [1], b"", &[0; 16]), Err(MessageError::NotNegotiated("sealing")));
    let signature = client.sign(b"a", b"b", b"c").unwrap();
    server.verify(b"a", b"b", b"c", &signature).unwrap();
    let (mut client, mut server) = pair(signing.without(F::NTLMSSP_NEGOTIATE_SIGN));
    assert_eq!(client.sign(b"", b"", b""), Err(MessageError::NotNegotiated("signing")));
    assert_eq!(server.verify(b"", b"", b"", &[0; 16]), Err(MessageError::NotNegotiated("signing")));
}

proptest! {
    #[test]
    fn protected_messages_are_accepted_by_the_other_end(
        flags in prop_oneof![Just(FULL), Just(NO_EXCHANGE), Just(LEGACY), Just(F(0x4288_8235)), Just(F(0xc288_8235))],
        messages in vec((any::<bool>(), any::<bool>(), [(); 3].map(|()| vec(any::<u8>(), 0..200))), 0..20),
    ) {
        let (mut client, mut server) = pair(flags);
        for (up, seal, [before, body, after]) in messages {
            let (from, to) = if up { (&mut client, &mut server) } else { (&mut server, &mut client) };
            let mut sent = body.clone();
            if seal {
                let signature = from.seal(&before, &mut sent, &after).unwrap();
                to.unseal(&before, &mut sent, &after, &signature).unwrap();
            } else {
                let signature = from.sign(&before, &sent, &after).unwrap();
                to.verify(&before, &sent, &after, &signature).unwrap();
            }
            prop_assert_eq!(sent, body);
        }
    }
}
