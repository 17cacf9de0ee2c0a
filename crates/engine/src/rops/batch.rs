//! A ROP batch as modules see it: its entries and what becomes of each.

use std::ops::Range;

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, ExtendedFlags};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::{Empty, HandleRole, Logons, RequestBody, RequestReader, RopReply, RopRequest};
use wire::{Bytes, Decode as _, Encode as _, Error, Reader, Result, Writer};

/// The most slots of a server object handle table: an index of one byte reaches no more, and 255 is left out.
const MAX_SLOTS: usize = 255;

/// What becomes of a ROP.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Disposition {
    /// It goes to the upstream.
    Forwarded,
    /// It stays here; this is its answer.
    RespondedLocally(RopReply),
    /// It stays here, and has no answer: `RopRelease`.
    Dropped,
}

/// A ROP of a batch, with its answer once there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What is asked.
    pub request: RopRequest,
    /// What was answered; none before, for `RopRelease`, and where the server did not get to it.
    pub reply: Option<RopReply>,
    pub(crate) disposition: Disposition,
    /// Where the client's bytes are; none for a ROP that a module added.
    origin: Option<Range<usize>>,
    /// The module that added it, or that answered it here.
    pub(crate) by: Option<usize>,
}

impl Entry {
    /// Whether a module added it: the client knows nothing of it.
    pub const fn is_added(&self) -> bool {
        self.origin.is_none()
    }

    /// What the client gets for it: what the upstream answered, or a module did.
    pub const fn client_reply(&self) -> Option<&RopReply> {
        match &self.disposition {
            Disposition::RespondedLocally(reply) => Some(reply),
            _ => self.reply.as_ref(),
        }
    }

    /// Whether its answer comes from the upstream.
    pub(crate) fn expects_upstream_reply(&self) -> bool {
        self.is_forwarded() && self.request.has_reply()
    }

    /// Whether it goes to the upstream.
    pub fn is_forwarded(&self) -> bool {
        self.disposition == Disposition::Forwarded
    }
}

/// The ROPs of one call, on their way to the upstream ([MS-OXCROPS] 2.2.1).
///
/// Only the first extended buffer of a call holds several; each further one continues its last ROP
/// ([MS-OXCRPC] 3.1.4.2.1.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RopBatch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) handles: Vec<u32>,
    /// What of the first buffer can't be decoded: a ROP that is not known, and all behind it.
    rest: Range<usize>,
    error: Option<Error>,
    flags: ExtendedFlags,
    /// The client's buffer, but for the handle table, which is `handles`.
    original: RopBuffer,
    /// How many slots the client's handle table has.
    client_slots: usize,
    packed: Vec<Packed>,
    pub(crate) edited: bool,
    /// How much of the room for the answer is taken by what is answered here.
    reserved: usize,
    /// How many bytes the client has room for in the answer.
    pub(crate) room: Option<u32>,
}

/// A further extended buffer: one ROP that continues the last one of the first buffer.
#[derive(Debug, Clone, PartialEq)]
struct Packed {
    buffer: ExtendedBuffer,
    rop: Option<RopRequest>,
}

/// What an answer to a ROP takes at least.
const SHORTEST_ANSWER: usize = 1 /* RopId */ + 1 /* HandleIndex */ + 4 /* ReturnValue */;

impl RopBatch {
    /// The ROPs in the extended buffers of a call of a session that has `logons`.
    ///
    /// # Errors
    /// When the buffers hold no ROP buffer. ROPs that can't be decoded are no error, see [`RopBatch::error`].
    pub fn decode(buffers: Vec<ExtendedBuffer>, logons: &dyn Logons) -> Result<Self> {
        let mut buffers = buffers.into_iter();
        let first = buffers.next().unwrap_or_else(|| ExtendedBuffer::plain(Bytes::new()));
        let mut original = RopBuffer::from_shared(&first.payload)?;
        let (entries, rest, error) = decode_rops(&original.rops, logons);
        let packed = buffers.map(|buffer| Packed::decode(buffer, logons)).collect();
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
            reserved: 0,
            room: None,
        })
    }

    /// The ROPs, those that modules added among them, in the order in which they are carried out.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The ROPs that continue the last one.
    pub fn packed(&self) -> impl Iterator<Item = &RopRequest> {
        self.packed.iter().filter_map(|packed| packed.rop.as_ref())
    }

    /// The server object handle table.
    pub fn handles(&self) -> &[u32] {
        &self.handles
    }

    /// Why ROPs at the end can't be decoded, if there are such. They pass as the bytes that they are.
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// How many bytes of ROPs at the end can't be decoded.
    pub fn opaque(&self) -> usize {
        self.rest.len()
    }

    /// How much less room the upstream's answer has than the client left, in bytes.
    pub(crate) const fn reserved(&self) -> usize {
        self.reserved
    }

    /// How much more room the upstream's answer has than the client left, in bytes: what the answers to ROPs take at
    /// least that modules put before all of the client's, and that the client does not see. Behind one of the
    /// client's, whose answer could fill that room, none is made: it would be more than the client takes.
    pub(crate) fn added(&self) -> usize {
        let forwarded = self.entries.iter().filter(|entry| entry.is_forwarded());
        let first = forwarded.take_while(|entry| entry.is_added());
        first.filter(|entry| entry.request.has_reply()).count().saturating_mul(SHORTEST_ANSWER)
    }

    /// Keeps `bytes` of the room for the answer free, for who makes answers longer.
    pub(crate) const fn reserve(&mut self, bytes: usize) {
        self.reserved = self.reserved.saturating_add(bytes);
    }

    /// Lets `reply` be the answer to the ROP at `place`, which does not go to the upstream.
    pub(crate) fn respond(&mut self, position: usize, reply: RopReply, by: usize) {
        let size = reply.to_bytes().map_or(0, |bytes| bytes.len());
        let Some(entry) = self.entries.get_mut(position) else { return };
        entry.by = Some(by);
        if entry.is_added() || !entry.request.has_reply() {
            entry.disposition = Disposition::Dropped;
        } else {
            entry.disposition = Disposition::RespondedLocally(reply);
            self.reserved = self.reserved.saturating_add(size);
        }
        self.edited = true;
    }

    /// Puts a ROP of the module `by` at `place`, before the one that is there.
    ///
    /// # Errors
    /// When the handle table has no slot for it.
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

    /// A slot of the handle table that the client does not know, for an added ROP's object.
    ///
    /// # Errors
    /// When the table is full.
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

    /// After modules answered ROPs here: a ROP that acts on an object which one of these would have made can't
    /// be relayed either, since its slot may hold an older object.
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

    /// The extended buffers as they leave.
    ///
    /// # Errors
    /// When what modules made of the ROPs does not fit a buffer.
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

    /// The ROP at `place`.
    pub(crate) fn request(&self, position: usize) -> &RopRequest {
        static NONE: RopRequest =
            RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopRelease(Empty) };
        self.entries.get(position).map_or(&NONE, |entry| &entry.request)
    }

    /// Whether nothing of it is left for the upstream.
    pub(crate) fn has_nothing_to_forward(&self) -> bool {
        !self.entries.is_empty()
            && self.rest.is_empty()
            && self.packed.is_empty()
            && !self.entries.iter().any(Entry::is_forwarded)
    }

    /// How many slots the client's handle table has.
    pub(crate) const fn client_slots(&self) -> usize {
        self.client_slots
    }

    /// The client's bytes from the ROP at `place` on.
    pub(crate) fn client_bytes_from(&self, position: usize) -> &[u8] {
        let own =
            self.entries.get(position..).unwrap_or_default().iter().find_map(|entry| entry.origin.as_ref());
        let start = own.map_or(self.rest.start, |range| range.start);
        self.original.rops.get(start..).unwrap_or_default()
    }
}

impl Packed {
    fn decode(buffer: ExtendedBuffer, logons: &dyn Logons) -> Self {
        let rop = RopBuffer::from_shared(&buffer.payload)
            .and_then(|inner| RopRequest::decode(&mut Reader::sharing(&inner.rops), logons))
            .ok();
        Self { buffer, rop }
    }
}

fn decode_rops(rops: &Bytes, logons: &dyn Logons) -> (Vec<Entry>, Range<usize>, Option<Error>) {
    let mut reader = RequestReader::new(Reader::sharing(rops), logons);
    let mut entries = Vec::new();
    let error = loop {
        match reader.next_request() {
            Ok(Some((request, bytes))) => {
                let origin = Some(bytes);
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
