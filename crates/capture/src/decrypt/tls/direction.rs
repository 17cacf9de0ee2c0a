//! What one side of a TLS connection sends: its records, and what opens them.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

use super::cipher::{HEADER_SIZE, Opener, Sealed};
use super::handshake::Messages;
use super::keylog::Secret;
use crate::time::Timestamp;

/// The longest fragment that a record has: 2^14 bytes of content and what protection adds (RFC 5246 6.2.3).
pub(super) const MAX_FRAGMENT: usize = (1 << 14) + 2048;

/// How many bytes of one side are decrypted on trial behind gaps before that is given up. Each byte that is
/// found so allows for [`TRIED_PER_BYTE`] more.
const MAX_TRIED: usize = 16 << 20;
const TRIED_PER_BYTE: usize = 64;

/// Types of records (RFC 8446 5.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// What keys protect what is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Plain,
    /// The keys of TLS 1.2.
    Tls12,
    /// TLS 1.3: data that the client sends before it has an answer.
    Early,
    /// TLS 1.3: the rest of the handshake.
    Handshake,
    /// TLS 1.3: application data.
    Traffic,
}

/// Something that one side did and that was not looked at yet.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Timestamp, Bytes),
    Gap(u64),
    End(Timestamp),
}

/// Keys of TLS 1.3, and for what.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) phase: Phase,
    pub(super) opener: Opener,
    pub(super) secret: Option<Secret>,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    queue: VecDeque<Piece>,
    queued: usize,
    /// Bytes from the start of a record on.
    pub(super) input: BytesMut,
    /// How many bytes of a record are still to come whose other bytes are missing.
    skip: u64,
    /// Bytes are missing, and the next record is searched behind them: how many there are between the last
    /// record that was opened and what is at hand.
    pub(super) lost: Option<u64>,
    /// How many bytes may still be decrypted on trial.
    pub(super) trials: usize,
    pub(super) keys: Option<Keys>,
    /// The sequence number of the next record.
    pub(super) sequence: u64,
    pub(super) messages: Messages,
    /// When the bytes at hand were recorded.
    pub(super) time: Timestamp,
    /// Nothing more of it is read.
    pub(super) dead: bool,
}

/// What comes next of a direction.
pub(super) enum Next {
    /// A record of this many bytes.
    Record(usize),
    /// Nothing, before more was recorded.
    Nothing,
    /// The side sends no more.
    End(Timestamp),
    /// Bytes are missing.
    Gap(u64),
    /// No record begins here.
    Broken,
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
        /// What a piece costs beside its bytes.
        const PIECE: usize = 64;
        if !self.dead {
            let length = if let Piece::Data(_, bytes) = &piece { bytes.len() } else { 0 };
            self.queued = self.queued.saturating_add(length).saturating_add(PIECE);
            self.queue.push_back(piece);
        }
    }

    /// How many bytes are kept.
    pub(super) fn held(&self) -> usize {
        self.queued.saturating_add(self.input.len()).saturating_add(self.messages.held())
    }

    /// Nothing more is read of it.
    pub(super) fn kill(&mut self) {
        *self = Self::new();
        self.dead = true;
    }

    pub(super) fn phase(&self) -> Phase {
        self.keys.as_ref().map_or(Phase::Plain, |keys| keys.phase)
    }

    /// Takes these keys from the next record on.
    pub(super) fn install(&mut self, keys: Keys) {
        self.keys = Some(keys);
        self.sequence = 0;
        self.messages.reset();
    }

    /// What comes next, with as much of the queue as that needs put into `input`.
    pub(super) fn next(&mut self) -> Next {
        loop {
            match header(&self.input) {
                Header::Broken => return Next::Broken,
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

    /// Puts what was recorded next into `input`.
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

    /// Bytes are missing behind `input`, in which there is no whole record. Where they are all of one record,
    /// which is lost then, the next one is known to begin behind it: how many bytes of plaintext that record
    /// had.
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
                let around = HEADER_SIZE.saturating_add(keys.opener.overhead());
                return u64::try_from(total.saturating_sub(around)).ok();
            }
        }
        self.messages.lost(usize::MAX);
        self.lost = Some(length(&self.input).saturating_add(behind));
        self.input.clear();
        None
    }

    /// Bytes are missing of a handshake record of `total` bytes in the clear: those before and behind them
    /// are taken all the same, since what is missing may be a certificate. False where more is missing than
    /// it has.
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
            // They are looked at before it is decided what the gap is in.
            self.messages.push(there);
            self.queue.push_front(Piece::Gap(missing));
        }
        // What is left is a record of its own.
        self.input.truncate(HEADER_SIZE);
        let [high, low] = u16::try_from(rest).unwrap_or(u16::MAX).to_be_bytes();
        match self.input.as_mut() {
            [_, _, _, length @ ..] if rest > 0 => length.copy_from_slice(&[high, low]),
            _ => self.input.clear(),
        }
        true
    }

    /// Gives up what is searched behind a gap, since nothing more comes: how many bytes of plaintext are
    /// missing at most.
    pub(super) fn lost_for_good(&mut self) -> Option<u64> {
        let lost = self.lost.take()?;
        let overhead =
            self.keys.as_ref().map_or(0, |keys| keys.opener.overhead()).saturating_add(HEADER_SIZE);
        let bytes = lost.saturating_add(length(&self.input));
        self.input.clear();
        Some(bytes.saturating_sub(u64::try_from(overhead).unwrap_or(0)))
    }

    /// Counts bytes that were decrypted on trial, of which `found` were right. False where it was too much.
    pub(super) fn tried(&mut self, count: usize, found: usize) -> bool {
        let enough = self.trials >= count;
        let more = found.saturating_mul(TRIED_PER_BYTE);
        self.trials = self.trials.saturating_sub(count).saturating_add(more).min(MAX_TRIED);
        enough
    }

    /// The record of `total` bytes at the start of `input`.
    pub(super) fn record(&self, total: usize) -> Option<Sealed<'_>> {
        let (header, fragment) = self.input.get(..total)?.split_first_chunk()?;
        Some(Sealed { header: *header, fragment })
    }
}

/// What was put into `input`.
pub(super) enum Pulled {
    Data,
    Nothing,
    End(Timestamp),
    Gap(u64),
}

/// What bytes say of the record that they begin.
pub(super) enum Header {
    /// Too few of them.
    Short,
    /// It takes so many bytes, header included.
    Whole(usize),
    /// They begin none.
    Broken,
}

/// Reads the header of a record (RFC 8446 5.1).
pub(super) fn header(bytes: &[u8]) -> Header {
    match *bytes {
        [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, 0..=4, high, low, ..] => {
            let fragment = usize::from(u16::from_be_bytes([high, low]));
            let fits = (1..=MAX_FRAGMENT).contains(&fragment);
            if fits { Header::Whole(fragment.saturating_add(HEADER_SIZE)) } else { Header::Broken }
        }
        [] | [20..=23] | [20..=23, 3] | [20..=23, 3, 0..=4] | [20..=23, 3, 0..=4, _] => Header::Short,
        _ => Header::Broken,
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
