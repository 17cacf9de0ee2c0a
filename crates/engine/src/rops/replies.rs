//! Reads the ROP responses of a batch in order.

use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::RopBuffer;
use mapi::property::PropTag;
use mapi::rop::unsolicited::RopBufferTooSmallResponse;
use mapi::rop::{AnsweredBatch, ReadResponse, ResponseReader, RopReply, RopRequest, RopResponse};
use wire::{Bytes, Decode as _, Encode as _, Error, ErrorKind, Reader, Result, Writer};

use super::batch::{Entry, RopBatch};
use super::reply_pass::ReplyPass;

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
    pub(super) fn decode(
        buffers: Vec<ExtendedBuffer>,
        batch: &mut RopBatch,
        pass: &mut ReplyPass<'_>,
    ) -> Result<Self> {
        let mut buffers = buffers.into_iter();
        let first = buffers.next().unwrap_or_else(|| ExtendedBuffer::plain(Bytes::new()));
        let original = RopBuffer::from_shared(&first.payload)?;
        let mut reading = Reading { batch, pass, handles: &original.handles, changed: false };
        let mut reader = ResponseReader::new();
        let Unmatched { others, stopped, opaque } = reading.first(&mut reader, &original.rops);
        reader.pass_rest(&mut reading);
        let packed: Vec<PackedReply> =
            buffers.map(|buffer| PackedReply::decode(buffer, &mut reader, &mut reading)).collect();
        let changed = reading.changed || packed.iter().any(|packed| packed.changed);
        Ok(Self { flags: first.flags, original, others, stopped, opaque, packed, changed })
    }

    /// What an upstream would answer that got nothing of the batch.
    pub(crate) fn nothing(batch: &RopBatch) -> Result<ExtendedBuffer> {
        let buffer = RopBuffer::new(Bytes::new(), batch.handles.clone());
        Ok(ExtendedBuffer::plain(buffer.to_bytes()?))
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

/// An answer that is being read.
struct Reading<'a, 'b> {
    batch: &'a mut RopBatch,
    pass: &'a mut ReplyPass<'b>,
    /// The handle table of the answer.
    handles: &'a [u32],
    /// Whether a module changed a reply.
    changed: bool,
}

/// What stands in the first buffer besides replies.
struct Unmatched {
    others: Vec<RopResponse>,
    stopped: Option<(usize, RopResponse)>,
    opaque: Option<(usize, usize, Error)>,
}

impl Reading<'_, '_> {
    /// Reads the responses of the first buffer.
    fn first(&mut self, reader: &mut ResponseReader, rops: &Bytes) -> Unmatched {
        let mut r = Reader::sharing(rops);
        let (mut others, mut stopped, mut opaque) = (Vec::new(), None, None);
        while !r.is_empty() {
            let start = r.offset();
            match reader.next_response(&mut r, self) {
                Ok(ReadResponse::Answer(_)) => {}
                Ok(ReadResponse::Other(
                    response @ (RopResponse::BufferTooSmall(_) | RopResponse::Backoff(_)),
                )) => stopped = Some((reader.due(self), response)),
                Ok(ReadResponse::Other(response)) => others.push(response),
                Err(error) => {
                    opaque = Some((start, reader.due(self), error));
                    break;
                }
            }
        }
        let missing = reader.due(self);
        if missing < self.batch.entries.len() && stopped.is_none() && opaque.is_none() {
            let kind = ErrorKind::Truncated { needed: 1, available: 0 };
            let error = Error::new(kind, "RopId", r.offset()).within("ROP response");
            opaque = Some((r.offset(), missing, error));
        }
        Unmatched { others, stopped, opaque }
    }

    fn passed(&mut self, place: usize) {
        self.changed |= self.pass.passed(self.batch, place, self.handles);
    }
}

impl AnsweredBatch for Reading<'_, '_> {
    /// The reply, where it is not with its entry.
    type Answer = Option<RopReply>;

    fn request(&self, place: usize) -> Option<&RopRequest> {
        self.batch.entries.get(place).map(|entry| &entry.request)
    }

    fn is_answered(&self, place: usize) -> bool {
        self.batch.entries.get(place).is_some_and(Entry::is_answered_there)
    }

    fn columns(&self, place: usize) -> Option<&[PropTag]> {
        self.pass.columns(self.request(place)?)
    }

    fn unanswered(&mut self, place: usize) {
        self.passed(place);
    }

    fn answered(&mut self, place: usize, reply: RopReply) -> Self::Answer {
        if let Some(entry) = self.batch.entries.get_mut(place) {
            entry.reply = Some(reply);
        }
        self.passed(place);
        None
    }

    fn continued(&mut self, _place: usize, reply: RopReply) -> Self::Answer {
        Some(reply)
    }

    fn unread(&mut self, place: usize) {
        self.passed(place);
    }
}

impl PackedReply {
    fn decode(buffer: ExtendedBuffer, reader: &mut ResponseReader, reading: &mut Reading<'_, '_>) -> Self {
        let inner = RopBuffer::from_shared(&buffer.payload).ok();
        // Only the last ROP of a batch is continued.
        let last =
            reader.last_answered().filter(|last| last.saturating_add(1) == reading.batch.entries.len());
        let mut reply = inner.as_ref().filter(|_| last.is_some()).and_then(|inner| {
            let mut r = Reader::sharing(&inner.rops);
            reader.begin_packed();
            match reader.next_response(&mut r, reading) {
                Ok(ReadResponse::Answer(reply)) if r.is_empty() => reply,
                _ => None,
            }
        });
        let changed = reply.as_mut().is_some_and(|reply| reading.pass.continued(reading.batch, reply));
        Self { buffer, inner, reply, changed }
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
