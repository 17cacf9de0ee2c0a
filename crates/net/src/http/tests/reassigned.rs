//! Cookies that the server gives to a session of another user.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use engine::Module;

use crate::http::tests::playbook::{Client, mapi};
use crate::http::tests::sessions::{Counting, good};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

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
    for user in ["mallory", "bob", "alice"] {
        let answer = Client::new(&proxy).exchange(mapi(user, "emsmdb", "Connect", "", &[0; 20]));
        assert_eq!(answer.code().as_deref(), Some("0"), "{user}");
    }
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
