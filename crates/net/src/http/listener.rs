//! An HTTP listener: takes connections, and ends sessions beside that.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock;
use crate::http::config::HttpFront;
use crate::http::downstream::connection::serve;
use crate::http::operation::disconnect::end_at_server;
use crate::http::tls::TlsIdentity;
use crate::tcp::accept::{Acceptor, LOOK};
use crate::tcp::admission::Admission;
use crate::tcp::workers::Cores;

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
    stop: watch::Receiver<bool>,
) {
    let acceptor = Acceptor { admission, cores, log: &front.log, observer: &*front.observer };
    let connection = |stop: &watch::Receiver<bool>| {
        let tls = tls.as_ref().map(|tls| tls.borrow().clone());
        let (front, stop) = (Arc::clone(&front), stop.clone());
        async move |stream, peer, place| serve(front, tls, stream, peer, place, stop).await
    };
    acceptor.run(listener, stop, connection, end_sessions(&front)).await;
}

/// Ends sessions that are idle for too long or whose accounts were revoked, here and then at the server, for as long as
/// it is polled.
async fn end_sessions(front: &Arc<HttpFront>) -> Infallible {
    let mut sweep = tokio::time::interval(front.session_idle.clamp(Duration::from_secs(1), SWEEP));
    let mut look = tokio::time::interval(LOOK);
    let mut revocations = front.sign_in.revocations();
    // One after the other.
    let mut ending = None;
    loop {
        tokio::select! {
            _ = sweep.tick() => front.engine.end_idle(&front.sessions, clock::now(), front.session_idle),
            _ = look.tick() => {
                let now = front.sign_in.revocations();
                if std::mem::replace(&mut revocations, now) != now {
                    front.engine.end_revoked_by_cookie(&front.sessions);
                }
                ending = ending.or_else(|| end_at_server(front));
            }
            () = async { if let Some(ending) = &mut ending { ending.await } }, if ending.is_some() => ending = None,
        }
    }
}
