//! Errors of decoding a message.

use std::fmt;

use thiserror::Error;

/// Why a message cannot be decoded. Nothing more can be read from its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A line ends with a line feed alone, or contains a carriage return alone (RFC 9112 2.2).
    #[error("line that does not end with CR LF")]
    BareLineEnd,
    /// The other end sends TLS (RFC 8446 5.1).
    #[error("TLS where plain HTTP is expected")]
    Tls,
    /// A line begins with white space, which continues the line before it (RFC 9112 5.2).
    #[error("folded header field")]
    Folded,
    /// A part of the head is malformed.
    #[error("malformed head: {0}")]
    Malformed(Part),
    /// The version is neither 1.0 nor 1.1.
    #[error("unsupported HTTP version")]
    Version,
    /// The start line is longer than [`crate::Limits::line`].
    #[error("first line longer than the limit")]
    LineTooLong,
    /// The head is longer than [`crate::Limits::head`].
    #[error("head longer than the limit")]
    HeadTooLong,
    /// The head has more fields than [`crate::Limits::fields`].
    #[error("more header fields than the limit")]
    TooManyFields,
    /// There are more interim (1xx) responses than [`crate::Limits::MAX_INTERIM`] before the final one.
    #[error("more interim responses (1xx) than the limit")]
    TooManyInterim,
    /// The message has both `Content-Length` and `Transfer-Encoding` (RFC 9112 6.1).
    #[error("both Content-Length and Transfer-Encoding")]
    ConflictingFraming,
    /// A response has a body although its status permits none (RFC 9110 15.2, 15.3.5).
    #[error("body in a response whose status permits none")]
    UnexpectedBody,
    /// The message has more than one `Content-Length`, equal or not.
    #[error("more than one Content-Length")]
    MultipleContentLengths,
    /// `Content-Length` is not a number of at most nineteen digits.
    #[error("invalid Content-Length")]
    InvalidContentLength,
    /// `Transfer-Encoding` is not exactly `chunked`, or is in a message of HTTP/1.0.
    #[error("unsupported Transfer-Encoding")]
    TransferEncoding,
    /// A request of HTTP/1.1 has no `Host`, or a request has several, or one that is not a host with or without a port
    /// (RFC 9112 3.2).
    #[error("Host is missing, is there more than once, or is not a host with or without a port")]
    InvalidHost,
    /// A chunk size is not a hexadecimal number of at most sixteen digits.
    #[error("invalid chunk size")]
    ChunkSize,
    /// The line of a chunk exceeds a limit, or contains a control character.
    #[error("invalid chunk line")]
    ChunkLine,
    /// The lines and ends of chunks exceed their content by more than [`crate::Limits::chunk_framing`].
    #[error("chunks too small: their lines exceed their content by more than the limit")]
    ChunkFraming,
    /// The data of a chunk is not followed by CR LF (RFC 9112 7.1).
    #[error("chunk data without CR LF after it")]
    ChunkEnd,
    /// The trailer fields are malformed or exceed the limit.
    #[error("invalid trailer fields")]
    Trailers,
    /// A response has the status 101, though no request contains an upgrade (RFC 9110 15.2.2).
    #[error("101 Switching Protocols without a request for it")]
    Upgrade,
    /// A response was received without a request.
    #[error("response without a request")]
    UnsolicitedResponse,
    /// The connection ended within a message.
    #[error("connection closed within a message")]
    CutOff,
}

/// A part of a head that is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The request line or the status line.
    StartLine,
    /// The start line is empty.
    EmptyStartLine,
    /// The target of a request.
    Target,
    /// The status of a response.
    Status,
    /// An empty line before the end of the head.
    EmptyLine,
    /// A field as a whole.
    Field,
    /// The name of a field.
    FieldName,
    /// The value of a field.
    FieldValue,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::StartLine => "the first line",
            Self::EmptyStartLine => "an empty first line",
            Self::Target => "the target",
            Self::Status => "the status",
            Self::EmptyLine => "an empty line before the end of the head",
            Self::Field => "a field",
            Self::FieldName => "a field's name",
            Self::FieldValue => "a field's value",
        })
    }
}

impl Error {
    /// The status of the response to such a request (RFC 9110 15.5, RFC 6585 5). The server closes the
    /// connection after it.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::LineTooLong => 414,
            Self::Version => 505,
            _ => 400,
        }
    }
}
