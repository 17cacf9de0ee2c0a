//! Decodes the bodies of calls, by interface or request type.

use std::borrow::Cow;

use engine::rops::{request_buffers, response_buffers};
use engine::{Body as _, HandleUse, OperationKey, handle_use};
use mapi::Interface;
use mapi::compress::ExtendedBuffer;
use mapi::inspect::{Inspect, Node};
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody, ResponseCode, cookies, emsmdb, headers};
use wire::{Bytes, Endian};

use super::handles::{handle_at, opened};
use super::objects::Objects;
use super::operation::Operation;
use super::sessions::{Key, Sessions};
use super::{mapper, rops};
use crate::call::{HttpCall, HttpMessage, HttpResponse, RpcCall, RpcOutcome, Stub};
use crate::content_coding::{unsupported, without_coding};

/// Analyzes an RPC call. `known` is its interface, if that is one of Exchange's.
pub(super) fn rpc(
    operation: &mut Operation,
    sessions: &mut Sessions,
    connection: u64,
    (call, known): (&RpcCall, Option<Interface>),
) {
    operation.request_size = call.request.len();
    let name_in_any_interface = call.interface.and_then(|syntax| mapper::named(syntax.uuid, call.opnum));
    operation.endpoint = match (known, &name_in_any_interface, call.interface) {
        (Some(interface), ..) => interface.name().to_owned(),
        (None, Some((name, _)), _) => (*name).to_owned(),
        (None, None, Some(syntax)) => syntax.uuid.to_string(),
        (None, None, None) => "unknown".to_owned(),
    };
    let name = known.and_then(|interface| interface.operation(call.opnum)).map(str::to_owned);
    let name = name.or_else(|| name_in_any_interface.map(|(_, operation)| operation));
    operation.operation = name.unwrap_or_else(|| format!("{}.{}", operation.endpoint, call.opnum));
    match &call.outcome {
        RpcOutcome::Response(stub) => operation.response_size = Some(stub.len()),
        RpcOutcome::Fault(status) => operation.fault = Some(format!("{status:?}")),
        RpcOutcome::None => {}
    }
    for (what, stub) in [("request", Some(&call.request)), ("response", response_stub(call))] {
        if let Some(Stub::Sealed(_, why)) = stub {
            let state = if why.is_encrypted() { "sealed" } else { "not read" };
            operation.problems.push(format!("the {what} is {state}: {why}"));
        }
    }
    operation.session = rpc_session(sessions, connection, known, call);
    if operation.endpoint == "epm" {
        mapper::mapped(operation, call);
    }
    let Some(interface) = known else { return };
    let key = (interface, call.opnum);
    let request =
        plain(Some(&call.request), |stub, endian| engine::Request::decode(key.into(), stub, endian));
    let response =
        plain(response_stub(call), |stub, endian| engine::Response::decode(key.into(), stub, endian));
    let request = body_or_problem(request, "request", &mut operation.problems);
    let response = body_or_problem(response, "response", &mut operation.problems);
    let objects = sessions.objects(operation.session);
    bodies(operation, request.as_ref(), response.as_ref(), objects);
}

/// Adds the bodies of an operation, as far as they can be decoded.
fn bodies(
    operation: &mut Operation,
    request: Option<&engine::Request>,
    response: Option<&engine::Response>,
    objects: &mut Objects,
) {
    operation.return_value = response.and_then(engine::Response::return_value);
    if !execute(operation, request, response, objects) {
        operation.request = request.map_or(Node::Nothing, Inspect::to_node);
        operation.response = response.map_or(Node::Nothing, Inspect::to_node);
    }
}

/// The stub of the response, if the call got one.
fn response_stub(call: &RpcCall) -> Option<&Stub> {
    match &call.outcome {
        RpcOutcome::Response(stub) => Some(stub),
        RpcOutcome::Fault(_) | RpcOutcome::None => None,
    }
}

/// Decodes a stub. Also returns the number of bytes after the last parameter. `None` if there is no stub or it is
/// encrypted.
fn plain<'a, T>(
    stub: Option<&'a Stub>,
    decode: impl FnOnce(&'a [u8], Endian) -> wire::Result<(T, &'a [u8])>,
) -> Option<wire::Result<(T, usize)>> {
    match stub {
        Some(Stub::Plain(bytes, endian)) => {
            Some(decode(bytes, *endian).map(|(body, rest)| (body, rest.len())))
        }
        _ => None,
    }
}

/// Returns the body that was `decoded`, or adds the error, or bytes after the body, to `problems`.
fn body_or_problem<T>(
    decoded: Option<wire::Result<(T, usize)>>,
    what: &str,
    problems: &mut Vec<String>,
) -> Option<T> {
    match decoded? {
        Ok((body, rest)) => {
            // There may be padding after the last parameter.
            if rest > 3 {
                problems.push(format!("{what}: {rest} bytes after the last parameter"));
            }
            Some(body)
        }
        Err(error) => {
            problems.push(format!("{what}: {error}"));
            None
        }
    }
}

/// The session of an RPC call, by its context handle or its connection.
fn rpc_session(
    sessions: &mut Sessions,
    connection: u64,
    interface: Option<Interface>,
    call: &RpcCall,
) -> u64 {
    let by_connection = Key::Connection(connection);
    let Some(interface) = interface else { return sessions.find(&[by_connection]) };
    let named = || handle_at(&call.request, 0).map_or(by_connection.clone(), Key::Handle);
    match handle_use(interface, call.opnum) {
        HandleUse::Unknown | HandleUse::None => sessions.find(&[by_connection]),
        HandleUse::Opens => match opened(interface, &call.outcome) {
            Some(handle) => {
                let session = sessions.begin();
                sessions.add(session, Key::Handle(handle));
                session
            }
            None => sessions.find(&[by_connection]),
        },
        HandleUse::Derives => {
            let session = sessions.find(&[named()]);
            if let Some(derived) = opened(interface, &call.outcome) {
                sessions.add(session, Key::Handle(derived));
            }
            session
        }
        HandleUse::Reads | HandleUse::Passes | HandleUse::Closes => sessions.find(&[named()]),
    }
}

/// Processes a call that carries ROPs. Returns false for any other call.
fn execute(
    operation: &mut Operation,
    request: Option<&engine::Request>,
    response: Option<&engine::Response>,
    objects: &mut Objects,
) -> bool {
    let request_payloads = request.and_then(request_buffers);
    // The request may be unreadable.
    let unread = matches!(response, Some(engine::Response::EmsmdbHttp(emsmdb::Response::Execute(_))));
    if request_payloads.is_none() && (request.is_some() || !unread) {
        return false;
    }
    let request_payloads = payloads(request_payloads, &mut operation.problems);
    let response_payloads = payloads(response.and_then(response_buffers), &mut operation.problems);
    let batch = rops::read(&request_payloads, &response_payloads, objects);
    operation.rops = batch.rops;
    operation.problems.extend(batch.problems);
    true
}

/// The payloads of extended buffers, if they can be decoded.
fn payloads(buffers: Option<wire::Result<Vec<ExtendedBuffer>>>, problems: &mut Vec<String>) -> Vec<Bytes> {
    let buffers = buffers.and_then(|buffers| buffers.map_err(|error| problems.push(error.to_string())).ok());
    buffers.unwrap_or_default().into_iter().map(|buffer| buffer.payload).collect()
}

/// Analyzes a request of MAPI over HTTP.
pub(super) fn mapi_http(
    operation: &mut Operation,
    sessions: &mut Sessions,
    connection: u64,
    call: &HttpCall,
) {
    call.path().clone_into(&mut operation.endpoint);
    operation.request_size = call.request.body.len();
    let named = call.request.field(headers::X_REQUEST_TYPE).unwrap_or_default();
    let endpoint = Endpoint::of_path(call.path());
    let known = RequestType::parse(named).filter(|_| call.method.eq_ignore_ascii_case("POST"));
    let name = known.and_then(|known| endpoint?.operation(known));
    operation.operation = name.map_or_else(|| format!("{} {}", call.method, call.path()), str::to_owned);
    if name.is_none() && !named.is_empty() {
        operation.operation = format!("{} {named}", operation.operation);
    }
    operation.session = http_session(sessions, connection, known, call);
    if let Some(response) = &call.response {
        operation.status = Some(response.status);
        operation.response_size = Some(response.message.body.len());
    }
    let known_problems = operation.problems.len();
    let payload = call.response.as_ref().and_then(|response| payload(operation, response));
    let (Some(endpoint), Some(known)) = (endpoint, known) else { return };
    let body = readable(operation, "request", &call.request);
    // Clients that only test whether they are authenticated send no body.
    if body.as_ref().is_some_and(|body| body.is_empty()) && payload.is_none() {
        return;
    }
    let objects = sessions.objects(operation.session);
    let key = OperationKey::Http(endpoint, known);
    let request = body.as_deref().map(|body| engine::Request::decode(key, body, Endian::Little));
    let request = request.map(|decoded| decoded.map(|(body, rest)| (body, rest.len())));
    let request = body_or_problem(request, "request", &mut operation.problems);
    let response = payload.as_deref().map(|payload| engine::Response::decode(key, payload, Endian::Little));
    let response = response.map(|decoded| decoded.map(|(body, rest)| (body, rest.len())));
    let response = body_or_problem(response, "response", &mut operation.problems);
    if operation.problems.len() > known_problems {
        let answered = call.response.as_ref().map(|response| &response.message);
        for (which, message) in [("request", Some(&call.request)), ("response", answered)] {
            let coding = message.and_then(unsupported);
            operation.problems.extend(coding.map(|error| format!("{which}: {error}")));
        }
    }
    bodies(operation, request.as_ref(), response.as_ref(), objects);
}

/// The body of a message without its content coding; `None` if it cannot be read, which is added to the problems.
fn readable<'a>(operation: &mut Operation, which: &str, message: &'a HttpMessage) -> Option<Cow<'a, [u8]>> {
    let body = match message.unreadable() {
        Some(what) => Err(what),
        None => without_coding(message).map_err(|error| error.to_string()),
    };
    body.map_err(|what| operation.problems.push(format!("{which}: {what}"))).ok()
}

/// The payload of a response of MAPI over HTTP; `None` if the request was not executed.
fn payload<'a>(operation: &mut Operation, response: &'a HttpResponse) -> Option<Cow<'a, [u8]>> {
    let code = response.message.field(headers::X_RESPONSE_CODE).and_then(ResponseCode::parse);
    operation.response_code = code.map(|code| code.0);
    let kind = response.message.field("content-type").unwrap_or_default();
    if response.status != 200 || !headers::is_mapi_http(kind) || code.is_some_and(|code| code.0 != 0) {
        return None;
    }
    let whole = readable(operation, "response", &response.message)?;
    match ResponseBody::split(&whole) {
        Ok((body, payload)) => {
            let code = body.response_code();
            operation.response_code = code.map(|code| code.0).or(operation.response_code);
            let start = whole.len().saturating_sub(payload.len());
            code.is_none_or(|code| code.0 == 0).then(|| match whole {
                Cow::Borrowed(whole) => Cow::Borrowed(whole.get(start..).unwrap_or_default()),
                Cow::Owned(mut whole) => Cow::Owned(whole.split_off(start)),
            })
        }
        Err(error) => {
            operation.problems.push(format!("response: {error}"));
            None
        }
    }
}

/// The session of a request, by its cookies.
fn http_session(
    sessions: &mut Sessions,
    connection: u64,
    known: Option<RequestType>,
    call: &HttpCall,
) -> u64 {
    let sent = call.request.all("cookie").flat_map(cookies::cookies);
    let mut keys: Vec<Key> =
        sent.map(|cookie| Key::Cookie(format!("{}={}", cookie.name, cookie.value))).collect();
    let begins = known.is_some_and(RequestType::begins_session);
    let set = call.response.iter().flat_map(|response| response.message.all("set-cookie"));
    let set = set.map(cookies::SetCookie::parse).filter(|set| !set.is_removal());
    let set: Vec<Key> =
        set.map(|set| Key::Cookie(format!("{}={}", set.cookie.name, set.cookie.value))).collect();
    let session = if begins && !set.is_empty() {
        sessions.begin()
    } else {
        if keys.is_empty() {
            keys.push(Key::Connection(connection));
        }
        sessions.find(&keys)
    };
    for key in set {
        sessions.add(session, key);
    }
    session
}
