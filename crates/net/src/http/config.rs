//! What all HTTP connections of a proxy have in common.

use std::sync::Arc;
use std::time::Duration;

use engine::{CookieTable, Engine, Observer};
use identity::ContextCounters;

use crate::auth_limit::AuthLimit;
use crate::body_budget::BodyBudget;
use crate::error_chain::ErrorChain;
use crate::event_log::EventLog;
use crate::gate::{FailedRequest, UpstreamProtocol};
use crate::http::downstream::auth::local::HttpAuthConfig;
use crate::http::downstream::context::ConnectionError;
use crate::http::downstream::routes::Routes;
use crate::http::operation::pending::Pending;
use crate::http::peers::Peers;
use crate::http::upstream::config::HttpUpstream;
use crate::tcp::admission::Limits;
use crate::upstream_error::UpstreamError;

/// How large a client's requests may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Heads, lines and chunks.
    pub framing: http1::Limits,
    /// A body that has to be there as a whole before it goes on.
    pub body: usize,
    /// An answer that has to be there as a whole before it goes on.
    pub answer: usize,
    /// What a client may send ahead while it is answered.
    pub ahead: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { framing: http1::Limits::default(), body: 2 << 20, answer: 16 << 20, ahead: 64 * 1024 }
    }
}

/// What the connections of HTTP listeners have in common.
pub struct HttpListenerConfig {
    /// How clients authenticate.
    pub auth: HttpAuthConfig,
    /// How often they may fail to.
    pub auth_limit: Arc<AuthLimit>,
    /// What our URLs begin with: `https://`, our name, and the port where it is not the usual one.
    pub origin: String,
    /// Whose word is taken for where they connect from.
    pub peers: Peers,
    /// Whether requests to the server have `X-Forwarded-For`, the headers like it, and `Forwarded`.
    pub tells_forwarding: bool,
    /// What becomes of which path.
    pub routes: Routes,
    /// The server.
    pub upstream: HttpUpstream,
    /// How long clients may take.
    pub limits: Limits,
    /// How large their messages may be.
    pub sizes: HttpLimits,
    /// How much of their requests is held in memory.
    pub bodies: Arc<BodyBudget>,
    /// When clients with a pending response receive a keep-alive.
    pub pending: Pending,
    /// The modules, and what brings operations through them.
    pub engine: Arc<Engine>,
    /// The sessions of MAPI over HTTP.
    pub sessions: CookieTable,
    /// Where the security context is counted under which sessions are ended at the server.
    pub contexts: Arc<ContextCounters>,
    /// After how long without a request a session ends.
    pub session_idle: Duration,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// The rate-limited log.
    pub log: EventLog,
}

impl HttpListenerConfig {
    /// Logs that `request` failed because of `why`.
    #[cold]
    pub(crate) fn log_upstream_failure(&self, why: &UpstreamError, request: &FailedRequest<'_>) {
        self.log_failure(why, request, EventLog::request_failed);
    }

    /// Logs that the response to `request` broke off because of `why`: the client's connection ends with it.
    #[cold]
    pub(crate) fn response_cut_short(
        &self,
        why: &UpstreamError,
        request: &FailedRequest<'_>,
    ) -> ConnectionError {
        self.log_failure(why, request, EventLog::response_interrupted);
        ConnectionError::CutShort(ErrorChain(why).to_string())
    }

    /// Logs what has a place of its own in the log there, and anything else with `otherwise`.
    fn log_failure(
        &self,
        why: &UpstreamError,
        request: &FailedRequest<'_>,
        otherwise: fn(&EventLog, &FailedRequest<'_>, &UpstreamError),
    ) {
        match (why, request.user) {
            (UpstreamError::Closed { .. }, _) => {
                self.upstream.gate.record_interrupted(UpstreamProtocol::Http, request, why);
            }
            (UpstreamError::MemoryLimit(full), Some(user)) => {
                self.log.memory_limit(request.client, user, request.operation, &full.to_string());
            }
            _ => otherwise(&self.log, request, why),
        }
    }

    /// Ends all sessions, when the last connection is gone.
    pub fn end(&self) {
        self.engine.end_all(&self.sessions);
    }
}

impl std::fmt::Debug for HttpListenerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpListenerConfig")
            .field("auth", &self.auth)
            .field("routes", &self.routes)
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}
