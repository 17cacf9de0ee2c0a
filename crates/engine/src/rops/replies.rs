//! The answer to a batch of ROPs, as it came from the upstream and as it leaves to the client.

use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::RopBuffer;
use mapi::rop::response_only::RopBufferTooSmallResponse;
use mapi::rop::{RopReply, RopResponse};
use wire::{Bytes, Encode as _, Error, Result, Writer};

use super::batch::{Entry, RopBatch};

/// The answer to a batch, as it came from the upstream. Replies are with the batch's entries.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchResponses {
    pub(super) flags: ExtendedFlags,
    pub(super) original: RopBuffer,
    /// What stands behind the replies and belongs to no ROP of the batch: notifications, and that some are
    /// pending.
    pub(super) others: Vec<RopResponse>,
    /// The server did not get to all ROPs: the first that it left, and what it says.
    pub(super) stopped: Option<(usize, RopResponse)>,
    /// Where what can't be decoded starts in the ROPs, the entry that it would answer, and why.
    pub(super) opaque: Option<(usize, usize, Error)>,
    /// Further buffers, each with one more answer to the last ROP ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub(super) packed: Vec<PackedReply>,
    pub(super) changed: bool,
}

/// A further extended buffer of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PackedReply {
    pub(super) buffer: ExtendedBuffer,
    pub(super) inner: Option<RopBuffer>,
    pub(super) reply: Option<RopReply>,
    pub(super) changed: bool,
}

impl BatchResponses {
    /// What an upstream would answer that got nothing of the batch.
    pub(crate) fn empty_buffer(batch: &RopBatch) -> Result<ExtendedBuffer> {
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
    pub(crate) fn outgoing(&self, batch: &RopBatch) -> Result<Vec<ExtendedBuffer>> {
        let mut rops = Writer::with_capacity(self.original.rops.len());
        self.write_replies(batch, &mut rops)?;
        let mut handles = self.original.handles.clone();
        handles.truncate(batch.client_slots());
        let trailing = self.original.trailing.clone();
        let buffer = RopBuffer { rops: rops.into_vec().into(), handles, trailing };
        let first = ExtendedBuffer { flags: self.flags, payload: buffer.to_bytes()?.into() };
        let others = self.packed.iter().map(PackedReply::outgoing);
        std::iter::once(Ok(first)).chain(others).collect()
    }

    fn write_replies(&self, batch: &RopBatch, w: &mut Writer) -> Result<()> {
        let end = match (&self.stopped, &self.opaque) {
            (Some((position, _)), _) | (None, Some((_, position, _))) => *position,
            (None, None) => batch.entries.len(),
        };
        for entry in batch.entries.get(..end).unwrap_or_default().iter().filter(|entry| !entry.is_added()) {
            if let Some(reply) = entry.client_reply() {
                reply.encode(w)?;
            }
        }
        let behind = batch.entries.get(end..).unwrap_or_default();
        if let Some((start, _, error)) = &self.opaque {
            if behind.iter().any(|entry| entry.is_added() || !entry.is_forwarded()) {
                return Err(error.clone());
            }
            w.bytes(self.original.rops.get(*start..).unwrap_or_default());
            return Ok(());
        }
        match &self.stopped {
            // What modules added behind the client's ROPs was left alone, of which the client knows nothing.
            Some((position, RopResponse::BufferTooSmall(_)))
                if behind.iter().any(Entry::is_added) && batch.client_bytes_from(*position).is_empty() => {}
            Some((position, RopResponse::BufferTooSmall(small))) => {
                let size_needed = usize::from(small.size_needed).saturating_add(batch.reserved());
                let small = RopBufferTooSmallResponse {
                    size_needed: u16::try_from(size_needed).unwrap_or(u16::MAX),
                    request_buffers: batch.client_bytes_from(*position).to_vec(),
                };
                RopResponse::BufferTooSmall(small).encode(w)?;
            }
            Some((_, other)) => other.encode(w)?,
            None => {}
        }
        self.others.iter().try_for_each(|other| other.encode(w))
    }
}

impl PackedReply {
    fn outgoing(&self) -> Result<ExtendedBuffer> {
        let (true, Some(inner), Some(reply)) = (self.changed, &self.inner, &self.reply) else {
            return Ok(self.buffer.clone());
        };
        let rops = reply.to_bytes()?.into();
        let inner = RopBuffer { rops, handles: inner.handles.clone(), trailing: inner.trailing.clone() };
        Ok(ExtendedBuffer { flags: self.buffer.flags, payload: inner.to_bytes()?.into() })
    }
}
