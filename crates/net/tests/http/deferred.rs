//! Requests over which we take time ourselves, and requests that modules ask ahead, before a server that sees
//! to it that each request of a session has its turn.

use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{
    AheadAnswer, Body as _, Decision, Deferral, Delivery, FaultStatus, Module, Operation, OperationKey,
    Refusal, Request, Session, Work,
};
use identity::Pool;
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody};
use net::http::Pending;

use crate::support::{Answer, Client, Got, PATIENCE, Proxy, Setup, Upstream, mapi};

const EXECUTE: OperationKey = OperationKey::Http(Endpoint::Emsmdb, RequestType::Execute);
const SOON: Pending = Pending { first: Duration::from_millis(30), period: Duration::from_millis(30) };

/// A server with one session, whose sequence rises with each Execute. It answers with the sequence's number.
fn server() -> Upstream {
    let turn = Mutex::new(0_u32);
    Upstream::new(move |got: &Got, stream: &mut TcpStream| {
        let mut turn = turn.lock().unwrap();
        let (mut code, mut set) = (0, String::new());
        match got.head.fields.text("x-requesttype") {
            Some("Connect") => set.push_str("Set-Cookie: sid=one\r\nSet-Cookie: sequence=s0; secure\r\n"),
            Some("Execute") if cookie(got).ends_with(&format!("sequence=s{turn}")) => {
                *turn += 1;
                set = format!("Set-Cookie: sequence=s{turn}; secure\r\n");
            }
            Some("Execute") => code = 15,
            _ => {}
        }
        let (kind, body) = match code {
            0 => (
                "application/mapi-http",
                format!("PROCESSING\r\nDONE\r\nX-ElapsedTime: 7\r\n\r\n{}", payload(*turn)),
            ),
            _ => ("text/html", "no".to_owned()),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{set}X-ResponseCode: {code}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).is_ok()
    })
}

fn payload(turn: u32) -> String {
    format!("\0\0\0\0\0\0\0\0answer {turn}")
}

fn cookie(got: &Got) -> String {
    got.head.fields.text("cookie").unwrap_or_default().to_owned()
}

type Decide = Box<dyn Fn(&mut Operation) -> Decision + Send + Sync>;
type Deliver = Box<dyn Fn(&mut Operation) -> Delivery + Send + Sync>;

/// Decides about Executes as a test wants it.
struct Decider(Decide, Deliver);

impl Module for Decider {
    fn name(&self) -> &'static str {
        "decider"
    }
    fn description(&self) -> &'static str {
        "Decides as a test wants it."
    }
    fn dispatch(&self, operation: &mut Operation, _: &mut Session) -> Decision {
        if operation.key() == EXECUTE { (self.0)(operation) } else { Decision::Relay }
    }
    fn deliver(&self, operation: &mut Operation, _: &mut Session) -> Delivery {
        if operation.key() == EXECUTE { (self.1)(operation) } else { Delivery::Pass }
    }
}

/// Work that goes on when the test says so.
#[derive(Clone)]
struct Gate(Arc<Mutex<Receiver<()>>>);

impl Gate {
    fn new() -> (Self, Sender<()>) {
        let (open, opened) = channel();
        (Self(Arc::new(Mutex::new(opened))), open)
    }

    fn work<D: Send + 'static>(&self, then: impl FnOnce() -> D + Send + 'static) -> Work<D> {
        let gate = self.clone();
        // Also where nobody opens it any more.
        Work::new(move |_| gate.0.lock().unwrap().recv().is_ok(), move |_, _, _| then())
    }
}

/// A proxy with a pool of two threads.
fn proxy(
    upstream: &Upstream,
    pending: Pending,
    limit: Duration,
    decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static,
    deliver: impl Fn(&mut Operation) -> Delivery + Send + Sync + 'static,
) -> Proxy {
    let pool = Pool::new(NonZeroUsize::new(8).unwrap());
    net::spawn_workers(&pool, NonZeroUsize::new(2).unwrap()).unwrap();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Decider(Box::new(decide), Box::new(deliver)))];
    let deferral = Some(Deferral { pool, limit });
    Setup { modules, pending, deferral, ..Setup::default() }.before(upstream)
}

fn deferring(gate: Gate) -> impl Fn(&mut Operation) -> Decision + Send + Sync {
    move |_| Decision::Defer(gate.work(|| Decision::Relay))
}

fn pass(_: &mut Operation) -> Delivery {
    Delivery::Pass
}

/// A client with a session.
fn connected(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    assert_eq!(client.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 16])).code().unwrap(), "0");
    client
}

/// A session whose Executes wait until the test says so, by the sender.
fn held() -> (Upstream, Sender<()>, Proxy, Client) {
    let upstream = server();
    let (gate, open) = Gate::new();
    let proxy = proxy(&upstream, SOON, PATIENCE, deferring(gate), pass);
    let client = connected(&proxy);
    upstream.next();
    (upstream, open, proxy, client)
}

fn execute(cookies: &str) -> Vec<u8> {
    mapi("alice", "emsmdb", "Execute", cookies, b"a request that nobody can read")
}

fn set_cookie(answer: &Answer) -> &str {
    answer.header("set-cookie").unwrap_or_default()
}

/// The payload of an answer whose body is as it should be.
fn said(answer: &Answer) -> (String, Option<u32>) {
    let (body, payload) = ResponseBody::split(&answer.body).unwrap();
    (String::from_utf8(payload.to_vec()).unwrap(), body.response_code().map(|code| code.0))
}

const HAD: &str = "sid=one; sequence=s0";

#[test]
fn the_client_is_told_that_we_are_at_work_and_its_next_request_has_its_turn() {
    let (upstream, open, _proxy, mut client) = held();
    for turn in 1..4 {
        client.send(execute(HAD));
        let head = client.until("\r\n\r\n");
        for line in [
            "HTTP/1.1 200 OK\r\n",
            "Content-Type: application/mapi-http\r\n",
            "X-RequestType: Execute\r\n",
            "X-RequestId: {1}:1\r\n",
            "X-ClientInfo: {2}:2\r\n",
            "X-ResponseCode: 0\r\n",
            "X-PendingPeriod: 30\r\n",
            "Transfer-Encoding: chunked\r\n",
        ] {
            assert!(head.contains(line), "{line} is missing in {head}");
        }
        assert!(!head.contains("Set-Cookie"));
        assert_eq!(client.until("PROCESSING\r\n\r\n"), "c\r\nPROCESSING\r\n\r\n");
        for _ in 0..2 {
            assert_eq!(client.until("PENDING\r\n\r\n"), "9\r\nPENDING\r\n\r\n");
        }
        assert!(upstream.others().is_empty(), "the server is asked before it is decided");
        open.send(()).unwrap();
        let rest = client.until("0\r\n\r\n");
        let last = format!("DONE\r\nX-ElapsedTime: 7\r\n\r\n{}", payload(turn));
        let rest = rest.replace("9\r\nPENDING\r\n\r\n", "");
        assert_eq!(rest, format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len()));
        // The client could not be told of its new cookie.
        assert_eq!(cookie(&upstream.next()), format!("sid=one; sequence=s{}", turn - 1));
    }
}

#[test]
fn a_sequence_is_caught_up_with_once_and_never_for_another() {
    let upstream = server();
    let (gate, open) = Gate::new();
    let slow = Mutex::new(true);
    let decide = move |_: &mut Operation| {
        let slow = std::mem::replace(&mut *slow.lock().unwrap(), false);
        if slow { Decision::Defer(gate.work(|| Decision::Relay)) } else { Decision::Relay }
    };
    let proxy = proxy(&upstream, SOON, PATIENCE, decide, pass);
    let mut client = connected(&proxy);
    client.send(execute(HAD));
    let mut before = client.until("PROCESSING\r\n\r\n");
    open.send(()).unwrap();
    before.push_str(&client.until("0\r\n\r\n"));
    assert!(before.contains("answer 1"), "{before}");
    // Somebody else does not get in by the client's cookies.
    let theirs = mapi("bob", "emsmdb", "Execute", HAD, b"a request");
    assert_eq!(Client::new(&proxy).ask(theirs).code().unwrap(), "11");
    // Done at once: the head of the answer says what comes next.
    let answer = client.ask(execute(HAD));
    assert_eq!((said(&answer), set_cookie(&answer)), ((payload(2), None), "sequence=s2; secure"));
    // Who comes with the old cookie once more comes too late, as without us.
    assert_eq!(client.ask(execute(HAD)).code().unwrap(), "15");
    assert_eq!(said(&client.ask(execute("sid=one; sequence=s2"))).0, payload(3));
}

#[test]
fn what_is_decided_at_once_is_answered_as_if_nothing_had_been() {
    let answer = |decide: fn(&mut Operation) -> Decision| {
        let upstream = server();
        let proxy = proxy(&upstream, Pending::default(), PATIENCE, decide, pass);
        let mut client = connected(&proxy);
        client.send(execute(HAD));
        let (answer, asked) = (client.until("0\r\n\r\n"), upstream.next());
        // Each proxy has another name in Via, which stands last.
        let text = upstream.next().text().replace(&upstream.address.to_string(), "server");
        (answer, asked.text(), text.split("Via: ").next().unwrap().to_owned())
    };
    let plain = answer(|_| Decision::Relay);
    let deferred = answer(|_| Decision::Defer(Work::new(|_| (), |(), _, _| Decision::Relay)));
    assert!(plain.0.contains("Set-Cookie: sequence=s1"));
    assert_eq!((plain.0, plain.2), (deferred.0, deferred.2));
}

#[test]
fn another_request_of_the_session_is_refused_meanwhile_and_those_of_others_are_not() {
    let (_upstream, open, proxy, mut client) = held();
    client.send(execute(HAD));
    client.until("PROCESSING\r\n\r\n");
    let mut second = Client::new(&proxy);
    assert_eq!(second.ask(execute(HAD)).code().unwrap(), "15");
    let wait = mapi("alice", "emsmdb", "NotificationWait", HAD, &[0; 8]);
    assert_eq!(second.ask(wait).code().unwrap(), "0");
    assert_eq!(second.ask(mapi("bob", "emsmdb", "PING", "", b"")).code().unwrap(), "0");
    open.send(()).unwrap();
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
}

#[test]
fn a_client_that_goes_away_meanwhile_leaves_its_session_as_it_was() {
    let (upstream, open, proxy, mut client) = held();
    client.send(execute(HAD));
    client.until("PROCESSING\r\n\r\n");
    drop(client);
    // Its place in the session is free once that was noticed.
    let mut client = Client::new(&proxy);
    let begun = std::time::Instant::now();
    loop {
        client.send(execute(HAD));
        if client.until("\r\n\r\n").contains("X-ResponseCode: 0") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the session is never free");
        client = Client::new(&proxy);
    }
    // The first job is still at its gate; what comes of it nobody hears.
    open.send(()).unwrap();
    open.send(()).unwrap();
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
    assert_eq!(cookie(&upstream.next()), HAD);
    assert!(upstream.others().is_empty());
}

#[test]
fn refusals_and_work_that_takes_too_long_come_behind_what_was_told() {
    let late = |limit: Duration, opens: bool| {
        let upstream = server();
        let (gate, open) = Gate::new();
        let refuses = move |_: &mut Operation| {
            let refusal = || Refusal::new(FaultStatus::ACCESS_DENIED, "a virus");
            Decision::Defer(gate.work(move || Decision::Refuse(refusal())))
        };
        let proxy = proxy(&upstream, SOON, limit, refuses, pass);
        let mut client = connected(&proxy);
        client.send(execute(HAD));
        let head = client.until("PROCESSING\r\n\r\n");
        if opens {
            open.send(()).unwrap();
        }
        let end = client.until("0\r\n\r\n").replace("9\r\nPENDING\r\n\r\n", "");
        // The connection goes on, and so does the session.
        assert_eq!(client.ask(mapi("alice", "emsmdb", "PING", "", b"")).status(), 200);
        assert!(head.contains("X-ResponseCode: 0\r\n"));
        end
    };
    let refused = |code: u32| {
        let last = format!("DONE\r\nX-ResponseCode: {code}\r\nContent-Type: text/html\r\n\r\n");
        format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len())
    };
    assert_eq!(late(PATIENCE, true), refused(11));
    assert_eq!(late(Duration::from_millis(200), false), refused(1));
}

#[test]
fn an_answer_waits_for_work_and_the_client_is_told_behind_the_servers_own_head() {
    for refuses in [false, true] {
        let upstream = server();
        let (gate, open) = Gate::new();
        let deliver = move |_: &mut Operation| {
            Delivery::Defer(gate.work(move || {
                let refusal = Refusal::new(FaultStatus::ACCESS_DENIED, "a virus");
                if refuses { Delivery::Refuse(refusal) } else { Delivery::Pass }
            }))
        };
        let proxy = proxy(&upstream, SOON, PATIENCE, |_| Decision::Relay, deliver);
        let mut client = connected(&proxy);
        client.send(execute(HAD));
        let head = client.until("\r\n\r\n");
        assert!(head.contains("Set-Cookie: sequence=s1; secure\r\n"), "{head}");
        assert_eq!(client.until("PROCESSING\r\n\r\n"), "c\r\nPROCESSING\r\n\r\n");
        assert_eq!(client.until("PENDING\r\n\r\n"), "9\r\nPENDING\r\n\r\n");
        open.send(()).unwrap();
        let rest = client.until("0\r\n\r\n").replace("9\r\nPENDING\r\n\r\n", "");
        let last = if refuses {
            "DONE\r\nX-ResponseCode: 11\r\nContent-Type: text/html\r\n\r\n".to_owned()
        } else {
            format!("DONE\r\nX-ElapsedTime: 7\r\n\r\n{}", payload(1))
        };
        assert_eq!(rest, format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len()));
        // Its head has told the client what comes next.
        open.send(()).unwrap();
        client.send(execute("sid=one; sequence=s1"));
        assert!(client.until("0\r\n\r\n").contains(if refuses { "X-ResponseCode: 11" } else { "answer 2" }));
    }
}

#[test]
fn a_stop_lets_work_under_way_finish() {
    let (_upstream, open, proxy, mut client) = held();
    client.send(execute(HAD));
    client.until("PROCESSING\r\n\r\n");
    proxy.stop.send(true).unwrap();
    client.until("PENDING\r\n\r\n");
    open.send(()).unwrap();
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
    assert_eq!(client.rest(), b"");
}

/// Asks ahead once, with the same request, and relays the client's own then.
fn asking(operation: &mut Operation) -> Decision {
    let Some(answer) = operation.ahead.last_mut() else {
        let (request, _) = Request::decode(EXECUTE, &[0; 16], wire::Endian::Little).unwrap();
        return Decision::Ahead(Box::new(request));
    };
    let AheadAnswer::Response(answer) = answer else { panic!("the server refused it") };
    assert_eq!(answer.original(), payload(1).as_bytes());
    Decision::Relay
}

#[test]
fn what_a_module_asks_ahead_has_its_turn_and_the_clients_own_request_the_next() {
    let upstream = server();
    let proxy = proxy(&upstream, Pending::default(), PATIENCE, asking, pass);
    let mut client = connected(&proxy);
    upstream.next();
    let answer = client.ask(execute(HAD));
    assert_eq!((said(&answer), set_cookie(&answer)), ((payload(2), None), "sequence=s2; secure"));
    let (ahead, own) = (upstream.next(), upstream.next());
    assert_eq!((cookie(&ahead), ahead.body.len()), (HAD.to_owned(), 16));
    assert_eq!(cookie(&own), "sid=one; sequence=s1");
    assert_eq!((&own.body[..], own.connection), (&b"a request that nobody can read"[..], ahead.connection));
    let ids = [&ahead, &own].map(|got| got.head.fields.text("x-requestid").unwrap().to_owned());
    assert!(ids[0].ends_with(":1") && ids[0].len() > 30 && ids[1] == "{1}:1", "{ids:?}");
}

#[test]
fn a_client_whose_request_is_refused_after_one_ahead_still_has_its_turn() {
    let upstream = server();
    let decide = |operation: &mut Operation| {
        if operation.ahead.is_empty() {
            return asking(operation);
        }
        Decision::Refuse(Refusal::new(FaultStatus::ACCESS_DENIED, "the server says so"))
    };
    let proxy = proxy(&upstream, Pending::default(), PATIENCE, decide, pass);
    let mut client = connected(&proxy);
    upstream.next();
    for turn in 0..3 {
        assert_eq!(client.ask(execute(HAD)).code().unwrap(), "11");
        assert_eq!(cookie(&upstream.next()), format!("sid=one; sequence=s{turn}"));
    }
}
