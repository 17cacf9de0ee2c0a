//! An HTTP listener: accepts connections, and ends sessions that are idle or revoked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock;
use crate::http::config::HttpListenerConfig;
use crate::http::operation::disconnect::end_at_server;
use crate::http::server::serve;
use crate::http::tls::TlsIdentity;
use crate::tcp::accept::{Acceptor, CHECK_INTERVAL};
use crate::tcp::admission::Admission;
use crate::tcp::workers::Workers;

/// The longest interval between two searches for idle sessions.
const SWEEP: Duration = Duration::from_secs(30);

/// Serves the clients that connect to `listener`, each on one of `workers`, within TLS if there is `tls`: a client gets
/// the certificate that `tls` holds when it connects. When `stop` turns true, no further clients are accepted, and the
/// function returns once the requests in progress have their responses.
pub async fn run_http(
    listener: TcpListener,
    tls: Option<watch::Receiver<TlsIdentity>>,
    config: Arc<HttpListenerConfig>,
    admission: Arc<Admission>,
    workers: Workers,
    stop: watch::Receiver<bool>,
) {
    let acceptor = Acceptor { admission, workers, log: &config.log, observer: &*config.observer };
    let connection = |stop: &watch::Receiver<bool>| {
        let tls = tls.as_ref().map(|tls| tls.borrow().clone());
        let (config, stop) = (Arc::clone(&config), stop.clone());
        async move |stream, peer, permit| serve(config, tls, stream, peer, permit, stop).await
    };
    acceptor.run(listener, stop, connection, end_sessions(&config)).await;
}

/// Ends sessions that are idle for too long or whose accounts were revoked, in the proxy and then at the server, as
/// long as the future is polled.
async fn end_sessions(config: &Arc<HttpListenerConfig>) -> Infallible {
    let mut sweep = tokio::time::interval(config.session_idle.clamp(Duration::from_secs(1), SWEEP));
    let mut look = tokio::time::interval(CHECK_INTERVAL);
    let mut revocations = config.auth.revocations();
    // Sessions are ended at the server one after the other.
    let mut ending = None;
    loop {
        tokio::select! {
            _ = sweep.tick() => config.engine.end_idle(&config.sessions, clock::now(), config.session_idle),
            _ = look.tick() => {
                let now = config.auth.revocations();
                if std::mem::replace(&mut revocations, now) != now {
                    config.engine.end_revoked_by_cookie(&config.sessions);
                }
                ending = ending.or_else(|| end_at_server(config));
            }
            () = async { if let Some(ending) = &mut ending { ending.await } }, if ending.is_some() => ending = None,
        }
    }
}
