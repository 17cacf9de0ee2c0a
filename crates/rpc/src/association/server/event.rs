//! Events and errors of the server's end of an association.

use std::fmt;

use bytes::Bytes;
use wire::{Endian, Guid};

use crate::framer::FrameError;
use crate::pdu::{AuthLevel, AuthType, RejectReason, SyntaxId};
use crate::security::Protection;

/// What happened on an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A token of a handshake arrived. Nothing else is read until
    /// [`auth_reply`](super::ServerAssociation::auth_reply) answers it.
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
    /// The caller is refused.
    Refused,
}

impl fmt::Debug for AuthOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue { .. } => "Continue",
            Self::Done { protection: Some(_), .. } => "Done(protected)",
            Self::Done { protection: None, .. } => "Done",
            Self::TooWeak => "TooWeak",
            Self::Refused => "Refused",
        })
    }
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
    /// The bind was rejected.
    Rejected(RejectReason),
    /// The bind was rejected for what no reason of the protocol says.
    Unacceptable(&'static str),
    /// The bind is one that this program sent itself ([`ServerConfig::own_bind`](super::ServerConfig::own_bind)).
    LedBack,
    /// The handshake was refused.
    AuthenticationRefused,
    /// A call was not protected as agreed on.
    NotProtected,
    /// A signature, or a verification trailer, is wrong.
    BadSignature,
    /// A stub is over its limit.
    StubTooLong,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => write!(f, "client: {error}"),
            Self::Malformed(error) => write!(f, "client: {error}"),
            Self::Protocol(what) => write!(f, "client: {what}"),
            Self::Rejected(reason) => write!(f, "the bind was rejected: {reason}"),
            Self::Unacceptable(what) => write!(f, "the bind was rejected: {what}"),
            Self::LedBack => f.write_str("the bind is one of this program's own"),
            Self::AuthenticationRefused => f.write_str("the handshake was refused"),
            Self::NotProtected => f.write_str("client: a PDU is not protected as agreed on"),
            Self::BadSignature => f.write_str("client: a PDU's protection is wrong"),
            Self::StubTooLong => f.write_str("client: a stub is over its limit"),
        }
    }
}

/// An answer that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// No such call waits for an answer: it was answered, orphaned, or the association is over.
    UnknownCall,
    /// No such token waits for an answer.
    UnknownHandshake,
    /// The answer could not be protected. The association is over.
    Protection,
    /// A token does not fit into a PDU. The association is over.
    TokenTooLong,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCall => "no such call waits for an answer",
            Self::UnknownHandshake => "no such token waits for an answer",
            Self::Protection => "the answer could not be protected",
            Self::TokenTooLong => "the token does not fit into a PDU",
        })
    }
}

impl std::error::Error for AnswerError {}
