//! Whose a session is: cookies of another identity, cookies nobody knows, sessions that end.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use engine::{Module, Operation, Refusal, Session};

use crate::support::{Client, Got, Proxy, Setup, Upstream, mapi};

/// `StatusCode` and `ErrorCode` zero, and as many zeros as any body here needs.
const GOOD: [u8; 40] = [0; 40];

/// A good answer that sets `cookies`.
fn good(cookies: &[String]) -> Vec<u8> {
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
fn server() -> Upstream {
    let count = Mutex::new(0);
    Upstream::new(move |got: &Got, stream| {
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
    let answer = client.ask(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
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
fn a_cookie_of_another_identity_is_refused_and_its_owner_goes_on() {
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
        // Some servers look names up in whatever case.
        (format!("{bobs_sid}; {bobs_sequence}; {}", sid.replace("sid", "SID")), "6"),
        (sid.replace("sid", "Sid"), "11"),
        ("sid=made-up".to_owned(), "10"),
    ];
    for (cookie, code) in cases {
        let answer = bob.ask(mapi("bob", "emsmdb", "Execute", &cookie, &[0; 16]));
        assert_eq!((answer.status(), answer.code().as_deref()), (200, Some(code)), "{cookie}");
        assert_eq!(answer.header("x-requestid"), Some("{1}:1"));
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
    // The same on the connection of somebody else, and at the other endpoint.
    let answer = alice.ask(mapi("bob", "emsmdb", "Execute", &both, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("11"));
    let answer = alice.ask(mapi("alice", "nspi", "QueryRows", &both, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
    assert!(upstream.others().is_empty(), "nothing of this went to the server");
    // Whose it is may, on whatever connection.
    for client in [&mut alice, &mut bob] {
        let answer = client.ask(mapi("alice", "emsmdb", "Execute", &both, &[0; 16]));
        assert_eq!(answer.code().as_deref(), Some("0"));
    }
    assert_eq!(proxy.front.sessions.len(), 2);
}

#[test]
fn what_a_server_could_read_as_another_sessions_cookie_does_not_reach_it() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let (_alice, sid, sequence) = open(&proxy, "alice");
    let (mut bob, bobs_sid, bobs_sequence) = open(&proxy, "bob");
    drop(upstream.others());
    // A header that is no text, alone and beside a good one.
    let own = format!("{bobs_sid}; {bobs_sequence}");
    for (first, second) in [(format!("{sid}; {sequence}; x=@"), None), ("x=@".to_owned(), Some(&own))] {
        let second = second.map(|own| format!("\r\nCookie: {own}")).unwrap_or_default();
        let mut request = mapi("bob", "emsmdb", "Execute", &format!("{first}{second}"), &[0; 16]);
        for byte in request.iter_mut().filter(|byte| **byte == b'@') {
            *byte = 0xFF;
        }
        assert_eq!(bob.ask(request).code().as_deref(), Some("6"), "{first}");
    }
    assert!(upstream.others().is_empty());
    let strange = format!("{bobs_sid}; a=1,{sid}; {bobs_sequence}; b=\"2\"; d");
    assert_eq!(bob.ask(mapi("bob", "emsmdb", "Execute", &strange, &[0; 16])).code().as_deref(), Some("0"));
    let got = upstream.others();
    assert_eq!(got[0].head.fields.text("cookie"), Some(own.as_str()), "only what the session was given");
}

#[test]
fn what_is_opened_takes_no_session_along() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let (mut alice, sid, _) = open(&proxy, "alice");
    drop(upstream.others());
    alice.ask(mapi("alice", "emsmdb", "Connect", &sid, &[0; 20]));
    assert!(!upstream.next().head.fields.has("cookie"));
}

#[test]
fn a_session_that_was_disconnected_is_over() {
    let ended = Arc::new(Mutex::new(0));
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Counting(Arc::clone(&ended)))];
    let upstream = server();
    let proxy = Setup { modules, ..Setup::default() }.before(&upstream);
    let (mut alice, sid, _) = open(&proxy, "alice");
    assert_eq!(*ended.lock().unwrap(), 0);
    let answer = alice.ask(mapi("alice", "emsmdb", "Disconnect", &sid, &[0; 4]));
    assert_eq!(answer.code().as_deref(), Some("0"));
    assert_eq!(*ended.lock().unwrap(), 1);
    let answer = alice.ask(mapi("alice", "emsmdb", "Execute", &sid, &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("10"));
    // And what is open when the proxy stops ends with it.
    let (_alice, ..) = open(&proxy, "alice");
    proxy.front.end();
    assert_eq!((*ended.lock().unwrap(), proxy.front.sessions.len()), (2, 0));
}

/// Counts sessions that ended; refuses to let answers to `Execute` of more than 40 bytes pass.
struct Counting(Arc<Mutex<usize>>);

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
        if length > GOOD.len() { Err(Refusal::new(engine::CALL_FAILED, "too much")) } else { Ok(()) }
    }
}

#[test]
fn a_cookie_that_is_already_anothers_never_changes_hands() {
    let upstream = Upstream::new(|_, stream| stream.write_all(&good(&["sid=same".to_owned()])).is_ok());
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    assert_eq!(alice.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 20])).status(), 200);
    let mut bob = Client::new(&proxy);
    assert_eq!(bob.ask(mapi("bob", "emsmdb", "Connect", "", &[0; 20])).status(), 502);
    let answer = alice.ask(mapi("alice", "emsmdb", "Execute", "sid=same", &[0; 16]));
    assert_eq!(answer.code().as_deref(), Some("0"));
}

#[test]
fn each_identity_has_a_connection_to_the_server_of_its_own() {
    let upstream = server();
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let mut connections = Vec::new();
    for user in ["alice", "alice", "bob", "alice"] {
        client.ask(mapi(user, "nspi", "PING", "", b""));
        connections.push(upstream.next().connection);
    }
    assert_eq!(connections[0], connections[1]);
    assert_ne!(connections[1], connections[2]);
    assert!(
        !connections[..3].contains(&connections[3]),
        "a connection is not taken up again: {connections:?}"
    );
}

/// An answer that the request was refused.
fn refusal(code: u32) -> Vec<u8> {
    let text = "<html>no</html>";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    format!("{head}X-ResponseCode: {code}\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

/// A server that lets each sequence be used once, and lets no request of a session in while another is under
/// way.
fn server_with_turns() -> Upstream {
    let state = Mutex::new((0_u32, String::new(), false));
    Upstream::new(move |got: &Got, stream| {
        let (opens, cookie) = (
            got.head.fields.text("x-requesttype") == Some("Connect"),
            got.head.fields.text("cookie").unwrap_or_default().to_owned(),
        );
        let slow = got.body.first() == Some(&7);
        let answer = {
            let mut state = state.lock().unwrap();
            let in_turn = !state.2 && cookie.contains(&format!("sequence={}", state.1));
            if opens || in_turn {
                state.0 += 1;
                state.1 = format!("q{}", state.0);
                state.2 = slow;
                let sid = if opens { "sid=s".to_owned() } else { "sid=s; x".to_owned() };
                good(&[sid, format!("sequence={}", state.1)])
            } else {
                refusal(15)
            }
        };
        if slow {
            std::thread::sleep(std::time::Duration::from_millis(400));
            state.lock().unwrap().2 = false;
        }
        stream.write_all(&answer).is_ok()
    })
}

#[test]
fn a_sequence_replayed_and_two_executes_at_once_are_the_servers_to_refuse() {
    let upstream = server_with_turns();
    let proxy = Setup::default().before(&upstream);
    let (mut alice, sid, first) = open(&proxy, "alice");
    let with = |sequence: &str| format!("{sid}; {sequence}");
    let execute = |sequence: &str, body: u8| mapi("alice", "emsmdb", "Execute", &with(sequence), &[body; 16]);
    assert_eq!(alice.ask(execute(&first, 0)).code().as_deref(), Some("0"));
    assert_eq!(alice.ask(execute(&first, 0)).code().as_deref(), Some("15"), "replayed");
    // One takes its time; another comes meanwhile on a connection of its own.
    let mut other = Client::new(&proxy);
    alice.send(execute("sequence=q2", 7));
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert_eq!(other.ask(execute("sequence=q2", 0)).code().as_deref(), Some("15"), "at once");
    assert_eq!(alice.answer(false).code().as_deref(), Some("0"));
    assert_eq!(other.ask(execute("sequence=q3", 0)).code().as_deref(), Some("0"));
    // A sequence of long ago is known to nobody any more.
    for number in 4..24 {
        assert_eq!(alice.ask(execute(&format!("sequence=q{number}"), 0)).code().as_deref(), Some("0"));
    }
    drop(upstream.others());
    assert_eq!(alice.ask(execute(&first, 0)).code().as_deref(), Some("6"));
    assert!(upstream.others().is_empty());
}

#[test]
fn a_session_that_the_server_lost_is_lost_here_too() {
    let lost = Mutex::new(false);
    let upstream = Upstream::new(move |_, stream| {
        let was = std::mem::replace(&mut *lost.lock().unwrap(), true);
        stream.write_all(&if was { refusal(10) } else { good(&["sid=s".to_owned()]) }).is_ok()
    });
    let proxy = Setup::default().before(&upstream);
    let mut alice = Client::new(&proxy);
    alice.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!(proxy.front.sessions.len(), 1);
    let answer = alice.ask(mapi("alice", "emsmdb", "Execute", "sid=s", &[0; 16]));
    assert_eq!((answer.code().as_deref(), answer.body.as_slice()), (Some("10"), &b"<html>no</html>"[..]));
    assert_eq!(proxy.front.sessions.len(), 0);
}

#[test]
fn a_session_that_never_came_about_is_not_kept() {
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
    let answer = alice.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!((answer.code().as_deref(), proxy.front.sessions.len()), (Some("13"), 0));
    let answer = alice.ask(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
    assert_eq!((answer.status(), proxy.front.sessions.len()), (502, 0));
}
