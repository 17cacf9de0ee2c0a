//! Configuration of NTLM, beside that of all mechanisms in `auth_config`.

use std::time::Duration;

options::declare! {
    /// What a configuration can set of [`NtlmAcceptorConfig`].
    pub(crate) struct NtlmOptions {
        /// Accepts NTLM version 1, which is broken. Only for clients that support nothing better. Not used
        /// if clients sign in at the server.
        ntlm_v1: bool = false;
        /// Refuses NTLM sign-ins without a message integrity code, which older clients omit. Not used if
        /// clients sign in at the server.
        require_mic: bool = false;
    }
}

/// The server's names in a `CHALLENGE_MESSAGE` ([MS-NLMP] 2.2.2.1).
#[derive(Debug, Clone, Default)]
pub struct ServerNames {
    /// The NetBIOS name.
    pub nb_computer: String,
    /// The NetBIOS domain name.
    pub nb_domain: String,
    /// The fully qualified name.
    pub dns_computer: String,
    /// The domain's fully qualified name; empty if there is no domain.
    pub dns_domain: String,
}

/// Configuration of NTLM's acceptors.
#[derive(Debug, Clone)]
pub struct NtlmAcceptorConfig {
    /// The server's names.
    pub names: ServerNames,
    /// Whether `NTLMv1` responses, and session security without extensions, are accepted. LM responses never are.
    pub allow_legacy: bool,
    /// Whether a response without a message integrity code is rejected. If it is accepted, the response itself is
    /// verified, but the flags of the handshake are not protected. Some clients (impacket) send no code.
    pub require_mic: bool,
    /// Whether signing and sealing require 128-bit keys.
    pub require_128: bool,
    /// The largest accepted difference between a response's timestamp and the clock.
    pub max_skew: Duration,
}

impl Default for NtlmAcceptorConfig {
    /// NTLMv2 with 128-bit keys; a skew of 36 hours, the `MaxLifetime` of Windows.
    fn default() -> Self {
        Self {
            names: ServerNames::default(),
            allow_legacy: false,
            require_mic: false,
            require_128: true,
            max_skew: Duration::from_hours(36),
        }
    }
}

/// Versions of the NTLM response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NtlmVersion {
    /// `NTLMv1` ([MS-NLMP] 3.3.1), with or without extended session security.
    V1,
    /// NTLMv2 ([MS-NLMP] 3.3.2).
    #[default]
    V2,
}

/// Configuration of NTLM's initiators.
#[derive(Debug, Clone, Default)]
pub struct NtlmInitiatorConfig {
    /// The name of the client's machine; may be empty.
    pub workstation: String,
    /// The version of the response. `V1` is for servers that do not support NTLMv2.
    pub version: NtlmVersion,
    /// Whether the server may do without 128-bit keys and, with `V1`, without extended session security.
    pub allow_legacy: bool,
}
