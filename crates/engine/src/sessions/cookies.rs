//! The cookie table: the sessions of MAPI over HTTP, which are identified by cookies.
//!
//! The proxy forwards the upstream's cookies unchanged and does not interpret their values. With a service account,
//! cookies are the only means to separate the sessions of different identities.
//!
//! - **Ownership.** A cookie that the upstream set for one session identifies that session and its identity. A
//!   request is refused if another identity presents the cookie, or if a second cookie identifies another session. A
//!   response that would leave a session without an identifying cookie is refused. A cookie that was not set for the
//!   session is not sent to the upstream, which may parse it differently.
//! - **Shared cookies.** A cookie that was set for several sessions, such as one by which a load balancer finds the
//!   server that it chose, identifies no session. Each of these sessions may present it beside its identifying cookie.
//! - **Reissued cookies.** A server that lost its sessions may give their cookies to sessions of other identities.
//!   Sessions end whose session context cookie ([`context_cookie`](crate::sessions::context_cookie)) is set for a
//!   session of another identity, whatever their other cookies are, and sessions whose newest identifying cookies are
//!   all set for such sessions. A response with nothing but cookies of another identity is refused if no other cookie
//!   identifies the session, since it may be a copy of that identity's; the sessions that had them end nevertheless.
//!   A server may also give the cookies of a session to a new one of the same identity, by which it replaced the
//!   former. Sessions of that identity with the same session context cookie end if no cookie would identify the new
//!   one otherwise.
//! - **Replacement.** A Connect or Bind may have the cookies of the session that it replaces ([MS-OXCMAPIHTTP]
//!   3.2.5.6). They are sent to the upstream only if they identify a session of the same identity. That session ends
//!   when the new one is open.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::{Identity, UserKey};
use mapi::mapihttp::Endpoint;
use mapi::mapihttp::cookies::{Cookie, SetCookie};

use crate::refusal::RefusalKind;
use crate::session::SharedSession;
use crate::sessions::context_cookie::is_context_cookie;
use crate::sessions::cookie_index::{COOKIES, CookieIndex, Entry, GivenCookie, NotIdentified, VALUES};
use crate::sessions::fingerprint::{Fingerprint, Hashers};
use crate::sessions::limits::SessionLimits;
use crate::sessions::orphaned::OrphanedSession;
use crate::sessions::sequence::RequestCookies;
use crate::user_memory::{MemoryLimit, MemoryShare};

/// The sessions of a listener of MAPI over HTTP, by cookie. Clones share one table.
#[derive(Debug, Clone, Default)]
pub struct CookieTable {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    limits: SessionLimits,
    /// Whether orphaned sessions are queued, to be ended at the server.
    ends_at_server: AtomicBool,
    hashers: Hashers,
    index: Mutex<CookieIndex>,
}

/// The session of a request, if it has cookies of one, and its cookies.
#[derive(Debug, Default)]
pub(crate) struct SessionLookup {
    pub(crate) session: Option<SharedSession>,
    pub(crate) cookies: RequestCookies,
}

/// The cookies of a request identify no session that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotFound {
    #[error("the cookies identify a session that has ended or that never existed")]
    NoSession,
    #[error("the cookies identify several sessions")]
    SeveralSessions,
    #[error("the cookies identify a session of another identity")]
    OtherIdentity,
    #[error("a cookie has a value that the session was never given")]
    UnknownValue,
    #[error("an earlier request of the session was delayed and is still in progress")]
    OutOfSequence,
}

impl NotFound {
    /// The kind of refusal that the client receives.
    pub(crate) const fn kind(self) -> RefusalKind {
        match self {
            Self::NoSession => RefusalKind::NoSession,
            Self::SeveralSessions | Self::UnknownValue => RefusalKind::BadCookies,
            Self::OtherIdentity => RefusalKind::AccessDenied,
            Self::OutOfSequence => RefusalKind::OutOfSequence,
        }
    }
}

/// A limit on the number of sessions is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionLimitReached {
    #[error(
        "limit clients.sessions_per_user is reached, and each of the user's sessions has a request in progress"
    )]
    PerUser,
    #[error(
        "limit clients.sessions is reached, and the user has no session without a request in progress that could end \
         for the new one"
    )]
    Total,
}

impl CookieTable {
    /// Creates an empty table with these `limits`.
    pub fn new(limits: SessionLimits) -> Self {
        Self { shared: Arc::new(Shared { limits, ..Shared::default() }) }
    }

    /// Makes the table keep the cookies of its sessions, so that orphaned ones can be ended at the server. Use it if
    /// that can be done without the client's credentials.
    #[must_use]
    pub fn ending_at_server(self) -> Self {
        self.shared.ends_at_server.store(true, Ordering::Relaxed);
        self
    }

    /// Records the cookies with which the session `id` can be ended at the server. `set` are the values of
    /// `Set-Cookie` headers, and `target` is the target of the session's requests.
    pub(crate) fn record_logoff_cookies<'a>(
        &self,
        id: u64,
        target: &str,
        set: impl Iterator<Item = &'a str>,
    ) {
        let mut set = set.peekable();
        if !self.shared.ends_at_server.load(Ordering::Relaxed) || set.peek().is_none() {
            return;
        }
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.logoff.record(target, set);
            if entry.count(0).is_err() {
                entry.logoff.give_up();
            }
        }
    }

    /// Takes the sessions that are to be ended at the server. Also returns how many were dropped because the queue
    /// was full.
    pub fn take_orphaned(&self) -> (Vec<OrphanedSession>, u64) {
        self.lock().orphaned.take()
    }

    /// Finds the session that the `cookies` identify. A request without cookies has none. `in_sequence` says whether
    /// the request is part of the session's sequence.
    pub(crate) fn find<'a>(
        &self,
        endpoint: Endpoint,
        identity: &Identity,
        cookies: impl Iterator<Item = Cookie<'a>>,
        in_sequence: bool,
        now: Duration,
    ) -> Result<SessionLookup, NotFound> {
        let sent: Vec<(Fingerprint, Fingerprint)> =
            cookies.map(|cookie| self.shared.hashers.fingerprints(cookie)).collect();
        let mut inner = self.lock();
        let mut owners = sent.iter().filter_map(|(_, pair)| inner.owners.identified_by((endpoint, *pair)));
        let Some(owner) = owners.next() else {
            return if sent.is_empty() { Ok(SessionLookup::default()) } else { Err(NotFound::NoSession) };
        };
        if owners.any(|other| other != owner) {
            return Err(NotFound::SeveralSessions);
        }
        let CookieIndex { owners, entries, .. } = &mut *inner;
        let Some(entry) = entries.get_mut(&owner) else { return Err(NotFound::NoSession) };
        if entry.identity != *identity {
            // Cookies of a session that has ended, beside one that a load balancer set for both.
            let is_over = sent.iter().any(|(_, pair)| !owners.contains((endpoint, *pair)));
            return Err(if is_over { NotFound::NoSession } else { NotFound::OtherIdentity });
        }
        // A cookie that the upstream set for the session must have one of the values that were set.
        let foreign = sent.iter().any(|(name, pair)| {
            entry.cookies.iter().any(|known| known.name == *name && !known.values.contains(pair))
        });
        if foreign {
            return Err(NotFound::UnknownValue);
        }
        if in_sequence && entry.sequence.is_locked() {
            return Err(NotFound::OutOfSequence);
        }
        entry.last_used = now;
        entry.in_progress = entry.in_progress.saturating_add(1);
        let pending = entry.sequence.take_pending(&sent, in_sequence);
        let is_known =
            |(name, _): &(Fingerprint, Fingerprint)| entry.cookies.iter().any(|known| known.name == *name);
        let unknown_names = sent.iter().filter(|cookie| !is_known(cookie)).map(|(name, _)| *name).collect();
        Ok(SessionLookup {
            session: Some(entry.session.clone()),
            cookies: RequestCookies { sent, unknown: unknown_names, pending, in_sequence, replaces: None },
        })
    }

    /// Finds the session of the same identity that a Connect or Bind with these `cookies` replaces. Only cookies that
    /// were set for that session are sent to the upstream.
    pub(crate) fn find_replaced<'a>(
        &self,
        endpoint: Endpoint,
        identity: &Identity,
        cookies: impl Iterator<Item = Cookie<'a>>,
    ) -> RequestCookies {
        let sent: Vec<(Fingerprint, Fingerprint)> =
            cookies.map(|cookie| self.shared.hashers.fingerprints(cookie)).collect();
        let inner = self.lock();
        let mut owners = sent.iter().filter_map(|(_, pair)| inner.owners.identified_by((endpoint, *pair)));
        let first = owners.next();
        let owner = first.filter(|first| owners.all(|other| other == *first));
        let entry = owner.and_then(|id| inner.entries.get(&id)).filter(|entry| entry.identity == *identity);
        let given = |pair: &Fingerprint, name: &Fingerprint| {
            entry.is_some_and(|entry| {
                entry.cookies.iter().any(|known| known.name == *name && known.values.contains(pair))
            })
        };
        // All values of a name are sent, or none: the upstream may use any of them.
        let unknown_names =
            sent.iter().filter(|(name, pair)| !given(pair, name)).map(|(name, _)| *name).collect();
        let replaces = entry.map(|entry| entry.session.clone());
        RequestCookies { sent, unknown: unknown_names, replaces, ..RequestCookies::EMPTY }
    }

    /// Counts a session that `user` is opening, for which an idle one of the same user may have to end, until
    /// [`release`](Self::release).
    ///
    /// # Errors
    /// The limit that is reached.
    pub(crate) fn reserve(
        &self,
        endpoint: Endpoint,
        user: &UserKey,
        replaces: Option<u64>,
    ) -> Result<(), SessionLimitReached> {
        let SessionLimits { per_user, total } = self.shared.limits;
        let mut inner = self.lock();
        let room = inner.room(endpoint, user, replaces);
        if room.all >= total {
            return Err(SessionLimitReached::Total);
        }
        if room.of_user >= per_user {
            return Err(SessionLimitReached::PerUser);
        }
        inner.opening.add(endpoint, user);
        Ok(())
    }

    /// Counts a session that `user` was opening no more.
    pub(crate) fn release(&self, endpoint: Endpoint, user: &UserKey) {
        self.lock().opening.remove(endpoint, user);
    }

    /// The session to end before `identity` can open another one, and the limit that is reached; `None` if none is.
    fn session_to_evict(
        &self,
        inner: &CookieIndex,
        endpoint: Endpoint,
        identity: &Identity,
        replaces: Option<u64>,
    ) -> Result<Option<(u64, SessionLimitReached)>, SessionLimitReached> {
        let own = inner.by_user.get(&(endpoint, identity.user().clone()));
        let is_full = inner.entries.len() >= self.shared.limits.total;
        if !is_full && own.map_or(0, HashSet::len) < self.shared.limits.per_user {
            return Ok(None);
        }
        let full = if is_full { SessionLimitReached::Total } else { SessionLimitReached::PerUser };
        let idle = own.and_then(|own| inner.longest_idle(own, replaces)).ok_or(full)?;
        Ok(Some((idle, full)))
    }

    /// Counts the memory of the cookies of the session `id`, and `more` bytes that are to be kept.
    ///
    /// # Errors
    /// If it exceeds a limit. Then the session is removed: without its newest cookies its client could not continue it.
    pub(crate) fn count(&self, id: u64, more: usize) -> Result<(), MemoryLimit> {
        let mut inner = self.lock();
        let counted = inner.entries.get_mut(&id).map_or(Ok(()), |entry| entry.count(more));
        if counted.is_err() {
            inner.abandon(id);
        }
        counted
    }

    /// Adds a session of `identity`, whose cookies are counted in `share`. Returns the session that was removed because
    /// a limit is reached, and that limit.
    pub(crate) fn open(
        &self,
        endpoint: Endpoint,
        session: &SharedSession,
        identity: &Identity,
        replaces: Option<u64>,
        share: MemoryShare,
        now: Duration,
    ) -> Result<Option<(SharedSession, SessionLimitReached)>, SessionLimitReached> {
        let mut guard = self.lock();
        if guard.entries.contains_key(&session.id()) {
            return Ok(None);
        }
        let evicted = self.session_to_evict(&guard, endpoint, identity, replaces)?.and_then(|(id, limit)| {
            // The server itself ends a replaced session.
            let evicted = if Some(id) == replaces { guard.remove(id) } else { guard.abandon(id) };
            Some((evicted?, limit))
        });
        guard.insert(Entry::new(session, endpoint, identity, share, now));
        Ok(evicted)
    }

    /// Adds a session that is to end at once, whatever the limits.
    pub(crate) fn insert(
        &self,
        endpoint: Endpoint,
        session: &SharedSession,
        identity: &Identity,
        now: Duration,
    ) {
        self.lock().insert(Entry::new(session, endpoint, identity, MemoryShare::default(), now));
    }

    /// Binds cookies to the session `id`, if the table still has it: all of them or, if a session would be left
    /// without a cookie that identifies it, none. Also returns the sessions that were removed, since cookies that
    /// identified them were set for this one, of another identity or instead of them.
    pub(crate) fn bind<'a>(
        &self,
        endpoint: Endpoint,
        id: u64,
        request: &RequestCookies,
        set: impl Iterator<Item = SetCookie<'a>>,
    ) -> (Vec<SharedSession>, Result<(), NotIdentified>) {
        let given = set.map(|SetCookie { cookie, .. }| {
            let (name, pair) = self.shared.hashers.fingerprints(cookie);
            GivenCookie { name, key: (endpoint, pair), is_context: is_context_cookie(cookie.name) }
        });
        let given: Vec<GivenCookie> = given.take(COOKIES * VALUES).collect();
        let mut inner = self.lock();
        if given.is_empty() || !inner.entries.contains_key(&id) {
            return (Vec::new(), Ok(()));
        }
        for given in &given {
            inner.orphaned.withdraw(given.key);
        }
        let mut ended = inner.share(id, &given);
        let replaces = request.replaces.as_ref().map(SharedSession::id);
        let mut checked = inner.check_identifiable(id, &given, replaces);
        if checked == Err(NotIdentified::Own) {
            ended.extend(inner.remove_superseded(id, &given));
            checked = inner.check_identifiable(id, &given, replaces);
        }
        if checked.is_ok() {
            for given in given {
                inner.bind(given, id, request);
            }
        }
        (ended, checked)
    }

    /// Locks the session's sequence for `operation`.
    pub(crate) fn lock_sequence(&self, id: u64, operation: u64) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.sequence.lock_sequence(operation);
        }
    }

    /// Updates the session after an operation. The cookies in `request` that the client has not received are kept.
    pub(crate) fn operation_ended(
        &self,
        id: u64,
        operation: u64,
        request: &mut RequestCookies,
        now: Duration,
    ) {
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.in_progress = entry.in_progress.saturating_sub(1);
            entry.last_used = entry.last_used.max(now);
            entry.sequence.operation_ended(operation, request, |name| self.shared.hashers.of_name(name));
            // Cookies of operations that ended at the same time may exceed a limit together.
            if entry.count(0).is_err() {
                inner.abandon(id);
            }
        }
    }

    /// Whether the table has the session `id`.
    pub(crate) fn contains(&self, id: u64) -> bool {
        self.lock().entries.contains_key(&id)
    }

    /// Removes a session and its cookies. Returns the session, if the table had it.
    pub(crate) fn remove(&self, id: u64) -> Option<SharedSession> {
        self.lock().remove(id)
    }

    /// Removes a session that the server still has, and its cookies.
    pub(crate) fn abandon(&self, id: u64) {
        self.lock().abandon(id);
    }

    /// Removes and returns the sessions without a request for longer than `idle`.
    pub(crate) fn take_idle(&self, now: Duration, idle: Duration) -> Vec<SharedSession> {
        let late = |entry: &Entry| entry.in_progress == 0 && now.saturating_sub(entry.last_used) > idle;
        let mut inner = self.lock();
        let ids: Vec<u64> =
            inner.entries.iter().filter(|(_, entry)| late(entry)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| inner.abandon(id)).collect()
    }

    /// Removes and returns the sessions whose security context was revoked.
    pub(crate) fn take_revoked(&self) -> Vec<SharedSession> {
        let all: Vec<_> =
            self.lock().entries.iter().map(|(id, entry)| (*id, entry.session.clone())).collect();
        // Sessions are locked only after the table is unlocked: a session may be in use for a while.
        let revoked = all.into_iter().filter(|(_, session)| session.is_revoked());
        revoked.filter_map(|(id, _)| self.lock().abandon(id)).collect()
    }

    /// Removes and returns all sessions.
    pub(crate) fn take_all(&self) -> Vec<SharedSession> {
        let mut inner = self.lock();
        inner.owners.clear();
        inner.by_user.clear();
        std::mem::take(&mut inner.entries).into_values().map(|entry| entry.session).collect()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, CookieIndex> {
        self.shared.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
