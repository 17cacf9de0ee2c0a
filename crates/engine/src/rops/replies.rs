//! The responses to a batch of ROPs, as received from the upstream and as sent to the client.

use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::RopBuffer;
use mapi::rop::response_only::RopBufferTooSmallResponse;
use mapi::rop::{RopReply, RopResponse};
use wire::{Bytes, Encode as _, Error, Result, Writer};

use super::batch::{Entry, RopBatch};
use crate::work::Work;

/// The upstream's response to a batch, without the first responses to single ROPs, which are in the entries of the
/// batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchResponses {
    pub(super) flags: ExtendedFlags,
    pub(super) original: RopBuffer,
    /// Responses that belong to no ROP of the batch: `RopNotify` and `RopPending`.
    pub(super) others: Vec<RopResponse>,
    /// If the server did not execute all ROPs.
    pub(super) stopped: Option<Stop>,
    /// If the rest cannot be decoded, or responses are missing.
    pub(super) undecoded: Option<Undecoded>,
    /// Further buffers, each with one more response to the last ROP ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub(super) packed: Vec<PackedReply>,
    pub(super) changed: bool,
    /// What was decoded.
    pub(crate) work: Work,
}

/// A response by which the server states that it executed no more ROPs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    /// The position of the first ROP that was not executed.
    pub(super) position: usize,
    /// `RopBufferTooSmall` or `RopBackoff`.
    pub(super) response: RopResponse,
}

/// The rest of a response, which cannot be decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Undecoded {
    /// Its offset in the buffer.
    pub(super) start: usize,
    /// The position of the ROP whose response it would begin with.
    pub(super) position: usize,
    pub(super) error: Error,
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

    /// How many bytes of memory the responses take, at most.
    pub(crate) fn bytes(&self) -> usize {
        let packed = self.packed.iter().map(|packed| packed.buffer.payload.len());
        packed.fold(self.original.rops.len(), usize::saturating_add).saturating_add(self.work.bytes())
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
            Some(stop) => Some(&stop.response),
            None => None,
        }
    }

    /// The error, if the rest of the response cannot be decoded.
    pub const fn error(&self) -> Option<&Error> {
        match &self.undecoded {
            Some(undecoded) => Some(&undecoded.error),
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
        let end = match (&self.stopped, &self.undecoded) {
            (Some(Stop { position, .. }), _) | (None, Some(Undecoded { position, .. })) => *position,
            (None, None) => batch.entries.len(),
        };
        for entry in batch.entries.get(..end).unwrap_or_default().iter().filter(|entry| !entry.is_added()) {
            if let Some(reply) = &entry.reply {
                reply.encode(w)?;
            }
        }
        let after = batch.entries.get(end..).unwrap_or_default();
        if let Some(undecoded) = &self.undecoded
            && after.iter().any(|entry| entry.is_added() || !entry.is_forwarded())
        {
            return Err(undecoded.error.clone());
        }
        // They are written before `RopBufferTooSmall`, which extends to the end of the buffer.
        self.others.iter().try_for_each(|other| other.encode(w))?;
        match &self.stopped {
            // Only ROPs that modules added were not executed, so the client's ROPs are complete.
            Some(Stop { position, response: RopResponse::BufferTooSmall(_) })
                if after.iter().any(Entry::is_added) && batch.client_bytes_from(*position).is_empty() => {}
            Some(Stop { position, response: RopResponse::BufferTooSmall(small) }) => {
                let size_needed = usize::from(small.size_needed).saturating_add(batch.reserved());
                let small = RopBufferTooSmallResponse {
                    size_needed: u16::try_from(size_needed).unwrap_or(u16::MAX),
                    request_buffers: batch.client_bytes_from(*position).to_vec(),
                };
                RopResponse::BufferTooSmall(small).encode(w)?;
            }
            Some(stop) => stop.response.encode(w)?,
            None => {}
        }
        let rest = self.undecoded.as_ref().and_then(|undecoded| self.original.rops.get(undecoded.start..));
        w.bytes(rest.unwrap_or_default());
        Ok(())
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
