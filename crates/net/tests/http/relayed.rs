//! Clients who sign in at the server, through the proxy.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::ntlm::{AcceptorConfig, Credentials, InitiatorConfig, Policy, Protection, ServerNames};
use identity::{
    Acceptor, ActingLevel, Initiator, Mechanism, NtlmVersion, OsRandom, Password, Registry, Step,
};
use net::http::Peers;
use wire::FileTime;

use crate::support::{Answer, Client, Everybody, Got, Proxy, Setup, Upstream, basic};

/// 2026.
const NOW: FileTime = FileTime(134_100_000_000_000_000);

/// Who signed in on a connection, or is about to.
enum Who {
    Handshake(Box<Acceptor>),
    User(String),
}

/// What a test has a server do.
#[derive(Default)]
struct Orders {
    /// Nobody is signed in any more.
    revoked: AtomicBool,
    /// The connection closes after the next challenge.
    dies: AtomicBool,
    /// The connection closes after each answer to somebody.
    closes: AtomicBool,
    /// What credentials are answered with, without a look at them.
    blocked: Mutex<Option<u16>>,
    /// The connections on which somebody was answered.
    streams: Mutex<Vec<TcpStream>>,
}

impl Orders {
    /// Closes all connections on which somebody was answered.
    fn close(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn acceptor() -> Acceptor {
    let config = AcceptorConfig {
        accounts: Arc::new(Everybody),
        policy: Policy::default(),
        names: ServerNames { nb_computer: "EXCH".into(), nb_domain: "LAB".into(), ..ServerNames::default() },
        authority: "accounts".into(),
        registry: Registry::new(),
    };
    Acceptor::new(Mechanism::Ntlm, Arc::new(config), None)
}

/// A server at which everybody has an account, by Basic, Bearer and NTLM.
fn server() -> (Upstream, Arc<Orders>) {
    let orders = Arc::<Orders>::default();
    let known = Mutex::new(HashMap::<usize, Who>::new());
    let given = Arc::clone(&orders);
    let upstream = Upstream::new(move |got, stream| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let lets_nobody_in = got.head.path().starts_with("/autodiscover/autodiscover.json");
        match who(got, &mut known, &given) {
            Ok(None) if lets_nobody_in => answer(stream, got, "nobody"),
            Ok(Some(user)) => {
                let closes = given.closes.load(Ordering::SeqCst);
                let kept = stream.try_clone().ok().filter(|_| !closes);
                given.streams.lock().unwrap().extend(kept);
                answer(stream, got, &user) && !closes
            }
            Ok(None) => {
                let offers = "WWW-Authenticate: Negotiate, NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                              WWW-Authenticate: Digest realm=\"x\"\r\nWWW-Authenticate: Bearer\r\n";
                refuse(stream, got, 401, offers)
            }
            Err((status, header)) => {
                refuse(stream, got, status, &header) && !given.dies.swap(false, Ordering::SeqCst)
            }
        }
    });
    (upstream, orders)
}

fn refuse(stream: &mut TcpStream, got: &Got, status: u16, fields: &str) -> bool {
    let body = if got.head.method() == "HEAD" { "" } else { "no" };
    let text = format!("HTTP/1.1 {status} No\r\n{fields}Content-Length: 2\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).is_ok()
}

fn answer(stream: &mut TcpStream, got: &Got, user: &str) -> bool {
    let url = format!("http://{}:{}", Ipv4Addr::LOCALHOST, stream.local_addr().unwrap().port());
    let (status, body) = match got.head.path() {
        "/ews/elsewhere" => ("302 Found", String::new()),
        path if path.starts_with("/autodiscover/") => ("200 OK", format!("{{\"Url\":\"{url}/ews\"}}")),
        _ => ("200 OK", format!("for {user}")),
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nX-User: {user}\r\nX-ResponseCode: 0\r\nLocation: {url}/owa/?a\r\n\
         Content-Length: {}\r\n\r\n{}",
        body.len(),
        if got.head.method() == "HEAD" { "" } else { &body },
    );
    stream.write_all(text.as_bytes()).is_ok()
}

/// Who asks; none if nobody does. Otherwise the answer's status and further headers.
fn who(got: &Got, known: &mut HashMap<usize, Who>, orders: &Orders) -> Result<Option<String>, (u16, String)> {
    let Some(sent) = got.head.fields.text("authorization") else {
        return match known.get(&got.connection) {
            Some(Who::User(user)) if !orders.revoked.load(Ordering::SeqCst) => Ok(Some(user.clone())),
            _ => Ok(None),
        };
    };
    if let Some(status) = *orders.blocked.lock().unwrap() {
        return Err((status, String::new()));
    }
    let (scheme, rest) = sent.split_once(' ').unwrap();
    match scheme {
        _ if orders.revoked.load(Ordering::SeqCst) => Ok(None),
        "Basic" => {
            let text = String::from_utf8(STANDARD.decode(rest).unwrap()).unwrap();
            let user = text.split(':').next().unwrap().to_owned();
            Ok((sent == basic(&user)).then_some(user))
        }
        "Bearer" => Ok(rest.strip_prefix("token-of-").map(str::to_owned)),
        _ => {
            let mut acceptor = match known.remove(&got.connection) {
                Some(Who::Handshake(acceptor)) => acceptor,
                _ => Box::new(acceptor()),
            };
            match acceptor.step(&STANDARD.decode(rest).unwrap(), NOW, &mut OsRandom) {
                Ok(Step::Continue(token)) => {
                    known.insert(got.connection, Who::Handshake(acceptor));
                    Err((401, format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(token))))
                }
                Ok(Step::Done { context, .. }) => {
                    let user = context.principal().user().to_owned();
                    known.insert(got.connection, Who::User(user.clone()));
                    Ok(Some(user))
                }
                Err(_) => Ok(None),
            }
        }
    }
}

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
    let (upstream, orders, proxy) = place();
    let mut client = Client::new(&proxy);
    orders.dies.store(true, Ordering::SeqCst);
    let mut alice = Ntlm::new("alice");
    let challenge = client.ask(alice.next(None));
    let again = client.ask(alice.next(Some(&challenge)));
    assert_eq!((again.status(), offers(&again).len()), (401, 4));
    assert_eq!(open_contexts(&proxy), 0);
    // After the sign-in too.
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    orders.closes.store(true, Ordering::SeqCst);
    orders.streams.lock().unwrap().clear();
    assert_eq!(user(&client.ask(get("/ews/x", ""))), (200, Some("alice")));
    upstream.others();
    let refused = client.ask(get("/ews/x", ""));
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().iter().all(|got| got.head.method() == "HEAD"), "it was sent elsewhere");
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
