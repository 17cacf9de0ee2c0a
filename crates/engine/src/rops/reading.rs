//! Decodes the responses to a batch of ROPs, and passes each to the modules together with its request.

use std::sync::Arc;

use mapi::compress::ExtendedBuffer;
use mapi::emsmdb::RopBuffer;
use mapi::property::PropTag;
use mapi::rop::{ReadResponse, ReplyHandler, ResponseReader, RopReply, RopRequest, RopResponse};
use wire::{Budget, Bytes, Decode as _, Error, ErrorKind, Reader, Result};

use super::batch::{Entry, RopBatch};
use super::replies::{BatchResponses, PackedReply, Stop, Undecoded};
use super::reply_pass::ReplyPass;
use crate::work::{RESPONSE_LIMIT, ROP, Work};

/// Decodes the responses to `batch` from extended buffers. Each is stored in the entry of its request.
///
/// # Errors
/// If the first buffer is not a ROP buffer. Responses that cannot be decoded are in [`BatchResponses::error`].
pub(super) fn read_responses(
    buffers: Vec<ExtendedBuffer>,
    batch: &mut RopBatch,
    pass: &mut ReplyPass<'_>,
) -> Result<BatchResponses> {
    let mut buffers = buffers.into_iter();
    let first = buffers.next().unwrap_or_else(|| ExtendedBuffer::plain(Bytes::new()));
    let original = RopBuffer::from_shared(&first.payload)?;
    let budget = Budget::new(RESPONSE_LIMIT);
    let mut reading =
        Reading { batch, pass, handles: &original.handles, changed: false, stopped: false, budget: &budget };
    let mut reader = ResponseReader::new();
    let Unmatched { others, stopped, undecoded } = reading.first(&mut reader, &original.rops);
    reader.pass_rest(&mut reading);
    let packed: Vec<PackedReply> = buffers.map(|buffer| reading.packed(buffer, &mut reader)).collect();
    let changed = reading.changed || packed.iter().any(|packed| packed.changed);
    let work = Work::of(&budget);
    Ok(BatchResponses { flags: first.flags, original, others, stopped, undecoded, packed, changed, work })
}

/// The state of the decoder.
struct Reading<'a, 'b> {
    batch: &'a mut RopBatch,
    pass: &'a mut ReplyPass<'b>,
    /// The handle table of the response.
    handles: &'a [u32],
    /// Whether a module changed a response.
    changed: bool,
    /// Whether the server stopped: it did not execute the rest of the requests.
    stopped: bool,
    budget: &'a Budget,
}

/// The contents of the first buffer besides the responses to requests.
struct Unmatched {
    others: Vec<RopResponse>,
    stopped: Option<Stop>,
    undecoded: Option<Undecoded>,
}

impl Reading<'_, '_> {
    /// Reads the responses of the first buffer.
    fn first(&mut self, reader: &mut ResponseReader, rops: &Bytes) -> Unmatched {
        let mut r = Reader::sharing(rops).within(self.budget);
        let (mut others, mut stopped, mut undecoded) = (Vec::new(), None, None);
        while !r.is_empty() {
            let start = r.offset();
            let next = r.spend(ROP, "RopId").and_then(|()| {
                if stopped.is_some() {
                    ResponseReader::next_after_stop(&mut r).map(ReadResponse::Other)
                } else {
                    reader.next_response(&mut r, self)
                }
            });
            match next {
                Ok(ReadResponse::Reply(_)) => {}
                Ok(ReadResponse::Other(response)) if response.stops_batch() => {
                    self.stopped = true;
                    stopped = Some(Stop { position: reader.next_expected(self), response });
                }
                Ok(ReadResponse::Other(response)) => others.push(response),
                Err(error) => {
                    undecoded = Some(Undecoded { start, position: reader.next_expected(self), error });
                    break;
                }
            }
        }
        // Missing replies are an error like a reply that is cut off, with nothing left to decode.
        let position = reader.next_expected(self);
        if position < self.batch.entries.len() && stopped.is_none() && undecoded.is_none() {
            let kind = ErrorKind::Truncated { needed: 1, available: 0 };
            let error = Error::new(kind, "RopId", r.offset()).within("ROP response");
            undecoded = Some(Undecoded { start: r.offset(), position, error });
        }
        Unmatched { others, stopped, undecoded }
    }

    /// Reads a further buffer.
    fn packed(&mut self, buffer: ExtendedBuffer, reader: &mut ResponseReader) -> PackedReply {
        let inner = RopBuffer::from_shared(&buffer.payload).ok();
        // Only the last ROP of a batch is continued.
        let last = reader.last_replied().filter(|last| last.saturating_add(1) == self.batch.entries.len());
        let mut reply = inner.as_ref().filter(|_| last.is_some()).and_then(|inner| {
            let mut r = Reader::sharing(&inner.rops).within(self.budget);
            r.spend(ROP, "RopId").ok()?;
            reader.begin_packed();
            match reader.next_response(&mut r, self) {
                Ok(ReadResponse::Reply(reply)) if r.is_empty() => reply,
                _ => None,
            }
        });
        let changed = reply.as_mut().is_some_and(|reply| self.pass.continued(self.batch, reply));
        PackedReply { buffer, inner, reply, changed }
    }

    fn deliver(&mut self, position: usize) {
        self.changed |= self.pass.deliver(self.batch, position, self.handles);
    }
}

impl ReplyHandler for Reading<'_, '_> {
    /// The response, unless it was stored in the entry.
    type Output = Option<RopReply>;

    fn request(&self, position: usize) -> Option<&RopRequest> {
        self.batch.entries.get(position).map(|entry| &entry.request)
    }

    fn has_reply(&self, position: usize) -> bool {
        self.batch.entries.get(position).is_some_and(Entry::expects_upstream_reply)
    }

    fn columns(&self, position: usize) -> Option<&Arc<[PropTag]>> {
        self.pass.columns(self.request(position)?)
    }

    fn no_reply(&mut self, position: usize) {
        self.deliver(position);
    }

    fn reply(&mut self, position: usize, reply: RopReply) -> Self::Output {
        if let Some(entry) = self.batch.entries.get_mut(position) {
            entry.reply = Some(reply);
        }
        self.deliver(position);
        None
    }

    fn further_reply(&mut self, _position: usize, reply: RopReply) -> Self::Output {
        Some(reply)
    }

    /// Requests after `RopBufferTooSmall` or `RopBackoff` were not executed: a `RopRelease` among them released
    /// nothing.
    fn unread(&mut self, position: usize) {
        if !self.stopped {
            self.deliver(position);
        }
    }
}
