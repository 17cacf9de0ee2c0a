//! A server at which clients authenticate.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write as _;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{Acceptor, OsRandom, Step};
use testkit::http_auth::{NOW, basic, ntlm_acceptor};

use crate::http::tests::upstream::{ReceivedRequest, Upstream};

/// Authentication on a connection.
enum Authenticated {
    Handshake(Box<dyn Acceptor>),
    User(String),
}

/// How a test has the server behave.
#[derive(Default)]
pub(in crate::http::tests) struct Behaviour {
    /// It accepts no credentials any more.
    pub(super) revoked: Cell<bool>,
    /// It closes the connection after its next response to credentials, or on an authenticated connection.
    pub(super) closes_next: Cell<bool>,
    /// Its response to credentials, which it does not check.
    pub(super) blocked: Cell<Option<u16>>,
}

/// A server at which all users have accounts, by Basic, Bearer and NTLM.
pub(super) fn server() -> (Rc<Upstream>, Rc<Behaviour>) {
    let behaviour = Rc::<Behaviour>::default();
    (Upstream::new(handler(Rc::clone(&behaviour))), behaviour)
}

/// The responses of that server.
pub(in crate::http::tests) fn handler(
    of_server: Rc<Behaviour>,
) -> impl Fn(&ReceivedRequest, &mut Vec<u8>) -> bool {
    let connections = RefCell::new(HashMap::<usize, Authenticated>::new());
    move |got, out| {
        let is_public = got.head.path().starts_with("/autodiscover/autodiscover.json");
        match authenticate(got, &mut connections.borrow_mut(), &of_server) {
            Ok(None) if is_public => execute(out, got, "anonymous"),
            Ok(None) => {
                let offers = "WWW-Authenticate: Negotiate, NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                              WWW-Authenticate: Digest realm=\"x\"\r\nWWW-Authenticate: Bearer\r\n";
                refuse(out, got, 401, offers)
            }
            Ok(Some(user)) => execute(out, got, &user) && !of_server.closes_next.take(),
            Err((status, header)) => refuse(out, got, status, &header) && !of_server.closes_next.take(),
        }
    }
}

/// Responds with `status` and further `fields`. Returns whether the connection stays open.
pub(super) fn refuse(out: &mut Vec<u8>, got: &ReceivedRequest, status: u16, fields: &str) -> bool {
    let body = if got.head.method() == "HEAD" { "" } else { "no" };
    let text = format!("HTTP/1.1 {status} No\r\n{fields}Content-Length: 2\r\n\r\n{body}");
    out.write_all(text.as_bytes()).is_ok()
}

/// The headers by which a server shows that it executed a request of MAPI over HTTP.
pub(super) fn executed(got: &ReceivedRequest) -> String {
    let kind = got.head.fields.text("x-requesttype");
    kind.map(|kind| format!("X-RequestType: {kind}\r\nX-ResponseCode: 0\r\n")).unwrap_or_default()
}

/// Whether a request is a probe, which changes nothing.
pub(super) fn is_probe(got: &ReceivedRequest) -> bool {
    let is = |name: &str, value: &str| got.head.fields.text(name) == Some(value);
    is("x-requesttype", "PING") || is("range", "bytes=0-0")
}

/// Responds to a request of `user`. Returns whether the connection stays open.
fn execute(out: &mut Vec<u8>, got: &ReceivedRequest, user: &str) -> bool {
    let url = "https://exchange.lab.test";
    let (status, body) = match got.head.path() {
        "/ews/elsewhere" => ("302 Found", String::new()),
        path if path.starts_with("/autodiscover/") => ("200 OK", format!("{{\"Url\":\"{url}/ews\"}}")),
        _ => ("200 OK", format!("for {user}")),
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nX-User: {user}\r\n{}Location: {url}/owa/?a\r\nContent-Length: {}\r\n\r\n{}",
        executed(got),
        body.len(),
        if got.head.method() == "HEAD" { "" } else { &body },
    );
    out.write_all(text.as_bytes()).is_ok()
}

/// The user who sent a request; `None` if anonymous. Otherwise the response's status and further headers.
fn authenticate(
    got: &ReceivedRequest,
    connections: &mut HashMap<usize, Authenticated>,
    behaviour: &Behaviour,
) -> Result<Option<String>, (u16, String)> {
    let Some(sent) = got.head.fields.text("authorization") else {
        return match connections.get(&got.connection) {
            Some(Authenticated::User(user)) if !behaviour.revoked.get() => Ok(Some(user.clone())),
            _ => Ok(None),
        };
    };
    // A gateway forwards requests of some user agents without authentication.
    if got.head.fields.text("user-agent").is_some_and(|agent| agent.contains("robot")) {
        return Ok(Some("robot".to_owned()));
    }
    if let Some(status) = behaviour.blocked.get() {
        return Err((status, String::new()));
    }
    let (scheme, rest) = sent.split_once(' ').unwrap();
    match scheme {
        _ if behaviour.revoked.get() => Ok(None),
        "Basic" => {
            let text = String::from_utf8(STANDARD.decode(rest).unwrap()).unwrap();
            let user = text.split(':').next().unwrap().to_owned();
            Ok((sent == basic(&user)).then_some(user))
        }
        "Bearer" => Ok(rest.strip_prefix("token-of-").map(str::to_owned)),
        _ => {
            let mut acceptor = match connections.remove(&got.connection) {
                Some(Authenticated::Handshake(acceptor)) => acceptor,
                _ => ntlm_acceptor(),
            };
            match acceptor.step(&STANDARD.decode(rest).unwrap(), NOW, &mut OsRandom) {
                Ok(Step::Continue(token)) => {
                    connections.insert(got.connection, Authenticated::Handshake(acceptor));
                    Err((401, format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(token))))
                }
                Ok(Step::Done { context, .. }) => {
                    let user = context.principal().user().to_owned();
                    connections.insert(got.connection, Authenticated::User(user.clone()));
                    Ok(Some(user))
                }
                Err(_) => Ok(None),
            }
        }
    }
}
