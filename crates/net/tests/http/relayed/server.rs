//! A server at which clients sign in.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{
    Acceptor, AcceptorConfig, Authority, Channel, ContextCounters, Mechanism, NtlmAcceptorConfig, OsRandom,
    ServerNames, Step,
};
use wire::FileTime;

use crate::support::{Everybody, Got, PATIENCE, Upstream, basic};

/// 2026.
pub(super) const NOW: FileTime = FileTime(134_100_000_000_000_000);

/// Who signed in on a connection, or is about to.
enum Who {
    Handshake(Box<dyn Acceptor>),
    User(String),
}

/// What a test has a server do.
#[derive(Default)]
pub(super) struct Orders {
    /// No user is signed in any more.
    pub(super) revoked: AtomicBool,
    /// The connection closes after the next challenge.
    pub(super) dies: AtomicBool,
    /// The connection closes after each answer to somebody.
    pub(super) closes: AtomicBool,
    /// What credentials are answered with, without a look at them.
    pub(super) blocked: Mutex<Option<u16>>,
    /// The connections on which somebody was answered.
    pub(super) streams: Mutex<Vec<TcpStream>>,
    /// How many connections the server closed.
    closed: Mutex<usize>,
    closes_one: Condvar,
}

impl Orders {
    /// Waits until the server closed `count` connections after its answers, in all.
    pub(super) fn wait_for_closed(&self, count: usize) {
        let closed = self.closed.lock().unwrap();
        let waited = self.closes_one.wait_timeout_while(closed, PATIENCE, |closed| *closed < count);
        assert_eq!(*waited.unwrap().0, count);
    }

    /// Closes the connection after an answer.
    fn closed(&self, stream: &TcpStream) {
        let _ = stream.shutdown(Shutdown::Both);
        *self.closed.lock().unwrap() += 1;
        self.closes_one.notify_all();
    }

    /// Closes all connections on which somebody was answered.
    pub(super) fn close(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn acceptor() -> Box<dyn Acceptor> {
    let names = ServerNames { nb_computer: "EXCH".into(), nb_domain: "LAB".into(), ..ServerNames::default() };
    let config = AcceptorConfig {
        ntlm: NtlmAcceptorConfig { names, ..NtlmAcceptorConfig::default() },
        ..AcceptorConfig::new(Arc::new(Everybody), Authority::new("accounts"), ContextCounters::new())
    };
    Mechanism::NTLM.acceptor(&Arc::new(config), Channel::http(None)).unwrap()
}

/// What a server answers the first message of NTLM with, which a client sent in `Authorization`; none where it is
/// another.
pub(super) fn challenge(sent: &str) -> Option<String> {
    let token = STANDARD.decode(sent.strip_prefix("NTLM ")?).ok()?;
    match acceptor().step(&token, NOW, &mut OsRandom) {
        Ok(Step::Continue(token)) => Some(format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(token))),
        _ => None,
    }
}

/// A server at which everybody has an account, by Basic, Bearer and NTLM.
pub(super) fn server() -> (Upstream, Arc<Orders>) {
    let orders = Arc::<Orders>::default();
    let known = Mutex::new(HashMap::<usize, Who>::new());
    let given = Arc::clone(&orders);
    let upstream = Upstream::new(move |got, stream| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let lets_anonymous_in = got.head.path().starts_with("/autodiscover/autodiscover.json");
        match who(got, &mut known, &given) {
            Ok(None) if lets_anonymous_in => answer(stream, got, "anonymous"),
            Ok(Some(user)) => {
                let closes = given.closes.load(Ordering::SeqCst);
                let kept = stream.try_clone().ok().filter(|_| !closes);
                given.streams.lock().unwrap().extend(kept);
                let answered = answer(stream, got, &user);
                if closes {
                    given.closed(stream);
                }
                answered && !closes
            }
            Ok(None) => {
                let offers = "WWW-Authenticate: Negotiate, NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                              WWW-Authenticate: Digest realm=\"x\"\r\nWWW-Authenticate: Bearer\r\n";
                refuse(stream, got, 401, offers)
            }
            Err((status, header)) => {
                let (refused, dies) =
                    (refuse(stream, got, status, &header), given.dies.swap(false, Ordering::SeqCst));
                if dies {
                    given.closed(stream);
                }
                refused && !dies
            }
        }
    });
    (upstream, orders)
}

pub(super) fn refuse(stream: &mut TcpStream, got: &Got, status: u16, fields: &str) -> bool {
    let body = if got.head.method() == "HEAD" { "" } else { "no" };
    let text = format!("HTTP/1.1 {status} No\r\n{fields}Content-Length: 2\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).is_ok()
}

/// The headers by which a server shows that it carried out what it `got`, if that is MAPI over HTTP.
pub(crate) fn carried_out(got: &Got) -> String {
    let kind = got.head.fields.text("x-requesttype");
    kind.map(|kind| format!("X-RequestType: {kind}\r\nX-ResponseCode: 0\r\n")).unwrap_or_default()
}

/// Whether what a server `got` proves somebody, and changes nothing.
pub(super) fn is_probe(got: &Got) -> bool {
    let is = |name: &str, value: &str| got.head.fields.text(name) == Some(value);
    is("x-requesttype", "PING") || is("range", "bytes=0-0")
}

fn answer(stream: &mut TcpStream, got: &Got, user: &str) -> bool {
    let url = format!("http://{}:{}", Ipv4Addr::LOCALHOST, stream.local_addr().unwrap().port());
    let (status, body) = match got.head.path() {
        "/ews/elsewhere" => ("302 Found", String::new()),
        path if path.starts_with("/autodiscover/") => ("200 OK", format!("{{\"Url\":\"{url}/ews\"}}")),
        _ => ("200 OK", format!("for {user}")),
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nX-User: {user}\r\n{}Location: {url}/owa/?a\r\nContent-Length: {}\r\n\r\n{}",
        carried_out(got),
        body.len(),
        if got.head.method() == "HEAD" { "" } else { &body },
    );
    stream.write_all(text.as_bytes()).is_ok()
}

/// The user who asks; `None` if anonymous. Otherwise the answer's status and further headers.
fn who(got: &Got, known: &mut HashMap<usize, Who>, orders: &Orders) -> Result<Option<String>, (u16, String)> {
    let Some(sent) = got.head.fields.text("authorization") else {
        return match known.get(&got.connection) {
            Some(Who::User(user)) if !orders.revoked.load(Ordering::SeqCst) => Ok(Some(user.clone())),
            _ => Ok(None),
        };
    };
    // As a front that lets some clients in without a look at who they are.
    if got.head.fields.text("user-agent").is_some_and(|agent| agent.contains("robot")) {
        return Ok(Some("robot".to_owned()));
    }
    if let Some(status) = *orders.blocked.lock().unwrap() {
        return Err((status, String::new()));
    }
    let (scheme, rest) = sent.split_once(' ').unwrap();
    match scheme {
        _ if orders.revoked.load(Ordering::SeqCst) => Ok(None),
        "Basic" => {
            let text = String::from_utf8(STANDARD.decode(rest).unwrap()).unwrap();
            let user = text.split(':').next().unwrap().to_owned();
            Ok((sent == basic(&user)).then_some(user))
        }
        "Bearer" => Ok(rest.strip_prefix("token-of-").map(str::to_owned)),
        _ => {
            let mut acceptor = match known.remove(&got.connection) {
                Some(Who::Handshake(acceptor)) => acceptor,
                _ => acceptor(),
            };
            match acceptor.step(&STANDARD.decode(rest).unwrap(), NOW, &mut OsRandom) {
                Ok(Step::Continue(token)) => {
                    known.insert(got.connection, Who::Handshake(acceptor));
                    Err((401, format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(token))))
                }
                Ok(Step::Done { context, .. }) => {
                    let user = context.principal().user().to_owned();
                    known.insert(got.connection, Who::User(user.clone()));
                    Ok(Some(user))
                }
                Err(_) => Ok(None),
            }
        }
    }
}
