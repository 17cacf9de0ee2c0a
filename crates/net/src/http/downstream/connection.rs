//! One client connection: requests in, one after the other; answers out.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http1::{Event, Framing, RequestDecoder, RequestHead};
use identity::SecurityContext;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::body_budget::Share;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::Connection as SignIn;
use crate::http::downstream::context::{ConnectionError, KeepAlive, clipped};
use crate::http::downstream::pace::Pace;
use crate::http::downstream::preamble::{Begun, begin};
use crate::http::downstream::respond;
use crate::http::downstream::routes::{REFUSED, Route, RouteAction};
use crate::http::passthrough::session::Relayed;
use crate::http::timers::{Alarm, Stop};
use crate::http::tls::TlsIdentity;
use crate::http::transport::{FramedTransport, Stream, TransportError};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::tcp::admission::Place;

/// One client connection.
pub(crate) struct Client {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) transport: FramedTransport<RequestHead>,
    /// Where the connection comes from: from a front server, or from the client itself.
    pub(crate) peer: SocketAddr,
    pub(crate) place: Place,
    /// When it was taken.
    since: Instant,
    pub(crate) pace: Pace,
    pub(super) sign_in: SignIn,
    /// Where it signs in at the server: as far as it did.
    pub(crate) relayed: Option<Relayed>,
    /// The context of its anonymous requests.
    pub(super) anonymous: Option<SecurityContext>,
    /// The context of the request that is answered now.
    pub(crate) caller: Option<SecurityContext>,
    /// The server wants to know who asks, which the client is to be told.
    pub(crate) denied: bool,
    /// Its own connection to the server.
    pub(crate) link: Option<Box<UpstreamConnection>>,
    pub(crate) stop: Stop,
    pub(crate) alarm: Alarm,
    /// What the answer counts as held in memory until the client has read it.
    pub(crate) held: Option<Share>,
    /// Whether the rest of the request's body is still to come.
    pub(crate) unread: bool,
    /// Whether the client waits to be told to go on before it sends the body.
    pub(crate) waits: bool,
    /// What the server is told of where its requests come from.
    pub(crate) forwarding: Forwarding,
}

/// Serves `stream` until its end.
pub(crate) async fn serve(
    config: Arc<HttpListenerConfig>,
    tls: Option<TlsIdentity>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    stop: watch::Receiver<bool>,
) {
    let since = Instant::now();
    let limit = config.limits.handshake;
    // Shaking hands takes much room, which is given back when it is over.
    let begun = Box::pin(timeout(limit, begin(&config, tls, stream, peer, place)));
    let mut told = stop.clone();
    let begun = tokio::select! {
        begun = begun => begun,
        // Nothing is under way yet.
        _ = told.wait_for(|stops| *stops) => return,
    };
    let Begun { client: peer, mut place, bindings, stream } = match begun {
        Ok(Ok(begun)) => begun,
        Ok(Err(why)) => return why.report(peer, &config),
        Err(_) => return config.log.misbehaved(peer, "no TLS or PROXY header in time"),
    };
    let protected = matches!(stream, Stream::Tls(_));
    let decoder = RequestDecoder::new(config.sizes.framing);
    let shared = config.peers.speaks_for_others(peer.ip());
    if shared {
        // The server at its other end is trusted, and has many clients' requests on it.
        place.signed_in();
    }
    let safe = config.sign_in.is_safe(protected);
    let mut client = Client {
        sign_in: SignIn::new(&config.sign_in, protected, shared, bindings),
        relayed: config.relayed.as_ref().map(|config| Relayed::new(config, safe, shared)),
        anonymous: None,
        caller: None,
        denied: false,
        transport: FramedTransport::new(stream, decoder),
        peer,
        place,
        since,
        pace: Pace::default(),
        link: None,
        stop: Stop::new(stop),
        alarm: Alarm::default(),
        held: None,
        unread: false,
        waits: false,
        forwarding: Forwarding::new(peer, shared, protected, &config.origin, config.tells_forwarding),
        config,
    };
    match client.run().await {
        Ok(()) => {
            Box::pin(client.transport.linger(LINGER.min(client.config.limits.handshake))).await;
            tracing::debug!(%peer, "connection closed");
        }
        Err(gone) => tracing::debug!(%peer, "client: {gone}"),
    }
}

/// How long the rest of a request is waited for when the proxy is to stop.
const UNFINISHED: Duration = Duration::from_secs(1);

/// How long a client may take to read its last answer.
const LINGER: Duration = Duration::from_secs(2);

impl Client {
    async fn run(&mut self) -> Result<(), ConnectionError> {
        let mut until = self.since + self.config.limits.handshake;
        loop {
            if !self.wait_for_request(until).await? {
                return Ok(());
            }
            // Requests that follow each other without a pause are never waited for.
            if self.sign_in_ends().is_some_and(|end| Instant::now() >= end) {
                return Err(ConnectionError::Late);
            }
            self.pace = Pace::new(&self.config.limits);
            let (head, framing) = match self.event().await {
                Ok(Event::Head { head, framing }) => (head, framing),
                Ok(Event::Body(_) | Event::End) => return Err(ConnectionError::NoHead),
                Err(ConnectionError::Client(TransportError::Message(error))) => {
                    return self.bad_request(error).await;
                }
                Err(gone) => return Err(gone),
            };
            self.unread = true;
            self.waits = head.expects_continue() && framing.has_body();
            let answered = self.request(head, framing).await;
            self.caller = None;
            let then = match answered {
                Err(ConnectionError::Client(TransportError::Message(error))) => {
                    return self.bad_request(error).await;
                }
                other => other?,
            };
            let then = match then {
                // Whether a client that was not told to go on sends its body or its next request, nobody knows.
                KeepAlive::Yes if self.unread && self.waits => KeepAlive::No,
                KeepAlive::Yes if self.unread => self.skip_body().await?,
                then => then,
            };
            self.flush().await?;
            self.held = None;
            if then == KeepAlive::No || self.stop.is_told() {
                return Ok(());
            }
            self.transport.decoder.release();
            if self.place.is_signed_in() {
                until = Instant::now() + self.config.limits.idle;
            }
        }
    }

    /// Until when the connection may stay unauthenticated, whatever comes on it; none once a client has signed in.
    fn sign_in_ends(&self) -> Option<Instant> {
        (!self.place.is_signed_in()).then(|| self.since + self.config.limits.handshake)
    }

    /// Waits for the first byte of a request; false where none comes any more. Meanwhile the server may close
    /// its end, so that the next request finds out before it is sent.
    async fn wait_for_request(&mut self, until: Instant) -> Result<bool, ConnectionError> {
        while self.transport.decoder.waiting() == 0 {
            if !poll_fn(|task| self.poll_idle(task, until)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ready where something came from the client; false where nothing comes any more.
    fn poll_idle(&mut self, task: &mut Context<'_>, until: Instant) -> Poll<io::Result<bool>> {
        if let Poll::Ready(filled) = self.transport.poll_fill(task) {
            return Poll::Ready(filled.map(|count| count > 0));
        }
        // Whatever comes from the server now: it closed the connection, or says what nobody asked for.
        if self.link.as_mut().is_some_and(|link| link.transport.poll_fill(task).is_ready()) {
            self.link = None;
        }
        while let Poll::Ready(goes_on) = self.stop.poll(task) {
            if !goes_on || self.stop.is_told() {
                return Poll::Ready(Ok(false));
            }
        }
        self.alarm.poll(task, until).map(|()| Ok(false))
    }

    /// The next event of a request.
    pub(crate) async fn event(&mut self) -> Result<Event<RequestHead>, ConnectionError> {
        loop {
            if let Some(event) = self.transport.ready().map_err(TransportError::from)? {
                return Ok(event);
            }
            self.more().await?;
        }
    }

    /// Waits for more of a request. Its client has the time of its [`Pace`]; where the proxy is to stop, no longer
    /// than [`UNFINISHED`].
    pub(crate) async fn more(&mut self) -> Result<(), ConnectionError> {
        if self.transport.has_ended() {
            return Err(TransportError::Closed.into());
        }
        let begin = Instant::now();
        let in_time = begin + self.pace.left();
        let in_time = self.sign_in_ends().map_or(in_time, |end| in_time.min(end));
        let count = poll_fn(|task| {
            if let Poll::Ready(filled) = self.transport.poll_fill(task) {
                return Poll::Ready(filled.map_err(ConnectionError::from));
            }
            while let Poll::Ready(goes_on) = self.stop.poll(task) {
                if !goes_on {
                    return Poll::Ready(Err(ConnectionError::Stopped));
                }
            }
            let until = match self.stop.told_at() {
                Some(told) => in_time.min(told + UNFINISHED),
                None => in_time,
            };
            self.alarm.poll(task, until).map(|()| Err(ConnectionError::Late))
        })
        .await?;
        self.pace.came(count, begin.elapsed());
        Ok(())
    }

    /// Sends what the client has to get. One that has signed in has `handshake_seconds` for each piece, any other until
    /// the end of its time for signing in.
    pub(crate) async fn flush(&mut self) -> Result<(), ConnectionError> {
        let end = self.sign_in_ends();
        let sent = self.transport.flush(self.config.limits.handshake);
        match end {
            Some(end) => Ok(timeout_at(end, sent).await.map_err(|_| ConnectionError::Late)??),
            None => Ok(sent.await?),
        }
    }

    /// Answers what is no request, and closes.
    async fn bad_request(&mut self, error: http1::Error) -> Result<(), ConnectionError> {
        self.config.log.misbehaved(self.peer, &format!("bad request: {error}"));
        let text = format!("{error}\n");
        respond::plain(&mut self.transport.out, error.status(), &text, |head| {
            head.fields.push("Connection", "close");
        });
        self.flush().await
    }

    async fn request(
        &mut self,
        mut head: RequestHead,
        framing: Framing,
    ) -> Result<KeepAlive, ConnectionError> {
        if self.config.upstream.via.is_in(&head.fields) {
            self.config.log.looped(self.peer, "upstream.http");
            return Ok(self.answer(
                508,
                "the server that this proxy is set up for is the proxy itself\n",
                &head,
            ));
        }
        if !head.take_origin_form() {
            return Ok(self.answer(400, "the target is not an address of HTTP\n", &head));
        }
        if head.fields.has("expect") && !head.expects_continue() {
            return Ok(self.answer(417, "only 100-continue can be expected\n", &head));
        }
        let route = match head.method() {
            "CONNECT" | "TRACE" => return Ok(self.answer(405, "this method is not served\n", &head)),
            _ => self.config.routes.find(head.target()),
        };
        let route = match route {
            Ok(route) => route,
            Err(why) => {
                self.config.log.misbehaved(
                    self.peer,
                    &format!("refused {} {}: {why}", head.method(), clipped(head.target())),
                );
                return Ok(self.answer(why.status(), &format!("{why}\n"), &head));
            }
        };
        match route {
            Route::Other(RouteAction::Refuse) => {
                tracing::debug!(peer = %self.peer, path = head.path(), "refused by [virtual_directories]");
                return Ok(self.answer(403, REFUSED, &head));
            }
            Route::Other(RouteAction::NotFound) => return Ok(self.answer(404, "not found\n", &head)),
            Route::Mapi | Route::Autodiscover(_) | Route::Other(RouteAction::Relay) => {}
        }
        let request = match self.who(&head, route).await? {
            Ok(request) => request,
            Err(KeepAlive::No) => return Ok(KeepAlive::No),
            Err(KeepAlive::Yes) => {
                // In the middle of a handshake the connection has to stay, and so the body has to come.
                self.invite().await?;
                return Ok(if head.keeps_alive() { KeepAlive::Yes } else { KeepAlive::No });
            }
        };
        if route == Route::Mapi {
            return self.operation(request, head, framing).await;
        }
        if let Route::Autodiscover(dialect) = route {
            return Box::pin(self.discover(request, head, framing, dialect)).await;
        }
        Box::pin(self.relay(request, head, framing)).await
    }

    /// Answers a request in our own words. Says whether the connection goes on.
    pub(crate) fn answer(&mut self, status: u16, text: &str, head: &RequestHead) -> KeepAlive {
        respond::to(&mut self.transport.out, head, status, text, |_| ());
        if head.keeps_alive() { KeepAlive::Yes } else { KeepAlive::No }
    }
}
