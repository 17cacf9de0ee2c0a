//! What goes in and out of a connection to a server: what it is for, calls, and what comes of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Outcome;
use rpc::pdu::{FaultStatus, SyntaxId};
use tokio::net::TcpStream;
use wire::Guid;

use crate::account::Account;
use crate::gate::SignInAttempt;
use crate::rpc::loop_marker::BindId;
use crate::upstream_error::UpstreamError;

/// What a link is for.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// The interface.
    pub interface: SyntaxId,
    /// As whom; none for nobody.
    pub account: Option<Arc<Account>>,
    /// The server's association group to join; zero for a new one.
    pub group: u32,
    /// The call id of the bind, by which a loop is known.
    pub bind_id: Option<BindId>,
    /// How long connecting and signing in may take.
    pub timeout: Duration,
}

/// A connection that was made.
#[derive(Debug)]
pub struct Connected {
    pub(crate) stream: TcpStream,
    /// The account to sign in with, and the sign-in that is permitted, where the gate of the upstream counts it.
    pub(crate) sign_in: Option<(Arc<Account>, SignInAttempt)>,
}

impl From<TcpStream> for Connected {
    fn from(stream: TcpStream) -> Self {
        Self { stream, sign_in: None }
    }
}

/// A call, as it goes to a server.
#[derive(Debug, Clone)]
pub struct Outgoing {
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
pub enum Done {
    /// The call `token` came to `outcome`.
    Came {
        /// The caller's number for the call.
        token: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Nothing of the call was sent, since what was known of the server is out of date: on a new connection it
    /// may do better.
    Unsent {
        /// The call.
        call: Outgoing,
        /// Why it was not sent.
        why: UpstreamError,
    },
}

/// Why a connection broke, where that says something of what is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broke {
    /// The server rejected the bind.
    Rejected,
    /// The server refused our sign-in, or we did its.
    Refused,
    /// The server does not serve the interface.
    Unserved,
    /// The server closed it, which took it first.
    Closed,
}

/// Whether a fault says that the caller is not let in.
pub(crate) const fn is_denial(status: FaultStatus) -> bool {
    matches!(
        status,
        FaultStatus::ACCESS_DENIED
            | FaultStatus::RPC_S_SEC_PKG_ERROR
            | FaultStatus::NCA_S_UNSUPPORTED_AUTHN_LEVEL
            | FaultStatus::NCA_S_INVALID_CHECKSUM
    )
}

/// What comes to a call that ends with its connection because of `why`.
pub(super) fn outcome(why: &UpstreamError) -> Outcome {
    let unsent = |status| Outcome::Unavailable { status, why: why.to_string() };
    match why {
        UpstreamError::Connect(_) | UpstreamError::Tls(_) | UpstreamError::Loop => {
            unsent(FaultStatus::RPC_S_SERVER_UNAVAILABLE)
        }
        // It is not the client who is refused: a status that says so would have it ask for another password.
        UpstreamError::CredentialsRefused(_) | UpstreamError::NotOffered(_) => {
            unsent(FaultStatus::RPC_S_CALL_FAILED_DNE)
        }
        _ => Outcome::Lost(why.to_string()),
    }
}

/// Whether a server that has not answered a call yet says with `status` that it refuses the account.
pub(super) const fn is_refusal(status: FaultStatus) -> bool {
    matches!(status, FaultStatus::ACCESS_DENIED | FaultStatus::RPC_S_SEC_PKG_ERROR)
}

pub(super) fn refused(why: &dyn std::fmt::Display) -> UpstreamError {
    UpstreamError::CredentialsRefused(format!("the server refuses the account that we sign in with: {why}"))
}
