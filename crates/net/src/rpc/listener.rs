//! An RPC listener: accepts connections, and logs why each ended.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use rpc::server::CloseReason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::rpc::config::RpcListenerConfig;
use crate::rpc::connection::{RpcConnectionError, serve};
use crate::rpc::deadlines::ClientTimeout;
use crate::rpc::handler::RequestHandler;
use crate::tcp::accept::Acceptor;
use crate::tcp::admission::{Admission, ConnectionPermit};
use crate::tcp::proxy_protocol::client_address;
use crate::tcp::workers::Workers;

/// Serves each client that connects to `listener` on one of `workers`, with a request handler of its own. When
/// `shutdown` turns true, the listener accepts no more connections, and returns when the active calls are complete.
pub async fn run_rpc<B, F>(
    listener: TcpListener,
    config: Arc<RpcListenerConfig>,
    admission: Arc<Admission>,
    workers: Workers,
    handler: F,
    shutdown: watch::Receiver<bool>,
) where
    B: RequestHandler + 'static,
    F: Fn() -> B + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    let acceptor = Acceptor { admission, workers, log: &config.log, observer: &*config.observer };
    let protocol = |shutdown: &watch::Receiver<bool>| {
        let (config, handler, shutdown) = (Arc::clone(&config), Arc::clone(&handler), shutdown.clone());
        async move |stream, peer, permit| {
            connection(config, stream, peer, permit, handler(), shutdown).await;
        }
    };
    acceptor.run(listener, shutdown, protocol, pending()).await;
}

/// Serves a connection that was accepted, and logs why it ended.
async fn connection<B: RequestHandler>(
    config: Arc<RpcListenerConfig>,
    mut stream: TcpStream,
    peer: SocketAddr,
    mut permit: ConnectionPermit,
    handler: B,
    mut shutdown: watch::Receiver<bool>,
) {
    let since = Instant::now();
    let client = client_address(&mut stream, peer, &mut permit, &config.proxy_protocol);
    let client = tokio::select! {
        client = timeout(config.limits.handshake, client) => client,
        // No call is active yet.
        _ = shutdown.wait_for(|shutdown| *shutdown) => return,
    };
    let client = match client {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return error.report(peer, &config.log, &*config.observer),
        Err(_) => {
            return config.log.client_error(peer, "no PROXY header within clients.handshake_seconds");
        }
    };
    let served = serve(Arc::clone(&config), stream, (client, since), permit, handler, shutdown).await;
    if let Err(error) = served {
        log_close(&config, client, &error);
    } else {
        tracing::debug!(%client, "client connection closed");
    }
}

/// Logs why the connection of `client` was closed.
fn log_close(config: &RpcListenerConfig, client: SocketAddr, error: &RpcConnectionError) {
    match error {
        RpcConnectionError::Io(error) => tracing::debug!(%client, "client connection lost: {error}"),
        RpcConnectionError::Timeout(idle @ ClientTimeout::Idle) => {
            tracing::debug!(%client, "client connection closed: {idle}");
        }
        RpcConnectionError::Timeout(timeout) => config.log.client_timeout(client, timeout),
        // Each was logged when it happened.
        RpcConnectionError::Association(CloseReason::AuthenticationFailed | CloseReason::Loop)
        | RpcConnectionError::Displaced => {}
        RpcConnectionError::Unread(unread) => config.log.client_timeout(client, unread),
        RpcConnectionError::SignInEnded => config.log.client_timeout(client, error),
        RpcConnectionError::Association(_) => {
            config.log.client_error(client, &error.to_string());
        }
    }
}
