//! Events and errors of the server end of an association.

use std::fmt;

use bytes::Bytes;
use wire::{Endian, Guid};

use crate::association::PeerError;
use crate::pdu::{AuthLevel, AuthType, RejectReason, SyntaxId};
use crate::security::Protection;

/// An event of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A token of a handshake arrived. Nothing else is read until
    /// [`resume_handshake`](super::ServerAssociation::resume_handshake).
    Authenticate {
        /// The client's number for the security context.
        auth_context_id: u32,
        /// The security package.
        auth_type: AuthType,
        /// The authentication level of the security context.
        level: AuthLevel,
        /// The token.
        token: Bytes,
        /// How many tokens of this security context arrived before.
        leg: u32,
        /// Whether this is the last token: it was received with an auth3, which has no response.
        last: bool,
    },
    /// A call arrived completely.
    Request(Request),
    /// The client requests to cancel a call. The call still needs a response.
    Cancel {
        /// The call id.
        call_id: u32,
    },
    /// The client orphaned a call. No response to it is sent.
    Orphaned {
        /// The call id.
        call_id: u32,
    },
    /// The association has ended. The caller sends the remaining output, then closes the connection.
    Closed {
        /// The reason.
        reason: CloseReason,
    },
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The call id, which the response repeats.
    pub call_id: u32,
    /// The presentation context.
    pub context_id: u16,
    /// The interface, as configured in [`ServerConfig::interfaces`](super::ServerConfig::interfaces).
    pub interface: SyntaxId,
    /// The operation number. Not checked.
    pub opnum: u16,
    /// The object UUID.
    pub object: Option<Guid>,
    /// The stub, without padding and verification trailer.
    pub stub: Bytes,
    /// The stub's byte order.
    pub endian: Endian,
    /// The security context of the caller; `None` for unauthenticated calls.
    pub security: Option<RequestSecurity>,
    /// The length of the stub that the client announced, in bytes. A hint only.
    pub alloc_hint: u32,
}

/// The security context of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSecurity {
    /// The client's number for the security context.
    pub auth_context_id: u32,
    /// The authentication level of the security context.
    pub level: AuthLevel,
}

/// The result of the security package for a token.
pub enum AuthOutcome {
    /// The handshake continues.
    Continue {
        /// The token for the client.
        token: Vec<u8>,
    },
    /// The client is authenticated.
    Done {
        /// The last token for the client, if there is one. A handshake that ends with an auth3 must not have
        /// one.
        token: Option<Vec<u8>>,
        /// The protection of PDUs. Required from [`AuthLevel::PKT`] on.
        protection: Option<Box<dyn Protection>>,
    },
    /// The client is authenticated, but the negotiated protection is too weak for the authentication level.
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
    /// The client violated the protocol.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The bind was rejected for a reason that the protocol has a code for (C706 12.6.3.1).
    #[error("bind rejected: {0}")]
    Rejected(RejectReason),
    /// The bind was rejected for a reason that the protocol has no code for.
    #[error("bind rejected: {0}")]
    Unacceptable(&'static str),
    /// The bind was sent by this program itself ([`ServerConfig::own_bind`](super::ServerConfig::own_bind)).
    #[error("bind rejected: this program itself sent it")]
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
    /// The call is not active: it has got its response or was orphaned, or the association has ended.
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
