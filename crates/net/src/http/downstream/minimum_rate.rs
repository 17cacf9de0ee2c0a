//! Minimum rate for the bodies of client requests.

use std::time::Duration;

use crate::tcp::admission::Limits;

/// Measures how fast a client sends a request, from its head on. Only time in which the proxy waits for the client
/// counts, not time in which the server reads.
#[derive(Debug, Default)]
pub(crate) struct MinimumRate {
    /// The time that each client has, however much it sends.
    time: Duration,
    /// The number of bytes for which the client gets another second; zero for unauthenticated clients, which get none.
    rate: u64,
    /// The rate for authenticated clients.
    authenticated_rate: u64,
    waited: Duration,
    bytes: u64,
}

impl MinimumRate {
    /// The rate of one request, whose client is not authenticated yet.
    pub(crate) const fn new(limits: &Limits) -> Self {
        let Limits { handshake: time, minimum_rate: authenticated_rate, .. } = *limits;
        Self { time, rate: 0, authenticated_rate, waited: Duration::ZERO, bytes: 0 }
    }

    /// The client is authenticated: it gets more time for the bytes that it sends.
    pub(crate) const fn set_authenticated(&mut self) {
        self.rate = self.authenticated_rate;
    }

    /// Records that `bytes` were received after the proxy `waited` for them.
    pub(crate) fn record(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.waited = self.waited.saturating_add(waited);
    }

    /// The time that the client has left.
    pub(crate) fn left(&self) -> Duration {
        let earned = self.bytes.checked_div(self.rate).map_or(Duration::ZERO, Duration::from_secs);
        self.time.saturating_add(earned).saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_authenticated_client_gets_more_time_for_its_bytes() {
        let seconds = Duration::from_secs;
        let limits = Limits { handshake: seconds(30), minimum_rate: 100, ..Limits::default() };
        let mut minimum_rate = MinimumRate::new(&limits);
        minimum_rate.record(1000, seconds(10));
        assert_eq!(minimum_rate.left(), seconds(20));
        minimum_rate.set_authenticated();
        assert_eq!(minimum_rate.left(), seconds(30));
        // A byte every ten seconds is too slow, a hundred a second is not.
        for _ in 0..3 {
            minimum_rate.record(1, seconds(10));
        }
        assert_eq!(minimum_rate.left(), seconds(0));
        minimum_rate.record(100_000, seconds(900));
        assert!(minimum_rate.left() > seconds(60));
    }
}
