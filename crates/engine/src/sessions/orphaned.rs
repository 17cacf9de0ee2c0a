//! Orphaned sessions: sessions that the proxy has ended, but the server has not. The proxy ends a session without the
//! server if its account is revoked, it is idle for too long, a limit is reached, the operation that opens it is
//! aborted, or a hook panics. Its cookies are queued, up to a limit, so that `net` can end it at the server.

use std::collections::VecDeque;
use std::fmt;

use mapi::mapihttp::Endpoint;
use mapi::mapihttp::cookies::CookieJar;

/// The maximum memory of the queue, in bytes. This suffices for tens of thousands of sessions with cookies of usual
/// length.
const MAX_QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// The maximum size of a session's cookies and target, in bytes. A session with more is not ended at the server.
const MAX_LOGOFF_BYTES: usize = 8 * 1024;

/// A session that is to be ended at the server.
pub struct OrphanedSession {
    /// The endpoint of the session.
    pub endpoint: Endpoint,
    /// The target of the request that opened the session: path and query, which may identify the mailbox to the server.
    pub target: String,
    /// The value of the `Cookie` header: the newest cookies of the session.
    pub cookies: String,
}

/// Cookies grant access to a session, so they are not printed.
impl fmt::Debug for OrphanedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrphanedSession").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The data with which a session can be ended at the server.
#[derive(Debug, Default)]
pub(crate) struct LogoffData {
    target: String,
    jar: CookieJar,
    /// Whether the data exceeded [`MAX_LOGOFF_BYTES`] and were discarded.
    exceeded: bool,
}

impl LogoffData {
    /// Records cookies that the upstream set for the session. `set` are the values of `Set-Cookie` headers. Of the
    /// targets of the session's requests the first is kept.
    pub(crate) fn record<'a>(&mut self, target: &str, set: impl Iterator<Item = &'a str>) {
        if self.exceeded {
            return;
        }
        if self.target.is_empty() {
            target.clone_into(&mut self.target);
        }
        set.for_each(|set| self.jar.set(set));
        if self.jar.size().saturating_add(self.target.len()) > MAX_LOGOFF_BYTES {
            *self = Self { exceeded: true, ..Self::default() };
        }
    }
}

/// The queue of sessions to be ended at the server.
#[derive(Debug, Default)]
pub(crate) struct OrphanQueue {
    sessions: VecDeque<OrphanedSession>,
    /// The memory of the queued sessions.
    bytes: usize,
    dropped: u64,
}

impl OrphanQueue {
    /// Adds a session at `endpoint`. Does nothing if `logoff` has no cookies: then the server has no such session, or
    /// the proxy cannot end it there.
    pub(crate) fn push(&mut self, endpoint: Endpoint, logoff: LogoffData) {
        let Some(cookies) = logoff.jar.header() else { return };
        let texts = cookies.len().saturating_add(logoff.target.len());
        let bytes = self.bytes.saturating_add(texts).saturating_add(size_of::<OrphanedSession>());
        if bytes > MAX_QUEUE_BYTES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.sessions.push_back(OrphanedSession { endpoint, target: logoff.target, cookies });
    }

    /// Takes all sessions. Also returns how many were dropped because the queue was full.
    pub(crate) fn take(&mut self) -> (Vec<OrphanedSession>, u64) {
        self.bytes = 0;
        (std::mem::take(&mut self.sessions).into(), std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_cookies_are_kept_up_to_a_limit() {
        let (mut queue, mut logoff) = (OrphanQueue::default(), LogoffData::default());
        logoff.record("/mapi/emsmdb/?MailboxId=a", ["sid=1; path=/", "sequence=1"].into_iter());
        logoff.record("/mapi/emsmdb/", ["sequence=2", "gone=; Max-Age=0"].into_iter());
        queue.push(Endpoint::Emsmdb, logoff);
        let queued = queue.sessions.pop_front().unwrap();
        assert_eq!((&*queued.target, &*queued.cookies), ("/mapi/emsmdb/?MailboxId=a", "sid=1; sequence=2"));
        let mut logoff = LogoffData::default();
        let long = format!("sid={}", "x".repeat(MAX_LOGOFF_BYTES));
        logoff.record("/mapi/emsmdb/", [&*long].into_iter());
        logoff.record("/mapi/emsmdb/", ["sid=1"].into_iter());
        queue.push(Endpoint::Emsmdb, logoff);
        assert!(queue.sessions.is_empty());
    }

    #[test]
    fn the_memory_of_the_queue_is_bounded_and_dropped_sessions_are_counted() {
        let mut queue = OrphanQueue::default();
        let cookie = format!("sid={}", "1".repeat(400));
        let push = |queue: &mut OrphanQueue| {
            let mut logoff = LogoffData::default();
            logoff.record("/", [&*cookie].into_iter());
            queue.push(Endpoint::Nspi, logoff);
        };
        let fit = MAX_QUEUE_BYTES / (404 + 1 + size_of::<OrphanedSession>());
        assert!(fit > 30_000, "{fit}");
        for _ in 0..2 {
            (0..fit + 5).for_each(|_| push(&mut queue));
            let (sessions, dropped) = queue.take();
            assert_eq!((sessions.len(), dropped), (fit, 5));
        }
    }
}
