//! Replays requests of MAPI over HTTP.

use std::collections::{BTreeMap, VecDeque};

use mapi::mapihttp::cookies::{self, SetCookie};
use mapi::mapihttp::{Endpoint, RequestType, emsmdb, headers};

use super::mapped::Mapped;
use super::not_sent::NotSent;
use crate::analyze::Operation;
use crate::call::{HttpCall, HttpResponse};

/// The maximum number of sessions whose cookies are kept. If there are more, the oldest are removed.
const MAX_JARS: usize = 4096;

/// The maximum number of a session's current cookies, and of its recorded ones.
const MAX_COOKIES: usize = 32;

/// Header fields that belong to the recorded connection, its authentication, or the body's framing.
const LEFT_OUT: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "expect",
    "te",
    "trailer",
    "upgrade",
    "accept-encoding",
    "authorization",
    "proxy-authorization",
    "cookie",
];

/// A request of MAPI over HTTP to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpStep {
    /// The target, with its query.
    pub target: String,
    /// The header fields, including cookies, without those of the recorded connection, its authentication or framing.
    pub fields: Vec<(String, String)>,
    /// The body, with the current server's handles and ids.
    pub body: Vec<u8>,
    endpoint: Endpoint,
    pub(super) request_type: RequestType,
}

/// Replaces handles and ids in a body by the current ones. A body that cannot be decoded is unchanged.
fn body(
    mapped: &Mapped,
    session: u64,
    endpoint: Endpoint,
    request_type: RequestType,
    body: &[u8],
) -> Vec<u8> {
    let mut body = body.to_vec();
    if (endpoint, request_type) != (Endpoint::Emsmdb, RequestType::Execute) {
        mapped.ids.replace_in(&mut body);
        return body;
    }
    let Ok((emsmdb::Request::Execute(mut call), &[])) = emsmdb::Request::decode(request_type, &body) else {
        return body;
    };
    let Some(chain) = mapped.chain(session, &call.rop_buffer.0) else { return body };
    call.rop_buffer.0 = chain.into();
    emsmdb::Request::Execute(call).encode().unwrap_or(body)
}

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// A recorded session, and its endpoint: without recorded cookies, the sessions at both endpoints may appear as one.
type Key = (u64, Endpoint);

/// The cookies of sessions.
#[derive(Debug, Default)]
pub(super) struct Jars(BTreeMap<Key, Jar>);

/// The cookies of a session.
#[derive(Debug, Default)]
struct Jar {
    /// The cookies that the server set last: name and value.
    current: Vec<(String, String)>,
    /// The recorded cookies: name, recorded value, current value; the newest last.
    known: VecDeque<(String, String, String)>,
}

impl Jars {
    /// Prepares the request to send in place of a recorded one.
    pub(super) fn prepare(
        &self,
        mapped: &Mapped,
        operation: &Operation,
        http: &HttpCall,
    ) -> Result<HttpStep, NotSent> {
        let endpoint = Endpoint::of_path(http.path()).filter(|_| http.method.eq_ignore_ascii_case("POST"));
        let endpoint = endpoint.ok_or(NotSent::NotMapi)?;
        let named = http.request.field(headers::X_REQUEST_TYPE).unwrap_or_default();
        let request_type = RequestType::parse(named).ok_or(NotSent::RequestType)?;
        if request_type == RequestType::NotificationWait {
            return Err(NotSent::Notifications);
        }
        let response = http.response.as_ref().ok_or(NotSent::NoResponse)?;
        if response.status == 401 {
            return Err(NotSent::Authentication);
        }
        if http.request.missing > 0 {
            return Err(NotSent::Incomplete);
        }
        let key = (operation.session, endpoint);
        let (cookie, known) = self.cookies(key, http);
        let needs_none = request_type.begins_session() || request_type == RequestType::PING;
        if !known && !needs_none && !operation.failed() {
            return Err(NotSent::NoSession);
        }
        let fields = http.request.fields.iter();
        let mut fields: Vec<_> = fields.filter(|(name, _)| !is_left_out(name)).cloned().collect();
        if let Some(cookie) = cookie {
            fields.push(("Cookie".to_owned(), cookie));
        }
        let body = body(mapped, operation.session, endpoint, request_type, &http.request.body);
        Ok(HttpStep { target: http.target.clone(), fields, body, endpoint, request_type })
    }

    /// The `Cookie` field of a request, and whether one of its cookies belongs to the current session.
    ///
    /// Each recorded cookie is replaced by the one that the server set in its place, even if it was outdated. For
    /// recordings without cookies, the cookies that the server set last are sent.
    fn cookies(&self, key: Key, http: &HttpCall) -> (Option<String>, bool) {
        let jar = self.0.get(&key);
        let mut known = false;
        let mut pairs = Vec::new();
        for cookie in http.request.all("cookie").flat_map(cookies::cookies) {
            let current = jar.and_then(|jar| jar.replaced(cookie.name, cookie.value));
            known |= current.is_some();
            pairs.push(format!("{}={}", cookie.name, current.unwrap_or(cookie.value)));
        }
        if pairs.is_empty() {
            let current = jar.map(|jar| jar.current.as_slice()).unwrap_or_default();
            pairs.extend(current.iter().map(|(name, value)| format!("{name}={value}")));
            known = !pairs.is_empty();
        }
        (Some(pairs.join("; ")).filter(|cookies| !cookies.is_empty()), known)
    }

    /// Maps the recorded cookies to those that the server set in their place.
    pub(super) fn learn(
        &mut self,
        session: u64,
        step: &HttpStep,
        recorded: &HttpCall,
        replayed: &HttpResponse,
    ) {
        let key = (session, step.endpoint);
        if step.request_type.ends_session() {
            self.0.remove(&key);
            return;
        }
        let set: Vec<SetCookie<'_>> = replayed.message.all("set-cookie").map(SetCookie::parse).collect();
        if set.is_empty() {
            return;
        }
        if self.0.len() >= MAX_JARS && !self.0.contains_key(&key) {
            self.0.pop_first();
        }
        let jar = self.0.entry(key).or_default();
        for set in &set {
            jar.set(set);
        }
        let recorded = recorded.response.iter().flat_map(|response| response.message.all("set-cookie"));
        for recorded in recorded.map(SetCookie::parse) {
            let same = set.iter().find(|set| set.cookie.name == recorded.cookie.name);
            if let Some(current) = same {
                jar.learn(recorded.cookie.name, recorded.cookie.value, current.cookie.value);
            }
        }
    }
}

impl Jar {
    fn replaced(&self, name: &str, recorded: &str) -> Option<&str> {
        let mut latest = self.known.iter().rev();
        let found = latest.find(|(known, value, _)| known == name && value == recorded)?;
        Some(&found.2)
    }

    fn set(&mut self, set: &SetCookie<'_>) {
        self.current.retain(|(name, _)| name != set.cookie.name);
        if !set.is_removal() && self.current.len() < MAX_COOKIES {
            self.current.push((set.cookie.name.to_owned(), set.cookie.value.to_owned()));
        }
    }

    fn learn(&mut self, name: &str, recorded: &str, current: &str) {
        self.known.push_back((name.to_owned(), recorded.to_owned(), current.to_owned()));
        if self.known.len() > MAX_COOKIES {
            self.known.pop_front();
        }
    }
}
