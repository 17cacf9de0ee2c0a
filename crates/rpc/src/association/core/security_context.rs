//! A security context of an association: its handshake, and the protection that it gives PDUs
//! ([MS-RPCE] 3.3.1.5.2).

use super::fragment::{Seal, Sealed};
use crate::pdu::{AuthLevel, AuthType, SecTrailer};
use crate::security::Protection;

/// A security context, by its number in the association.
pub(in crate::association) struct SecurityContext {
    pub(in crate::association) id: u32,
    pub(in crate::association) auth_type: AuthType,
    /// The level that the client named.
    pub(in crate::association) requested_level: AuthLevel,
    /// The level in force.
    pub(in crate::association) level: AuthLevel,
    pub(in crate::association) state: HandshakeState,
}

/// The state of a context's handshake.
pub(in crate::association) enum HandshakeState {
    /// In progress. The server counts the client's tokens.
    Running(u32),
    /// Complete, with the protection of PDUs.
    Established(Option<Box<dyn Protection>>),
    /// The client failed to authenticate.
    Failed,
}

/// Why the protection of a PDU is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::association) enum UnsealError {
    /// The handshake of the context is in progress.
    Running,
    /// The handshake of the context failed.
    Failed,
    /// The level needs a protection, and the context has none.
    Unprotected,
    /// The signature is wrong.
    Signature,
}

impl SecurityContext {
    /// A context whose handshake begins.
    pub(in crate::association) const fn new(trailer: SecTrailer, level: AuthLevel) -> Self {
        Self {
            id: trailer.auth_context_id,
            auth_type: trailer.auth_type,
            requested_level: trailer.auth_level,
            level,
            state: HandshakeState::Running(0),
        }
    }

    /// The trailer of a PDU that carries a token of the handshake.
    pub(in crate::association) const fn trailer(&self) -> SecTrailer {
        SecTrailer {
            auth_type: self.auth_type,
            auth_level: self.requested_level,
            auth_pad_length: 0,
            auth_reserved: 0,
            auth_context_id: self.id,
        }
    }

    pub(in crate::association) const fn is_established(&self) -> bool {
        matches!(self.state, HandshakeState::Established(_))
    }

    /// Whether `trailer` names this context, with its security package and the level in force.
    pub(in crate::association) fn is_named_by(&self, trailer: SecTrailer) -> bool {
        self.id == trailer.auth_context_id
            && self.auth_type == trailer.auth_type
            && trailer.auth_level.effective() == Some(self.level)
    }

    /// The protection of the PDUs of one call. `None` if the handshake established none.
    pub(in crate::association) fn seal(&mut self, header_signing: bool) -> Option<Seal<'_>> {
        let HandshakeState::Established(Some(protection)) = &mut self.state else { return None };
        Some(Seal {
            protection: protection.as_mut(),
            auth_type: self.auth_type,
            level: self.level,
            context_id: self.id,
            header_signing,
        })
    }

    /// Checks the signature of the PDU in `bytes`, and unseals it in place, as the level requires. Levels
    /// below [`AuthLevel::PKT`] require neither.
    pub(in crate::association) fn unseal(
        &mut self,
        sealed: &Sealed,
        bytes: &mut [u8],
        header_signing: bool,
    ) -> Result<(), UnsealError> {
        let protection = match &mut self.state {
            HandshakeState::Established(protection) => protection,
            HandshakeState::Running(_) => return Err(UnsealError::Running),
            HandshakeState::Failed => return Err(UnsealError::Failed),
        };
        if !self.level.protects() {
            return Ok(());
        }
        let protection = protection.as_mut().ok_or(UnsealError::Unprotected)?;
        sealed
            .open(bytes, protection.as_mut(), self.level, header_signing)
            .map_err(|_| UnsealError::Signature)
    }
}
