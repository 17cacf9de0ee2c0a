//! Counts the operations that are missing in a recording, and decides when the log states their number.

use std::io;
use std::time::Duration;

use capture::Timestamp;

/// The shortest time between two log lines about operations that were not recorded because writing is too
/// slow.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What the log states about operations that were not recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The queue had no room for this number of operations, because writing is too slow.
    TooSlow(u64),
    /// Operations cannot be written from now on.
    Failing,
    /// Operations can be written again. This number was not recorded.
    Resumed(u64),
}

/// The operations that were not recorded since the log stated their number.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Those since writing began to fail; `None` while operations can be written.
    failed: Option<u64>,
    /// Those for which the queue had no room because writing is too slow.
    slow: u64,
    /// When the log stated the number of these.
    last_report: Option<Timestamp>,
}

impl Losses {
    /// An operation was written, or not. Before, the queue had no room for `dropped` operations.
    pub(super) const fn written(&mut self, result: &io::Result<()>, dropped: u64) -> Option<Report> {
        self.dropped(dropped);
        match (result, self.failed) {
            (Ok(()), None) => None,
            (Ok(()), Some(failed)) => {
                self.failed = None;
                Some(Report::Resumed(failed))
            }
            (Err(_), failed) => {
                self.failed = Some(match failed {
                    Some(before) => before.saturating_add(1),
                    None => 1,
                });
                if failed.is_none() { Some(Report::Failing) } else { None }
            }
        }
    }

    /// The queue had no room for `dropped` operations. While operations cannot be written, they count as lost for that
    /// reason.
    const fn dropped(&mut self, dropped: u64) {
        if let Some(failed) = &mut self.failed {
            *failed = failed.saturating_add(dropped);
        } else {
            self.slow = self.slow.saturating_add(dropped);
        }
    }

    /// What is to be logged at `now`, or at the end of the recording.
    pub(super) fn due(&mut self, now: Timestamp, end: bool) -> Option<Report> {
        let due = end || self.last_report.is_none_or(|last| now.since(last) >= REPORT_INTERVAL);
        if !due || self.slow == 0 {
            return None;
        }
        self.last_report = Some(now);
        Some(Report::TooSlow(std::mem::take(&mut self.slow)))
    }

    /// The number of operations that were not recorded because they cannot be written.
    pub(super) fn failed(&self) -> u64 {
        self.failed.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000_000_000);

    fn full() -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn operations_that_the_queue_has_no_room_for_are_reported_once_in_an_interval_and_at_the_end() {
        let mut losses = Losses::default();
        assert_eq!(losses.written(&Ok(()), 3), None);
        assert_eq!(losses.due(START, false), Some(Report::TooSlow(3)));
        assert_eq!(losses.written(&Ok(()), 4), None);
        assert_eq!(losses.due(START, false), None);
        assert_eq!(losses.written(&Ok(()), 5), None);
        assert_eq!(losses.due(START.after(REPORT_INTERVAL), false), Some(Report::TooSlow(9)));
        assert_eq!(losses.written(&Ok(()), 1), None);
        assert_eq!(losses.due(START.after(REPORT_INTERVAL), true), Some(Report::TooSlow(1)));
        assert_eq!(losses.due(START.after(REPORT_INTERVAL * 2), true), None);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_the_reason_for_all_that_is_lost_meanwhile() {
        let mut losses = Losses::default();
        assert_eq!(losses.written(&full(), 2), Some(Report::Failing));
        assert_eq!(losses.written(&full(), 10), None);
        assert_eq!(losses.due(START, false), Some(Report::TooSlow(2)), "dropped before the disk was full");
        assert_eq!(losses.failed(), 12);
        assert_eq!(losses.written(&Ok(()), 100), Some(Report::Resumed(112)));
        assert_eq!((losses.due(START, true), losses.failed()), (None, 0));
    }
}
