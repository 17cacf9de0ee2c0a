//! Clients who sign in at the server, through the proxy.

mod forged;
mod handshakes;
mod probes;
pub(crate) mod server;

use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{Channel, ContextCounters, Credentials, Initiator, Mechanism, OsRandom, Password, Step};
use net::Account;
use rpc::pdu::AuthLevel;

use self::server::{NOW, Orders, is_probe, server};
use crate::support::{Answer, Client, Got, Proxy, Setup, Upstream, basic};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: proxy.lab.test\r\n{fields}\r\n")
}

fn with(credentials: &str) -> String {
    get("/ews/x", &format!("Authorization: {credentials}\r\n"))
}

fn user(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status(), answer.header("x-user"))
}

fn offers(answer: &Answer) -> Vec<String> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    answer.head.fields.all("www-authenticate").map(text).collect()
}

/// The client's end of NTLM.
struct Ntlm(Box<dyn Initiator>);

impl Ntlm {
    fn new(user: &str) -> Self {
        let credentials = Credentials::password(user, "LAB", &Password::new(format!("{user}pw1")));
        let mechanism = Mechanism::NTLM;
        let account =
            Account::new(credentials, mechanism, AuthLevel::NONE, "server", &ContextCounters::new());
        Self(mechanism.initiator(&account.config, Channel::http(None)).unwrap())
    }

    /// The request with the next token, the answer's having been `challenge`.
    fn next(&mut self, challenge: Option<&Answer>) -> String {
        let token = challenge.map(|answer| {
            assert_eq!(answer.status(), 401);
            let offers = offers(answer);
            let [offer] = offers.as_slice() else { panic!("{offers:?}") };
            STANDARD.decode(offer.strip_prefix("NTLM ").unwrap()).unwrap()
        });
        match self.0.step(&token.unwrap_or_default(), NOW, &mut OsRandom).unwrap() {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => {
                with(&format!("NTLM {}", STANDARD.encode(token)))
            }
            Step::Done { .. } => panic!("no token"),
        }
    }

    /// Signs in; the last answer.
    fn sign_in(user: &str, client: &mut Client) -> Answer {
        let mut ntlm = Self::new(user);
        let challenge = client.ask(ntlm.next(None));
        client.ask(ntlm.next(Some(&challenge)))
    }
}

fn place() -> (Upstream, Arc<Orders>, Proxy) {
    let (upstream, orders) = server();
    let proxy = before(&upstream);
    (upstream, orders, proxy)
}

/// A proxy through which clients sign in at `upstream`.
fn before(upstream: &Upstream) -> Proxy {
    Setup { relayed: true, ..Setup::default() }.before(upstream)
}

fn open_contexts(proxy: &Proxy) -> u64 {
    proxy.config.upstream.identity.pass_through().unwrap().contexts.open()
}

#[test]
fn the_client_is_offered_what_the_server_offers_and_gets_in_by_what_the_server_takes() {
    let (upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    let asked = client.ask(get("/ews/x", ""));
    assert_eq!(
        (asked.status(), offers(&asked)),
        (401, ["Negotiate", "NTLM", "Basic realm=\"x\"", "Bearer"].map(String::from).to_vec())
    );
    for credentials in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong", "Digest x", "Basic ?"] {
        let refused = client.ask(with(credentials));
        assert_eq!((refused.status(), offers(&refused).len()), (401, 4), "{credentials}");
    }
    assert_eq!(open_contexts(&proxy), 0);
    for (credentials, name) in [(basic("alice"), "alice"), ("Bearer token-of-bob".to_owned(), "bob")] {
        for _ in 0..3 {
            assert_eq!(user(&client.ask(with(&credentials))), (200, Some(name)));
        }
    }
    // The server saw no more than one probe for each, and each on a connection of its own.
    let seen: Vec<Got> = upstream.others();
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
    assert_eq!(client.ask(get("/ews/x", "")).status(), 401);
    drop(client);
}

#[test]
fn a_sign_in_that_the_server_takes_back_is_over() {
    for scheme in ["NTLM", "Basic"] {
        let (upstream, orders, proxy) = place();
        let mut client = Client::new(&proxy);
        let request = if scheme == "NTLM" {
            assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
            get("/ews/x", "")
        } else {
            with(&basic("alice"))
        };
        assert_eq!(user(&client.ask(&request)), (200, Some("alice")));
        orders.revoked.store(true, Ordering::SeqCst);
        let refused = client.ask(&request);
        assert_eq!((refused.status(), offers(&refused).len()), (401, 4), "{scheme}");
        assert_eq!(open_contexts(&proxy), 0, "{scheme}");
        upstream.others();
        assert_eq!(client.ask(&request).status(), 401);
        assert!(upstream.others().iter().all(is_probe), "{scheme}");
        orders.revoked.store(false, Ordering::SeqCst);
        // It does not come back by itself.
        let expected = if scheme == "NTLM" { 401 } else { 200 };
        assert_eq!(client.ask(&request).status(), expected, "{scheme}");
    }
}

#[test]
fn where_a_mailbox_is_may_be_asked_without_signing_in() {
    for relayed in [true, false] {
        let (upstream, _) = server();
        let proxy = Setup { relayed, ..Setup::default() }.before(&upstream);
        let mut client = Client::new(&proxy);
        let json = "/autodiscover/autodiscover.json?Email=a%40lab.test&Protocol=AutodiscoverV1";
        let answer = client.ask(get(json, "Cookie: a=b\r\n"));
        assert_eq!(user(&answer), (200, Some("anonymous")));
        for got in upstream.others() {
            assert!(
                !got.head.fields.has("authorization") && !got.head.fields.has("cookie"),
                "{}",
                got.text()
            );
        }
        // All else is asked by somebody.
        assert_eq!(client.ask(get("/autodiscover/autodiscover.xml", "")).status(), 401);
        assert_eq!(
            client.ask(format!("POST {json} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).status(),
            401
        );
        assert_eq!(client.ask(get(json, "Authorization: Basic YTpi\r\n")).status(), 401);
        let seen = upstream.others();
        assert!(seen.iter().all(|got| got.head.method() != "GET"), "{seen:?}");
        // A signed-in client's request is its own; one without credentials on the same connection is anonymous.
        let asked = client.ask(get(json, &format!("Authorization: {}\r\n", basic("alice"))));
        assert_eq!(user(&asked), (200, Some(if relayed { "alice" } else { "anonymous" })));
        assert_eq!(user(&client.ask(get(json, ""))), (200, Some("anonymous")));
        let mut connections: HashMap<usize, bool> = HashMap::new();
        for got in upstream.others().into_iter().filter(|got| got.head.method() == "GET") {
            let named = got.head.fields.has("authorization");
            assert_eq!(*connections.entry(got.connection).or_insert(named), named);
        }
    }
}

#[test]
fn a_server_that_answers_nobody_has_the_client_sign_in() {
    for relayed in [true, false] {
        let refuses =
            Upstream::saying("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n");
        let proxy = Setup { relayed, ..Setup::default() }.before(&refuses);
        let answer = Client::new(&proxy).ask(get("/autodiscover/autodiscover.json?Email=a@b.test", ""));
        assert_eq!((answer.status(), offers(&answer)[0].as_str()), (401, "Negotiate"));
        assert_eq!(offers(&answer).len(), if relayed { 1 } else { 3 });
    }
}

#[test]
fn redirects_to_the_server_lead_to_us() {
    let (_upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    let request = get("/ews/elsewhere", &format!("Authorization: {}\r\n", basic("alice")));
    let answer = client.ask(request);
    assert_eq!((answer.status(), answer.header("location")), (302, Some("https://proxy.lab.test/owa/?a")));
    let _ = client.stream.shutdown(Shutdown::Both);
}
