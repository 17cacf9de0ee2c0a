//! The back-off for an upstream that cannot be reached.

use std::time::Duration;

use tokio::time::Instant;

use super::protocol::UpstreamProtocol;
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

/// The delay after the second failed attempt, which doubles with each further one.
const MIN_CONNECT_BACKOFF: Duration = Duration::from_secs(1);

/// The longest delay.
const MAX_CONNECT_BACKOFF: Duration = Duration::from_secs(30);

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
    /// `None` after the first failed attempt: further ones are not delayed, since the upstream may have been restarted.
    backoff: Option<Backoff>,
    error: UpstreamError,
    /// Operations that were refused without an attempt, or whose attempt failed.
    failed_requests: u64,
}

/// The delay of connection attempts.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    /// When the next attempt is due.
    next: Instant,
    delay: Duration,
    /// An attempt is in progress.
    attempting: bool,
}

/// An outage that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutageSummary {
    /// Its duration.
    seconds: u64,
    /// Operations that failed because of it.
    failed_requests: u64,
}

impl OutageSummary {
    /// Logs the end of the outage.
    pub(super) fn log(self, protocol: UpstreamProtocol) {
        let Self { seconds, failed_requests } = self;
        tracing::info!(
            key = protocol.key(),
            seconds,
            failed = failed_requests,
            "upstream is reachable again"
        );
    }
}

/// A change of the upstream's reachability.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// An outage began.
    Down(UpstreamError),
    /// An outage ended.
    Up(OutageSummary),
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
            && let Some(backoff) = &mut down.backoff
        {
            if backoff.attempting || now < backoff.next {
                down.failed_requests += 1;
                return Err(down.error.clone());
            }
            backoff.attempting = true;
        }
        Ok(Attempt { epoch: self.epoch })
    }

    /// An attempt ended without an outcome.
    pub(super) fn abandon(&mut self, attempt: Attempt) {
        if attempt.epoch == self.epoch
            && let Some(backoff) = self.down.as_mut().and_then(|down| down.backoff.as_mut())
        {
            backoff.attempting = false;
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
            return Some(Change::Up(OutageSummary { seconds, failed_requests: down.failed_requests }));
        };
        let is_current = attempt.epoch == self.epoch;
        match &mut self.down {
            Some(down) => {
                down.failed_requests += 1;
                if is_current {
                    self.epoch += 1;
                    let delay = down.backoff.map_or(MIN_CONNECT_BACKOFF, |backoff| backoff.delay * 2);
                    let delay = delay.min(MAX_CONNECT_BACKOFF);
                    down.backoff = Some(Backoff { next: now + delay, delay, attempting: false });
                    down.error = error.clone();
                    tracing::debug!(
                        key = protocol.key(),
                        ?delay,
                        "upstream is still unreachable: {}",
                        ErrorChain(error)
                    );
                }
                None
            }
            None if is_current => {
                self.epoch += 1;
                self.down =
                    Some(Down { since: now, backoff: None, error: error.clone(), failed_requests: 1 });
                Some(Change::Down(error.clone()))
            }
            // The attempt began before the upstream became reachable again.
            None => None,
        }
    }
}

/// The end of a log line on an outage, about the effect on requests.
pub(super) const BACKOFF_NOTE: &str = "connection attempts back off, and requests between them fail at once";

/// Logs that an outage begins, because of `error`.
pub(super) fn log_begin(protocol: UpstreamProtocol, error: &UpstreamError) {
    let key = protocol.key();
    let chain = ErrorChain(error);
    if matches!(error, UpstreamError::Tls(_)) {
        tracing::warn!(key, "upstream: TLS handshake failed: {chain}; {BACKOFF_NOTE}");
    } else {
        tracing::warn!(key, "upstream is unreachable: {chain}; check {key} and the server; {BACKOFF_NOTE}");
    }
}
