//! What all HTTP connections of a proxy have in common, and how they are taken.

use std::sync::Arc;
use std::time::Duration;

use engine::{CookieTable, Engine, Observer};
use identity::{Registry, relayed};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth_limit::AuthLimit;
use crate::body_budget::BodyBudget;
use crate::clock;
use crate::event_log::EventLog;
use crate::http::downstream::auth::HttpSignIn;
use crate::http::downstream::connection::serve;
use crate::http::downstream::routes::Routes;
use crate::http::operation::disconnect::end_at_server;
use crate::http::operation::pending::Pending;
use crate::http::peers::Peers;
use crate::http::tls::TlsIdentity;
use crate::http::upstream::connection::HttpUpstream;
use crate::rpc::connection::LOOK;
use crate::tcp::accept::{admit, finish};
use crate::tcp::admission::{Admission, Limits};
use crate::tcp::workers::Cores;

/// How large a client's requests may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Heads, lines and chunks.
    pub framing: http::Limits,
    /// A body that has to be there as a whole before it goes on.
    pub body: usize,
    /// An answer that has to be there as a whole before it goes on.
    pub answer: usize,
    /// What a client may send ahead while it is answered.
    pub ahead: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { framing: http::Limits::default(), body: 2 << 20, answer: 16 << 20, ahead: 64 * 1024 }
    }
}

/// What the connections of HTTP listeners have in common.
pub struct HttpFront {
    /// How clients sign in.
    pub sign_in: HttpSignIn,
    /// How often they may fail to.
    pub auth_limit: Arc<AuthLimit>,
    /// Where they sign in at the server instead, through us.
    pub relayed: Option<Arc<relayed::Config>>,
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
    /// When they are told that we are at work.
    pub pending: Pending,
    /// The modules, and what brings operations through them.
    pub engine: Arc<Engine>,
    /// The sessions of MAPI over HTTP.
    pub sessions: CookieTable,
    /// Where the security context is counted under which sessions are ended at the server.
    pub contexts: Arc<Registry>,
    /// After how long without a request a session ends.
    pub session_idle: Duration,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// The rate-limited log.
    pub log: EventLog,
}

impl HttpFront {
    /// Ends all sessions, when the last connection is gone.
    pub fn end(&self) {
        self.engine.end_all(&self.sessions);
    }
}

impl std::fmt::Debug for HttpFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpFront")
            .field("sign_in", &self.sign_in)
            .field("routes", &self.routes)
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

/// How often sessions are looked through for those that are idle for too long.
const SWEEP: Duration = Duration::from_secs(30);

/// Serves every client that connects to `listener` on one of `cores`, within TLS where `tls` is given, until `stop`
/// turns true; then no more are taken, and it returns when the requests under way are answered. What `tls` holds when
/// a client connects is what that client is shown.
pub async fn run_http(
    listener: TcpListener,
    tls: Option<watch::Receiver<TlsIdentity>>,
    front: Arc<HttpFront>,
    admission: Arc<Admission>,
    cores: Cores,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut sweep = tokio::time::interval(front.session_idle.clamp(Duration::from_secs(1), SWEEP));
    let mut look = tokio::time::interval(LOOK);
    let mut revocations = front.sign_in.revocations();
    // One after the other, beside what the listener does else.
    let mut ending = None;
    while !*stop.borrow() {
        tokio::select! {
            accepted = listener.accept() => {
                let Some((stream, peer, place, evicted)) =
                    admit(accepted, &admission, &front.log, &*front.observer).await else { continue };
                let tls = tls.as_ref().map(|tls| tls.borrow().clone());
                let (front, stop) = (Arc::clone(&front), stop.clone());
                let served = cores.serve(&mut connections, stream, async move |stream| {
                    tokio::select! {
                        () = serve(front, tls, stream, peer, place, stop) => {}
                        () = evicted.wait() => tracing::debug!(%peer, "connection closed to make room for others"),
                    }
                });
                if let Err(error) = served {
                    tracing::error!(%peer, "can't serve a connection: {error}");
                }
            }
            _ = sweep.tick() => front.engine.end_idle(&front.sessions, clock::now(), front.session_idle),
            _ = look.tick() => {
                let now = front.sign_in.revocations();
                if std::mem::replace(&mut revocations, now) != now {
                    front.engine.end_revoked_by_cookie(&front.sessions);
                }
                ending = ending.or_else(|| end_at_server(&front));
            }
            () = async { if let Some(ending) = &mut ending { ending.await } }, if ending.is_some() => ending = None,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    drop(listener);
    finish(connections, stop).await;
}
