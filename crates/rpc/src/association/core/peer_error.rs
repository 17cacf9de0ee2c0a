//! What a peer sent that ends an association.

use crate::framer::FrameError;

/// What a peer sent that ends the association, at either end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The byte stream cannot be split into PDUs.
    #[error("invalid PDU header: {0}")]
    Frame(FrameError),
    /// A PDU cannot be decoded.
    #[error("malformed PDU: {0}")]
    Malformed(wire::Error),
    /// A PDU is out of order, or contradicts what was negotiated. The text names the PDU.
    #[error("{0}")]
    Protocol(&'static str),
    /// A PDU is not protected as negotiated ([MS-RPCE] 3.3.1.5.2).
    #[error("PDU without the negotiated protection")]
    NotProtected,
    /// A signature or a verification trailer is invalid ([MS-RPCE] 2.2.2.11 and 2.2.2.13).
    #[error("invalid signature or verification trailer")]
    BadSignature,
    /// Too many PDUs in a row make no progress: of a server `shutdown` PDUs; of a client `alter_context`, `auth3` and
    /// `co_cancel` PDUs, `orphaned` PDUs of calls that do not exist, and fragments of requests without content.
    #[error("too many PDUs in a row without progress")]
    Stalled,
    /// The fragments of a response are too short on average.
    #[error("response in too many short fragments")]
    ShortFragments,
    /// A stub exceeds the configured limit.
    #[error("stub longer than the limit")]
    StubTooLong,
}
