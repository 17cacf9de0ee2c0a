//! Operations in progress when the proxy stops.

use std::io::Write as _;

use crate::http::tests::playbook::Happens::Shutdown;
use crate::http::tests::playbook::State::{Closed, WaitsForServer};
use crate::http::tests::playbook::{Client, mapi, request, response};
use crate::http::tests::sessions::good;
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

#[test]
fn a_wait_for_notifications_gets_a_response_when_the_proxy_stops() {
    // One server sends a keep-alive, the other nothing.
    for keep_alive in [&b""[..], b"c\r\nPROCESSING\r\n\r\n"] {
        let upstream = Upstream::new(move |got: &ReceivedRequest, stream| {
            if got.head.fields.text("x-requesttype") != Some("NotificationWait") {
                return stream.write_all(&good(&["sid=s".to_owned()])).is_ok();
            }
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\n\
                X-ResponseCode: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
            keep_alive.is_empty() || stream.write_all(&[&head[..], keep_alive].concat()).is_ok()
        });
        let proxy = Setup::default().before(&upstream);
        let mut alice = Client::new(&proxy);
        alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
        alice = alice >> request("alice", "NotificationWait", "sid=s", &[0; 8]) << WaitsForServer;
        alice = alice >> Shutdown << Closed;
        let answer = alice.response();
        assert_eq!((answer.status(), answer.code().as_deref()), (200, Some("0")));
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.starts_with("PROCESSING\r\n"), "{text}");
        let end = [&b"DONE\r\n\r\n"[..], &[0; 16]].concat();
        assert!(answer.body.ends_with(&end), "{text}");
        assert_eq!(proxy.config.engine.ended_notification_waits(), 1);
    }
}

#[test]
fn a_stop_waits_for_operations_other_than_waits_for_notifications() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let ping = request("alice", "PING", "", b"");
    let client = Client::new(&proxy) >> ping << WaitsForServer >> Shutdown << WaitsForServer;
    // The connection ends with the response.
    let mut client = client >> response(good(&[])) << Closed;
    assert_eq!(client.response().code().as_deref(), Some("0"));
}
