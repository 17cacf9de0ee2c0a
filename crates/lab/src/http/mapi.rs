//! MAPI over HTTP: the headers of requests, the framing of responses, and Session Contexts ([MS-OXCMAPIHTTP] 2.2.2,
//! 2.2.3, 3.2.5).

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use identity::SecurityContext;
use mapi::mapihttp::headers::{self, GuidCounter};
use mapi::mapihttp::{Endpoint, MetaTag, RequestType, ResponseCode, nspi, prefix};
use tokio::time::Instant;

use crate::http::address_book;
use crate::http::mailbox;
use crate::http::operation::{Accepted, Outcome, Payload, Request};
use crate::http::reply::{self, Reply, ReplyBody, Work};
use crate::http::server::{BodyError, Server};
use crate::http::sessions::SessionCookies;
use crate::nspi::check_bind;

/// `X-ServerApplication`: Exchange 2016, whose last number has three digits ([MS-OXCMAPIHTTP] 2.2.3.3.7).
const SERVER_APPLICATION: &str = "Exchange/15.01.2507.000";
const X_SERVER_APPLICATION: HeaderName = HeaderName::from_static("x-serverapplication");
/// [MS-OXCMAPIHTTP] 2.2.3.3.8.
const X_EXPIRATION_INFO: HeaderName = HeaderName::from_static("x-expirationinfo");
/// [MS-OXCMAPIHTTP] 2.2.3.3.10.
const X_START_TIME: &str = "X-StartTime";

/// The headers of a request that the response repeats, and when the request began.
struct Echo {
    request_type: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
    client_info: Option<HeaderValue>,
}

/// When a request began.
#[derive(Clone, Copy)]
struct Start {
    at: SystemTime,
    instant: Instant,
}

impl Start {
    #[allow(clippy::disallowed_methods, reason = "X-StartTime is the time of day, which decides nothing")]
    fn now() -> Self {
        Self { at: SystemTime::now(), instant: Instant::now() }
    }

    /// The end of a body: `DONE`, additional headers, and the payload.
    fn end(self, payload: Payload) -> Vec<u8> {
        let (code, payload) = match payload {
            Ok(payload) => (ResponseCode::Success, payload),
            Err(code) => (code, code.page().into_bytes()),
        };
        let elapsed = self.instant.elapsed().as_millis().to_string();
        let (code, start) = (code.0.to_string(), httpdate::fmt_http_date(self.at));
        let mut lines = vec![
            (headers::X_RESPONSE_CODE, code.as_str()),
            (headers::X_ELAPSED_TIME, elapsed.as_str()),
            (X_START_TIME, start.as_str()),
        ];
        if code != "0" {
            lines.push(("Content-Type", headers::ERROR_CONTENT_TYPE));
        }
        // None of the lines can contain the end of a line.
        let mut body = prefix(&[MetaTag::Done], &lines).unwrap_or_default();
        body.extend_from_slice(&payload);
        body
    }
}

/// Responds to a request of MAPI over HTTP.
pub(super) fn respond(
    server: &Arc<Server>,
    context: &SecurityContext,
    endpoint: Option<Endpoint>,
    head: &Parts,
    body: Result<Bytes, BodyError>,
) -> Reply {
    let start = Start::now();
    let body = match body {
        Ok(body) => Ok(body),
        Err(BodyError::TooLarge) => Err(ResponseCode::TooLarge),
        Err(error) => return error.reply(),
    };
    let echo = Echo::of(&head.headers);
    let accepted = match check(context, endpoint, head, body) {
        Ok(request) => execute(server, &request),
        Err(code) => Err(code),
    };
    let mut reply = match accepted {
        Ok(accepted) => framed(server, start, accepted),
        Err(code) => {
            tracing::debug!(user = %context.principal(), path = head.uri.path(), "lab: X-ResponseCode {}", code.0);
            refused(code)
        }
    };
    echo.add_to(reply.headers_mut());
    let expiration = server.limits.session_idle.as_millis().to_string();
    let headers = reply.headers_mut();
    headers.insert(X_SERVER_APPLICATION, HeaderValue::from_static(SERVER_APPLICATION));
    if let Ok(expiration) = HeaderValue::try_from(expiration) {
        headers.insert(X_EXPIRATION_INFO, expiration);
    }
    reply
}

/// The value of the only header of this name.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, ResponseCode> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(ResponseCode::InvalidHeader),
        (value, None) => Ok(value),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, ResponseCode> {
    let value = only(headers, name)?.ok_or(ResponseCode::MissingHeader)?;
    value.to_str().map_err(|_| ResponseCode::InvalidHeader)
}

/// Checks the headers of a request ([MS-OXCMAPIHTTP] 2.2.2.1).
fn check<'a>(
    context: &'a SecurityContext,
    endpoint: Option<Endpoint>,
    head: &Parts,
    body: Result<Bytes, ResponseCode>,
) -> Result<Request<'a>, ResponseCode> {
    let endpoint = endpoint.ok_or(ResponseCode::InvalidPath)?;
    if head.method != Method::POST {
        return Err(ResponseCode::InvalidVerb);
    }
    let request_type = text(&head.headers, headers::X_REQUEST_TYPE)?;
    let request_type = RequestType::parse(request_type).ok_or(ResponseCode::InvalidRequestType)?;
    endpoint.operation(request_type).ok_or(ResponseCode::InvalidRequestType)?;
    if !headers::is_mapi_http(text(&head.headers, CONTENT_TYPE.as_str())?) {
        return Err(ResponseCode::InvalidHeader);
    }
    let request_id = text(&head.headers, headers::X_REQUEST_ID)?;
    GuidCounter::parse(request_id).ok_or(ResponseCode::InvalidHeader)?;
    only(&head.headers, headers::X_CLIENT_INFO)?;
    let cookies = SessionCookies::of(&head.headers)?;
    Ok(Request { context, endpoint, kind: request_type, cookies, body: body? })
}

/// Executes a request.
fn execute(server: &Arc<Server>, request: &Request<'_>) -> Result<Accepted, ResponseCode> {
    match (request.endpoint, request.kind) {
        (endpoint, RequestType::PING) => {
            let mut cookies = Vec::new();
            if request.cookies.has_context() {
                let session = server.sessions.find(request.context, endpoint, &request.cookies)?;
                session.refresh();
                // Every response has the cookies of its Session Context ([MS-OXCMAPIHTTP] 3.2.5.2).
                cookies = session.set_cookies();
            }
            if !request.body.is_empty() {
                return Err(ResponseCode::InvalidRequestBody);
            }
            Ok(Accepted { cookies, outcome: Outcome::Complete(Ok(Vec::new())) })
        }
        (Endpoint::Nspi, _) => address_book_request(server, request),
        (Endpoint::Emsmdb, _) => mailbox::execute(server, request),
    }
}

/// Executes a request to the address book.
fn address_book_request(server: &Server, request: &Request<'_>) -> Result<Accepted, ResponseCode> {
    let decoded = nspi::Request::decode(request.kind, &request.body);
    let Ok((body, [])) = decoded else { return Err(ResponseCode::InvalidRequestBody) };
    let encoded = |response: &nspi::Response| response.encode().map_err(|_| ResponseCode::InvalidResponse);
    if let nspi::Request::Bind(bind) = &body {
        if let Some(Err(code)) = bind.stat.get().map(check_bind) {
            let payload = encoded(&address_book::unbound(code));
            return Ok(Accepted { cookies: Vec::new(), outcome: Outcome::Complete(payload) });
        }
        let most = server.address_book_sessions(request.context);
        let session = server.sessions.open(request.context, Endpoint::Nspi, &request.cookies, None, most)?;
        let payload = encoded(&address_book::respond(&server.lab, &server.origin, body));
        return Ok(Accepted { cookies: session.set_cookies(), outcome: Outcome::Complete(payload) });
    }
    let session = server.sessions.find(request.context, Endpoint::Nspi, &request.cookies)?;
    let turn = session.take_turn(&request.cookies)?;
    if request.kind.ends_session() {
        server.sessions.end(&session);
    }
    let (lab, origin) = (Arc::clone(&server.lab), server.origin.clone());
    let outcome = Outcome::of_job(server, request.context, move || {
        let payload = encoded(&address_book::respond(&lab, &origin, body));
        drop(turn);
        payload
    })?;
    Ok(Accepted { cookies: session.set_cookies(), outcome })
}

/// The response to a request that was accepted: `X-ResponseCode` 0, meta-tags, additional headers and the payload.
fn framed(server: &Server, start: Start, accepted: Accepted) -> Reply {
    let body = match accepted.outcome {
        Outcome::Complete(payload) => {
            let mut body = MetaTag::Processing.line().to_vec();
            body.extend(start.end(payload));
            ReplyBody::Whole(body.into())
        }
        Outcome::InProgress(work) => {
            let work: Work = Box::pin(async move { start.end(work.await) });
            ReplyBody::of_work(work, server.limits.pending_period)
        }
    };
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(headers::CONTENT_TYPE));
    headers.insert(response_code(), HeaderValue::from_static("0"));
    let period = server.limits.pending_period.as_millis().to_string();
    if let (Ok(name), Ok(period)) =
        (HeaderName::try_from(headers::X_PENDING_PERIOD), HeaderValue::try_from(period))
    {
        headers.insert(name, period);
    }
    for cookie in accepted.cookies.into_iter().filter_map(|cookie| HeaderValue::try_from(cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    reply
}

const fn response_code() -> HeaderName {
    HeaderName::from_static("x-responsecode")
}

/// The response to a request that is refused: the status is 200, and the body a page for people.
fn refused(code: ResponseCode) -> Reply {
    let mut reply = reply::whole(StatusCode::OK, headers::ERROR_CONTENT_TYPE, code.page());
    if let Ok(value) = HeaderValue::try_from(code.0.to_string()) {
        reply.headers_mut().insert(response_code(), value);
    }
    reply
}

impl Echo {
    fn of(headers: &HeaderMap) -> Self {
        let copy = |name| only(headers, name).ok().flatten().cloned();
        Self {
            request_type: copy(headers::X_REQUEST_TYPE),
            request_id: copy(headers::X_REQUEST_ID),
            client_info: copy(headers::X_CLIENT_INFO),
        }
    }

    fn add_to(self, headers: &mut HeaderMap) {
        for (name, value) in [
            (headers::X_REQUEST_TYPE, self.request_type),
            (headers::X_REQUEST_ID, self.request_id),
            (headers::X_CLIENT_INFO, self.client_info),
        ] {
            if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
                headers.insert(name, value);
            }
        }
    }
}
