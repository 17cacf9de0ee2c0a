//! Slow and long messages, disconnects and shutdown, over sockets.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use net::Limits;

use crate::support::{Client, Setup, Upstream, basic, mapi, read_head};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";

/// A body or a response that is long enough to be read and sent in many parts.
fn long(seed: u32) -> Vec<u8> {
    (0..400_000_u32).map(|place| (place.wrapping_mul(31).wrapping_add(seed) >> 7).to_le_bytes()[0]).collect()
}

#[test]
fn long_bodies_and_responses_arrive_completely_at_any_rate() {
    let upstream = Upstream::new(move |_, stream| {
        let answer = [&b"PROCESSING\r\nDONE\r\n\r\n"[..], &long(2)].concat();
        stream.write_all(format!("{HEAD}{:x}\r\n", answer.len()).as_bytes()).unwrap();
        for part in answer.chunks(150_000) {
            stream.write_all(part).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(b"\r\n0\r\n\r\n").is_ok()
    });
    let limits = Limits { handshake: Duration::from_secs(3), ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let request = mapi("alice", "emsmdb", "Execute", "", &long(1));
    let (head, body) = request.split_at(request.len() - 400_000);
    client.send(head);
    // The parts together take longer than a client may be silent.
    for part in body.chunks(80_000) {
        client.send(part);
        std::thread::sleep(Duration::from_secs(1));
    }
    let answer = client.response(false);
    assert!(upstream.next().body == long(1));
    assert!(answer.body.strip_prefix(b"PROCESSING\r\nDONE\r\n\r\n").unwrap() == long(2));
    // The same at once, and again on the same connection.
    assert_eq!(client.exchange(&request).body, answer.body);
    assert!(upstream.next().body == long(1));
}

#[test]
fn a_response_reaches_the_client_if_the_server_resets_the_connection_before_it_read_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, is_closed) = channel();
    crate::support::thread(move || {
        for answer in ["HTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much", "HTTP/1.1 204 Yes\r\n\r\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            // Unread bytes make the kernel reset the connection.
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let proxy = Setup::default().at(address);
    let mut client = Client::new(&proxy);
    let request = |method: &str, length: usize| {
        let authorization = basic("alice");
        format!(
            "{method} /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    client.send(request("POST", 200_000));
    client.send(vec![0; 100_000]);
    is_closed.recv_timeout(crate::support::TIME_LIMIT).unwrap();
    client.send(vec![0; 100_000]);
    let answer = client.response(false);
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
    // The connection ends with the response, since the rest of the request was not read.
    assert_eq!(Client::new(&proxy).exchange(request("GET", 0)).status(), 204);
}

#[test]
fn a_client_that_disconnects_ends_its_request_at_the_server() {
    let (gone, noticed) = channel();
    let gone = Mutex::new(gone);
    let upstream = Upstream::new(move |_, stream| {
        let _ = gone.lock().unwrap().send(stream.read(&mut [0; 1]).unwrap_or(0));
        false
    });
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    client.send(mapi("alice", "emsmdb", "NotificationWait", "", &[0; 8]));
    upstream.next();
    drop(client);
    assert_eq!(noticed.recv_timeout(crate::support::TIME_LIMIT), Ok(0));
}

#[test]
fn a_stop_ends_idle_connections_and_the_listener() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Setup::default().before(&upstream);
    let request = format!("GET /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", basic("alice"));
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(request).body, b"ok");
    proxy.stop.send(true).unwrap();
    assert_eq!(client.rest(), b"");
    assert_not_served(proxy.address);
}

/// Asserts that the proxy at `address` sends a new client nothing: the connection is refused, or ends at once. If the
/// listener closes at that moment, the kernel resets a connection that it had accepted.
#[track_caller]
fn assert_not_served(address: SocketAddr) {
    let Ok(mut client) = TcpStream::connect(address) else { return };
    client.set_read_timeout(Some(crate::support::TIME_LIMIT)).unwrap();
    let mut sent = Vec::new();
    let ended = client.read_to_end(&mut sent);
    assert!(sent.is_empty(), "{}", String::from_utf8_lossy(&sent));
    if let Err(error) = ended {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
}

#[test]
fn a_pending_wait_is_one_task_and_delays_no_other_client() {
    const WAITS: usize = 200;
    let upstream = Upstream::new(move |_, stream| {
        stream.write_all(format!("{HEAD}c\r\nPROCESSING\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(crate::support::TIME_LIMIT);
        false
    });
    let limits = net::Limits { connections_per_address: 10_000, ..net::Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let park = |count: usize| -> Vec<Client> {
        let mut clients: Vec<Client> = (0..count).map(|_| Client::new(&proxy)).collect();
        for client in &mut clients {
            client.send(mapi("alice", "emsmdb", "NotificationWait", "", &[0; 8]));
        }
        for client in &mut clients {
            client.until("PROCESSING\r\n\r\n");
        }
        clients
    };
    let tasks = || proxy.runtime.metrics().num_alive_tasks();
    let few = park(10);
    assert_eq!(tasks(), 11, "one task for each connection, and one that listens");
    let many = park(WAITS);
    assert_eq!(tasks(), 11 + WAITS);
    // No other client is delayed.
    let mut other = Client::new(&proxy);
    other.send(mapi("bob", "emsmdb", "NotificationWait", "", &[0; 8]));
    other.until("PROCESSING\r\n\r\n");
    drop((few, many));
}

#[test]
fn a_body_that_a_server_sends_in_response_to_head_is_never_the_next_response() {
    // It is sent together with the next response, and has the form of one.
    let forged = "HTTP/1.1 200 OK\r\nX-Forged: yes\r\nContent-Length: 0\r\n\r\n";
    let late = Mutex::new(std::collections::HashSet::new());
    let upstream = Upstream::new(move |got, stream| {
        let mut text = String::new();
        if late.lock().unwrap().remove(&got.connection) {
            text.push_str(forged);
        }
        write!(text, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", forged.len()).unwrap();
        if got.head.method() == "HEAD" {
            late.lock().unwrap().insert(got.connection);
        } else {
            text.push_str(&"x".repeat(forged.len()));
        }
        stream.write_all(text.as_bytes()).is_ok()
    });
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let ask = |method: &str| {
        format!("{method} /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", basic("alice"))
    };
    client.send(ask("HEAD"));
    assert_eq!(client.response(true).status(), 200);
    let answer = client.exchange(ask("GET"));
    assert_eq!((answer.status(), answer.header("x-forged"), answer.body.len()), (200, None, forged.len()));
}
