//! Finds the next record after missing bytes.
//!
//! The protection of each record depends on its sequence number. After a gap, neither this number nor the
//! place of the next record is known, but only the right ones decrypt a record: the possible ones are tried.

use bytes::Buf as _;

use super::cipher::{DecryptedRecord, HEADER_SIZE};
use super::direction::{
    APPLICATION_DATA, CHANGE_CIPHER_SPEC, Direction, DirectionKeys, HANDSHAKE, Header, Phase, Pulled, header,
};
use super::keylog::KeyLog;
use super::negotiated::HandshakeState;
use super::problem::TlsError;
use super::step::{Output, Step};
use crate::stream::Side;

/// How many records may be missing at once.
const MAX_REACH: u64 = 256;

/// The cost of an attempt beside the bytes of the record, in bytes.
const ATTEMPT_COST: usize = 256;

/// A successful attempt to decrypt a record.
pub(super) struct DecryptionAttempt {
    /// The keys, if they are not the current ones.
    pub(super) new_keys: Option<DirectionKeys>,
    /// The sequence number of the record.
    pub(super) sequence: u64,
    pub(super) record: DecryptedRecord,
}

/// Tries to decrypt the record of `total` bytes at the start of a direction's input, with the current keys
/// and those that may follow, if at most `reach` records before it are missing.
pub(super) fn try_decrypt(
    direction: &Direction,
    handshake: &HandshakeState,
    side: Side,
    (total, reach): (usize, u64),
    log: &KeyLog,
) -> Option<DecryptionAttempt> {
    let keys = direction.keys.as_ref()?;
    let following = match direction.phase() {
        Phase::Plain | Phase::Tls12 => Vec::new(),
        Phase::Early => {
            vec![
                handshake.keys_for(side, Phase::Handshake, log),
                handshake.keys_for(side, Phase::Traffic, log),
            ]
        }
        Phase::Handshake => vec![handshake.keys_for(side, Phase::Traffic, log)],
        Phase::Traffic => vec![handshake.updated(keys)],
    };
    let record = direction.record(total)?;
    let from = direction.sequence;
    let decrypt = |keys: &DirectionKeys, from: u64| {
        let mut numbers = from..=from.saturating_add(reach);
        numbers.find_map(|number| Some((number, keys.decryptor.decrypt(number, record)?)))
    };
    if let Some((sequence, record)) = decrypt(keys, from) {
        return Some(DecryptionAttempt { new_keys: None, sequence, record });
    }
    following.into_iter().flatten().find_map(|keys| {
        let (sequence, record) = decrypt(&keys, 0)?;
        Some(DecryptionAttempt { new_keys: Some(keys), sequence, record })
    })
}

/// The outcome of looking for the next record.
pub(super) enum Resynced {
    /// No record was found yet, or none can be found.
    Step(Step),
    /// The input of a direction without keys begins with a record of this many bytes.
    Record(usize),
    /// A record was found and decrypted.
    Decrypted(DecryptedRecord),
}

impl From<Step> for Resynced {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

/// A direction after a gap.
pub(super) struct Resync<'a> {
    pub(super) direction: &'a mut Direction,
    pub(super) handshake: &'a HandshakeState,
    pub(super) side: Side,
    pub(super) log: &'a KeyLog,
    pub(super) out: &'a mut Vec<Output>,
}

impl Resync<'_> {
    /// Looks for the next record.
    pub(super) fn step(mut self) -> Resynced {
        let Some(is_tls13) = self.handshake.is_tls13() else {
            return Step::Failed(TlsError::HandshakeStart).into();
        };
        // No header begins at these bytes.
        let passed = self.direction.input.windows(HEADER_SIZE).take_while(|at| !plausible(at)).count();
        self.direction.input.advance(passed);
        self.missed(passed);
        let direction = &mut *self.direction;
        let total = match header(&direction.input) {
            Header::Whole(total) if direction.input.len() >= total => total,
            _ => return self.more().into(),
        };
        let kind = direction.input.first().copied().unwrap_or_default();
        if direction.phase() == Phase::Plain && kind != APPLICATION_DATA {
            return self.in_plain(total, is_tls13).into();
        }
        if direction.phase() == Phase::Plain {
            // Installs keys, if there are any.
            return Resynced::Record(total);
        }
        self.try_here(total)
    }

    /// Needs more input.
    fn more(&mut self) -> Step {
        let (direction, out) = (&mut *self.direction, &mut *self.out);
        match direction.pull() {
            Pulled::Data => Step::Progress,
            Pulled::Nothing => Step::Blocked,
            Pulled::End(time) => {
                out.extend(direction.lost_for_good().map(|missing| Output::Gap(self.side, missing)));
                out.push(Output::Ended(self.side, time));
                Step::Progress
            }
            Pulled::Gap(missing) => {
                direction.gap(missing);
                Step::Progress
            }
        }
    }

    /// Counts skipped bytes.
    fn missed(&mut self, count: usize) {
        if let Some(lost) = &mut self.direction.lost {
            *lost = lost.saturating_add(u64::try_from(count).unwrap_or(0));
        }
    }

    /// Skips one byte, because no record begins with it.
    fn not_here(&mut self) -> Step {
        self.direction.input.advance(1);
        self.missed(1);
        Step::Progress
    }

    /// A record without protection is accepted if another header follows it.
    fn in_plain(&mut self, total: usize, is_tls13: bool) -> Step {
        let direction = &mut *self.direction;
        let kind = direction.input.first().copied().unwrap_or_default();
        let after = direction.input.get(total..).unwrap_or_default();
        let fits = match kind {
            CHANGE_CIPHER_SPEC => total == HEADER_SIZE.saturating_add(1),
            HANDSHAKE => !is_tls13,
            _ => false,
        };
        if !fits || matches!(header(after), Header::Malformed) {
            return self.not_here();
        }
        direction.lost = None;
        Step::Progress
    }

    fn try_here(&mut self, total: usize) -> Resynced {
        let direction = &mut *self.direction;
        let overhead = direction.keys.as_ref().map_or(0, |keys| keys.decryptor.overhead());
        let each = u64::try_from(overhead.saturating_add(HEADER_SIZE)).unwrap_or(u64::MAX).max(1);
        let Some(bytes) = direction.lost else { return Step::Progress.into() };
        // The missing bytes limit the number of missing records.
        let reach = bytes.checked_div(each).unwrap_or(0).saturating_add(1).min(MAX_REACH);
        let attempts = usize::try_from(reach).unwrap_or(usize::MAX).saturating_mul(2);
        if !direction.tried(total.saturating_add(ATTEMPT_COST).saturating_mul(attempts), 0) {
            return Step::Failed(TlsError::Resync).into();
        }
        let attempt = try_decrypt(self.direction, self.handshake, self.side, (total, reach), self.log);
        let Some(attempt) = attempt else { return self.not_here().into() };
        let direction = &mut *self.direction;
        let records = match &attempt.new_keys {
            None => attempt.sequence.saturating_sub(direction.sequence),
            Some(_) => attempt.sequence.saturating_add(1),
        };
        let missing = bytes.saturating_sub(records.saturating_mul(each));
        if missing > 0 {
            self.out.push(Output::Gap(self.side, missing));
        }
        direction.lost = None;
        direction.tried(0, total.saturating_mul(attempts));
        direction.input.advance(total);
        if let Some(keys) = attempt.new_keys {
            direction.install(keys);
        }
        direction.messages.reset();
        direction.sequence = attempt.sequence.saturating_add(1);
        Resynced::Decrypted(attempt.record)
    }
}

/// Whether a record may begin with `bytes`.
fn plausible(bytes: &[u8]) -> bool {
    matches!(header(bytes), Header::Whole(_))
}
