//! Pass-through authentication: clients authenticate at the server through the proxy.

mod concurrent;
mod gateways;
mod handshakes;
mod probes;
pub(super) mod server;

use std::collections::HashMap;
use std::rc::Rc;

use testkit::http_auth::{Handshake, basic};

use self::server::{Behaviour, is_probe, server};
use crate::http::tests::playbook::{Client, ClientResponse, Proxy};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: proxy.lab.test\r\n{fields}\r\n")
}

fn with(credentials: &str) -> String {
    get("/ews/x", &format!("Authorization: {credentials}\r\n"))
}

/// The status of a response, and the user that the server executed the request for.
fn user(answer: &ClientResponse) -> (u16, Option<&str>) {
    (answer.status(), answer.header("x-user"))
}

fn offers(answer: &ClientResponse) -> Vec<String> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    answer.head.fields.all("www-authenticate").map(text).collect()
}

/// A client's end of NTLM, as requests.
struct Ntlm(Handshake);

impl Ntlm {
    fn new(user: &str) -> Self {
        Self(Handshake::ntlm(user))
    }

    /// The request with the next token, after the response `challenge`.
    fn next(&mut self, challenge: Option<&ClientResponse>) -> String {
        let challenge = challenge.map(|answer| {
            assert_eq!(answer.status(), 401);
            let offers = offers(answer);
            let [offer] = offers.as_slice() else { panic!("{offers:?}") };
            offer.clone()
        });
        with(&self.0.next(challenge.as_deref()))
    }

    /// Authenticates, and returns the last response.
    fn authenticate(user: &str, client: &mut Client) -> ClientResponse {
        let mut ntlm = Self::new(user);
        let challenge = client.exchange(ntlm.next(None));
        client.exchange(ntlm.next(Some(&challenge)))
    }
}

/// A server at which all users have accounts, and a proxy.
fn proxy_and_server() -> (Rc<Upstream>, Rc<Behaviour>, Proxy) {
    let (upstream, behaviour) = server();
    let proxy = before(&upstream);
    (upstream, behaviour, proxy)
}

/// A proxy through which clients authenticate at `upstream`.
fn before(upstream: &Rc<Upstream>) -> Proxy {
    Setup { pass_through: true, ..Setup::default() }.before(upstream)
}

/// The contexts of clients that are in use.
fn open_contexts(proxy: &Proxy) -> u64 {
    proxy.forget_contexts();
    proxy.config.upstream.identity.pass_through().unwrap().contexts.open()
}

/// The contexts of clients that were made.
fn opened_contexts(proxy: &Proxy) -> u64 {
    proxy.config.upstream.identity.pass_through().unwrap().contexts.opened()
}

#[test]
fn a_client_is_offered_the_schemes_of_the_server_and_authenticates_by_credentials_that_it_accepts() {
    let (upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    let asked = client.exchange(get("/ews/x", ""));
    assert_eq!(
        (asked.status(), offers(&asked)),
        (401, ["Negotiate", "NTLM", "Basic realm=\"x\"", "Bearer"].map(String::from).to_vec())
    );
    for credentials in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong", "Digest x", "Basic ?"] {
        let refused = client.exchange(with(credentials));
        assert_eq!((refused.status(), offers(&refused).len()), (401, 4), "{credentials}");
    }
    assert_eq!(open_contexts(&proxy), 0);
    for (credentials, name) in [(basic("alice"), "alice"), ("Bearer token-of-bob".to_owned(), "bob")] {
        for _ in 0..3 {
            assert_eq!(user(&client.exchange(with(&credentials))), (200, Some(name)));
        }
    }
    // The server saw one probe for each, on a connection of its own.
    let seen: Vec<ReceivedRequest> = upstream.others();
    let of = |credentials: &str| {
        let theirs = seen.iter().filter(|got| got.head.fields.text("authorization") == Some(credentials));
        theirs.map(|got| (got.connection, got.head.method().to_owned())).collect::<Vec<_>>()
    };
    let (alice, bob) = (of(&basic("alice")), of("Bearer token-of-bob"));
    let methods =
        |seen: &[(usize, String)]| seen.iter().map(|(_, method)| method.clone()).collect::<Vec<_>>();
    assert_eq!(methods(&alice), ["POST", "GET", "GET", "GET"]);
    assert_eq!(methods(&bob), ["POST", "GET", "GET", "GET"]);
    assert!(alice.iter().all(|(connection, _)| bob.iter().all(|(other, _)| connection != other)));
    // With authentication by request, a request without credentials is anonymous.
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 401);
    drop(client);
}

#[test]
fn a_client_whose_request_the_server_rejects_has_to_authenticate_again() {
    for scheme in ["NTLM", "Basic"] {
        let (upstream, behaviour, proxy) = proxy_and_server();
        let mut client = Client::new(&proxy);
        let request = if scheme == "NTLM" {
            assert_eq!(user(&Ntlm::authenticate("alice", &mut client)), (200, Some("alice")));
            get("/ews/x", "")
        } else {
            with(&basic("alice"))
        };
        assert_eq!(user(&client.exchange(request.clone())), (200, Some("alice")));
        behaviour.revoked.set(true);
        let refused = client.exchange(request.clone());
        assert_eq!((refused.status(), offers(&refused).len()), (401, 4), "{scheme}");
        assert_eq!(open_contexts(&proxy), 0, "{scheme}");
        upstream.others();
        assert_eq!(client.exchange(request.clone()).status(), 401);
        assert!(upstream.others().iter().all(is_probe), "{scheme}");
        behaviour.revoked.set(false);
        // The context is not restored by itself.
        let expected = if scheme == "NTLM" { 401 } else { 200 };
        assert_eq!(client.exchange(request.clone()).status(), expected, "{scheme}");
    }
}

#[test]
fn the_location_of_a_mailbox_may_be_queried_without_authentication() {
    for pass_through in [true, false] {
        let (upstream, _) = server();
        let proxy = Setup { pass_through, ..Setup::default() }.before(&upstream);
        let mut client = Client::new(&proxy);
        let json = "/autodiscover/autodiscover.json?Email=a%40lab.test&Protocol=AutodiscoverV1";
        let answer = client.exchange(get(json, "Cookie: a=b\r\n"));
        assert_eq!(user(&answer), (200, Some("anonymous")));
        for got in upstream.others() {
            assert!(!got.head.fields.has("authorization") && !got.head.fields.has("cookie"), "{got:?}");
        }
        // All other requests are authenticated.
        assert_eq!(client.exchange(get("/autodiscover/autodiscover.xml", "")).status(), 401);
        assert_eq!(
            client.exchange(format!("POST {json} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).status(),
            401
        );
        assert_eq!(client.exchange(get(json, "Authorization: Basic YTpi\r\n")).status(), 401);
        let seen = upstream.others();
        assert!(seen.iter().all(|got| got.head.method() != "GET"), "{seen:?}");
        // A request with credentials is its user's; one without on the same connection is anonymous.
        let asked = client.exchange(get(json, &format!("Authorization: {}\r\n", basic("alice"))));
        assert_eq!(user(&asked), (200, Some(if pass_through { "alice" } else { "anonymous" })));
        assert_eq!(user(&client.exchange(get(json, ""))), (200, Some("anonymous")));
        let mut connections: HashMap<usize, bool> = HashMap::new();
        for got in upstream.others().into_iter().filter(|got| got.head.method() == "GET") {
            let named = got.head.fields.has("authorization");
            assert_eq!(*connections.entry(got.connection).or_insert(named), named);
        }
    }
}

#[test]
fn a_client_has_to_authenticate_if_the_server_rejects_its_anonymous_request() {
    for pass_through in [true, false] {
        let refuses = Upstream::responding(
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        );
        let proxy = Setup { pass_through, ..Setup::default() }.before(&refuses);
        let answer = Client::new(&proxy).exchange(get("/autodiscover/autodiscover.json?Email=a@b.test", ""));
        assert_eq!((answer.status(), offers(&answer)[0].as_str()), (401, "Negotiate"));
        assert_eq!(offers(&answer).len(), if pass_through { 1 } else { 3 });
    }
}

#[test]
fn redirects_to_the_server_are_rewritten_to_the_proxy() {
    let (_upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    let request = get("/ews/elsewhere", &format!("Authorization: {}\r\n", basic("alice")));
    let answer = client.exchange(request);
    assert_eq!((answer.status(), answer.header("location")), (302, Some("https://proxy.lab.test/owa/?a")));
}
