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

/// How often a connection is looked at at least: so late may a revoked security context be noticed on one that
/// only waits.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(5);

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

/// What a listener needs to take connections.
pub(crate) struct Acceptor<'a> {
    /// Who gets in.
    pub(crate) admission: Arc<Admission>,
    /// The threads that connections are served on.
    pub(crate) workers: Workers,
    /// Where is logged who does not get in.
    pub(crate) log: &'a EventLog,
    /// Who watches.
    pub(crate) observer: &'a dyn Observer,
}

impl Acceptor<'_> {
    /// Serves every connection that comes to `listener`, each by what `protocol` gives for it, until `stop` turns true;
    /// then no more are taken, and it returns when all have ended. `beside` is polled as long as connections are taken.
    pub(crate) async fn run<S, F>(
        self,
        listener: TcpListener,
        mut stop: watch::Receiver<bool>,
        protocol: impl Fn(&watch::Receiver<bool>) -> S,
        beside: impl Future<Output = Infallible>,
    ) where
        S: FnOnce(TcpStream, SocketAddr, ConnectionPermit) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut connections = JoinSet::new();
        let mut beside = pin!(beside);
        while !*stop.borrow() {
            tokio::select! {
                accepted = listener.accept() => {
                    let Some((stream, peer, permit, evicted)) = self.admit(accepted).await else { continue };
                    let serve = protocol(&stop);
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
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        drop(listener);
        finish(connections, stop).await;
    }

    /// The connection that was accepted, where there is room for it.
    async fn admit(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
    ) -> Option<(TcpStream, SocketAddr, ConnectionPermit, Evicted)> {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: those in use go on, new ones have to wait.
                self.log.not_taken(&error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        match self.admission.enter(peer.ip()) {
            Ok(Entered { permit, evicted, made_room }) => {
                if made_room {
                    self.log.made_room(peer);
                }
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(%peer, "can't set the connection up: {error}");
                }
                Some((stream, peer, permit, evicted))
            }
            Err(limit) => {
                self.log.not_served(peer, limit);
                self.observer.refused(peer, limit);
                None
            }
        }
    }
}

/// Waits until all `connections` have ended. Once the sender of `stop` is gone, all of them are ended where they are:
/// not each of them hears of it, since some wait for a client or a server alone.
async fn finish(mut connections: JoinSet<()>, mut stop: watch::Receiver<bool>) {
    let ended = async { while connections.join_next().await.is_some() {} };
    let cut_off = async { while stop.changed().await.is_ok() {} };
    tokio::select! {
        () = ended => {}
        () = cut_off => connections.shutdown().await,
    }
}
