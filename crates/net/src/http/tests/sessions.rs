//! Sessions and identities: cookies of another identity, unknown cookies, sessions that end.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use engine::{Module, Operation, Refusal, Session, SessionLimits};

use crate::http::tests::playbook::State::{KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, Proxy, mapi, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

/// `StatusCode` and `ErrorCode` zero, and as many zeros as any body here needs.
const GOOD: [u8; 40] = [0; 40];

/// A successful response that sets `cookies`.
pub(super) fn good(cookies: &[String]) -> Vec<u8> {
    let set =
        cookies.iter().fold(String::new(), |set, cookie| set + "Set-Cookie: " + cookie + "; path=/mapi\r\n");
    let body = [&b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n"[..], &GOOD].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
         {set}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// A server that opens a session named after how many it has opened, and changes its sequence with each
/// request.
fn server() -> Rc<Upstream> {
    let count = Mutex::new(0);
    Upstream::new(move |got: &ReceivedRequest, stream| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let opens = ["Connect", "Bind"].contains(&got.head.fields.text("x-requesttype").unwrap());
        let sequence = format!("sequence=q{count}");
        let cookies = if opens { vec![format!("sid=s{count}"), sequence] } else { vec![sequence] };
        stream.write_all(&good(&cookies)).is_ok()
    })
}

/// Opens a session as `user`, and returns its cookies.
fn open(proxy: &Proxy, user: &str) -> (Client, String, String) {
    let mut client = Client::new(proxy);
    let answer = client.exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
    let set: Vec<String> = answer
        .head
        .fields
        .all("set-cookie")
        .map(|value| String::from_utf8(value.to_vec()).unwrap().split(';').next().unwrap().to_owned())
        .collect();
    assert_eq!(answer.code().as_deref(), Some("0"));
    (client, set[0].clone(), set[1].clone())
}

#[test]
fn a_cookie_of_another_identity_is_refused_and_its_session_continues() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let (mut alice, sid, sequence) = open(&proxy, "alice");
    let (mut bob, bobs_sid, bobs_sequence) = open(&proxy, "bob");
    drop(upstream.others());
    let both = format!("{sid}; {sequence}");
    let cases = [
        (both.clone(), "11"),
        (sid.clone(), "11"),
        (format!("{sid}; {bobs_sequence}"), "6"),
        (format!("{bobs_sid}; {sequence}"), "6"),
        (format!("{bobs_sequence}; {bobs_sid}; {sid}"), "6"),
        (format!("{bobs_sid}; sequence=made-up"), "6"),
        // Some servers compare names without regard to case.
        (format!("{bobs_sid}; {bobs_sequence}; {}", sid.replace("sid", "SID")), "6"),
        (sid.replace("sid", "Sid"), "11"),
        ("sid=made-up".to_owned(), "10"),
    ];
    for (cookie, code) in cases {
        let answer = bob.exchange(mapi("bob", "emsmdb", "Execute", &cookie, &[0; 16]));
        assert_eq!((answer.status(), answer.code().as_deref()), (200, Some(code)), "{cookie}");
        assert_eq!(answer.header("x-requestid"), Some("{1}:1"));
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
    // The same on the connection of another client, and at the other endpoint.
    let answer = alice.exchange(mapi("bob", "emsmdb", "Execute", &both, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("11"));
    let answer = alice.exchange(mapi("alice", "nspi", "QueryRows", &both, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
    assert!(upstream.others().is_empty(), "none of this was sent to the server");
    // The identity of the session may use it, on any connection.
    for client in [&mut alice, &mut bob] {
        let answer = client.exchange(mapi("alice", "emsmdb", "Execute", &both, &[0; 16]));
        assert_eq!(answer.code().as_deref(), Some("0"));
    }
    assert_eq!(proxy.config.sessions.len(), 2);
}

#[test]
fn cookies_that_a_server_could_read_as_those_of_another_session_do_not_reach_it() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let (_alice, sid, sequence) = open(&proxy, "alice");
    let (mut bob, bobs_sid, bobs_sequence) = open(&proxy, "bob");
    drop(upstream.others());
    // A header that is not text, alone and beside a valid one.
    let own = format!("{bobs_sid}; {bobs_sequence}");
    for (first, second) in [(format!("{sid}; {sequence}; x=@"), None), ("x=@".to_owned(), Some(&own))] {
        let second = second.map(|own| format!("\r\nCookie: {own}")).unwrap_or_default();
        let mut request = mapi("bob", "emsmdb", "Execute", &format!("{first}{second}"), &[0; 16]);
        for byte in request.iter_mut().filter(|byte| **byte == b'@') {
            *byte = 0xFF;
        }
        assert_eq!(bob.exchange(request).code().as_deref(), Some("6"), "{first}");
    }
    assert!(upstream.others().is_empty());
    let strange = format!("{bobs_sid}; a=1,{sid}; {bobs_sequence}; b=\"2\"; d");
    assert_eq!(
        bob.exchange(mapi("bob", "emsmdb", "Execute", &strange, &[0; 16])).code().as_deref(),
        Some("0")
    );
    let got = upstream.others();
    assert_eq!(got[0].head.fields.text("cookie"), Some(own.as_str()), "only the cookies of the session");
}

#[test]
fn a_connect_sends_the_cookies_of_the_session_that_it_replaces_and_no_others() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let (mut alice, sid, sequence) = open(&proxy, "alice");
    let (mut bob, ..) = open(&proxy, "bob");
    drop(upstream.others());
    let both = format!("{sid}; {sequence}");
    let connect = |client: &mut Client, user: &str, cookies: &str| {
        assert_eq!(
            client.exchange(mapi(user, "emsmdb", "Connect", cookies, &[0; 20])).code().as_deref(),
            Some("0")
        );
        upstream.next().head.fields.text("cookie").map(str::to_owned)
    };
    // Neither those of another identity nor unknown ones.
    assert_eq!(connect(&mut bob, "bob", &both), None);
    assert_eq!(connect(&mut bob, "bob", "sid=made-up; sequence=q9"), None);
    assert_eq!(connect(&mut bob, "bob", "sid=s2; sequence=q2; SID=s1"), None);
    assert_eq!(connect(&mut alice, "alice", &format!("{both}; other=1")), Some(both.clone()));
    // The session that it replaced has ended.
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", &both, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
    assert_eq!(connect(&mut alice, "alice", &both), None);
}

#[test]
fn a_client_that_reconnects_repeatedly_has_one_session() {
    let ended = Arc::new(Mutex::new(0));
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Counting(Arc::clone(&ended)))];
    let upstream = server();
    let sessions = SessionLimits { per_user: 2, total: 100 };
    let proxy = Setup { modules, sessions, ..Setup::default() }.before(&upstream);
    let (_other, others_sid, others_sequence) = open(&proxy, "alice");
    let (mut alice, ..) = open(&proxy, "alice");
    for count in 2..20 {
        let cookies = format!("sid=s{count}; sequence=q{count}");
        let answer = alice.exchange(mapi("alice", "emsmdb", "Connect", &cookies, &[0; 20]));
        assert_eq!(answer.code().as_deref(), Some("0"), "{count}");
        assert_eq!((proxy.config.sessions.len(), *ended.lock().unwrap()), (2, count - 1));
    }
    // The other session, which was idle for longer, is still open.
    let others = format!("{others_sid}; {others_sequence}");
    assert_eq!(
        alice.exchange(mapi("alice", "emsmdb", "Execute", &others, &[0; 16])).code().as_deref(),
        Some("0")
    );
}

#[test]
fn a_session_continues_if_the_server_refused_to_replace_it() {
    let upstream = Upstream::new(|got: &ReceivedRequest, stream| {
        let opens = got.head.fields.text("x-requesttype") == Some("Connect");
        let again = got.head.fields.has("cookie");
        let answer = if opens && again { refusal(16) } else { good(&["sid=s".to_owned()]) };
        stream.write_all(&answer).is_ok()
    });
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    let answer = alice.exchange(mapi("alice", "emsmdb", "Connect", "sid=s", &[0; 20]));
    assert_eq!(answer.code().as_deref(), Some("16"));
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "sid=s", &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("0"));
}

#[test]
fn a_session_that_is_replaced_with_the_same_cookies_is_one_session() {
    // A server that keeps its cookies when a client connects again.
    let upstream = Upstream::new(|_, stream| stream.write_all(&good(&["sid=same".to_owned()])).is_ok());
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    for cookies in ["", "sid=same", "sid=same"] {
        let answer = alice.exchange(mapi("alice", "emsmdb", "Connect", cookies, &[0; 20]));
        assert_eq!((answer.code().as_deref(), proxy.config.sessions.len()), (Some("0"), 1));
        let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "sid=same", &[0; 16]));
        assert_eq!(answer.code().as_deref(), Some("0"));
    }
}

#[test]
fn the_session_that_was_idle_for_longest_is_evicted_at_the_limit() {
    let upstream = server();
    let sessions = SessionLimits { per_user: 3, total: 4 };
    let proxy = Setup { sessions, ..Setup::default() }.before(&upstream);
    let mut alices: Vec<_> = (0..3).map(|_| open(&proxy, "alice")).collect();
    let execute = |(client, sid, _): &mut (Client, String, String)| {
        client.exchange(mapi("alice", "emsmdb", "Execute", sid, &[0; 16])).code().unwrap()
    };
    assert_eq!(execute(&mut alices[0]), "0");
    alices.push(open(&proxy, "alice"));
    let codes: Vec<String> = alices.iter_mut().map(execute).collect();
    assert_eq!(codes, ["0", "10", "0", "0"]);
    // The limit for all leaves room for one session of another identity.
    let (mut bob, bobs, _) = open(&proxy, "bob");
    let mut carol = Client::new(&proxy);
    let answer = carol.exchange(mapi("carol", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!(answer.code().as_deref(), Some("1"));
    open(&proxy, "bob");
    assert_eq!(bob.exchange(mapi("bob", "emsmdb", "Execute", &bobs, &[0; 16])).code().as_deref(), Some("10"));
    assert_eq!((execute(&mut alices[3]).as_str(), proxy.config.sessions.len()), ("0", 4));
}

/// The server of [`server`] behind a load balancer that sets a cookie with one value for all.
fn balanced() -> Rc<Upstream> {
    let count = Mutex::new(0);
    Upstream::new(move |got: &ReceivedRequest, stream| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let opens = got.head.fields.text("x-requesttype") == Some("Connect");
        let mut cookies = vec!["SERVERID=node1".to_owned()];
        if opens {
            cookies.push(format!("sid=s{count}"));
        }
        stream.write_all(&good(&cookies)).is_ok()
    })
}

#[test]
fn a_cookie_with_one_value_for_all_identifies_no_session_and_is_accepted_from_all() {
    let upstream = balanced();
    let proxy = Setup::default().before(&upstream);
    let users = ["alice", "bob", "bob", "carol"];
    for user in users {
        let mut client = Client::new(&proxy);
        let answer = client.exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
        assert_eq!((answer.status(), answer.code().as_deref()), (200, Some("0")), "{user}");
    }
    drop(upstream.others());
    let mut client = Client::new(&proxy);
    let mut execute = |user: &str, cookies: &str| {
        client.exchange(mapi(user, "emsmdb", "Execute", cookies, &[0; 16])).code().unwrap()
    };
    for (place, user) in users.into_iter().enumerate() {
        let own = format!("SERVERID=node1; sid=s{}", place + 1);
        assert_eq!(execute(user, &own), "0");
        assert_eq!(upstream.next().head.fields.text("cookie"), Some(own.as_str()));
        // It identifies no session by itself, nor with a lost session's cookie.
        assert_eq!(execute(user, "SERVERID=node1"), "10");
        assert_eq!(execute(user, "SERVERID=node1; sid=lost"), "10");
        // With it, a cookie of another session is still refused.
        let others = format!("SERVERID=node1; sid=s{}", (place + 3) % 4 + 1);
        // Bob's first session is one of Bob's too.
        assert_eq!(execute(user, &others), if place == 2 { "0" } else { "11" });
        assert_eq!(execute(user, &format!("{own}; SERVERID=node2")), "6");
        assert_eq!(upstream.others().len(), usize::from(place == 2), "nothing else was sent to the server");
    }
    // After the other sessions ended it does not identify the remaining one.
    for (user, number) in [("alice", 1), ("bob", 2), ("bob", 3)] {
        let own = format!("SERVERID=node1; sid=s{number}");
        client.exchange(mapi(user, "emsmdb", "Disconnect", &own, &[0; 4]));
    }
    let mut execute = |user: &str, cookies: &str| {
        client.exchange(mapi(user, "emsmdb", "Execute", cookies, &[0; 16])).code().unwrap()
    };
    assert_eq!(execute("alice", "SERVERID=node1; sid=s1"), "10");
    assert_eq!(execute("alice", "SERVERID=node1"), "10");
    assert_eq!(execute("carol", "SERVERID=node1; sid=s4"), "0");
}

#[test]
fn a_response_that_would_leave_a_session_without_its_own_cookie_is_refused() {
    // The same response to all requests, as from a cache in front of the server.
    let upstream = Upstream::new(|got: &ReceivedRequest, stream| {
        let cookies = match got.head.fields.text("x-requesttype") {
            Some("Connect") => vec!["sid=s1".to_owned(), "SERVERID=node1".to_owned()],
            _ => vec![],
        };
        stream.write_all(&good(&cookies)).is_ok()
    });
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    assert_eq!(alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20])).status(), 200);
    let mut bob = Client::new(&proxy);
    for _ in 0..2 {
        assert_eq!(bob.exchange(mapi("bob", "emsmdb", "Connect", "", &[0; 20])).status(), 502);
        assert_eq!(proxy.config.sessions.len(), 0);
    }
    // The server may have given alice's session to bob.
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "SERVERID=node1; sid=s1", &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
}

#[test]
fn a_session_ends_with_its_disconnect() {
    let ended = Arc::new(Mutex::new(0));
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Counting(Arc::clone(&ended)))];
    let upstream = server();
    let proxy = Setup { modules, ..Setup::default() }.before(&upstream);
    let (mut alice, sid, _) = open(&proxy, "alice");
    assert_eq!(*ended.lock().unwrap(), 0);
    let answer = alice.exchange(mapi("alice", "emsmdb", "Disconnect", &sid, &[0; 4]));
    assert_eq!(answer.code().as_deref(), Some("0"));
    assert_eq!(*ended.lock().unwrap(), 1);
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", &sid, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
    // Open sessions end when the proxy stops.
    let (_alice, ..) = open(&proxy, "alice");
    proxy.config.end();
    assert_eq!((*ended.lock().unwrap(), proxy.config.sessions.len()), (2, 0));
}

/// Counts sessions that ended, and refuses responses to `Execute` of more than 40 bytes.
pub(super) struct Counting(pub(super) Arc<Mutex<usize>>);

impl Module for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn description(&self) -> &'static str {
        "counts"
    }

    fn unbind(&self, _session: &mut Session) {
        *self.0.lock().unwrap() += 1;
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let length = operation.response.as_ref().map_or(0, |response| response.original().len());
        if length > GOOD.len() { Err(Refusal::new(engine::RefusalKind::Failed, "too much")) } else { Ok(()) }
    }
}

#[test]
fn a_cookie_of_one_session_never_becomes_that_of_another() {
    let upstream = Upstream::new(|_, stream| stream.write_all(&good(&["sid=same".to_owned()])).is_ok());
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    assert_eq!(alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20])).status(), 200);
    let mut bob = Client::new(&proxy);
    assert_eq!(bob.exchange(mapi("bob", "emsmdb", "Connect", "", &[0; 20])).status(), 502);
    // At the server it may be bob's now.
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "sid=same", &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
}

/// A response that refuses the request.
fn refusal(code: u32) -> Vec<u8> {
    let text = "<html>no</html>";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    format!("{head}X-ResponseCode: {code}\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

/// The state of a server's one session: how many sequences there were, and whether a request is in progress.
#[derive(Default)]
struct Sequence {
    count: u32,
    in_progress: bool,
}

impl Sequence {
    fn next(&mut self, opens: bool) -> Vec<u8> {
        self.count += 1;
        self.in_progress = false;
        let sid = if opens { "sid=s".to_owned() } else { "sid=s; x".to_owned() };
        good(&[sid, format!("sequence=q{}", self.count)])
    }
}

/// A server that accepts each sequence once, and no request of a session while another is in progress. It does not
/// respond to a request that begins with 7.
fn server_with_turns() -> (Rc<Upstream>, Rc<RefCell<Sequence>>) {
    let sequence = Rc::new(RefCell::new(Sequence::default()));
    let state = Rc::clone(&sequence);
    let upstream = Upstream::new(move |got: &ReceivedRequest, stream| {
        let mut state = state.borrow_mut();
        let opens = got.head.fields.text("x-requesttype") == Some("Connect");
        let cookie = got.head.fields.text("cookie").unwrap_or_default();
        let in_turn = !state.in_progress && cookie.contains(&format!("sequence=q{}", state.count));
        if in_turn && got.body.first() == Some(&7) {
            state.in_progress = true;
            return true;
        }
        let answer = if opens || in_turn { state.next(opens) } else { refusal(15) };
        stream.write_all(&answer).is_ok()
    });
    (upstream, sequence)
}

#[test]
fn replayed_and_concurrent_executes_are_refused_by_the_server() {
    let (upstream, state) = server_with_turns();
    let proxy = Setup::default().before(&upstream);
    let (mut alice, sid, first) = open(&proxy, "alice");
    let with = |sequence: &str| format!("{sid}; {sequence}");
    let execute = |sequence: &str, body: u8| mapi("alice", "emsmdb", "Execute", &with(sequence), &[body; 16]);
    assert_eq!(alice.exchange(execute(&first, 0)).code().as_deref(), Some("0"));
    assert_eq!(alice.exchange(execute(&first, 0)).code().as_deref(), Some("15"), "replayed");
    // One is slow; another is sent meanwhile on another connection.
    let mut other = Client::new(&proxy);
    alice = alice >> request("alice", "Execute", &with("sequence=q2"), &[7; 16]) << WaitsForServer;
    assert_eq!(other.exchange(execute("sequence=q2", 0)).code().as_deref(), Some("15"), "at once");
    let answer = state.borrow_mut().next(false);
    alice = alice >> response(answer) << KeptAlive;
    assert_eq!(alice.response().code().as_deref(), Some("0"));
    assert_eq!(other.exchange(execute("sequence=q3", 0)).code().as_deref(), Some("0"));
    // An old sequence is unknown.
    for number in 4..24 {
        assert_eq!(alice.exchange(execute(&format!("sequence=q{number}"), 0)).code().as_deref(), Some("0"));
    }
    drop(upstream.others());
    assert_eq!(alice.exchange(execute(&first, 0)).code().as_deref(), Some("6"));
    assert!(upstream.others().is_empty());
}

#[test]
fn a_session_that_the_server_lost_ends() {
    let lost = Mutex::new(false);
    let upstream = Upstream::new(move |_, stream| {
        let was = std::mem::replace(&mut *lost.lock().unwrap(), true);
        stream.write_all(&if was { refusal(10) } else { good(&["sid=s".to_owned()]) }).is_ok()
    });
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!(proxy.config.sessions.len(), 1);
    let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "sid=s", &[0; 16]));
    assert_eq!((answer.code().as_deref(), answer.body.as_slice()), (Some("10"), &b"<html>no</html>"[..]));
    assert_eq!(proxy.config.sessions.len(), 0);
}

#[test]
fn a_session_that_was_not_opened_is_not_kept() {
    let refused = refusal(13);
    let set = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=refused\r\n";
    let refused = [&set[..], refused.strip_prefix(b"HTTP/1.1 200 OK\r\n").unwrap()].concat();
    let cut = good(&["sid=cut".to_owned()]);
    let cut = cut.get(..cut.len() - 10).unwrap().to_vec();
    let turn = Mutex::new(0);
    let upstream = Upstream::new(move |_, stream| {
        let mut turn = turn.lock().unwrap();
        *turn += 1;
        if *turn == 1 {
            return stream.write_all(&refused).is_ok();
        }
        stream.write_all(&cut).unwrap();
        false
    });
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    let answer = alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!((answer.code().as_deref(), proxy.config.sessions.len()), (Some("13"), 0));
    let answer = alice.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!((answer.status(), proxy.config.sessions.len()), (502, 0));
}
