//! What goes in and out of an upstream connection: its configuration, calls, and their ends.

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

/// What an upstream connection is for.
#[derive(Debug, Clone)]
pub struct AssociationConfig {
    /// The interface.
    pub interface: SyntaxId,
    /// The account to authenticate with; none for unauthenticated calls.
    pub account: Option<Arc<Account>>,
    /// The upstream's association group to join; zero for a new one.
    pub group: u32,
    /// The call id of the bind, by which a loop is detected.
    pub bind_id: Option<BindId>,
    /// How long connecting and authenticating may take.
    pub timeout: Duration,
}

/// A connection that was made.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// The account to sign in with, and the sign-in that is permitted, where the gate of the upstream counts it.
    pub(crate) sign_in: Option<(Arc<Account>, AuthAttempt)>,
}

impl From<TcpStream> for Connected {
    fn from(stream: TcpStream) -> Self {
        Self { stream, sign_in: None }
    }
}

/// A call, as it goes to a server.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// The caller's number for it, with which its end comes back.
    pub token: u64,
    /// Its number on the interface.
    pub opnum: u16,
    /// The object that it is for.
    pub object: Option<Guid>,
    /// Its request, little-endian.
    pub stub: Bytes,
}

/// The end of a call.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// The server answered with a response.
    Response {
        /// The caller's number for the call.
        token: u64,
        /// The response.
        stub: Bytes,
        /// Its byte order.
        endian: Endian,
    },
    /// The server answered with a fault.
    Fault {
        /// The caller's number for the call.
        token: u64,
        /// The fault's status.
        status: FaultStatus,
    },
    /// The connection could not be made, or broke.
    Failed {
        /// The caller's number for the call.
        token: u64,
        /// Why.
        error: UpstreamError,
        /// How far the call came.
        progress: Progress,
    },
}

/// How far a call came on a connection that failed.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing of it was sent.
    Unsent(Outgoing),
    /// It was sent, and the server said that it did not execute it.
    NotExecuted,
    /// It was sent, and the server may have executed it.
    Unknown,
}

/// The outcome of a call that failed with its connection because of `error`.
pub(super) fn outcome(error: &UpstreamError, progress: &Progress) -> Outcome {
    let unavailable = |kind| Outcome::Unavailable { kind, why: ErrorChain(error).to_string() };
    match error {
        // It is not the client that is refused: a status that says so would have it ask for another password.
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
