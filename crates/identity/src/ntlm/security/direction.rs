//! The messages of one side under extended session security ([MS-NLMP] 3.4).

use hmac::Mac as _;
use subtle::ConstantTimeEq as _;

use super::key_stream::KeyStream;
use super::signature::SIGNATURE_SIZE;
use crate::error::MessageError;
use crate::ntlm::crypto::{self, HmacMd5, Key, Sender};
use crate::ntlm::flags::NegotiateFlags;

/// The messages that one side sends under extended session security: each side has its own keys, cipher and sequence
/// numbers ([MS-NLMP] 3.4.5.2, 3.4.5.3).
pub(super) struct Direction {
    pub(super) mac: HmacMd5,
    pub(super) cipher: KeyStream,
    pub(super) seal_key: Key,
    pub(super) sequence: u32,
    pub(super) key_exchange: bool,
    pub(super) broken: bool,
}

impl Direction {
    pub(super) fn new(flags: NegotiateFlags, exported: &[u8; 16], sender: Sender) -> Self {
        let seal_key = crypto::seal_key(flags, exported, sender);
        Self {
            mac: crypto::keyed(&crypto::sign_key(exported, sender)),
            cipher: KeyStream::new(&seal_key),
            seal_key,
            sequence: 0,
            key_exchange: flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_KEY_EXCH),
            broken: false,
        }
    }

    /// Resets the cipher to its initial state.
    pub(super) fn reset_cipher(&mut self) {
        self.cipher = KeyStream::new(&self.seal_key);
    }

    pub(super) fn checksum(&self, before: &[u8], body: &[u8], after: &[u8]) -> [u8; 8] {
        self.checksum_of(self.sequence, before, body, after)
    }

    /// The checksum of the message with this number.
    pub(super) fn checksum_of(&self, sequence: u32, before: &[u8], body: &[u8], after: &[u8]) -> [u8; 8] {
        let mut mac = self.mac.clone();
        mac.update(&sequence.to_le_bytes());
        mac.update(before);
        mac.update(body);
        mac.update(after);
        let [a, b, c, d, e, f, g, h, ..]: [u8; 16] = mac.finalize().into_bytes().into();
        [a, b, c, d, e, f, g, h]
    }

    /// The `NTLMSSP_MESSAGE_SIGNATURE` of the next message for extended session security ([MS-NLMP] 2.2.2.9.2,
    /// 3.4.4.2).
    pub(super) fn next_signature(
        &mut self,
        mut checksum: [u8; 8],
    ) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        if self.key_exchange {
            self.cipher.apply(&mut checksum);
        }
        let [a, b, c, d, e, f, g, h] = checksum;
        let [i, j, k, l] = self.sequence.to_le_bytes();
        self.sequence = self.sequence.checked_add(1).ok_or(MessageError::Exhausted)?;
        Ok([1, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l])
    }

    pub(super) fn seal(
        &mut self,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
    ) -> Result<[u8; 16], MessageError> {
        let checksum = self.checksum(before, body, after);
        self.cipher.apply(body);
        self.next_signature(checksum)
    }

    pub(super) fn sign(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
    ) -> Result<[u8; 16], MessageError> {
        let checksum = self.checksum(before, body, after);
        self.next_signature(checksum)
    }

    /// Checks the sequence number before the cipher advances, so that a replay does not invalidate the session.
    pub(super) fn check_sequence(&self, signature: &[u8; SIGNATURE_SIZE]) -> Result<(), MessageError> {
        if self.broken {
            return Err(MessageError::Broken);
        }
        let found = u32::from_le_bytes(signature.last_chunk().copied().unwrap_or_default());
        if found != self.sequence {
            return Err(MessageError::Sequence { expected: self.sequence, found });
        }
        Ok(())
    }

    pub(super) fn verify_checksum(
        &mut self,
        checksum: [u8; 8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        let expected = self.next_signature(checksum)?;
        if bool::from(expected.ct_eq(signature)) {
            return Ok(());
        }
        self.broken = true;
        Err(MessageError::Signature)
    }

    pub(super) fn unseal(
        &mut self,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.check_sequence(signature)?;
        self.cipher.apply(body);
        let checksum = self.checksum(before, body, after);
        self.verify_checksum(checksum, signature)
    }

    pub(super) fn verify(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.check_sequence(signature)?;
        let checksum = self.checksum(before, body, after);
        self.verify_checksum(checksum, signature)
    }
}
