//! The probes by which the proxy finds out whether the server accepts a client's credentials.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Module, Operation, Refusal, Session};
use testkit::http_auth::{basic, ntlm_challenge};

use super::server::{executed, is_probe, refuse};
use super::{Ntlm, before, get, offers, open_contexts, proxy_and_server, user, with};
use crate::event_log::tests::logged;
use crate::http::tests::playbook::Happens::{Request, TimePasses};
use crate::http::tests::playbook::{Client, Proxy};
use crate::http::tests::setup::{CALL_LIMIT, Setup};
use crate::http::tests::upstream::Upstream;

fn mapi_ping(credentials: &str) -> String {
    format!(
        "POST /mapi/emsmdb/?MailboxId=1 HTTP/1.1\r\nHost: a\r\nX-RequestType: PING\r\n\
         Authorization: {credentials}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_probe_keeps_the_headers_of_the_request_that_it_was_found_for() {
    let names = ["User-Agent", "X-ClientInfo", "X-ClientApplication"];
    for wrong in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong"] {
        let (upstream, _, proxy) = proxy_and_server();
        let mut client = Client::new(&proxy);
        let fields = |value: &str, id: &str| {
            let lines = names.map(|name| format!("{name}: {value}\r\n")).concat();
            format!("{lines}X-RequestId: {id}\r\n")
        };
        assert_eq!(client.exchange(get("/ews/x", &fields("Outlook", "{1}:1"))).status(), 401);
        let robot = fields("robot", "{1}:2") + &format!("Authorization: {wrong}\r\n");
        assert_eq!(client.exchange(get("/ews/x", &robot)).status(), 401);
        let odd = fields("robot", "' or 1=1") + &format!("Authorization: {wrong}\r\n");
        assert_eq!(client.exchange(get("/ews/x", &odd)).status(), 401);
        assert_eq!(open_contexts(&proxy), 0);
        let seen = upstream.others();
        assert_eq!(seen.len(), 3, "{seen:?}");
        for got in &seen {
            assert_eq!(names.map(|name| got.head.fields.text(name)), [Some("Outlook"); 3], "{got:?}");
        }
        let ids: Vec<_> = seen.iter().map(|got| got.head.fields.text("x-requestid")).collect();
        let own = Some("{00000000-0000-0000-0000-000000000000}:1");
        assert_eq!(ids, [Some("{1}:1"), Some("{1}:2"), own]);
    }
}

#[test]
fn a_probe_without_a_response_is_logged_as_a_failure_of_the_server_with_its_cause() {
    let line = |proxy: &Proxy, passes: Duration| {
        let alice = get("/ews/x", &format!("Authorization: {}\r\n", basic("alice")));
        let lines = logged(|| {
            let _ = Client::new(proxy) >> Request(alice.into_bytes()) >> TimePasses(passes);
        });
        let is_failure = |line: &&String| line.starts_with("message=client authentication failed: ");
        lines.iter().find(is_failure).unwrap_or_else(|| panic!("{lines:?}")).clone()
    };
    let silent = line(&before(&Upstream::silent()), CALL_LIMIT);
    let expected =
        "server did not verify the client's credentials: not connected and authenticated within 20 s ";
    assert!(silent.contains(expected), "{silent}");
    let closing = line(&before(&Upstream::new(|_, _| false)), Duration::ZERO);
    let expected = "server did not verify the client's credentials: connection lost: ";
    assert!(closing.contains(expected), "{closing}");
}

#[test]
fn probes_have_the_forwarding_headers_of_the_request() {
    let (upstream, _, proxy) = proxy_and_server();
    let forged = "X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n";
    let alice = format!("{forged}Authorization: {}\r\n", basic("alice"));
    assert_eq!(user(&Client::new(&proxy).exchange(get("/ews/x", &alice))), (200, Some("alice")));
    let seen = upstream.others();
    assert!(seen.iter().any(|got| got.head.target() == "/ews/x") && seen.len() > 3, "{seen:?}");
    for got in &seen {
        let says = |name: &str| got.head.fields.text(name);
        assert_eq!(says("x-forwarded-for"), Some("192.0.2.1"), "{got:?}");
        assert!(says("forwarded").is_some_and(|said| said.starts_with("for=192.0.2.1;")), "{got:?}");
        assert_eq!(says("x-real-ip"), None, "{got:?}");
    }
}

#[test]
fn a_request_that_the_server_redirects_is_authenticated_by_a_ping() {
    let (upstream, _, proxy) = proxy_and_server();
    let at = |credentials: &str| get("/ews/elsewhere", &format!("Authorization: {credentials}\r\n"));
    let of_ntlm = |request: String| request.replace("/ews/x", "/ews/elsewhere");
    let mut client = Client::new(&proxy);
    for wrong in ["Basic YWxpY2U6d3Jvbmc=", "Bearer wrong"] {
        assert_eq!(client.exchange(at(wrong)).status(), 401);
    }
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(user(&client.exchange(at(&basic("alice")))), (302, Some("alice")));
    // A handshake is verified on its own connection, and by a request without credentials on another.
    let mut bob = Ntlm::new("bob");
    let mut other = Client::new(&proxy);
    upstream.others();
    let challenge = other.exchange(of_ntlm(bob.next(None)));
    assert_eq!(user(&other.exchange(of_ntlm(bob.next(Some(&challenge))))), (302, Some("bob")));
    let seen = upstream.others();
    let asked: Vec<_> = seen.iter().map(|got| (got.head.method(), got.head.path().to_owned())).collect();
    let ping = ("POST", "/mapi/emsmdb/".to_owned());
    let wanted = [&ping, &ping, &ping, &ping, &ping, &("GET", "/ews/elsewhere".to_owned())].map(Clone::clone);
    assert_eq!(asked, wanted);
    let signed: Vec<_> = seen.iter().map(|got| got.head.fields.has("authorization")).collect();
    assert_eq!(signed, [false, true, true, false, false, false]);
    let connections: Vec<_> = seen.iter().map(|got| got.connection == seen[0].connection).collect();
    assert_eq!(connections, [true, true, true, true, false, true]);
}

#[test]
fn a_ping_that_is_redirected_proves_nothing_and_the_next_probe_is_sent() {
    // The server redirects clients that name no mailbox.
    let upstream = Upstream::new(|got, stream| {
        let signed_in = got.head.fields.text("authorization") == Some(&*basic("alice"));
        let (status, fields) = match (got.head.target(), got.head.fields.has("authorization")) {
            ("/mapi/emsmdb/", true) => (302, "Location: /elsewhere\r\n".to_owned()),
            _ if signed_in => (200, executed(got)),
            _ => (401, "WWW-Authenticate: Basic realm=\"x\"\r\n".to_owned()),
        };
        refuse(stream, got, status, &fields)
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(with("Basic YWxpY2U6d3Jvbmc=")).status(), 401);
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 200);
    assert_eq!(open_contexts(&proxy), 1);
}

#[test]
fn a_server_that_redirects_all_credentials_authenticates_no_client() {
    // The server redirects clients with a password to a page, whether it is right or not.
    let upstream = Upstream::new(|got, stream| {
        let status = if got.head.fields.has("authorization") { 302 } else { 401 };
        refuse(stream, got, status, "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: NTLM\r\n")
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 502);
    let leads_on = client.exchange(Ntlm::new("alice").next(None)).status();
    assert_eq!(leads_on, 502);
    assert_eq!(client.exchange(mapi_ping(&basic("alice"))).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn one_probe_is_sent_for_each_directory() {
    let (upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    for _ in 0..5 {
        for path in ["/ews/x", "/oab/x", "/EWS/y"] {
            let asked = client.exchange(get(path, ""));
            assert_eq!((asked.status(), offers(&asked).len()), (401, 4));
        }
    }
    let asked: Vec<_> = upstream.others().iter().map(|got| got.head.path().to_owned()).collect();
    assert_eq!(asked, ["/mapi/emsmdb/"; 2]);
}

#[test]
fn a_response_that_does_not_concern_the_credentials_authenticates_no_client() {
    for (status, forwarded) in [(400, 400), (403, 403), (429, 429), (431, 431), (500, 502), (503, 502)] {
        let (upstream, behaviour, proxy) = proxy_and_server();
        behaviour.blocked.set(Some(status));
        let mut client = Client::new(&proxy);
        assert_eq!(client.exchange(with(&basic("alice"))).status(), forwarded);
        assert_eq!(client.exchange(Ntlm::new("alice").next(None)).status(), forwarded);
        assert_eq!(open_contexts(&proxy), 0);
        assert!(upstream.others().iter().all(is_probe));
    }
    // A server that requires no authentication verifies no identity.
    let open = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let proxy = before(&open);
    assert_eq!(Client::new(&proxy).exchange(get("/ews/x", "")).status(), 502);
    let wanted = mapi_ping(&basic("alice"));
    assert_eq!(Client::new(&proxy).exchange(wanted).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn an_operation_is_authenticated_by_a_ping_to_its_own_endpoint() {
    let (upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&client.exchange(mapi_ping(&basic("alice")))), (200, Some("alice")));
    let seen = upstream.others();
    // Without credentials, with them, without them on another connection, and the client's own.
    let signed: Vec<_> = seen.iter().map(|got| got.head.fields.has("authorization")).collect();
    assert_eq!(signed, [false, true, false, true]);
    for got in &seen {
        assert_eq!((got.head.method(), got.head.target()), ("POST", "/mapi/emsmdb/?MailboxId=1"));
        assert_eq!(got.head.fields.text("x-requesttype"), Some("PING"));
        assert_eq!(got.connection == seen[0].connection, got.connection != seen[2].connection);
    }
    for probe in &seen[..3] {
        for (name, value) in [
            ("content-type", "application/mapi-http"),
            ("x-requestid", "{00000000-0000-0000-0000-000000000000}:1"),
            ("content-length", "0"),
            ("host", "exchange.lab.test:443"),
        ] {
            assert_eq!(probe.head.fields.text(name), Some(value), "{name}");
        }
    }
}

#[test]
fn a_ping_with_a_mailbox_is_sent_if_the_bare_endpoint_is_not_protected() {
    // The server has its endpoint only with a mailbox.
    let upstream = Upstream::new(|got, stream| {
        let signed_in = got.head.fields.text("authorization") == Some(&*basic("alice"));
        let (status, fields) = match (got.head.method(), got.head.target()) {
            ("POST", target) if !target.starts_with("/mapi/emsmdb/?MailboxId=") => (404, String::new()),
            _ if signed_in => (200, executed(got)),
            _ => (401, "WWW-Authenticate: Basic realm=\"x\"\r\n".to_owned()),
        };
        refuse(stream, got, status, &fields)
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    let asked = client.exchange(get("/ews/x", ""));
    assert_eq!((asked.status(), offers(&asked).len()), (401, 1));
    assert_eq!(client.exchange(with("Basic YWxpY2U6d3Jvbmc=")).status(), 401);
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 200);
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 200);
}

/// A server without MAPI over HTTP, at which alice authenticates for other targets.
fn without_mapi() -> Rc<Upstream> {
    Upstream::new(|got, stream| {
        let signed_in = got.head.fields.text("authorization") == Some(&*basic("alice"));
        match got.head.path() {
            path if path.starts_with("/mapi") => refuse(stream, got, 404, ""),
            _ if signed_in => refuse(stream, got, 200, ""),
            _ => refuse(stream, got, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n"),
        }
    })
}

#[test]
fn without_a_protected_ping_random_credentials_have_to_be_rejected_too() {
    let upstream = without_mapi();
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 401);
    assert_eq!(client.exchange(with("Basic YWxpY2U6d3Jvbmc=")).status(), 401);
    assert_eq!(open_contexts(&proxy), 0);
    upstream.others();
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 200);
    let seen = upstream.others();
    let sent = |at: usize| seen[at].head.fields.text("authorization").map(str::to_owned);
    // With them, without them, with random ones, and the client's own request.
    assert_eq!((sent(0), sent(1), sent(3)), (Some(basic("alice")), None, Some(basic("alice"))));
    assert!(sent(2).is_some_and(|made_up| made_up != basic("alice")));
    assert!(seen[..3].iter().all(is_probe) && !is_probe(&seen[3]));
    assert!(seen.iter().all(|got| got.head.method() == "GET"));
}

#[test]
fn a_scheme_that_is_not_offered_for_a_ping_is_verified_where_it_is_offered() {
    // Exchange offers Basic for Autodiscover only by default.
    let upstream = Upstream::new(|got, stream| {
        let signed_in = got.head.fields.text("authorization") == Some(&*basic("alice"));
        match got.head.path() {
            path if path.starts_with("/mapi") => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
            _ if signed_in => refuse(stream, got, 200, ""),
            _ => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic\r\n"),
        }
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(with(&basic("alice"))).status(), 200);
    assert_eq!(client.exchange(mapi_ping(&basic("alice"))).status(), 401);
    // Credentials of a scheme that is offered for no probe are not sent.
    upstream.others();
    let refused = client.exchange(with("Negotiate YII="));
    assert_eq!((refused.status(), offers(&refused)[0].as_str()), (401, "NTLM"));
    assert!(upstream.others().iter().all(|got| !got.head.fields.has("authorization")));
}

/// Records the operations that modules process.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Module for Recorder {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn description(&self) -> &'static str {
        "Records operations."
    }

    fn request(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        self.0.lock().unwrap().push(operation.context().principal().to_string());
        Ok(())
    }
}

#[test]
fn a_probe_other_than_a_ping_proves_nothing_for_mapi() {
    // A firewall responds to suspicious requests itself; the server offers Basic for targets other than MAPI only.
    let upstream = Upstream::new(|got, stream| {
        let sent = got.head.fields.text("authorization");
        let blocked = sent == Some(&*basic("bob")) && got.head.method() == "GET";
        match got.head.path() {
            path if path.starts_with("/mapi") => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
            _ if blocked => refuse(stream, got, 200, ""),
            _ => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic\r\n"),
        }
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Recorder(Arc::clone(&seen)))];
    let proxy = Setup { pass_through: true, modules, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(with(&basic("bob"))).status(), 200);
    assert_eq!(client.exchange(mapi_ping(&basic("bob"))).status(), 401);
    assert_eq!(*seen.lock().unwrap(), [""; 0]);

    // The same with an authenticated connection, to a server without MAPI.
    let known = Mutex::new(HashSet::new());
    let upstream = Upstream::new(move |got, stream| {
        let mut known = known.lock().unwrap();
        let sent = got.head.fields.text("authorization").and_then(|sent| sent.strip_prefix("NTLM "));
        let token = sent.map(|sent| STANDARD.decode(sent).unwrap());
        if token.is_some_and(|token| token.starts_with(b"NTLMSSP\0\x03")) {
            known.insert(got.connection);
        }
        match got.head.fields.text("authorization").and_then(ntlm_challenge) {
            _ if got.head.path().starts_with("/mapi") => refuse(stream, got, 404, ""),
            Some(challenge) => refuse(stream, got, 401, &challenge),
            None if known.contains(&got.connection) => refuse(stream, got, 200, ""),
            None => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
        }
    });
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Recorder(Arc::clone(&seen)))];
    let proxy = Setup { pass_through: true, modules, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(Ntlm::authenticate("bob", &mut client).status(), 200);
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 200);
    let ping = mapi_ping("").replace("Authorization: \r\n", "");
    assert_eq!(client.exchange(ping).status(), 502);
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

#[test]
fn a_probe_is_never_a_head() {
    let authenticated = RefCell::new(HashSet::new());
    let upstream = Upstream::new(move |got, stream| {
        // Servers respond to a HEAD with a body, too.
        let body = "Unauthorized\r\n";
        let answer = |status: &str, fields: &str| {
            format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
        };
        let signed_in = got.head.fields.text("authorization").is_some_and(|sent| sent.len() > 200)
            || authenticated.borrow().contains(&got.connection);
        let text = match got.head.fields.text("authorization") {
            _ if signed_in => {
                authenticated.borrow_mut().insert(got.connection);
                answer("200 OK", &executed(got))
            }
            sent => {
                let challenge = sent.and_then(ntlm_challenge);
                answer("401 No", &challenge.unwrap_or_else(|| "WWW-Authenticate: NTLM\r\n".to_owned()))
            }
        };
        stream.write_all(text.as_bytes()).is_ok()
    });
    let proxy = before(&upstream);
    for path in ["/autodiscover/autodiscover.xml", "/oab/1/oab.xml", "/ews/exchange.asmx"] {
        let mut client = Client::new(&proxy);
        let mut alice = Ntlm::new("alice");
        let at = |request: String| request.replace("/ews/x", path);
        let asked = client.exchange(get(path, ""));
        assert_eq!((asked.status(), offers(&asked)), (401, vec!["NTLM".to_owned()]), "{path}");
        let challenge = client.exchange(at(alice.next(None)));
        assert_eq!(client.exchange(at(alice.next(Some(&challenge)))).status(), 200, "{path}");
        assert_eq!(client.exchange(get(path, "")).status(), 200, "{path}");
    }
    assert!(upstream.others().iter().all(|got| got.head.method() != "HEAD"));
}
