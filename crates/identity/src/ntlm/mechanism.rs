//! NTLM as one of the mechanisms.

use std::sync::Arc;

use options::{OptionError, OptionSpec, Options};
use wire::Decode as _;

use super::acceptor::Acceptor;
use super::config::{NtlmAcceptorConfig, NtlmOptions, ServerNames};
use super::initiator::Initiator;
use super::messages::{Authenticate, SIGNATURE};
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::error::AuthError;
use crate::handshake;
use crate::package::{Channel, Package};
use crate::pass_through::handshake_transcript::HandshakeTranscript;
use crate::pass_through::transcript::Transcript;
use crate::settings::Settings;
use crate::spnego::tokens::Oid;

/// The mechanism.
pub(crate) struct Ntlm;

impl Package for Ntlm {
    fn name(&self) -> &'static str {
        "ntlm"
    }

    /// `RPC_C_AUTHN_WINNT`.
    fn rpc_auth_type(&self) -> Option<u8> {
        Some(10)
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("NTLM")
    }

    fn oids(&self) -> &'static [Oid] {
        const OIDS: &[Oid] = &[Oid::NTLM];
        OIDS
    }

    fn bare_prefix(&self) -> Option<&'static [u8]> {
        Some(SIGNATURE)
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn options(&self) -> &'static [OptionSpec] {
        NtlmOptions::specs()
    }

    fn configure(
        &self,
        options: &Options,
        names: &ServerNames,
        settings: Settings,
    ) -> Result<Settings, OptionError> {
        let NtlmOptions { ntlm_v1, require_mic } = NtlmOptions::read(options);
        Ok(settings.with(NtlmAcceptorConfig {
            names: names.clone(),
            allow_legacy: ntlm_v1,
            require_mic,
            ..NtlmAcceptorConfig::default()
        }))
    }

    fn acceptor(
        &self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn handshake::Acceptor>, AuthError> {
        Ok(Box::new(Acceptor::new(Arc::clone(config), channel)))
    }

    fn initiator(
        &self,
        config: &InitiatorConfig,
        channel: Channel,
    ) -> Result<Box<dyn handshake::Initiator>, AuthError> {
        Ok(Box::new(Initiator::new(config.clone(), channel)))
    }

    /// Only an `AUTHENTICATE_MESSAGE` has a name ([MS-NLMP] 2.2.1.3).
    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        let message = Authenticate::from_bytes(token).ok()?;
        let (user, domain) = (message.user().ok()?, message.domain().ok()?);
        match (user.is_empty(), domain.is_empty()) {
            (true, _) => None,
            (false, true) => Some(user),
            (false, false) => Some(format!("{domain}\\{user}")),
        }
    }

    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        Some(Box::new(HandshakeTranscript::bare()))
    }
}
