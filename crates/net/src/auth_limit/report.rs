//! Failed attempts of one address that are not logged yet.

use std::fmt::Write as _;
use std::time::Duration;

use identity::ClaimedName;
use tokio::time::Instant;

/// The time between two reports, and between two lines on an address that are logged at once.
pub(super) const REPORT_AFTER: Duration = Duration::from_secs(10);

/// The most names that are kept.
const NAMES: usize = 8;

/// The length, in bytes, from which no further name is added to a line.
const LONGEST_LIST: usize = 256;

/// Failed attempts of one address that are not logged yet.
#[derive(Debug, Default)]
pub(super) struct SourceReport {
    failed: u64,
    throttled: u64,
    /// The names that were tried, with the number of attempts.
    names: Vec<(ClaimedName, u64)>,
    /// Attempts with further names.
    other: u64,
    /// When an attempt was last logged at once.
    logged_at: Option<Instant>,
    /// When an attempt that was not checked was last logged at once.
    throttled_at: Option<Instant>,
}

impl SourceReport {
    /// Counts a failed attempt. Returns whether it may be logged at once, since none was for some time.
    pub(super) fn failed(&mut self, name: Option<&ClaimedName>, now: Instant) -> bool {
        self.failed += 1;
        self.count(name);
        let recent = |last: Instant| now.duration_since(last) < REPORT_AFTER;
        let is_first = self.failed == 1 && self.throttled == 0 && !self.logged_at.is_some_and(recent);
        if is_first {
            self.logged_at = Some(now);
        }
        is_first
    }

    /// Counts an attempt that was not checked. Returns whether it may be logged at once, since none was for some time.
    pub(super) fn throttled(&mut self, name: &ClaimedName, now: Instant) -> bool {
        self.throttled += 1;
        self.count(Some(name));
        let recent = |last: Instant| now.duration_since(last) < REPORT_AFTER;
        let is_first = !self.throttled_at.is_some_and(recent);
        if is_first {
            self.throttled_at = Some(now);
        }
        is_first
    }

    /// The failed attempt that was just counted was logged.
    pub(super) fn logged(&mut self, name: Option<&ClaimedName>) {
        self.failed = self.failed.saturating_sub(1);
        if let Some(name) = name
            && let Some((_, count)) = self.names.iter_mut().find(|(known, _)| known == name)
        {
            *count = count.saturating_sub(1);
        }
        self.names.retain(|(_, count)| *count > 0);
    }

    /// Whether there is nothing to log or to remember.
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        let is_recent = |last: Instant| now.duration_since(last) < REPORT_AFTER;
        self.attempts() == 0 && !self.logged_at.is_some_and(is_recent)
    }

    fn count(&mut self, name: Option<&ClaimedName>) {
        let Some(name) = name else { return };
        if let Some((_, count)) = self.names.iter_mut().find(|(known, _)| known == name) {
            *count += 1;
        } else if self.names.len() < NAMES {
            self.names.push((name.clone(), 1));
        } else {
            self.other += 1;
        }
    }

    /// Takes the attempts, if there are any.
    pub(super) fn take(&mut self) -> Option<Self> {
        let Self { logged_at, throttled_at, .. } = *self;
        let next = Self { logged_at, throttled_at, ..Self::default() };
        (self.attempts() > 0).then(|| std::mem::replace(self, next))
    }

    /// The attempts whose credentials were rejected.
    pub(super) const fn failures(&self) -> u64 {
        self.failed
    }

    /// The attempts that were refused without a check.
    pub(super) const fn refusals(&self) -> u64 {
        self.throttled
    }

    pub(super) const fn attempts(&self) -> u64 {
        self.failed.saturating_add(self.throttled)
    }

    /// The names that were tried, of which the first [`NAMES`] are known.
    pub(super) fn names(&self) -> impl Iterator<Item = &ClaimedName> {
        self.names.iter().map(|(name, _)| name)
    }

    /// Whether further names were tried.
    pub(super) const fn has_other_names(&self) -> bool {
        self.other > 0
    }

    /// The names with the number of attempts for each, as one text of limited length.
    pub(super) fn accounts(&self) -> String {
        let mut text = String::new();
        let mut left = self.other;
        for (name, count) in &self.names {
            if text.len() >= LONGEST_LIST {
                left = left.saturating_add(*count);
                continue;
            }
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{name} ({count})");
        }
        if left > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{left} for other accounts");
        }
        text
    }
}
