//! Configuration, events and errors of the client's end of an association.

use std::fmt;

use bytes::Bytes;
use wire::Endian;

use crate::framer::{DEFAULT_MAX_FRAGMENT, FrameError, MIN_MAX_FRAGMENT};
use crate::pdu::{AuthLevel, AuthType, BindTimeFeatures, ContextResult, FaultStatus, RejectReason};
use crate::security::Protection;

/// What an association offers and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// The largest fragment that we send and take, in bytes; at least 1432.
    pub max_fragment: u16,
    /// The largest `bind_ack` or `alter_context_resp` that we take, in bytes.
    pub max_setup_fragment: u16,
    /// The largest stub that is put together, in bytes. It bounds all unfinished answers together.
    pub max_stub: usize,
    /// How many calls may wait for their answer, or for their turn.
    pub max_calls: usize,
    /// The association group to join; zero for a new one.
    pub assoc_group_id: u32,
    /// The call id of the bind; those of calls follow. Not zero.
    pub first_call_id: u32,
    /// Whether header signing is offered.
    pub header_signing: bool,
    /// Whether several calls at once are offered. Where the server declines, calls wait for their turn.
    pub multiplexing: bool,
    /// Which features are offered at bind time; none leaves the negotiation out.
    pub features: BindTimeFeatures,
    /// Whether protected calls carry a verification trailer ([MS-RPCE] 2.2.2.13).
    pub verification_trailer: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            max_fragment: DEFAULT_MAX_FRAGMENT,
            max_setup_fragment: u16::MAX,
            max_stub: 16 << 20,
            max_calls: 64,
            assoc_group_id: 0,
            first_call_id: 1,
            header_signing: true,
            multiplexing: true,
            features: BindTimeFeatures::NONE,
            verification_trailer: true,
        }
    }
}

impl ClientConfig {
    pub(super) fn fragment_limit(&self) -> u16 {
        self.max_fragment.max(MIN_MAX_FRAGMENT)
    }
}

/// How a handshake begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The security package.
    pub auth_type: AuthType,
    /// How well PDUs are to be protected.
    pub level: AuthLevel,
    /// Our number for the security context.
    pub auth_context_id: u32,
    /// The first token.
    pub token: Vec<u8>,
}

/// The next step of a handshake.
pub enum NextLeg {
    /// Sends a token, and expects another.
    AlterContext {
        /// The token.
        token: Vec<u8>,
    },
    /// Sends the last token; there is no answer.
    Auth3 {
        /// The token.
        token: Vec<u8>,
        /// What protects PDUs. Must be there from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The handshake is complete, and no token is left to send.
    Done {
        /// What protects PDUs. Must be there from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The server's token is not accepted.
    Refused,
}

impl fmt::Debug for NextLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlterContext { .. } => "AlterContext",
            Self::Auth3 { .. } => "Auth3",
            Self::Done { .. } => "Done",
            Self::Refused => "Refused",
        })
    }
}

/// What happened on an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A token of the handshake arrived; it is empty when the server sent none. Nothing else is read until
    /// [`auth_reply`](super::ClientAssociation::auth_reply) answers it.
    AuthToken {
        /// The token.
        token: Bytes,
    },
    /// Calls can be made. Some contexts, or all, may have been rejected.
    Bound {
        /// The association group.
        assoc_group_id: u32,
        /// What became of each context, by its number.
        results: Vec<(u16, ContextResult)>,
    },
    /// Further contexts were judged.
    ContextsAltered {
        /// What became of each context, by its number.
        results: Vec<(u16, ContextResult)>,
    },
    /// A call was answered.
    Response(Response),
    /// A call failed.
    Fault {
        /// The call.
        call_id: u32,
        /// Why.
        status: FaultStatus,
        /// The server had not begun the call.
        did_not_execute: bool,
    },
    /// The server asks that the connection be closed once no call waits for its answer.
    Shutdown,
    /// The association has ended. Outstanding calls get no response.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The call.
    pub call_id: u32,
    /// The answer's stub, without padding.
    pub stub: Bytes,
    /// The stub's byte order.
    pub endian: Endian,
}

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// What arrived is no PDU.
    Frame(FrameError),
    /// A PDU cannot be read.
    Malformed(wire::Error),
    /// A PDU came that may not come here.
    Protocol(&'static str),
    /// The server rejects the bind.
    Rejected(RejectReason),
    /// The server answers a bind or an `alter_context` with a fault.
    SetupFault(FaultStatus),
    /// We do not accept the server's token.
    AuthenticationRefused,
    /// An answer was not protected as agreed on.
    NotProtected,
    /// A signature is wrong.
    BadSignature,
    /// An answer is over its limit.
    StubTooLong,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => write!(f, "server: {error}"),
            Self::Malformed(error) => write!(f, "server: {error}"),
            Self::Protocol(what) => write!(f, "server: {what}"),
            Self::Rejected(reason) => write!(f, "server: the bind is rejected: {reason}"),
            Self::SetupFault(status) => write!(f, "server: the association is refused: {status}"),
            Self::AuthenticationRefused => f.write_str("the server's token is not accepted"),
            Self::NotProtected => f.write_str("server: a PDU is not protected as agreed on"),
            Self::BadSignature => f.write_str("server: a PDU's protection is wrong"),
            Self::StubTooLong => f.write_str("server: an answer is over its limit"),
        }
    }
}

/// A call, or a leg of a handshake, that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// There is no association, or not yet, or no more.
    NotBound,
    /// The context was not accepted.
    UnknownContext,
    /// As many calls as may be wait already.
    TooManyCalls,
    /// The PDU could not be protected. The association is over.
    Protection,
    /// No token waits for an answer.
    UnknownHandshake,
    /// A bind or its token does not fit into a PDU.
    TooLong,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBound => "there is no association",
            Self::UnknownContext => "the context was not accepted",
            Self::TooManyCalls => "as many calls as may be wait already",
            Self::Protection => "the PDU could not be protected",
            Self::UnknownHandshake => "no token waits for an answer",
            Self::TooLong => "it does not fit into a PDU",
        })
    }
}

impl std::error::Error for CallError {}
