//! SPNEGO as one of the mechanisms.

use std::sync::Arc;

use wire::Decode as _;

use super::acceptor::Acceptor;
use super::initiator::Initiator;
use super::tokens::{NegTokenInit, NegTokenResp, Oid};
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::error::Refusal;
use crate::handshake;
use crate::package::{Carrier, Channel, Package};
use crate::passthrough::handshake::Handshake;
use crate::passthrough::transcript::Transcript;

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
    ) -> Result<Box<dyn handshake::Acceptor>, Refusal> {
        Ok(Box::new(Acceptor::new(self.within, Arc::clone(config), channel)))
    }

    fn initiator(
        &self,
        config: &InitiatorConfig,
        channel: Channel,
    ) -> Result<Box<dyn handshake::Initiator>, Refusal> {
        Ok(Box::new(Initiator::new(self.within, config, channel)?))
    }

    /// The name in the mechanism's token within, or in a token without SPNEGO around it.
    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        let inner = match NegTokenInit::from_bytes(token) {
            Ok(init) => init.mech_token,
            Err(_) => NegTokenResp::from_bytes(token).ok().and_then(|resp| resp.response_token),
        };
        let token = inner.as_deref().unwrap_or(token);
        self.within.iter().find_map(|package| package.claimed_name(token))
    }

    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        Some(Box::new(Handshake::negotiated()))
    }
}

/// The package that `oid` means, if it is one of these.
pub(super) fn package_of(within: &[&'static dyn Package], oid: &Oid) -> Option<&'static dyn Package> {
    within.iter().copied().find(|package| package.oids().contains(oid))
}

/// The mechanism that a client uses as it is, without SPNEGO around it, under the name of Negotiate ([MS-NTHT] 2.1):
/// the one whose messages begin as `token` does. In DCE/RPC that is none.
pub(super) fn bare(
    within: &[&'static dyn Package],
    token: &[u8],
    channel: Channel,
) -> Option<&'static dyn Package> {
    let is_bare = |package: &&'static dyn Package| {
        package.bare_prefix().is_some_and(|prefix| token.starts_with(prefix))
    };
    within.iter().copied().find(|package| channel.carrier == Carrier::Http && is_bare(package))
}
