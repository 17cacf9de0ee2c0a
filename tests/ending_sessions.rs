//! Sessions of MAPI over HTTP that end at the proxy are ended at the server too.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::harness::raw_http::{
    Bystander, Client, HttpOutcome, OPEN_FOLDER, Server, execute, executed, field, folder_opened, response,
    rops,
};
use crate::harness::{BOB, PATIENCE, Proxy, Setup};

/// Heads and bodies of requests.
type Requests = Vec<(String, Vec<u8>)>;

/// A server that records the requests that end sessions and responds to them by `ends`; it executes others.
struct Ending {
    server: Server,
    asked: Arc<Mutex<Requests>>,
}

impl Ending {
    fn new(ends: impl Fn() -> (Vec<u8>, bool) + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Requests>>::default();
        let own = Arc::clone(&asked);
        let server = Server::start(move |head, body| match field(head, "x-requesttype") {
            Some("Disconnect" | "Unbind") => {
                own.lock().unwrap().push((head.to_owned(), body.to_vec()));
                ends()
            }
            Some("Bind") => (response(&[0; 28], "Set-Cookie: nspi=n1; path=/\r\n"), true),
            _ => (response(&executed(&folder_opened()), "Set-Cookie: sequence=q2; path=/\r\n"), true),
        });
        Self { server, asked }
    }

    /// A proxy before it.
    fn proxied(&self, edit: impl FnOnce(Setup) -> Setup) -> Proxy {
        self.server.proxied(|setup| edit(setup.stack(&[])))
    }

    /// Waits for `count` requests that end sessions.
    fn wait(&self, count: usize) -> Requests {
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = self.asked.lock().unwrap().clone();
            if asked.len() >= count {
                return asked;
            }
            assert!(Instant::now() < until, "{asked:?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn good() -> (Vec<u8>, bool) {
    (response(&[0; 12], ""), true)
}

/// Opens a session of BOB at the store and uses it. Returns its cookies.
fn used(proxy: &Proxy) -> (Client, String) {
    let mut client = Client::new(proxy, "bad");
    let sid = client.cookie.clone();
    let got = client.request("Execute", &execute(&rops(&OPEN_FOLDER)));
    assert!(matches!(&got, HttpOutcome::Response(200, code, _) if code == "0"), "{got:?}");
    let cookies = format!("{sid}; sequence=q2");
    (client, cookies)
}

/// Opens a session of BOB at the address book.
fn address_book(proxy: &Proxy) -> Client {
    let mut client = Client::unauthenticated(proxy, "bad");
    let head = client.head("Bind").replacen("/mapi/emsmdb/", "/mapi/nspi/?MailboxId=b@lab.test", 1);
    let got = client.exchange(&[head.as_bytes(), b"Content-Length: 9\r\n\r\n", &[0; 9]].concat());
    assert!(matches!(&got, HttpOutcome::Response(200, code, _) if code == "0"), "{got:?}");
    client
}

#[test]
fn the_sessions_of_a_revoked_account_are_ended_at_the_server() {
    let ending = Ending::new(good);
    let proxy = ending.proxied(|setup| setup);
    let mut alice = Bystander::new(&proxy);
    let (_bob, cookies) = used(&proxy);
    let _book = address_book(&proxy);
    proxy.remove_account(BOB);
    proxy.reload_accounts(1);
    let mut asked = ending.wait(2);
    asked.sort_by_key(|(head, _)| field(head, "x-requesttype").map(str::to_owned));
    let [(disconnect, none), (unbind, reserved)] = &asked[..] else { panic!("{asked:?}") };
    assert!(disconnect.starts_with("POST /mapi/emsmdb/ HTTP/1.1\r\n"), "{disconnect}");
    assert_eq!(field(disconnect, "cookie"), Some(&*cookies), "{disconnect}");
    assert_eq!(none, &[0; 4]);
    assert!(unbind.starts_with("POST /mapi/nspi/?MailboxId=b@lab.test HTTP/1.1\r\n"), "{unbind}");
    assert_eq!(field(unbind, "cookie"), Some("nspi=n1"), "{unbind}");
    assert_eq!(reserved, &[0; 8]);
    for head in [disconnect, unbind] {
        assert_eq!(field(head, "content-type"), Some("application/mapi-http"));
        assert!(field(head, "x-requestid").is_some() && field(head, "authorization").is_some(), "{head}");
    }
    proxy.process.wait_err("what was done", |line| line.contains("disconnected=2"));
    alice.expect_response("another's account was revoked");
    assert_eq!(ending.wait(2).len(), 2, "each once, and none of another user");
}

#[test]
fn an_idle_session_is_ended_at_the_server() {
    let ending = Ending::new(good);
    let proxy = ending.proxied(|setup| setup.clients_key("session_idle_seconds", "1"));
    let (mut bob, cookies) = used(&proxy);
    let asked = ending.wait(1);
    assert_eq!(field(&asked[0].0, "cookie"), Some(&*cookies));
    // The client's session has ended, too.
    let got = bob.request("Execute", &execute(&rops(&OPEN_FOLDER)));
    assert!(matches!(&got, HttpOutcome::Response(200, code, _) if code == "10"), "{got:?}");
}

#[test]
fn an_evicted_session_is_ended_at_the_server() {
    let ending = Ending::new(good);
    let proxy = ending.proxied(|setup| setup.clients_key("sessions_per_user", "1"));
    let (_first, cookies) = used(&proxy);
    let (mut second, _) = used(&proxy);
    let asked = ending.wait(1);
    assert_eq!(field(&asked[0].0, "cookie"), Some(&*cookies));
    let got = second.request("Execute", &execute(&rops(&OPEN_FOLDER)));
    assert!(matches!(&got, HttpOutcome::Response(200, code, _) if code == "0"), "{got:?}");
}

#[test]
fn a_server_that_does_not_respond_to_the_end_of_sessions_delays_no_request() {
    let ending = Ending::new(|| (b"nonsense\r\n\r\n".to_vec(), false));
    let proxy = ending.proxied(|setup| setup);
    let mut alice = Bystander::new(&proxy);
    let (_bob, _) = used(&proxy);
    proxy.remove_account(BOB);
    proxy.reload_accounts(1);
    ending.wait(1);
    proxy.process.wait_err("what was done", |line| line.contains("disconnected=0 failed=1"));
    alice.expect_response("a session could not be ended");
    Bystander::new(&proxy).expect_response("a session could not be ended");
}
