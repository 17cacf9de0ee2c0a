//! Events and errors of the server's end of an association.

use std::fmt;

use bytes::Bytes;
use wire::{Endian, Guid};

use crate::association::PeerError;
use crate::pdu::{AuthLevel, AuthType, RejectReason, SyntaxId};
use crate::security::Protection;

/// What happened on an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A token of a handshake arrived. Nothing else is read until
    /// [`resume_handshake`](super::ServerAssociation::resume_handshake) answers it.
    Authenticate {
        /// The client's number for the security context.
        auth_context_id: u32,
        /// The security package.
        auth_type: AuthType,
        /// The level that is asked for, as it will be in force.
        level: AuthLevel,
        /// The token.
        token: Bytes,
        /// How many tokens of this context came before.
        leg: u32,
        /// Whether the client can answer another token: not when this one came with an auth3.
        last: bool,
    },
    /// A call arrived whole.
    Request(Request),
    /// The client asks to cancel a call, which still needs its response.
    Cancel {
        /// The call.
        call_id: u32,
    },
    /// The client orphaned a call: its response would not be sent any more.
    Orphaned {
        /// The call.
        call_id: u32,
    },
    /// The association has ended. The driver sends the remaining output, then closes the connection.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The call's number, by which it is answered.
    pub call_id: u32,
    /// The presentation context.
    pub context_id: u16,
    /// The interface, as it is configured here.
    pub interface: SyntaxId,
    /// The operation's number; not checked.
    pub opnum: u16,
    /// The object that the call is for.
    pub object: Option<Guid>,
    /// The stub, without padding and verification trailer.
    pub stub: Bytes,
    /// The stub's byte order.
    pub endian: Endian,
    /// The security context of the caller; `None` for unauthenticated calls.
    pub security: Option<RequestSecurity>,
    /// How long the client said that the stub would be; a hint.
    pub alloc_hint: u32,
}

/// Which of the association's security contexts a call came under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSecurity {
    /// The client's number for the security context.
    pub auth_context_id: u32,
    /// The level in force.
    pub level: AuthLevel,
}

/// The security package's result for a token.
pub enum AuthOutcome {
    /// The handshake continues.
    Continue {
        /// The token for the client.
        token: Vec<u8>,
    },
    /// The caller is known.
    Done {
        /// A last token for the client. It is not sent in answer to an auth3, which has no answer.
        token: Option<Vec<u8>>,
        /// What protects PDUs. Must be there from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The caller is known, but what was negotiated cannot protect PDUs as the level has it.
    TooWeak,
    /// The client failed to authenticate.
    Failed,
}

impl fmt::Debug for AuthOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue { .. } => "Continue",
            Self::Done { protection: Some(_), .. } => "Done(protected)",
            Self::Done { protection: None, .. } => "Done",
            Self::TooWeak => "TooWeak",
            Self::Failed => "Failed",
        })
    }
}

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The client broke the protocol.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The bind was rejected for a reason that the protocol has a code for (C706 12.6.3.1).
    #[error("bind rejected: {0}")]
    Rejected(RejectReason),
    /// The bind was rejected for a reason that the protocol has no code for.
    #[error("bind rejected: {0}")]
    Unacceptable(&'static str),
    /// The bind came from this program itself ([`ServerConfig::own_bind`](super::ServerConfig::own_bind)).
    #[error("bind rejected: it came from this program itself")]
    Loop,
    /// The client failed to authenticate.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// A response cannot be protected.
    #[error("response cannot be protected")]
    ProtectionFailed,
}

/// Why a response, or a step of a handshake, cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// The call is not active: it was answered or orphaned, or the association has ended.
    #[error("no active call with this id")]
    UnknownCall,
    /// No token of this security context waits for a response.
    #[error("no handshake step of this security context is pending")]
    UnknownHandshake,
    /// The response cannot be protected. The association has ended.
    #[error("response cannot be protected")]
    Protection,
    /// A token does not fit into a PDU. The association has ended.
    #[error("authentication token does not fit into a PDU")]
    TokenTooLong,
}
