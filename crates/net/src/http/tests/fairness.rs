//! Connections of one thread: none of them delays the others, whatever its client sends.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use identity::Pool;
use testkit::http_auth::Handshake;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, WriteHalf};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::http::config::HttpListenerConfig;
use crate::http::downstream::preamble::AcceptedConnection;
use crate::http::memory_stream::{MemoryServer, PIPE};
use crate::http::server::serve_established;
use crate::http::tests::playbook::Happens::Request;
use crate::http::tests::playbook::State::{Closed, CutShort, KeptAlive};
use crate::http::tests::playbook::{Client, SignedIn, head, mapi};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{Upstream, read_some};
use crate::http::transport::Stream;
use crate::http::trusted_proxies::PeerAddresses;
use crate::spawn_system;
use crate::tcp::admission::{Admission, Limits};

/// A request that needs credentials, and has none.
const UNAUTHENTICATED: &str = "GET /ews/x HTTP/1.1\r\nHost: a\r\n\r\n";

/// The head of a request without credentials whose body is sent in chunks.
const CHUNKED: &str = "POST /ews/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const ONE_BYTE: &str = "1\r\nx\r\n";

/// A proxy whose connections are tasks of the runtime of the test.
struct Thread {
    config: Arc<HttpListenerConfig>,
    admission: Arc<Admission>,
    /// The proxy ends when it is dropped.
    stop: watch::Sender<bool>,
}

impl Thread {
    fn new() -> Self {
        Self::before(&MemoryServer::default(), Setup::default())
    }

    fn before(server: &MemoryServer, setup: Setup) -> Self {
        let pool = Pool::new(NonZeroUsize::MIN);
        let config = setup.config(server, pool, Arc::<SignedIn>::default());
        Self {
            config,
            admission: Admission::new(Limits::default(), Vec::new()),
            stop: watch::channel(false).0,
        }
    }

    /// The client's end of a new connection.
    fn connect(&self) -> DuplexStream {
        let (stream, far) = tokio::io::duplex(PIPE);
        let client_addr = SocketAddr::from(([192, 0, 2, 1], 4000));
        let Ok(admitted) = self.admission.admit(client_addr.ip()) else {
            panic!("no connection is permitted")
        };
        let stream_of_proxy = Stream::Memory(far.into());
        let accepted = AcceptedConnection {
            peer: PeerAddresses { socket: client_addr, client: client_addr },
            permit: admitted.permit,
            bindings: None,
            stream: stream_of_proxy,
        };
        let stop = self.stop.subscribe();
        spawn_system(serve_established(Arc::clone(&self.config), accepted, Instant::now(), stop));
        stream
    }
}

/// How many responses `stream` has received, of which `received` begins with the earlier ones.
fn responses(stream: &mut DuplexStream, received: &mut Vec<u8>) -> usize {
    received.extend(read_some(stream).unwrap_or_default());
    received.windows(9).filter(|window| window == b"HTTP/1.1 ").count()
}

/// How many responses the client that sends `ahead` has received when another's only request is answered.
async fn responses_before_another_client(ahead: String) -> usize {
    let thread = Thread::new();
    let (mut busy, mut other) = (thread.connect(), thread.connect());
    busy.write_all(ahead.as_bytes()).await.unwrap();
    other.write_all(UNAUTHENTICATED.as_bytes()).await.unwrap();
    let (mut to_busy, mut to_other) = (Vec::new(), Vec::new());
    while responses(&mut other, &mut to_other) == 0 {
        yield_now().await;
    }
    responses(&mut busy, &mut to_busy)
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_do_not_delay_other_connections() {
    let count = responses_before_another_client(UNAUTHENTICATED.repeat(100)).await;
    assert!(count <= 2, "{count} responses are sent first");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_many_chunks_does_not_delay_other_connections() {
    // The body of a refused request in chunks is read only within a handshake.
    let token = Handshake::ntlm("alice").next(None);
    let head = CHUNKED.replacen("\r\n", &format!("\r\nAuthorization: {token}\r\n"), 1);
    let body = format!("{head}{}0\r\n\r\n{UNAUTHENTICATED}", ONE_BYTE.repeat(8000));
    let count = responses_before_another_client(body).await;
    assert_eq!(count, 0, "the response follows the body");
}

/// How many turns another task of the thread has until the client of `request` has received a response with `last`, of
/// which the server sends all at once: `status` and a body of 8,000 one-byte chunks after `first`.
async fn turns_beside_response(setup: Setup, request: &[u8], status: &str, first: &str, last: &str) -> usize {
    let server = MemoryServer::default();
    let thread = Thread::before(&server, setup);
    let mut client = thread.connect();
    client.write_all(request).await.unwrap();
    let mut accepted = Vec::new();
    while accepted.is_empty() {
        yield_now().await;
        accepted = server.take_accepted();
    }
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
         WWW-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let response = [&head, first, &ONE_BYTE.repeat(8000), "4\r\nlast\r\n0\r\n\r\n"].concat();
    accepted[0].0.write_all(response.as_bytes()).await.unwrap();
    let (mut turns, mut received) = (0, Vec::new());
    while !received.windows(last.len()).any(|window| window == last.as_bytes()) {
        turns += 1;
        yield_now().await;
        received.extend(read_some(&mut client).unwrap_or_default());
        assert!(turns < 1000, "{}", String::from_utf8_lossy(&received));
    }
    turns
}

#[tokio::test(start_paused = true)]
async fn a_response_in_many_chunks_does_not_delay_other_connections() {
    let setup = Setup::default;
    let pass_through = Setup { pass_through: true, ..setup() };
    let prefix = "16\r\nPROCESSING\r\nDONE\r\n\r\n\r\n\r\n";
    let operation = mapi("alice", "emsmdb", "PING", "", b"");
    let forwarded = head("GET", 0).into_bytes();
    let autodiscover = head("GET", 0).replace("/ews/x", "/autodiscover/autodiscover.xml").into_bytes();
    for (case, turns) in [
        ("operation", turns_beside_response(setup(), &operation, "200 OK", prefix, "last").await),
        ("forwarded", turns_beside_response(setup(), &forwarded, "200 OK", "", "last").await),
        ("Autodiscover", turns_beside_response(setup(), &autodiscover, "404 No", "", "last").await),
        (
            "probe",
            turns_beside_response(pass_through, UNAUTHENTICATED.as_bytes(), "401 No", "", "HTTP/1.1 401")
                .await,
        ),
    ] {
        assert!((14..40).contains(&turns), "{case}: {turns}");
    }
}

#[test]
fn a_server_that_sends_more_chunk_lines_than_content_fails() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (chunks, state) in [(16_000, KeptAlive), (17_000, CutShort)] {
        let upstream = Upstream::responding([HEAD, &ONE_BYTE.repeat(chunks), "0\r\n\r\n"].concat());
        let proxy = Setup::default().before(&upstream);
        let _ = Client::new(&proxy) >> Request(head("GET", 0).into_bytes()) << state;
    }
}

#[tokio::test(start_paused = true)]
async fn requests_without_authentication_are_served_at_a_limited_rate() {
    let thread = Thread::new();
    let (mut receiver, mut sender) = tokio::io::split(thread.connect());
    let begin = Instant::now();
    let count = 1000;
    let sending = async { sender.write_all(UNAUTHENTICATED.repeat(count).as_bytes()).await.unwrap() };
    let receiving = async {
        let mut received = Vec::new();
        while received.windows(7).filter(|window| window == b"sign in").count() < count {
            assert!(receiver.read_buf(&mut received).await.unwrap() > 0, "the connection ends");
        }
    };
    tokio::join!(sending, receiving);
    let elapsed = begin.elapsed();
    assert!(elapsed > Duration::from_secs(20) && elapsed < Duration::from_secs(28), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_body_of_an_unauthenticated_client_is_not_read_to_its_end() {
    let thread = Thread::new();
    let mut client = thread.connect();
    client.write_all(CHUNKED.as_bytes()).await.unwrap();
    let mut sent = 0;
    let chunks = ONE_BYTE.repeat(1000);
    while client.write_all(chunks.as_bytes()).await.is_ok() {
        sent += chunks.len();
        assert!(sent < 3 << 19, "the body is read further");
    }
    let mut received = Vec::new();
    let _ = client.read_to_end(&mut received).await;
    assert!(received.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&received));
}

#[test]
fn a_refused_request_with_a_long_body_closes_the_connection_and_one_with_a_short_body_does_not() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    for (target, status) in [("/ews/x", 401), ("/owa/", 403)] {
        for (length, state) in [(60_000, KeptAlive), (70_000, Closed)] {
            let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            let mut client =
                Client::new(&proxy) >> Request([head.as_bytes(), &vec![0; length]].concat()) << state;
            let answer = client.response();
            let connection = (state == Closed).then_some("close");
            assert_eq!(
                (answer.status(), answer.header("connection")),
                (status, connection),
                "{target} {length}"
            );
        }
    }
}

#[test]
fn an_anonymous_request_has_no_body() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Setup::default().before(&upstream);
    let target = "/autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1";
    for (framing, status) in [
        ("\r\n", 200),
        ("Content-Length: 0\r\n\r\n", 200),
        ("Content-Length: 2\r\n\r\nhi", 401),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 401),
    ] {
        let answer = Client::new(&proxy).exchange(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{framing}"));
        assert_eq!(answer.status(), status, "{framing}");
    }
    assert_eq!(upstream.others().len(), 2);
}

#[test]
fn a_request_with_too_many_cookies_or_too_long_ones_is_refused() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Setup::default().before(&upstream);
    let long = "c".repeat(20_000);
    for (cookies, status) in [
        (format!("Cookie: {}\r\n", vec!["a=b"; 100].join("; ")), 200),
        (format!("Cookie: {}\r\n", vec!["a=b"; 101].join("; ")), 431),
        ("Cookie: a=b\r\n".repeat(2) + &format!("Cookie: {}\r\n", vec!["a=b"; 99].join(";")), 431),
        (format!("Cookie: a={long}\r\n"), 200),
        (format!("Cookie: a={long}\r\nCookie: b={long}\r\n"), 431),
    ] {
        let head = head("GET", 0).replacen("\r\n", &format!("\r\n{cookies}"), 1);
        assert_eq!(Client::new(&proxy).exchange(head).status(), status, "{}", cookies.len());
    }
    assert_eq!(upstream.others().len(), 2);
}

/// A request to which the server responds without an end, while the client reads: the proxy, the client's end and the
/// task that reads.
async fn endless_response() -> (Thread, WriteHalf<DuplexStream>, impl Future<Output = ()>) {
    let server = MemoryServer::default();
    let thread = Thread::before(&server, Setup::default());
    let mut client = thread.connect();
    client.write_all(head("GET", 0).as_bytes()).await.unwrap();
    let mut accepted = Vec::new();
    while accepted.is_empty() {
        yield_now().await;
        accepted = server.take_accepted();
    }
    let (mut stream, _) = accepted.remove(0);
    spawn_system(async move {
        let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while next.is_ok() {
            next = stream.write_all(&vec![b'x'; PIPE]).await;
        }
    });
    let (mut receiver, sender) = tokio::io::split(client);
    let received = async move {
        let mut buffer = vec![0; PIPE];
        let mut reads = 0;
        while receiver.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            reads += 1;
            assert!(reads < 1000, "the response does not end");
        }
    };
    (thread, sender, received)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_sends_does_not_delay_the_end_of_the_proxy() {
    let (thread, _sender, received) = endless_response().await;
    drop(thread);
    received.await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_sends_does_not_delay_the_end_of_the_client() {
    let (_thread, mut sender, received) = endless_response().await;
    sender.shutdown().await.unwrap();
    received.await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_no_bytes_does_not_delay_a_stop() {
    let thread = Thread::new();
    let mut client = thread.connect();
    // More responses than fit into the pipe.
    client.write_all(UNAUTHENTICATED.repeat(400).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(thread.stop.receiver_count() > 0, "the connection is open");
    thread.stop.send_replace(true);
    let begin = Instant::now();
    thread.stop.closed().await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}
