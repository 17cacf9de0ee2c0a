//! Servers that answer before they have the whole request, and leave the connection open, and answers that are long or
//! never come.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use net::Limits;

use crate::support::{Client, PATIENCE, Proxy, Setup, Upstream, basic, read_head, thread};

/// More than the buffers between the client and the server take.
const LONG: usize = 32 << 20;

/// A proxy before a server that answers `answer` to a request's head, and then does what `then` says.
fn answering_early(answer: &'static str, then: impl FnOnce(TcpStream) + Send + 'static) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        then(stream);
    });
    Setup::default().at(address)
}

/// A client that sends a request with a body of [`LONG`] bytes while it waits for the answer.
fn sending(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    let authorization = basic("alice");
    client.send(format!(
        "POST /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\nContent-Length: {LONG}\r\n\r\n"
    ));
    let mut stream = client.stream.try_clone().unwrap();
    thread(move || {
        // The proxy closes the connection of a request that was refused.
        let _ = stream.write_all(&vec![0; LONG]);
    });
    client
}

#[test]
fn a_refusal_reaches_the_client_though_the_server_reads_no_more_of_the_request() {
    let (done, is_done) = channel::<()>();
    let answer = "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much";
    let proxy = answering_early(answer, move |stream| {
        let _ = is_done.recv_timeout(PATIENCE);
        drop(stream);
    });
    let answer = sending(&proxy).answer(false);
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
    done.send(()).unwrap();
}

#[test]
fn an_answer_that_begins_early_and_refuses_nothing_leaves_the_request_whole() {
    let answer = "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 Yes\r\nContent-Length: 8\r\n\r\n";
    let proxy = answering_early(answer, |mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        let mut left = LONG;
        while left > 0 {
            match stream.read(&mut buffer).unwrap() {
                0 => return,
                count => left -= count,
            }
        }
        stream.write_all(b"all of it").unwrap();
    });
    let answer = sending(&proxy).answer(false);
    assert_eq!((answer.status(), &*answer.body), (200, &b"all of i"[..]));
}

#[test]
fn an_answer_of_autodiscover_counts_as_held_in_memory() {
    let asked = |length: usize| {
        let head = format!("HTTP/1.1 404 No\r\nContent-Length: {length}\r\n\r\n");
        let upstream = Upstream::saying([head, " ".repeat(length)].concat());
        let limits = Limits { request_bytes_per_identity: 300_000, ..Limits::default() };
        let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
        let target = "/autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1";
        Client::new(&proxy).ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).status()
    };
    assert_eq!(asked(200_000), 404);
    assert_eq!(asked(400_000), 503);
}

#[test]
fn an_unauthenticated_request_waits_no_longer_for_the_server_than_signing_in_may_take() {
    // It answers nothing until the proxy gives up.
    let upstream = Upstream::new(|_, stream| stream.read(&mut [0]).is_ok_and(|count| count > 0));
    let limits = Limits { handshake: Duration::from_secs(1), ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let begin = Instant::now();
    let target = "/autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1";
    let answer = Client::new(&proxy).ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(answer.status(), 504);
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
}
