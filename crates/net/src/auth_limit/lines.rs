//! The log lines on failed attempts, and the budget for them.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::report::{REPORT_AFTER, SourceReport};
use super::summary::{Count, Summary, Tally};
use crate::tcp::network::Network;

/// The most lines in [`REPORT_AFTER`].
pub(super) const MOST_LINES: usize = 200;

/// The most of them that are logged at once; a report uses the others.
const MOST_IMMEDIATE: usize = 100;

/// The most lines of a report on networks.
const NETWORK_LINES: usize = 19;

/// Bounds the lines on failed attempts of all addresses together.
#[derive(Debug, Default)]
pub(super) struct LineBudget(Mutex<Period>);

#[derive(Debug, Default)]
struct Period {
    since: Option<Instant>,
    lines: usize,
}

impl LineBudget {
    /// Whether a line may be logged at once.
    pub(super) fn immediate(&self, now: Instant) -> bool {
        let mut period = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if period.since.is_none_or(|since| now.duration_since(since) >= REPORT_AFTER) {
            *period = Period { since: Some(now), lines: 0 };
        }
        let passes = period.lines < MOST_IMMEDIATE;
        period.lines += usize::from(passes);
        passes
    }

    /// The number of lines that a report may have, with which a period ends.
    pub(super) fn report(&self, now: Instant) -> usize {
        let mut period = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = std::mem::replace(&mut *period, Period { since: Some(now), lines: 0 }).lines;
        MOST_LINES - used
    }
}

/// A line of a report.
#[derive(Debug)]
pub(super) enum Line {
    /// The attempts of an address.
    Address(IpAddr, SourceReport),
    /// The attempts of all addresses without a line, in this number of networks.
    Others(Tally, Count),
    /// The part of them in one network.
    Network(Network, Tally),
}

/// The lines of a report, at most `most`: one for each address if these are enough. Otherwise the addresses with the
/// most attempts have lines, and the others are summed up.
pub(super) fn lines(
    mut addresses: Vec<(IpAddr, SourceReport)>,
    mut others: Summary,
    most: usize,
) -> Vec<Line> {
    let most_addresses = most.saturating_sub(NETWORK_LINES + 1);
    if addresses.len() > most_addresses {
        addresses.sort_unstable_by_key(|(source, report)| (Reverse(report.attempts()), *source));
        for (source, report) in addresses.drain(most_addresses..) {
            others.add(source, &report);
        }
    }
    let mut lines: Vec<Line> =
        addresses.into_iter().map(|(source, report)| Line::Address(source, report)).collect();
    if others.all().attempts() > 0 {
        lines.push(Line::Others(others.all(), others.networks()));
        let largest = others.largest(NETWORK_LINES);
        lines.extend(largest.into_iter().map(|(network, tally)| Line::Network(network, tally)));
    }
    lines
}

impl Line {
    pub(super) fn log(&self) {
        match self {
            Self::Address(client, report) => {
                let (failed, throttled) = (report.failures(), report.refusals());
                let accounts = report.accounts();
                tracing::warn!(%client, failed, throttled, accounts, "client authentication failures");
            }
            Self::Others(tally, networks) => {
                let Tally { failed, throttled, addresses, accounts } = tally;
                tracing::warn!(
                    failed, throttled, %addresses, %accounts, %networks,
                    "client authentication failures of further addresses"
                );
            }
            Self::Network(network, tally) => {
                let Tally { failed, throttled, addresses, accounts } = tally;
                tracing::warn!(
                    %network, failed, throttled, %addresses, %accounts,
                    "client authentication failures of further addresses of a network"
                );
            }
        }
    }
}
