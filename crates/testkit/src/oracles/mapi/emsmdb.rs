//! Oracle: calls of the mailbox store.

use mapi::aux_block::AuxBuffer;
use mapi::compress::{Limits, decode_chain};
use mapi::emsmdb::{AsyncRequest, AsyncResponse, Request, Response, RopBuffer};

use super::stubs::{Codec, endian, same_bytes};
use crate::input::Input;

const REQUEST: Codec<Request> = Codec { decode: Request::decode, encode: Request::encode };
const RESPONSE: Codec<Response> = Codec { decode: Response::decode, encode: Response::encode };
const ASYNC_REQUEST: Codec<AsyncRequest> =
    Codec { decode: AsyncRequest::decode, encode: AsyncRequest::encode };
const ASYNC_RESPONSE: Codec<AsyncResponse> =
    Codec { decode: AsyncResponse::decode, encode: AsyncResponse::encode };

/// The mailbox store.
///
/// The first byte selects the operation: 0 to 15 those of EMSMDB, 16 that of `AsyncEMSMDB`, 17 a ROP buffer. The
/// second is a set of flags: 1 big-endian, 2 a response. A decoded call can be encoded, is decoded as the same,
/// and is encoded to the same bytes; visiting the names in it changes nothing.
///
/// # Panics
/// If one of these properties is violated.
pub fn emsmdb(data: &[u8]) {
    let mut input = Input::new(data);
    let (opnum, choice) = (input.byte() % 18, input.byte());
    let (endian, response, bytes) = (endian(choice & 1 != 0), choice & 2 != 0, input.rest());
    match (u16::from(opnum), response) {
        (16, false) => drop(ASYNC_REQUEST.check(0, bytes, endian)),
        (16, true) => drop(ASYNC_RESPONSE.check(0, bytes, endian)),
        (17, _) => rop_buffer(bytes),
        (opnum, false) => drop(REQUEST.check(opnum, bytes, endian).map(look_at_request)),
        (opnum, true) => drop(RESPONSE.check(opnum, bytes, endian).map(look_at_response)),
    }
}

fn look_at_request(mut request: Request) {
    let before = request.clone();
    request.visit_names_mut(&mut |_| {});
    let _ = request.handle_mut();
    assert_eq!(request, before, "to look is not to change");
    match &request {
        Request::EcDoRpcExt2(call) => look_inside(&call.rgb_in.0, &call.aux_in.0),
        Request::EcDoConnectEx(call) => look_inside(&[], &call.aux_in.0),
        _ => {}
    }
}

fn look_at_response(mut response: Response) {
    let before = response.clone();
    response.visit_names_mut(&mut |_| {});
    let _ = response.return_value();
    let _ = response.handle_mut();
    assert_eq!(response, before, "to look is not to change");
}

/// Executes what the proxy does with every call, which must not panic.
fn look_inside(rgb: &[u8], aux: &[u8]) {
    for buffer in decode_chain(rgb, Limits::default()).unwrap_or_default() {
        same_bytes::<RopBuffer>(&buffer.payload);
    }
    let _ = AuxBuffer::unpack(aux);
}

fn rop_buffer(bytes: &[u8]) {
    let Some(buffer) = same_bytes::<RopBuffer>(bytes) else { return };
    for index in 0..=u8::MAX {
        assert_eq!(buffer.handle(index).is_some(), usize::from(index) < buffer.handles.len());
    }
}
