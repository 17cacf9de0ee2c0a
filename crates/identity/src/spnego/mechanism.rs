//! SPNEGO as one of the mechanisms.

use std::sync::Arc;

use wire::Decode as _;

use super::acceptor::Acceptor;
use super::initiator::Initiator;
use super::tokens::{NegTokenInit, NegTokenResp};
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::error::AuthError;
use crate::handshake;
use crate::package::{Channel, Package};
use crate::pass_through::handshake_transcript::HandshakeTranscript;
use crate::pass_through::transcript::Transcript;

/// The mechanism, around those that it negotiates.
pub(crate) struct Spnego {
    within: &'static [&'static dyn Package],
}

impl Spnego {
    /// SPNEGO around these, the best first.
    pub(crate) const fn around(within: &'static [&'static dyn Package]) -> Self {
        Self { within }
    }
}

impl Package for Spnego {
    fn name(&self) -> &'static str {
        "spnego"
    }

    /// `RPC_C_AUTHN_GSS_NEGOTIATE`.
    fn rpc_auth_type(&self) -> Option<u8> {
        Some(9)
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Negotiate")
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn acceptor(
        &self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn handshake::Acceptor>, AuthError> {
        Ok(Box::new(Acceptor::new(self.within, Arc::clone(config), channel)))
    }

    fn initiator(
        &self,
        config: &InitiatorConfig,
        channel: Channel,
    ) -> Result<Box<dyn handshake::Initiator>, AuthError> {
        Ok(Box::new(Initiator::new(self.within, config, channel)?))
    }

    /// The name in the token of the inner mechanism, with or without SPNEGO.
    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        let inner = match NegTokenInit::from_bytes(token) {
            Ok(init) => init.mech_token,
            Err(_) => NegTokenResp::from_bytes(token).ok().and_then(|resp| resp.response_token),
        };
        let token = inner.as_deref().unwrap_or(token);
        self.within.iter().find_map(|package| package.claimed_name(token))
    }

    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        Some(Box::new(HandshakeTranscript::negotiated()))
    }
}
