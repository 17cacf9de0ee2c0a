//! The client's error type, with the side that failed.

use std::fmt;

use mapi::ErrorCode;
use net::{CallFailure, ErrorChain, UpstreamError};

/// Why an operation of a client failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {}: {failure}", failure.side())]
pub struct Error {
    /// The operation's name, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// What went wrong.
    pub failure: Failure,
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
    /// The server executed the operation and returned an error.
    #[error("returned {0}")]
    Returned(ErrorCode),
    /// The response cannot be decoded as one of the operation.
    #[error("malformed response: {0}")]
    MalformedResponse(wire::Error),
    /// The response lacks this field or object.
    #[error("the response has no {0}")]
    Missing(&'static str),
    /// The request does not fit its encoding.
    #[error("request cannot be encoded: {0}")]
    Request(wire::Error),
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

impl Failure {
    /// The side that caused the failure.
    pub const fn side(&self) -> Side {
        match self {
            Self::Unreachable(_) | Self::NotAuthenticated(_) => Side::Connection,
            Self::Fault(_) | Self::Returned(_) | Self::MalformedResponse(_) | Self::Missing(_) => {
                Side::Server
            }
            Self::Request(_) => Side::Client,
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

/// Succeeds unless an operation returned an error.
pub(crate) const fn check(operation: &'static str, returned: ErrorCode) -> Result<(), Error> {
    if returned.is_success() {
        return Ok(());
    }
    Err(Error { operation, failure: Failure::Returned(returned) })
}
