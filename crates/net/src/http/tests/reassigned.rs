//! Cookies that the server gives to a session of another user.

use std::collections::VecDeque;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use engine::{Module, SessionLimits};
use identity::SecurityContext;

use crate::event_log::tests::logged;
use crate::http::client::HttpClient;
use crate::http::operation::disconnect::end_at_server;
use crate::http::tests::playbook::{Client, Happens, Proxy, mapi};
use crate::http::tests::sessions::{Counting, good};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};
use crate::spawn_system;

#[test]
fn a_session_ends_when_the_server_gives_its_only_cookie_to_another_user() {
    // A server that numbers its sessions, and begins anew when it is restarted.
    let count = Mutex::new(0);
    let upstream = Upstream::new(move |got: &ReceivedRequest, stream| {
        let mut count = count.lock().unwrap();
        let mut cookies = Vec::new();
        if got.head.fields.text("x-requesttype") == Some("Connect") {
            *count += 1;
            cookies = vec![format!("sid=s{}", *count % 2)];
            if *count > 2 {
                cookies.push(format!("seq={count}"));
            }
        }
        stream.write_all(&good(&cookies)).is_ok()
    });
    let ended = Arc::new(Mutex::new(0));
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Counting(Arc::clone(&ended)))];
    let proxy = Setup { modules, ..Setup::default() }.before(&upstream);
    let lines = logged(|| {
        for user in ["mallory", "bob", "alice"] {
            let answer = Client::new(&proxy).exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
            assert_eq!(answer.code().as_deref(), Some("0"), "{user}");
        }
    });
    let line = "message=upstream: session ended, since the server set its cookies for another session;";
    let lines: Vec<_> = lines.iter().filter(|logged| logged.starts_with(line)).collect();
    assert!(lines.len() == 1 && lines[0].contains("mallory"), "{lines:?}");
    assert_eq!((*ended.lock().unwrap(), proxy.config.sessions.len()), (1, 2));
    drop(upstream.others());
    let execute = |user: &str, cookies: &str| {
        Client::new(&proxy).exchange(mapi(user, "emsmdb", "Execute", cookies, &[0; 16])).code().unwrap()
    };
    assert_eq!(execute("mallory", "sid=s1"), "10");
    assert!(upstream.others().is_empty());
    assert_eq!(execute("alice", "sid=s1; seq=3"), "0");
    assert_eq!(execute("bob", "sid=s0"), "0");
    // Bob's session ends like mallory's. Alice's sessions have a cookie of their own, and do not end each other.
    for number in [4, 5] {
        let answer = Client::new(&proxy).exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]));
        assert_eq!(answer.code().as_deref(), Some("0"), "{number}");
    }
    assert_eq!((*ended.lock().unwrap(), proxy.config.sessions.len()), (2, 3));
}

/// A server that responds to the Connects, and to requests that begin with 1, with these cookies, one list after the
/// other, and to other requests without cookies.
fn setting(cookies: &[&[&str]]) -> Rc<Upstream> {
    let lists: VecDeque<Vec<String>> =
        cookies.iter().map(|list| list.iter().map(|cookie| (*cookie).to_owned()).collect()).collect();
    let lists = Mutex::new(lists);
    Upstream::new(move |got: &ReceivedRequest, stream| {
        let sets = got.head.fields.text("x-requesttype") == Some("Connect") || got.body.first() == Some(&1);
        let cookies = if sets { lists.lock().unwrap().pop_front().unwrap() } else { Vec::new() };
        stream.write_all(&good(&cookies)).is_ok()
    })
}

/// The status of a user's Connect.
fn connect(proxy: &Proxy, user: &str) -> u16 {
    Client::new(proxy).exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20])).status()
}

/// The response code of a user's request.
fn code(proxy: &Proxy, user: &str, request_type: &str, cookies: &str) -> String {
    Client::new(proxy).exchange(mapi(user, "emsmdb", request_type, cookies, &[0; 20])).code().unwrap()
}

/// Runs a task of the proxy besides the connections of clients.
pub(super) fn run(proxy: &Proxy, task: impl Future<Output = ()> + Send + 'static) {
    let context = proxy.runtime.enter();
    spawn_system(task);
    drop(context);
    Client::new(proxy).happens(Happens::Rest(Vec::new()));
}

#[test]
fn a_session_ends_when_its_session_context_cookie_is_set_for_another_user_whatever_its_other_cookies_are() {
    for context in ["MapiContext", "sid", "SID"] {
        let [one, two] = ["=c1", "=c2"].map(|value| format!("{context}{value}"));
        let [one, two] = [&*one, &*two];
        let upstream = setting(&[
            &[one, "seq=a", "SERVERID=node1"],
            &[two, "seq=b", "SERVERID=node1"],
            &[one, "seq=c", "SERVERID=node1"],
            &[one, "seq=d", "SERVERID=node1"],
        ]);
        let proxy = Setup::default().before(&upstream);
        for user in ["alice", "carol", "bob"] {
            assert_eq!(connect(&proxy, user), 200, "{user}");
        }
        drop(upstream.others());
        for request_type in ["Execute", "NotificationWait", "Disconnect"] {
            let cookies = format!("{one}; seq=a; SERVERID=node1");
            assert_eq!(code(&proxy, "alice", request_type, &cookies), "10", "{request_type}");
        }
        assert!(upstream.others().is_empty(), "none of it was sent to the server");
        assert_eq!(code(&proxy, "bob", "Execute", &format!("{one}; seq=c; SERVERID=node1")), "0");
        assert_eq!(code(&proxy, "carol", "Execute", &format!("{two}; seq=b; SERVERID=node1")), "0");
        // Now that the cookie identifies no session, it still ends the one that has it.
        assert_eq!(connect(&proxy, "alice"), 200);
        assert_eq!(code(&proxy, "bob", "NotificationWait", &format!("{one}; seq=c")), "10");
        assert_eq!(code(&proxy, "alice", "Execute", &format!("{one}; seq=d")), "0");
        assert_eq!(proxy.config.sessions.len(), 2);
    }
}

#[test]
fn a_user_whose_connect_gets_nothing_but_cookies_of_another_user_can_connect_again() {
    // A server that is restarted, and gives the same values as before.
    let upstream = setting(&[
        &["sid=s1", "seq=q1"],
        &["seq=q2"],
        &["seq=q3"],
        &["sid=s1", "seq=q1"],
        &["sid=s1", "seq=q2"],
    ]);
    let proxy = Setup::default().before(&upstream);
    assert_eq!(connect(&proxy, "alice"), 200);
    for sequence in ["q1", "q2"] {
        let request = mapi("alice", "emsmdb", "Execute", &format!("sid=s1; seq={sequence}"), &[1; 20]);
        assert_eq!(Client::new(&proxy).exchange(request).code().as_deref(), Some("0"));
    }
    assert_eq!(connect(&proxy, "bob"), 502);
    assert_eq!((connect(&proxy, "bob"), proxy.config.sessions.len()), (200, 1));
}

#[test]
fn an_ended_session_is_not_disconnected_at_the_server_once_another_user_has_its_cookie() {
    let upstream = setting(&[&["sid=a1"], &["sid=a2"], &["sid=a3"], &["sid=a1"]]);
    let sessions = SessionLimits { per_user: 1, total: 100 };
    let proxy = Setup { sessions, ..Setup::default() }.before(&upstream);
    drop(proxy.config.sessions.clone().ending_at_server());
    for _ in 0..3 {
        assert_eq!(connect(&proxy, "alice"), 200);
    }
    // Two of alice's sessions were evicted. After they were taken from the queue, the server gives the
    // cookie of one to bob.
    let ending = end_at_server(&proxy.config).unwrap();
    assert_eq!(connect(&proxy, "bob"), 200);
    drop(upstream.others());
    run(&proxy, ending);
    let sent = upstream.others();
    let sent: Vec<_> = sent.iter().map(|got| got.head.fields.text("cookie")).collect();
    assert_eq!(sent, [Some("sid=a2")]);
    assert_eq!(code(&proxy, "bob", "Execute", "sid=a1"), "0");
}

#[test]
fn the_permission_to_send_a_request_is_checked_when_the_connection_is_open() {
    let upstream = setting(&[]);
    let proxy = Setup::default().before(&upstream);
    let context = SecurityContext::system(proxy.config.auth.contexts());
    let mut client = HttpClient::new(proxy.config.upstream.clone(), context);
    let is_open = Arc::new(Mutex::new(false));
    let (seen, server) = (Arc::clone(&is_open), upstream.memory.clone());
    run(&proxy, async move {
        let permitted = || {
            *seen.lock().unwrap() = !server.take_accepted().is_empty();
            false
        };
        assert!(client.post_if("/mapi/emsmdb/", &[], b"", permitted).await.unwrap().is_none());
    });
    assert!(*is_open.lock().unwrap() && upstream.others().is_empty());
}

#[test]
fn a_refused_connect_with_a_cookie_that_identifies_no_session_is_forwarded_without_the_cookie() {
    // By a code in the head, by a status of HTTP, and by `ErrorCode` and `StatusCode` in the body.
    let in_head = "Content-Type: text/html\r\nX-ResponseCode: 13\r\nContent-Length: 2\r\n\r\nno".to_owned();
    let unavailable = "Content-Type: text/html\r\nContent-Length: 2\r\n\r\nno".to_owned();
    let in_body = |codes: [u32; 2]| {
        let body = format!("PROCESSING\r\nDONE\r\n\r\n{}", codes.map(text).concat());
        let head = "Content-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    for (status, rest, code) in [
        (200, in_head, Some("13")),
        (503, unavailable, None),
        (200, in_body([0, 5]), Some("0")),
        (200, in_body([5, 0]), Some("0")),
        // It opens a session.
        (502, in_body([0, 0]), None),
    ] {
        let sent = if status == 503 { 503 } else { 200 };
        let response = format!("HTTP/1.1 {sent} X\r\nSet-Cookie: SERVERID=node1; path=/\r\n{rest}");
        let count = Mutex::new(0);
        let upstream = Upstream::new(move |_, stream| {
            let mut count = count.lock().unwrap();
            *count += 1;
            let opens = good(&["SERVERID=node1".to_owned(), format!("sid={count}")]);
            stream.write_all(if *count < 3 { &opens } else { response.as_bytes() }).is_ok()
        });
        let proxy = Setup::default().before(&upstream);
        let connect = |user| Client::new(&proxy).exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
        for user in ["alice", "carol"] {
            assert_eq!(connect(user).code().as_deref(), Some("0"));
        }
        let answer = connect("bob");
        assert_eq!((answer.status(), answer.code().as_deref()), (status, code), "{rest:?}");
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(proxy.config.sessions.len(), 2, "{rest:?}");
    }
}

/// The little-endian bytes of a small code.
fn text(code: u32) -> String {
    code.to_le_bytes().map(char::from).iter().collect()
}
