//! The HTTP exchanges of recorded operations.

use bytes::Bytes;
use engine::{Discovery, HttpMessageKind, HttpMessages};
use mapi::mapihttp::headers::{self, X_REQUEST_TYPE, X_RESPONSE_CODE};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};

use crate::call::{HttpCall, HttpMessage, HttpResponse, RpcOutcome, Stub};

/// The meta-tags before the payload of a response, if those of the server are unknown.
const META_TAGS: &[u8] = b"PROCESSING\r\nDONE\r\n\r\n";

/// The fields of a message.
type Fields = Vec<(String, String)>;

/// An exchange of MAPI over HTTP, as it was between client and proxy, or between proxy and server
/// (`upstream`). Required fields of an unknown message are generated. `code` is the response code of a
/// refusal by the proxy.
pub(super) fn call(
    (endpoint, kind): (Endpoint, RequestType),
    upstream: bool,
    (request, outcome): (Stub, RpcOutcome),
    code: ResponseCode,
    exchange: Option<&dyn HttpMessages>,
) -> HttpCall {
    let (request_kind, response_kind) = if upstream {
        (HttpMessageKind::UpstreamRequest, HttpMessageKind::UpstreamResponse)
    } else {
        (HttpMessageKind::ClientRequest, HttpMessageKind::ClientResponse)
    };
    let known = |message| exchange.and_then(|exchange| fields(exchange, message));
    let request_fields = known(request_kind).unwrap_or_else(|| generated(kind));
    let status = exchange.and_then(HttpMessages::status);
    let response_fields = known(response_kind);
    let response = match outcome {
        RpcOutcome::Response(stub) => {
            let before = exchange.map(HttpMessages::before_payload).filter(|before| !before.is_empty());
            let body = [before.unwrap_or(META_TAGS), &bytes(stub)].concat();
            let fields = response_fields.unwrap_or_else(|| with(generated(kind), X_RESPONSE_CODE, "0"));
            Some(response(status.unwrap_or(200), fields, body.into()))
        }
        RpcOutcome::Fault(_) => {
            let fields = response_fields.unwrap_or_else(|| generated(kind));
            let has_code = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(X_RESPONSE_CODE));
            let (fields, body) = if let Some((code, body)) = exchange.and_then(HttpMessages::refused) {
                // The client gets the server's refusal.
                (if has_code { fields } else { with(fields, X_RESPONSE_CODE, &code.0.to_string()) }, body)
            } else {
                let fields = with(fields, X_RESPONSE_CODE, &code.0.to_string());
                (with(fields, "Content-Type", headers::ERROR_CONTENT_TYPE), code.page().into())
            };
            Some(response(status.unwrap_or(200), fields, body))
        }
        RpcOutcome::None => {
            let received = status.zip(response_fields);
            let body = exchange.and_then(HttpMessages::refused).map(|(_, body)| body).unwrap_or_default();
            received.map(|(status, fields)| response(status, fields, body))
        }
    };
    let target =
        exchange.map_or_else(|| format!("{}/", endpoint.path()), |exchange| exchange.target().to_owned());
    let request = HttpMessage { fields: request_fields, body: bytes(request), ..HttpMessage::default() };
    HttpCall { method: "POST".to_owned(), target, request, response }
}

/// An exchange of Autodiscover on one side; `None` if the proxy sent no request to the server.
pub(super) fn discovery(discovery: &Discovery<'_>, upstream: bool) -> Option<HttpCall> {
    let exchange = discovery.messages;
    let (request_kind, response_kind) = if upstream {
        (HttpMessageKind::UpstreamRequest, HttpMessageKind::UpstreamResponse)
    } else {
        (HttpMessageKind::ClientRequest, HttpMessageKind::ClientResponse)
    };
    let request_fields = fields(exchange, request_kind)?;
    let status_and_body = if upstream {
        exchange.status().zip(discovery.upstream_response)
    } else {
        Some((discovery.status, discovery.response))
    };
    let response = status_and_body.map(|(status, body)| {
        response(status, fields(exchange, response_kind).unwrap_or_default(), body.clone())
    });
    let body = discovery.request.clone();
    let request = HttpMessage { fields: request_fields, body, ..HttpMessage::default() };
    let (method, target) = (discovery.method.to_owned(), exchange.target().to_owned());
    Some(HttpCall { method, target, request, response })
}

fn response(status: u16, fields: Fields, body: Bytes) -> HttpResponse {
    let reason = if status == 200 { "OK" } else { "" };
    HttpResponse {
        status,
        reason: reason.to_owned(),
        message: HttpMessage { fields, body, ..HttpMessage::default() },
    }
}

fn bytes(stub: Stub) -> Bytes {
    match stub {
        Stub::Plain(bytes, _) => bytes,
        Stub::Sealed(..) => Bytes::new(),
    }
}

/// The fields of a message; `None` if there was no such message.
fn fields(exchange: &dyn HttpMessages, message: HttpMessageKind) -> Option<Fields> {
    let mut fields = Fields::new();
    exchange
        .fields(message, &mut |name, value| {
            fields.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        })
        .then_some(fields)
}

/// The required fields of a message.
fn generated(kind: RequestType) -> Fields {
    let known = [("Content-Type", headers::CONTENT_TYPE), (X_REQUEST_TYPE, kind.name())];
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The fields with the field `name` set to `value`.
fn with(mut fields: Fields, name: &str, value: &str) -> Fields {
    fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    fields.push((name.to_owned(), value.to_owned()));
    fields
}
