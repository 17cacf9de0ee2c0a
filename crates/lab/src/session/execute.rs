//! Executing the ROPs of a request: extended buffers, packing, and responses that do not fit
//! ([MS-OXCRPC] 3.1.4.2.1, [MS-OXCROPS] 3.2.4.3).

use std::ops::Range;

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, MAX_CHAIN_LENGTH, decode_chain, encode_chain};
use mapi::emsmdb::{RopBuffer, RpcFlags};
use mapi::rop::response_only::RopBufferTooSmallResponse;
use mapi::rop::{RequestReader, RopReply, RopRequest, RopResponse};
use wire::{Decode as _, Encode as _, Reader, Writer};

use super::MailboxSession;
use crate::rops::{self, Executed};

/// `ecRpcFormat`: the request is not a ROP buffer, or its ROPs cannot be decoded ([MS-OXCRPC] 3.1.4.2, [MS-OXCROPS]
/// 3.2.5.1).
const RPC_FORMAT: ErrorCode = ErrorCode(0x0000_04b6);
/// The most bytes of responses in one buffer ([MS-OXCRPC] 3.1.4.2.1.2.2).
const BUFFER_MAX: usize = 0x8000;
/// The size of `RPC_HEADER_EXT`.
const HEADER_SIZE: usize = 8;
/// The room that is left for another buffer, below which the server does not add one ([MS-OXCRPC] 3.1.4.2.1.2.2).
const PACKING_MIN: usize = 0x2000;
/// The size of `RopBufferTooSmall` without the requests in it ([MS-OXCROPS] 2.2.15.1.1).
const TOO_SMALL_SIZE: usize = 3;

/// The executed ROPs of one buffer.
struct Batch {
    buffer: RopBuffer,
    /// What continues the last ROP in another buffer.
    next: Option<RopRequest>,
    /// Whether all ROPs were executed.
    is_complete: bool,
}

impl MailboxSession {
    /// Executes the ROPs of the chain of extended buffers `rgb_in`. The responses are packed as `flags` demand, in a
    /// chain of extended buffers that has at most `out_max` bytes.
    ///
    /// # Errors
    /// `ecRpcFormat` if `rgb_in` is not a chain of ROP buffers, `ecBufferTooSmall` if a response does not fit into
    /// `out_max` bytes.
    pub(crate) fn execute_chain(
        &mut self,
        rgb_in: &[u8],
        flags: RpcFlags,
        out_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let chain = decode_chain(rgb_in, Limits::default()).map_err(|_| RPC_FORMAT)?;
        let mut output = Output { buffers: Vec::new(), room: out_max };
        let mut is_complete = true;
        for buffer in &chain {
            let rops = RopBuffer::from_bytes(&buffer.payload).map_err(|_| RPC_FORMAT)?;
            let mut batch = self.execute_buffer(&rops, output.room_of_payload())?;
            is_complete = batch.is_complete;
            output.add(&batch.buffer)?;
            while flags.contains(RpcFlags::CHAIN)
                && output.has_room_for_more()
                && let Some(next) = batch.next.take()
            {
                let Ok(rops) = next.to_bytes() else { break };
                let alone = RopBuffer::new(rops, batch.buffer.handles.clone());
                match self.execute_buffer(&alone, output.room_of_payload()) {
                    Ok(more) if more.is_complete => batch = more,
                    _ => break,
                }
                output.add(&batch.buffer)?;
            }
        }
        // The requests that `RopBufferTooSmall` returns have no end but that of the buffer.
        if is_complete && let Some(last) = output.buffers.last_mut() {
            let room = output.room.min(BUFFER_MAX.saturating_sub(size(last)));
            self.append_notifications(last, room);
        }
        encode_chain(&output.encoded(flags)?).map_err(|_| ErrorCode::EC_BUFFER_TOO_SMALL)
    }

    /// Executes the ROPs of one buffer. The result has at most `room` bytes.
    ///
    /// # Errors
    /// `ecRpcFormat` if `payload` is not a ROP buffer, `ecBufferTooSmall` if a response does not fit.
    pub(crate) fn execute(&mut self, payload: &[u8], room: usize) -> Result<Vec<u8>, ErrorCode> {
        let rops = RopBuffer::from_bytes(payload).map_err(|_| RPC_FORMAT)?;
        let batch = self.execute_buffer(&rops, room.min(BUFFER_MAX))?;
        batch.buffer.to_bytes().map_err(|_| ErrorCode::EC_BUFFER_TOO_SMALL)
    }

    /// Executes the ROPs of `buffer`. If one of them cannot be decoded, none is executed.
    fn execute_buffer(&mut self, buffer: &RopBuffer, room: usize) -> Result<Batch, ErrorCode> {
        let fixed = 2_usize /* RopSize */
            .saturating_add(buffer.handles.len().saturating_mul(4));
        let room = room.checked_sub(fixed).ok_or(ErrorCode::EC_BUFFER_TOO_SMALL)?;
        let mut handles = buffer.handles.clone();
        let requests = self.decode(&buffer.rops)?;
        let (mut responses, mut next, mut is_complete) = (Writer::new(), None, true);
        for (request, bytes) in requests {
            // Requests that are not executed are returned, so that there must be room for them.
            let after = match buffer.rops.len().saturating_sub(bytes.end) {
                0 => 0,
                bytes => bytes.saturating_add(TOO_SMALL_SIZE),
            };
            let free = room.saturating_sub(responses.len()).saturating_sub(after);
            let Some(reply) = self.execute_one(&request, &mut handles, free) else {
                let rest = buffer.rops.get(bytes.start..).unwrap_or_default();
                too_small(&mut responses, rest, room, fixed)?;
                is_complete = false;
                break;
            };
            responses.bytes(&reply.bytes);
            next = reply.next;
        }
        Ok(Batch { buffer: RopBuffer::new(responses.into_vec(), handles), next, is_complete })
    }

    /// Decodes the ROPs of a buffer, each with its place.
    fn decode(&self, rops: &[u8]) -> Result<Vec<(RopRequest, Range<usize>)>, ErrorCode> {
        let mut reader = RequestReader::new(Reader::new(rops), &self.objects);
        let mut requests = Vec::new();
        while let Some((request, bytes)) = reader.next_request().map_err(|error| {
            tracing::debug!("lab: refused ROPs that cannot be decoded: {error}");
            RPC_FORMAT
        })? {
            if !rops::is_well_formed(&request) {
                return Err(RPC_FORMAT);
            }
            requests.push((request, bytes));
        }
        Ok(requests)
    }

    /// Executes one ROP. Returns `None` if its response does not fit into `free` bytes; then it has had no effect.
    fn execute_one(&mut self, request: &RopRequest, handles: &mut [u32], free: usize) -> Option<Reply> {
        if request.has_reply() && rops::reserve(request) > free {
            return None;
        }
        let Executed { reply, opened, next } = rops::execute(self, request, handles, free);
        let bytes = reply.as_ref().map(RopReply::to_bytes).transpose();
        let bytes = bytes.unwrap_or_else(|error| {
            tracing::error!(rop = ?request.id(), "lab: a response cannot be encoded: {error}");
            let refused = RopReply::refused(request, ErrorCode::MAPI_E_CALL_FAILED);
            refused.to_bytes().ok()
        });
        let bytes = bytes.unwrap_or_default();
        if bytes.len() > free {
            if let Some(handle) = opened {
                self.release(handle);
            }
            return None;
        }
        if let (Some(handle), Some(index)) = (opened, request.output_handle_index())
            && let Some(place) = handles.get_mut(usize::from(index))
        {
            *place = handle;
        }
        Some(Reply { bytes, next })
    }
}

/// The response to one ROP, and the ROP that continues it in another buffer.
struct Reply {
    bytes: Vec<u8>,
    next: Option<RopRequest>,
}

/// The response to a request: the buffers so far, and what may be added.
struct Output {
    buffers: Vec<RopBuffer>,
    /// The bytes that are left.
    room: usize,
}

/// The size of a buffer without its `RPC_HEADER_EXT`.
const fn size(buffer: &RopBuffer) -> usize {
    2_usize /* RopSize */
        .saturating_add(buffer.rops.len())
        .saturating_add(buffer.handles.len().saturating_mul(4))
}

impl Output {
    /// The most bytes of the next ROP buffer.
    fn room_of_payload(&self) -> usize {
        self.room.saturating_sub(HEADER_SIZE).min(BUFFER_MAX)
    }

    fn has_room_for_more(&self) -> bool {
        self.room >= PACKING_MIN && self.buffers.len() < MAX_CHAIN_LENGTH
    }

    fn add(&mut self, buffer: &RopBuffer) -> Result<(), ErrorCode> {
        let size = size(buffer).saturating_add(HEADER_SIZE);
        self.room = self.room.checked_sub(size).ok_or(ErrorCode::EC_BUFFER_TOO_SMALL)?;
        self.buffers.push(buffer.clone());
        Ok(())
    }

    fn encoded(&self, requested: RpcFlags) -> Result<Vec<ExtendedBuffer>, ErrorCode> {
        let mut flags = ExtendedFlags::NONE;
        if !requested.contains(RpcFlags::NO_COMPRESSION) {
            flags = flags | ExtendedFlags::COMPRESSED;
        }
        if !requested.contains(RpcFlags::NO_XOR_MAGIC) {
            flags = flags | ExtendedFlags::XOR_MAGIC;
        }
        let encoded = |buffer: &RopBuffer| {
            let payload = buffer.to_bytes().map_err(|_| ErrorCode::EC_BUFFER_TOO_SMALL)?;
            Ok(ExtendedBuffer { flags, payload: payload.into() })
        };
        self.buffers.iter().map(encoded).collect()
    }
}

/// Ends a buffer with `RopBufferTooSmall`, which returns the requests that were not executed ([MS-OXCROPS] 3.2.4.3).
fn too_small(responses: &mut Writer, rest: &[u8], room: usize, fixed: usize) -> Result<(), ErrorCode> {
    let free = room.saturating_sub(responses.len());
    // A larger buffer would not help the client, or the requests do not fit.
    if room.saturating_add(fixed) >= BUFFER_MAX && responses.is_empty()
        || rest.len().saturating_add(TOO_SMALL_SIZE) > free
    {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL);
    }
    let size_needed = u16::try_from(BUFFER_MAX).unwrap_or(u16::MAX);
    let response = RopBufferTooSmallResponse { size_needed, request_buffers: rest.to_vec() };
    let response = RopResponse::BufferTooSmall(response);
    response.encode(responses).map_err(|_| ErrorCode::EC_BUFFER_TOO_SMALL)
}
