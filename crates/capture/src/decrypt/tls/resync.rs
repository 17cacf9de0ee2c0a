//! Finding the next record behind bytes that are missing.
//!
//! A sequence number goes into the protection of every record. Behind a gap neither that number nor the place
//! of the next record is known, but a record is opened by the right ones alone: those in question are tried.

use bytes::Buf as _;

use super::cipher::{HEADER_SIZE, Opened};
use super::direction::{
    APPLICATION_DATA, CHANGE_CIPHER_SPEC, Direction, HANDSHAKE, Header, Keys, Phase, Pulled, header,
};
use super::keylog::KeyLog;
use super::negotiated::Agreement;
use super::step::{Broken, Output, Step};
use crate::stream::Side;

/// How many records may be missing at once.
const MAX_REACH: u64 = 256;

/// What an attempt costs beside the bytes of the record.
const ATTEMPT: usize = 256;

/// What opened a record.
pub(super) struct Hit {
    /// Other keys than those before.
    pub(super) switch: Option<Keys>,
    /// The number of the record.
    pub(super) sequence: u64,
    pub(super) opened: Opened,
}

/// Tries to open the record of `total` bytes that is at hand of a direction with the current keys and those that may
/// follow, as one behind which at most `reach` others are missing.
pub(super) fn try_open(
    direction: &Direction,
    agreement: &Agreement,
    side: Side,
    (total, reach): (usize, u64),
    log: &KeyLog,
) -> Option<Hit> {
    let keys = direction.keys.as_ref()?;
    let following = match direction.phase() {
        Phase::Plain | Phase::Tls12 => Vec::new(),
        Phase::Early => {
            vec![agreement.keys_of(side, Phase::Handshake, log), agreement.keys_of(side, Phase::Traffic, log)]
        }
        Phase::Handshake => vec![agreement.keys_of(side, Phase::Traffic, log)],
        Phase::Traffic => vec![agreement.updated(keys)],
    };
    let record = direction.record(total)?;
    let from = direction.sequence;
    let open = |keys: &Keys, from: u64| {
        let mut numbers = from..=from.saturating_add(reach);
        numbers.find_map(|number| Some((number, keys.opener.open(number, record)?)))
    };
    if let Some((sequence, opened)) = open(keys, from) {
        return Some(Hit { switch: None, sequence, opened });
    }
    following.into_iter().flatten().find_map(|keys| {
        let (sequence, opened) = open(&keys, 0)?;
        Some(Hit { switch: Some(keys), sequence, opened })
    })
}

/// The outcome of looking for the next record.
pub(super) enum Resynced {
    /// None so far, or no way to find one.
    Step(Step),
    /// A record of this many bytes is at hand, of a direction without keys.
    Record(usize),
    /// A record was opened.
    Opened(Opened),
}

impl From<Step> for Resynced {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

/// A direction behind a gap.
pub(super) struct Resync<'a> {
    pub(super) direction: &'a mut Direction,
    pub(super) agreement: &'a Agreement,
    pub(super) side: Side,
    pub(super) log: &'a KeyLog,
    pub(super) out: &'a mut Vec<Output>,
}

impl Resync<'_> {
    /// Looks for the next record.
    pub(super) fn step(mut self) -> Resynced {
        let Some(is_tls13) = self.agreement.is_tls13() else { return Step::Broken(Broken::Beginning).into() };
        // No header begins where these are.
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

    /// More has to be at hand.
    fn more(&mut self) -> Step {
        let (direction, out) = (&mut *self.direction, &mut *self.out);
        match direction.pull() {
            Pulled::Data => Step::Again,
            Pulled::Nothing => Step::Waits,
            Pulled::End(time) => {
                out.extend(direction.lost_for_good().map(|missing| Output::Gap(self.side, missing)));
                out.push(Output::Ended(self.side, time));
                Step::Again
            }
            Pulled::Gap(missing) => {
                direction.gap(missing);
                Step::Again
            }
        }
    }

    /// Counts bytes that are passed over.
    fn missed(&mut self, count: usize) {
        if let Some(lost) = &mut self.direction.lost {
            *lost = lost.saturating_add(u64::try_from(count).unwrap_or(0));
        }
    }

    /// Passes over one byte, since no record begins with it.
    fn not_here(&mut self) -> Step {
        self.direction.input.advance(1);
        self.missed(1);
        Step::Again
    }

    /// Records in the clear show by what follows them that they are some.
    fn in_plain(&mut self, total: usize, is_tls13: bool) -> Step {
        let direction = &mut *self.direction;
        let kind = direction.input.first().copied().unwrap_or_default();
        let after = direction.input.get(total..).unwrap_or_default();
        let fits = match kind {
            CHANGE_CIPHER_SPEC => total == HEADER_SIZE.saturating_add(1),
            HANDSHAKE => !is_tls13,
            _ => false,
        };
        if !fits || matches!(header(after), Header::Broken) {
            return self.not_here();
        }
        direction.lost = None;
        Step::Again
    }

    fn try_here(&mut self, total: usize) -> Resynced {
        let direction = &mut *self.direction;
        let overhead = direction.keys.as_ref().map_or(0, |keys| keys.opener.overhead());
        let each = u64::try_from(overhead.saturating_add(HEADER_SIZE)).unwrap_or(u64::MAX).max(1);
        let Some(bytes) = direction.lost else { return Step::Again.into() };
        // No more records can be missing than fit into the bytes that are.
        let reach = bytes.checked_div(each).unwrap_or(0).saturating_add(1).min(MAX_REACH);
        let attempts = usize::try_from(reach).unwrap_or(usize::MAX).saturating_mul(2);
        if !direction.tried(total.saturating_add(ATTEMPT).saturating_mul(attempts), 0) {
            return Step::Broken(Broken::Lost).into();
        }
        let hit = try_open(self.direction, self.agreement, self.side, (total, reach), self.log);
        let Some(hit) = hit else { return self.not_here().into() };
        let direction = &mut *self.direction;
        let records = match &hit.switch {
            None => hit.sequence.saturating_sub(direction.sequence),
            Some(_) => hit.sequence.saturating_add(1),
        };
        let missing = bytes.saturating_sub(records.saturating_mul(each));
        if missing > 0 {
            self.out.push(Output::Gap(self.side, missing));
        }
        direction.lost = None;
        direction.tried(0, total.saturating_mul(attempts));
        direction.input.advance(total);
        if let Some(keys) = hit.switch {
            direction.install(keys);
        }
        direction.messages.reset();
        direction.sequence = hit.sequence.saturating_add(1);
        Resynced::Opened(hit.opened)
    }
}

/// Whether a record may begin so.
fn plausible(bytes: &[u8]) -> bool {
    matches!(header(bytes), Header::Whole(_))
}
