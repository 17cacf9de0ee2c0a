//! Reads the ROP responses of a batch in order.

use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::RopBuffer;
use mapi::rop::unsolicited::RopBufferTooSmallResponse;
use mapi::rop::{RopReply, RopResponse, Turn};
use wire::{Bytes, Decode as _, Encode as _, Error, ErrorKind, Reader, Result, Writer};

use super::batch::{Entry, RopBatch};

/// Who reads answers knows the objects, and is told of each ROP in order.
pub(crate) trait ReadReply {
    /// Reads the response to the ROP at `place` of `batch`; where `r` stands is its `RopId`. Where there is no
    /// such ROP, it is one that answers none.
    ///
    /// # Errors
    /// When the bytes are no such response.
    fn read(&mut self, turn: Turn, batch: &RopBatch, place: usize, r: &mut Reader<'_>)
    -> Result<RopResponse>;

    /// The ROP at `place` has its answer, or gets none; `handles` is the handle table of the answer. Says
    /// whether the answer was changed.
    fn passed(&mut self, batch: &mut RopBatch, place: usize, handles: &[u32]) -> bool;

    /// One more answer to the last ROP. Says whether it was changed.
    fn more(&mut self, batch: &RopBatch, reply: &mut RopReply) -> bool;
}

/// The answer to a batch, as it came from the upstream. Replies are with the batch's entries.
#[derive(Debug, Clone, PartialEq)]
pub struct RopAnswers {
    flags: ExtendedFlags,
    original: RopBuffer,
    /// What stands behind the replies and belongs to no ROP of the batch: notifications, and that some are
    /// pending.
    pub(crate) others: Vec<RopResponse>,
    /// The server did not get to all ROPs: the first that it left, and what it says.
    stopped: Option<(usize, RopResponse)>,
    /// Where what can't be decoded starts in the ROPs, the entry that it would answer, and why.
    opaque: Option<(usize, usize, Error)>,
    /// Further buffers, each with one more answer to the last ROP ([MS-OXCRPC] 3.1.4.2.1.2.2).
    packed: Vec<PackedReply>,
    pub(crate) changed: bool,
}

/// A further extended buffer of an answer.
#[derive(Debug, Clone, PartialEq)]
struct PackedReply {
    buffer: ExtendedBuffer,
    inner: Option<RopBuffer>,
    reply: Option<RopReply>,
    changed: bool,
}

impl RopAnswers {
    /// Reads the answer to `batch` from its extended buffers. Each reply goes to its entry.
    ///
    /// # Errors
    /// When the buffers hold no ROP buffer. Answers that can't be decoded are no error, see
    /// [`RopAnswers::error`].
    pub(crate) fn decode(
        buffers: Vec<ExtendedBuffer>,
        batch: &mut RopBatch,
        read: &mut impl ReadReply,
    ) -> Result<Self> {
        let mut buffers = buffers.into_iter();
        let first = buffers.next().unwrap_or_else(|| ExtendedBuffer::plain(Bytes::new()));
        let original = RopBuffer::from_shared(&first.payload)?;
        let mut answers = Self {
            flags: first.flags,
            original,
            others: Vec::new(),
            stopped: None,
            opaque: None,
            packed: Vec::new(),
            changed: false,
        };
        let place = answers.read_first(batch, read);
        answers.pass(batch, place..batch.entries.len(), read);
        for buffer in buffers {
            let packed = PackedReply::decode(buffer, batch, read);
            answers.changed |= packed.changed;
            answers.packed.push(packed);
        }
        Ok(answers)
    }

    /// What an upstream would answer that got nothing of the batch.
    pub(crate) fn nothing(batch: &RopBatch) -> Result<ExtendedBuffer> {
        let buffer = RopBuffer::new(Bytes::new(), batch.handles.clone());
        Ok(ExtendedBuffer::plain(buffer.to_bytes()?))
    }

    fn pass(&mut self, batch: &mut RopBatch, places: std::ops::Range<usize>, read: &mut impl ReadReply) {
        for place in places {
            let changed = read.passed(batch, place, &self.original.handles);
            self.changed |= changed;
        }
    }

    /// The server object handle table as the upstream left it.
    pub fn handles(&self) -> &[u32] {
        &self.original.handles
    }

    /// Further answers to the last ROP.
    pub fn packed(&self) -> impl Iterator<Item = &RopReply> {
        self.packed.iter().filter_map(|packed| packed.reply.as_ref())
    }

    /// What belongs to no ROP of the batch: notifications, and that some are pending.
    pub fn others(&self) -> &[RopResponse] {
        &self.others
    }

    /// What the server says that did not carry out all ROPs.
    pub const fn stopped(&self) -> Option<&RopResponse> {
        match &self.stopped {
            Some((_, response)) => Some(response),
            None => None,
        }
    }

    /// Why the rest of the answer can't be decoded, if it can't.
    pub const fn error(&self) -> Option<&Error> {
        match &self.opaque {
            Some((_, _, error)) => Some(error),
            None => None,
        }
    }

    /// Reads the first buffer; returns the entry up to which all have passed.
    fn read_first(&mut self, batch: &mut RopBatch, read: &mut impl ReadReply) -> usize {
        let rops = self.original.rops.clone();
        let mut r = Reader::sharing(&rops);
        let mut place = 0;
        while !r.is_empty() {
            let start = r.offset();
            let next = next_answered(batch, place);
            self.pass(batch, place..next, read);
            place = next;
            match read_one(batch, place, &mut r, read) {
                Ok(RopResponse::Reply(reply)) => {
                    if let Some(entry) = batch.entries.get_mut(place) {
                        entry.reply = Some(reply);
                    }
                    self.pass(batch, place..place.saturating_add(1), read);
                    place = place.saturating_add(1);
                }
                Ok(response @ (RopResponse::BufferTooSmall(_) | RopResponse::Backoff(_))) => {
                    self.stopped = Some((place, response));
                }
                Ok(response) => self.others.push(response),
                Err(error) => {
                    self.opaque = Some((start, place, error));
                    break;
                }
            }
        }
        let missing = next_answered(batch, place);
        if missing < batch.entries.len() && self.stopped.is_none() && self.opaque.is_none() {
            let kind = ErrorKind::Truncated { needed: 1, available: 0 };
            let error = Error::new(kind, "RopId", r.offset()).within("ROP response");
            self.opaque = Some((r.offset(), missing, error));
        }
        place
    }

    /// The extended buffers as the client gets them.
    ///
    /// # Errors
    /// When what modules did can't be brought into the client's shape: a part that can't be decoded is among
    /// what they changed, or something does not fit.
    pub(crate) fn leaving(&self, batch: &RopBatch) -> Result<Vec<ExtendedBuffer>> {
        let mut rops = Writer::with_capacity(self.original.rops.len());
        self.write_replies(batch, &mut rops)?;
        let mut handles = self.original.handles.clone();
        handles.truncate(batch.client_slots());
        let trailing = self.original.trailing.clone();
        let buffer = RopBuffer { rops: rops.into_vec().into(), handles, trailing };
        let first = ExtendedBuffer { flags: self.flags, payload: buffer.to_bytes()?.into() };
        let others = self.packed.iter().map(PackedReply::leaving);
        std::iter::once(Ok(first)).chain(others).collect()
    }

    fn write_replies(&self, batch: &RopBatch, w: &mut Writer) -> Result<()> {
        let end = match (&self.stopped, &self.opaque) {
            (Some((place, _)), _) | (None, Some((_, place, _))) => *place,
            (None, None) => batch.entries.len(),
        };
        for entry in batch.entries.get(..end).unwrap_or_default().iter().filter(|entry| !entry.is_added()) {
            if let Some(reply) = entry.answer() {
                reply.encode(w)?;
            }
        }
        let behind = batch.entries.get(end..).unwrap_or_default();
        if let Some((start, _, error)) = &self.opaque {
            if behind.iter().any(|entry| entry.is_added() || !entry.is_relayed()) {
                return Err(error.clone());
            }
            w.bytes(self.original.rops.get(*start..).unwrap_or_default());
            return Ok(());
        }
        match &self.stopped {
            // What modules added behind the client's ROPs was left alone, of which the client knows nothing.
            Some((place, RopResponse::BufferTooSmall(_)))
                if behind.iter().any(Entry::is_added) && batch.client_bytes_from(*place).is_empty() => {}
            Some((place, RopResponse::BufferTooSmall(small))) => {
                let size_needed = usize::from(small.size_needed).saturating_add(batch.reserved());
                let small = RopBufferTooSmallResponse {
                    size_needed: u16::try_from(size_needed).unwrap_or(u16::MAX),
                    request_buffers: batch.client_bytes_from(*place).to_vec(),
                };
                RopResponse::BufferTooSmall(small).encode(w)?;
            }
            Some((_, other)) => other.encode(w)?,
            None => {}
        }
        self.others.iter().try_for_each(|other| other.encode(w))
    }
}

/// The first entry from `place` on whose answer comes from the upstream.
fn next_answered(batch: &RopBatch, place: usize) -> usize {
    let behind = batch.entries.get(place..).unwrap_or_default();
    place.saturating_add(behind.iter().position(Entry::is_answered_there).unwrap_or(behind.len()))
}

/// Reads what begins where `r` stands, if the ROP at `place` is to be answered next.
fn read_one(
    batch: &RopBatch,
    place: usize,
    r: &mut Reader<'_>,
    read: &mut impl ReadReply,
) -> Result<RopResponse> {
    let turn = Turn::at(r, batch.entries.get(place).map(|entry| &entry.request))?;
    read.read(turn, batch, place, r)
}

impl PackedReply {
    fn decode(buffer: ExtendedBuffer, batch: &RopBatch, read: &mut impl ReadReply) -> Self {
        let inner = RopBuffer::from_shared(&buffer.payload).ok();
        let last = batch.entries.len().checked_sub(1);
        let reply = inner.as_ref().zip(last).and_then(|(inner, place)| {
            let mut r = Reader::sharing(&inner.rops);
            match read_one(batch, place, &mut r, read) {
                Ok(RopResponse::Reply(reply)) if r.is_empty() => Some(reply),
                _ => None,
            }
        });
        let mut packed = Self { buffer, inner, reply, changed: false };
        if let Some(reply) = &mut packed.reply {
            packed.changed = read.more(batch, reply);
        }
        packed
    }

    fn leaving(&self) -> Result<ExtendedBuffer> {
        let (true, Some(inner), Some(reply)) = (self.changed, &self.inner, &self.reply) else {
            return Ok(self.buffer.clone());
        };
        let rops = reply.to_bytes()?.into();
        let inner = RopBuffer { rops, handles: inner.handles.clone(), trailing: inner.trailing.clone() };
        Ok(ExtendedBuffer { flags: self.buffer.flags, payload: inner.to_bytes()?.into() })
    }
}
