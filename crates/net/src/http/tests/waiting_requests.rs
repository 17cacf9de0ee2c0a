//! Requests that wait for a connection to the server while their session or account ends.

use std::cell::Cell;
use std::io::Write as _;
use std::rc::Rc;

use identity::Mechanism;
use testkit::http_auth::ntlm_challenge;

use crate::http::tests::playbook::State::{KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, Happens, Proxy, mapi, request, response};
use crate::http::tests::sessions::good;
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

/// A server that authenticates connections by NTLM, and gives each session the same cookie and one of its own. While
/// the cell is true, it sends no challenge.
fn server() -> (Rc<Upstream>, Rc<Cell<bool>>) {
    let holds = Rc::new(Cell::new(false));
    let (held, count) = (Rc::clone(&holds), Cell::new(0));
    let upstream = Upstream::new(move |got: &ReceivedRequest, out| {
        match got.head.fields.text("authorization").and_then(ntlm_challenge) {
            Some(_) if held.get() => true,
            Some(challenge) => out.write_all(&unauthorized(&challenge)).is_ok(),
            None => {
                count.set(count.get() + 1);
                let opens = got.head.fields.text("x-requesttype") == Some("Connect");
                let own = ["sid=same".to_owned(), format!("seq={}", count.get())];
                out.write_all(&good(if opens { &own } else { &[] })).is_ok()
            }
        }
    });
    (upstream, holds)
}

fn unauthorized(challenge: &str) -> Vec<u8> {
    format!("HTTP/1.1 401 Unauthorized\r\n{challenge}Content-Length: 0\r\n\r\n").into_bytes()
}

/// A request of alice with her cookies, which waits for a challenge, and that challenge. She has a session.
fn waiting(
    proxy: &Proxy,
    (upstream, holds): &(Rc<Upstream>, Rc<Cell<bool>>),
    request_type: &str,
) -> (Client, Happens) {
    let connected = Client::new(proxy).exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!(connected.code().as_deref(), Some("0"));
    drop(upstream.others());
    holds.set(true);
    let request = request("alice", request_type, "sid=same; seq=1", &[0; 20]);
    let client = Client::new(proxy) >> request << WaitsForServer;
    holds.set(false);
    let token = upstream.next().head.fields.text("authorization").unwrap().to_owned();
    (client, response(unauthorized(&ntlm_challenge(&token).unwrap())))
}

/// The types and the cookies of the requests that the server received.
fn received(upstream: &Upstream) -> Vec<(String, Option<String>)> {
    let text = |got: &ReceivedRequest, name| got.head.fields.text(name).map(str::to_owned);
    let all = upstream.others();
    let posts = all.iter().filter(|got| !got.body.is_empty());
    posts.map(|got| (text(got, "x-requesttype").unwrap(), text(got, "cookie"))).collect()
}

#[test]
fn a_request_is_not_sent_if_its_session_ends_while_the_connection_is_authenticated() {
    let server = server();
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&server.0);
    let (client, challenge) = waiting(&proxy, &server, "Execute");
    // The server gives the cookie of alice's session to bob.
    let mut bob = Client::new(&proxy);
    assert_eq!(bob.exchange(mapi("bob", "emsmdb", "Connect", "", &[0; 20])).code().as_deref(), Some("0"));
    drop(server.0.others());
    let mut client = client >> challenge << KeptAlive;
    assert_eq!(client.response().code().as_deref(), Some("10"));
    assert_eq!(received(&server.0), []);
    let code = bob.exchange(mapi("bob", "emsmdb", "Execute", "sid=same; seq=2", &[0; 20])).code();
    assert_eq!(code.as_deref(), Some("0"));
}

#[test]
fn a_connect_is_sent_without_the_cookies_of_a_session_that_ends_meanwhile() {
    let server = server();
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&server.0);
    let (client, challenge) = waiting(&proxy, &server, "Connect");
    let mut bob = Client::new(&proxy);
    assert_eq!(bob.exchange(mapi("bob", "emsmdb", "Connect", "", &[0; 20])).code().as_deref(), Some("0"));
    drop(server.0.others());
    let _client = client >> challenge << KeptAlive;
    assert_eq!(received(&server.0), [("Connect".to_owned(), None)]);
}

#[test]
fn a_request_is_not_sent_if_its_account_is_revoked_while_the_connection_is_authenticated() {
    let server = server();
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&server.0);
    let (client, challenge) = waiting(&proxy, &server, "Execute");
    let mut client = client >> Happens::AccountRevoked >> challenge;
    assert_eq!(client.response().status(), 401);
    assert_eq!(received(&server.0), []);
}
