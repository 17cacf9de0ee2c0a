//! Limits how many log lines of a kind are written in a period.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Limits log lines that peers can cause to `LINES` in `SECONDS`. The next line that is logged contains the number of
/// lines that were suppressed.
#[derive(Debug, Default)]
pub(crate) struct LogRateLimit<const LINES: u32 = 10, const SECONDS: u64 = 10>(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the current period began.
    since: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl<const LINES: u32, const SECONDS: u64> LogRateLimit<LINES, SECONDS> {
    const PERIOD: Duration = Duration::from_secs(SECONDS);

    /// Returns the number of lines suppressed since the last one if a line may be logged at `now`.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.duration_since(since) >= Self::PERIOD) {
            state.since = Some(now);
            state.lines = 0;
        }
        if state.lines >= LINES {
            state.suppressed += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppressed_lines_are_counted_and_logged_with_the_next() {
        let period = Duration::from_secs(10);
        let limit = <LogRateLimit>::default();
        let begin = Instant::now();
        let passed = |now| (0..100).filter_map(|_| limit.pass(now)).collect::<Vec<_>>();
        assert_eq!(passed(begin), [0; 10]);
        assert_eq!(limit.pass(begin + period / 2), None);
        assert_eq!(passed(begin + period), [91, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_limit_of_one_line_a_minute_passes_one_line_a_minute() {
        let limit = LogRateLimit::<1, 60>::default();
        let now = Instant::now();
        assert!(limit.pass(now).is_some() && limit.pass(now).is_none());
        assert!(limit.pass(now + Duration::from_mins(1)).is_some());
    }
}
