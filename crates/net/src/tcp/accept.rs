//! The loop that accepts connections, for every protocol.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use engine::Observer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::event_log::EventLog;
use crate::tcp::admission::{Admission, ConnectionPermit, Entered, Evicted};
use crate::tcp::stream::prepare;
use crate::tcp::workers::Workers;

/// The longest time between two checks of a connection: a revoked security context is noticed this late on one that
/// only waits.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A listener can't be bound to its address.
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
/// When the address can't be bound.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// What a listener needs to accept connections.
pub(crate) struct Acceptor<'a> {
    /// The limits on connections.
    pub(crate) admission: Arc<Admission>,
    /// The threads that connections are served on.
    pub(crate) workers: Workers,
    /// The log of rejected connections.
    pub(crate) log: &'a EventLog,
    /// Receives rejected connections.
    pub(crate) observer: &'a dyn Observer,
}

impl Acceptor<'_> {
    /// Serves each connection that `listener` accepts with the function that `protocol` returns, until `shutdown` turns
    /// true; then it accepts no more, and returns when all have ended. `beside` is polled as long as it accepts.
    pub(crate) async fn run<S, F>(
        self,
        listener: TcpListener,
        mut shutdown: watch::Receiver<bool>,
        protocol: impl Fn(&watch::Receiver<bool>) -> S,
        beside: impl Future<Output = Infallible>,
    ) where
        S: FnOnce(TcpStream, SocketAddr, ConnectionPermit) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut connections = JoinSet::new();
        let mut beside = pin!(beside);
        while !*shutdown.borrow() {
            tokio::select! {
                accepted = listener.accept() => {
                    let Some((stream, peer, permit, evicted)) = self.admit(accepted).await else { continue };
                    let serve = protocol(&shutdown);
                    let served = self.workers.serve(&mut connections, stream, async move |stream| {
                        tokio::select! {
                            () = serve(stream, peer, permit) => {}
                            () = evicted.wait() => tracing::debug!(%peer, "connection closed to make room for others"),
                        }
                    });
                    if let Err(error) = served {
                        tracing::error!(%peer, "can't serve a connection: {error}");
                    }
                }
                never = &mut beside => match never {},
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                changed = shutdown.changed() => if changed.is_err() { break },
            }
        }
        drop(listener);
        finish(connections, shutdown).await;
    }

    /// The connection that was accepted, where the limits permit it.
    async fn admit(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
    ) -> Option<(TcpStream, SocketAddr, ConnectionPermit, Evicted)> {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: open connections go on, new ones have to wait.
                self.log.accept_failed(&error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        match self.admission.enter(peer.ip()) {
            Ok(Entered { permit, evicted, made_room }) => {
                if made_room {
                    self.log.connection_evicted(peer);
                }
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(%peer, "can't set the connection up: {error}");
                }
                Some((stream, peer, permit, evicted))
            }
            Err(limit) => {
                self.log.connection_refused(peer, limit);
                self.observer.refused(peer, limit);
                None
            }
        }
    }
}

/// Waits until all `connections` have ended. When the sender of `shutdown` is dropped, all are aborted, since some wait
/// for a client or a server and do not watch `shutdown` meanwhile.
async fn finish(mut connections: JoinSet<()>, mut shutdown: watch::Receiver<bool>) {
    let ended = async { while connections.join_next().await.is_some() {} };
    let aborted = async { while shutdown.changed().await.is_ok() {} };
    tokio::select! {
        () = ended => {}
        () = aborted => connections.shutdown().await,
    }
}
