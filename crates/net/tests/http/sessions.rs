//! Sessions over connections: each identity has its own, and what is in progress when the proxy stops.

use std::io::Write as _;
use std::sync::Mutex;

use crate::support::{Client, Got, Setup, Upstream, mapi};

/// `StatusCode` and `ErrorCode` zero, and as many zeros as any body here needs.
const GOOD: [u8; 40] = [0; 40];

/// A good answer that sets `cookies`.
fn good(cookies: &[String]) -> Vec<u8> {
    let set =
        cookies.iter().fold(String::new(), |set, cookie| set + "Set-Cookie: " + cookie + "; path=/mapi\r\n");
    let body = [&b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n"[..], &GOOD].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
         {set}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// A server that opens a session named after how many it has opened, and changes its sequence with each
/// request.
fn server() -> Upstream {
    let count = Mutex::new(0);
    Upstream::new(move |got: &Got, stream| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let opens = ["Connect", "Bind"].contains(&got.head.fields.text("x-requesttype").unwrap());
        let sequence = format!("sequence=q{count}");
        let cookies = if opens { vec![format!("sid=s{count}"), sequence] } else { vec![sequence] };
        stream.write_all(&good(&cookies)).is_ok()
    })
}

#[test]
fn each_identity_has_a_connection_to_the_server_of_its_own() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let mut connections = Vec::new();
    for user in ["alice", "alice", "bob", "alice"] {
        client.ask(mapi(user, "nspi", "PING", "", b""));
        connections.push(upstream.next().connection);
    }
    assert_eq!(connections[0], connections[1]);
    assert_ne!(connections[1], connections[2]);
    assert!(
        !connections[..3].contains(&connections[3]),
        "a connection is not taken up again: {connections:?}"
    );
}

#[test]
fn a_wait_for_notifications_is_answered_when_the_proxy_stops() {
    // One server sends a keep-alive, the other nothing; then neither sends any more.
    for says in [&b""[..], b"c\r\nPROCESSING\r\n\r\n"] {
        let upstream = Upstream::new(move |got: &Got, stream| {
            if got.head.fields.text("x-requesttype") != Some("NotificationWait") {
                return stream.write_all(&good(&["sid=s".to_owned()])).is_ok();
            }
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\n\
                X-ResponseCode: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
            says.is_empty() || stream.write_all(&[&head[..], says].concat()).is_ok()
        });
        let proxy = Setup::default().before(&upstream);
        let mut alice = Client::new(&proxy);
        alice.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
        alice.send(mapi("alice", "emsmdb", "NotificationWait", "sid=s", &[0; 8]));
        drop((upstream.next(), upstream.next()));
        proxy.stop.send(true).unwrap();
        let answer = alice.answer(false);
        assert_eq!((answer.status(), answer.code().as_deref()), (200, Some("0")));
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.starts_with("PROCESSING\r\n"), "{text}");
        let end = [&b"DONE\r\n\r\n"[..], &[0; 16]].concat();
        assert!(answer.body.ends_with(&end), "{text}");
        assert_eq!(proxy.config.engine.ended_waits(), 1);
    }
}
