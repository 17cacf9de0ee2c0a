//! Continues after missing messages, such as in a recording that lost packets.
//!
//! A message contains its own number, but not the state of the cipher, which depends on the lengths of the messages
//! before. Therefore each possible position in the key stream is tried, and the signature shows which one is right.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::direction::Direction;
use super::signature::SIGNATURE_SIZE;
use super::{Keys, NtlmSecurity};
use crate::error::MessageError;

/// The maximum number of consecutive missing messages.
const MAX_LOST: u32 = 64;

/// The maximum size of a message's body: a fragment of DCE/RPC as Windows, Exchange and Samba send it.
const MAX_BODY: usize = 5840;

/// The alignment of bodies, in bytes ([MS-RPCE] 2.2.2.11).
const STEP: usize = 4;

/// The size of the encrypted part of a signature, in bytes.
const CHECKSUM: usize = 8;

/// The bytes that may be decrypted in search of positions, for one session.
pub(crate) const EFFORT: usize = 256 << 20;

impl NtlmSecurity {
    /// Whether messages are missing between the last accepted one and the one with this signature.
    pub(crate) fn lacks_before(&self, signature: &[u8; SIGNATURE_SIZE]) -> bool {
        match &self.keys {
            Keys::Extended(keys) => keys.receive.lost_before(signature).is_some(),
            Keys::Legacy(_) => false,
        }
    }

    /// The same as [`NtlmSecurity::unseal`] for a message before which others are missing. The cost is subtracted
    /// from `effort`.
    ///
    /// # Errors
    /// If the message fits no position of the key stream. Then nothing has changed.
    pub(crate) fn resume(
        &mut self,
        (before, body, after): (&[u8], &mut [u8], &[u8]),
        signature: &[u8; SIGNATURE_SIZE],
        effort: &mut usize,
    ) -> Result<(), MessageError> {
        self.need_seal()?;
        match &mut self.keys {
            Keys::Extended(keys) => keys.receive.resume((before, body, after), signature, effort),
            Keys::Legacy(_) => Err(MessageError::Signature),
        }
    }
}

impl Direction {
    /// The number of messages that are missing before the one with this signature; `None` if it is zero or too large.
    fn lost_before(&self, signature: &[u8; SIGNATURE_SIZE]) -> Option<usize> {
        let found = u32::from_le_bytes(signature.last_chunk().copied().unwrap_or_default());
        let lost = found.checked_sub(self.sequence).filter(|lost| (1..=MAX_LOST).contains(lost))?;
        usize::try_from(lost).ok().filter(|_| !self.broken)
    }

    fn resume(
        &mut self,
        (before, body, after): (&[u8], &mut [u8], &[u8]),
        signature: &[u8; SIGNATURE_SIZE],
        effort: &mut usize,
    ) -> Result<(), MessageError> {
        let lost = self.lost_before(signature).ok_or(MessageError::Signature)?;
        let code = if self.key_exchange { CHECKSUM } else { 0 };
        let (least, most) = (lost.saturating_mul(code), lost.saturating_mul(MAX_BODY.saturating_add(code)));
        let sequence = u32::from_le_bytes(signature.last_chunk().copied().unwrap_or_default());
        let mut plain = Zeroizing::new(vec![0; body.len()]);
        let stream = self.cipher.peek(most.saturating_add(body.len()).saturating_add(CHECKSUM)).to_vec();
        let stream = Zeroizing::new(stream);
        // All fragments of a response but the last have one length.
        let alike = lost.saturating_mul(body.len().saturating_add(code));
        let places = (alike <= most).then_some(alike).into_iter().chain((least..=most).step_by(STEP));
        for place in places {
            *effort =
                effort.checked_sub(body.len().saturating_add(CHECKSUM)).ok_or(MessageError::Signature)?;
            let (key, rest) =
                stream.get(place..).and_then(|key| key.split_at_checked(body.len())).unwrap_or_default();
            for ((plain, sealed), key) in plain.iter_mut().zip(body.iter()).zip(key) {
                *plain = sealed ^ key;
            }
            let mut checksum = self.checksum_of(sequence, before, &plain, after);
            for (byte, key) in checksum.iter_mut().zip(rest).take(code) {
                *byte ^= key;
            }
            let theirs = signature.get(4..12).unwrap_or_default();
            if bool::from(checksum.ct_eq(theirs)) {
                body.copy_from_slice(&plain);
                let passed = place.saturating_add(body.len()).saturating_add(code);
                self.cipher.pass(passed);
                self.sequence = sequence.checked_add(1).ok_or(MessageError::Exhausted)?;
                return Ok(());
            }
        }
        Err(MessageError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntlm::flags::NegotiateFlags as F;

    const FLAGS: F = F(F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY.0
        | F::NTLMSSP_NEGOTIATE_SIGN.0
        | F::NTLMSSP_NEGOTIATE_SEAL.0
        | F::NTLMSSP_NEGOTIATE_128.0);

    /// A sealed body with its signature.
    type Sealed = (Vec<u8>, [u8; SIGNATURE_SIZE]);

    /// Messages of these lengths, sealed, each with its signature.
    fn sealed(flags: F, lengths: &[usize]) -> (NtlmSecurity, Vec<Sealed>) {
        let key = [7; 16];
        let mut sender = NtlmSecurity::new(flags, &key, true);
        let seal = |length: &usize| {
            let mut body = vec![u8::try_from(length % 251).unwrap(); *length];
            let signature = sender.seal(b"head", &mut body, b"tail").unwrap();
            (body, signature)
        };
        (NtlmSecurity::new(flags, &key, false), lengths.iter().map(seal).collect())
    }

    #[test]
    fn messages_after_missing_ones_are_decrypted() {
        for flags in [FLAGS, F(FLAGS.0 | F::NTLMSSP_NEGOTIATE_KEY_EXCH.0)] {
            let lengths = [16, 1000, 0, 5840, 32, 5840, 5840, 64, 8];
            let (mut receiver, mut messages) = sealed(flags, &lengths);
            let mut effort = EFFORT;
            let mut expected = 0;
            // The second to fourth are missing, and the sixth.
            for index in [0, 4, 6, 7, 8] {
                let (body, signature) = &mut messages[index];
                assert_eq!(receiver.lacks_before(signature), index != expected, "{index}");
                if index == expected {
                    receiver.unseal(b"head", body, b"tail", signature).unwrap();
                } else {
                    receiver.resume((b"head", body, b"tail"), signature, &mut effort).unwrap();
                }
                assert_eq!(
                    *body,
                    vec![u8::try_from(lengths[index] % 251).unwrap(); lengths[index]],
                    "{index}"
                );
                expected = index + 1;
            }
            // Fragments of one length are found at once.
            let (mut receiver, mut messages) = sealed(flags, &[5840, 5840, 5840]);
            let (body, signature) = &mut messages[2];
            receiver.resume((b"head", body, b"tail"), signature, &mut 5848).unwrap();
        }
    }

    #[test]
    fn a_message_that_fits_nowhere_changes_nothing_and_costs_a_bounded_effort() {
        let (mut receiver, mut messages) = sealed(FLAGS, &[400, 800, 16]);
        let (body, signature) = messages[2].clone();
        let mut forged = body.clone();
        forged[3] ^= 1;
        let mut effort = 100_000;
        assert!(receiver.resume((b"head", &mut forged, b"tail"), &signature, &mut effort).is_err());
        let mut little = 100;
        assert!(receiver.resume((b"head", &mut body.clone(), b"tail"), &signature, &mut little).is_err());
        for (body, signature) in &mut messages[..2] {
            receiver.unseal(b"head", body, b"tail", signature).unwrap();
        }
        // Nor is a message accepted that was sent before, or whose number is too high.
        assert!(!receiver.lacks_before(&messages[0].1) && !receiver.lacks_before(&[0xff; SIGNATURE_SIZE]));
    }
}
