//! The inputs and outputs of an upstream association: its configuration, calls, and the ends of calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::{Outcome, RefusalKind};
use rpc::pdu::{FaultStatus, SyntaxId};
use tokio::net::TcpStream;
use wire::{Endian, Guid};

use crate::account::Account;
use crate::error_chain::ErrorChain;
use crate::gate::AuthAttempt;
use crate::rpc::loop_marker::BindId;
use crate::upstream_error::UpstreamError;

/// The configuration of an upstream association.
#[derive(Debug, Clone)]
pub struct AssociationConfig {
    /// The interface.
    pub interface: SyntaxId,
    /// The account to authenticate with; `None` for unauthenticated calls.
    pub account: Option<Arc<Account>>,
    /// The upstream's association group to join; zero for a new one.
    pub group: u32,
    /// The call id of the bind, by which a loop is detected.
    pub bind_id: Option<BindId>,
    /// How long connecting and authenticating may take.
    pub timeout: Duration,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// The account to authenticate with, and the attempt that the gate of the account permits.
    pub(crate) sign_in: Option<(Arc<Account>, AuthAttempt)>,
}

impl From<TcpStream> for Connected {
    fn from(stream: TcpStream) -> Self {
        Self { stream, sign_in: None }
    }
}

/// A call to a server.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// The caller's number for the call, which its end repeats.
    pub token: u64,
    /// The operation number.
    pub opnum: u16,
    /// The object UUID of the call.
    pub object: Option<Guid>,
    /// The request, little-endian.
    pub stub: Bytes,
}

/// The end of a call.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// The server responded.
    Response {
        /// The caller's number for the call.
        token: u64,
        /// The response.
        stub: Bytes,
        /// The byte order of the response.
        endian: Endian,
    },
    /// The server responded with a fault.
    Fault {
        /// The caller's number for the call.
        token: u64,
        /// The fault's status.
        status: FaultStatus,
    },
    /// The connection could not be opened, or was lost.
    Failed {
        /// The caller's number for the call.
        token: u64,
        /// Why.
        error: UpstreamError,
        /// How far the call got.
        progress: Progress,
    },
}

/// How far a call got on a connection that failed.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing of the call was sent.
    Unsent(Outgoing),
    /// The call was not executed.
    NotExecuted,
    /// The call was sent, and the server may have executed it.
    Unknown,
}

/// The outcome of a call that failed with its connection because of `error`.
pub(super) fn outcome(error: &UpstreamError, progress: &Progress) -> Outcome {
    let unavailable = |kind| Outcome::Unavailable { kind, why: ErrorChain(error).to_string() };
    match error {
        // The upstream rejects the account of the proxy. A status that denies access would make the client ask its user
        // for another password.
        error if error.is_account() => unavailable(match progress {
            Progress::Unsent(_) | Progress::NotExecuted => RefusalKind::NotExecuted,
            Progress::Unknown => RefusalKind::Failed,
        }),
        UpstreamError::Connect(_) | UpstreamError::Tls(_) | UpstreamError::Loop => {
            unavailable(RefusalKind::Unavailable)
        }
        _ => Outcome::Lost(ErrorChain(error).to_string()),
    }
}
