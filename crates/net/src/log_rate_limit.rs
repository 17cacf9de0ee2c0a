//! Limits how many log lines of a kind are written in a period.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many lines of a kind may be logged in a [`PERIOD`].
const MOST: u32 = 10;

/// How long lines are counted together.
const PERIOD: Duration = Duration::from_secs(10);

/// Rate-limits log lines that peers trigger: lines over the limit are counted, and the next line that is logged has
/// their number.
#[derive(Debug, Default)]
pub(crate) struct LogRateLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl LogRateLimit {
    /// Whether a line may be logged at the time `now`; with the number of those that were left out since the
    /// last.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.duration_since(since) >= PERIOD) {
            state.since = Some(now);
            state.lines = 0;
        }
        if state.lines >= MOST {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_and_told() {
        let throttle = LogRateLimit::default();
        let begin = Instant::now();
        let passed = |now| (0..100).filter_map(|_| throttle.pass(now)).collect::<Vec<_>>();
        assert_eq!(passed(begin), [0; 10]);
        assert_eq!(throttle.pass(begin + PERIOD / 2), None);
        assert_eq!(passed(begin + PERIOD), [91, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
