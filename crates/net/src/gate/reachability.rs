//! Backoff for an upstream that cannot be reached.

use std::time::Duration;

use tokio::time::Instant;

use super::protocol::UpstreamProtocol;
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

/// The delay after the second failed attempt, which doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Whether the upstream can be reached by one protocol.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    /// Incremented with each change: the outcome of an attempt that began before the last change is out of date.
    epoch: u64,
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    since: Instant,
    /// When the next attempt is due, and the delay after the last.
    next: Instant,
    delay: Duration,
    /// An attempt is in progress. After the first failure attempts are not limited: the upstream may have been
    /// restarted.
    attempting: bool,
    error: UpstreamError,
    /// Operations that were refused without an attempt, or whose attempt failed.
    refused: u64,
}

/// The end of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    /// Its duration.
    seconds: u64,
    /// Operations that failed because of it.
    refused: u64,
}

impl Outage {
    /// Logs the end of the outage.
    pub(super) fn log(self, protocol: UpstreamProtocol) {
        let Self { seconds, refused } = self;
        tracing::info!(key = protocol.key(), seconds, failed = refused, "upstream is reachable again");
    }
}

/// What an attempt changed.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// An outage began.
    Down(UpstreamError),
    /// An outage ended.
    Up(Outage),
}

/// A connection attempt that was permitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    epoch: u64,
}

impl Reachability {
    /// Permits an attempt at `now`. The error is why the upstream is unreachable.
    pub(super) fn begin(&mut self, now: Instant) -> Result<Attempt, UpstreamError> {
        if let Some(down) = &mut self.down
            && !down.delay.is_zero()
        {
            if down.attempting || now < down.next {
                down.refused += 1;
                return Err(down.error.clone());
            }
            down.attempting = true;
        }
        Ok(Attempt { epoch: self.epoch })
    }

    /// An attempt ended without an outcome.
    pub(super) fn abandon(&mut self, attempt: Attempt) {
        if let Some(down) = &mut self.down
            && attempt.epoch == self.epoch
        {
            down.attempting = false;
        }
    }

    /// Records that an attempt succeeded, or failed because of `error`. Returns the change, if any.
    pub(super) fn record(
        &mut self,
        attempt: Attempt,
        protocol: UpstreamProtocol,
        error: Option<&UpstreamError>,
        now: Instant,
    ) -> Option<Change> {
        let Some(error) = error else {
            let down = self.down.take()?;
            self.epoch += 1;
            let seconds = now.duration_since(down.since).as_secs();
            return Some(Change::Up(Outage { seconds, refused: down.refused }));
        };
        let is_current = attempt.epoch == self.epoch;
        match &mut self.down {
            Some(down) => {
                down.refused += 1;
                if is_current {
                    self.epoch += 1;
                    down.delay = (down.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY);
                    down.next = now + down.delay;
                    down.attempting = false;
                    down.error = error.clone();
                    tracing::debug!(
                        key = protocol.key(), delay = ?down.delay,
                        "upstream is still unreachable: {}", ErrorChain(error)
                    );
                }
                None
            }
            None if is_current => {
                self.epoch += 1;
                self.down = Some(Down {
                    since: now,
                    next: now,
                    delay: Duration::ZERO,
                    attempting: false,
                    error: error.clone(),
                    refused: 1,
                });
                Some(Change::Down(error.clone()))
            }
            // The attempt began before the upstream became reachable again.
            None => None,
        }
    }
}

/// What happens to requests during an outage.
pub(super) const BACKOFF: &str = "connection attempts back off, and requests between them fail at once";

/// Logs that an outage begins, because of `error`.
pub(super) fn log_begin(protocol: UpstreamProtocol, error: &UpstreamError) {
    let key = protocol.key();
    let chain = ErrorChain(error);
    if matches!(error, UpstreamError::Tls(_)) {
        tracing::warn!(
            key,
            "upstream: TLS handshake failed: {chain}; check {key} and upstream.ca_file; {BACKOFF}"
        );
    } else {
        tracing::warn!(key, "upstream is unreachable: {chain}; check {key} and the server; {BACKOFF}");
    }
}
