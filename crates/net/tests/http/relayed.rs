//! Clients who sign in at the server, through the proxy.

mod server;

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::ntlm::{Credentials, InitiatorConfig, Protection};
use identity::{ActingLevel, Initiator, Mechanism, NtlmVersion, OsRandom, Password, Registry, Step};
use net::http::Peers;
use wire::FileTime;

use self::server::{Orders, refuse, server};
use crate::support::{Answer, Client, Got, Proxy, Setup, Upstream, basic};

/// 2026.
const NOW: FileTime = FileTime(134_100_000_000_000_000);

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
struct Ntlm(Initiator);

impl Ntlm {
    fn new(user: &str) -> Self {
        let config = InitiatorConfig {
            credentials: Credentials::password(user, "LAB", &Password::new(format!("{user}pw1"))),
            workstation: String::new(),
            target_name: String::new(),
            bindings: None,
            protection: Protection::None,
            level: ActingLevel::Impersonate,
            version: NtlmVersion::V2,
            allow_legacy: false,
            authority: "server".into(),
            registry: Registry::new(),
        };
        Self(Initiator::new(Mechanism::Ntlm, config))
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
    let proxy = Setup { relayed: true, ..Setup::default() }.before(&upstream);
    (upstream, orders, proxy)
}

fn open_contexts(proxy: &Proxy) -> u64 {
    proxy.front.relayed.as_ref().unwrap().registry.open()
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
    assert_eq!(methods(&alice), ["HEAD", "GET", "GET", "GET"]);
    assert_eq!(methods(&bob), ["HEAD", "GET", "GET", "GET"]);
    assert!(alice.iter().all(|(connection, _)| bob.iter().all(|(other, _)| connection != other)));
    // Who signed in by what each request has is nobody without it.
    assert_eq!(client.ask(get("/ews/x", "")).status(), 401);
    drop(client);
}

#[test]
fn ntlm_passes_and_holds_for_its_connection_alone() {
    let (upstream, _, proxy) = place();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    // Both shake hands at the same time.
    let (mut of_alice, mut of_bob) = (Ntlm::new("alice"), Ntlm::new("bob"));
    let for_alice = alice.ask(of_alice.next(None));
    let for_bob = bob.ask(of_bob.next(None));
    assert_eq!(user(&bob.ask(of_bob.next(Some(&for_bob)))), (200, Some("bob")));
    assert_eq!(user(&alice.ask(of_alice.next(Some(&for_alice)))), (200, Some("alice")));
    for _ in 0..3 {
        assert_eq!(user(&alice.ask(get("/ews/x", ""))), (200, Some("alice")));
        assert_eq!(user(&bob.ask(get("/ews/x", ""))), (200, Some("bob")));
    }
    assert_eq!(Client::new(&proxy).ask(get("/ews/x", "")).status(), 401);
    let seen = upstream.others();
    for got in seen.iter().filter(|got| got.head.method() == "GET") {
        assert!(!got.head.fields.has("authorization"), "{}", got.text());
    }
    assert_eq!(open_contexts(&proxy), 2);
}

#[test]
fn the_token_of_another_opens_nothing() {
    let (_upstream, _, proxy) = place();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    let mut of_alice = Ntlm::new("alice");
    let for_alice = alice.ask(of_alice.next(None));
    let last = of_alice.next(Some(&for_alice));
    // Where bob did not begin, where he is in the middle, and where he is signed in.
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(bob.ask(Ntlm::new("bob").next(None)).status(), 401);
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(user(&Ntlm::sign_in("bob", &mut bob)), (200, Some("bob")));
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(bob.ask(get("/ews/x", "")).status(), 401, "bob's own sign-in does not outlive it");
    // Alice is not disturbed by it.
    assert_eq!(user(&alice.ask(&last)), (200, Some("alice")));
}

#[test]
fn a_password_in_the_middle_of_a_handshake_ends_it() {
    let (upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&client.ask(with(&basic("alice")))), (200, Some("alice")));
    let mut bob = Ntlm::new("bob");
    let challenge = client.ask(bob.next(None));
    assert_eq!(user(&client.ask(with(&basic("alice")))), (200, Some("alice")));
    assert_eq!(client.ask(bob.next(Some(&challenge))).status(), 401);
    // No connection carried both.
    let mut schemes = HashMap::new();
    for got in upstream.others() {
        if let Some(sent) = got.head.fields.text("authorization") {
            let scheme = sent.split(' ').next().unwrap().to_owned();
            assert_eq!(*schemes.entry(got.connection).or_insert_with(|| scheme.clone()), scheme);
        }
    }
}

#[test]
fn what_comes_without_credentials_in_the_middle_of_a_handshake_is_nobodys() {
    let (_upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    let mut alice = Ntlm::new("alice");
    let both = alice.next(None) + &get("/ews/x", "");
    let challenge = client.ask(both);
    let second = client.answer(false);
    assert_eq!((second.status(), offers(&second).len()), (401, 4));
    assert_eq!(client.ask(alice.next(Some(&challenge))).status(), 401);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    // What was sent behind the last token is theirs.
    let mut other = Client::new(&proxy);
    let mut bob = Ntlm::new("bob");
    let challenge = other.ask(bob.next(None));
    let both = bob.next(Some(&challenge)) + &get("/ews/x", "");
    assert_eq!(user(&other.ask(both)), (200, Some("bob")));
    assert_eq!(user(&other.answer(false)), (200, Some("bob")));
}

#[test]
fn a_connection_that_is_gone_is_never_replaced_behind_the_clients_back() {
    // Whether the proxy hears of the end before the next leg comes or after it.
    for waits in [true, false] {
        let (_upstream, orders, proxy) = place();
        let mut client = Client::new(&proxy);
        orders.dies.store(true, Ordering::SeqCst);
        let mut alice = Ntlm::new("alice");
        let challenge = client.ask(alice.next(None));
        if waits {
            orders.wait_for_closed(1);
        }
        let again = client.ask(alice.next(Some(&challenge)));
        assert_eq!((again.status(), offers(&again).len()), (401, 4));
        assert_eq!(open_contexts(&proxy), 0);
    }
    // After the sign-in too.
    let (upstream, orders, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    orders.closes.store(true, Ordering::SeqCst);
    orders.streams.lock().unwrap().clear();
    assert_eq!(user(&client.ask(get("/ews/x", ""))), (200, Some("alice")));
    orders.wait_for_closed(1);
    upstream.others();
    let refused = client.ask(get("/ews/x", ""));
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().iter().all(|got| got.head.method() == "HEAD"), "it was sent elsewhere");
}

#[test]
fn the_connection_of_a_handshake_that_ends_under_a_leg_has_the_client_begin_anew() {
    // The server takes the second leg and closes without an answer.
    let upstream = Upstream::new(|got, stream| match got.head.fields.text("authorization") {
        None => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
        Some(sent) if sent.ends_with("AAAA") => false,
        Some(_) => refuse(stream, got, 401, "WWW-Authenticate: NTLM AAAB\r\n"),
    });
    let proxy = Setup { relayed: true, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        let challenge = client.ask(with("NTLM AAAB"));
        assert_eq!((challenge.status(), offers(&challenge)), (401, vec!["NTLM AAAB".to_owned()]));
        let again = client.ask(with("NTLM AAAA"));
        assert_eq!((again.status(), offers(&again)), (401, vec!["NTLM".to_owned()]));
    }
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn what_proves_somebody_is_the_request_that_was_guarded_whatever_the_next_says_of_its_client() {
    let names = ["User-Agent", "X-ClientInfo", "X-ClientApplication"];
    for wrong in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong"] {
        let (upstream, _, proxy) = place();
        let mut client = Client::new(&proxy);
        let fields = |value: &str, id: &str| {
            let lines = names.map(|name| format!("{name}: {value}\r\n")).concat();
            format!("{lines}X-RequestId: {id}\r\n")
        };
        assert_eq!(client.ask(get("/ews/x", &fields("Outlook", "{1}:1"))).status(), 401);
        let robot = fields("robot", "{1}:2") + &format!("Authorization: {wrong}\r\n");
        assert_eq!(client.ask(get("/ews/x", &robot)).status(), 401);
        let odd = fields("robot", "' or 1=1") + &format!("Authorization: {wrong}\r\n");
        assert_eq!(client.ask(get("/ews/x", &odd)).status(), 401);
        assert_eq!(open_contexts(&proxy), 0);
        let seen = upstream.others();
        assert_eq!(seen.len(), 3, "{seen:?}");
        for got in &seen {
            assert_eq!(names.map(|name| got.head.fields.text(name)), [Some("Outlook"); 3], "{}", got.text());
        }
        let ids: Vec<_> = seen.iter().map(|got| got.head.fields.text("x-requestid")).collect();
        assert_eq!(ids, [Some("{1}:1"), Some("{1}:2"), None]);
    }
}

#[test]
fn a_redirect_proves_nobody_and_a_ping_is_asked_instead() {
    let (upstream, _, proxy) = place();
    let at = |credentials: &str| get("/ews/elsewhere", &format!("Authorization: {credentials}\r\n"));
    let of_ntlm = |request: String| request.replace("/ews/x", "/ews/elsewhere");
    let mut client = Client::new(&proxy);
    for wrong in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong"] {
        assert_eq!(client.ask(at(wrong)).status(), 401);
    }
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(user(&client.ask(at(&basic("alice")))), (302, Some("alice")));
    // So does a handshake, on its own connection.
    let mut bob = Ntlm::new("bob");
    let mut other = Client::new(&proxy);
    upstream.others();
    let challenge = other.ask(of_ntlm(bob.next(None)));
    assert_eq!(user(&other.ask(of_ntlm(bob.next(Some(&challenge))))), (302, Some("bob")));
    let seen = upstream.others();
    let asked: Vec<_> = seen.iter().map(|got| (got.head.method(), got.head.path().to_owned())).collect();
    let (head, ping) = (("HEAD", "/ews/elsewhere".to_owned()), ("POST", "/mapi/emsmdb/".to_owned()));
    let wanted = [&head, &head, &head, &ping, &ping, &("GET", head.1.clone())].map(Clone::clone);
    assert_eq!(asked, wanted);
    assert!(seen[3].connection != seen[2].connection && seen[4].connection == seen[2].connection);
    assert!(!seen[4].head.fields.has("authorization"));
    assert_eq!(seen[5].connection, seen[2].connection);
}

#[test]
fn a_server_that_leads_everybody_elsewhere_lets_nobody_in() {
    // Whoever shows a password is led to a page, whether it is right or not.
    let upstream = Upstream::new(|got, stream| {
        let status = if got.head.fields.has("authorization") { 302 } else { 401 };
        refuse(stream, got, status, "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: NTLM\r\n")
    });
    let proxy = Setup { relayed: true, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.ask(with(&basic("alice"))).status(), 502);
    assert_eq!(client.ask(Ntlm::new("alice").next(None)).status(), 502);
    assert_eq!(client.ask(mapi_ping(&basic("alice"))).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn each_directory_is_asked_once_whichever_comes_next() {
    let (upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    for _ in 0..5 {
        for path in ["/ews/x", "/oab/x", "/EWS/y"] {
            let asked = client.ask(get(path, ""));
            assert_eq!((asked.status(), offers(&asked).len()), (401, 4));
        }
    }
    let asked: Vec<_> = upstream.others().iter().map(|got| got.head.path().to_owned()).collect();
    assert_eq!(asked, ["/ews/x", "/oab/x"]);
}

#[test]
fn a_connection_that_closes_while_a_request_comes_is_not_replaced_either() {
    let (upstream, orders, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    upstream.others();
    // The body is to be there as a whole before the request goes on.
    client.send(
        "POST /ews/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    );
    assert!(client.until("\r\n\r\n").starts_with("HTTP/1.1 100"));
    orders.close();
    let refused = client.ask("0\r\n\r\n");
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().is_empty());
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
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
        assert!(upstream.others().iter().all(|got| got.head.method() == "HEAD"), "{scheme}");
        orders.revoked.store(false, Ordering::SeqCst);
        // It does not come back by itself.
        let expected = if scheme == "NTLM" { 401 } else { 200 };
        assert_eq!(client.ask(&request).status(), expected, "{scheme}");
    }
}

#[test]
fn an_answer_that_says_nothing_of_the_credentials_lets_nobody_in() {
    for (status, told) in [(400, 400), (403, 403), (429, 429), (431, 431), (500, 502), (503, 502)] {
        let (upstream, orders, proxy) = place();
        *orders.blocked.lock().unwrap() = Some(status);
        let mut client = Client::new(&proxy);
        assert_eq!(client.ask(with(&basic("alice"))).status(), told);
        assert_eq!(client.ask(Ntlm::new("alice").next(None)).status(), told);
        assert_eq!(open_contexts(&proxy), 0);
        assert!(upstream.others().iter().all(|got| got.head.method() == "HEAD"));
    }
    // A server that serves everybody proves nobody.
    let open = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let proxy = Setup { relayed: true, ..Setup::default() }.before(&open);
    assert_eq!(Client::new(&proxy).ask(get("/ews/x", "")).status(), 502);
    let wanted = mapi_ping(&basic("alice"));
    assert_eq!(Client::new(&proxy).ask(wanted).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
}

fn mapi_ping(credentials: &str) -> String {
    format!(
        "POST /mapi/emsmdb/?MailboxId=1 HTTP/1.1\r\nHost: a\r\nX-RequestType: PING\r\n\
         Authorization: {credentials}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn an_operation_is_proven_by_a_ping_of_its_own_endpoint() {
    let (upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&client.ask(mapi_ping(&basic("alice")))), (200, Some("alice")));
    let seen = upstream.others();
    assert_eq!(seen.len(), 3);
    for got in &seen {
        assert_eq!((got.head.method(), got.head.target()), ("POST", "/mapi/emsmdb/?MailboxId=1"));
        assert_eq!(got.head.fields.text("x-requesttype"), Some("PING"));
    }
    assert!(!seen[0].head.fields.has("authorization"));
}

#[test]
fn where_several_clients_share_a_connection_no_handshake_is_passed_on() {
    let (upstream, _) = server();
    let peers = || Peers { forwarded_for: vec![Ipv4Addr::LOCALHOST.into()], ..Peers::default() };
    let proxy = Setup { relayed: true, peers: peers(), ..Setup::default() }.before(&upstream);
    let mut front = Client::new(&proxy);
    let asked = front.ask(get("/ews/x", "X-Forwarded-For: 10.0.0.1\r\n"));
    assert_eq!(offers(&asked), ["Basic realm=\"x\"", "Bearer"]);
    assert_eq!(offers(&front.ask(Ntlm::new("alice").next(None))), ["Basic realm=\"x\"", "Bearer"]);
    for name in ["alice", "bob", "alice"] {
        assert_eq!(user(&front.ask(with(&basic(name)))), (200, Some(name)));
        assert_eq!(front.ask(get("/ews/x", "")).status(), 401);
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
        assert_eq!(user(&answer), (200, Some("nobody")));
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
        assert!(
            seen.iter().all(|got| got.head.method() == "HEAD" || got.head.method() == "POST"),
            "{seen:?}"
        );
        // Who is signed in asks as such, and nobody on the same connection.
        let asked = client.ask(get(json, &format!("Authorization: {}\r\n", basic("alice"))));
        assert_eq!(user(&asked), (200, Some(if relayed { "alice" } else { "nobody" })));
        assert_eq!(user(&client.ask(get(json, ""))), (200, Some("nobody")));
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
        let answer = Client::new(&proxy).ask(get("/autodiscover/autodiscover.json?Email=a", ""));
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

#[test]
fn where_an_address_asks_for_no_sign_in_a_mailbox_does() {
    // As a server has it that knows its endpoint only with a mailbox, and no HEAD.
    let upstream = Upstream::new(|got, stream| {
        let signed_in = got.head.fields.text("authorization") == Some(&*basic("alice"));
        let status = match (got.head.method(), got.head.target()) {
            ("HEAD", _) => 405,
            ("POST", target) if !target.starts_with("/mapi/emsmdb/?MailboxId=") => 404,
            _ if signed_in => 200,
            _ => 401,
        };
        let offer = if status == 401 { "WWW-Authenticate: Basic realm=\"x\"\r\n" } else { "" };
        let text = format!("HTTP/1.1 {status} X\r\n{offer}Content-Length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).is_ok()
    });
    let proxy = Setup { relayed: true, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let asked = client.ask(get("/ews/x", ""));
    assert_eq!((asked.status(), offers(&asked).len()), (401, 1));
    assert_eq!(client.ask(with("Basic YWxpY2U6d3Jvbmc=")).status(), 401);
    assert_eq!(client.ask(with(&basic("alice"))).status(), 200);
    assert_eq!(client.ask(with(&basic("alice"))).status(), 200);
}
