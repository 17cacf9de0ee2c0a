//! Where each envelope has its ROPs: `EcDoRpc`, `EcDoRpcExt`, `EcDoRpcExt2`, and `Execute` over HTTP.

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, Limits, decode_chain, decode_shared_chain, encode_chain};
use mapi::emsmdb::{
    self, EcDoRpcExt2Response, EcDoRpcExtResponse, EcDoRpcResponse, InBytes, OutBytes, RpcFlags,
};
use mapi::mapihttp as http;
use wire::{Error, Result};

use crate::body::{Request, Response};

/// The extended buffers of a request that carries ROPs. None for any other.
///
/// The error is that of a chain of buffers that can't be decoded.
pub fn request_buffers(request: &Request) -> Option<Result<Vec<ExtendedBuffer>>> {
    let request = match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(call)) => {
            return Some(call.rop_buffers(Limits::default()));
        }
        Request::Emsmdb(request) => request,
        _ => return None,
    };
    match request {
        emsmdb::Request::EcDoRpc(call) => Some(Ok(vec![ExtendedBuffer::plain(call.payload())])),
        emsmdb::Request::EcDoRpcExt(call) => Some(chain(&call.rgb_in.0).unwrap_or_else(|| Ok(Vec::new()))),
        emsmdb::Request::EcDoRpcExt2(call) => Some(chain(&call.rgb_in.0).unwrap_or_else(|| Ok(Vec::new()))),
        _ => None,
    }
}

/// The most room for an answer that a server takes, in bytes.
const MOST_ROOM: u32 = 0x0004_0000;

/// Puts extended buffers into a request, takes `reserved` bytes off the room for the answer, and adds `added`. The
/// room never grows beyond what servers take ([MS-OXCRPC] 3.1.4.2).
pub(super) fn set_request(
    request: &mut Request,
    buffers: &[ExtendedBuffer],
    (reserved, added): (usize, usize),
) -> Result<()> {
    let [reserved, added] = [reserved, added].map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
    let changed = |room: u32| room.saturating_sub(reserved).saturating_add(added).min(room.max(MOST_ROOM));
    let request = match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(call)) => {
            call.max_rop_out = changed(call.max_rop_out);
            call.rop_buffer.0 = encode_chain(buffers)?.into();
            return Ok(());
        }
        Request::Emsmdb(request) => request,
        _ => return Ok(()),
    };
    match request {
        emsmdb::Request::EcDoRpc(call) => {
            call.max_length = u16::try_from(changed(u32::from(call.max_length))).unwrap_or(u16::MAX);
            call.set_payload(only(buffers)?.payload.to_vec())
        }
        emsmdb::Request::EcDoRpcExt(call) => {
            call.out_max = changed(call.out_max);
            call.rgb_in = InBytes(encode_chain(buffers)?);
            Ok(())
        }
        emsmdb::Request::EcDoRpcExt2(call) => {
            call.out_max = changed(call.out_max);
            call.rgb_in = InBytes(encode_chain(buffers)?);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The extended buffers of a response that carries ROPs. None for any other, and for one without them.
///
/// The error is that of a chain of buffers that can't be decoded.
pub fn response_buffers(response: &Response) -> Option<Result<Vec<ExtendedBuffer>>> {
    let response = match response {
        Response::EmsmdbHttp(http::emsmdb::Response::Execute(answer)) => {
            let bytes = &answer.get()?.rop_buffer.0;
            return (!bytes.is_empty()).then(|| decode_shared_chain(bytes, Limits::default()));
        }
        Response::Emsmdb(response) => response,
        _ => return None,
    };
    match response {
        emsmdb::Response::EcDoRpc(answer) if answer.length > 0 => {
            Some(Ok(vec![ExtendedBuffer::plain(answer.payload())]))
        }
        emsmdb::Response::EcDoRpcExt(answer) => chain(answer.rgb_out.as_slice()),
        emsmdb::Response::EcDoRpcExt2(answer) => chain(answer.rgb_out.as_slice()),
        _ => None,
    }
}

fn chain(bytes: &[u8]) -> Option<Result<Vec<ExtendedBuffer>>> {
    (!bytes.is_empty()).then(|| decode_chain(bytes, Limits::default()))
}

/// Puts extended buffers into a response.
pub(super) fn set_response(response: &mut Response, buffers: &[ExtendedBuffer]) -> Result<()> {
    let response = match response {
        Response::EmsmdbHttp(http::emsmdb::Response::Execute(answer)) => {
            if let Some(answer) = answer.get_mut() {
                answer.rop_buffer.0 = encode_chain(buffers)?.into();
            }
            return Ok(());
        }
        Response::Emsmdb(response) => response,
        _ => return Ok(()),
    };
    match response {
        emsmdb::Response::EcDoRpc(answer) => answer.set_payload(only(buffers)?.payload.to_vec()),
        emsmdb::Response::EcDoRpcExt(answer) => {
            answer.rgb_out = OutBytes::new(encode_chain(buffers)?);
            Ok(())
        }
        emsmdb::Response::EcDoRpcExt2(answer) => {
            answer.rgb_out = OutBytes::new(encode_chain(buffers)?);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The response to `request` that carries `buffers`, for a request of which nothing is left for the upstream.
pub(super) fn answer(request: &Request, buffers: &[ExtendedBuffer]) -> Option<Result<Response>> {
    let request = match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(_)) => {
            return Some(encode_chain(buffers).map(executed));
        }
        Request::Emsmdb(request) => request,
        _ => return None,
    };
    let response = match request {
        emsmdb::Request::EcDoRpc(call) => only(buffers)
            .and_then(|buffer| EcDoRpcResponse::new(call.handle, buffer.payload.to_vec(), call.max_length))
            .map(emsmdb::Response::EcDoRpc),
        emsmdb::Request::EcDoRpcExt(call) => encode_chain(buffers).map(|chain| {
            emsmdb::Response::EcDoRpcExt(EcDoRpcExtResponse {
                handle: call.handle,
                flags: RpcFlags::NONE,
                rgb_out: OutBytes::new(chain),
                reserved: OutBytes::new(Vec::new()),
                trans_time: 0,
                return_value: ErrorCode::SUCCESS,
            })
        }),
        emsmdb::Request::EcDoRpcExt2(call) => encode_chain(buffers).map(|chain| {
            emsmdb::Response::EcDoRpcExt2(EcDoRpcExt2Response {
                handle: call.handle,
                flags: RpcFlags::NONE,
                rgb_out: OutBytes::new(chain),
                aux_out: OutBytes::new(Vec::new()),
                trans_time: 0,
                return_value: ErrorCode::SUCCESS,
            })
        }),
        _ => return None,
    };
    Some(response.map(Response::Emsmdb))
}

/// An answer to `Execute` with this chain.
fn executed(chain: Vec<u8>) -> Response {
    let answer = http::emsmdb::ExecuteResponse {
        error_code: ErrorCode::SUCCESS,
        flags: RpcFlags::NONE,
        rop_buffer: http::SizedBytes(chain.into()),
        aux: http::AuxiliaryBuffer::NONE,
    };
    Response::EmsmdbHttp(http::emsmdb::Response::Execute(http::Answer::Complete(answer)))
}

/// How many bytes the client has room for in the answer to `request`.
pub(super) const fn room(request: &Request) -> Option<u32> {
    let request = match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(call)) => return Some(call.max_rop_out),
        Request::Emsmdb(request) => request,
        _ => return None,
    };
    match request {
        emsmdb::Request::EcDoRpc(call) => {
            let [low, high] = call.max_length.to_le_bytes();
            Some(u32::from_le_bytes([low, high, 0, 0]))
        }
        emsmdb::Request::EcDoRpcExt(call) => Some(call.out_max),
        emsmdb::Request::EcDoRpcExt2(call) => Some(call.out_max),
        _ => None,
    }
}

/// How many bytes of the client's room a response takes.
pub(super) fn size(response: &Response) -> u32 {
    let response = match response {
        Response::EmsmdbHttp(http::emsmdb::Response::Execute(answer)) => {
            return answer.get().map_or(0, |answer| size_of(&answer.rop_buffer.0));
        }
        Response::Emsmdb(response) => response,
        _ => return 0,
    };
    match response {
        emsmdb::Response::EcDoRpc(answer) => u32::from(answer.length),
        emsmdb::Response::EcDoRpcExt(answer) => size_of(answer.rgb_out.as_slice()),
        emsmdb::Response::EcDoRpcExt2(answer) => size_of(answer.rgb_out.as_slice()),
        _ => 0,
    }
}

fn size_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The one buffer of an envelope that has no chains.
fn only(buffers: &[ExtendedBuffer]) -> Result<&ExtendedBuffer> {
    match buffers {
        [one] => Ok(one),
        _ => Err(Error::invalid("rgb", 0, u64::try_from(buffers.len()).unwrap_or(0), "one ROP buffer")),
    }
}
