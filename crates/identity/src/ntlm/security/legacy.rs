//! Both directions without extended session security ([MS-NLMP] 3.4).

use rc4::{Rc4, StreamCipher as _};
use subtle::ConstantTimeEq as _;

use super::signature::SIGNATURE_SIZE;
use crate::error::MessageError;
use crate::ntlm::crypto::{self, Key};

/// Both directions without extended session security: they share the cipher and the sequence numbers.
pub(super) struct Legacy {
    pub(super) cipher: Rc4,
    pub(super) key: Key,
    pub(super) sequence: u32,
    pub(super) broken: bool,
}

impl Legacy {
    pub(super) const fn ready(&self) -> Result<(), MessageError> {
        if self.broken { Err(MessageError::Broken) } else { Ok(()) }
    }

    /// `NTLMSSP_MESSAGE_SIGNATURE` without extended session security ([MS-NLMP] 2.2.2.9.1, 3.4.4.1).
    pub(super) fn signature(&mut self, crc: u32) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        // RandomPad and Checksum are encrypted, then the key stream goes over SeqNum.
        let [a, b, c, d] = crc.to_le_bytes();
        let [e, f, g, h] = self.sequence.to_le_bytes();
        let mut encrypted = [0, 0, 0, 0, a, b, c, d, e, f, g, h];
        self.cipher.apply_keystream(&mut encrypted);
        let [_, _, _, _, a, b, c, d, e, f, g, h] = encrypted;
        self.sequence = self.sequence.checked_add(1).ok_or(MessageError::Exhausted)?;
        Ok([1, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h])
    }

    pub(super) fn verify(
        &mut self,
        parts: [&[u8]; 3],
        theirs: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        let ours = self.signature(crypto::crc32(parts))?;
        // RandomPad has any value ([MS-NLMP] 2.2.2.9.1).
        let (ours_head, ours_tail) = ours.split_at(4);
        let (theirs_head, theirs_tail) = theirs.split_at(4);
        let same = ours_head.ct_eq(theirs_head)
            & ours_tail.get(4..).unwrap_or_default().ct_eq(theirs_tail.get(4..).unwrap_or_default());
        if bool::from(same) {
            return Ok(());
        }
        self.broken = true;
        Err(MessageError::Signature)
    }
}
