//! What an association is put together from: PDUs out of bytes, stubs out of fragments.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use rpc::framer::Framer;
use rpc::pdu::{HEADER_SIZE, Header, PduType};
use rpc::verification::VerificationTrailer;
use wire::Endian;

use crate::call::{SealedReason, Stub};
use crate::stream::Side;
use crate::time::Timestamp;

/// The longest stub that is kept, in bytes.
const MAX_STUB: usize = 16 << 20;

/// One side's bytes, as PDUs.
#[derive(Debug)]
pub(super) struct Pdus {
    pub(super) framer: Framer,
    pub(super) waiting: VecDeque<(Timestamp, Header, BytesMut)>,
    /// Bytes of the PDUs that wait.
    pub(super) held: usize,
    pub(super) broken: bool,
    /// The end of what was passed over since something is missing; none where nothing is, or a PDU was found.
    lost: Option<Vec<u8>>,
}

/// A stub that comes in fragments.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    bytes: BytesMut,
    endian: Endian,
    sealed: Option<SealedReason>,
    length: usize,
}

impl Assembly {
    pub(super) fn push(&mut self, fragment: &Fragment<'_>) {
        self.length = self.length.saturating_add(fragment.stub.len());
        self.sealed = self.sealed.or(fragment.sealed);
        self.endian = fragment.endian;
        if self.bytes.len().saturating_add(fragment.stub.len()) <= MAX_STUB {
            self.bytes.extend_from_slice(fragment.stub);
        } else {
            self.sealed = self.sealed.or(Some(SealedReason::TooLong));
        }
    }

    /// A fragment of it was not recorded.
    pub(super) fn lose(&mut self) {
        self.sealed = self.sealed.or(Some(SealedReason::MissingFragment));
    }

    pub(super) fn finish(self, is_request: bool) -> Stub {
        if let Some(why) = self.sealed {
            return Stub::Sealed(self.length, why);
        }
        let mut bytes = self.bytes;
        // A request may end with a trailer that is no part of its stub ([MS-RPCE] 2.2.2.13).
        if is_request && let Some((start, _)) = VerificationTrailer::find(&bytes, self.endian) {
            bytes.truncate(start);
        }
        Stub::Plain(Bytes::from(bytes), self.endian)
    }
}

/// What one PDU has of a stub.
pub(super) struct Fragment<'a> {
    pub(super) stub: &'a [u8],
    pub(super) endian: Endian,
    pub(super) sealed: Option<SealedReason>,
}

impl Pdus {
    pub(super) fn new() -> Self {
        let framer = Framer::new(u16::MAX, u16::MAX);
        Self { framer, waiting: VecDeque::new(), held: 0, broken: false, lost: None }
    }

    /// Something is missing: the PDUs go on where one begins.
    pub(super) fn lose(&mut self) {
        self.framer.clear();
        self.lost = Some(Vec::new());
    }

    /// Takes bytes in; those that are of no PDU since something is missing are passed over.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(tail) = &mut self.lost else { return self.framer.push(bytes) };
        tail.extend_from_slice(bytes);
        let begins = |at: &usize| tail.get(*at..).and_then(role).is_some();
        if let Some(at) = (0..tail.len()).find(begins) {
            self.framer.push(tail.get(at..).unwrap_or_default());
            self.lost = None;
        } else {
            let passed = tail.len().saturating_sub(HEADER_SIZE);
            tail.drain(..passed);
        }
    }

    pub(super) fn next(&mut self) -> Option<(Timestamp, Header, BytesMut)> {
        let next = self.waiting.pop_front()?;
        self.held = self.held.saturating_sub(next.2.len());
        Some(next)
    }
}

/// Which side sends a PDU whose whole header `bytes` begin with (C706 12.6.3.1, 12.6.4); none where they are no
/// such header.
pub(super) fn role(bytes: &[u8]) -> Option<Side> {
    let header = bytes.first_chunk::<HEADER_SIZE>()?;
    let [5, 0 | 1, kind, _, drep, 0, 0, 0, rest @ ..] = header else { return None };
    let length = match (drep, rest) {
        (0x10, [low, high, ..]) => u16::from_le_bytes([*low, *high]),
        (0x00, [high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => return None,
    };
    let side = match PduType(*kind) {
        PduType::REQUEST
        | PduType::BIND
        | PduType::ALTER_CONTEXT
        | PduType::AUTH3
        | PduType::CO_CANCEL
        | PduType::ORPHANED => Side::Client,
        PduType::RESPONSE
        | PduType::FAULT
        | PduType::BIND_ACK
        | PduType::BIND_NAK
        | PduType::ALTER_CONTEXT_RESP
        | PduType::SHUTDOWN => Side::Server,
        _ => return None,
    };
    (usize::from(length) >= HEADER_SIZE).then_some(side)
}
