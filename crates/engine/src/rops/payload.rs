//! The operations that carry ROPs: `EcDoRpc`, `EcDoRpcExt` and `EcDoRpcExt2` over RPC, and `Execute` over HTTP.

use mapi::compress::{
    ExtendedBuffer, Limits, decode_chain, decode_shared_chain, encode_chain, is_chain_longer,
};
use mapi::emsmdb::{
    self, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDoRpcExtRequest, EcDoRpcExtResponse, EcDoRpcRequest,
    EcDoRpcResponse, InBytes, OutBytes, RpcFlags,
};
use mapi::mapihttp::emsmdb::{ExecuteRequest, ExecuteResponse};
use mapi::mapihttp::{self as http, AuxiliaryBuffer, OperationResponse, SizedBytes};
use mapi::mapihttp::{Endpoint, RequestType};
use mapi::{ErrorCode, Interface};
use wire::{Error, Result};

use crate::body::{OperationKey, Request, Response};

/// Whether an operation carries ROPs.
pub(crate) const fn carries_rops(key: OperationKey) -> bool {
    matches!(
        key,
        OperationKey::Http(Endpoint::Emsmdb, RequestType::Execute)
            | OperationKey::Call(Interface::Emsmdb, 2 | 9 | 11)
    )
}

/// Decodes the extended buffers of a request that carries ROPs. `None` for any other request.
///
/// Contains an error if the chain of buffers cannot be decoded.
pub fn request_buffers(request: &Request) -> Option<Result<Vec<ExtendedBuffer>>> {
    request_payload(request).map(RequestPayload::buffers)
}

/// Decodes the extended buffers of a response that carries ROPs. `None` for any other response, and if it has no
/// buffers.
///
/// Contains an error if the chain of buffers cannot be decoded.
pub fn response_buffers(response: &Response) -> Option<Result<Vec<ExtendedBuffer>>> {
    response_payload(response)?.buffers()
}

/// Whether the ROPs of a response take more than `limit` bytes, after decompression. Decompresses nothing.
pub(crate) fn is_response_longer(response: &Response, limit: usize) -> bool {
    response_payload(response).is_some_and(|payload| payload.is_longer(limit))
}

/// The largest maximum size of a response that servers accept, in bytes ([MS-OXCRPC] 3.1.4.2).
const MAX_RESPONSE_SIZE: u32 = 0x0004_0000;

/// Replaces the extended buffers of a request. Lowers the maximum size of the response by `reserved` bytes, and
/// raises it by `added`, but not beyond the size that servers accept.
pub(super) fn set_request(
    request: &mut Request,
    buffers: &[ExtendedBuffer],
    (reserved, added): (usize, usize),
) -> Result<()> {
    let Some(payload) = request_payload_mut(request) else { return Ok(()) };
    let [reserved, added] = [reserved, added].map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
    let room = payload.room();
    let changed = room.saturating_sub(reserved).saturating_add(added).min(room.max(MAX_RESPONSE_SIZE));
    payload.set(buffers, changed)
}

/// The maximum size of the response that the client accepts, in bytes.
pub(super) fn room(request: &Request) -> Option<u32> {
    request_payload(request).map(RequestPayload::room)
}

/// Creates the response to `request` with these `buffers`, for a batch without ROPs to forward.
pub(super) fn local_response(request: &Request, buffers: &[ExtendedBuffer]) -> Option<Result<Response>> {
    request_payload(request).map(|payload| payload.response(buffers))
}

/// Replaces the extended buffers of a response.
pub(super) fn set_response(response: &mut Response, buffers: &[ExtendedBuffer]) -> Result<()> {
    response_payload_mut(response).map_or(Ok(()), |payload| payload.set(buffers))
}

/// The size of a response as the client limits it, in bytes.
pub(super) fn size(response: &Response) -> u32 {
    response_payload(response).map_or(0, ResponsePayload::size)
}

/// A request that carries ROPs.
trait RequestPayload {
    /// Decodes the extended buffers.
    fn buffers(&self) -> Result<Vec<ExtendedBuffer>>;

    /// The maximum size of the response that the client accepts, in bytes.
    fn room(&self) -> u32;

    /// Replaces the buffers, and the maximum size of the response.
    fn set(&mut self, buffers: &[ExtendedBuffer], room: u32) -> Result<()>;

    /// Creates a response with these `buffers`.
    fn response(&self, buffers: &[ExtendedBuffer]) -> Result<Response>;
}

/// A response that carries ROPs.
trait ResponsePayload {
    /// Decodes the extended buffers, if there are any.
    fn buffers(&self) -> Option<Result<Vec<ExtendedBuffer>>>;

    /// Whether the payloads of the buffers have more than `limit` bytes, after decompression.
    fn is_longer(&self, limit: usize) -> bool;

    /// Replaces the buffers.
    fn set(&mut self, buffers: &[ExtendedBuffer]) -> Result<()>;

    /// The size of the response as the client limits it, in bytes.
    fn size(&self) -> u32;
}

fn request_payload(request: &Request) -> Option<&dyn RequestPayload> {
    use emsmdb::Request as R;
    Some(match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(request)) => request,
        Request::Emsmdb(R::EcDoRpcExt2(request)) => request,
        Request::Emsmdb(R::EcDoRpcExt(request)) => request,
        Request::Emsmdb(R::EcDoRpc(request)) => request,
        _ => return None,
    })
}

fn request_payload_mut(request: &mut Request) -> Option<&mut dyn RequestPayload> {
    use emsmdb::Request as R;
    Some(match request {
        Request::EmsmdbHttp(http::emsmdb::Request::Execute(request)) => request,
        Request::Emsmdb(R::EcDoRpcExt2(request)) => request,
        Request::Emsmdb(R::EcDoRpcExt(request)) => request,
        Request::Emsmdb(R::EcDoRpc(request)) => request,
        _ => return None,
    })
}

fn response_payload(response: &Response) -> Option<&dyn ResponsePayload> {
    use emsmdb::Response as R;
    Some(match response {
        Response::EmsmdbHttp(http::emsmdb::Response::Execute(response)) => response.get()?,
        Response::Emsmdb(R::EcDoRpcExt2(response)) => response,
        Response::Emsmdb(R::EcDoRpcExt(response)) => response,
        Response::Emsmdb(R::EcDoRpc(response)) => response,
        _ => return None,
    })
}

fn response_payload_mut(response: &mut Response) -> Option<&mut dyn ResponsePayload> {
    use emsmdb::Response as R;
    Some(match response {
        Response::EmsmdbHttp(http::emsmdb::Response::Execute(response)) => response.get_mut()?,
        Response::Emsmdb(R::EcDoRpcExt2(response)) => response,
        Response::Emsmdb(R::EcDoRpcExt(response)) => response,
        Response::Emsmdb(R::EcDoRpc(response)) => response,
        _ => return None,
    })
}

impl RequestPayload for ExecuteRequest {
    fn buffers(&self) -> Result<Vec<ExtendedBuffer>> {
        self.rop_buffers(Limits::default())
    }

    fn room(&self) -> u32 {
        self.max_rop_out
    }

    fn set(&mut self, buffers: &[ExtendedBuffer], room: u32) -> Result<()> {
        self.max_rop_out = room;
        self.rop_buffer.0 = encode_chain(buffers)?.into();
        Ok(())
    }

    fn response(&self, buffers: &[ExtendedBuffer]) -> Result<Response> {
        let response = ExecuteResponse {
            error_code: ErrorCode::SUCCESS,
            flags: RpcFlags::NONE,
            rop_buffer: SizedBytes(encode_chain(buffers)?.into()),
            aux: AuxiliaryBuffer::NONE,
        };
        Ok(Response::EmsmdbHttp(http::emsmdb::Response::Execute(OperationResponse::Complete(response))))
    }
}

impl ResponsePayload for ExecuteResponse {
    fn buffers(&self) -> Option<Result<Vec<ExtendedBuffer>>> {
        let bytes = &self.rop_buffer.0;
        (!bytes.is_empty()).then(|| decode_shared_chain(bytes, Limits::default()))
    }

    fn is_longer(&self, limit: usize) -> bool {
        is_chain_longer(&self.rop_buffer.0, limit)
    }

    fn set(&mut self, buffers: &[ExtendedBuffer]) -> Result<()> {
        self.rop_buffer.0 = encode_chain(buffers)?.into();
        Ok(())
    }

    fn size(&self) -> u32 {
        size_of(&self.rop_buffer.0)
    }
}

/// Implements both traits for an RPC call whose ROPs are in `rgb_in` and `rgb_out`, with the other output of its
/// response in `rest`.
macro_rules! extended_call {
    ($call:ident, $request:ident, $response:ident, $rest:ident) => {
        impl RequestPayload for $request {
            fn buffers(&self) -> Result<Vec<ExtendedBuffer>> {
                chain(&self.rgb_in.0).unwrap_or_else(|| Ok(Vec::new()))
            }

            fn room(&self) -> u32 {
                self.out_max
            }

            fn set(&mut self, buffers: &[ExtendedBuffer], room: u32) -> Result<()> {
                self.out_max = room;
                self.rgb_in = InBytes(encode_chain(buffers)?);
                Ok(())
            }

            fn response(&self, buffers: &[ExtendedBuffer]) -> Result<Response> {
                Ok(Response::Emsmdb(emsmdb::Response::$call($response {
                    handle: self.handle,
                    flags: RpcFlags::NONE,
                    rgb_out: OutBytes::new(encode_chain(buffers)?),
                    $rest: OutBytes::new(Vec::new()),
                    trans_time: 0,
                    return_value: ErrorCode::SUCCESS,
                })))
            }
        }

        impl ResponsePayload for $response {
            fn buffers(&self) -> Option<Result<Vec<ExtendedBuffer>>> {
                chain(self.rgb_out.as_slice())
            }

            fn is_longer(&self, limit: usize) -> bool {
                is_chain_longer(self.rgb_out.as_slice(), limit)
            }

            fn set(&mut self, buffers: &[ExtendedBuffer]) -> Result<()> {
                self.rgb_out = OutBytes::new(encode_chain(buffers)?);
                Ok(())
            }

            fn size(&self) -> u32 {
                size_of(self.rgb_out.as_slice())
            }
        }
    };
}

extended_call!(EcDoRpcExt2, EcDoRpcExt2Request, EcDoRpcExt2Response, aux_out);
extended_call!(EcDoRpcExt, EcDoRpcExtRequest, EcDoRpcExtResponse, reserved);

impl RequestPayload for EcDoRpcRequest {
    fn buffers(&self) -> Result<Vec<ExtendedBuffer>> {
        Ok(vec![ExtendedBuffer::plain(self.payload())])
    }

    fn room(&self) -> u32 {
        u32::from(self.max_length)
    }

    fn set(&mut self, buffers: &[ExtendedBuffer], room: u32) -> Result<()> {
        self.max_length = u16::try_from(room).unwrap_or(u16::MAX);
        self.set_payload(only(buffers)?.payload.to_vec())
    }

    fn response(&self, buffers: &[ExtendedBuffer]) -> Result<Response> {
        let response = EcDoRpcResponse::new(self.handle, only(buffers)?.payload.to_vec(), self.max_length)?;
        Ok(Response::Emsmdb(emsmdb::Response::EcDoRpc(response)))
    }
}

impl ResponsePayload for EcDoRpcResponse {
    fn buffers(&self) -> Option<Result<Vec<ExtendedBuffer>>> {
        (self.length > 0).then(|| Ok(vec![ExtendedBuffer::plain(self.payload())]))
    }

    fn is_longer(&self, limit: usize) -> bool {
        usize::from(self.length) > limit
    }

    fn set(&mut self, buffers: &[ExtendedBuffer]) -> Result<()> {
        self.set_payload(only(buffers)?.payload.to_vec())
    }

    fn size(&self) -> u32 {
        u32::from(self.length)
    }
}

fn chain(bytes: &[u8]) -> Option<Result<Vec<ExtendedBuffer>>> {
    (!bytes.is_empty()).then(|| decode_chain(bytes, Limits::default()))
}

fn size_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The only buffer, for `EcDoRpc`, which has no chains of buffers.
fn only(buffers: &[ExtendedBuffer]) -> Result<&ExtendedBuffer> {
    match buffers {
        [one] => Ok(one),
        _ => Err(Error::invalid("rgb", 0, u64::try_from(buffers.len()).unwrap_or(0), "one ROP buffer")),
    }
}
