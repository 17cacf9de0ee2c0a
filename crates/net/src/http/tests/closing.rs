//! Responses after which the proxy closes the client's connection have `Connection: close`; no others have it.

use testkit::http_auth::Handshake;

use crate::http::tests::playbook::Happens::{Request, Rest, ServerUnreachable, Shutdown};
use crate::http::tests::playbook::State::{Closed, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, State, basic, get, head, mapi, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::streaming::HEAD;
use crate::http::tests::upstream::Upstream;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Checks the response to a client, and the state of its connection.
#[track_caller]
fn assert_states_its_end(mut client: Client, state: State, status: u16, case: &str) {
    client = client << state;
    let answer = client.response();
    let connection = (state == Closed).then_some("close");
    assert_eq!((answer.status(), answer.header("connection")), (status, connection), "{case}");
}

#[test]
fn a_response_to_a_request_whose_body_is_not_read_states_that_the_connection_closes() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let alice = basic("alice");
    let untyped = format!("POST /mapi/emsmdb/ HTTP/1.1\r\nHost: a\r\n{alice}");
    let execute = format!("{untyped}X-RequestType: Execute\r\nX-RequestId: {{1}}:1\r\n");
    let discover = format!("POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\n{alice}");
    let not_found = format!("POST /none HTTP/1.1\r\nHost: a\r\n{alice}");
    let unauthenticated = "POST /ews/x HTTP/1.1\r\nHost: a\r\n".to_owned();
    let short = "Content-Length: 5\r\n\r\nhello";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let expects = "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let long = "Content-Length: 3000000\r\n\r\n";
    for (head, framing, state, status) in [
        (&untyped, short, KeptAlive, 200),
        (&untyped, chunked, Closed, 200),
        (&untyped, expects, Closed, 200),
        (&untyped, long, Closed, 200),
        (&execute, long, Closed, 200),
        (&discover, long, Closed, 413),
        (&not_found, short, KeptAlive, 404),
        (&not_found, chunked, Closed, 404),
        (&not_found, expects, Closed, 404),
        (&unauthenticated, short, KeptAlive, 401),
        (&unauthenticated, chunked, Closed, 401),
        (&unauthenticated, expects, Closed, 401),
    ] {
        let client = Client::new(&proxy) >> Request(format!("{head}{framing}").into_bytes());
        assert_states_its_end(client, state, status, &format!("{head}{framing}"));
    }
}

#[test]
fn a_response_within_a_handshake_states_whether_the_connection_closes_after_a_body_in_chunks() {
    for (chunks, state) in [(1, KeptAlive), (24, KeptAlive), (34, Closed)] {
        let upstream = Upstream::responding(OK);
        let proxy = Setup::default().before(&upstream);
        let token = Handshake::ntlm("alice").next(None);
        let head = format!(
            "POST /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let body = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(chunks);
        let client = Client::new(&proxy) >> Request([&head, &body, "0\r\n\r\n"].concat().into_bytes());
        assert_states_its_end(client, state, 401, &chunks.to_string());
    }
}

#[test]
fn a_response_to_an_upload_that_cannot_be_forwarded_states_whether_the_connection_closes() {
    for (length, state) in [(1000, KeptAlive), (3_000_000, Closed)] {
        let upstream = Upstream::responding(OK);
        let proxy = Setup::default().before(&upstream);
        let client = Client::new(&proxy) >> get() << KeptAlive;
        drop(client);
        let client = Client::new(&proxy) >> ServerUnreachable >> Request(head("POST", length).into_bytes());
        let client = if state == KeptAlive { client >> Rest(vec![0; length]) } else { client };
        assert_states_its_end(client, state, 502, &length.to_string());
    }
}

#[test]
fn a_response_during_a_shutdown_states_that_the_connection_closes() {
    let discover = head("GET", 0).replace("/ews/x", "/autodiscover/autodiscover.xml");
    let execute = || request("alice", "Execute", "", &[0; 16]);
    let before = Setup::default;
    for (case, what) in
        [("forwarded", get()), ("Autodiscover", Request(discover.into_bytes())), ("operation", execute())]
    {
        let upstream = Upstream::silent();
        let proxy = before().before(&upstream);
        let client = Client::new(&proxy) >> what >> Shutdown << WaitsForServer;
        let client = client >> response("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nok");
        assert_states_its_end(client, Closed, 404, case);
    }
    // The head was received before the shutdown, and is sent after it.
    let upstream = Upstream::silent();
    let proxy = before().before(&upstream);
    let client = Client::new(&proxy) >> execute() >> response(HEAD) >> Shutdown << WaitsForServer << "";
    let client = client >> response("16\r\nPROCESSING\r\nDONE\r\n\r\n\r\n\r\n0\r\n\r\n");
    assert_states_its_end(client, Closed, 200, "head before the shutdown");
    // A wait for notifications ends at once.
    let upstream = Upstream::silent();
    let proxy = before().before(&upstream);
    let wait = Request(mapi("alice", "emsmdb", "NotificationWait", "", &[0; 8]));
    let client = Client::new(&proxy) >> wait << WaitsForServer >> Shutdown;
    assert_states_its_end(client, Closed, 200, "wait");
}
