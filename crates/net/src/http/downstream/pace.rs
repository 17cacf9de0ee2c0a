//! Minimum rate for the bodies of client requests.

use std::time::Duration;

use crate::tcp::admission::Limits;

/// How fast a client sends a request, from its head on. Only the time counts in which we wait for the client, not that
/// in which the server takes what came.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Without regard to how much comes.
    time: Duration,
    /// Bytes in a second, behind that; zero for those who have no more time.
    rate: u64,
    /// What a client that has signed in must reach.
    signed_in_rate: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// The pace of one request, whose client has not signed in as far as is known yet.
    pub(crate) const fn new(limits: &Limits) -> Self {
        let Limits { handshake: time, minimum_rate: signed_in_rate, .. } = *limits;
        Self { time, rate: 0, signed_in_rate, waited: Duration::ZERO, bytes: 0 }
    }

    /// The request is a signed-in client's: what comes of it earns time.
    pub(crate) const fn is_signed_in(&mut self) {
        self.rate = self.signed_in_rate;
    }

    /// So many bytes came, for which was `waited`.
    pub(crate) fn came(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.waited = self.waited.saturating_add(waited);
    }

    /// How much longer the client may take for what comes next.
    pub(crate) fn left(&self) -> Duration {
        let earned = self.bytes.checked_div(self.rate).map_or(Duration::ZERO, Duration::from_secs);
        self.time.saturating_add(earned).saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_signed_in_client_sends_earns_time() {
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
