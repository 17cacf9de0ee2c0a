//! Splits stubs into fragments and seals them; unseals fragments and assembles stubs (C706 12.6.3, [MS-RPCE]
//! 2.2.2.11).

use bytes::{Buf, Bytes, BytesMut};
use wire::{Encode, Guid, Writer};

use crate::pdu::{
    AuthLevel, AuthType, HEADER_SIZE, Header, PduType, PfcFlags, REQUEST_HEADER_SIZE, SEC_TRAILER_SIZE,
    SecTrailer,
};
use crate::security::{PduParts, Protection, ProtectionError};

/// Stubs are padded to this many bytes before a verifier, as Windows does; the least that is allowed is 4
/// ([MS-RPCE] 2.2.2.11).
const AUTH_ALIGNMENT: usize = 16;

/// The protection of a call's PDUs: a security context of the association, borrowed for one call.
pub(crate) struct Seal<'a> {
    pub(crate) protection: &'a mut dyn Protection,
    pub(crate) auth_type: AuthType,
    pub(crate) level: AuthLevel,
    pub(crate) context_id: u32,
    pub(crate) header_signing: bool,
}

/// The first fields of each fragment of a request or response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FragmentHead {
    pub(crate) ptype: PduType,
    pub(crate) flags: PfcFlags,
    pub(crate) call_id: u32,
    pub(crate) context_id: u16,
    /// A request's opnum; a response's cancel count and reserved byte.
    pub(crate) opnum: u16,
    pub(crate) object: Option<Guid>,
}

impl FragmentHead {
    const fn size(&self) -> usize {
        if self.object.is_some() { REQUEST_HEADER_SIZE.saturating_add(16) } else { REQUEST_HEADER_SIZE }
    }

    fn append(&self, out: &mut BytesMut, flags: PfcFlags, lengths: (u16, u16), hint: u32) {
        let drep = crate::pdu::DataRepresentation::LITTLE.0;
        let object_flag = if self.object.is_some() { PfcFlags::OBJECT_UUID } else { PfcFlags::NONE };
        let flags = self.flags | flags | object_flag;
        out.extend_from_slice(&[5, 0, self.ptype.0, flags.0]);
        out.extend_from_slice(&drep);
        out.extend_from_slice(&lengths.0.to_le_bytes());
        out.extend_from_slice(&lengths.1.to_le_bytes());
        out.extend_from_slice(&self.call_id.to_le_bytes());
        out.extend_from_slice(&hint.to_le_bytes());
        out.extend_from_slice(&self.context_id.to_le_bytes());
        out.extend_from_slice(&self.opnum.to_le_bytes());
        if let Some(object) = self.object {
            out.extend_from_slice(&object.to_le());
        }
    }
}

/// Appends `stub` and `tail` after it to `out` in fragments of at most `max_fragment` bytes, each sealed.
pub(crate) fn append_fragments(
    out: &mut BytesMut,
    head: &FragmentHead,
    (stub, tail): (&[u8], &[u8]),
    max_fragment: u16,
    seal: Option<&mut Seal<'_>>,
) -> Result<(), ProtectionError> {
    Fragments::new(Buf::chain(stub, tail)).append(out, head, max_fragment, seal, usize::MAX).map(drop)
}

/// What has not been sent of a stub that is sent in fragments.
#[derive(Debug)]
pub(crate) struct Fragments<B> {
    source: B,
    /// The flag of the next fragment, if it is the first one.
    first: PfcFlags,
}

impl<B: Buf> Fragments<B> {
    pub(crate) const fn new(stub: B) -> Self {
        Self { source: stub, first: PfcFlags::FIRST_FRAG }
    }

    /// Appends fragments of at most `max_fragment` bytes to `out`, each sealed, until they have `enough` bytes of the
    /// stub. Returns whether the last fragment is among them.
    pub(crate) fn append(
        &mut self,
        out: &mut BytesMut,
        head: &FragmentHead,
        max_fragment: u16,
        mut seal: Option<&mut Seal<'_>>,
        enough: usize,
    ) -> Result<bool, ProtectionError> {
        let Self { source, first } = self;
        let signature = seal.as_ref().map_or(0, |seal| seal.protection.signature_len());
        let verifier = if seal.is_some() { SEC_TRAILER_SIZE.saturating_add(signature) } else { 0 };
        let room = usize::from(max_fragment).saturating_sub(head.size()).saturating_sub(verifier);
        // A whole number of blocks, so that only the last fragment is ever padded.
        let room = room.checked_sub(room % AUTH_ALIGNMENT).filter(|room| *room > 0).ok_or(ProtectionError)?;
        let planned = source.remaining().min(enough.saturating_add(room));
        let fragments = (planned / room).saturating_add(1);
        let around = head.size().saturating_add(verifier).saturating_add(AUTH_ALIGNMENT);
        out.reserve(planned.saturating_add(fragments.saturating_mul(around)));
        let mut appended = 0_usize;
        loop {
            let left = source.remaining();
            let take = left.min(room);
            let last = if take == left { PfcFlags::LAST_FRAG } else { PfcFlags::NONE };
            let pad = if seal.is_some() { take.wrapping_neg() % AUTH_ALIGNMENT } else { 0 };
            let length = [head.size(), take, pad, verifier].iter().fold(0_usize, |a, b| a.saturating_add(*b));
            let length = u16::try_from(length).map_err(|_| ProtectionError)?;
            let auth_length = u16::try_from(signature).map_err(|_| ProtectionError)?;
            let start = out.len();
            head.append(out, *first | last, (length, auth_length), u32::try_from(left).unwrap_or(u32::MAX));
            copy(out, source, take);
            if let Some(seal) = seal.as_deref_mut() {
                seal_fragment(out, start, head.size(), pad, signature, seal)?;
            }
            *first = PfcFlags::NONE;
            appended = appended.saturating_add(take);
            if last == PfcFlags::LAST_FRAG || appended >= enough {
                return Ok(last == PfcFlags::LAST_FRAG);
            }
        }
    }
}

fn copy(out: &mut BytesMut, source: &mut impl Buf, mut count: usize) {
    while count > 0 {
        let chunk = source.chunk();
        let part = chunk.get(..count.min(chunk.len())).unwrap_or_default();
        if part.is_empty() {
            return;
        }
        out.extend_from_slice(part);
        let length = part.len();
        count = count.saturating_sub(length);
        source.advance(length);
    }
}

/// Pads the fragment that begins at `start` and ends `out`, and appends its verifier.
fn seal_fragment(
    out: &mut BytesMut,
    start: usize,
    head_size: usize,
    pad: usize,
    signature: usize,
    seal: &mut Seal<'_>,
) -> Result<(), ProtectionError> {
    out.resize(out.len().saturating_add(pad), 0);
    let body_end = out.len();
    let trailer = SecTrailer {
        auth_type: seal.auth_type,
        auth_level: seal.level,
        auth_pad_length: u8::try_from(pad).unwrap_or(0),
        auth_reserved: 0,
        auth_context_id: seal.context_id,
    };
    let mut w = Writer::new();
    trailer.encode(&mut w).map_err(|_| ProtectionError)?;
    out.extend_from_slice(w.as_slice());
    out.resize(out.len().saturating_add(signature), 0);
    let pdu = out.get_mut(start..).ok_or(ProtectionError)?;
    let trailer = body_end.saturating_sub(start);
    let (parts, signature) = split(pdu, head_size, trailer, seal.header_signing).ok_or(ProtectionError)?;
    seal.protection.protect(seal.level, parts, signature)
}

/// Splits a PDU whose `sec_trailer` begins at `trailer` into its protected parts and its signature.
fn split(
    pdu: &mut [u8],
    head_size: usize,
    trailer: usize,
    header_signing: bool,
) -> Option<(PduParts<'_>, &mut [u8])> {
    let (before, rest) = pdu.split_at_mut_checked(head_size)?;
    let (body, rest) = rest.split_at_mut_checked(trailer.checked_sub(head_size)?)?;
    let (after, signature) = rest.split_at_mut_checked(SEC_TRAILER_SIZE)?;
    Some((PduParts { before, body, after, header_signing }, signature))
}

/// The place of the stub in a PDU with a verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) trailer: SecTrailer,
    head_size: usize,
    /// The offset of the `sec_trailer`.
    start: usize,
}

impl Sealed {
    /// Finds the verifier of a request, response or fault whose fields before the stub take `head_size`
    /// bytes.
    /// `Ok(None)` if it has none; an error if it violates [MS-RPCE] 2.2.2.11.
    pub(crate) fn find(header: &Header, pdu: &[u8], head_size: usize) -> Result<Option<Self>, wire::Error> {
        let Some((start, trailer)) = SecTrailer::find(header, pdu)? else { return Ok(None) };
        let found = u64::try_from(start).unwrap_or(u64::MAX);
        if start % 4 != 0 {
            return Err(wire::Error::invalid("sec_trailer", start, found, "a multiple of four"));
        }
        if start.saturating_sub(usize::from(trailer.auth_pad_length)) < head_size {
            let pad = u64::from(trailer.auth_pad_length);
            return Err(wire::Error::invalid("auth_pad_length", start, pad, "no more than the stub"));
        }
        Ok(Some(Self { trailer, head_size, start }))
    }

    /// The offset at which the stub ends and its padding begins.
    pub(crate) fn stub_end(&self) -> usize {
        self.start.saturating_sub(usize::from(self.trailer.auth_pad_length))
    }

    /// Checks the signature and unseals the stub in place.
    pub(crate) fn open(
        &self,
        pdu: &mut [u8],
        protection: &mut dyn Protection,
        level: AuthLevel,
        header_signing: bool,
    ) -> Result<(), ProtectionError> {
        let (parts, signature) =
            split(pdu, self.head_size, self.start, header_signing).ok_or(ProtectionError)?;
        protection.unprotect(level, parts, signature)
    }
}

/// A stub that arrives in fragments.
#[derive(Debug)]
pub(crate) enum Assembly {
    /// One fragment: a slice of the received bytes.
    One(BytesMut),
    /// Several fragments, copied together.
    Many(BytesMut),
}

impl Assembly {
    pub(crate) fn new(first: BytesMut) -> Self {
        Self::One(first)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        let (Self::One(buffer) | Self::Many(buffer)) = self;
        buffer
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Appends a fragment. At most 64 KiB are reserved for `hint`, the announced length of the whole stub,
    /// bounded by `limit`.
    pub(crate) fn push(&mut self, fragment: &[u8], hint: usize, limit: usize) {
        if let Self::One(first) = self {
            let mut all = BytesMut::with_capacity(hint.min(limit).min(64 * 1024));
            all.extend_from_slice(first);
            *self = Self::Many(all);
        }
        if let Self::Many(all) = self {
            all.extend_from_slice(fragment);
        }
    }

    /// The stub, in memory of its own: a call may last long, and must not keep the received buffer or unused
    /// capacity.
    pub(crate) fn finish(self) -> Bytes {
        match self {
            Self::Many(buffer) if buffer.capacity().saturating_sub(buffer.len()) <= buffer.len() / 4 => {
                buffer.freeze()
            }
            Self::One(buffer) | Self::Many(buffer) => Bytes::copy_from_slice(&buffer),
        }
    }
}

/// Cuts the stub out of a PDU without copying it.
pub(crate) fn cut_stub(mut pdu: BytesMut, start: usize, end: usize) -> BytesMut {
    pdu.truncate(end);
    pdu.advance(start.min(pdu.len()));
    pdu
}

/// Whether a fragment of a call makes no progress: it neither begins nor ends the call, and its stub is empty.
pub(crate) fn is_idle(header: &Header, stub: &[u8]) -> bool {
    stub.is_empty() && !header.flags.intersects(PfcFlags::FIRST_FRAG | PfcFlags::LAST_FRAG)
}

/// The length of the fields before the stub of a PDU, in bytes.
pub(crate) fn head_size(header: &Header) -> usize {
    let object = header.ptype == PduType::REQUEST && header.flags.contains(PfcFlags::OBJECT_UUID);
    if object { HEADER_SIZE.saturating_add(24) } else { REQUEST_HEADER_SIZE }
}
