//! Operations that came by HTTP, as the HTTP that they were.

use bytes::Bytes;
use engine::{Discovery, HttpMessageKind, HttpMessages};
use mapi::mapihttp::headers::{self, X_REQUEST_TYPE, X_RESPONSE_CODE};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};

use crate::call::{HttpCall, HttpMessage, HttpResponse, RpcAnswer, Stub};

/// What stands before the payload of an answer, where nothing else is known.
const META_TAGS: &[u8] = b"PROCESSING\r\nDONE\r\n\r\n";

/// The fields of a message.
type Fields = Vec<(String, String)>;

/// A request of MAPI over HTTP with its answer: as it was between the client and us, or between us and the
/// server. Of HTTP that is not known, what must be there is made up. `code` is that of a refusal by the proxy.
pub(super) fn call(
    (endpoint, kind): (Endpoint, RequestType),
    upstream: bool,
    (request, answer): (Stub, RpcAnswer),
    code: ResponseCode,
    exchange: Option<&dyn HttpMessages>,
) -> HttpCall {
    let (asked, answered) = if upstream {
        (HttpMessageKind::UpstreamRequest, HttpMessageKind::UpstreamResponse)
    } else {
        (HttpMessageKind::ClientRequest, HttpMessageKind::ClientResponse)
    };
    let known = |leg| exchange.and_then(|exchange| fields(exchange, leg));
    let request_fields = known(asked).unwrap_or_else(|| made_up(kind));
    let status = exchange.and_then(HttpMessages::status);
    let answer_fields = known(answered);
    let response = match answer {
        RpcAnswer::Response(stub) => {
            let before = exchange.map(HttpMessages::before_payload).filter(|before| !before.is_empty());
            let body = [before.unwrap_or(META_TAGS), &bytes(stub)].concat();
            let fields = answer_fields.unwrap_or_else(|| with(made_up(kind), X_RESPONSE_CODE, "0"));
            Some(response(status.unwrap_or(200), fields, body.into()))
        }
        RpcAnswer::Fault(_) => {
            let fields = answer_fields.unwrap_or_else(|| made_up(kind));
            let said = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(X_RESPONSE_CODE));
            let (fields, body) = if let Some((code, body)) = exchange.and_then(HttpMessages::refused) {
                // The client gets what the server said.
                (if said { fields } else { with(fields, X_RESPONSE_CODE, &code.0.to_string()) }, body)
            } else {
                let fields = with(fields, X_RESPONSE_CODE, &code.0.to_string());
                (with(fields, "Content-Type", headers::ERROR_CONTENT_TYPE), code.page().into())
            };
            Some(response(status.unwrap_or(200), fields, body))
        }
        RpcAnswer::None => {
            let came = status.zip(answer_fields);
            let body = exchange.and_then(HttpMessages::refused).map(|(_, body)| body).unwrap_or_default();
            came.map(|(status, fields)| response(status, fields, body))
        }
    };
    let target =
        exchange.map_or_else(|| format!("{}/", endpoint.path()), |exchange| exchange.target().to_owned());
    let request = HttpMessage { fields: request_fields, body: bytes(request), ..HttpMessage::default() };
    HttpCall { method: "POST".to_owned(), target, request, response }
}

/// A request of Autodiscover with its answer, as it was on one side; none where the server was not asked.
pub(super) fn discovery(discovery: &Discovery<'_>, upstream: bool) -> Option<HttpCall> {
    let exchange = discovery.messages;
    let (asked, answered) = if upstream {
        (HttpMessageKind::UpstreamRequest, HttpMessageKind::UpstreamResponse)
    } else {
        (HttpMessageKind::ClientRequest, HttpMessageKind::ClientResponse)
    };
    let request_fields = fields(exchange, asked)?;
    let answer = if upstream {
        exchange.status().zip(discovery.upstream_response)
    } else {
        Some((discovery.status, discovery.response))
    };
    let response = answer
        .map(|(status, body)| response(status, fields(exchange, answered).unwrap_or_default(), body.clone()));
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

/// The fields of a message; none where there was no such message.
fn fields(exchange: &dyn HttpMessages, leg: HttpMessageKind) -> Option<Fields> {
    let mut fields = Fields::new();
    exchange
        .fields(leg, &mut |name, value| {
            fields.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        })
        .then_some(fields)
}

/// The fields that say what a message is.
fn made_up(kind: RequestType) -> Fields {
    let known = [("Content-Type", headers::CONTENT_TYPE), (X_REQUEST_TYPE, kind.name())];
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The same with the field `name` set to `value`.
fn with(mut fields: Fields, name: &str, value: &str) -> Fields {
    fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    fields.push((name.to_owned(), value.to_owned()));
    fields
}
