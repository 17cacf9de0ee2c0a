//! What the server is asked to find out whether it takes a client's credentials.

use std::io::Write as _;

use super::server::refuse;
use super::{Ntlm, basic, before, get, offers, open_contexts, place, user, with};
use crate::support::{Client, Upstream};

fn mapi_ping(credentials: &str) -> String {
    format!(
        "POST /mapi/emsmdb/?MailboxId=1 HTTP/1.1\r\nHost: a\r\nX-RequestType: PING\r\n\
         Authorization: {credentials}\r\nContent-Length: 0\r\n\r\n"
    )
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
    let proxy = before(&upstream);
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
    let proxy = before(&open);
    assert_eq!(Client::new(&proxy).ask(get("/ews/x", "")).status(), 502);
    let wanted = mapi_ping(&basic("alice"));
    assert_eq!(Client::new(&proxy).ask(wanted).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
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
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    let asked = client.ask(get("/ews/x", ""));
    assert_eq!((asked.status(), offers(&asked).len()), (401, 1));
    assert_eq!(client.ask(with("Basic YWxpY2U6d3Jvbmc=")).status(), 401);
    assert_eq!(client.ask(with(&basic("alice"))).status(), 200);
    assert_eq!(client.ask(with(&basic("alice"))).status(), 200);
}
