//! Tests of replay: a recording is sent to a server that assigns other handles, ids and cookies.

use bytes::Bytes;
use capture::call::{
    Call, CallBody, Envelope, HttpCall, HttpMessage, HttpResponse, RpcCall, RpcOutcome, Stub,
};
use capture::replay::{Replay, ReplayedOutcome, Step};
use capture::{Analyzer, Timestamp};
use mapi::compress::{Limits, decode_chain, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::mapihttp::{OperationResponse, RequestType, ResponseBody, emsmdb};
use testkit::captures::{self, HttpMessage as Message};
use wire::{Decode as _, Encode as _, Endian};

/// The inbox of the recorded user, and its id at the other server.
const INBOX: [[u8; 8]; 2] = [[1, 0, 0, 0, 0, 0, 0, 0x0d], [1, 0, 0, 0, 0, 0, 0x77, 0x0d]];

/// A handle in the recording that refers to no object.
const NO_SUCH_OBJECT: u32 = 0x7777;

/// The calls of a recording, each in a connection of its own.
fn calls() -> Vec<Call> {
    let message = |parsed: &Message| HttpMessage {
        fields: parsed.headers.clone(),
        body: parsed.body.clone().into(),
        ..HttpMessage::default()
    };
    let exchanges = captures::mapihttp();
    let calls = (1..).zip(&exchanges).filter_map(|(connection, exchange)| {
        let (request, response) = (exchange.http_request(), exchange.http_response()?);
        let mut line = request.start_line.split(' ');
        let call = HttpCall {
            method: line.next()?.to_owned(),
            target: line.next()?.to_owned(),
            request: message(&request),
            response: Some(HttpResponse {
                status: response.start_line.split(' ').nth(1)?.parse().unwrap(),
                reason: String::new(),
                message: message(&response),
            }),
        };
        Some(Call {
            time: Timestamp(0),
            elapsed: None,
            connection,
            user: None,
            side: None,
            client: None,
            server: None,
            body: CallBody::Http(call),
        })
    });
    calls.collect()
}

fn http(call: &Call) -> &HttpCall {
    match &call.body {
        CallBody::Http(http) => http,
        CallBody::Rpc(_) => panic!("a remote call"),
    }
}

/// ROP buffers with the handles and the inbox of the other server.
fn moved_chain(bytes: &[u8]) -> Vec<u8> {
    // Not all that was recorded are ROPs.
    let Ok(mut chain) = decode_chain(bytes, Limits::default()) else { return bytes.to_vec() };
    for part in &mut chain {
        let mut buffer = RopBuffer::from_bytes(&part.payload).unwrap();
        for handle in buffer.handles.iter_mut().filter(|handle| ![NO_OBJECT, NO_SUCH_OBJECT].contains(handle))
        {
            *handle += 0x4000;
        }
        let mut rops = buffer.rops.to_vec();
        let mut at = 0;
        while at + 8 <= rops.len() {
            if rops[at..at + 8] == INBOX[0] {
                rops[at..at + 8].copy_from_slice(&INBOX[1]);
            }
            at += 1;
        }
        buffer.rops = rops.into();
        part.payload = buffer.to_bytes().unwrap().into();
    }
    encode_chain(&chain).unwrap()
}

/// The response of the other server.
fn moved(request: &HttpMessage, recorded: &HttpResponse) -> HttpResponse {
    let mut response = recorded.clone();
    for (name, value) in &mut response.message.fields {
        if name.eq_ignore_ascii_case("set-cookie") {
            let (name, rest) = value.split_once('=').unwrap();
            *value = format!("{name}=other-{rest}");
        }
    }
    let body = recorded.message.body.clone();
    if request.field("X-RequestType") == Some("Execute")
        && let Ok((_, payload)) = ResponseBody::split(&body)
        && let Ok((emsmdb::Response::Execute(OperationResponse::Complete(mut execute)), _)) =
            emsmdb::Response::decode(RequestType::Execute, payload)
    {
        execute.rop_buffer.0 = moved_chain(&execute.rop_buffer.0).into();
        let mut moved = body[..body.len() - payload.len()].to_vec();
        moved.extend(emsmdb::Response::Execute(OperationResponse::Complete(execute)).encode().unwrap());
        response.message.body = moved.into();
    }
    response
}

fn rop_buffer(body: &[u8]) -> Option<Vec<u8>> {
    match emsmdb::Request::decode(RequestType::Execute, body) {
        Ok((emsmdb::Request::Execute(execute), _)) => Some(execute.rop_buffer.0.into()),
        _ => None,
    }
}

#[test]
fn recorded_handles_ids_and_cookies_are_replaced_by_those_of_another_server() {
    let (mut replay, mut analyzer) = (Replay::default(), Analyzer::default());
    let (mut cookies, mut handles, mut inboxes) = (0, 0, 0);
    for call in calls() {
        let recorded = http(&call);
        let (operation, step) = replay.prepare(&call);
        assert_eq!(operation, analyzer.operation(&call));
        let Ok(step) = step else { continue };
        let Step::Http(sent) = &step else { panic!("{step:?}") };
        let response = recorded.response.as_ref().unwrap();
        let ok = response.message.field("X-ResponseCode") == Some("0");
        for (_, value) in sent.fields.iter().filter(|(name, _)| ok && name == "Cookie") {
            for cookie in value.split("; ") {
                assert!(cookie.contains("=other-"), "{cookie}");
                cookies += 1;
            }
        }
        if operation.operation == "emsmdb.Execute" && ok {
            let recorded_rops = rop_buffer(&recorded.request.body).unwrap();
            let sent_rops = rop_buffer(&sent.body).unwrap();
            let wanted = moved_chain(&recorded_rops);
            handles += usize::from(wanted != recorded_rops);
            inboxes += usize::from(sent_rops.windows(8).any(|window| window == INBOX[1]));
            assert_eq!(sent_rops, wanted, "{operation:?}");
        }
        let differences = replay.compare(
            &call,
            &operation,
            &step,
            ReplayedOutcome::Http(moved(&recorded.request, response)),
        );
        assert_eq!(differences, [], "{operation:?}");
    }
    assert!(cookies > 500 && handles > 200 && inboxes > 3, "{cookies} {handles} {inboxes}");
}

#[test]
fn requests_without_a_session_or_response_and_waits_for_notifications_are_not_sent() {
    let calls = calls();
    let of_type = |wanted: &str| {
        let is = |call: &&Call| {
            let http = http(call);
            let code = http.response.as_ref().unwrap().message.field("X-ResponseCode");
            http.request.field("X-RequestType") == Some(wanted) && code == Some("0")
        };
        calls.iter().find(is).unwrap_or_else(|| panic!("no {wanted}")).clone()
    };
    let refused = |call: &Call| Replay::default().prepare(call).1.unwrap_err().to_string();
    assert_eq!(refused(&of_type("Execute")), "request that opened its session was not replayed");
    let mut waits = of_type("Execute");
    if let CallBody::Http(http) = &mut waits.body {
        let named = http.request.fields.iter_mut().find(|(name, _)| name == "X-RequestType");
        named.unwrap().1 = "NotificationWait".to_owned();
    }
    assert_eq!(refused(&waits), "waits for notifications");
    let mut without_response = of_type("Connect");
    if let CallBody::Http(http) = &mut without_response.body {
        http.response = None;
    }
    assert_eq!(refused(&without_response), "response is missing in the recording");
    let mut rpc = of_type("Connect");
    let mut of_interface = |interface| {
        rpc.body = CallBody::Rpc(RpcCall {
            envelope: Envelope::RpcTcp,
            interface,
            opnum: 10,
            request: Stub::Plain(Bytes::new(), Endian::Little),
            outcome: RpcOutcome::None,
        });
        refused(&rpc)
    };
    assert_eq!(of_interface(None), "bind was not recorded, so that the interface is unknown");
    assert_eq!(of_interface(Some(rpc::epm::INTERFACE)), "interface is not one of Exchange's");
}

#[test]
fn without_recorded_cookies_the_last_ones_of_the_server_are_sent() {
    let mut replay = Replay::default();
    let is_session = |call: &Call| {
        let named = http(call).request.field("X-RequestType");
        matches!(named, Some("Connect" | "Execute"))
            && http(call).response.as_ref().unwrap().message.field("X-ResponseCode") == Some("0")
    };
    let mut calls: Vec<Call> = calls().into_iter().filter(is_session).take(3).collect();
    let mut sent_cookies = Vec::new();
    for call in &mut calls {
        let response = moved(&http(call).request, http(call).response.as_ref().unwrap());
        call.connection = 7;
        capture::record::redact(call);
        let (operation, step) = replay.prepare(call);
        let step = step.unwrap();
        let Step::Http(sent) = &step else { panic!("{step:?}") };
        let cookies = sent.fields.iter().filter(|(name, _)| name == "Cookie");
        sent_cookies.push(cookies.map(|(_, value)| value.clone()).collect::<Vec<_>>());
        assert_eq!(replay.compare(call, &operation, &step, ReplayedOutcome::Http(response)), []);
    }
    assert_eq!(sent_cookies[0], [""; 0]);
    assert!(sent_cookies[1][0].contains("sid=other-"), "{sent_cookies:?}");
    // Each response sets the next cookie of the sequence.
    assert_ne!(sent_cookies[1], sent_cookies[2]);
}
