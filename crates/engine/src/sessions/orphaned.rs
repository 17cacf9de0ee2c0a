//! Orphaned sessions: sessions that the proxy has ended, but the server has not. The proxy ends a session without the
//! server if its account is revoked, it is idle for too long, a limit is reached, the operation that opens it is
//! aborted, or a hook panics. Its cookies are queued, up to a limit, so that `net` can end it at the server.
//!
//! A server that has lost its sessions may give the cookies of an orphaned session to another one, perhaps of another
//! identity. The orphaned session is then withdrawn, even if `net` has taken it: a Disconnect would end the other one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use mapi::mapihttp::Endpoint;
use mapi::mapihttp::cookies::CookieJar;

use crate::sessions::cookie_owners::Key;

/// The maximum memory of the queue, in bytes. This suffices for tens of thousands of sessions with cookies of usual
/// length.
const MAX_QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// The maximum size of a session's cookies and target, in bytes. A session with more is not ended at the server.
const MAX_LOGOFF_BYTES: usize = 8 * 1024;

/// The memory that each cookie in the queue's index takes, in bytes: the cookie with its pointer, and room for growth.
const BYTES_PER_COOKIE: usize = 2 * (size_of::<Key>() + size_of::<usize>());

/// A session that is to be ended at the server.
pub struct OrphanedSession {
    /// The endpoint of the session.
    pub endpoint: Endpoint,
    /// The target of the request that opened the session: path and query, which may identify the mailbox to the server.
    pub target: String,
    /// The value of the `Cookie` header: the newest cookies of the session.
    pub cookies: String,
    is_withdrawn: Arc<AtomicBool>,
}

impl OrphanedSession {
    /// Whether it may be ended at the server: no cookie by which the server finds it was set for another session since.
    /// To be checked immediately before the request is sent.
    pub fn may_be_ended(&self) -> bool {
        !self.is_withdrawn.load(Ordering::Acquire)
    }
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
        if self.memory() > MAX_LOGOFF_BYTES {
            self.give_up();
        }
    }

    /// The size of the cookies and the target, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.jar.size().saturating_add(self.target.len())
    }

    /// Drops the cookies, and those that are recorded later: the session is not ended at the server.
    pub(crate) fn give_up(&mut self) {
        *self = Self { exceeded: true, ..Self::default() };
    }
}

/// The queue of sessions to be ended at the server.
#[derive(Debug, Default)]
pub(crate) struct OrphanQueue {
    sessions: VecDeque<OrphanedSession>,
    /// [`OrphanedSession::is_withdrawn`] of the sessions that are queued, or were taken and still exist, by the cookies
    /// by which the server finds them.
    by_cookie: HashMap<Key, Weak<AtomicBool>>,
    /// The memory of the queued sessions.
    bytes: usize,
    dropped: u64,
}

impl OrphanQueue {
    /// Adds a session at `endpoint`, which the server finds by the cookies `identifying`. Does nothing if `logoff` has
    /// no cookies: then the server has no such session, or the proxy cannot end it there.
    pub(crate) fn push(&mut self, endpoint: Endpoint, logoff: LogoffData, identifying: &[Key]) {
        let Some(cookies) = logoff.jar.header() else { return };
        let texts = cookies.len().saturating_add(logoff.target.len());
        let index = identifying.len().saturating_mul(BYTES_PER_COOKIE);
        let sizes = [texts, index, size_of::<OrphanedSession>()];
        let bytes = sizes.into_iter().fold(self.bytes, usize::saturating_add);
        if bytes > MAX_QUEUE_BYTES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        let is_withdrawn = Arc::<AtomicBool>::default();
        self.by_cookie.extend(identifying.iter().map(|key| (*key, Arc::downgrade(&is_withdrawn))));
        self.sessions.push_back(OrphanedSession { endpoint, target: logoff.target, cookies, is_withdrawn });
    }

    /// Withdraws the session that the server finds by the cookie, which is set for another session now.
    pub(crate) fn withdraw(&mut self, cookie: Key) {
        if let Some(is_withdrawn) = self.by_cookie.remove(&cookie).and_then(|orphan| orphan.upgrade()) {
            is_withdrawn.store(true, Ordering::Release);
        }
    }

    /// Takes all sessions that were not withdrawn. Also returns how many were dropped because the queue was full.
    pub(crate) fn take(&mut self) -> (Vec<OrphanedSession>, u64) {
        self.bytes = 0;
        self.sessions.retain(OrphanedSession::may_be_ended);
        self.by_cookie.retain(|_, orphan| orphan.strong_count() > 0);
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
        queue.push(Endpoint::Emsmdb, logoff, &[]);
        let queued = queue.sessions.pop_front().unwrap();
        assert_eq!((&*queued.target, &*queued.cookies), ("/mapi/emsmdb/?MailboxId=a", "sid=1; sequence=2"));
        let mut logoff = LogoffData::default();
        let long = format!("sid={}", "x".repeat(MAX_LOGOFF_BYTES));
        logoff.record("/mapi/emsmdb/", [&*long].into_iter());
        logoff.record("/mapi/emsmdb/", ["sid=1"].into_iter());
        queue.push(Endpoint::Emsmdb, logoff, &[]);
        assert!(queue.sessions.is_empty());
    }

    #[test]
    fn the_memory_of_the_queue_is_bounded_and_dropped_sessions_are_counted() {
        let mut queue = OrphanQueue::default();
        let cookie = format!("sid={}", "1".repeat(400));
        let push = |queue: &mut OrphanQueue, number: u64| {
            let mut logoff = LogoffData::default();
            logoff.record("/", [&*cookie].into_iter());
            queue.push(Endpoint::Nspi, logoff, &[(Endpoint::Nspi, [number, 0])]);
        };
        let fit = MAX_QUEUE_BYTES / (404 + 1 + size_of::<OrphanedSession>() + BYTES_PER_COOKIE);
        assert!(fit > 25_000, "{fit}");
        for _ in 0..2 {
            (0..fit + 5).for_each(|number| push(&mut queue, u64::try_from(number).unwrap()));
            let (sessions, dropped) = queue.take();
            assert_eq!((sessions.len(), dropped), (fit, 5));
        }
        assert_eq!((queue.take().0.len(), queue.by_cookie.len()), (0, 0));
    }

    #[test]
    fn a_session_is_withdrawn_when_one_of_its_cookies_is_set_anew_in_the_queue_and_outside() {
        let key = |number| (Endpoint::Emsmdb, [number, 0]);
        let mut queue = OrphanQueue::default();
        let push = |queue: &mut OrphanQueue, numbers: [u64; 2]| {
            let mut logoff = LogoffData::default();
            logoff.record("/", [&*format!("sid={numbers:?}")].into_iter());
            queue.push(Endpoint::Emsmdb, logoff, &numbers.map(key));
        };
        for first in [1, 3, 5] {
            push(&mut queue, [first, first + 1]);
        }
        queue.withdraw(key(2));
        queue.withdraw(key(9));
        let (taken, _) = queue.take();
        assert_eq!(
            taken.iter().map(|orphan| &*orphan.cookies).collect::<Vec<_>>(),
            ["sid=[3, 4]", "sid=[5, 6]"]
        );
        queue.withdraw(key(5));
        assert_eq!(taken.iter().map(OrphanedSession::may_be_ended).collect::<Vec<_>>(), [true, false]);
    }
}
