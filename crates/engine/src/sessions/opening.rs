//! Sessions that are being opened over HTTP: the Connect or Bind was accepted, and the head of its response was not
//! received. They count in the limits on sessions, since the server may have opened them.
//!
//! The client may disconnect, its account may be revoked, or a time limit may be exceeded before the head is received.
//! The server opens the session nevertheless, and the head has its cookies. They belong to this session then, and not
//! to the earlier one for which the server set them too; and without them the session could not be ended at the server.
//! So the head is to be read, and passed to [`OpeningSession::opened`].

use std::time::Duration;

use identity::{Identity, UserKey};
use mapi::mapihttp::Endpoint;
use mapi::mapihttp::cookies::SetCookie;

use crate::engine::Engine;
use crate::session::SharedSession;
use crate::sessions::cookies::{CookieTable, SessionLimitReached};
use crate::sessions::reissued::Reissued;
use crate::sessions::sequence::RequestCookies;

/// Counts a session that is being opened in the limits on sessions, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    table: CookieTable,
    endpoint: Endpoint,
    user: UserKey,
}

impl Reservation {
    /// Reserves room for a session of `identity`, which replaces the session `replaces`.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(crate) fn new(
        table: &CookieTable,
        endpoint: Endpoint,
        identity: &Identity,
        replaces: Option<u64>,
    ) -> Result<Self, SessionLimitReached> {
        table.reserve(endpoint, identity.user(), replaces)?;
        Ok(Self { table: table.clone(), endpoint, user: identity.user().clone() })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.table.release(self.endpoint, &self.user);
    }
}

/// A session that the server may be opening although its client does not wait for the response any more. It counts in
/// the limits on sessions until it is dropped.
#[derive(Debug)]
pub struct OpeningSession {
    pub(crate) engine: Engine,
    pub(crate) session: SharedSession,
    pub(crate) identity: Identity,
    /// The cookies of the Connect or Bind.
    pub(crate) cookies: RequestCookies,
    /// When the Connect or Bind was received, by the monotonic clock.
    pub(crate) at: Duration,
    pub(crate) reservation: Reservation,
}

impl OpeningSession {
    /// The server has opened the session: the head of its response was received. `set` returns the values of its
    /// `Set-Cookie` headers, and `target` is the target of the request. Sessions that had these cookies end as if the
    /// client had received the response, and so does the session that this one replaces. This one is queued to be ended
    /// at the server.
    pub fn opened<'a, I: Iterator<Item = &'a str>>(self, target: &str, set: impl Fn() -> I) {
        let Self { engine, session, identity, cookies, at, reservation } = self;
        let Reservation { table, endpoint, .. } = &reservation;
        let given = || set().map(SetCookie::parse).filter(|set| !set.is_removal());
        if given().next().is_none() {
            return;
        }
        table.insert(*endpoint, &session, &identity, at);
        let (ended, _) = table.bind(*endpoint, session.id(), &cookies, given());
        // Anonymous clients have no session at the server.
        if !identity.is_anonymous() {
            table.record_logoff_cookies(session.id(), target, set());
        }
        table.abandon(session.id());
        let replaced = cookies.replaces.as_ref().and_then(|replaced| table.remove(replaced.id()));
        for session in &ended {
            engine.end_reissued(session, Reissued::Cookies);
        }
        for session in replaced.iter().chain([&session]) {
            engine.end_session(session);
        }
    }
}
