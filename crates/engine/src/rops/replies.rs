//! The responses to a batch of ROPs, as received from the upstream and as sent to the client.

use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::RopBuffer;
use mapi::rop::response_only::RopBufferTooSmallResponse;
use mapi::rop::{RopReply, RopResponse};
use wire::{Bytes, Encode as _, Error, Result, Writer};

use super::batch::{Entry, RopBatch};

/// The upstream's response to a batch, without the responses to single ROPs, which are in the entries of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchResponses {
    pub(super) flags: ExtendedFlags,
    pub(super) original: RopBuffer,
    /// Responses that belong to no ROP of the batch: `RopNotify` and `RopPending`.
    pub(super) others: Vec<RopResponse>,
    /// If the server did not execute all ROPs: the position of the first one that it did not, and its response,
    /// `RopBufferTooSmall` or `RopBackoff`.
    pub(super) stopped: Option<(usize, RopResponse)>,
    /// If the rest cannot be decoded: its offset, the position of the ROP whose response it would begin with, and the
    /// error.
    pub(super) opaque: Option<(usize, usize, Error)>,
    /// Further buffers, each with one more response to the last ROP ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub(super) packed: Vec<PackedReply>,
    pub(super) changed: bool,
}

/// A further extended buffer of a response.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PackedReply {
    pub(super) buffer: ExtendedBuffer,
    pub(super) inner: Option<RopBuffer>,
    pub(super) reply: Option<RopReply>,
    pub(super) changed: bool,
}

impl BatchResponses {
    /// The buffer with which an upstream would respond to a batch without ROPs.
    pub(crate) fn empty_buffer(batch: &RopBatch) -> Result<ExtendedBuffer> {
        let buffer = RopBuffer::new(Bytes::new(), batch.handles.clone());
        Ok(ExtendedBuffer::plain(buffer.to_bytes()?))
    }

    /// The server object handle table of the upstream's response.
    pub fn handles(&self) -> &[u32] {
        &self.original.handles
    }

    /// Further responses to the last ROP.
    pub fn packed(&self) -> impl Iterator<Item = &RopReply> {
        self.packed.iter().filter_map(|packed| packed.reply.as_ref())
    }

    /// Responses that belong to no ROP of the batch: `RopNotify` and `RopPending`.
    pub fn others(&self) -> &[RopResponse] {
        &self.others
    }

    /// `RopBufferTooSmall` or `RopBackoff`, if the server did not execute all ROPs.
    pub const fn stopped(&self) -> Option<&RopResponse> {
        match &self.stopped {
            Some((_, response)) => Some(response),
            None => None,
        }
    }

    /// The error, if the rest of the response cannot be decoded.
    pub const fn error(&self) -> Option<&Error> {
        match &self.opaque {
            Some((_, _, error)) => Some(error),
            None => None,
        }
    }

    /// Encodes the extended buffers for the client.
    ///
    /// # Errors
    /// If modules added or removed ROPs in a part that cannot be decoded, or if a response does not fit.
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
            // Only ROPs that modules added were not executed, so the client's ROPs are complete.
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
