//! The time limits of a client connection.

use std::time::Duration;

use rpc::server::ServerAssociation;
use tokio::time::Instant;

use crate::rpc::contexts::AuthState;
use crate::tcp::accept::CHECK_INTERVAL;
use crate::tcp::admission::Limits;

/// The time limit that a client exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientTimeout {
    /// The client made no call that shows that it may be served.
    #[error("no authenticated call within clients.handshake_seconds")]
    Authentication,
    /// A PDU, or a call of several PDUs, arrived too slowly.
    #[error("a PDU or call fragment took more than clients.handshake_seconds")]
    Fragment,
    /// The client made no call for too long.
    #[error("idle for clients.idle_seconds")]
    Idle,
    /// The client read nothing of its responses in time.
    #[error("did not read responses within clients.handshake_seconds")]
    Unread,
}

/// The activity of a client since the deadlines were last updated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Activity {
    /// The first bytes of a PDU arrived.
    pub(super) began_pdu: bool,
    /// Whether it made a call, and the state of authentication that its calls show.
    calls: Option<AuthState>,
}

impl Activity {
    /// The client made a call, after which the state of authentication is `auth_state`.
    pub(super) fn called(&mut self, auth_state: AuthState) {
        self.calls = self.calls.max(Some(auth_state));
    }
}

/// The state of a client connection to which time limits apply, and since when.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// The start of the present state: no call yet, within a fragment, or idle.
    since: Instant,
    /// The state of authentication that the client's calls have shown.
    auth_state: AuthState,
    /// How many fragments of calls were accepted before `since`.
    fragments: u64,
}

impl Deadlines {
    /// The deadlines of a connection that was accepted at `since`.
    pub(super) const fn new(since: Instant) -> Self {
        Self { since, auth_state: AuthState::Unauthenticated, fragments: 0 }
    }

    /// Whether the client has made a call that shows that it may be served.
    pub(super) fn has_called(&self) -> bool {
        self.auth_state != AuthState::Unauthenticated
    }

    /// Whether the client has made calls, and none as a user.
    pub(super) fn is_anonymous(&self) -> bool {
        self.auth_state == AuthState::Anonymous
    }

    /// The start of the present state.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Updates the deadlines with the client's `activity`, and the number of `fragments` of calls that were accepted so
    /// far.
    ///
    /// Before the first call, nothing that a client sends gives it more time, except fragments of calls under a
    /// security context. `has_usable_context` is whether the client has one.
    pub(super) fn update(
        &mut self,
        activity: Activity,
        fragments: u64,
        has_usable_context: impl FnOnce() -> bool,
    ) {
        let Activity { began_pdu, calls } = activity;
        self.auth_state = self.auth_state.max(calls.unwrap_or_default());
        let has_called = self.has_called();
        let more_fragments = std::mem::replace(&mut self.fragments, fragments) != fragments;
        let began = has_called && (began_pdu || calls.is_some());
        if began || (more_fragments && (has_called || has_usable_context())) {
            self.since = Instant::now();
        }
    }

    /// Records that the client has no usable security context and no active call. A client that was authenticated has
    /// the time of a new connection to authenticate again.
    pub(super) fn unusable(&mut self) {
        if self.auth_state == AuthState::Authenticated {
            *self = Self {
                since: Instant::now(),
                auth_state: AuthState::Unauthenticated,
                fragments: self.fragments,
            };
        }
    }

    /// Checks the time limits.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub(super) fn check(
        &self,
        limits: &Limits,
        association: &ServerAssociation,
    ) -> Result<(), ClientTimeout> {
        let (limit, exceeded) = if !self.has_called() {
            (limits.handshake, ClientTimeout::Authentication)
        } else if association.is_mid_pdu() {
            (limits.handshake, ClientTimeout::Fragment)
        } else if association.active_calls() == 0 {
            (limits.idle, ClientTimeout::Idle)
        } else {
            return Ok(());
        };
        if self.since.elapsed() > limit { Err(exceeded) } else { Ok(()) }
    }
}

/// How often the limits are checked.
pub(super) fn check_interval(limits: &Limits) -> Duration {
    (limits.handshake.min(limits.idle) / 4).clamp(Duration::from_millis(100), CHECK_INTERVAL)
}
