//! ROP batches: the decoded ROPs of a request, and the modules' decisions about them.

use std::ops::Range;

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::{Empty, HandleRole, Logons, RequestBody, RequestReader, RopReply, RopRequest};
use wire::{Budget, Bytes, Decode as _, Encode as _, Error, Reader, Result, Writer};

use crate::work::{REQUEST_LIMIT, ROP, Work};

/// The most slots of a server object handle table: an index has one byte, and 255 is not used.
const MAX_SLOTS: usize = 255;

/// The decision about a ROP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The ROP is forwarded to the upstream.
    Forwarded,
    /// The ROP is not forwarded; a module or the engine responded to it.
    RespondedLocally,
    /// The ROP is not forwarded, and has no response: a `RopRelease`, or one that a module added.
    Dropped,
}

/// A ROP of a batch, with its response once there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The request.
    pub request: RopRequest,
    /// The response, by the upstream or by a module. `None` before it is received, for `RopRelease`, and if the server
    /// did not execute the ROP.
    pub reply: Option<RopReply>,
    pub(crate) disposition: Disposition,
    /// Where the ROP begins in the client's buffer; `None` for a ROP that a module added.
    origin: Option<u32>,
    /// The number of the module that added the ROP or responded to it; `usize::MAX` if the engine responded.
    pub(crate) by: Option<usize>,
}

impl Entry {
    /// Whether a module added the ROP, so that the client does not receive its response.
    pub const fn is_added(&self) -> bool {
        self.origin.is_none()
    }

    /// Whether the upstream responds to the ROP.
    pub(crate) fn expects_upstream_reply(&self) -> bool {
        self.is_forwarded() && self.request.has_reply()
    }

    /// Whether the ROP is forwarded to the upstream.
    pub fn is_forwarded(&self) -> bool {
        self.disposition == Disposition::Forwarded
    }
}

/// The ROPs of one request ([MS-OXCROPS] 2.2.1).
///
/// Only the first extended buffer of a request may contain several ROPs. Each further one contains one ROP, which
/// continues the last one of the first buffer ([MS-OXCRPC] 3.1.4.2.1.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RopBatch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) handles: Vec<u32>,
    /// The range of the first buffer that cannot be decoded: an unknown or malformed ROP, and all that follows.
    rest: Range<usize>,
    error: Option<Error>,
    flags: ExtendedFlags,
    /// The client's buffer, without the handle table, which is `handles`.
    original: RopBuffer,
    /// The number of slots in the client's handle table.
    client_slots: usize,
    packed: Vec<Packed>,
    pub(crate) edited: bool,
    /// What was decoded.
    pub(crate) work: Work,
    /// How many bytes of the response are reserved for the responses of modules.
    reserved: usize,
    /// The maximum size of the response that the client accepts, in bytes.
    pub(crate) room: Option<u32>,
}

/// A further extended buffer ("packed" in [MS-OXCRPC]), with one ROP that continues the last one of the first buffer.
#[derive(Debug, Clone, PartialEq)]
struct Packed {
    buffer: ExtendedBuffer,
    rop: Option<RopRequest>,
}

/// The minimum size of the response to a ROP, in bytes.
const SHORTEST_RESPONSE: usize = 1 /* RopId */ + 1 /* HandleIndex */ + 4 /* ReturnValue */;

impl RopBatch {
    /// Decodes the ROPs in the extended buffers of a request. `logons` are those of the session.
    ///
    /// # Errors
    /// If the first buffer is not a ROP buffer. ROPs that cannot be decoded are not an error here, see
    /// [`RopBatch::error`]. Nor are those that exceed the limit on an operation; the engine refuses it.
    pub fn decode(buffers: Vec<ExtendedBuffer>, logons: &dyn Logons) -> Result<Self> {
        let mut buffers = buffers.into_iter();
        let first = buffers.next().unwrap_or_else(|| ExtendedBuffer::plain(Bytes::new()));
        let mut original = RopBuffer::from_shared(&first.payload)?;
        let budget = Budget::new(REQUEST_LIMIT);
        let (entries, rest, error) = decode_rops(&original.rops, logons, &budget);
        let packed = buffers.map(|buffer| Packed::decode(buffer, logons, &budget)).collect();
        let handles = std::mem::take(&mut original.handles);
        let client_slots = handles.len();
        let flags = first.flags;
        Ok(Self {
            entries,
            handles,
            rest,
            error,
            flags,
            original,
            client_slots,
            packed,
            edited: false,
            work: Work::of(&budget),
            reserved: 0,
            room: None,
        })
    }

    /// How many bytes of memory the batch takes, at most.
    pub(crate) fn bytes(&self) -> usize {
        let entries = self.entries.capacity().saturating_mul(size_of::<Entry>());
        let packed = self.packed.iter().map(|packed| packed.buffer.payload.len());
        let payload = packed.fold(self.original.rops.len(), usize::saturating_add);
        entries.saturating_add(payload).saturating_add(self.work.bytes_beside(self.entries.len()))
    }

    /// The ROPs, including those that modules added, in the order in which they are executed.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The ROPs in further buffers, which continue the last one of the first buffer.
    pub fn packed(&self) -> impl Iterator<Item = &RopRequest> {
        self.packed.iter().filter_map(|packed| packed.rop.as_ref())
    }

    /// The server object handle table.
    pub fn handles(&self) -> &[u32] {
        &self.handles
    }

    /// The error of the first ROP that cannot be decoded, if any. It and the ROPs after it are forwarded as bytes.
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// How many bytes of ROPs at the end cannot be decoded.
    pub fn opaque(&self) -> usize {
        self.rest.len()
    }

    /// By how many bytes the maximum size of the upstream's response is lowered, to leave space for modules.
    pub(crate) const fn reserved(&self) -> usize {
        self.reserved
    }

    /// By how many bytes the maximum size of the upstream's response is raised: the minimum size of the responses to
    /// ROPs that modules added before all of the client's, since the client does not receive these. For ROPs added
    /// after one of the client's nothing is added: the response to that one could use the space, and be too long for
    /// the client.
    pub(crate) fn added(&self) -> usize {
        let forwarded = self.entries.iter().filter(|entry| entry.is_forwarded());
        let first = forwarded.take_while(|entry| entry.is_added());
        first.filter(|entry| entry.request.has_reply()).count().saturating_mul(SHORTEST_RESPONSE)
    }

    /// Reserves `bytes` of the response for a module that lengthens responses.
    pub(crate) const fn reserve(&mut self, bytes: usize) {
        self.reserved = self.reserved.saturating_add(bytes);
    }

    /// Sets the response to the ROP at `position`, which is then not forwarded to the upstream.
    pub(crate) fn respond(&mut self, position: usize, reply: RopReply, by: usize) {
        let size = reply.to_bytes().map_or(0, |bytes| bytes.len());
        let Some(entry) = self.entries.get_mut(position) else { return };
        entry.by = Some(by);
        if entry.is_added() || !entry.request.has_reply() {
            entry.disposition = Disposition::Dropped;
        } else {
            entry.disposition = Disposition::RespondedLocally;
            entry.reply = Some(reply);
            self.reserved = self.reserved.saturating_add(size);
        }
        self.edited = true;
    }

    /// Inserts a ROP of the module `by` before the one at `position`.
    ///
    /// # Errors
    /// If the ROP refers to a slot that the handle table does not have.
    pub(crate) fn insert(&mut self, position: usize, request: RopRequest, by: usize) -> Result<()> {
        let mut request = request;
        let mut highest = 0;
        request.handle_indexes(&mut |_, index| highest = highest.max(usize::from(*index)));
        if highest >= self.handles.len() {
            return Err(Error::invalid("handle index", 0, u64::try_from(highest).unwrap_or(0), "a slot"));
        }
        let entry =
            Entry { request, reply: None, disposition: Disposition::Forwarded, origin: None, by: Some(by) };
        self.entries.insert(position.min(self.entries.len()), entry);
        self.edited = true;
        Ok(())
    }

    /// Adds a slot to the handle table, for the object of a ROP that a module adds. The client does not receive the
    /// slot.
    ///
    /// # Errors
    /// If the table is full.
    pub(crate) fn new_slot(&mut self) -> Result<u8> {
        let slot = self.handles.len();
        let full = || Error::invalid("handle table", 0, u64::try_from(slot).unwrap_or(0), "a free slot");
        if slot >= MAX_SLOTS {
            return Err(full());
        }
        self.handles.push(NO_OBJECT);
        self.edited = true;
        u8::try_from(slot).map_err(|_| full())
    }

    /// Refuses ROPs that act on an object that is not opened because a module responded to the ROP that would open
    /// it. They must not be forwarded, since the slot may contain an older object.
    pub(crate) fn refuse_dependents(&mut self) {
        let mut missing = [false; 256];
        for position in 0..self.entries.len() {
            let Some(entry) = self.entries.get_mut(position) else { return };
            let mut error = None;
            let mut opened = None;
            entry.request.handle_indexes(&mut |role, index| {
                let is_missing = missing.get(usize::from(*index)).copied().unwrap_or(false);
                match role {
                    HandleRole::Output => opened = Some(*index),
                    HandleRole::Destination if is_missing && error.is_none() => {
                        error = Some(ErrorCode::EC_DST_NULL_OBJECT);
                    }
                    HandleRole::Input if is_missing => error = Some(ErrorCode::EC_NULL_OBJECT),
                    _ => {}
                }
            });
            let forwarded = entry.is_forwarded();
            if let Some(error) = error.filter(|_| forwarded) {
                let by = entry.by.unwrap_or(usize::MAX);
                let reply = RopReply::refused(self.request(position), error);
                self.respond(position, reply, by);
            }
            let forwarded = forwarded && error.is_none();
            if let Some(slot) = opened.and_then(|slot| missing.get_mut(usize::from(slot))) {
                *slot = !forwarded;
            }
        }
    }

    /// Encodes the extended buffers to forward.
    ///
    /// # Errors
    /// If the changed ROPs do not fit a buffer.
    pub fn outgoing(&self) -> Result<Vec<ExtendedBuffer>> {
        let mut w = Writer::with_capacity(self.original.rops.len());
        for entry in self.entries.iter().filter(|entry| entry.is_forwarded()) {
            entry.request.encode(&mut w)?;
        }
        w.bytes(self.original.rops.get(self.rest.clone()).unwrap_or_default());
        let trailing = self.original.trailing.clone();
        let buffer = RopBuffer { rops: w.into_vec().into(), handles: self.handles.clone(), trailing };
        let first = ExtendedBuffer { flags: self.flags, payload: buffer.to_bytes()?.into() };
        Ok(std::iter::once(first).chain(self.packed.iter().map(|packed| packed.buffer.clone())).collect())
    }

    /// The ROP at `position`.
    pub(crate) fn request(&self, position: usize) -> &RopRequest {
        static NONE: RopRequest =
            RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopRelease(Empty) };
        self.entries.get(position).map_or(&NONE, |entry| &entry.request)
    }

    /// Whether no ROP is left to forward to the upstream.
    pub(crate) fn has_nothing_to_forward(&self) -> bool {
        !self.entries.is_empty()
            && self.rest.is_empty()
            && self.packed.is_empty()
            && !self.entries.iter().any(Entry::is_forwarded)
    }

    /// The number of slots in the client's handle table.
    pub(crate) const fn client_slots(&self) -> usize {
        self.client_slots
    }

    /// The client's bytes, starting with the ROP at `position`.
    pub(crate) fn client_bytes_from(&self, position: usize) -> &[u8] {
        let own = self.entries.get(position..).unwrap_or_default().iter().find_map(|entry| entry.origin);
        let start = own.and_then(|start| usize::try_from(start).ok()).unwrap_or(self.rest.start);
        self.original.rops.get(start..).unwrap_or_default()
    }
}

impl Packed {
    fn decode(buffer: ExtendedBuffer, logons: &dyn Logons, budget: &Budget) -> Self {
        let rop = RopBuffer::from_shared(&buffer.payload).and_then(|inner| {
            let mut r = Reader::sharing(&inner.rops).within(budget);
            r.spend(ROP, "RopId")?;
            RopRequest::decode(&mut r, logons)
        });
        let rop = rop.ok();
        Self { buffer, rop }
    }
}

fn decode_rops(
    rops: &Bytes,
    logons: &dyn Logons,
    budget: &Budget,
) -> (Vec<Entry>, Range<usize>, Option<Error>) {
    let all = Reader::sharing(rops).within(budget);
    let mut reader = RequestReader::new(all.clone(), logons);
    let mut entries = Vec::new();
    let error = loop {
        match reader.next_request() {
            Ok(Some((request, bytes))) => {
                if let Err(error) = all.spend(ROP, "RopId") {
                    break Some(error);
                }
                // A buffer has at most 65,535 bytes.
                let origin = u32::try_from(bytes.start).ok();
                entries.push(Entry {
                    request,
                    reply: None,
                    disposition: Disposition::Forwarded,
                    origin,
                    by: None,
                });
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    (entries, reader.offset()..rops.len(), error)
}
