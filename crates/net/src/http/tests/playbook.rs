//! The playbook: `client >> event << received`, with a scripted server, and a clock that the test moves. Only deferred
//! work is executed on other threads, when the test permits it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::{Shl, Shr};
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{Finished, Observer, RefusedOperation};
use http1::{Event, Head as _, ResponseDecoder, ResponseHead};
use identity::{Pool, SecurityContext};
use tokio::io::DuplexStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, advance};

use crate::http::config::HttpListenerConfig;
use crate::http::downstream::preamble::AcceptedConnection;
use crate::http::memory_stream::PIPE;
use crate::http::server::serve_established;
pub(super) use crate::http::tests::messages::{basic, head, mapi};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ServerConnection, Upstream, read_some, write_some};
use crate::http::transport::Stream;
use crate::http::trusted_proxies::PeerAddresses;
use crate::tcp::admission::Admission;
use crate::{clock, spawn_system};

/// How far the clock is moved at once: no deadline of a test is more precise.
const TICK: Duration = Duration::from_millis(20);

/// How often tasks that are ready are run until all of them wait.
const TURNS: usize = 16;

/// A proxy with its clock.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) config: Arc<HttpListenerConfig>,
    upstream: Rc<Upstream>,
    pub(super) runtime: Rc<Runtime>,
    admission: Arc<Admission>,
    /// `None` once the proxy has ended without waiting for requests in progress.
    stop: Rc<RefCell<Option<watch::Sender<bool>>>>,
    signed_in: Arc<SignedIn>,
    workers: Workers,
}

/// Records the contexts of clients that authenticated.
#[derive(Default)]
pub(super) struct SignedIn(Mutex<Vec<SecurityContext>>);

impl Observer for SignedIn {
    fn authenticated(&self, context: &SecurityContext, _: SocketAddr) {
        self.0.lock().unwrap().push(context.clone());
    }

    fn client_refused(&self, _: SocketAddr, _: &str) {}

    fn operation_refused(&self, _: &RefusedOperation<'_>) {}

    fn finished(&self, _: &Finished, _: Duration) {}
}

/// Threads for deferred work. Each job waits until the test permits one.
#[derive(Clone)]
struct Workers {
    pool: Pool,
    permits: Sender<()>,
}

impl Workers {
    #[allow(clippy::disallowed_methods, reason = "a test's own threads; each job has its context")]
    fn new(pool: &Pool) -> Self {
        let (permits, permitted) = channel();
        let permitted = Arc::new(Mutex::new(permitted));
        for _ in 0..2 {
            let (pool, permitted) = (pool.clone(), Arc::clone(&permitted));
            std::thread::spawn(move || {
                pool.work(|| {
                    let _ = permitted.lock().unwrap().recv();
                    clock::now()
                });
            });
        }
        Self { pool: pool.clone(), permits }
    }

    fn has_jobs(&self) -> bool {
        let counts = self.pool.counts();
        counts.queued + counts.running > 0
    }

    /// Executes one job.
    fn execute(&self) {
        let done = self.pool.counts().done;
        self.permits.send(()).unwrap();
        while self.pool.counts().done == done {
            std::thread::yield_now();
        }
    }
}

impl Setup {
    pub(super) fn before(self, upstream: &Rc<Upstream>) -> Proxy {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = Rc::new(runtime.unwrap());
        let context = runtime.enter();
        let pool = Pool::new(std::num::NonZeroUsize::new(8).unwrap());
        let workers = Workers::new(&pool);
        let limits = self.limits;
        let signed_in = Arc::new(SignedIn::default());
        let observer: Arc<dyn Observer> = Arc::clone(&signed_in) as _;
        let config = self.config(&upstream.memory, pool, observer);
        drop(context);
        Proxy {
            config,
            upstream: Rc::clone(upstream),
            runtime,
            admission: Admission::new(limits, Vec::new()),
            stop: Rc::new(RefCell::new(Some(watch::channel(false).0))),
            signed_in,
            workers,
        }
    }
}

impl Proxy {
    /// The names of the users that authenticated.
    pub(super) fn authenticated_names(&self) -> Vec<String> {
        let contexts = self.signed_in.0.lock().unwrap();
        contexts.iter().map(|context| context.principal().to_string()).collect()
    }

    /// Drops the contexts of the users that authenticated, which would otherwise count as open.
    pub(super) fn forget_contexts(&self) {
        self.signed_in.0.lock().unwrap().clear();
    }

    /// How many connections of clients are served.
    pub(super) fn connections(&self) -> usize {
        // Each connection waits for the stop with two receivers.
        self.stop.borrow().as_ref().map_or(0, |stop| stop.receiver_count() / 2)
    }

    /// Runs the tasks of all connections until they wait.
    fn run(&self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                yield_now().await;
            }
        });
    }
}

/// An event, for `>>`.
pub(super) enum Happens {
    /// The client sends this.
    Request(Vec<u8>),
    /// The client sends the rest of a request.
    Rest(Vec<u8>),
    /// The server sends this on the connection of the last request.
    Response(Vec<u8>),
    /// The server closes that connection.
    ServerCloses,
    /// That connection fails once the proxy has written this many bytes to it.
    ConnectionFailsAfter(usize),
    /// The server closes all connections.
    ServerClosesAll,
    /// The server accepts no further connections.
    ServerUnreachable,
    /// Time passes.
    TimePasses(Duration),
    /// The deferred work of a module is executed.
    WorkDone,
    /// The account with which a client authenticated last is revoked.
    AccountRevoked,
    /// The proxy accepts no more requests.
    Shutdown,
    /// The proxy ends without waiting for requests in progress.
    ProxyEnds,
}

/// The state of a connection, or the end of its last request, for `<<`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    WaitsForWork,
    WaitsForServer,
    /// The response is complete.
    KeptAlive,
    /// The response is complete, and the proxy closed the connection.
    Closed,
    /// The proxy closed the connection within the response.
    CutShort,
}

/// A client's connection.
pub(super) struct Client {
    proxy: Proxy,
    /// `None` once the proxy has closed it.
    stream: Option<DuplexStream>,
    /// What is to be sent.
    outgoing: Vec<u8>,
    /// Bytes that the client received and the test has not checked.
    received: Vec<u8>,
    /// Finds the ends of responses.
    responses: ResponseDecoder,
    is_interim: bool,
    /// Requests whose response is not complete.
    unanswered: usize,
    servers: Vec<ServerConnection>,
    state: Option<State>,
    reads: bool,
}

impl Client {
    pub(super) fn new(proxy: &Proxy) -> Self {
        let client = SocketAddr::from(([192, 0, 2, 1], 4000));
        Self::at(PeerAddresses { socket: client, client }, proxy)
    }

    /// A connection with these addresses.
    pub(super) fn at(peer: PeerAddresses, proxy: &Proxy) -> Self {
        let (stream, far) = tokio::io::duplex(PIPE);
        let _context = proxy.runtime.enter();
        let permit = proxy.admission.admit(peer.client.ip()).expect("a permitted connection").permit;
        let stream_of_proxy = Stream::Memory(far.into());
        let accepted = AcceptedConnection { peer, permit, bindings: None, stream: stream_of_proxy };
        let config = Arc::clone(&proxy.config);
        let stop = proxy.stop.borrow().as_ref().expect("a proxy that has not ended").subscribe();
        spawn_system(serve_established(config, accepted, Instant::now(), stop));
        Self {
            proxy: proxy.clone(),
            stream: Some(stream),
            outgoing: Vec::new(),
            received: Vec::new(),
            responses: ResponseDecoder::new(http1::Limits::default()),
            is_interim: false,
            unanswered: 0,
            servers: Vec::new(),
            state: None,
            reads: true,
        }
    }

    /// Sends a request, lets the server and the modules' work finish, and returns the response.
    #[track_caller]
    pub(super) fn exchange(&mut self, request: impl Into<Vec<u8>>) -> ClientResponse {
        self.happens(Happens::Request(request.into()));
        while self.state == Some(State::WaitsForWork) {
            self.happens(Happens::WorkDone);
        }
        self.response()
    }

    /// Closes the client's connection. The server's ends of its connections stay.
    pub(super) fn disconnect(&mut self) {
        self.stream = None;
        self.proxy.run();
    }

    /// Reads no more of what the proxy sends.
    pub(super) fn stop_reading(&mut self) {
        self.reads = false;
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state
    }

    /// Whether the responses to all requests are complete.
    pub(super) fn is_answered(&self) -> bool {
        self.unanswered == 0
    }

    /// Sends two requests at once, and returns the first response.
    #[track_caller]
    pub(super) fn exchange_both(&mut self, first: &str, second: &str) -> ClientResponse {
        self.responses.expect(false);
        self.unanswered += 1;
        self.outgoing.extend_from_slice(first.as_bytes());
        self.exchange(second)
    }

    /// The next response, which is complete.
    #[track_caller]
    pub(super) fn response(&mut self) -> ClientResponse {
        assert!(matches!(self.state, Some(State::KeptAlive | State::Closed)), "{:?}", self.state);
        let mut decoder = ResponseDecoder::new(http1::Limits::default());
        let received = std::mem::take(&mut self.received);
        decoder.expect(false);
        decoder.receive(&received);
        if self.stream.is_none() {
            decoder.close();
        }
        let (mut final_head, mut body, mut wire) = (None, Vec::new(), Vec::new());
        while let Some(event) = decoder.poll().unwrap() {
            match event {
                Event::Head { head, .. } => {
                    head.write(&mut wire);
                    final_head = (head.status() >= 200).then_some(*head);
                }
                Event::Body(piece) => {
                    body.extend_from_slice(piece.data());
                    wire.extend_from_slice(piece.wire());
                }
                Event::End if final_head.is_some() => break,
                Event::End => {}
            }
        }
        self.received = received.get(wire.len()..).unwrap_or_default().to_vec();
        ClientResponse { head: final_head.expect("a head"), body }
    }

    /// The bytes that the client received, up to `end`.
    #[track_caller]
    pub(super) fn until(&mut self, end: &str) -> String {
        let at = self.received.windows(end.len()).position(|window| window == end.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(&self.received))) + end.len();
        let rest = self.received.split_off(at);
        String::from_utf8(std::mem::replace(&mut self.received, rest)).unwrap()
    }

    #[track_caller]
    pub(super) fn happens(&mut self, what: Happens) {
        match what {
            Happens::Request(bytes) => {
                self.responses.expect(false);
                self.outgoing.extend_from_slice(&bytes);
                self.unanswered += 1;
            }
            Happens::Rest(bytes) => self.outgoing.extend_from_slice(&bytes),
            Happens::Response(bytes) => self.server().send(&bytes),
            Happens::ServerCloses => self.server().close(),
            Happens::ConnectionFailsAfter(bytes) => self.server().fail_after(bytes),
            Happens::ServerUnreachable => self.proxy.upstream.memory.set_unreachable(),
            Happens::ServerClosesAll => self.servers.iter_mut().for_each(ServerConnection::close),
            Happens::TimePasses(time) => return self.pass(time),
            Happens::WorkDone => {
                while self.state == Some(State::WaitsForWork) && self.proxy.workers.has_jobs() {
                    self.proxy.workers.execute();
                    self.settle();
                }
            }
            Happens::AccountRevoked => self.proxy.signed_in.0.lock().unwrap().last().unwrap().revoke(),
            Happens::Shutdown => {
                self.proxy.stop.borrow().as_ref().unwrap().send_replace(true);
            }
            Happens::ProxyEnds => drop(self.proxy.stop.take()),
        }
        self.settle();
    }

    /// Whether the proxy has left open the connection of the last request.
    pub(super) fn is_server_connected(&self) -> bool {
        self.servers.last().is_some_and(ServerConnection::is_open)
    }

    /// The server's end of the connection of the last request.
    #[track_caller]
    fn server(&mut self) -> &mut ServerConnection {
        self.servers.last_mut().expect("a connection to the server")
    }

    /// Lets `time` pass, and runs each timer that fires meanwhile.
    fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let tick = left.min(TICK);
            self.proxy.runtime.block_on(advance(tick));
            self.settle();
            left -= tick;
        }
    }

    /// Runs all connections until they wait for an event.
    fn settle(&mut self) {
        loop {
            let sent = self.stream.as_mut().is_some_and(|stream| write_some(stream, &mut self.outgoing));
            self.proxy.run();
            self.servers.extend(self.proxy.upstream.accept());
            let mut is_some = sent;
            for server in &mut self.servers {
                is_some |= server.advance(&self.proxy.upstream);
            }
            if !(self.receive() | is_some) {
                break;
            }
        }
        self.state = Some(match (&self.stream, self.unanswered) {
            (Some(_), 0) => State::KeptAlive,
            (None, 0) => State::Closed,
            (None, _) => State::CutShort,
            (Some(_), _) if self.servers.iter().any(ServerConnection::is_busy) => State::WaitsForServer,
            (Some(_), _) => State::WaitsForWork,
        });
    }

    /// Takes the bytes that the proxy sent. Returns whether there were any.
    fn receive(&mut self) -> bool {
        let stream = self.stream.as_mut().filter(|_| self.reads);
        let Some(bytes) = stream.and_then(read_some) else { return false };
        if bytes.is_empty() {
            self.stream = None;
            self.responses.close();
        }
        self.responses.receive(&bytes);
        self.received.extend_from_slice(&bytes);
        while let Ok(Some(event)) = self.responses.poll() {
            match event {
                Event::Head { head, .. } => self.is_interim = head.status() < 200,
                Event::Body(_) => {}
                Event::End if self.is_interim => {}
                Event::End => self.unanswered = self.unanswered.saturating_sub(1),
            }
        }
        true
    }
}

/// The client closes its connection.
impl Drop for Client {
    fn drop(&mut self) {
        self.stream = None;
        if !std::thread::panicking() {
            self.proxy.run();
        }
    }
}

impl Shr<Happens> for Client {
    type Output = Self;

    #[track_caller]
    fn shr(mut self, what: Happens) -> Self {
        self.happens(what);
        self
    }
}

/// Compares all bytes that the client received and the test has not checked.
impl Shl<&str> for Client {
    type Output = Self;

    #[track_caller]
    fn shl(mut self, expected: &str) -> Self {
        assert_eq!(String::from_utf8_lossy(&std::mem::take(&mut self.received)), expected);
        self
    }
}

impl Shl<State> for Client {
    type Output = Self;

    #[track_caller]
    fn shl(self, expected: State) -> Self {
        assert_eq!(self.state, Some(expected));
        self
    }
}

/// A response as a client gets it.
#[derive(Debug, Clone)]
pub(super) struct ClientResponse {
    pub(super) head: ResponseHead,
    pub(super) body: Vec<u8>,
}

impl ClientResponse {
    pub(super) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(super) fn code(&self) -> Option<String> {
        self.head.fields.text("x-responsecode").map(str::to_owned)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.fields.text(name)
    }
}

/// Such a request without a body.
pub(super) fn get() -> Happens {
    Happens::Request(head("GET", 0).into_bytes())
}

/// A request of MAPI over HTTP, for `>>`.
pub(super) fn request(user: &str, request_type: &str, cookie: &str, body: &[u8]) -> Happens {
    Happens::Request(mapi(user, "emsmdb", request_type, cookie, body))
}

/// More of the server's response, for `>>`.
pub(super) fn response(bytes: impl AsRef<[u8]>) -> Happens {
    Happens::Response(bytes.as_ref().to_vec())
}
