//! Sessions that end here while the server still has them: since their account was revoked, they were idle for too
//! long, or they gave way to others. What it takes to end them there too is kept, as much as there is room for.

use std::collections::VecDeque;
use std::fmt;

use mapi::mapihttp::Endpoint;
use mapi::mapihttp::cookies::CookieJar;

/// The most memory of the sessions that wait to be ended at the server, in bytes. This suffices for tens of thousands
/// of sessions with cookies of a usual length.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of cookies, and of a target, that are kept of a session. One that has more ends here alone.
const KEPT: usize = 8 * 1024;

/// A session that is to be ended at the server.
pub struct OrphanedSession {
    /// The endpoint that it is at.
    pub endpoint: Endpoint,
    /// Where the client's requests of it went: path and query, by which servers find a mailbox.
    pub target: String,
    /// The value of the `Cookie` header: its newest cookies.
    pub cookies: String,
}

/// Cookies grant access to a session, so that they are not shown.
impl fmt::Debug for OrphanedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrphanedSession").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What is kept of a session to end it at the server.
#[derive(Debug, Default)]
pub(crate) struct LogoffData {
    target: String,
    jar: CookieJar,
    exceeded: bool,
}

impl LogoffData {
    /// The upstream set these cookies for the session, whose requests go to `target`.
    pub(crate) fn record<'a>(&mut self, target: &str, set: impl Iterator<Item = &'a str>) {
        if self.exceeded {
            return;
        }
        if self.target.is_empty() {
            target.clone_into(&mut self.target);
        }
        set.for_each(|set| self.jar.set(set));
        if self.jar.size().saturating_add(self.target.len()) > KEPT {
            *self = Self { exceeded: true, ..Self::default() };
        }
    }
}

/// The sessions that wait to be ended at the server.
#[derive(Debug, Default)]
pub(crate) struct OrphanQueue {
    waiting: VecDeque<OrphanedSession>,
    /// The memory of the waiting sessions.
    bytes: usize,
    dropped: u64,
}

impl OrphanQueue {
    /// Lets a session at `endpoint` wait of which so much was `kept`; nothing was where the server never had it, or it
    /// can't be ended there.
    pub(crate) fn push(&mut self, endpoint: Endpoint, logoff: LogoffData) {
        let Some(cookies) = logoff.jar.header() else { return };
        let texts = cookies.len().saturating_add(logoff.target.len());
        let bytes = self.bytes.saturating_add(texts).saturating_add(size_of::<OrphanedSession>());
        if bytes > MAX_WAITING_BYTES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.waiting.push_back(OrphanedSession { endpoint, target: logoff.target, cookies });
    }

    /// Takes the sessions out that wait, and says how many others there was no room for.
    pub(crate) fn take(&mut self) -> (Vec<OrphanedSession>, u64) {
        self.bytes = 0;
        (std::mem::take(&mut self.waiting).into(), std::mem::take(&mut self.dropped))
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
        let waits = queue.waiting.pop_front().unwrap();
        assert_eq!((&*waits.target, &*waits.cookies), ("/mapi/emsmdb/?MailboxId=a", "sid=1; sequence=2"));
        let mut logoff = LogoffData::default();
        let long = format!("sid={}", "x".repeat(KEPT));
        logoff.record("/mapi/emsmdb/", [&*long].into_iter());
        logoff.record("/mapi/emsmdb/", ["sid=1"].into_iter());
        queue.push(Endpoint::Emsmdb, logoff);
        assert!(queue.waiting.is_empty());
    }

    #[test]
    fn the_memory_of_waiting_sessions_is_bounded_and_those_left_out_are_counted() {
        let mut queue = OrphanQueue::default();
        let cookie = format!("sid={}", "1".repeat(400));
        let push = |queue: &mut OrphanQueue| {
            let mut logoff = LogoffData::default();
            logoff.record("/", [&*cookie].into_iter());
            queue.push(Endpoint::Nspi, logoff);
        };
        let fit = MAX_WAITING_BYTES / (404 + 1 + size_of::<OrphanedSession>());
        assert!(fit > 30_000, "{fit}");
        for _ in 0..2 {
            (0..fit + 5).for_each(|_| push(&mut queue));
            let (sessions, dropped) = queue.take();
            assert_eq!((sessions.len(), dropped), (fit, 5));
        }
    }
}
