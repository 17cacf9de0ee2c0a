//! Client and upstream connections: reuse, the order of responses, limits, shutdown.

use std::cell::Cell;
use std::time::Duration;

use crate::http::tests::playbook::Happens::{
    self, ConnectionFailsAfter, ProxyEnds, Request, ServerCloses, Shutdown, TimePasses,
};
use crate::http::tests::playbook::State::{Closed, CutShort, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, basic, get, head, mapi, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::tcp::admission::Limits;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn an_idle_connection_that_the_server_closed_is_replaced() {
    for last in ["", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"] {
        let upstream = Upstream::responding(OK);
        let proxy = Setup::default().before(&upstream);
        let mut client = Client::new(&proxy);
        for round in 0..3 {
            client = client >> get() << KeptAlive;
            assert_eq!(client.response().body, b"ok");
            assert_eq!(upstream.next().connection, round);
            client = client >> response(last) >> ServerCloses;
        }
        // A connection that was left open is reused.
        client = client >> get() >> get() << KeptAlive;
        assert_eq!((upstream.next().connection, upstream.next().connection), (3, 3));
    }
}

#[test]
fn requests_of_different_identities_use_different_upstream_connections() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let mut connections = Vec::new();
    for user in ["alice", "alice", "bob", "alice"] {
        client.exchange(mapi(user, "nspi", "PING", "", b""));
        connections.push(upstream.next().connection);
    }
    assert_eq!(connections[0], connections[1]);
    assert_ne!(connections[1], connections[2]);
    assert!(!connections[..3].contains(&connections[3]), "a connection is not reused: {connections:?}");
}

#[test]
fn a_user_with_as_many_connections_as_are_free_is_refused_another_one_as_too_busy() {
    let upstream = Upstream::responding(OK);
    let limits = Limits { connections: 6, ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let ping = |client: &mut Client, user: &str| client.exchange(mapi(user, "nspi", "PING", "", b""));
    let mut clients = [(); 5].map(|()| None);
    for client in &mut clients[..3] {
        assert_eq!(ping(client.insert(Client::new(&proxy)), "alice").status(), 200);
    }
    let refused = clients[3].insert(Client::new(&proxy));
    let answer = ping(refused, "alice");
    let [retry, connection] = ["retry-after", "connection"].map(|name| answer.header(name));
    assert_eq!((answer.status(), retry, connection), (503, Some("10"), Some("close")));
    assert_eq!(refused.state(), Some(Closed));
    assert_eq!(upstream.others().len(), 3, "the server received no request of it");
    let [Some(first), Some(second), _, further, other] = &mut clients else { panic!("connections") };
    assert_eq!(ping(first, "alice").status(), 200, "the others are still served");
    second.disconnect();
    assert_eq!(ping(further.insert(Client::new(&proxy)), "alice").status(), 200);
    assert_eq!(ping(other.insert(Client::new(&proxy)), "bob").status(), 200);
}

#[test]
fn a_connection_of_the_user_with_the_most_is_closed_for_the_first_one_of_another_user() {
    let upstream = Upstream::silent();
    let limits = Limits { connections: 6, ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let ping = |user: &str| Request(mapi(user, "nspi", "PING", "", b""));
    let idle = || Client::new(&proxy) >> ping("alice") >> response(OK) << KeptAlive;
    let oldest = idle();
    let waits = Client::new(&proxy) >> ping("alice") << WaitsForServer;
    let newest = idle();
    let others = ["bob", "carol"].map(|user| Client::new(&proxy) >> ping(user) << WaitsForServer);
    assert_eq!(upstream.others().len(), 5);
    let _dave = Client::new(&proxy) >> ping("dave") << WaitsForServer;
    let _newest = newest >> TimePasses(Duration::from_millis(1)) << Closed;
    let _erin = Client::new(&proxy) >> ping("erin") << WaitsForServer;
    let _waits = waits >> TimePasses(Duration::from_millis(1)) << CutShort;
    // Each user has one now.
    let mut frank = Client::new(&proxy) >> ping("frank") << Closed;
    assert_eq!(frank.response().status(), 503);
    let _oldest = oldest >> TimePasses(Duration::from_millis(1)) << KeptAlive;
    for other in others {
        let _other = other >> TimePasses(Duration::from_millis(1)) << WaitsForServer;
    }
}

#[test]
fn a_request_of_which_nothing_was_sent_is_retried_on_a_new_connection() {
    let execute = || Request(mapi("alice", "emsmdb", "Execute", "", &[7; 16]));
    let discover = || Request([&*discover(), &basic("alice"), "\r\n"].concat().into_bytes());
    for request in [execute as fn() -> Happens, get, discover] {
        let upstream = Upstream::responding(OK);
        let proxy = Setup::default().before(&upstream);
        let client = Client::new(&proxy) >> request() << KeptAlive >> ConnectionFailsAfter(0);
        let mut client = client >> request() << KeptAlive;
        assert_eq!((client.response().body, client.response().body), (b"ok".to_vec(), b"ok".to_vec()));
        let (first, second) = (upstream.next(), upstream.next());
        assert_eq!((first.connection, second.connection), (0, 1));
        assert_eq!(first.body, second.body);
        assert!(upstream.others().is_empty());
        // A byte of this request may have reached the server.
        client = client >> ConnectionFailsAfter(1) >> request() >> ServerCloses << KeptAlive;
        assert_eq!(client.response().status(), 502);
        assert!(upstream.others().is_empty());
    }
}

#[test]
fn a_response_that_the_server_cuts_off_is_cut_off_for_the_client() {
    let upstream = Upstream::new(|_, out| {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf");
        false
    });
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> get() << CutShort;
    assert!(client.until("\r\n\r\nhalf").starts_with("HTTP/1.1 200 OK\r\n"));
    let _ = client << "";
    assert_eq!(upstream.others().len(), 1);
}

#[test]
fn pipelined_requests_get_their_responses_in_order() {
    let count = Cell::new(0);
    let upstream = Upstream::new(move |_, out| {
        count.set(count.get() + 1);
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", count.get());
        out.extend_from_slice(text.as_bytes());
        true
    });
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> Request(head("GET", 0).repeat(3).into_bytes());
    let bodies: Vec<Vec<u8>> = (0..3).map(|_| client.response().body).collect();
    assert_eq!(bodies, [b"1", b"2", b"3"]);
}

#[test]
fn a_stop_lets_requests_in_progress_finish_and_the_end_cuts_them_off() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let idle = Client::new(&proxy);
    let busy = Client::new(&proxy) >> get() << WaitsForServer >> Shutdown << WaitsForServer;
    let _ = idle >> TimePasses(Duration::from_millis(20)) << Closed << "";
    let mut busy = busy >> response(OK) << Closed;
    assert_eq!(busy.response().body, b"ok");
    let proxy = Setup::default().before(&upstream);
    let _ = Client::new(&proxy) >> get() << WaitsForServer >> ProxyEnds << CutShort << "";
}

/// The beginning of a request of Autodiscover that needs no credentials.
fn discover() -> String {
    let target = "/autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1";
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n")
}

#[test]
fn a_response_of_autodiscover_counts_against_the_memory_limit() {
    let asked = |length: usize| {
        let head = format!("HTTP/1.1 404 No\r\nContent-Length: {length}\r\n\r\n");
        let upstream = Upstream::responding([head, " ".repeat(length)].concat());
        let limits = Limits { request_bytes_per_user: 300_000, ..Limits::default() };
        let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
        Client::new(&proxy).exchange(discover() + "\r\n").status()
    };
    assert_eq!(asked(200_000), 404);
    assert_eq!(asked(400_000), 503);
}

#[test]
fn an_unauthenticated_request_waits_for_the_server_no_longer_than_authentication_may_take() {
    let upstream = Upstream::silent();
    let limits = Limits { handshake: Duration::from_secs(1), ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    let client = Client::new(&proxy) >> Request((discover() + "\r\n").into_bytes()) << WaitsForServer;
    let client = client >> TimePasses(Duration::from_millis(980)) << WaitsForServer;
    let mut client = client >> TimePasses(Duration::from_millis(20));
    assert_eq!(client.response().status(), 504);
}
