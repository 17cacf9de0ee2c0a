//! Session Contexts: their cookies, their users, and one request at a time ([MS-OXCMAPIHTTP] 3.1.5, 3.2.5).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::header::{COOKIE, HeaderMap};
use identity::{Identity, OsRandom, Random as _, SecurityContext};
use mapi::mapihttp::{Endpoint, ResponseCode, cookies};
use mapi::nspi::MId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::http::config::HttpLimits;
use crate::session::{MailboxSession, SharedSession};

/// The cookie that identifies a Session Context.
const CONTEXT_COOKIE: &str = "MapiContext";
/// The cookie that changes with each request of a Session Context.
const SEQUENCE_COOKIE: &str = "MapiSequence";

/// The open Session Contexts.
pub(super) struct Sessions {
    limits: HttpLimits,
    open: Mutex<HashMap<String, Arc<SessionContext>>>,
}

/// A Session Context. It belongs to the user and the endpoint that opened it.
pub(super) struct SessionContext {
    id: String,
    identity: Identity,
    endpoint: Endpoint,
    /// The person as whom the session acts; `None` for the address book.
    person: Option<MId>,
    /// The session with the mailbox store; `None` for the address book.
    mailbox: Option<Arc<SharedSession>>,
    state: Mutex<State>,
    ended: watch::Sender<bool>,
}

struct State {
    /// The value of the sequence cookie that the next request must have.
    sequence: String,
    /// Whether a request takes its turn.
    is_busy: bool,
    /// The number of waits for notifications in progress.
    waits: usize,
    last_used: Instant,
}

/// The cookies of a request that are of MAPI over HTTP.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SessionCookies {
    context: Option<String>,
    sequence: Option<String>,
}

impl SessionCookies {
    /// The cookies in the headers of a request.
    ///
    /// # Errors
    /// [`ResponseCode::InvalidContextCookie`] if one has several values, or a form that no cookie of the lab has.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ResponseCode> {
        let invalid = ResponseCode::InvalidContextCookie;
        let mut found = Self::default();
        for header in headers.get_all(COOKIE) {
            let header = header.to_str().map_err(|_| ResponseCode::InvalidHeader)?;
            for cookie in cookies::cookies(header) {
                let place = match cookie.name {
                    CONTEXT_COOKIE => &mut found.context,
                    SEQUENCE_COOKIE => &mut found.sequence,
                    _ => continue,
                };
                let is_well_formed =
                    cookie.value.len() == 32 && cookie.value.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_well_formed || place.as_ref().is_some_and(|earlier| earlier != cookie.value) {
                    return Err(invalid);
                }
                *place = Some(cookie.value.to_owned());
            }
        }
        Ok(found)
    }

    /// Whether the request names a Session Context.
    pub(super) const fn has_context(&self) -> bool {
        self.context.is_some()
    }
}

/// A random value of a cookie.
fn random() -> Result<String, ResponseCode> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).map_err(|_| ResponseCode::UnknownFailure)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    pub(super) fn new(limits: HttpLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    /// Opens a Session Context for the user of `context`, who may have `most` of them as the same person. A further one
    /// ends the one that was idle longest. One that the cookies of the request name is ended before
    /// ([MS-OXCMAPIHTTP] 3.2.5.6), if it is the user's.
    ///
    /// # Errors
    /// [`ResponseCode::UnknownFailure`] without random numbers.
    pub(super) fn open(
        &self,
        context: &SecurityContext,
        endpoint: Endpoint,
        cookies: &SessionCookies,
        mailbox: Option<MailboxSession>,
        most: usize,
    ) -> Result<Arc<SessionContext>, ResponseCode> {
        if let Ok(earlier) = self.find(context, endpoint, cookies) {
            self.end(&earlier);
        }
        let session = Arc::new(SessionContext {
            id: random()?,
            identity: context.identity().clone(),
            endpoint,
            person: mailbox.as_ref().map(|mailbox| mailbox.user),
            mailbox: mailbox.map(SharedSession::new),
            state: Mutex::new(State {
                sequence: random()?,
                is_busy: false,
                waits: 0,
                last_used: Instant::now(),
            }),
            ended: watch::Sender::new(false),
        });
        let mut open = lock(&self.open);
        self.sweep(&mut open);
        let mut own: Vec<_> = open.values().filter(|other| other.counts_with(&session)).cloned().collect();
        if own.len() >= most {
            own.sort_by_key(|session| lock(&session.state).last_used);
            if let Some(oldest) = own.first() {
                oldest.ended.send_replace(true);
                open.remove(&oldest.id);
            }
        }
        open.insert(session.id.clone(), Arc::clone(&session));
        Ok(session)
    }

    /// The Session Context that the cookies of a request of `context` name.
    ///
    /// # Errors
    /// [`ResponseCode::MissingCookie`]; [`ResponseCode::ContextNotFound`] if it does not exist, has expired, or if
    /// another user opened it ([MS-OXCMAPIHTTP] 3.2.5.1); [`ResponseCode::InvalidContextCookie`] if it belongs to the
    /// other endpoint.
    pub(super) fn find(
        &self,
        context: &SecurityContext,
        endpoint: Endpoint,
        cookies: &SessionCookies,
    ) -> Result<Arc<SessionContext>, ResponseCode> {
        let id = cookies.context.as_ref().ok_or(ResponseCode::MissingCookie)?;
        let mut open = lock(&self.open);
        self.sweep(&mut open);
        let session = open.get(id).filter(|session| session.identity == *context.identity());
        let session = session.ok_or(ResponseCode::ContextNotFound)?;
        if session.endpoint != endpoint {
            return Err(ResponseCode::InvalidContextCookie);
        }
        Ok(Arc::clone(session))
    }

    /// Ends a Session Context: its cookies are not valid any more.
    pub(super) fn end(&self, session: &SessionContext) {
        session.ended.send_replace(true);
        lock(&self.open).remove(&session.id);
    }

    /// Ends the Session Contexts that have been idle for too long.
    fn sweep(&self, open: &mut HashMap<String, Arc<SessionContext>>) {
        let idle = self.limits.session_idle;
        open.retain(|_, session| {
            let is_kept = !lock(&session.state).is_idle_for(idle);
            if !is_kept {
                session.ended.send_replace(true);
            }
            is_kept
        });
    }
}

impl State {
    fn is_idle_for(&self, limit: Duration) -> bool {
        !self.is_busy && self.waits == 0 && self.last_used.elapsed() >= limit
    }
}

impl SessionContext {
    /// Whether both count for one limit: the same user opened them, as the same person.
    fn counts_with(&self, other: &Self) -> bool {
        self.identity.user() == other.identity.user() && self.person == other.person
    }

    /// The session with the mailbox store; `None` for the address book.
    pub(super) const fn mailbox(&self) -> Option<&Arc<SharedSession>> {
        self.mailbox.as_ref()
    }

    /// Begins the turn of a request with these cookies. Every cookie of the Session Context is set anew, since the
    /// sequence cookie changes with each turn.
    ///
    /// # Errors
    /// [`ResponseCode::MissingCookie`] without a sequence cookie, [`ResponseCode::InvalidSequence`] if another request
    /// takes its turn, or if the sequence cookie is not the newest one.
    pub(super) fn take_turn(self: &Arc<Self>, cookies: &SessionCookies) -> Result<Turn, ResponseCode> {
        let sequence = cookies.sequence.as_ref().ok_or(ResponseCode::MissingCookie)?;
        let mut state = lock(&self.state);
        if state.is_busy || state.sequence != *sequence {
            return Err(ResponseCode::InvalidSequence);
        }
        state.sequence = random()?;
        state.is_busy = true;
        Ok(Turn(Arc::clone(self)))
    }

    /// Begins a wait for notifications, which takes no turn. The Session Context does not expire meanwhile.
    pub(super) fn wait(self: &Arc<Self>) -> Wait {
        lock(&self.state).waits += 1;
        Wait(Arc::clone(self))
    }

    /// Restarts the time after which the Session Context expires ([MS-OXCMAPIHTTP] 3.2.5.3).
    pub(super) fn refresh(&self) {
        lock(&self.state).last_used = Instant::now();
    }

    /// Completes once the Session Context has ended.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender is a field of this, so that there is no error.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// The values of `Set-Cookie` for all cookies of the Session Context.
    pub(super) fn set_cookies(&self) -> Vec<String> {
        let path = self.endpoint.path();
        let sequence = lock(&self.state).sequence.clone();
        [(CONTEXT_COOKIE, &self.id), (SEQUENCE_COOKIE, &sequence)]
            .map(|(name, value)| format!("{name}={value}; path={path}; HttpOnly"))
            .into()
    }
}

/// The turn of a request. It ends when it is dropped.
pub(super) struct Turn(Arc<SessionContext>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_busy = false;
        state.last_used = Instant::now();
    }
}

/// A wait for notifications. It ends when it is dropped.
pub(super) struct Wait(Arc<SessionContext>);

impl Wait {
    pub(super) const fn session(&self) -> &Arc<SessionContext> {
        &self.0
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.waits = state.waits.saturating_sub(1);
        state.last_used = Instant::now();
    }
}
