//! Serves one client connection: takes requests one after the other, and sends each where its target leads.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{Framing, RequestHead};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::http::autodiscover::discover;
use crate::http::config::HttpListenerConfig;
use crate::http::connection::ClientConnection;
use crate::http::downstream::auth::authenticator::Authenticator;
use crate::http::downstream::auth::local::ConnectionTraits;
use crate::http::downstream::authenticate::{Authentication, authenticate};
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, clipped};
use crate::http::downstream::preamble::{Begun, begin};
use crate::http::downstream::respond;
use crate::http::downstream::routes::{REFUSED, Route, RouteAction};
use crate::http::forward::forward;
use crate::http::operation;
use crate::http::shutdown::ShutdownSignal;
use crate::http::tls::TlsIdentity;
use crate::http::transport::{Stream, TransportError};
use crate::http::upstream::forwarding::Forwarding;
use crate::http::upstream::slot::UpstreamSlot;
use crate::tcp::admission::ConnectionPermit;

/// Serves `stream` until its end.
pub(crate) async fn serve(
    config: Arc<HttpListenerConfig>,
    tls: Option<TlsIdentity>,
    stream: TcpStream,
    peer: SocketAddr,
    place: ConnectionPermit,
    stop: watch::Receiver<bool>,
) {
    let accepted = Instant::now();
    let limit = config.limits.handshake;
    // Shaking hands takes much room, which is given back when it is over.
    let begun = Box::pin(timeout(limit, begin(&config, tls, stream, peer, place)));
    let mut stopped = stop.clone();
    let begun = tokio::select! {
        begun = begun => begun,
        // Nothing is under way yet.
        _ = stopped.wait_for(|stops| *stops) => return,
    };
    let begun = match begun {
        Ok(Ok(begun)) => begun,
        Ok(Err(why)) => return why.report(peer, &config),
        Err(_) => return config.log.client_error(peer, "no TLS or PROXY header in time"),
    };
    serve_established(config, begun, accepted, stop).await;
}

/// Serves a connection that was `accepted` then, behind its TLS handshake and PROXY header.
pub(crate) async fn serve_established(
    config: Arc<HttpListenerConfig>,
    begun: Begun,
    accepted: Instant,
    stop: watch::Receiver<bool>,
) {
    let Begun { client: peer, mut place, bindings, stream } = begun;
    let protected = matches!(stream, Stream::Tls(_));
    let shared = config.peers.speaks_for_others(peer.ip());
    if shared {
        // The server at its other end is trusted, and has many clients' requests on it.
        place.signed_in();
    }
    let forwarding = Forwarding::new(peer, shared, protected, &config.origin, config.tells_forwarding);
    let traits = ConnectionTraits { tls: protected, shared, bindings };
    let mut client = ClientConnection {
        authenticator: Authenticator::new(&config.auth, config.upstream.identity.pass_through(), traits),
        upstream: UpstreamSlot::new(forwarding),
        downstream: Downstream::new(config, stream, peer, place, accepted, ShutdownSignal::new(stop)),
    };
    match run(&mut client).await {
        Ok(()) => {
            Box::pin(client.downstream.linger()).await;
            tracing::debug!(%peer, "connection closed");
        }
        Err(error) => tracing::debug!(%peer, "client: {error}"),
    }
}

/// Serves requests until the client or the proxy wants no more.
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
        let keep_alive = match keep_alive {
            // Whether a client that got no `100 Continue` sends its body or its next request cannot be known.
            KeepAlive::Yes if downstream.unread && downstream.expects_continue => KeepAlive::No,
            KeepAlive::Yes if downstream.unread => downstream.skip_body().await?,
            keep_alive => keep_alive,
        };
        downstream.flush().await?;
        downstream.held = None;
        if keep_alive == KeepAlive::No || downstream.shutdown.is_requested() {
            return Ok(());
        }
        downstream.transport.decoder.release();
    }
}

/// Answers what is no request, and closes.
#[cold]
async fn bad_request(downstream: &mut Downstream, error: http1::Error) -> Result<(), ConnectionError> {
    downstream.config.log.client_error(downstream.peer, &format!("bad request: {error}"));
    let text = format!("{error}\n");
    respond::plain(&mut downstream.transport.out.bytes, error.status(), &text, |head| {
        head.fields.push("Connection", "close");
    });
    downstream.flush().await
}

/// Answers one request. Says whether the connection goes on.
async fn serve_request(
    client: &mut ClientConnection,
    mut head: RequestHead,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    let route = match route(&client.downstream, &mut head) {
        Ok(route) => route,
        Err(Rejected { status, text }) => {
            respond::to(&mut client.downstream.transport.out.bytes, &head, status, &text, |_| ());
            return Ok(KeepAlive::of(&head));
        }
    };
    let ClientConnection { downstream, authenticator, upstream } = client;
    let request = match authenticate(authenticator, downstream, upstream, head, route).await? {
        Authentication::Admitted(request) => request,
        Authentication::Answered(keep_alive) => return Ok(keep_alive),
    };
    match route {
        Route::Mapi => operation::relay(client, request, framing).await,
        Route::Autodiscover(dialect) => Box::pin(discover(client, request, framing, dialect)).await,
        Route::Other(_) => Box::pin(forward(client, request, framing)).await,
    }
}

/// Why a request goes nowhere: what the client gets.
struct Rejected {
    status: u16,
    text: String,
}

impl Rejected {
    fn new(status: u16, text: &str) -> Self {
        Self { status, text: text.to_owned() }
    }
}

/// Where a request leads that may be served, before it is known who sent it.
fn route(downstream: &Downstream, head: &mut RequestHead) -> Result<Route, Rejected> {
    let Downstream { config, peer, .. } = downstream;
    if config.upstream.via.is_in(&head.fields) {
        config.log.request_loop(*peer, "upstream.http");
        let text = "the server that this proxy is set up for is the proxy itself\n";
        return Err(Rejected::new(508, text));
    }
    if !head.take_origin_form() {
        return Err(Rejected::new(400, "the target is not an address of HTTP\n"));
    }
    if head.fields.has("expect") && !head.expects_continue() {
        return Err(Rejected::new(417, "only 100-continue can be expected\n"));
    }
    if matches!(head.method(), "CONNECT" | "TRACE") {
        return Err(Rejected::new(405, "this method is not served\n"));
    }
    match config.routes.find(head.target()) {
        Ok(Route::Other(RouteAction::Refuse)) => {
            tracing::debug!(%peer, path = head.path(), "refused by [virtual_directories]");
            Err(Rejected::new(403, REFUSED))
        }
        Ok(Route::Other(RouteAction::NotFound)) => Err(Rejected::new(404, "not found\n")),
        Ok(route) => Ok(route),
        Err(why) => {
            let what = format!("refused {} {}: {why}", head.method(), clipped(head.target()));
            config.log.client_error(*peer, &what);
            Err(Rejected { status: why.status(), text: format!("{why}\n") })
        }
    }
}
