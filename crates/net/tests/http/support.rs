//! An HTTP proxy on its own port, a scripted server behind it, and clients that send arbitrary bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use engine::{CookieTable, Deferral, Engine, Module, Observer, SessionLimits, Stack};
use http1::{Event, Head as _, Limits as Framing, RequestDecoder, ResponseDecoder};
use identity::{
    AcceptorConfig, Accounts, Authority, ContextCounters, Credentials, Mechanism, NtHash, NtlmAcceptorConfig,
    Password, ServerNames, Settings, pass_through,
};
use net::http::{
    HttpAuthConfig, HttpLimits, HttpListenerConfig, HttpUpstream, Pending, TrustedProxies, Via, run_http,
};
use net::upstream_identity::{PassThrough, ServiceAccount, UpstreamIdentity};
use net::{AccountGate, Admission, Limits, NoopObserver, ServiceCredentials, Workers};
use rpc::AuthLevel;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// The time limit for each expected event.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Any user has an account: the password is the name followed by `pw1`.
pub(crate) struct AnyUser;

impl Accounts for AnyUser {
    fn find(&self, _domain: &str, user: &str) -> Option<identity::Account> {
        let nt_hash = NtHash::from_password(&format!("{user}pw1"));
        (user != "anonymous").then(|| identity::Account::new(user, "LAB", nt_hash))
    }
}

/// The header with which `user` authenticates.
pub(crate) fn basic(user: &str) -> String {
    let text = format!("{user}:{user}pw1");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

/// The header with which the proxy authenticates at the server.
pub(crate) const SERVICE: &str = "Basic TEFCXHN2Y3Byb3h5OnNlY3JldA==";

/// A running proxy. It ends when this value is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) runtime: Runtime,
}

/// The settings of a proxy that a test may change.
pub(crate) struct Setup {
    pub(crate) modules: Vec<Box<dyn Module>>,
    pub(crate) limits: Limits,
    pub(crate) sizes: HttpLimits,
    pub(crate) peers: TrustedProxies,
    pub(crate) call_limit: Duration,
    pub(crate) pending: Pending,
    /// The pool for modules' work; `None` unless a test sets one.
    pub(crate) deferral: Option<Deferral>,
    /// The mechanisms by which clients authenticate.
    pub(crate) mechanisms: Vec<Mechanism>,
    /// Whether clients authenticate at the server through the proxy.
    pub(crate) pass_through: bool,
    /// The observer of the proxy.
    pub(crate) observer: Arc<dyn Observer>,
    /// The limits on sessions.
    pub(crate) sessions: SessionLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            limits: Limits { handshake: Duration::from_secs(5), ..Limits::default() },
            sizes: HttpLimits::default(),
            peers: TrustedProxies::default(),
            call_limit: TIME_LIMIT,
            pending: Pending::default(),
            deferral: None,
            mechanisms: Mechanism::ALL.to_vec(),
            pass_through: false,
            observer: Arc::new(NoopObserver),
            sessions: SessionLimits::default(),
        }
    }
}

impl Setup {
    pub(crate) fn before(self, upstream: &Upstream) -> Proxy {
        self.at(upstream.address)
    }

    pub(crate) fn at(self, upstream: SocketAddr) -> Proxy {
        let contexts = ContextCounters::new();
        let names = ServerNames {
            nb_computer: "PROXY".into(),
            nb_domain: "LAB".into(),
            dns_computer: "proxy".into(),
            ..ServerNames::default()
        };
        let (accounts, authority) = (Arc::new(AnyUser), Authority::new("accounts"));
        let acceptor = Arc::new(AcceptorConfig {
            settings: Settings::of(NtlmAcceptorConfig { names, ..NtlmAcceptorConfig::default() }),
            ..AcceptorConfig::new(accounts, authority, Arc::clone(&contexts))
        });
        let service = Credentials::password("svcproxy", "LAB", &Password::new("secret"));
        let service =
            ServiceCredentials::new(service, Mechanism::BASIC, AuthLevel::NONE, "server", &contexts);
        let fronts = [&self.peers.proxy_protocol[..], &self.peers.forwarded_for].concat();
        let identity = if self.pass_through {
            let (authority, contexts) = (Authority::new("server"), Arc::clone(&contexts));
            let config = pass_through::Config { authority, lifetime: None, contexts };
            UpstreamIdentity::new(PassThrough::new(config))
        } else {
            UpstreamIdentity::new(ServiceAccount::new(service.for_http().unwrap(), &AccountGate::new()))
        };
        let upstream = HttpUpstream {
            host: upstream.ip().to_string(),
            port: upstream.port(),
            tls: None,
            identity,
            timeout: TIME_LIMIT,
            call_limit: self.call_limit,
            via: Via::new(&mut identity::OsRandom).unwrap(),
            gate: net::Gate::new(),
        };
        let engine = Engine::new(Stack::new(self.modules));
        let engine = Arc::new(match self.deferral {
            Some(deferral) => engine.with_deferral(deferral),
            None => engine,
        });
        let auth = HttpAuthConfig::new(acceptor, self.mechanisms, true);
        let origin = "https://proxy.lab.test".to_owned();
        let config = Arc::new(HttpListenerConfig {
            trusted_proxies: self.peers,
            sizes: self.sizes,
            pending: self.pending,
            sessions: CookieTable::new(self.sessions),
            session_idle: TIME_LIMIT,
            observer: self.observer,
            ..HttpListenerConfig::new(auth, origin, upstream, engine, self.limits)
        });
        let runtime = Runtime::new().unwrap();
        let (stop, stopped) = watch::channel(false);
        let admission = Admission::new(self.limits, fronts);
        let listener = runtime.block_on(net::listen(([127, 0, 0, 1], 0).into())).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.block_on(async {
            net::spawn_system(run_http(
                listener,
                None,
                Arc::clone(&config),
                admission,
                Workers::here(),
                stopped,
            ));
        });
        Proxy { address, config, stop, runtime }
    }
}

/// A request as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) connection: usize,
    pub(crate) head: http1::RequestHead,
    pub(crate) body: Vec<u8>,
}

impl ReceivedRequest {
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.head.write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }
}

/// Handles a request: may write and wait, and returns whether the connection stays open.
pub(crate) type Handler = dyn Fn(&ReceivedRequest, &mut TcpStream) -> bool + Send + Sync;

/// A server.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    got: Mutex<Receiver<ReceivedRequest>>,
}

impl Upstream {
    pub(crate) fn new(
        handler: impl Fn(&ReceivedRequest, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, got) = channel();
        let handler: Arc<Handler> = Arc::new(handler);
        thread(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (sender, handler) = (sender.clone(), Arc::clone(&handler));
                let Ok(stream) = stream else { return };
                thread(move || serve(connection, stream, &sender, &*handler));
            }
        });
        Self { address, got: Mutex::new(got) }
    }

    /// A server that always responds with these bytes.
    pub(crate) fn responding(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |_, stream| stream.write_all(&bytes).is_ok())
    }

    /// The next request that it received.
    pub(crate) fn next(&self) -> ReceivedRequest {
        self.got.lock().unwrap().recv_timeout(TIME_LIMIT).expect("a request to the server")
    }

    /// The requests that it received and that the test has not checked.
    pub(crate) fn others(&self) -> Vec<ReceivedRequest> {
        self.got.lock().unwrap().try_iter().collect()
    }
}

fn serve(connection: usize, mut stream: TcpStream, sender: &Sender<ReceivedRequest>, handler: &Handler) {
    let mut decoder = RequestDecoder::new(Framing::default());
    let mut buffer = vec![0; 65536];
    let mut current: Option<ReceivedRequest> = None;
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            return;
        }
        decoder.receive(&buffer[..count]);
        while let Some(event) = decoder.poll().expect("what the proxy sends is a request") {
            match event {
                Event::Head { head, .. } => {
                    current = Some(ReceivedRequest { connection, head: *head, body: Vec::new() });
                }
                Event::Body(piece) => current.as_mut().unwrap().body.extend_from_slice(piece.data()),
                Event::End => {
                    let got = current.take().unwrap();
                    let _ = sender.send(got.clone());
                    if !handler(&got, &mut stream) {
                        return;
                    }
                }
            }
        }
    }
}

/// A response as a client received it.
#[derive(Debug, Clone)]
pub(crate) struct ClientResponse {
    pub(crate) head: http1::ResponseHead,
    /// The body as it was received, with its framing.
    pub(crate) wire: Vec<u8>,
    /// The content of the body.
    pub(crate) body: Vec<u8>,
}

impl ClientResponse {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn code(&self) -> Option<String> {
        self.head.fields.text("x-responsecode").map(str::to_owned)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.fields.text(name)
    }
}

/// A client's connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    decoder: ResponseDecoder,
}

impl Client {
    pub(crate) fn new(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.address).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        Self { stream, decoder: ResponseDecoder::new(Framing::default()) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> ClientResponse {
        self.send(bytes);
        self.response(false)
    }

    /// The next final response.
    pub(crate) fn response(&mut self, to_head: bool) -> ClientResponse {
        self.decoder.expect(to_head);
        let mut answer: Option<ClientResponse> = None;
        loop {
            match self.decoder.poll().expect("the proxy sends a response") {
                Some(Event::Head { head, .. }) => {
                    answer = Some(ClientResponse { head: *head, wire: Vec::new(), body: Vec::new() });
                }
                Some(Event::Body(piece)) => {
                    let answer = answer.as_mut().unwrap();
                    answer.wire.extend_from_slice(piece.wire());
                    answer.body.extend_from_slice(piece.data());
                }
                Some(Event::End) if answer.as_ref().unwrap().status() < 200 => {}
                Some(Event::End) => return answer.unwrap(),
                None => {
                    let mut buffer = [0; 8192];
                    match self.stream.read(&mut buffer).expect("a response in time") {
                        0 => self.decoder.close(),
                        count => self.decoder.receive(&buffer[..count]),
                    }
                }
            }
        }
    }

    /// The bytes that are received up to the connection's end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }

    /// Reads until the received bytes end with `end`.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        let mut byte = [0];
        while !all.ends_with(end.as_bytes()) {
            assert_eq!(self.stream.read(&mut byte).unwrap_or(0), 1, "{:?}", String::from_utf8_lossy(&all));
            all.push(byte[0]);
        }
        String::from_utf8(all).unwrap()
    }
}

#[allow(clippy::disallowed_methods, reason = "a test's own thread; it acts for no user")]
pub(crate) fn thread(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

/// Reads exactly a head.
pub(crate) fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head
}

/// A request of MAPI over HTTP.
pub(crate) fn mapi(user: &str, endpoint: &str, request_type: &str, cookie: &str, body: &[u8]) -> Vec<u8> {
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let head = format!(
        "POST /mapi/{endpoint}/ HTTP/1.1\r\nHost: proxy.lab.test\r\nContent-Type: application/mapi-http\r\n\
         X-RequestType: {request_type}\r\nX-RequestId: {{1}}:1\r\nX-ClientInfo: {{2}}:2\r\n{cookie}\
         Authorization: {}\r\nContent-Length: {}\r\n\r\n",
        basic(user),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The headers by which a server shows that it executed a request of MAPI over HTTP.
pub(crate) fn executed(got: &ReceivedRequest) -> String {
    let kind = got.head.fields.text("x-requesttype");
    kind.map(|kind| format!("X-RequestType: {kind}\r\nX-ResponseCode: 0\r\n")).unwrap_or_default()
}
