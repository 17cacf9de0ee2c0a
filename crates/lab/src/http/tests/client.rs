//! A server to test, and a client that sends any bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::accounts::AccountFile;
use identity::{Account, NtHash};
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::{HttpLimits, HttpServer};
use crate::{Lab, LabConfig, LabServer, start};

/// The password of one of the accounts, `LAB\alice` and `LAB\bob`.
pub(super) fn password(user: &str) -> String {
    format!("{user}pw1")
}

/// A running server. It stops when this is dropped.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    pub(super) lab: Arc<Lab>,
    stop: watch::Sender<bool>,
}

impl TestServer {
    pub(super) async fn start() -> Self {
        Self::with(HttpServer::local()).await
    }

    pub(super) async fn with_limits(limits: HttpLimits) -> Self {
        Self::with(HttpServer { limits, ..HttpServer::local() }).await
    }

    /// A lab with this configuration.
    pub(super) async fn with_lab(config: LabConfig) -> Self {
        Self::with_both(HttpServer::local(), config).await
    }

    pub(super) async fn with(http: HttpServer) -> Self {
        Self::with_both(http, LabConfig::two_servers()).await
    }

    async fn with_both(http: HttpServer, config: LabConfig) -> Self {
        let mut accounts = AccountFile::default();
        for user in ["alice", "bob"] {
            accounts.set(Account::new(user, "LAB", NtHash::from_password(&password(user)))).unwrap();
        }
        let server = LabServer { http: Some(http), ..LabServer::local(Arc::new(accounts)) };
        let lab = Arc::new(Lab::new(config).unwrap());
        let listening = start(Arc::clone(&lab), server).await.unwrap();
        let address = listening.http().unwrap();
        let (stop, stopped) = watch::channel(false);
        net::spawn_system(listening.run(stopped));
        Self { address, lab, stop }
    }

    pub(super) async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), received: Vec::new() }
    }

    /// A connection of which the system buffers little.
    pub(super) async fn connect_with_small_buffer(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Client { stream: socket.connect(self.address).await.unwrap(), received: Vec::new() }
    }

    /// A client whose requests have Alice's credentials.
    pub(super) async fn alice(&self) -> User {
        User::new(self.connect().await, "alice")
    }

    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// A response.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn all<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    /// `X-ResponseCode` in the head.
    pub(super) fn code(&self) -> u32 {
        self.header("X-ResponseCode").parse().unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body, with other characters in place of bytes that are not UTF-8.
    pub(super) fn text_lossy(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The payload after the meta-tags and the additional headers.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut body = ResponseBody::new();
        let (mut bytes, mut payload) = (self.body.as_slice(), Vec::new());
        while let Some(event) = body.next(&mut bytes).unwrap() {
            if let mapi::mapihttp::BodyEvent::Payload(part) = event {
                payload.extend_from_slice(part);
            }
        }
        body.finish().unwrap();
        assert_eq!(body.header("X-ResponseCode"), Some("0"), "{self:?}");
        assert!(body.header("X-ElapsedTime").is_some() && body.header("X-StartTime").is_some(), "{self:?}");
        payload
    }
}

/// A connection.
pub(super) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads more bytes. Whether there were any before the server closed the connection.
    async fn read_more(&mut self) -> bool {
        self.stream.read_buf(&mut self.received).await.unwrap_or_default() > 0
    }

    /// Reads up to and including `end`; `None` if the server closed the connection before.
    pub(super) async fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                let rest = self.received.split_off(at + end.len());
                return Some(std::mem::replace(&mut self.received, rest));
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.read_more().await, "the connection ended within a body");
        }
        let rest = self.received.split_off(count);
        std::mem::replace(&mut self.received, rest)
    }

    /// Reads the head of a response; `None` if the server closed the connection.
    pub(super) async fn head(&mut self) -> Option<Received> {
        let head = String::from_utf8(self.take_until(b"\r\n\r\n").await?).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Received { status, headers, body: Vec::new() })
    }

    /// Reads the next chunk of a body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.take_until(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
        let mut chunk = self.take(size + 2).await;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// Reads a response.
    pub(super) async fn response(&mut self) -> Option<Received> {
        let mut received = self.head().await?;
        if received.header("Transfer-Encoding") == "chunked" {
            while let Some(chunk) = self.chunk().await {
                received.body.extend(chunk);
            }
        } else {
            let length = received.header("Content-Length").parse().unwrap();
            received.body = self.take(length).await;
        }
        Some(received)
    }

    /// Sends a request with these header lines, each with its line end, and returns the response.
    pub(super) async fn send(&mut self, line: &str, headers: &str, body: &[u8]) -> Received {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n{headers}\r\n");
        self.write(&[head.as_bytes(), body].concat()).await;
        self.response().await.expect("a response")
    }

    /// The number of bytes that arrive before the server closes the connection.
    pub(super) async fn rest(&mut self) -> usize {
        while self.read_more().await {}
        self.received.len()
    }

    /// Whether the server closes the connection soon without another response.
    pub(super) async fn is_closed(&mut self) -> bool {
        matches!(timeout(Duration::from_secs(10), self.read_more()).await, Ok(false))
    }
}

/// `Authorization` for Basic, as a line.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// A client of MAPI over HTTP that authenticates each request.
pub(super) struct User {
    pub(super) client: Client,
    pub(super) authorization: String,
    /// The cookies, as the server set them last.
    pub(super) cookies: Vec<(String, String)>,
    requests: u32,
}

impl User {
    pub(super) fn new(client: Client, user: &str) -> Self {
        Self {
            client,
            authorization: basic(&format!("LAB\\{user}"), &password(user)),
            cookies: Vec::new(),
            requests: 0,
        }
    }

    pub(super) fn cookie_line(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }

    /// The header lines of a request without those of cookies.
    pub(super) fn lines(&mut self, request_type: RequestType) -> String {
        self.requests += 1;
        format!(
            "{}Content-Type: application/mapi-http\r\nX-RequestType: {request_type}\r\n\
             X-RequestId: {{E2EA6C1C-E61B-49E9-9CFB-38184F907552}}:{}\r\n\
             X-ClientInfo: {{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}}:7\r\n",
            self.authorization, self.requests
        )
    }

    pub(super) async fn send(
        &mut self,
        endpoint: Endpoint,
        request_type: RequestType,
        body: &[u8],
    ) -> Received {
        let lines = self.lines(request_type) + &self.cookie_line();
        let received = self.client.send(&format!("POST {}/", endpoint.path()), &lines, body).await;
        self.keep_cookies(&received);
        received
    }

    pub(super) fn keep_cookies(&mut self, received: &Received) {
        for set in received.all("Set-Cookie") {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}
