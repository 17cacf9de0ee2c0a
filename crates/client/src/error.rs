//! The client's error type, with the side that failed.

use std::fmt;
use std::time::Duration;

use mapi::ErrorCode;
use mapi::mapihttp::ResponseCode;
use net::http::HttpClientError;
use net::{CallFailure, ErrorChain, UpstreamError};

/// Why an operation of a client failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}{}: {}: {failure}", On(object), failure.side())]
pub struct Error {
    /// The operation's name, such as `nspi.QueryRows` or `RopOpenFolder`.
    pub operation: &'static str,
    /// The object of the operation, such as `folder 0x1000000000005` or `mailbox /o=…`; empty if it has none.
    pub object: Box<str>,
    /// What went wrong.
    pub failure: Failure,
}

/// The object of an operation, in a message.
struct On<'a>(&'a str);

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " on {}", self.0) }
    }
}

/// The cause of the failure of an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The service could not be found or reached, or the connection was lost, for this reason.
    #[error("{0}")]
    Unreachable(String),
    /// Authentication at the server failed, for this reason.
    #[error("authentication failed: {0}")]
    NotAuthenticated(String),
    /// The server responded with a fault.
    #[error("fault {0}")]
    Fault(rpc::FaultStatus),
    /// The server responded with this status of HTTP.
    #[error("responded with HTTP status {0}")]
    Status(u16),
    /// The server did not process the request, for the reason in `X-ResponseCode` ([MS-OXCMAPIHTTP] 2.2.3.3.3).
    #[error("refused the request: X-ResponseCode {0}")]
    Refused(ResponseCode),
    /// The server executed the operation and returned an error.
    #[error("returned {0}")]
    Returned(ErrorCode),
    /// The response cannot be decoded as one of the operation.
    #[error("malformed response: {0}")]
    MalformedResponse(wire::Error),
    /// The response lacks this field or object.
    #[error("the response has no {0}")]
    Missing(&'static str),
    /// There is no such object.
    #[error("does not exist")]
    NotFound,
    /// The request does not fit its encoding.
    #[error("request cannot be encoded: {0}")]
    Request(wire::Error),
    /// Autodiscover has no settings for the user, for this reason.
    #[error("no settings: {0:?}")]
    Autodiscover(String),
    /// The operation failed for some of the objects.
    #[error("failed for some of the objects")]
    Partial,
    /// The server is busy, and expects no request for this time.
    #[error("is busy for {} ms", .0.as_millis())]
    Busy(Duration),
    /// The request or its response exceeds what the protocol or the client permits.
    #[error("the request or its response is too long")]
    TooLong,
    /// The server cannot be used for the operation, for this reason.
    #[error("{0}")]
    Unsupported(&'static str),
}

/// The side that caused a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client: the request was wrong.
    Client,
    /// The connection to the server, or authentication.
    Connection,
    /// The server.
    Server,
}

impl Error {
    /// The failure of an operation that has no object.
    pub(crate) fn new(operation: &'static str, failure: Failure) -> Self {
        Self { operation, object: Box::default(), failure }
    }

    /// The error code that the server returned, if it did.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self.failure {
            Failure::Returned(code) => Some(code),
            _ => None,
        }
    }
}

impl Failure {
    /// The side that caused the failure.
    pub const fn side(&self) -> Side {
        match self {
            Self::Unreachable(_) | Self::NotAuthenticated(_) => Side::Connection,
            Self::Fault(_)
            | Self::Status(_)
            | Self::Refused(_)
            | Self::Returned(_)
            | Self::MalformedResponse(_)
            | Self::Missing(_)
            | Self::NotFound
            | Self::Autodiscover(_)
            | Self::Partial
            | Self::Busy(_) => Side::Server,
            Self::Request(_) | Self::TooLong | Self::Unsupported(_) => Side::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Connection => "connection",
            Self::Server => "server",
        })
    }
}

impl From<CallFailure> for Failure {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Fault(status) => Self::Fault(status),
            CallFailure::Lost { why: UpstreamError::Auth(why), .. } => {
                Self::NotAuthenticated(ErrorChain(&**why.cause()).to_string())
            }
            lost @ CallFailure::Lost { .. } => Self::Unreachable(ErrorChain(&lost).to_string()),
        }
    }
}

impl From<HttpClientError> for Failure {
    fn from(error: HttpClientError) -> Self {
        match error {
            HttpClientError::Failed(UpstreamError::Auth(why)) => {
                Self::NotAuthenticated(ErrorChain(&**why.cause()).to_string())
            }
            HttpClientError::Unauthorized(_) => Self::NotAuthenticated(error.to_string()),
            HttpClientError::Failed(_) => Self::Unreachable(ErrorChain(&error).to_string()),
            HttpClientError::InvalidRequest(_) => {
                Self::Unsupported("the request has a field that is not valid in HTTP")
            }
        }
    }
}

/// Succeeds unless an operation returned an error.
pub(crate) fn check(operation: &'static str, returned: ErrorCode) -> Result<(), Error> {
    if returned.is_success() {
        return Ok(());
    }
    Err(Error::new(operation, Failure::Returned(returned)))
}
