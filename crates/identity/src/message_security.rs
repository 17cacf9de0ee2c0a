//! The protection of the messages that follow a handshake, for any mechanism.

use std::any::Any;
use std::fmt;

use crate::auth_config::Protection;
use crate::error::MessageError;

/// A message in the three parts in which DCE/RPC protects a PDU ([MS-RPCE] 3.3.1.5.2.2).
///
/// A seal encrypts `body` alone. A signature covers `body`, and with `header_signing` the other two parts;
/// NTLM covers them in any case.
#[derive(Debug)]
pub struct Message<'a> {
    /// The bytes before the body: a PDU's headers.
    pub before: &'a [u8],
    /// The body, which is sealed and unsealed in place.
    pub body: &'a mut [u8],
    /// The bytes after the body: a PDU's security trailer.
    pub after: &'a [u8],
    /// Whether both ends agreed to sign headers (`PFC_SUPPORT_HEADER_SIGN`, [MS-RPCE] 2.2.2.3).
    pub header_signing: bool,
}

/// Signs and seals messages, and checks those of the other end, once a handshake is done. Each direction counts its
/// messages: they are passed in the order in which they were sent.
///
/// After a forged message all further ones are rejected. `Debug` prints the negotiated protection, and no keys.
pub trait MessageSecurity: fmt::Debug + Send + Any {
    /// The best protection for which enough was negotiated.
    fn strongest(&self) -> Protection;

    /// The size of each signature at this protection, in bytes.
    fn signature_len(&self, protection: Protection) -> usize;

    /// Signs a message, and with [`Protection::Seal`] encrypts its body in place. `signature` has
    /// [`signature_len`](Self::signature_len) bytes, which are filled in.
    ///
    /// # Errors
    /// If this protection was not negotiated, or every sequence number was used.
    fn protect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &mut [u8],
    ) -> Result<(), MessageError>;

    /// Checks a message's signature, and with [`Protection::Seal`] decrypts its body in place. A sealed body that
    /// fails is wiped. `signature` has the length in the peer's message.
    ///
    /// # Errors
    /// If this protection was not negotiated, if the message was changed, replayed or reordered, or if the signature of
    /// an earlier one was wrong.
    fn unprotect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<(), MessageError>;

    /// Signs SPNEGO's list of mechanisms (`mechListMIC`, RFC 4178 5). `like` is the peer's code, if it sent one: a
    /// peer that sends the fixed code of zeros gets the same back.
    ///
    /// # Errors
    /// If it cannot be signed.
    fn sign_list(&mut self, list: &[u8], like: Option<&[u8]>) -> Result<Vec<u8>, MessageError>;

    /// Verifies the peer's `mechListMIC`.
    ///
    /// # Errors
    /// If it does not match the list.
    fn verify_list(&mut self, list: &[u8], code: &[u8]) -> Result<(), MessageError>;
}

impl dyn MessageSecurity + '_ {
    /// Whether messages can be signed.
    pub fn can_sign(&self) -> bool {
        self.strongest() >= Protection::Sign
    }

    /// Whether messages can be sealed.
    pub fn can_seal(&self) -> bool {
        self.strongest() >= Protection::Seal
    }

    /// Encrypts `body` in place, and signs all three parts, including headers. Returns the signature.
    ///
    /// # Errors
    /// As [`MessageSecurity::protect`].
    pub fn seal(&mut self, before: &[u8], body: &mut [u8], after: &[u8]) -> Result<Vec<u8>, MessageError> {
        let mut signature = vec![0; self.signature_len(Protection::Seal)];
        let message = Message { before, body, after, header_signing: true };
        self.protect(Protection::Seal, message, &mut signature).map(|()| signature)
    }

    /// Decrypts `body` in place and checks the signature over all three parts.
    ///
    /// # Errors
    /// As [`MessageSecurity::unprotect`].
    pub fn unseal(
        &mut self,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), MessageError> {
        self.unprotect(Protection::Seal, Message { before, body, after, header_signing: true }, signature)
    }

    /// Signs all three parts. Returns the signature.
    ///
    /// # Errors
    /// As [`MessageSecurity::protect`].
    pub fn sign(&mut self, before: &[u8], body: &[u8], after: &[u8]) -> Result<Vec<u8>, MessageError> {
        let mut signature = vec![0; self.signature_len(Protection::Sign)];
        let message = Message { before, body: &mut body.to_vec(), after, header_signing: true };
        self.protect(Protection::Sign, message, &mut signature).map(|()| signature)
    }

    /// Checks the signature over all three parts.
    ///
    /// # Errors
    /// As [`MessageSecurity::unprotect`].
    pub fn verify(
        &mut self,
        before: &[u8],
        body: &[u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), MessageError> {
        let message = Message { before, body: &mut body.to_vec(), after, header_signing: true };
        self.unprotect(Protection::Sign, message, signature)
    }
}

/// The message security of a mechanism without protection, such as Basic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprotected;

impl MessageSecurity for Unprotected {
    fn strongest(&self) -> Protection {
        Protection::None
    }

    fn signature_len(&self, _protection: Protection) -> usize {
        0
    }

    fn protect(&mut self, _: Protection, _: Message<'_>, _: &mut [u8]) -> Result<(), MessageError> {
        Err(MessageError::NotNegotiated("message protection"))
    }

    fn unprotect(&mut self, _: Protection, _: Message<'_>, _: &[u8]) -> Result<(), MessageError> {
        Err(MessageError::NotNegotiated("message protection"))
    }

    fn sign_list(&mut self, _: &[u8], _: Option<&[u8]>) -> Result<Vec<u8>, MessageError> {
        Err(MessageError::NotNegotiated("message protection"))
    }

    fn verify_list(&mut self, _: &[u8], _: &[u8]) -> Result<(), MessageError> {
        Err(MessageError::NotNegotiated("message protection"))
    }
}
