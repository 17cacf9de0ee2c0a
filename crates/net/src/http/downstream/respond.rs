//! Responses that the proxy generates instead of forwarding them.

use http1::{Head as _, RequestHead, ResponseHead, Version};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::headers::X_RESPONSE_CODE;

use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// Appends a response to `request` with `text`, to whose head `add` may add fields.
pub(crate) fn to(
    out: &mut Vec<u8>,
    request: &RequestHead,
    status: u16,
    text: &str,
    add: impl FnOnce(&mut ResponseHead),
) {
    let Some(mut head) = text_head(status) else { return };
    add(&mut head);
    complete(out, request, head, text.as_bytes());
}

/// Appends a complete response to `request`: `head`, with the length of `body` and whether the connection stays open,
/// and `body`, which the response to a HEAD request does not have (RFC 9110 9.3.2). Each response that the
/// proxy generates instead of forwarding one is written here, except for those that begin with a keep-alive, which a
/// HEAD request never receives.
pub(crate) fn complete(out: &mut Vec<u8>, request: &RequestHead, mut head: ResponseHead, body: &[u8]) {
    head.fields.push("Content-Length", body.len().to_string());
    connection(&mut head, request);
    head.write(out);
    if request.method() != "HEAD" {
        out.extend_from_slice(body);
    }
}

/// The seconds after which a client may repeat a request that exceeded a limit on memory.
const BUSY_SECONDS: u64 = 10;

/// Appends a response to `request` that refuses it because of a limit on memory, with a `code` if it is an operation.
pub(crate) fn too_busy(out: &mut Vec<u8>, request: &RequestHead, code: Option<ResponseCode>) {
    to(out, request, 503, "too busy\n", |head| {
        head.fields.push("Retry-After", BUSY_SECONDS.to_string());
        if let Some(code) = code {
            head.fields.push(X_RESPONSE_CODE, code.0.to_string());
        }
    });
}

/// Appends a response to `request`, which failed because of `why`.
pub(crate) fn upstream_failed(out: &mut Vec<u8>, request: &RequestHead, why: &UpstreamError) {
    let (status, text) = status_and_text(why);
    to(out, request, status, text, |head| {
        if why.is_too_busy() {
            head.fields.push("Retry-After", BUSY_SECONDS.to_string());
        }
    });
}

/// The status and text of the response to a request that failed because of `why`.
const fn status_and_text(why: &UpstreamError) -> (u16, &'static str) {
    match why {
        UpstreamError::Connect(_) | UpstreamError::Loop => {
            (502, "the server behind this proxy cannot be reached\n")
        }
        UpstreamError::Tls(_) => (
            502,
            "this proxy cannot establish TLS with the server behind it: inform the proxy's administrator\n",
        ),
        UpstreamError::Auth(
            UpstreamAuthError::InvalidCredentials(_)
            | UpstreamAuthError::AssociationRejected(_)
            | UpstreamAuthError::SchemeNotOffered(_),
        ) => (
            503,
            "the server behind this proxy rejects the proxy's own account, not yours: inform the proxy's \
             administrator\n",
        ),
        UpstreamError::MemoryLimit(_) | UpstreamError::TooManyConnections => (503, "too busy\n"),
        UpstreamError::Timeout(_) => (504, "the server behind this proxy does not respond in time\n"),
        UpstreamError::Closed { .. }
        | UpstreamError::Rejected { .. }
        | UpstreamError::NotServed(_)
        | UpstreamError::Protocol(_)
        | UpstreamError::Auth(
            UpstreamAuthError::ClientMustAuthenticate(_) | UpstreamAuthError::AccessDenied(_),
        ) => (502, "the server behind this proxy gave no usable response\n"),
    }
}

/// Adds to the head of a response whether the connection stays open.
pub(crate) fn connection(head: &mut ResponseHead, request: &RequestHead) {
    if !request.keeps_alive() {
        head.fields.push("Connection", "close");
    } else if request.version() == Version::Http10 {
        head.fields.push("Connection", "keep-alive");
    }
}

/// Appends a response to bytes that are not a request, after which the connection is closed. It has no body, since the
/// bytes may be meant as a HEAD request.
pub(crate) fn bad_request(out: &mut Vec<u8>, status: u16) {
    let Some(mut head) = ResponseHead::new(status, reason(status)) else { return };
    head.fields.push("Content-Length", "0");
    head.fields.push("Connection", "close");
    head.write(out);
}

/// The methods by which the services of Exchange are used, for responses with status 405, which must name the methods
/// that are allowed (RFC 9110 15.5.6). The proxy forwards all but CONNECT and TRACE.
const ALLOWED_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// The head of a response with a text.
fn text_head(status: u16) -> Option<ResponseHead> {
    let mut head = ResponseHead::new(status, reason(status))?;
    head.fields.push("Content-Type", "text/plain; charset=utf-8");
    if status == 405 {
        head.fields.push("Allow", ALLOWED_METHODS);
    }
    Some(head)
}

const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "Refused",
    }
}
