//! One direction of a TLS connection: its records and their keys.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

use super::cipher::{Decryptor, EncryptedRecord, HEADER_SIZE};
use super::handshake::Messages;
use super::keylog::Secret;
use crate::time::Timestamp;

/// The longest fragment that a record has: 2^14 bytes of content and what protection adds (RFC 5246 6.2.3).
pub(super) const MAX_FRAGMENT: usize = (1 << 14) + 2048;

/// The maximum number of bytes of one side that are decrypted by trial after gaps. Each byte that is
/// decrypted permits [`TRIED_PER_BYTE`] more.
const MAX_TRIED: usize = 16 << 20;
const TRIED_PER_BYTE: usize = 64;

/// Types of records (RFC 8446 5.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// The keys that protect the records of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Plain,
    /// The keys of TLS 1.2.
    Tls12,
    /// TLS 1.3: data that the client sends before the `ServerHello`.
    Early,
    /// TLS 1.3: the rest of the handshake.
    Handshake,
    /// TLS 1.3: application data.
    Traffic,
}

/// A recorded event of one side that was not processed yet.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Timestamp, Bytes),
    Gap(u64),
    End(Timestamp),
}

/// The keys of a direction.
#[derive(Debug)]
pub(super) struct DirectionKeys {
    pub(super) phase: Phase,
    pub(super) decryptor: Decryptor,
    pub(super) secret: Option<Secret>,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    queue: VecDeque<Piece>,
    queued: usize,
    /// Bytes from the start of a record on.
    pub(super) input: BytesMut,
    /// The number of bytes that follow of a record whose other bytes are missing.
    skip: u64,
    /// The number of bytes between the last decrypted record and `input`, while the next record is searched
    /// after a gap.
    pub(super) lost: Option<u64>,
    /// How many bytes may still be decrypted by trial.
    pub(super) trials: usize,
    pub(super) keys: Option<DirectionKeys>,
    /// The sequence number of the next record.
    pub(super) sequence: u64,
    pub(super) messages: Messages,
    /// When the last bytes of `input` were recorded.
    pub(super) time: Timestamp,
    /// Whether nothing more of the direction is read.
    pub(super) dead: bool,
}

/// The next element of a direction.
pub(super) enum Next {
    /// A record of this many bytes, header included.
    Record(usize),
    /// More has to be recorded first.
    Nothing,
    /// The side sends no more.
    End(Timestamp),
    /// Bytes are missing.
    Gap(u64),
    /// The bytes are not the header of a record.
    Malformed,
}

impl Direction {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            input: BytesMut::new(),
            skip: 0,
            lost: None,
            trials: MAX_TRIED,
            keys: None,
            sequence: 0,
            messages: Messages::default(),
            time: Timestamp(0),
            dead: false,
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        /// The memory of a piece beside its bytes, estimated.
        const PIECE: usize = 64;
        if !self.dead {
            let length = if let Piece::Data(_, bytes) = &piece { bytes.len() } else { 0 };
            self.queued = self.queued.saturating_add(length).saturating_add(PIECE);
            self.queue.push_back(piece);
        }
    }

    /// The number of buffered bytes.
    pub(super) fn held(&self) -> usize {
        self.queued.saturating_add(self.input.len()).saturating_add(self.messages.held())
    }

    /// Drops everything buffered. Nothing more of the direction is read.
    pub(super) fn kill(&mut self) {
        *self = Self::new();
        self.dead = true;
    }

    pub(super) fn phase(&self) -> Phase {
        self.keys.as_ref().map_or(Phase::Plain, |keys| keys.phase)
    }

    /// Uses these keys from the next record on.
    pub(super) fn install(&mut self, keys: DirectionKeys) {
        self.keys = Some(keys);
        self.sequence = 0;
        self.messages.reset();
    }

    /// The next element. Moves as many bytes as it needs from the queue to `input`.
    pub(super) fn next(&mut self) -> Next {
        loop {
            match header(&self.input) {
                Header::Malformed => return Next::Malformed,
                Header::Whole(total) if self.input.len() >= total => return Next::Record(total),
                Header::Whole(_) | Header::Short => {}
            }
            match self.pull() {
                Pulled::Data => {}
                Pulled::Nothing => return Next::Nothing,
                Pulled::End(time) => return Next::End(time),
                Pulled::Gap(missing) => return Next::Gap(missing),
            }
        }
    }

    /// Moves the next recorded bytes into `input`.
    pub(super) fn pull(&mut self) -> Pulled {
        let Some(piece) = self.queue.pop_front() else {
            self.queued = 0;
            return Pulled::Nothing;
        };
        match piece {
            Piece::Data(time, mut bytes) => {
                self.queued = self.queued.saturating_sub(bytes.len());
                self.time = time;
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                bytes.advance(skipped);
                self.skip = self.skip.saturating_sub(u64::try_from(skipped).unwrap_or(0));
                self.input.extend_from_slice(&bytes);
                Pulled::Data
            }
            Piece::Gap(missing) => Pulled::Gap(missing),
            Piece::End(time) => Pulled::End(time),
        }
    }

    /// Bytes are missing after `input`, which contains no whole record. If all of them belong to one record,
    /// that record is lost and the next one begins after it; returns the plaintext size of the lost record
    /// then.
    pub(super) fn gap(&mut self, missing: u64) -> Option<u64> {
        if let Some(lost) = &mut self.lost {
            *lost = lost.saturating_add(length(&self.input)).saturating_add(missing);
            self.input.clear();
            return None;
        }
        if self.skip >= missing && self.skip > 0 {
            self.skip = self.skip.saturating_sub(missing);
            return Some(0);
        }
        let behind = missing.saturating_sub(self.skip);
        self.skip = 0;
        let kind = self.input.first().copied().unwrap_or_default();
        if let Header::Whole(total) = header(&self.input) {
            if self.keys.is_none() && kind == HANDSHAKE && self.gap_in_handshake(total, behind) {
                return Some(0);
            }
            let rest = u64::try_from(total.saturating_sub(self.input.len())).unwrap_or(0);
            if let Some(keys) = &self.keys
                && matches!(kind, HANDSHAKE | APPLICATION_DATA)
                && let Some(skip) = rest.checked_sub(behind)
            {
                self.skip = skip;
                self.input.clear();
                self.sequence = self.sequence.saturating_add(1);
                let around = HEADER_SIZE.saturating_add(keys.decryptor.overhead());
                return u64::try_from(total.saturating_sub(around)).ok();
            }
        }
        self.messages.lost(usize::MAX);
        self.lost = Some(length(&self.input).saturating_add(behind));
        self.input.clear();
        None
    }

    /// Bytes are missing of an unprotected handshake record of `total` bytes. The bytes before and after them
    /// are used, because the missing ones may be a certificate. Returns false if more bytes are missing than
    /// the record has.
    fn gap_in_handshake(&mut self, total: usize, missing: u64) -> bool {
        let there = self.input.get(HEADER_SIZE..).unwrap_or_default();
        let mut rest = total.saturating_sub(self.input.len());
        if there.is_empty() {
            let Some((missing, left)) =
                usize::try_from(missing).ok().and_then(|missing| Some((missing, rest.checked_sub(missing)?)))
            else {
                return false;
            };
            self.messages.lost(missing);
            rest = left;
        } else {
            // These bytes are processed before the gap, which then lies within a known message.
            self.messages.push(there);
            self.queue.push_front(Piece::Gap(missing));
        }
        // The rest becomes a record of its own.
        self.input.truncate(HEADER_SIZE);
        let [high, low] = u16::try_from(rest).unwrap_or(u16::MAX).to_be_bytes();
        match self.input.as_mut() {
            [_, _, _, length @ ..] if rest > 0 => length.copy_from_slice(&[high, low]),
            _ => self.input.clear(),
        }
        true
    }

    /// Ends the search after a gap. Returns the maximum number of plaintext bytes that are missing.
    pub(super) fn lost_for_good(&mut self) -> Option<u64> {
        let lost = self.lost.take()?;
        let overhead =
            self.keys.as_ref().map_or(0, |keys| keys.decryptor.overhead()).saturating_add(HEADER_SIZE);
        let bytes = lost.saturating_add(length(&self.input));
        self.input.clear();
        Some(bytes.saturating_sub(u64::try_from(overhead).unwrap_or(0)))
    }

    /// Counts bytes that were decrypted by trial, `found` of them successfully. Returns false if the limit is
    /// exceeded.
    pub(super) fn tried(&mut self, count: usize, found: usize) -> bool {
        let enough = self.trials >= count;
        let more = found.saturating_mul(TRIED_PER_BYTE);
        self.trials = self.trials.saturating_sub(count).saturating_add(more).min(MAX_TRIED);
        enough
    }

    /// The record of `total` bytes at the start of `input`.
    pub(super) fn record(&self, total: usize) -> Option<EncryptedRecord<'_>> {
        let (header, fragment) = self.input.get(..total)?.split_first_chunk()?;
        Some(EncryptedRecord { header: *header, fragment })
    }
}

/// What [`Direction::pull`] moved into `input`.
pub(super) enum Pulled {
    Data,
    Nothing,
    End(Timestamp),
    Gap(u64),
}

/// The header of a record.
pub(super) enum Header {
    /// Too few bytes.
    Short,
    /// The size of the record, header included.
    Whole(usize),
    /// The bytes are not a header.
    Malformed,
}

/// Reads the header of a record (RFC 8446 5.1).
pub(super) fn header(bytes: &[u8]) -> Header {
    match *bytes {
        [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, 0..=4, high, low, ..] => {
            let fragment = usize::from(u16::from_be_bytes([high, low]));
            let fits = (1..=MAX_FRAGMENT).contains(&fragment);
            if fits { Header::Whole(fragment.saturating_add(HEADER_SIZE)) } else { Header::Malformed }
        }
        [] | [20..=23] | [20..=23, 3] | [20..=23, 3, 0..=4] | [20..=23, 3, 0..=4, _] => Header::Short,
        _ => Header::Malformed,
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
