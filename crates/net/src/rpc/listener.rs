//! A listener for remote calls: takes connections, and says why each ended.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use rpc::server::CloseReason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::log_rate_limit::Throttle;
use crate::rpc::config::Front;
use crate::rpc::connection::{Ended, serve};
use crate::rpc::handler::Backend;
use crate::tcp::accept::Acceptor;
use crate::tcp::admission::{Admission, Place};
use crate::tcp::proxy_protocol::client_address;
use crate::tcp::workers::Cores;

/// Serves every client that connects to `listener` on one of `cores`, each with a backend of its own, until `stop`
/// turns true; then no more are taken, and it returns when the calls under way are answered.
pub async fn run<B, F>(
    listener: TcpListener,
    front: Arc<Front>,
    admission: Arc<Admission>,
    cores: Cores,
    backend: F,
    stop: watch::Receiver<bool>,
) where
    B: Backend + 'static,
    F: Fn() -> B + Send + Sync + 'static,
{
    let backend = Arc::new(backend);
    let misbehaved = Arc::<Throttle>::default();
    let acceptor = Acceptor { admission, cores, log: &front.log, observer: &*front.observer };
    let protocol = |stop: &watch::Receiver<bool>| {
        let (front, backend, stop) = (Arc::clone(&front), Arc::clone(&backend), stop.clone());
        let misbehaved = Arc::clone(&misbehaved);
        async move |stream, peer, place| {
            connection(front, stream, peer, place, backend(), stop, misbehaved).await;
        }
    };
    acceptor.run(listener, stop, protocol, pending()).await;
}

/// Serves a connection that was taken, and says why it ended.
async fn connection<B: Backend>(
    front: Arc<Front>,
    mut stream: TcpStream,
    peer: SocketAddr,
    mut place: Place,
    backend: B,
    mut stop: watch::Receiver<bool>,
    misbehaved: Arc<Throttle>,
) {
    let since = Instant::now();
    let client = client_address(&mut stream, peer, &mut place, &front.proxy_protocol);
    let client = tokio::select! {
        client = timeout(front.limits.handshake, client) => client,
        // Nothing is under way yet.
        _ = stop.wait_for(|stops| *stops) => return,
    };
    let peer = match client {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return error.report(peer, &front.log, &*front.observer),
        Err(_) => {
            return front.log.misbehaved(peer, "no PROXY header within clients.handshake_seconds");
        }
    };
    match serve(front, stream, (peer, since), place, backend, stop).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(Ended::Broken(error)) => tracing::debug!(%peer, "connection lost: {error}"),
        Err(Ended::TooSlow(why)) => tracing::info!(%peer, "connection ended: {why}"),
        // Both were logged when they happened.
        Err(Ended::Protocol(CloseReason::AuthenticationRefused | CloseReason::LedBack)) => {}
        Err(why @ (Ended::Unread { .. } | Ended::Protocol(_))) => {
            if let Some(more) = misbehaved.pass(Instant::now()) {
                tracing::warn!(%peer, "connection ended: {why}{}", and_more(more));
            }
        }
    }
}

/// What is said of lines that were left out.
fn and_more(lines: u64) -> String {
    if lines == 0 { String::new() } else { format!(" (and {lines} more that were not logged)") }
}
