//! Responses that the proxy generates for operations: results of modules, and refusals.

use bytes::Bytes;
use engine::Reply;
use http1::ResponseHead;
use mapi::mapihttp::headers::{
    CONTENT_TYPE, ERROR_CONTENT_TYPE, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE, X_RESPONSE_CODE,
};
use mapi::mapihttp::{MetaTag, ResponseCode, prefix};

use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::pending::{end, end_refused};

/// Appends the response for `reply`, after the keep-alive if the response has `begun`.
pub(crate) fn reply(out: &mut Vec<u8>, request: &RequestContext, reply: &Reply, begun: bool) -> KeepAlive {
    match (reply, begun) {
        (Reply::Response(stub), true) => end(out, &[], stub),
        (Reply::Response(stub), false) => return success(out, request, stub),
        (refused, true) => end_refused(out, refused.response_code()),
        (refused, false) => return refuse(out, request, refused.response_code()),
    }
    request.keep_alive()
}

/// Appends a response with the payload of an operation that was not sent to the server.
fn success(out: &mut Vec<u8>, request: &RequestContext, payload: &[u8]) -> KeepAlive {
    let before = prefix(&[MetaTag::Processing, MetaTag::Done], &[]).unwrap_or_default();
    local(out, request, ResponseCode::Success, CONTENT_TYPE, &[&before[..], payload].concat())
}

/// Appends a response that refuses an operation with `code`.
pub(crate) fn refuse(out: &mut Vec<u8>, request: &RequestContext, code: ResponseCode) -> KeepAlive {
    local(out, request, code, ERROR_CONTENT_TYPE, code.page().as_bytes())
}

fn local(
    out: &mut Vec<u8>,
    request: &RequestContext,
    code: ResponseCode,
    kind: &'static str,
    body: &[u8],
) -> KeepAlive {
    let Some(head) = local_head(request, code, kind) else { return KeepAlive::No };
    respond::complete(out, &request.head, head, body);
    request.keep_alive()
}

/// The head of a response that the proxy generates, without the fields that frame its body.
pub(crate) fn local_head(
    request: &RequestContext,
    code: ResponseCode,
    kind: &'static str,
) -> Option<ResponseHead> {
    let mut head = ResponseHead::new(200, "OK")?;
    head.fields.push("Cache-Control", "private");
    head.fields.push("Content-Type", kind);
    for name in [X_REQUEST_TYPE, X_REQUEST_ID, X_CLIENT_INFO] {
        if let Some(value) = request.head.fields.get(name) {
            head.fields.push(name, Bytes::copy_from_slice(value));
        }
    }
    head.fields.push(X_RESPONSE_CODE, code.0.to_string());
    if let Some(token) = &request.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    Some(head)
}
