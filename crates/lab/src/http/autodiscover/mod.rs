//! Autodiscover: the URLs and names that clients need to reach a mailbox of the lab.

mod pox;
mod settings;
mod soap;

use std::sync::Arc;

use hyper::{Method, StatusCode};
use identity::SecurityContext;
use mapi::autodiscover::{Dialect, JsonRequest};

use crate::http::reply::{self, Reply};
use crate::http::server::Server;

const XML: &str = "text/xml; charset=utf-8";
const JSON: &str = "application/json";

/// Responds to a request of a client that has authenticated.
pub(super) fn respond(
    server: &Arc<Server>,
    context: &SecurityContext,
    dialect: Dialect,
    head: &hyper::http::request::Parts,
    body: &[u8],
) -> Reply {
    tracing::debug!(user = %context.principal(), "lab: Autodiscover, {dialect:?}");
    match (dialect, &head.method) {
        (Dialect::Pox, &Method::POST) => {
            let by_http = head.headers.contains_key("X-MapiHttpCapability");
            reply::whole(StatusCode::OK, XML, pox::respond(server, body, by_http))
        }
        (Dialect::Soap, &Method::POST) => {
            let (status, body) = soap::respond(server, body);
            reply::whole(status, XML, body)
        }
        (Dialect::Pox | Dialect::Soap, _) => reply::method_not_allowed("POST"),
        // The response to a GET request needs no authentication.
        (Dialect::Json, _) => reply::method_not_allowed("GET"),
    }
}

/// Responds to a request in the dialect JSON, which clients send without credentials: it returns the URL of the dialect
/// that they are to use, which is the same for every user.
pub(super) fn respond_json(server: &Server, target: &str) -> Reply {
    let request = JsonRequest::parse(target);
    let error = |code: &str, message: &str| {
        let body = format!(r#"{{"ErrorCode":"{code}","ErrorMessage":"{message}"}}"#);
        reply::whole(StatusCode::BAD_REQUEST, JSON, body)
    };
    if request.email.is_none() {
        return error("MandatoryParameterMissing", "the parameter 'Email' is missing");
    }
    match request.protocol.as_deref() {
        Some(protocol) if protocol.eq_ignore_ascii_case("AutodiscoverV1") => {
            let url = format!("{}/autodiscover/autodiscover.xml", server.origin);
            let body = format!(r#"{{"Protocol":"AutodiscoverV1","Url":"{url}"}}"#);
            reply::whole(StatusCode::OK, JSON, body)
        }
        Some(_) => error("ProtocolNotSupported", "the only supported protocol is 'AutodiscoverV1'"),
        None => error("MandatoryParameterMissing", "the parameter 'Protocol' is missing"),
    }
}
