//! The interface of security packages: signing and sealing of PDUs.

use std::fmt;

use crate::pdu::AuthLevel;

/// An established security context that signs and seals PDUs ([MS-RPCE] 3.3.1.5.2.2).
///
/// The package numbers the PDUs of each direction: [`protect`](Self::protect) must be called in the order in
/// which PDUs are sent, [`unprotect`](Self::unprotect) in the order in which they arrived. After an error the
/// numbers are undefined, and the association ends.
pub trait Protection: Send {
    /// The length of each signature, in bytes. Constant for a context.
    fn signature_len(&self) -> usize;

    /// Signs a PDU, and at [`AuthLevel::PKT_PRIVACY`] seals `body` in place.
    ///
    /// `before` are the PDU's bytes before the stub, `body` is the stub with its padding, `after` the eight
    /// bytes of the `sec_trailer`, `signature` [`signature_len`](Self::signature_len) bytes to be filled in.
    /// Without `header_signing` only `body` has to be protected; NTLM signs the rest nevertheless.
    ///
    /// # Errors
    /// When the package fails.
    fn protect(
        &mut self,
        level: AuthLevel,
        header_signing: bool,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &mut [u8],
    ) -> Result<(), ProtectionError>;

    /// Checks a PDU's signature, and at [`AuthLevel::PKT_PRIVACY`] unseals `body` in place. The parts are
    /// those of [`protect`](Self::protect); `signature` is as long as the peer made it.
    ///
    /// # Errors
    /// When the signature is invalid. `body` must not be used then.
    fn unprotect(
        &mut self,
        level: AuthLevel,
        header_signing: bool,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), ProtectionError>;
}

/// A signature is invalid, or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionError;

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the security package refuses the PDU's protection")
    }
}

impl std::error::Error for ProtectionError {}
