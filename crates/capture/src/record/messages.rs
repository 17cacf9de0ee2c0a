//! Encodes recorded calls as PDUs and HTTP messages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rpc::SyntaxId;
use rpc::pdu::{
    Bind, BindAck, Body, ContextResult, ContextResultCode, Fault, Header, Pdu, PduType, PfcFlags,
    PresentationContext, ProviderReason, Request, Response,
};
use wire::Encode as _;

use crate::call::{HttpCall, HttpMessage, RpcCall, RpcOutcome, Stub};

/// The largest fragment, in bytes: the size that Windows proposes over TCP.
const MAX_FRAGMENT: u16 = 5840;
const MAX_STUB_FRAGMENT: usize = 5800;

/// The bind for `interface` as context 0, and its acknowledgement.
pub(super) fn bind_pdus(interface: SyntaxId) -> (Vec<u8>, Vec<u8>) {
    let context = PresentationContext {
        context_id: 0,
        abstract_syntax: interface,
        transfer_syntaxes: vec![SyntaxId::NDR],
    };
    let bind = Bind {
        max_xmit_frag: MAX_FRAGMENT,
        max_recv_frag: MAX_FRAGMENT,
        assoc_group_id: 0,
        contexts: vec![context],
    };
    let result = ContextResult {
        result: ContextResultCode::ACCEPTANCE,
        reason: ProviderReason::default(),
        transfer_syntax: SyntaxId::NDR,
    };
    let ack = BindAck {
        max_xmit_frag: MAX_FRAGMENT,
        max_recv_frag: MAX_FRAGMENT,
        assoc_group_id: 1,
        secondary_address: b"6001\0".to_vec(),
        results: vec![result],
    };
    let bytes = |body| Pdu::new(1, body).to_bytes().unwrap_or_default();
    (bytes(Body::Bind(bind)), bytes(Body::BindAck(ack)))
}

/// Consecutive PDUs.
type Pdus = Vec<Vec<u8>>;

/// The PDUs of the request and of the outcome, with call number 0; `None` if the stub of the request is
/// unknown.
pub(super) fn call_pdus(call: &RpcCall) -> Option<(Pdus, Pdus)> {
    let Stub::Plain(request, _) = &call.request else { return None };
    let opnum = call.opnum;
    let request = fragments(request, PduType::REQUEST, |alloc_hint, stub| {
        Body::Request(Request { alloc_hint, context_id: 0, opnum, object: None, stub })
    });
    let response = match &call.outcome {
        RpcOutcome::Response(Stub::Plain(response, _)) => {
            fragments(response, PduType::RESPONSE, |alloc_hint, stub| {
                Body::Response(Response { alloc_hint, context_id: 0, cancel_count: 0, reserved: 0, stub })
            })
        }
        RpcOutcome::Fault(status) => {
            vec![Pdu::new(0, Body::Fault(Fault::new(0, *status))).to_bytes().unwrap_or_default()]
        }
        RpcOutcome::Response(Stub::Sealed(..)) | RpcOutcome::None => Vec::new(),
    };
    Some((request, response))
}

fn fragments<'a>(stub: &'a [u8], ptype: PduType, body: impl Fn(u32, &'a [u8]) -> Body<'a>) -> Pdus {
    let mut pdus = Vec::new();
    let mut rest = stub;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(MAX_STUB_FRAGMENT));
        let mut flags = PfcFlags::NONE;
        if pdus.is_empty() {
            flags = flags | PfcFlags::FIRST_FRAG;
        }
        if after.is_empty() {
            flags = flags | PfcFlags::LAST_FRAG;
        }
        let hint = u32::try_from(rest.len()).unwrap_or(0);
        let pdu = Pdu { header: Header::new(ptype, flags, 0), body: body(hint, piece), auth: None };
        pdus.push(pdu.to_bytes().unwrap_or_default());
        rest = after;
        if rest.is_empty() {
            return pdus;
        }
    }
}

/// The PDU with the call number `number`.
pub(super) fn with_call_id(mut pdu: Vec<u8>, number: u32) -> Vec<u8> {
    if let Some(place) = pdu.get_mut(12..16) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    pdu
}

/// A request of HTTP. Its credentials have the user without a password, if the recording has no others.
pub(super) fn http_request(call: &HttpCall, user: Option<&Arc<str>>) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", call.method, call.target).into_bytes();
    if let Some(user) = user.filter(|_| call.request.field("authorization").is_none()) {
        let credentials = STANDARD.encode(format!("{user}:"));
        out.extend_from_slice(format!("Authorization: Basic {credentials}\r\n").as_bytes());
    }
    message(&mut out, &call.request);
    out
}

/// A response of HTTP.
pub(super) fn http_response(call: &HttpCall) -> Option<Vec<u8>> {
    let response = call.response.as_ref()?;
    let mut out = format!("HTTP/1.1 {} {}\r\n", response.status, response.reason).into_bytes();
    message(&mut out, &response.message);
    Some(out)
}

/// Appends fields and body. `Content-Length` frames the body, whatever framed the recorded one.
fn message(out: &mut Vec<u8>, message: &HttpMessage) {
    for (name, value) in &message.fields {
        let framing = ["content-length", "transfer-encoding", "connection", "expect"];
        if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) || value.contains(['\r', '\n']) {
            continue;
        }
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.body.len()).as_bytes());
    out.extend_from_slice(&message.body);
}
