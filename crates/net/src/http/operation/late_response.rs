//! Reads the head of the response to a Connect or Bind for which the client does not wait any more, since it has
//! disconnected, its account was revoked, or `upstream.call_seconds` have passed. The server may open the session
//! nevertheless. It is ended there then, and sessions whose cookies the server gave to it end in the proxy.
//!
//! Meanwhile the session counts in the limits on sessions, and the connection in the limit on connections to the
//! server.

use engine::OpeningSession;
use tokio::time::{Instant, timeout_at};

use crate::http::operation::response::{check, set_cookies};
use crate::http::server_only::Cookies;
use crate::http::upstream::connection::UpstreamConnection;
use crate::late::LATE;
use crate::spawn_system;

/// The response to a Connect or Bind that was sent, and of which no head was received.
pub(crate) struct LateResponse {
    pub(crate) opening: OpeningSession,
    /// The target of the request.
    pub(crate) target: String,
    /// Which cookies of the response are the session's.
    pub(crate) cookies: Cookies,
    /// Until when a client would wait for the response.
    pub(crate) limit: Instant,
}

impl LateResponse {
    /// Reads the head from `upstream` in a task of the connection's thread.
    pub(crate) fn read(self, mut upstream: Box<UpstreamConnection>) {
        spawn_system(async move {
            let Self { opening, target, cookies, limit } = self;
            let head = timeout_at(limit + LATE, upstream.late_head()).await;
            if let Ok(Some(head)) = head
                && check(&head).is_ok()
            {
                opening.opened(&target, || set_cookies(&head, cookies));
            }
        });
    }
}
