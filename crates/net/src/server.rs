use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::front::{Front, serve};
use crate::limits::{Admission, Place};
use crate::stream::prepare;

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

/// Serves every client that connects to `listener`, each with a backend of its own, until `stop` turns true;
/// then no more are taken, and it returns when the calls under way are answered.
pub async fn run<B, F>(
    listener: TcpListener,
    front: Arc<Front>,
    admission: Arc<Admission>,
    backend: F,
    mut stop: watch::Receiver<bool>,
) where
    B: Backend + 'static,
    F: Fn() -> B + Send + 'static,
{
    let mut connections = JoinSet::new();
    while !*stop.borrow() {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match admission.enter(peer.ip()) {
                    Ok(place) => {
                        if let Err(error) = prepare(&stream) {
                            tracing::debug!(%peer, "can't set the connection up: {error}");
                        }
                        let served = serve(Arc::clone(&front), stream, peer, backend(), stop.clone());
                        connections.spawn(hold(place, served));
                    }
                    Err(limit) => {
                        tracing::warn!(%peer, "not served: {limit}");
                        front.observer.refused(peer, limit);
                    }
                },
                Err(error) => {
                    // Out of descriptors, most likely: those in use go on, new ones have to wait.
                    tracing::error!("can't take a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn hold(place: Place, served: impl Future<Output = ()>) {
    served.await;
    drop(place);
}
