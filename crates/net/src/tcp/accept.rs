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
use crate::tcp::admission::{Admission, Admitted, ConnectionPermit, Eviction, EvictionSignal};
use crate::tcp::stream::prepare;
use crate::tcp::workers::Workers;

/// The interval of checks of a connection: on an idle one, a revoked security context is noticed after this time at the
/// latest.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A listener cannot be bound to its address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", advice(source))]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// What to do if a listener cannot be bound to its address.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": stop the program that has the port (`ss -ltnp` lists it; it may be another mapiproxy), or use another port"
        }
        io::ErrorKind::AddrNotAvailable => {
            ": use an address of this machine (`ip address` lists them), or 0.0.0.0 for all"
        }
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need the capability CAP_NET_BIND_SERVICE, or use another port"
        }
        _ => "",
    }
}

/// Listens on `address`.
///
/// # Errors
/// If the address cannot be bound.
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
    /// Serves each connection that `listener` accepts with the function that `protocol` returns. When `shutdown` turns
    /// true, accepts no more and returns when all connections have ended. Polls `beside`, a background task of the
    /// listener, while it accepts.
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
        let address = listener.local_addr().ok();
        while !*shutdown.borrow() {
            tokio::select! {
                accepted = listener.accept() => {
                    let Some((stream, peer, mut permit, evicted)) = self.admit(address, accepted).await else { continue };
                    let serve = protocol(&shutdown);
                    let accepted = (stream, permit.address());
                    let served = self.workers.serve(&mut connections, accepted, async move |stream, time| {
                        permit.set_time(time);
                        tokio::select! {
                            () = serve(stream, peer, permit) => {}
                            () = evicted.wait() => {
                                tracing::debug!(client = %peer, "client connection closed to admit another");
                            },
                        }
                    });
                    if let Err(error) = served {
                        tracing::error!(client = %peer, "proxy: cannot serve a client connection, which is closed: {error}");
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

    /// The accepted connection, if the limits permit it. `address` is the listener's.
    async fn admit(
        &self,
        address: Option<SocketAddr>,
        accepted: io::Result<(TcpStream, SocketAddr)>,
    ) -> Option<(TcpStream, SocketAddr, ConnectionPermit, EvictionSignal)> {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Probably no descriptors are left: open connections continue, new connections wait.
                self.log.accept_failed(address, &error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        match self.admission.admit(peer.ip()) {
            Ok(Admitted { permit, evicted, eviction }) => {
                if let Some(Eviction { address, limit }) = eviction {
                    self.log.connection_evicted(peer, address, limit);
                }
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(client = %peer, "cannot set socket options: {error}");
                }
                Some((stream, peer, permit, evicted))
            }
            Err(limit) => {
                self.log.connection_refused(peer, None, limit);
                self.observer.client_refused(peer, &limit.to_string());
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
