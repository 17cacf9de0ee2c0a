//! What the requests of all connections share.

use std::sync::Arc;

use hyper::StatusCode;
use identity::{Pool, SecurityContext};
use tokio::sync::watch;

use crate::http::config::HttpLimits;
use crate::http::reply::{self, Reply};
use crate::http::sessions::Sessions;
use crate::service::Lab;

/// What all connections share.
pub(super) struct Server {
    pub(super) lab: Arc<Lab>,
    /// Scheme and authority of the server's own URLs.
    pub(super) origin: String,
    pub(super) sessions: Sessions,
    pub(super) limits: HttpLimits,
    /// Executes ROPs, since the store blocks.
    pub(super) pool: Pool,
    /// Turns true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

impl Server {
    /// How many sessions with the address book the user of `context` may have.
    pub(super) fn address_book_sessions(&self, context: &SecurityContext) -> usize {
        self.lab.address_book_sessions(context, self.limits.sessions_per_user)
    }
}

/// Why the body of a request is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It exceeds the limit.
    TooLarge,
    /// It did not arrive in time.
    TimedOut,
    /// Its framing is not valid, or the client closed the connection.
    Broken,
}

impl BodyError {
    /// The response outside of MAPI over HTTP, after which the connection is closed.
    pub(super) fn reply(self) -> Reply {
        reply::closing(match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        })
    }
}
