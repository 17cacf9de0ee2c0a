//! The playbook: `client >> what happens << what the client gets`, with a server that does what a test says, and a clock
//! that a test moves. Nothing is waited for but the deferred work that a test gives to the pool.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::{Shl, Shr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http1::{Event, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use identity::{OsRandom, SecurityContext};
use tokio::time::Instant;

use crate::clock;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::local::{ConnectionAuth, ConnectionTraits};
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::Env;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::exchange::{Action, Exchange, Input};
use crate::http::operation::request::operation_key;
use crate::http::output::{OutputBuffer, PARTS};
use crate::http::server_only::Cookies;
use crate::http::tests::setup::Setup;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::UpstreamError;

/// A request as the exchange sends it to the server.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
}

/// What a server says to a request, and whether the connection stays.
type Answering = dyn Fn(&Got, &mut Vec<u8>) -> bool;

/// A server.
pub(super) struct Upstream {
    answering: Box<Answering>,
    got: RefCell<Vec<Got>>,
}

impl Upstream {
    pub(super) fn new(answering: impl Fn(&Got, &mut Vec<u8>) -> bool + 'static) -> Rc<Self> {
        Rc::new(Self { answering: Box::new(answering), got: RefCell::default() })
    }

    /// A server that says nothing by itself.
    pub(super) fn silent() -> Rc<Self> {
        Self::new(|_, _| true)
    }

    /// The next request that it got.
    pub(super) fn next(&self) -> Got {
        self.got.borrow_mut().remove(0)
    }

    /// The requests that it got and that were not looked at.
    pub(super) fn others(&self) -> Vec<Got> {
        std::mem::take(&mut self.got.borrow_mut())
    }
}

/// A proxy with its clock.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) config: Arc<HttpListenerConfig>,
    upstream: Rc<Upstream>,
    now: Rc<Cell<Instant>>,
}

impl Setup {
    pub(super) fn before(self, upstream: &Rc<Upstream>) -> Proxy {
        let (upstream, now) = (Rc::clone(upstream), Rc::new(Cell::new(Instant::now())));
        Proxy { config: self.config(), upstream, now }
    }
}

/// What happens, for `>>`.
pub(super) enum Happens {
    /// The client's request is whole.
    Request(Vec<u8>),
    /// The server says more.
    Response(Vec<u8>),
    /// The server closes its connection.
    ServerCloses,
    /// The connection to the server fails, or can't be made.
    ServerFails(UpstreamError),
    /// Time passes.
    TimePasses(Duration),
    /// The deferred work of a module comes to its end.
    WorkDone,
    /// The proxy takes no more requests.
    Shutdown,
}

/// What an exchange waits for, or how it ended, for `<<`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    WaitsForWork,
    WaitsForServer,
    KeptAlive,
    Closed,
    /// The client's connection ends within the response.
    CutShort,
}

/// A client's connection.
pub(super) struct Client {
    proxy: Proxy,
    exchange: Option<Box<Exchange>>,
    /// What the exchange wants and does not get yet.
    wants: Option<Action>,
    server: ResponseDecoder,
    closed: bool,
    out: OutputBuffer,
    /// What the client got and was not looked at.
    received: Vec<u8>,
    state: Option<State>,
}

impl Client {
    pub(super) fn new(proxy: &Proxy) -> Self {
        Self {
            proxy: proxy.clone(),
            exchange: None,
            wants: None,
            server: ResponseDecoder::new(http1::Limits::default()),
            closed: false,
            out: OutputBuffer::default(),
            received: Vec::new(),
            state: None,
        }
    }

    /// Sends a request, lets the server and the modules' work come to their ends, and returns the response.
    #[track_caller]
    pub(super) fn ask(&mut self, request: Vec<u8>) -> Answer {
        self.happens(Happens::Request(request));
        while self.state == Some(State::WaitsForWork) {
            self.happens(Happens::WorkDone);
        }
        self.answer()
    }

    /// The response, which is whole.
    #[track_caller]
    pub(super) fn answer(&mut self) -> Answer {
        assert!(matches!(self.state, Some(State::KeptAlive | State::Closed)), "{:?}", self.state);
        let mut decoder = ResponseDecoder::new(http1::Limits::default());
        decoder.expect(false);
        decoder.receive(&std::mem::take(&mut self.received));
        let Some(Event::Head { head, .. }) = decoder.poll().unwrap() else { panic!("no head") };
        let mut body = Vec::new();
        while let Some(Event::Body(piece)) = decoder.poll().unwrap() {
            body.extend_from_slice(piece.data());
        }
        Answer { head, body }
    }

    /// What the client got up to `end`.
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
            Happens::Request(bytes) => self.begin(&bytes),
            Happens::Response(bytes) => self.server.receive(&bytes),
            Happens::ServerCloses => {
                self.server.close();
                self.closed = true;
            }
            Happens::ServerFails(why) => self.step(Input::Response(ResponseEvent::Failed(why))),
            Happens::TimePasses(time) => return self.pass(time),
            Happens::WorkDone => {
                let exchange = self.exchange.as_mut().expect("an exchange");
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(std::future::poll_fn(|task| exchange.poll_work(task)));
                self.step(Input::WorkDone);
            }
            Happens::Shutdown => {
                if let Some(Action::Read { ends_at_shutdown: true, .. }) = self.wants {
                    self.step(Input::Response(ResponseEvent::Shutdown));
                }
            }
        }
        self.go_on();
    }

    /// Lets `time` pass, with all that is due on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.proxy.now.get() + time;
        loop {
            let (until, input) = match self.wants {
                Some(Action::Read { until, .. }) => (until, Input::Response(ResponseEvent::Deadline)),
                Some(Action::WaitForWork { until }) => (until, Input::WorkDeadline),
                _ => break,
            };
            if until > end {
                break;
            }
            self.proxy.now.set(until);
            self.step(input);
            self.go_on();
        }
        self.proxy.now.set(end);
    }

    fn step(&mut self, input: Input) {
        let exchange = self.exchange.as_mut().expect("an exchange");
        self.wants = Some(exchange.step(input, self.proxy.now.get(), &mut self.out));
    }

    /// Takes in a request.
    #[track_caller]
    fn begin(&mut self, bytes: &[u8]) {
        let config = Arc::clone(&self.proxy.config);
        let mut decoder = RequestDecoder::new(http1::Limits::default());
        decoder.receive(bytes);
        let Some(Event::Head { head, .. }) = decoder.poll().unwrap() else { panic!("no head") };
        let mut body = Vec::new();
        while let Some(Event::Body(piece)) = decoder.poll().unwrap() {
            body.extend_from_slice(piece.data());
        }
        let key = operation_key(&head).expect("an operation");
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let context = context(&config, &head, peer);
        let share = config.bodies.share(context.identity());
        let keep = head.keeps_alive();
        let cookies = Cookies::OfSession;
        let request = RequestContext { context, peer, head, is_head: false, keep, token: None, cookies };
        let whole = (body.into(), share);
        let now = self.proxy.now.get();
        self.server = ResponseDecoder::new(http1::Limits::default());
        self.closed = false;
        match Exchange::begin(config, request, key, whole, now, clock::now(), &mut self.out) {
            Ok((exchange, action)) => {
                self.exchange = Some(exchange);
                self.wants = Some(action);
            }
            Err(keep_alive) => self.wants = Some(Action::Done(keep_alive)),
        }
    }

    /// Does what the exchange wants, as far as that goes without anything happening.
    fn go_on(&mut self) {
        loop {
            let state = match self.wants.take() {
                Some(Action::Send { head, body }) => {
                    self.server.expect(false);
                    let got = Got { head, body: body.to_vec() };
                    self.proxy.upstream.got.borrow_mut().push(got.clone());
                    let mut said = Vec::new();
                    self.closed = !(self.proxy.upstream.answering)(&got, &mut said);
                    self.server.receive(&said);
                    if self.closed {
                        self.server.close();
                    }
                    self.step(Input::Sent(got.head));
                    continue;
                }
                Some(read @ Action::Read { .. }) => {
                    if let Some(event) = self.next_event() {
                        self.step(Input::Response(event));
                        continue;
                    }
                    self.exchange.as_mut().expect("an exchange").stream(&mut self.out);
                    self.wants = Some(read);
                    State::WaitsForServer
                }
                Some(wait @ Action::WaitForWork { .. }) => {
                    self.wants = Some(wait);
                    State::WaitsForWork
                }
                Some(Action::Done(keep_alive)) => Self::ended(keep_alive),
                Some(Action::Unserved(why)) => {
                    let head = &self.exchange.as_ref().expect("an exchange").request().head;
                    respond::upstream_failed(&mut self.out.bytes, head, &why);
                    Self::ended(KeepAlive::of(head))
                }
                Some(Action::Failed(_)) => State::Closed,
                Some(Action::Abort(_)) => State::CutShort,
                None => self.state.expect("something to do"),
            };
            self.state = Some(state);
            if !matches!(state, State::WaitsForServer | State::WaitsForWork) {
                self.exchange = None;
            }
            break;
        }
        self.receive();
    }

    const fn ended(keep_alive: KeepAlive) -> State {
        match keep_alive {
            KeepAlive::Yes => State::KeptAlive,
            KeepAlive::No => State::Closed,
        }
    }

    /// The next event of what the server said.
    fn next_event(&mut self) -> Option<ResponseEvent> {
        loop {
            return match self.server.poll() {
                Ok(Some(Event::Head { head, .. })) if head.status() < 200 => continue,
                Ok(Some(Event::Head { head, framing })) => Some(ResponseEvent::Head(head, framing)),
                Ok(Some(Event::Body(piece))) => Some(ResponseEvent::Piece(piece)),
                Ok(Some(Event::End)) => Some(ResponseEvent::End),
                Ok(None) if self.closed => {
                    let why = "the server closed the connection".to_owned();
                    Some(ResponseEvent::Failed(UpstreamError::closed(why)))
                }
                Ok(None) => None,
                Err(error) => Some(ResponseEvent::Failed(UpstreamError::closed(error))),
            };
        }
    }

    /// Takes what is to be sent to the client.
    fn receive(&mut self) {
        while !self.out.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); PARTS];
            let count = self.out.slices(&mut slices);
            let sent: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            self.received.extend_from_slice(&sent);
            self.out.advance(sent.len());
        }
        self.out.reset();
    }
}

/// Who sends a request with this head.
fn context(config: &HttpListenerConfig, head: &RequestHead, peer: SocketAddr) -> SecurityContext {
    let connection = ConnectionTraits { tls: true, shared: false, bindings: None };
    let mut auth = ConnectionAuth::new(&config.auth, connection);
    match auth.step(head, peer, &mut Env::current(&mut OsRandom)) {
        AuthOutcome::Authenticated { context, .. } => context,
        _ => panic!("the request has no good credentials"),
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

/// All that the client got and that was not looked at.
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
pub(super) struct Answer {
    pub(super) head: ResponseHead,
    pub(super) body: Vec<u8>,
}

impl Answer {
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

/// The bytes of a request of MAPI over HTTP.
pub(super) fn mapi(user: &str, endpoint: &str, request_type: &str, cookie: &str, body: &[u8]) -> Vec<u8> {
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let credentials = STANDARD.encode(format!("{user}:{user}pw1"));
    let head = format!(
        "POST /mapi/{endpoint}/ HTTP/1.1\r\nHost: proxy.lab.test\r\nContent-Type: application/mapi-http\r\n\
         X-RequestType: {request_type}\r\nX-RequestId: {{1}}:1\r\nX-ClientInfo: {{2}}:2\r\n{cookie}\
         Authorization: Basic {credentials}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Such a request, for `>>`.
pub(super) fn request(user: &str, request_type: &str, cookie: &str, body: &[u8]) -> Happens {
    Happens::Request(mapi(user, "emsmdb", request_type, cookie, body))
}

/// More of the server's response, for `>>`.
pub(super) fn response(bytes: impl AsRef<[u8]>) -> Happens {
    Happens::Response(bytes.as_ref().to_vec())
}
