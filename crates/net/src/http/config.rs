//! The configuration that all connections of an HTTP listener share.

use std::sync::Arc;
use std::time::Duration;

use engine::{CookieTable, Engine, Observer, SessionLimits};

use crate::auth_limit::AuthLimiter;
use crate::body_budget::BodyBudget;
use crate::error_chain::ErrorChain;
use crate::event_log::EventLog;
use crate::gate::{FailedRequest, UpstreamProtocol};
use crate::http::downstream::auth::local::HttpAuthConfig;
use crate::http::downstream::context::ConnectionError;
use crate::http::downstream::routes::Routes;
use crate::http::operation::pending::Pending;
use crate::http::trusted_proxies::TrustedProxies;
use crate::http::upstream::config::HttpUpstream;
use crate::noop_observer::NoopObserver;
use crate::tcp::admission::Limits;
use crate::upstream_error::UpstreamError;

/// How large a client's requests may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// The limits on heads, lines and chunks.
    pub framing: http1::Limits,
    /// The longest body that is read as a whole before it is forwarded.
    pub body: usize,
    /// The longest response payload that is held until it is complete.
    pub response: usize,
    /// The most bytes of further requests that are read from a client before the response to its current one is
    /// complete.
    pub pipelined: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { framing: http1::Limits::default(), body: 2 << 20, response: 16 << 20, pipelined: 64 * 1024 }
    }
}

/// The configuration and state that all connections of an HTTP listener share.
pub struct HttpListenerConfig {
    /// How clients authenticate.
    pub auth: HttpAuthConfig,
    /// The back-off after failed attempts.
    pub auth_limiter: Arc<AuthLimiter>,
    /// The origin of the proxy's URLs: `https://`, its name, and the port unless it is the default.
    pub origin: String,
    /// The load balancers and reverse proxies that are trusted to name the client.
    pub trusted_proxies: TrustedProxies,
    /// Whether requests to the server get `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host` and `Forwarded`.
    pub forwarding_headers: bool,
    /// The virtual directories that are forwarded or refused.
    pub routes: Routes,
    /// The server.
    pub upstream: HttpUpstream,
    /// The time limits of clients.
    pub limits: Limits,
    /// The size limits of their messages.
    pub sizes: HttpLimits,
    /// The limits on memory for their requests and responses.
    pub bodies: Arc<BodyBudget>,
    /// When clients with a pending response receive a keep-alive.
    pub pending: Pending,
    /// The engine, with its modules.
    pub engine: Arc<Engine>,
    /// The sessions of MAPI over HTTP.
    pub sessions: CookieTable,
    /// The time without a request after which a session ends.
    pub session_idle: Duration,
    /// Receives the authentications and operations of the connections.
    pub observer: Arc<dyn Observer>,
    /// The rate-limited log.
    pub log: EventLog,
}

impl HttpListenerConfig {
    /// A configuration with the default of each field that is not an argument: no trusted proxies, forwarding headers,
    /// no observer, an idle time of sessions of one hour, and limits that no other listener shares.
    pub fn new(
        auth: HttpAuthConfig,
        origin: String,
        upstream: HttpUpstream,
        engine: Arc<Engine>,
        limits: Limits,
    ) -> Self {
        engine.report_sessions_to(Arc::new(EventLog::default()));
        Self {
            auth,
            auth_limiter: Arc::default(),
            origin,
            trusted_proxies: TrustedProxies::default(),
            forwarding_headers: true,
            routes: Routes::default(),
            upstream,
            limits,
            sizes: HttpLimits::default(),
            bodies: BodyBudget::new(&limits),
            pending: Pending::default(),
            engine,
            sessions: CookieTable::new(SessionLimits::default()),
            session_idle: Duration::from_hours(1),
            observer: Arc::new(NoopObserver),
            log: EventLog::default(),
        }
    }

    /// Logs that `request` failed because of `why`.
    #[cold]
    pub(crate) fn log_upstream_failure(&self, why: &UpstreamError, request: &FailedRequest<'_>) {
        self.log_failure(why, request, EventLog::request_failed);
    }

    /// Logs that the response to `request` was cut off because of `why`: the client's connection ends with it.
    #[cold]
    pub(crate) fn response_cut_short(
        &self,
        why: &UpstreamError,
        request: &FailedRequest<'_>,
    ) -> ConnectionError {
        self.log_failure(why, request, EventLog::response_interrupted);
        ConnectionError::Interrupted(ErrorChain(why).to_string())
    }

    /// Logs failures that have a log line of their own with that line, and all others with `otherwise`.
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

    /// Ends all sessions. To be called after the last connection was closed.
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
