//! The evaluation of a client's `AUTHENTICATE_MESSAGE` ([MS-NLMP] 2.2.1.3), for servers and for readers of
//! recordings.

use wire::Error;
use zeroize::Zeroizing;

use super::config::NtlmVersion;
use super::crypto::{self, Key};
use super::flags::NegotiateFlags as F;
use super::messages::Authenticate;
use crate::context::Proof;
use crate::error::AuthError;
use crate::package::Channel;

/// Whether the client authenticates anonymously ([MS-NLMP] 3.2.5.1.2).
pub(super) fn is_anonymous(message: &Authenticate) -> Result<bool, AuthError> {
    let lm = message.lm_response()?;
    Ok(message.user()?.is_empty() && message.nt_response()?.is_empty() && (lm.is_empty() || lm == [0]))
}

/// An NTLMv2 response's `NTProofStr` and `temp`; `None` for a response of `NTLMv1`'s size.
pub(super) fn split_v2(response: &[u8]) -> Option<(&[u8], &[u8])> {
    if response.len() <= 24 {
        return None;
    }
    response.split_at_checked(16)
}

/// `ExportedSessionKey` ([MS-NLMP] 3.2.5.1.2).
pub(super) fn exported_key(
    message: &Authenticate,
    flags: F,
    key_exchange_key: &[u8; 16],
) -> Result<Key, AuthError> {
    let mut exported = Zeroizing::new(*key_exchange_key);
    if flags.contains(F::NTLMSSP_NEGOTIATE_KEY_EXCH) && flags.protects() {
        let sent = message.session_key()?;
        let invalid = || {
            let found = u64::try_from(sent.len()).unwrap_or(u64::MAX);
            Error::invalid("EncryptedRandomSessionKey", 0, found, "16 bytes")
        };
        *exported = sent.try_into().map_err(|_| invalid())?;
        crypto::rc4k(key_exchange_key, &mut *exported);
    }
    Ok(exported)
}

impl NtlmVersion {
    /// How a response of this version, on `channel`, proves its sender.
    pub(super) const fn proof(self, channel: Channel) -> Proof {
        Proof::Mechanism(match (self, channel.negotiated) {
            (Self::V1, false) => "NTLMv1",
            (Self::V2, false) => "NTLMv2",
            (Self::V1, true) => "SPNEGO with NTLMv1",
            (Self::V2, true) => "SPNEGO with NTLMv2",
        })
    }
}
