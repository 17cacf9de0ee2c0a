//! The interface of security packages: signing and sealing of PDUs.

use std::fmt;

use crate::pdu::AuthLevel;

/// An established security context that signs and seals PDUs ([MS-RPCE] 3.3.1.5.2.2).
///
/// PDUs are numbered by the calls made here, each direction for itself: each must be called in the order in
/// which PDUs are sent, or arrived. A failure leaves the numbering undefined, and the association ends.
pub trait Protection: Send {
    /// Bytes of each signature. The same for the context's whole life.
    fn signature_len(&self) -> usize;

    /// Signs a PDU, and at [`AuthLevel::PKT_PRIVACY`] seals `body` in place.
    ///
    /// `before` are the PDU's bytes before the stub, `body` is the stub with its padding, `after` the eight
    /// bytes of the `sec_trailer`, `signature` [`signature_len`](Self::signature_len) bytes to be filled in.
    /// Without `header_signing` only `body` has to be protected; NTLM signs the rest nevertheless.
    ///
    /// # Errors
    /// When the package refuses.
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
    /// When the signature is wrong; then nothing of `body` may be used.
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

/// A signature that is wrong, or that could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionError;

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the security package refuses the PDU's protection")
    }
}

impl std::error::Error for ProtectionError {}
