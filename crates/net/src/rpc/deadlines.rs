//! The time limits of one client connection.

use std::time::Duration;

use identity::SecurityContext;
use rpc::pdu::SyntaxId;
use rpc::server::ServerAssociation;
use rpc::{epm, mgmt};
use tokio::time::Instant;

use crate::tcp::accept::CHECK_INTERVAL;
use crate::tcp::admission::Limits;

/// What a client connection is waiting for, and since when.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// The start of the present state: no call yet, within a fragment, or idle.
    since: Instant,
    called: Called,
    /// Fragments of calls that were accepted before `since`.
    fragments: u64,
}

/// Which calls the client has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    /// None that shows that it may be served.
    Never,
    /// One without authentication, where the interface's minimum level permits that.
    Anonymous,
    /// One as a user.
    Authenticated,
}

impl Deadlines {
    /// Those of a connection that was accepted at `since`.
    pub(super) const fn new(since: Instant) -> Self {
        Self { since, called: Called::Never, fragments: 0 }
    }

    /// Whether the client has made a call that shows that it may be served.
    pub(super) fn has_called(&self) -> bool {
        self.called != Called::Never
    }

    /// The start of the present state.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Something came at the start of a PDU. Before the first call nothing that a client sends gives it more time.
    pub(super) fn received(&mut self) {
        if self.has_called() {
            self.since = Instant::now();
        }
    }

    /// So many `fragments` of calls were accepted so far. Each of an authenticated client has its own time.
    pub(super) fn accepted(&mut self, fragments: u64, is_authenticated: bool) {
        let another = std::mem::replace(&mut self.fragments, fragments) != fragments;
        if another && is_authenticated {
            self.since = Instant::now();
        }
    }

    /// A call to `interface` begins under `context`. Says whether it shows that the client may be served.
    pub(super) fn call(&mut self, context: Option<&SecurityContext>, interface: SyntaxId) -> bool {
        let shown = context.filter(|context| is_served(context, interface));
        if let Some(context) = shown {
            let authenticated = self.called == Called::Authenticated || !context.is_anonymous();
            self.called = if authenticated { Called::Authenticated } else { Called::Anonymous };
        }
        self.received();
        shown.is_some()
    }

    /// None of the client's security contexts is usable, and no call is active: a client that was authenticated has to
    /// authenticate anew in the time of a new connection.
    pub(super) fn unusable(&mut self) {
        if self.called == Called::Authenticated {
            *self = Self { since: Instant::now(), called: Called::Never, fragments: self.fragments };
        }
    }

    /// Which limit is exceeded, if one is.
    pub(super) fn exceeded(&self, limits: &Limits, association: &ServerAssociation) -> Option<&'static str> {
        let (limit, what) = if !self.has_called() {
            (limits.handshake, "no signed-in call within clients.handshake_seconds")
        } else if association.is_mid_pdu() {
            (limits.handshake, "a fragment took more than clients.handshake_seconds")
        } else if association.active_calls() == 0 {
            (limits.idle, "idle for clients.idle_seconds")
        } else {
            return None;
        };
        (self.since.elapsed() > limit).then_some(what)
    }
}

/// Whether a call shows that its client is one to be served: it is authenticated, or the interface's minimum level lets
/// in clients that are not. The endpoint mapper and the management interface are open to all clients and show nothing.
fn is_served(context: &SecurityContext, interface: SyntaxId) -> bool {
    !context.is_anonymous() || ![epm::INTERFACE, mgmt::INTERFACE].contains(&interface)
}

/// How often the limits are checked.
pub(super) fn check_interval(limits: &Limits) -> Duration {
    (limits.handshake.min(limits.idle) / 4).clamp(Duration::from_millis(100), CHECK_INTERVAL)
}
