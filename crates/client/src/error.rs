//! The client's error type, with the side that failed.

use std::fmt;

use mapi::ErrorCode;
use net::CallFailure;

/// Why an operation of a client came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {}: {failure}", failure.side())]
pub struct Error {
    /// The operation's name, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// What went wrong.
    pub failure: Failure,
}

/// What went wrong with an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The service could not be found or reached, or the connection was lost; says why.
    #[error("{0}")]
    Unreachable(String),
    /// The server answered with a fault.
    #[error("fault {0}")]
    Fault(rpc::FaultStatus),
    /// The server carried the operation out and returned an error.
    #[error("returned {0}")]
    Returned(ErrorCode),
    /// The server's answer is not what the operation answers.
    #[error("unreadable answer: {0}")]
    Answer(wire::Error),
    /// The server's answer lacks something; says what.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// What was to be sent does not fit.
    #[error("unsendable request: {0}")]
    Request(wire::Error),
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Ours: the request was wrong.
    Client,
    /// The way to the server, or its sign-in.
    Connection,
    /// The server's.
    Server,
}

impl Failure {
    /// Whose fault it is.
    pub const fn side(&self) -> Side {
        match self {
            Self::Unreachable(_) => Side::Connection,
            Self::Fault(_) | Self::Returned(_) | Self::Answer(_) | Self::Missing(_) => Side::Server,
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
            lost @ CallFailure::Lost { .. } => Self::Unreachable(lost.to_string()),
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
