//! Serves one client connection: reads its requests one after the other, and passes each to its service.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{Framing, RequestHead};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::http::client_connection::ClientConnection;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::authenticator::Authenticator;
use crate::http::downstream::auth::local::ConnectionTraits;
use crate::http::downstream::authenticate::{Authentication, authenticate};
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, HttpTimeout, KeepAlive};
use crate::http::downstream::preamble::{AcceptedConnection, read_preamble};
use crate::http::downstream::respond;
use crate::http::services::route;
use crate::http::shutdown::ShutdownSignal;
use crate::http::tls::TlsIdentity;
use crate::http::transport::{Stream, TransportError};
use crate::http::upstream::connection::UpstreamSlot;
use crate::http::upstream::forwarding::Forwarding;
use crate::tcp::admission::ConnectionPermit;

/// Serves `stream` until its end. `shutdown` turns true when no more requests are to be accepted.
pub(crate) async fn serve(
    config: Arc<HttpListenerConfig>,
    tls: Option<TlsIdentity>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    shutdown: watch::Receiver<bool>,
) {
    let accepted_at = Instant::now();
    let limit = config.limits.handshake;
    // The future of a TLS handshake is large, and is freed when it is over.
    let preamble = Box::pin(timeout(limit, read_preamble(&config, tls, stream, peer, permit)));
    let mut requested = shutdown.clone();
    let preamble = tokio::select! {
        preamble = preamble => preamble,
        // No request is in progress yet.
        _ = requested.wait_for(|requested| *requested) => return,
    };
    let accepted = match preamble {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(why)) => return why.report(peer, &config),
        Err(_) => return config.log.client_timeout(peer, &HttpTimeout::Preamble),
    };
    serve_established(config, accepted, accepted_at, shutdown).await;
}

/// Serves a connection, accepted at `accepted_at`, on which the PROXY header and the TLS handshake are complete.
pub(crate) async fn serve_established(
    config: Arc<HttpListenerConfig>,
    accepted: AcceptedConnection,
    accepted_at: Instant,
    shutdown: watch::Receiver<bool>,
) {
    let client_addr = accepted.peer.client;
    let mut client = client_connection(config, accepted, accepted_at, shutdown);
    match run(&mut client).await {
        Ok(()) => {
            Box::pin(client.downstream.linger()).await;
            tracing::debug!(client = %client_addr, "connection closed");
        }
        Err(ConnectionError::Timeout(why)) => client.downstream.config.log.client_timeout(client_addr, &why),
        Err(error) => tracing::debug!(client = %client_addr, "client connection closed: {error}"),
    }
}

/// Creates the state of a client connection.
fn client_connection(
    config: Arc<HttpListenerConfig>,
    accepted: AcceptedConnection,
    accepted_at: Instant,
    shutdown: watch::Receiver<bool>,
) -> ClientConnection {
    let AcceptedConnection { peer, mut permit, bindings, stream } = accepted;
    let tls = matches!(stream, Stream::Tls(_));
    let (shared, sender) = (config.trusted_proxies.is_shared(peer), config.trusted_proxies.sender(peer));
    if shared {
        // A trusted reverse proxy needs no authentication of its own.
        permit.set_reverse_proxy(|| accepted_at);
    }
    let forwarding = Forwarding::new(sender, shared, tls, &config.origin, config.forwarding_headers);
    let traits = ConnectionTraits { tls, shared, bindings };
    let authenticator = Authenticator::new(&config.auth, config.upstream.identity.pass_through(), traits);
    let shutdown = ShutdownSignal::new(shutdown);
    ClientConnection {
        authenticator,
        upstream: UpstreamSlot::new(forwarding),
        downstream: Downstream::new(config, stream, peer, permit, accepted_at, shutdown),
    }
}

/// Serves requests until the client closes the connection or the proxy shuts down.
async fn run(client: &mut ClientConnection) -> Result<(), ConnectionError> {
    loop {
        let until = client.downstream.idle_until();
        let next = client.downstream.next_request(&mut client.upstream, until).await;
        let served = match next {
            Ok(Some((head, framing))) => serve_request(client, head, framing).await,
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        let keep_alive = match served {
            Err(ConnectionError::Client(TransportError::Message(error))) => {
                return bad_request(&mut client.downstream, error).await;
            }
            served => served?,
        };
        let downstream = &mut client.downstream;
        downstream.flush().await?;
        if keep_alive == KeepAlive::Yes && downstream.unread {
            downstream.skip_body().await?;
        }
        downstream.work.end_request();
        (downstream.caller, downstream.held) = (None, None);
        if keep_alive == KeepAlive::No || downstream.unread || downstream.shutdown.is_requested() {
            return Ok(());
        }
        downstream.transport.decoder.release_buffer();
    }
}

/// Responds to bytes that are not a request, after which the connection is closed.
#[cold]
async fn bad_request(downstream: &mut Downstream, error: http1::Error) -> Result<(), ConnectionError> {
    let advice = match error {
        http1::Error::Tls => ": set the client to http://, or to the address and port of listen.https",
        _ => "",
    };
    downstream.config.log.client_error(downstream.peer.client, &format!("bad request: {error}{advice}"));
    respond::bad_request(&mut downstream.transport.out.bytes, error.status());
    downstream.flush().await
}

/// Serves one request. Returns whether the connection stays open.
async fn serve_request(
    client: &mut ClientConnection,
    mut head: Box<RequestHead>,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    let service = match route(&client.downstream, &mut head) {
        Ok(service) => service,
        Err(why) => {
            let out = client.downstream.response_to(&mut head);
            respond::to(&mut out.bytes, &head, why.status(), &format!("{why}\n"), |_| ());
            return Ok(KeepAlive::of(&head));
        }
    };
    let rules = service.rules(&head, framing);
    let ClientConnection { downstream, authenticator, upstream } = client;
    match authenticate(authenticator, downstream, upstream, head, rules).await? {
        Authentication::Admitted(request) => service.serve(client, request, framing).await,
        Authentication::Responded(keep_alive) => Ok(keep_alive),
    }
}
