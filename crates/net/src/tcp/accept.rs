//! Listens on TCP, accepts connections, and shuts down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::Observer;
use rpc::server::CloseReason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::event_log::EventLog;
use crate::log_rate_limit::Throttle;
use crate::rpc::connection::{Ended, Front, serve};
use crate::rpc::handler::Backend;
use crate::tcp::admission::{Admission, Entered, Evicted, Place};
use crate::tcp::proxy_protocol::client_address;
use crate::tcp::stream::prepare;
use crate::tcp::workers::Cores;

/// A listener's address that can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// Listens on `address`.
///
/// # Errors
/// When the address can't be taken.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Serves every client that connects to `listener` on one of `cores`, each with a backend of its own, until `stop`
/// turns true; then no more are taken, and it returns when the calls under way are answered.
pub async fn run<B, F>(
    listener: TcpListener,
    front: Arc<Front>,
    admission: Arc<Admission>,
    cores: Cores,
    backend: F,
    mut stop: watch::Receiver<bool>,
) where
    B: Backend + 'static,
    F: Fn() -> B + Send + Sync + 'static,
{
    let backend = Arc::new(backend);
    let mut connections = JoinSet::new();
    let misbehaved = Arc::<Throttle>::default();
    while !*stop.borrow() {
        tokio::select! {
            accepted = listener.accept() => {
                let Some((stream, peer, place, evicted)) =
                    admit(accepted, &admission, &front.log, &*front.observer).await else { continue };
                let (front, backend, stop) = (Arc::clone(&front), Arc::clone(&backend), stop.clone());
                let misbehaved = Arc::clone(&misbehaved);
                let served = cores.serve(&mut connections, stream, async move |stream| {
                    tokio::select! {
                        () = connection(front, stream, peer, place, backend(), stop, misbehaved) => {}
                        () = evicted.wait() => tracing::debug!(%peer, "connection closed to make room for others"),
                    }
                });
                if let Err(error) = served {
                    tracing::error!(%peer, "can't serve a connection: {error}");
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    drop(listener);
    finish(connections, stop).await;
}

/// What a listener took, where there is room for it.
pub(crate) async fn admit(
    accepted: io::Result<(TcpStream, SocketAddr)>,
    admission: &Arc<Admission>,
    log: &EventLog,
    observer: &dyn Observer,
) -> Option<(TcpStream, SocketAddr, Place, Evicted)> {
    let (stream, peer) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            // Out of descriptors, most likely: those in use go on, new ones have to wait.
            log.not_taken(&error);
            tokio::time::sleep(Duration::from_millis(100)).await;
            return None;
        }
    };
    match admission.enter(peer.ip()) {
        Ok(Entered { place, evicted, made_room }) => {
            if made_room {
                log.made_room(peer);
            }
            if let Err(error) = prepare(&stream) {
                tracing::debug!(%peer, "can't set the connection up: {error}");
            }
            Some((stream, peer, place, evicted))
        }
        Err(limit) => {
            log.not_served(peer, limit);
            observer.refused(peer, limit);
            None
        }
    }
}

/// Waits until all `connections` have ended. Once the sender of `stop` is gone, all of them are ended where they are:
/// not each of them hears of it, since some wait for a client or a server alone.
pub(crate) async fn finish(mut connections: JoinSet<()>, mut stop: watch::Receiver<bool>) {
    let ended = async { while connections.join_next().await.is_some() {} };
    let cut_off = async { while stop.changed().await.is_ok() {} };
    tokio::select! {
        () = ended => {}
        () = cut_off => connections.shutdown().await,
    }
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
