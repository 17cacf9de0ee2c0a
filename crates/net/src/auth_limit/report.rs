//! The log of failed authentication: the first attempt of each address at once, the others as one line for each
//! address.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use identity::ClaimedName;
use tokio::time::Instant;

/// The delay of the line for attempts that were not logged at once.
pub(super) const REPORT_AFTER: Duration = Duration::from_secs(10);

/// The most addresses with a separate line in a report; the others share lines.
const OWN_LINES: usize = 256;

/// The most addresses that share a line.
const SHARING: usize = 32;

/// The most names in a line.
const NAMES: usize = 8;

/// The lines that are logged at once in [`REPORT_AFTER`].
const MAX_IMMEDIATE: u32 = 100;

/// Failed attempts of one address that are not logged yet.
#[derive(Debug, Default)]
pub(super) struct SourceReport {
    since: Option<Instant>,
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
        self.count(name, now);
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
        self.count(Some(name), now);
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
        if self.failed == 0 && self.throttled == 0 {
            self.since = None;
        }
    }

    /// Whether there is nothing to log or to remember.
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        let is_recent = |last: Instant| now.duration_since(last) < REPORT_AFTER;
        self.since.is_none() && !self.logged_at.is_some_and(is_recent)
    }

    fn count(&mut self, name: Option<&ClaimedName>, now: Instant) {
        self.since.get_or_insert(now);
        let Some(name) = name else { return };
        if let Some((_, count)) = self.names.iter_mut().find(|(known, _)| known == name) {
            *count += 1;
        } else if self.names.len() < NAMES {
            self.names.push((name.clone(), 1));
        } else {
            self.other += 1;
        }
    }

    /// Takes the attempts if the oldest one was at least `age` ago.
    pub(super) fn take(&mut self, now: Instant, age: Duration) -> Option<Self> {
        let since = self.since?;
        if now.duration_since(since) < age {
            return None;
        }
        let Self { logged_at, throttled_at, .. } = *self;
        Some(std::mem::replace(self, Self { logged_at, throttled_at, ..Self::default() }))
    }

    fn accounts(&self, most: usize) -> String {
        let mut text = String::new();
        for (at, (name, count)) in self.names.iter().take(most).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}{name} ({count})");
        }
        let left = self.names.iter().skip(most).map(|(_, count)| count).sum::<u64>() + self.other;
        match left {
            0 => {}
            left if text.is_empty() => drop(write!(text, "{left} for other accounts")),
            left => drop(write!(text, ", {left} for other accounts")),
        }
        text
    }
}

/// Attempts to be logged.
#[derive(Debug, Default)]
pub(super) struct Report {
    sources: Vec<(IpAddr, SourceReport)>,
    /// Attempts of addresses that were evicted from the table.
    uncounted: u64,
}

impl Report {
    pub(super) fn add(&mut self, source: IpAddr, report: SourceReport) {
        self.sources.push((source, report));
    }

    /// An address is removed from the table, with the attempts of `report`.
    pub(super) fn evicted(&mut self, source: IpAddr, report: SourceReport) {
        if report.since.is_none() {
            return;
        }
        if self.sources.len() < SHARING * OWN_LINES {
            self.sources.push((source, report));
        } else {
            self.uncounted = self.uncounted.saturating_add(report.failed + report.throttled);
        }
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.sources.len(), self.uncounted)
    }

    pub(super) fn log(&self) {
        for (source, report) in self.sources.iter().take(OWN_LINES) {
            let SourceReport { failed, throttled, .. } = report;
            let accounts = report.accounts(NAMES);
            tracing::warn!(client = %source, failed, throttled, accounts, "client authentication failures");
        }
        for shared in self.sources.get(OWN_LINES..).unwrap_or_default().chunks(SHARING) {
            let each =
                |(source, report): &(IpAddr, SourceReport)| format!("{source} [{}]", report.accounts(1));
            let sources = shared.iter().map(each).collect::<Vec<_>>().join(", ");
            let failed: u64 = shared.iter().map(|(_, report)| report.failed).sum();
            let throttled: u64 = shared.iter().map(|(_, report)| report.throttled).sum();
            tracing::warn!(failed, throttled, clients = sources, "client authentication failures");
        }
        if self.uncounted > 0 {
            tracing::warn!(
                attempts = self.uncounted,
                "client authentication failures from more addresses than are counted"
            );
        }
    }
}

/// Bounds the lines that are logged at once, from all addresses together.
#[derive(Debug, Default)]
pub(super) struct ImmediateLines(Mutex<(Option<Instant>, u32)>);

impl ImmediateLines {
    pub(super) fn pass(&self, now: Instant) -> bool {
        let (since, lines) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none_or(|since| now.duration_since(since) >= REPORT_AFTER) {
            (*since, *lines) = (Some(now), 0);
        }
        *lines += 1;
        *lines <= MAX_IMMEDIATE
    }
}
