//! Answers that take their time, and servers that go away, from socket to socket.

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

/// A body and an answer that are long enough to be read and sent in many parts.
fn long(seed: u32) -> Vec<u8> {
    (0..400_000_u32).map(|place| (place.wrapping_mul(31).wrapping_add(seed) >> 7).to_le_bytes()[0]).collect()
}

#[test]
fn long_bodies_and_answers_arrive_whole_however_slowly_they_come() {
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
    let answer = client.answer(false);
    assert!(upstream.next().body == long(1));
    assert!(answer.body.strip_prefix(b"PROCESSING\r\nDONE\r\n\r\n").unwrap() == long(2));
    // The same at once, and again on the same connection.
    assert_eq!(client.ask(&request).body, answer.body);
    assert!(upstream.next().body == long(1));
}

#[test]
fn what_a_server_answers_before_it_has_the_whole_request_reaches_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, is_closed) = channel();
    crate::support::thread(move || {
        for answer in ["HTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much", "HTTP/1.1 204 Yes\r\n\r\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            // With what it did not read: the next bytes that come are refused.
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
    is_closed.recv_timeout(crate::support::PATIENCE).unwrap();
    client.send(vec![0; 100_000]);
    let answer = client.answer(false);
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
    assert_eq!(client.ask(request("GET", 0)).status(), 204);
}

#[test]
fn a_client_that_goes_away_takes_its_wait_along() {
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
    assert_eq!(noticed.recv_timeout(crate::support::PATIENCE), Ok(0));
}

#[test]
fn a_stop_ends_idle_connections_and_the_listener() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Setup::default().before(&upstream);
    let request = format!("GET /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", basic("alice"));
    let mut client = Client::new(&proxy);
    assert_eq!(client.ask(request).body, b"ok");
    proxy.stop.send(true).unwrap();
    assert_eq!(client.rest(), b"");
    assert_not_served(proxy.address);
}

/// Asserts that a new client of the proxy at `address` is sent nothing: its connection is refused, or ends at once. Where
/// the listener closes just then, the kernel resets a connection that it had taken before.
#[track_caller]
fn assert_not_served(address: SocketAddr) {
    let Ok(mut client) = TcpStream::connect(address) else { return };
    client.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let mut sent = Vec::new();
    let ended = client.read_to_end(&mut sent);
    assert!(sent.is_empty(), "{}", String::from_utf8_lossy(&sent));
    if let Err(error) = ended {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
}

#[test]
fn a_parked_wait_is_one_task_and_keeps_nobody_waiting() {
    const WAITS: usize = 200;
    let upstream = Upstream::new(move |_, stream| {
        stream.write_all(format!("{HEAD}c\r\nPROCESSING\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(crate::support::PATIENCE);
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
    // And no other client is kept waiting.
    let mut other = Client::new(&proxy);
    other.send(mapi("bob", "emsmdb", "NotificationWait", "", &[0; 8]));
    other.until("PROCESSING\r\n\r\n");
    drop((few, many));
}

#[test]
fn a_body_that_a_server_sends_behind_a_head_is_never_taken_for_the_next_answer() {
    // It comes together with the next answer, and reads like one.
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
    assert_eq!(client.answer(true).status(), 200);
    let answer = client.ask(ask("GET"));
    assert_eq!((answer.status(), answer.header("x-forged"), answer.body.len()), (200, None, forged.len()));
}
