//! The mechanisms of authentication that we have, and both ends of their handshakes.

use std::sync::Arc;

use wire::FileTime;

use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::channel_bindings::ChannelBindings;
use crate::error::Refusal;
use crate::handshake::Step;
use crate::ntlm;
use crate::random::Random;
use crate::spnego;

/// A handshake's mechanism, as DCE/RPC numbers them ([MS-RPCE] 2.2.1.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// `RPC_C_AUTHN_GSS_NEGOTIATE`.
    Spnego,
    /// `RPC_C_AUTHN_WINNT`.
    Ntlm,
}

impl Mechanism {
    /// The mechanism with this `auth_type`, where we have it.
    pub const fn from_auth_type(auth_type: u8) -> Option<Self> {
        match auth_type {
            9 => Some(Self::Spnego),
            10 => Some(Self::Ntlm),
            _ => None,
        }
    }

    /// Its `auth_type`.
    pub const fn auth_type(self) -> u8 {
        match self {
            Self::Spnego => 9,
            Self::Ntlm => 10,
        }
    }
}

/// The server's end of a handshake.
pub enum Acceptor {
    /// NTLM alone.
    Ntlm(ntlm::Acceptor),
    /// SPNEGO around NTLM.
    Spnego(spnego::Acceptor),
}

impl Acceptor {
    /// An acceptor for one client, on a channel with these bindings.
    pub fn new(mechanism: Mechanism, config: Arc<AcceptorConfig>, bindings: Option<ChannelBindings>) -> Self {
        match mechanism {
            Mechanism::Ntlm => Self::Ntlm(ntlm::Acceptor::new(config, bindings)),
            Mechanism::Spnego => Self::Spnego(spnego::Acceptor::new(config, bindings)),
        }
    }

    /// Takes the client's next token. After a refusal, and after the last token, nothing more is taken.
    ///
    /// # Errors
    /// When the client is not let in.
    pub fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, Refusal> {
        match self {
            Self::Ntlm(acceptor) => acceptor.step(token, now, random),
            Self::Spnego(acceptor) => acceptor.step(token, now, random),
        }
    }
}

/// The client's end of a handshake.
pub enum Initiator {
    /// NTLM alone.
    Ntlm(ntlm::Initiator),
    /// SPNEGO around NTLM.
    Spnego(spnego::Initiator),
}

impl Initiator {
    /// An initiator for one handshake.
    pub fn new(mechanism: Mechanism, config: InitiatorConfig) -> Self {
        match mechanism {
            Mechanism::Ntlm => Self::Ntlm(ntlm::Initiator::new(config)),
            Mechanism::Spnego => Self::Spnego(spnego::Initiator::new(config)),
        }
    }

    /// Takes the server's next token, which is empty the first time. After a refusal, and after the last
    /// token, nothing more is taken.
    ///
    /// # Errors
    /// When the server's answer is not one that we sign in with.
    pub fn step(&mut self, token: &[u8], now: FileTime, random: &mut dyn Random) -> Result<Step, Refusal> {
        match self {
            Self::Ntlm(initiator) => initiator.step(token, now, random),
            Self::Spnego(initiator) => initiator.step(token, now, random),
        }
    }
}
