//! What the requests of all connections share.

use std::sync::Arc;

use hyper::StatusCode;
use identity::{Pool, SecurityContext};
use tokio::sync::watch;

use crate::directory::{Entry, Kind};
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

/// The scheme and host of the URLs of a person's mailbox, or of a server, that is not of this lab.
pub(crate) fn elsewhere_origin(lab: &Lab, entry: &Entry) -> Option<String> {
    let config = lab.config();
    let is_own = |name: &str| config.servers.iter().any(|server| server.name == name);
    let server = match entry.kind {
        Kind::Server { .. } if is_own(&entry.alias) => None,
        Kind::Server { .. } => config.elsewhere.values().find(|server| server.name == entry.alias),
        Kind::Person(_) => config.elsewhere.get(&entry.alias),
        Kind::List { .. } => None,
    };
    server.map(|server| format!("https://{}", server.host))
}
