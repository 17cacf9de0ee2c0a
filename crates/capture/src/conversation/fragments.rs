//! Reassembles PDUs from recorded bytes, and stubs from fragments.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use rpc::framer::{FrameError, Framer};
use rpc::pdu::{HEADER_SIZE, Header, PduType};
use rpc::verification::VerificationTrailer;
use wire::Endian;

use crate::call::{SealedReason, Stub};
use crate::stream::Side;
use crate::time::Timestamp;

/// The longest stub that is kept, in bytes.
const MAX_STUB: usize = 16 << 20;

/// A PDU with the time at which its last byte was recorded.
#[derive(Debug)]
pub(super) struct RecordedPdu {
    pub(super) time: Timestamp,
    pub(super) header: Header,
    pub(super) bytes: BytesMut,
}

/// The PDUs of one side.
#[derive(Debug)]
pub(super) struct PduStream {
    framer: Framer,
    waiting: VecDeque<RecordedPdu>,
    /// The size of the waiting PDUs, in bytes.
    buffered: usize,
    unusable: bool,
    /// The last bytes skipped since a gap, while the next PDU is searched; `None` if the stream is in sync.
    skipped: Option<Vec<u8>>,
}

impl PduStream {
    pub(super) fn new() -> Self {
        let framer = Framer::new(u16::MAX, u16::MAX);
        Self { framer, waiting: VecDeque::new(), buffered: 0, unusable: false, skipped: None }
    }

    /// Whether a framing error has ended the stream.
    pub(super) const fn is_unusable(&self) -> bool {
        self.unusable
    }

    /// The size of the waiting PDUs, in bytes.
    pub(super) const fn buffered(&self) -> usize {
        self.buffered
    }

    /// The header of the next PDU.
    pub(super) fn front(&self) -> Option<&Header> {
        self.waiting.front().map(|pdu| &pdu.header)
    }

    /// Bytes are missing. The stream continues where a PDU begins.
    pub(super) fn gap(&mut self) {
        self.framer.clear();
        self.skipped = Some(Vec::new());
    }

    /// Takes bytes. Skips those before the next PDU after a gap.
    ///
    /// # Errors
    /// If the bytes are not PDUs. The stream is unusable then.
    pub(super) fn push(&mut self, time: Timestamp, bytes: &[u8]) -> Result<(), FrameError> {
        self.receive(bytes);
        loop {
            match self.framer.next_pdu() {
                Ok(Some((header, bytes))) => {
                    self.buffered = self.buffered.saturating_add(bytes.len());
                    self.waiting.push_back(RecordedPdu { time, header, bytes });
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.unusable = true;
                    self.framer.clear();
                    return Err(error);
                }
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let Some(skipped) = &mut self.skipped else { return self.framer.push(bytes) };
        skipped.extend_from_slice(bytes);
        let begins = |at: &usize| skipped.get(*at..).and_then(sender_of).is_some();
        if let Some(at) = (0..skipped.len()).find(begins) {
            self.framer.push(skipped.get(at..).unwrap_or_default());
            self.skipped = None;
        } else {
            let dropped = skipped.len().saturating_sub(HEADER_SIZE);
            skipped.drain(..dropped);
        }
    }

    /// Takes the next PDU.
    pub(super) fn next(&mut self) -> Option<RecordedPdu> {
        let next = self.waiting.pop_front()?;
        self.buffered = self.buffered.saturating_sub(next.bytes.len());
        Some(next)
    }
}

/// A stub that arrives in fragments.
#[derive(Debug, Default)]
pub(super) struct StubAssembly {
    bytes: BytesMut,
    endian: Endian,
    sealed: Option<SealedReason>,
    length: usize,
}

/// The part of a stub in one PDU.
pub(super) struct Fragment<'a> {
    pub(super) stub: &'a [u8],
    pub(super) endian: Endian,
    /// Why the part cannot be read; `None` if it can.
    pub(super) sealed: Option<SealedReason>,
}

impl StubAssembly {
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

    /// A fragment was not recorded.
    pub(super) fn set_incomplete(&mut self) {
        self.sealed = self.sealed.or(Some(SealedReason::MissingFragment));
    }

    /// The stub that `sender` sent.
    pub(super) fn finish(self, sender: Side) -> Stub {
        if let Some(why) = self.sealed {
            return Stub::Sealed(self.length, why);
        }
        let mut bytes = self.bytes;
        // A verification trailer may follow the stub of a request ([MS-RPCE] 2.2.2.13).
        if sender == Side::Client
            && let Some((start, _)) = VerificationTrailer::find(&bytes, self.endian)
        {
            bytes.truncate(start);
        }
        Stub::Plain(Bytes::from(bytes), self.endian)
    }
}

/// The side that sends the PDU whose whole header `bytes` begin with (C706 12.6.3.1, 12.6.4); `None` if they
/// are not a header.
pub(super) fn sender_of(bytes: &[u8]) -> Option<Side> {
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
