//! How many PDUs of a peer are processed in one round, so that a client or server that sends continuously does not
//! delay the other connections of its thread.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::token_bucket::{Rate, TokenBucket};

/// What is processed of a connection in one round, before the other connections of its thread have theirs, in units of
/// [`rpc::server::ServerAssociation::set_quota`].
pub(crate) const ROUND: u64 = 32;

/// What is processed of an unauthenticated client at once and per second. A handshake with the largest accepted tokens
/// takes less than the burst.
const UNAUTHENTICATED: Rate = Rate { burst: 128, per_second: 64 };

/// How long an unauthenticated client is delayed that has sent more.
const PAUSE: Duration = Duration::from_millis(100);

/// The quota of a client connection.
#[derive(Debug)]
pub(crate) struct PduQuota {
    /// What was processed before this round.
    taken: u64,
    /// What may still be processed of an unauthenticated client.
    unauthenticated: TokenBucket,
}

impl PduQuota {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { taken: 0, unauthenticated: TokenBucket::new(UNAUTHENTICATED, now) }
    }

    /// The quota of a round that begins at `now`, on a connection of which `taken` was processed so far.
    pub(crate) fn next(&mut self, taken: u64, is_authenticated: bool, now: Instant) -> u64 {
        let more = taken.saturating_sub(self.taken);
        // Of a long PDU no more is counted than the client may have processed.
        self.unauthenticated.take(more.min(self.unauthenticated.left()));
        self.taken = taken;
        self.unauthenticated.refill(now);
        if is_authenticated { ROUND } else { self.unauthenticated.left().min(ROUND) }
    }

    /// Waits until the next round of a connection of which more has arrived than this round processes.
    pub(crate) fn wait(&self, is_authenticated: bool) -> impl Future<Output = ()> + use<> {
        let at_once = is_authenticated || self.unauthenticated.left() > ROUND;
        async move {
            if at_once {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u64 = UNAUTHENTICATED.burst.cast_unsigned();
    const PER_SECOND: u64 = UNAUTHENTICATED.per_second.cast_unsigned();

    /// What is processed of a client that always sends more in so many `rounds`, one each tenth of a second.
    fn taken(rounds: u32, is_authenticated: bool) -> u64 {
        let begin = Instant::now();
        let mut quota = PduQuota::new(begin);
        (0..rounds).fold(0, |taken, round| taken + quota.next(taken, is_authenticated, begin + PAUSE * round))
    }

    #[test]
    fn little_of_an_unauthenticated_client_is_processed_at_once_and_in_a_second() {
        let begin = Instant::now();
        let mut quota = PduQuota::new(begin);
        let at_once = (0..100).fold(0, |taken, _| taken + quota.next(taken, false, begin));
        assert_eq!(at_once, BURST);
        let later = taken(101, false);
        assert!((BURST + 9 * PER_SECOND..=BURST + 10 * PER_SECOND).contains(&later), "{later}");
    }

    #[test]
    fn an_authenticated_client_is_limited_by_its_rounds_only() {
        assert_eq!(taken(101, true), 101 * ROUND);
    }

    #[test]
    fn pdus_processed_beyond_a_round_count_in_the_next() {
        let begin = Instant::now();
        let mut quota = PduQuota::new(begin);
        assert_eq!(quota.next(0, false, begin), ROUND);
        // A long PDU may begin within a round and end beyond it.
        assert_eq!(quota.next(2 * BURST, false, begin), 0);
        assert_eq!(quota.next(2 * BURST, false, begin + Duration::from_secs(3)), ROUND);
    }

    #[tokio::test]
    async fn an_unauthenticated_client_over_its_quota_waits_and_an_authenticated_one_does_not() {
        let begin = Instant::now();
        let mut quota = PduQuota::new(begin);
        assert_eq!(quota.next(BURST, false, begin), 0);
        tokio::select! {
            biased;
            () = quota.wait(false) => panic!("the unauthenticated client does not wait"),
            () = quota.wait(true) => {}
        }
        quota.wait(false).await;
        assert!(begin.elapsed() >= PAUSE);
    }
}
