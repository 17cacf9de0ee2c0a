//! Signing and sealing of messages after an NTLM handshake ([MS-NLMP] 3.4).

mod direction;
mod key_stream;
mod legacy;
pub(super) mod resume;
mod signature;

use std::fmt;

use rc4::StreamCipher as _;
use zeroize::Zeroize as _;

use super::crypto::{self, Key, Sender};
use super::flags::NegotiateFlags;
use crate::auth_config::Protection;
use crate::error::MessageError;
use crate::message_security::{Message, MessageSecurity};

use self::direction::Direction;
use self::legacy::Legacy;
pub use self::signature::SIGNATURE_SIZE;
use self::signature::UNSIGNED;

/// Signs and seals messages, and verifies those of the other side ([MS-NLMP] 3.4), connection-oriented: each message
/// is processed once and in order.
///
/// A message is three parts that follow one another: `before`, `body`, `after`. The signature covers all
/// three, the encryption the body alone, which is how DCE/RPC protects a PDU's header and trailer ([MS-RPCE]
/// 3.3.1.5.2.2). Nothing is allocated for a message.
///
/// After a forged message all further ones are rejected, since the ciphers of both sides are no longer in step.
pub struct NtlmSecurity {
    keys: Keys,
    flags: NegotiateFlags,
}

enum Keys {
    Extended(Box<Extended>),
    Legacy(Box<Legacy>),
}

/// Both directions under extended session security.
struct Extended {
    send: Direction,
    receive: Direction,
}

impl NtlmSecurity {
    /// Protection by `exported`, as the client or as the server.
    pub(crate) fn new(flags: NegotiateFlags, exported: &[u8; 16], client: bool) -> Self {
        let (own, peer) =
            if client { (Sender::Client, Sender::Server) } else { (Sender::Server, Sender::Client) };
        let keys = if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY) {
            Keys::Extended(Box::new(Extended {
                send: Direction::new(flags, exported, own),
                receive: Direction::new(flags, exported, peer),
            }))
        } else {
            let key = Key::new(*exported);
            Keys::Legacy(Box::new(Legacy { cipher: crypto::rc4(&key), key, sequence: 0, broken: false }))
        };
        Self { keys, flags }
    }

    /// The negotiated flags.
    pub const fn flags(&self) -> NegotiateFlags {
        self.flags
    }

    /// Whether messages can be signed.
    pub const fn can_sign(&self) -> bool {
        self.flags.protects()
    }

    /// Whether messages can be sealed.
    pub const fn can_seal(&self) -> bool {
        self.flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_SEAL)
    }

    /// Encrypts `body` in place and signs all three parts.
    ///
    /// # Errors
    /// If sealing was not negotiated, or every sequence number was used.
    pub fn seal(
        &mut self,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
    ) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        self.need_seal()?;
        match &mut self.keys {
            Keys::Extended(keys) => keys.send.seal(before, body, after),
            Keys::Legacy(legacy) => {
                legacy.ready()?;
                let crc = crypto::crc32([before, body, after]);
                legacy.cipher.apply_keystream(body);
                legacy.signature(crc)
            }
        }
    }

    /// Decrypts `body` in place and checks the signature over all three parts. A body that fails is wiped.
    ///
    /// # Errors
    /// If sealing was not negotiated, if the message was changed, replayed or reordered, or if the signature of an
    /// earlier one was wrong.
    pub fn unseal(
        &mut self,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.need_seal()?;
        let result = match &mut self.keys {
            Keys::Extended(keys) => keys.receive.unseal(before, body, after, signature),
            Keys::Legacy(legacy) => legacy.ready().and_then(|()| {
                legacy.cipher.apply_keystream(body);
                legacy.verify([before, body, after], signature)
            }),
        };
        if result.is_err() {
            body.zeroize();
        }
        result
    }

    /// Signs all three parts.
    ///
    /// # Errors
    /// If signing was not negotiated, or every sequence number was used.
    pub fn sign(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
    ) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        self.need_sign()?;
        self.signature(before, body, after)
    }

    fn signature(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
    ) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        match &mut self.keys {
            Keys::Extended(keys) => keys.send.sign(before, body, after),
            Keys::Legacy(legacy) => {
                legacy.ready()?;
                legacy.signature(crypto::crc32([before, body, after]))
            }
        }
    }

    /// Checks the signature over all three parts.
    ///
    /// # Errors
    /// If signing was not negotiated, if the message was changed, replayed or reordered, or if the signature of an
    /// earlier one was wrong.
    pub fn verify(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        self.need_sign()?;
        self.check(before, body, after, signature)
    }

    fn check(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        match &mut self.keys {
            Keys::Extended(keys) => keys.receive.verify(before, body, after, signature),
            Keys::Legacy(legacy) => {
                legacy.ready()?;
                legacy.verify([before, body, after], signature)
            }
        }
    }

    /// Signs SPNEGO's list of mechanisms, even if signing was not negotiated. Windows then sends a signature of
    /// zeros, other implementations a real one; the response has the same form as the peer's.
    fn list_code(
        &mut self,
        list: &[u8],
        like: Option<&[u8; SIGNATURE_SIZE]>,
    ) -> Result<[u8; SIGNATURE_SIZE], MessageError> {
        if !self.can_sign() && like == Some(&UNSIGNED) {
            return Ok(UNSIGNED);
        }
        self.signature(&[], list, &[])
    }

    /// Verifies the result of the peer's [`NtlmSecurity::list_code`].
    pub(super) fn check_list_code(
        &mut self,
        list: &[u8],
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), MessageError> {
        if !self.can_sign() && *signature == UNSIGNED {
            return Ok(());
        }
        self.check(&[], list, &[], signature)
    }

    /// Resets the cipher of sent messages to its state before SPNEGO's `mechListMIC`. The sequence number stays
    /// ([MS-SPNG] 3.3.5.1).
    fn reset_send(&mut self) {
        match &mut self.keys {
            Keys::Extended(keys) => keys.send.reset_cipher(),
            Keys::Legacy(legacy) => legacy.cipher = crypto::rc4(&legacy.key),
        }
    }

    /// The same as [`NtlmSecurity::reset_send`] for received messages.
    pub(super) fn reset_receive(&mut self) {
        match &mut self.keys {
            Keys::Extended(keys) => keys.receive.reset_cipher(),
            Keys::Legacy(legacy) => legacy.cipher = crypto::rc4(&legacy.key),
        }
    }

    const fn need_seal(&self) -> Result<(), MessageError> {
        if self.can_seal() { Ok(()) } else { Err(MessageError::NotNegotiated("sealing")) }
    }

    const fn need_sign(&self) -> Result<(), MessageError> {
        if self.can_sign() { Ok(()) } else { Err(MessageError::NotNegotiated("signing")) }
    }
}

impl fmt::Debug for NtlmSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmSecurity").field("flags", &self.flags).finish_non_exhaustive()
    }
}

impl MessageSecurity for NtlmSecurity {
    fn strongest(&self) -> Protection {
        match (self.can_seal(), self.can_sign()) {
            (true, _) => Protection::Seal,
            (false, true) => Protection::Sign,
            (false, false) => Protection::None,
        }
    }

    fn signature_len(&self, _protection: Protection) -> usize {
        SIGNATURE_SIZE
    }

    /// Signs headers, whether that was negotiated or not.
    fn protect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &mut [u8],
    ) -> Result<(), MessageError> {
        let Message { before, body, after, .. } = message;
        let place = signature.first_chunk_mut::<SIGNATURE_SIZE>().ok_or(MessageError::Signature)?;
        *place = match protection {
            Protection::Seal => self.seal(before, body, after)?,
            Protection::Sign | Protection::None => self.sign(before, body, after)?,
        };
        Ok(())
    }

    fn unprotect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<(), MessageError> {
        let Message { before, body, after, .. } = message;
        let signature = signature.try_into().map_err(|_| MessageError::Signature)?;
        match protection {
            Protection::Seal => self.unseal(before, body, after, signature),
            Protection::Sign | Protection::None => self.verify(before, body, after, signature),
        }
    }

    /// Does not advance the cipher ([MS-SPNG] 3.3.5.1).
    fn sign_list(&mut self, list: &[u8], like: Option<&[u8]>) -> Result<Vec<u8>, MessageError> {
        let like = like.and_then(|code| code.try_into().ok());
        let code = self.list_code(list, like)?;
        self.reset_send();
        Ok(code.to_vec())
    }

    /// Does not advance the cipher.
    fn verify_list(&mut self, list: &[u8], code: &[u8]) -> Result<(), MessageError> {
        let code = code.try_into().map_err(|_| MessageError::Signature)?;
        self.check_list_code(list, code)?;
        self.reset_receive();
        Ok(())
    }
}
