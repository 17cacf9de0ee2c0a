//! An RPC listener: accepts connections, and logs why each ended.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use rpc::server::CloseReason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::log_rate_limit::LogRateLimit;
use crate::rpc::config::RpcListenerConfig;
use crate::rpc::connection::{ConnectionError, serve};
use crate::rpc::handler::RequestHandler;
use crate::tcp::accept::Acceptor;
use crate::tcp::admission::{Admission, ConnectionPermit};
use crate::tcp::proxy_protocol::client_address;
use crate::tcp::workers::Workers;

/// Serves each client that connects to `listener` on one of `workers`, with a request handler of its own, until
/// `shutdown` turns true; then it accepts no more connections, and returns when the active calls are answered.
pub async fn run<B, F>(
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
    let misbehaved = Arc::<LogRateLimit>::default();
    let acceptor = Acceptor { admission, workers, log: &config.log, observer: &*config.observer };
    let protocol = |shutdown: &watch::Receiver<bool>| {
        let (config, handler, shutdown) = (Arc::clone(&config), Arc::clone(&handler), shutdown.clone());
        let misbehaved = Arc::clone(&misbehaved);
        async move |stream, peer, permit| {
            connection(config, stream, peer, permit, handler(), shutdown, misbehaved).await;
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
    misbehaved: Arc<LogRateLimit>,
) {
    let since = Instant::now();
    let client = client_address(&mut stream, peer, &mut permit, &config.proxy_protocol);
    let client = tokio::select! {
        client = timeout(config.limits.handshake, client) => client,
        // No call is active yet.
        _ = shutdown.wait_for(|shutdown| *shutdown) => return,
    };
    let peer = match client {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return error.report(peer, &config.log, &*config.observer),
        Err(_) => {
            return config.log.client_error(peer, "no PROXY header within clients.handshake_seconds");
        }
    };
    match serve(config, stream, (peer, since), permit, handler, shutdown).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(ConnectionError::Broken(error)) => tracing::debug!(%peer, "connection lost: {error}"),
        Err(ConnectionError::TooSlow(why)) => tracing::info!(%peer, "connection ended: {why}"),
        // Both were logged when they happened.
        Err(ConnectionError::Protocol(CloseReason::AuthenticationRefused | CloseReason::LedBack)) => {}
        Err(why @ (ConnectionError::Unread(_) | ConnectionError::Protocol(_))) => {
            if let Some(more) = misbehaved.pass(Instant::now()) {
                tracing::warn!(%peer, "connection ended: {why}{}", and_more(more));
            }
        }
    }
}

/// The number of lines that were left out, for the log.
fn and_more(lines: u64) -> String {
    if lines == 0 { String::new() } else { format!(" (and {lines} more that were not logged)") }
}
