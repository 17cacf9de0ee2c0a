//! The configuration, events and errors of the client end of an association.

use std::fmt;

use bytes::Bytes;
use wire::Endian;

use crate::association::PeerError;
use crate::framer::{DEFAULT_MAX_FRAGMENT, MIN_MAX_FRAGMENT};
use crate::pdu::{AuthLevel, AuthType, BindTimeFeatures, ContextResult, FaultStatus, RejectReason};
use crate::security::Protection;

/// The configuration of the client end.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// The largest fragment in both directions, in bytes; at least 1432.
    pub max_fragment: u16,
    /// The largest accepted `bind_ack` or `alter_context_resp`, in bytes.
    pub max_setup_fragment: u16,
    /// The largest stub of a response, in bytes. Bounds all incomplete responses together.
    pub max_stub: usize,
    /// The most calls that wait for their response.
    pub max_calls: usize,
    /// The association group to join; zero for a new one.
    pub assoc_group_id: u32,
    /// The call id of the bind; those of calls follow. Must not be zero.
    pub first_call_id: u32,
    /// Whether header signing is offered.
    pub header_signing: bool,
    /// Whether concurrent calls are offered. If the server declines, it takes one call at a time.
    pub multiplexing: bool,
    /// The bind time features that are offered ([MS-RPCE] 2.2.2.14). If none, the bind proposes no feature
    /// negotiation.
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

/// What a handshake begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The security package.
    pub auth_type: AuthType,
    /// The authentication level.
    pub level: AuthLevel,
    /// The client's number for the security context.
    pub auth_context_id: u32,
    /// The first token.
    pub token: Vec<u8>,
}

/// The client's reply to a token of the server.
pub enum HandshakeReply {
    /// Sends a token, and expects another.
    AlterContext {
        /// The token.
        token: Vec<u8>,
    },
    /// Sends the last token, which has no response.
    Auth3 {
        /// The token.
        token: Vec<u8>,
        /// The protection of PDUs. Required from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The handshake is complete without another token.
    Done {
        /// The protection of PDUs. Required from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The server's token is not accepted.
    Failed,
}

impl fmt::Debug for HandshakeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlterContext { .. } => "AlterContext",
            Self::Auth3 { .. } => "Auth3",
            Self::Done { .. } => "Done",
            Self::Failed => "Failed",
        })
    }
}

/// An event of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A token of the handshake arrived. Nothing else is read until
    /// [`resume_handshake`](super::ClientAssociation::resume_handshake).
    AuthToken {
        /// The token; empty if the server sent none.
        token: Bytes,
    },
    /// The association is bound and authenticated. The server may have rejected some or all contexts.
    Bound {
        /// The association group.
        assoc_group_id: u32,
        /// The result of each context, by its number.
        results: Vec<(u16, ContextResult)>,
    },
    /// The server responded to an `alter_context`.
    ContextsAltered {
        /// The result of each context, by its number.
        results: Vec<(u16, ContextResult)>,
    },
    /// A response arrived.
    Response(Response),
    /// A fault arrived.
    Fault {
        /// The call id.
        call_id: u32,
        /// The status.
        status: FaultStatus,
        /// The server did not execute the call.
        did_not_execute: bool,
    },
    /// The server requests to close the connection after the pending calls.
    Shutdown,
    /// The association has ended. Pending calls get no response.
    Closed {
        /// The reason.
        reason: CloseReason,
    },
}

/// The response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The call id.
    pub call_id: u32,
    /// The stub, without padding.
    pub stub: Bytes,
    /// The stub's byte order.
    pub endian: Endian,
}

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The server violated the protocol.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The server rejected the bind (C706 12.6.3.1).
    #[error("bind rejected: {0}")]
    Rejected(RejectReason),
    /// The server responded to a bind or an `alter_context` with a fault.
    #[error("bind or alter_context failed: fault {0}")]
    SetupFault(FaultStatus),
    /// The server's authentication token was not accepted, or the next one cannot be sent.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// A request cannot be protected.
    #[error("request cannot be protected")]
    ProtectionFailed,
}

/// Why a bind, a call or a step of a handshake cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The association is in another phase: a second bind; a call or a proposal before it is bound, or while
    /// another proposal is pending.
    #[error("association not bound")]
    InvalidPhase,
    /// The server did not accept the presentation context.
    #[error("presentation context not accepted by the server")]
    UnknownContext,
    /// [`ClientConfig::max_calls`] is reached, or the server takes one call at a time and another is pending.
    #[error("too many pending calls")]
    TooManyCalls,
    /// The request cannot be protected, and the association has ended; or the authentication level of a bind is
    /// unknown, and nothing was sent.
    #[error("request cannot be protected")]
    Protection,
    /// No token of the server waits for a response.
    #[error("no handshake step is pending")]
    UnknownHandshake,
    /// A bind, its token or a verification trailer does not fit into a PDU.
    #[error("PDU too long")]
    TooLong,
}
