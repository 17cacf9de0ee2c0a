//! Errors of decoding a message.

use thiserror::Error;

/// Why a message cannot be decoded. Nothing more can be read from its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A line ends with a line feed alone, or a carriage return stands alone (RFC 9112 2.2).
    #[error("line without CR LF at its end")]
    BareLineEnd,
    /// A line that begins with white space, and so goes on the line before it (RFC 9112 5.2).
    #[error("folded header field")]
    Folded,
    /// The first line, or the name or value of a field, is malformed.
    #[error("malformed head: {0}")]
    Malformed(&'static str),
    /// A version other than 1.0 and 1.1.
    #[error("unsupported HTTP version")]
    Version,
    /// The first line is longer than [`crate::Limits::line`].
    #[error("first line longer than the limit")]
    LineTooLong,
    /// The head is longer than [`crate::Limits::head`].
    #[error("head longer than the limit")]
    HeadTooLong,
    /// The head has more fields than [`crate::Limits::fields`].
    #[error("more header fields than the limit")]
    TooManyFields,
    /// There are more interim (1xx) responses than [`crate::Limits::MOST_INTERIM`] before the final one.
    #[error("more interim responses (1xx) than the limit")]
    TooManyInterim,
    /// `Content-Length` and `Transfer-Encoding` in one message (RFC 9112 6.1).
    #[error("both Content-Length and Transfer-Encoding")]
    TwoFramings,
    /// More than one `Content-Length`, be they equal or not.
    #[error("more than one Content-Length")]
    TwoLengths,
    /// A `Content-Length` that is not a number of at most nineteen digits.
    #[error("invalid Content-Length")]
    Length,
    /// A `Transfer-Encoding` other than one `chunked`, or one in a version that has none.
    #[error("unsupported Transfer-Encoding")]
    TransferEncoding,
    /// A request of HTTP/1.1 with no `Host`, or any message with several (RFC 9112 3.2).
    #[error("missing Host, or more than one")]
    Host,
    /// A chunk's size that is not a hexadecimal number, or of more than sixteen digits.
    #[error("invalid chunk size")]
    ChunkSize,
    /// A chunk's line that is over the limit, has too long or too many extensions, or holds what no line may.
    #[error("invalid chunk line")]
    ChunkLine,
    /// The data of a chunk is not followed by CR LF at the end that its size says.
    #[error("chunk data longer than its size")]
    ChunkEnd,
    /// Fields after the last chunk that are malformed or over the limit.
    #[error("invalid trailer fields")]
    Trailers,
    /// The server switches to another protocol without a request for it (RFC 9110 15.2.2).
    #[error("switch of protocols without a request")]
    Upgrade,
    /// A response without a request.
    #[error("response without a request")]
    Unasked,
    /// The connection ended within a message.
    #[error("connection closed within a message")]
    CutOff,
}

impl Error {
    /// The status of the response to such a request (RFC 9110 15.5, RFC 6585 5). The server closes the connection after
    /// it.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::LineTooLong => 414,
            Self::Version => 505,
            _ => 400,
        }
    }
}
