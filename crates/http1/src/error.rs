//! Why a message cannot be read.

use thiserror::Error;

/// Why a message cannot be read. Nothing more is read from a connection on which one came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A line ends with a line feed alone, or a carriage return stands alone (RFC 9112 2.2).
    #[error("a line that does not end with CR LF")]
    BareLineEnd,
    /// A line that begins with white space, and so goes on the line before it (RFC 9112 5.2).
    #[error("a folded header field")]
    Folded,
    /// The head is no head: a first line, a field's name or value that cannot be.
    #[error("malformed head: {0}")]
    Malformed(&'static str),
    /// A version other than 1.0 and 1.1.
    #[error("an unknown HTTP version")]
    Version,
    /// The first line is longer than [`crate::Limits::line`].
    #[error("a first line over the limit")]
    LineTooLong,
    /// The head is longer than [`crate::Limits::head`].
    #[error("a head over the limit")]
    HeadTooLong,
    /// The head has more fields than [`crate::Limits::fields`].
    #[error("more header fields than the limit")]
    TooManyFields,
    /// There are more answers with a status of 1xx than [`crate::Limits::MOST_INTERIM`] before the final one.
    #[error("more interim answers (1xx) than the limit")]
    TooManyInterim,
    /// `Content-Length` and `Transfer-Encoding` in one message (RFC 9112 6.1).
    #[error("both Content-Length and Transfer-Encoding")]
    TwoFramings,
    /// More than one `Content-Length`, be they equal or not.
    #[error("more than one Content-Length")]
    TwoLengths,
    /// A `Content-Length` that is no number of at most nineteen digits.
    #[error("an invalid Content-Length")]
    Length,
    /// A `Transfer-Encoding` other than one `chunked`, or one in a version that has none.
    #[error("an unsupported Transfer-Encoding")]
    TransferEncoding,
    /// A request of HTTP/1.1 with no `Host`, or any message with several (RFC 9112 3.2).
    #[error("not exactly one Host")]
    Host,
    /// A chunk's size that is no hexadecimal number, or of more than sixteen digits.
    #[error("an invalid chunk size")]
    ChunkSize,
    /// A chunk's line that is over the limit, has too long or too many extensions, or holds what no line may.
    #[error("an invalid chunk line")]
    ChunkLine,
    /// A chunk that does not end where its size says.
    #[error("a chunk of another size than it says")]
    ChunkEnd,
    /// Fields behind the last chunk that are malformed or over the limit.
    #[error("invalid trailers")]
    Trailers,
    /// The server switches to another protocol without a request for it (RFC 9110 15.2.2).
    #[error("an unasked-for change of protocols")]
    Upgrade,
    /// An answer that nothing was asked for.
    #[error("an answer without a request")]
    Unasked,
    /// The connection ended within a message.
    #[error("the connection ended within a message")]
    CutOff,
}

impl Error {
    /// The status of the answer that a client gets who sent such a request (RFC 9110 15.5, RFC 6585 5). Its
    /// connection is closed after that.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::LineTooLong => 414,
            Self::Version => 505,
            _ => 400,
        }
    }
}
