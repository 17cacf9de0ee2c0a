//! One request: authenticates it, reads its body, and calls what its path names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use identity::SecurityContext;
use mapi::autodiscover::Dialect;
use mapi::mapihttp::Endpoint;
use tokio::time::timeout;

use crate::http::authenticate::{ConnectionAuth, Outcome};
use crate::http::config::HttpLimits;
use crate::http::reply::{self, Reply};
use crate::http::server::{BodyError, Server};
use crate::http::{autodiscover, mapi as mapi_over_http};

/// A connection of a client.
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    pub(super) peer: SocketAddr,
    auth: ConnectionAuth,
    /// Whether a request was authenticated.
    authenticated: AtomicBool,
}

impl Connection {
    pub(super) const fn new(server: Arc<Server>, auth: ConnectionAuth, peer: SocketAddr) -> Self {
        Self { server, peer, auth, authenticated: AtomicBool::new(false) }
    }

    /// Whether a client has authenticated on the connection.
    pub(super) fn was_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }
}

/// Responds to a request.
pub(super) async fn respond(connection: &Connection, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let dialect = Dialect::of_target(target);
    if dialect == Some(Dialect::Json) && head.method == Method::GET {
        return autodiscover::respond_json(&connection.server, target);
    }
    let (context, token) = match connection.auth.authenticate(&head.headers) {
        Outcome::Authenticated(context, token) => (context, token),
        Outcome::Continue(challenge) => return unauthorized(connection, body, Some(challenge)).await,
        Outcome::Refused(error) => {
            if let Some(error) = error {
                tracing::info!(peer = %connection.peer, "lab: client not authenticated: {error}");
            }
            return unauthorized(connection, body, None).await;
        }
    };
    connection.authenticated.store(true, Ordering::Relaxed);
    let body = read(body, &connection.server.limits).await;
    let mut reply = route(&connection.server, &context, dialect, &head, body);
    if let Some(token) = token.and_then(|token| HeaderValue::try_from(token).ok()) {
        reply.headers_mut().insert(WWW_AUTHENTICATE, token);
    }
    reply
}

fn route(
    server: &Arc<Server>,
    context: &SecurityContext,
    dialect: Option<Dialect>,
    head: &Parts,
    body: Result<Bytes, BodyError>,
) -> Reply {
    if let Some(dialect) = dialect {
        return match body {
            Ok(body) => autodiscover::respond(server, context, dialect, head, &body),
            Err(error) => error.reply(),
        };
    }
    let path = head.uri.path();
    if path.to_ascii_lowercase().starts_with("/mapi/") {
        return mapi_over_http::respond(server, context, Endpoint::of_path(path), head, body);
    }
    reply::status(StatusCode::NOT_FOUND)
}

/// The whole body of a request.
async fn read(body: Incoming, limits: &HttpLimits) -> Result<Bytes, BodyError> {
    match timeout(limits.body, Limited::new(body, limits.body_size).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TimedOut),
    }
}

/// The response to a request of a client that must authenticate. The body is read and dropped, since a handshake must
/// continue on the connection; a body beyond the limits ends the connection.
async fn unauthorized(connection: &Connection, body: Incoming, challenge: Option<String>) -> Reply {
    let is_dropped = timeout(connection.server.limits.body, drain(body, connection.server.limits.body_size));
    let code = StatusCode::UNAUTHORIZED;
    let mut reply = match is_dropped.await {
        Ok(true) => reply::status(code),
        _ => reply::closing(code),
    };
    let headers = reply.headers_mut();
    match challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
        Some(challenge) => drop(headers.append(WWW_AUTHENTICATE, challenge)),
        None => {
            for challenge in connection.auth.config().challenges() {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
    }
    reply
}

/// Reads and drops a body. Whether it has ended within `limit` bytes.
async fn drain(mut body: Incoming, limit: usize) -> bool {
    let mut left = limit;
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return false;
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let size = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}
