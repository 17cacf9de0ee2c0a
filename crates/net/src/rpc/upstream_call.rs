//! The inputs and outputs of an upstream association: its connection, its calls, and the results of calls.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Interface, Outcome, Refusal, RefusalKind};
use identity::Identity;
use rpc::pdu::FaultStatus;
use tokio::net::TcpStream;
use wire::{Endian, Guid};

use crate::error_chain::ErrorChain;
use crate::gate::AuthAttempt;
use crate::service_credentials::ServiceCredentials;
use crate::upstream_error::UpstreamError;
use crate::upstream_permit::UpstreamPermit;

/// The interface that an upstream association is for, and the identity whose calls it carries.
pub(super) type UpstreamKey = (Interface, Identity);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// The permit of the connection; `None` if it does not count.
    pub(crate) permit: Option<UpstreamPermit>,
    /// The account to authenticate with, and the attempt that the gate of the account permits.
    pub(crate) sign_in: Option<(Arc<ServiceCredentials>, AuthAttempt)>,
}

impl From<TcpStream> for Connected {
    fn from(stream: TcpStream) -> Self {
        Self { stream, permit: None, sign_in: None }
    }
}

/// A call to a server.
#[derive(Debug)]
pub(crate) struct UpstreamCall {
    /// The operation number.
    pub opnum: u16,
    /// The object UUID of the call.
    pub object: Option<Guid>,
    /// The request, little-endian.
    pub stub: Bytes,
}

/// Calls that wait until an association can send them. The association knows them by the tags that the caller chose,
/// and takes each when it sends it, so that a call that may not be sent any more is not.
pub(crate) trait WaitingCalls {
    /// Takes the call `tag`, which is sent at once. `None` if it has ended meanwhile, so that it has no result.
    ///
    /// # Errors
    /// If it may not be sent any more.
    fn take_to_send(&mut self, tag: u64) -> Option<Result<UpstreamCall, Refusal>>;

    /// Whether a response to the call `tag` that does not arrive at once is cut off after [`BEGINNING`] bytes.
    fn needs_beginning_only(&self, tag: u64) -> bool {
        let _ = tag;
        false
    }
}

/// The length of the beginning of a response that has a context handle, in bytes.
pub(super) const BEGINNING: usize = 64;

/// One call, with its tag, which may be sent at any time.
impl WaitingCalls for Option<(u64, UpstreamCall)> {
    fn take_to_send(&mut self, tag: u64) -> Option<Result<UpstreamCall, Refusal>> {
        self.take_if(|(waiting, _)| *waiting == tag).map(|(_, call)| Ok(call))
    }
}

/// The result of a call.
#[derive(Debug)]
pub(crate) enum UpstreamCallResult {
    /// The server responded.
    Response {
        /// The tag that the caller chose for the call.
        tag: u64,
        /// The response.
        stub: Bytes,
        /// The byte order of the response.
        endian: Endian,
        /// The number of the server's association group ([`UpstreamCallResult::received_in`]).
        group: u64,
    },
    /// The server responded with a fault.
    Fault {
        /// The tag that the caller chose for the call.
        tag: u64,
        /// The fault's status.
        status: FaultStatus,
        /// Whether the server guarantees that it did not execute the call (C706 12.6.3.1 `PFC_DID_NOT_EXECUTE`).
        did_not_execute: bool,
        /// The number of the server's association group ([`UpstreamCallResult::received_in`]).
        group: u64,
    },
    /// When the call was to be sent, it might not be sent any more. Nothing of it was sent.
    Refused {
        /// The tag that the caller chose for the call.
        tag: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The connection could not be opened, or was lost.
    Failed {
        /// The tag that the caller chose for the call.
        tag: u64,
        /// Why.
        error: UpstreamError,
        /// How far the call got.
        progress: Progress,
    },
}

impl UpstreamCallResult {
    /// The tag that the caller chose for the call.
    pub(super) const fn tag(&self) -> u64 {
        match self {
            Self::Response { tag, .. }
            | Self::Fault { tag, .. }
            | Self::Refused { tag, .. }
            | Self::Failed { tag, .. } => *tag,
        }
    }

    /// The server responded in the association group with the number `number`
    /// ([`UpstreamMember::number`](crate::rpc::upstream_groups::UpstreamMember)).
    pub(super) const fn received_in(&mut self, number: u64) {
        match self {
            Self::Response { group, .. } | Self::Fault { group, .. } => *group = number,
            Self::Refused { .. } | Self::Failed { .. } => {}
        }
    }
}

/// How far a call got on a connection that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing of the call was sent.
    Unsent,
    /// Sent, but the upstream has rejected the call without executing it.
    SentNotExecuted,
    /// Sent, and the upstream may have executed the call.
    MaybeExecuted,
}

/// The outcome of a call that failed with its connection because of `error`.
pub(super) fn engine_outcome(error: &UpstreamError, progress: Progress) -> Outcome {
    let unavailable = |kind| Outcome::Unavailable { kind, why: ErrorChain(error).to_string() };
    match error {
        // The upstream rejects the account of the proxy. A status that denies access would make the client prompt its
        // user for another password.
        error if error.is_account() => unavailable(match progress {
            Progress::Unsent | Progress::SentNotExecuted => RefusalKind::NotExecuted,
            Progress::MaybeExecuted => RefusalKind::Failed,
        }),
        UpstreamError::TooManyConnections => unavailable(RefusalKind::TooBusy),
        UpstreamError::Connect(_) | UpstreamError::Tls(_) | UpstreamError::Loop => {
            unavailable(RefusalKind::Unavailable)
        }
        _ => Outcome::Lost(ErrorChain(error).to_string()),
    }
}
