//! The integrity code of SPNEGO's list of mechanisms (`mechListMIC`, RFC 4178 5).

use crate::error::AuthError;
use crate::message_security::MessageSecurity;

/// What the integrity code depends on.
pub(super) struct ListCode {
    /// The list, as the client sent it.
    pub(super) list: Vec<u8>,
    /// Whether the peer has to send one, since the client's first mechanism was not chosen.
    pub(super) required: bool,
}

impl ListCode {
    /// Makes the integrity code. `like` is the peer's.
    pub(super) fn make(
        &self,
        security: &mut dyn MessageSecurity,
        like: Option<&[u8]>,
    ) -> Result<Vec<u8>, AuthError> {
        security.sign_list(&self.list, like).map_err(|_| AuthError::Downgrade)
    }

    /// Verifies the peer's, if it sent one.
    pub(super) fn check(
        &self,
        security: &mut dyn MessageSecurity,
        code: Option<&[u8]>,
    ) -> Result<(), AuthError> {
        match code {
            Some(code) => security.verify_list(&self.list, code).map_err(|_| AuthError::Downgrade),
            // Without integrity there are no integrity codes (RFC 4178 5).
            None if self.required && security.can_sign() => Err(AuthError::Downgrade),
            None => Ok(()),
        }
    }
}
