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

    /// Signs a PDU, and at [`AuthLevel::PKT_PRIVACY`] seals its body in place. Fills in `signature`, which
    /// has [`signature_len`](Self::signature_len) bytes.
    ///
    /// # Errors
    /// If the package fails.
    fn protect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &mut [u8],
    ) -> Result<(), ProtectionError>;

    /// Checks the signature of a PDU, and at [`AuthLevel::PKT_PRIVACY`] unseals its body in place.
    /// `signature` has the length in the peer's message.
    ///
    /// # Errors
    /// If the signature is invalid. The body must not be used then.
    fn unprotect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &[u8],
    ) -> Result<(), ProtectionError>;
}

/// The parts of a PDU that are protected ([MS-RPCE] 2.2.2.11).
#[derive(Debug)]
pub struct PduParts<'a> {
    /// The bytes before the stub.
    pub before: &'a [u8],
    /// The stub with its padding.
    pub body: &'a mut [u8],
    /// The eight bytes of the `sec_trailer`.
    pub after: &'a [u8],
    /// Whether `before` and `after` must be signed too. NTLM signs them in any case.
    pub header_signing: bool,
}

/// A signature is invalid, or could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionError;

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the PDU could not be signed, or its signature is invalid")
    }
}

impl std::error::Error for ProtectionError {}
