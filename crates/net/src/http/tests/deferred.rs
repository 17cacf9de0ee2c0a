//! Deferred operations and requests that modules send ahead, with a server that requires the requests of a session to
//! be in sequence.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use engine::{
    AheadRequest, AheadResponse, Decision, Delivery, Module, Operation, Refusal, RefusalKind, Work,
};
use http1::Head as _;
use mapi::emsmdb::RpcFlags;
use mapi::mapihttp::ResponseBody;

use testkit::deferred::{Decider, HeldWork, SequenceServer};

use crate::event_log::tests::logged;
use crate::http::operation::pending::Pending;
use crate::http::tests::playbook::Happens::{AccountRevoked, TimePasses, WorkDone};
use crate::http::tests::playbook::State::{KeptAlive, WaitsForWork};
use crate::http::tests::playbook::{Client, ClientResponse, Happens, Proxy, mapi, request};
use crate::http::tests::setup::{CALL_LIMIT, Setup};
use crate::http::tests::upstream::{ReceivedRequest, Upstream};
use crate::tcp::accept::CHECK_INTERVAL;

const PERIOD: Duration = Duration::from_secs(4);
const SOON: Pending = Pending { first: PERIOD, period: PERIOD };

/// A server with one session, whose sequence rises with each Execute.
fn server() -> Rc<Upstream> {
    let server = RefCell::new(SequenceServer::default());
    Upstream::new(move |got, answer| {
        answer.extend_from_slice(server.borrow_mut().response(&got.head).as_bytes());
        true
    })
}

fn cookie(got: &ReceivedRequest) -> String {
    got.head.fields.text("cookie").unwrap_or_default().to_owned()
}

/// A proxy whose modules may defer work for `limit`.
fn proxy(
    upstream: &Rc<Upstream>,
    pending: Pending,
    limit: Duration,
    decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static,
    deliver: impl Fn(&mut Operation) -> Delivery + Send + Sync + 'static,
) -> Proxy {
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Decider::new(decide, deliver))];
    Setup { modules, pending, deferral: Some(limit), ..Setup::default() }.before(upstream)
}

/// Defers the request for work that is done at once.
fn defer() -> Decision {
    Decision::Defer(Work::new(|_| (), |(), _, _| Decision::Forward))
}

fn pass(_: &mut Operation) -> Delivery {
    Delivery::Pass
}

/// A client with a session.
fn connected(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    assert_eq!(client.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 16])).code().unwrap(), "0");
    client
}

/// A session whose Executes are deferred.
fn held() -> (Rc<Upstream>, Proxy, Client) {
    let upstream = server();
    let proxy = proxy(&upstream, SOON, CALL_LIMIT, |_| defer(), pass);
    let client = connected(&proxy);
    upstream.next();
    (upstream, proxy, client)
}

fn execute(cookies: &str) -> Happens {
    request("alice", "Execute", cookies, BODY)
}

fn execute_bytes(cookies: &str) -> Vec<u8> {
    mapi("alice", "emsmdb", "Execute", cookies, BODY)
}

const BODY: &[u8] = b"a request that no decoder can read";

/// A chunk, as the last one of a response.
fn last(content: &str) -> String {
    format!("{:x}\r\n{content}\r\n0\r\n\r\n", content.len())
}

const PROCESSING: &str = "c\r\nPROCESSING\r\n\r\n";
const PENDING: &str = "9\r\nPENDING\r\n\r\n";

fn set_cookie(answer: &ClientResponse) -> &str {
    answer.header("set-cookie").unwrap_or_default()
}

/// The payload of a response, and the code in its trailing headers.
fn payload_and_code(answer: &ClientResponse) -> (String, Option<u32>) {
    let (body, payload) = ResponseBody::split(&answer.body).unwrap();
    (String::from_utf8(payload.to_vec()).unwrap(), body.response_code().map(|code| code.0))
}

/// The cookies that the client has after its Connect.
const FIRST_COOKIES: &str = "sid=one; sequence=s0";

#[test]
fn a_deferred_operation_sends_keep_alive_and_its_client_may_use_the_old_cookie_next() {
    let (upstream, _proxy, mut client) = held();
    for turn in 1..4 {
        client = client >> execute(FIRST_COOKIES) << WaitsForWork << "" >> TimePasses(PERIOD);
        let head = client.until("\r\n\r\n");
        for line in [
            "HTTP/1.1 200 OK\r\n",
            "Content-Type: application/mapi-http\r\n",
            "X-RequestType: Execute\r\n",
            "X-RequestId: {1}:1\r\n",
            "X-ClientInfo: {2}:2\r\n",
            "X-ResponseCode: 0\r\n",
            "X-PendingPeriod: 4000\r\n",
            "Transfer-Encoding: chunked\r\n",
        ] {
            assert!(head.contains(line), "{line} is missing in {head}");
        }
        assert!(!head.contains("Set-Cookie"));
        client = client << PROCESSING >> TimePasses(PERIOD) << PENDING >> TimePasses(PERIOD) << PENDING;
        assert!(upstream.others().is_empty(), "the request is sent before the module decides");
        let end = last(&format!("DONE\r\nX-ElapsedTime: 7\r\n\r\n{}", SequenceServer::payload(turn)));
        client = client >> WorkDone << KeptAlive << &*end;
        // The client could not get its new cookie.
        assert_eq!(cookie(&upstream.next()), format!("sid=one; sequence=s{}", turn - 1));
    }
}

#[test]
fn a_stale_cookie_is_accepted_once_and_never_from_another_identity() {
    let upstream = server();
    let slow = Mutex::new(true);
    let decide = move |_: &mut Operation| {
        let slow = std::mem::replace(&mut *slow.lock().unwrap(), false);
        if slow { defer() } else { Decision::Forward }
    };
    let proxy = proxy(&upstream, SOON, CALL_LIMIT, decide, pass);
    let mut client =
        connected(&proxy) >> execute(FIRST_COOKIES) >> TimePasses(PERIOD) >> WorkDone << KeptAlive;
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
    // Another identity cannot use the client's cookies.
    let theirs = mapi("bob", "emsmdb", "Execute", FIRST_COOKIES, b"a request");
    assert_eq!(Client::new(&proxy).exchange(theirs).code().unwrap(), "11");
    // Work that is done at once: the head of the response has the next cookie.
    let answer = client.exchange(execute_bytes(FIRST_COOKIES));
    assert_eq!(
        (payload_and_code(&answer), set_cookie(&answer)),
        ((SequenceServer::payload(2), None), "sequence=s2; secure")
    );
    // Another use of the old cookie is refused, as without the proxy.
    assert_eq!(client.exchange(execute_bytes(FIRST_COOKIES)).code().unwrap(), "15");
    assert_eq!(
        payload_and_code(&client.exchange(execute_bytes("sid=one; sequence=s2"))).0,
        SequenceServer::payload(3)
    );
}

#[test]
fn deferred_work_that_is_done_at_once_leaves_request_and_response_unchanged() {
    let answer = |defers: bool| {
        let upstream = server();
        let decide = move |_: &mut Operation| if defers { defer() } else { Decision::Forward };
        let proxy = proxy(&upstream, Pending::default(), CALL_LIMIT, decide, pass);
        let mut client = connected(&proxy) >> execute(FIRST_COOKIES);
        if defers {
            client = client << WaitsForWork << "" >> WorkDone;
        }
        let (answer, _connect, asked) = (client.until("0\r\n\r\n"), upstream.next(), upstream.next());
        let mut head = Vec::new();
        asked.head.write(&mut head);
        (answer, String::from_utf8(head).unwrap(), asked.body)
    };
    let plain = answer(false);
    assert!(plain.0.contains("Set-Cookie: sequence=s1"));
    assert_eq!(plain, answer(true));
}

#[test]
fn another_request_of_a_deferred_session_is_refused_and_those_of_others_are_not() {
    let (_upstream, proxy, client) = held();
    let client = client >> execute(FIRST_COOKIES) >> TimePasses(PERIOD) << WaitsForWork;
    let mut second = Client::new(&proxy);
    let lines = logged(|| {
        assert_eq!(second.exchange(execute_bytes(FIRST_COOKIES)).code().unwrap(), "15");
    });
    let why = "operation refused: an earlier request of the session was delayed and is still in progress ";
    assert!(lines.iter().any(|line| line.contains(why)), "{lines:?}");
    let wait = mapi("alice", "emsmdb", "NotificationWait", FIRST_COOKIES, &[0; 8]);
    assert_eq!(second.exchange(wait).code().unwrap(), "0");
    assert_eq!(second.exchange(mapi("bob", "emsmdb", "PING", "", b"")).code().unwrap(), "0");
    let mut client = client >> WorkDone;
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
}

#[test]
fn a_client_that_disconnects_during_deferred_work_leaves_its_session_unchanged() {
    let (upstream, proxy, client) = held();
    let client = client >> execute(FIRST_COOKIES) >> TimePasses(PERIOD) << WaitsForWork;
    drop(client);
    let mut client = Client::new(&proxy) >> execute(FIRST_COOKIES) << WaitsForWork >> WorkDone << KeptAlive;
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
    assert_eq!(cookie(&upstream.next()), FIRST_COOKIES);
    assert!(upstream.others().is_empty());
}

#[test]
fn refusals_and_timeouts_of_deferred_work_follow_the_keep_alive_that_was_sent() {
    let late = |limit: Duration, done: bool| {
        let upstream = server();
        let (work, permit) = HeldWork::new();
        let refuses = move |_: &mut Operation| {
            let refusal = || Refusal::new(RefusalKind::AccessDenied, "a virus");
            Decision::Defer(work.then(move || Decision::Refuse(refusal())))
        };
        let proxy = proxy(&upstream, SOON, limit, refuses, pass);
        let mut client = connected(&proxy) >> execute(FIRST_COOKIES) >> TimePasses(PERIOD);
        let head = client.until(PROCESSING);
        assert!(head.contains("X-ResponseCode: 0\r\n"));
        client = if done {
            permit.send(()).unwrap();
            client >> WorkDone
        } else {
            client >> TimePasses(PERIOD)
        };
        let end = client.until("0\r\n\r\n");
        // The connection and the session continue.
        client = client << KeptAlive;
        assert_eq!(client.exchange(mapi("alice", "emsmdb", "PING", "", b"")).status(), 200);
        drop(permit);
        end
    };
    let refused =
        |code: u32| last(&format!("DONE\r\nX-ResponseCode: {code}\r\nContent-Type: text/html\r\n\r\n"));
    assert_eq!(late(CALL_LIMIT, true), refused(11));
    assert_eq!(late(PERIOD + PERIOD / 2, false), refused(1));
}

#[test]
fn a_response_that_is_deferred_sends_keep_alive_behind_the_head_of_the_server() {
    for refuses in [false, true] {
        let upstream = server();
        let deliver = move |_: &mut Operation| {
            Delivery::Defer(Work::new(
                |_| (),
                move |(), _, _| {
                    let refusal = Refusal::new(RefusalKind::AccessDenied, "a virus");
                    if refuses { Delivery::Refuse(refusal) } else { Delivery::Pass }
                },
            ))
        };
        let proxy = proxy(&upstream, SOON, CALL_LIMIT, |_| Decision::Forward, deliver);
        let mut client =
            connected(&proxy) >> execute(FIRST_COOKIES) << WaitsForWork << "" >> TimePasses(PERIOD);
        let head = client.until("\r\n\r\n");
        assert!(head.contains("Set-Cookie: sequence=s1; secure\r\n"), "{head}");
        let end = last(&if refuses {
            "DONE\r\nX-ResponseCode: 11\r\nContent-Type: text/html\r\n\r\n".to_owned()
        } else {
            format!("DONE\r\nX-ElapsedTime: 7\r\n\r\n{}", SequenceServer::payload(1))
        });
        client = client << PROCESSING >> TimePasses(PERIOD) << PENDING >> WorkDone << KeptAlive << &*end;
        // Its head had the client's next cookie.
        client = client >> execute("sid=one; sequence=s1") << WaitsForWork >> WorkDone;
        let (end, content) =
            if refuses { ("</html>\r\n", "X-ResponseCode: 11") } else { ("0\r\n\r\n", "answer 2") };
        let answer = client.until(end);
        assert!(answer.contains(content) && answer.contains("Set-Cookie: sequence=s2"), "{answer}");
    }
}

#[test]
fn a_deferred_response_whose_account_is_revoked_ends_with_a_refusal_after_the_keep_alive() {
    let upstream = server();
    let deliver = |_: &mut Operation| Delivery::Defer(Work::new(|_| (), |(), _, _| Delivery::Pass));
    let proxy = proxy(&upstream, SOON, CALL_LIMIT, |_| Decision::Forward, deliver);
    let mut client = connected(&proxy) >> execute(FIRST_COOKIES) << WaitsForWork >> TimePasses(PERIOD);
    client.until(PROCESSING);
    let end = last("DONE\r\nX-ResponseCode: 1\r\nContent-Type: text/html\r\n\r\n");
    let _ = client >> AccountRevoked >> TimePasses(CHECK_INTERVAL) << KeptAlive << &*end;
}

/// Sends one request ahead, an Execute, and then forwards the client's own.
fn asking(operation: &mut Operation) -> Decision {
    let Some(answer) = operation.ahead.last_mut() else {
        let request = AheadRequest::Execute { flags: RpcFlags::NONE, buffers: Vec::new(), room: 0 };
        return Decision::Ahead(Box::new(request));
    };
    let AheadResponse::Response(answer) = answer else { panic!("the server refused it") };
    assert_eq!(answer.original(), SequenceServer::payload(1).as_bytes());
    Decision::Forward
}

#[test]
fn a_request_ahead_uses_the_current_cookie_and_the_clients_own_request_the_next() {
    let upstream = server();
    let proxy = proxy(&upstream, Pending::default(), CALL_LIMIT, asking, pass);
    let mut client = connected(&proxy);
    upstream.next();
    let answer = client.exchange(execute_bytes(FIRST_COOKIES));
    assert_eq!(
        (payload_and_code(&answer), set_cookie(&answer)),
        ((SequenceServer::payload(2), None), "sequence=s2; secure")
    );
    let (ahead, own) = (upstream.next(), upstream.next());
    assert_eq!((cookie(&ahead), ahead.body.len()), (FIRST_COOKIES.to_owned(), 16));
    assert_eq!(own.connection, ahead.connection);
    assert_eq!(cookie(&own), "sid=one; sequence=s1");
    assert_eq!(own.body, BODY);
    let ids = [&ahead, &own].map(|got| got.head.fields.text("x-requestid").unwrap().to_owned());
    assert!(ids[0].ends_with(":1") && ids[0].len() > 30 && ids[1] == "{1}:1", "{ids:?}");
}

#[test]
fn a_client_whose_request_is_refused_after_one_ahead_may_use_the_old_cookie() {
    let upstream = server();
    let decide = |operation: &mut Operation| {
        if operation.ahead.is_empty() {
            return asking(operation);
        }
        Decision::Refuse(Refusal::new(RefusalKind::AccessDenied, "the server refused it"))
    };
    let proxy = proxy(&upstream, Pending::default(), CALL_LIMIT, decide, pass);
    let mut client = connected(&proxy);
    upstream.next();
    for turn in 0..3 {
        assert_eq!(client.exchange(execute_bytes(FIRST_COOKIES)).code().unwrap(), "11");
        assert_eq!(cookie(&upstream.next()), format!("sid=one; sequence=s{turn}"));
    }
}
