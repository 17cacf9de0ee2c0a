//! Minimum rate for the bodies of client requests.

use std::time::Duration;

use crate::tcp::admission::Limits;

/// How fast a client sends a request, from its head on. Only the time counts in which the proxy waits for the client, not
/// that in which the server reads.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The time that each client has, however much it sends.
    time: Duration,
    /// The bytes that earn another second; zero for unauthenticated clients, which earn none.
    rate: u64,
    /// The rate for authenticated clients.
    authenticated_rate: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// The pace of one request, whose client is not authenticated yet.
    pub(crate) const fn new(limits: &Limits) -> Self {
        let Limits { handshake: time, minimum_rate: authenticated_rate, .. } = *limits;
        Self { time, rate: 0, authenticated_rate, waited: Duration::ZERO, bytes: 0 }
    }

    /// The client is authenticated: the bytes that it sends earn time.
    pub(crate) const fn is_signed_in(&mut self) {
        self.rate = self.authenticated_rate;
    }

    /// `bytes` came after the proxy `waited`.
    pub(crate) fn came(&mut self, bytes: usize, waited: Duration) {
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
    fn only_bytes_of_an_authenticated_client_earn_time() {
        let seconds = Duration::from_secs;
        let limits = Limits { handshake: seconds(30), minimum_rate: 100, ..Limits::default() };
        let mut pace = Pace::new(&limits);
        pace.came(1000, seconds(10));
        assert_eq!(pace.left(), seconds(20));
        pace.is_signed_in();
        assert_eq!(pace.left(), seconds(30));
        // A byte every ten seconds is too slow, a hundred a second is not.
        for _ in 0..3 {
            pace.came(1, seconds(10));
        }
        assert_eq!(pace.left(), seconds(0));
        pace.came(100_000, seconds(900));
        assert!(pace.left() > seconds(60));
    }
}
