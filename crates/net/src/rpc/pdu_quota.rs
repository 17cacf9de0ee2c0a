//! Limits how many PDUs of a peer are processed in one round, so that a client or server that sends continuously does
//! not delay the other connections of its thread.

use std::future::Future;

use tokio::time::Instant;

use crate::tcp::admission::ConnectionPermit;
use crate::token_bucket::{Rate, TokenBucket};

/// The quota of a connection in one round, before it yields to the other connections of its thread, in units of
/// [`rpc::server::ServerAssociation::set_quota`].
pub(crate) const ROUND: u64 = 32;

/// How many units of decoding ([`engine::Next::take_work`]) are one unit of the quota.
pub(crate) const DECODING: u32 = 256;

/// The limit on what is processed for an unauthenticated client, in the same units. A handshake with the largest
/// accepted tokens takes less than the burst.
const UNAUTHENTICATED: Rate = Rate { burst: 128, per_second: 64 };

/// The units that the start of a connection counts for its address, since a short connection ends before its PDUs are
/// counted.
const BEGIN: u64 = 8;

/// The work of one unit of the quota, in the unit of [`ConnectionPermit::count_work`].
const WORK: u64 = 100;

/// The quota of a client connection.
#[derive(Debug)]
pub(crate) struct PduQuota {
    /// The units processed before this round.
    taken: u64,
    /// The units that may still be processed while the client is unauthenticated.
    unauthenticated: TokenBucket,
    /// The units that are not counted for the client's address yet.
    uncounted: u64,
    /// When the next PDU is processed, if there was too much work for the client or its address.
    resumes_at: Option<Instant>,
}

impl PduQuota {
    pub(crate) const fn new(now: Instant) -> Self {
        let unauthenticated = TokenBucket::new(UNAUTHENTICATED, now);
        Self { taken: 0, unauthenticated, uncounted: BEGIN, resumes_at: None }
    }

    /// Returns the quota of a round that begins at `now`, on a connection for which `taken` units were processed so
    /// far. The units of an `unauthenticated` connection count for its address too.
    pub(crate) fn next(
        &mut self,
        taken: u64,
        unauthenticated: Option<&mut ConnectionPermit>,
        now: Instant,
    ) -> u64 {
        let more = taken.saturating_sub(self.taken);
        self.unauthenticated.take(more);
        self.taken = taken;
        self.unauthenticated.refill(now);
        let uncounted = std::mem::take(&mut self.uncounted).saturating_add(more);
        let Some(permit) = unauthenticated else {
            self.resumes_at = None;
            return ROUND;
        };
        let work = u32::try_from(uncounted.saturating_mul(WORK)).unwrap_or(u32::MAX);
        let delay = permit.count_work(work, now).max(self.unauthenticated.delay());
        if delay.is_zero() {
            self.resumes_at = None;
            return self.unauthenticated.left().min(ROUND);
        }
        match self.resumes_at {
            Some(resumes_at) if now < resumes_at => 0,
            waited => {
                self.resumes_at = Some(now + delay);
                // A client that has waited is served even if others of its address keep causing too much work.
                self.unauthenticated.left().min(waited.is_some().into())
            }
        }
    }

    /// Waits until the next round of a connection that has received more PDUs than this round processes.
    pub(crate) fn wait(&self, is_authenticated: bool) -> impl Future<Output = ()> + use<> {
        let resumes_at = self.resumes_at.filter(|_| !is_authenticated);
        async move {
            match resumes_at {
                Some(resumes_at) => tokio::time::sleep_until(resumes_at).await,
                None => tokio::task::yield_now().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tcp::admission::{Admission, Limits};
    use crate::token_bucket::DELAYS;

    const BURST: u64 = UNAUTHENTICATED.burst.cast_unsigned();
    const PER_SECOND: u64 = UNAUTHENTICATED.per_second.cast_unsigned();

    fn permit() -> ConnectionPermit {
        let admitted = Admission::new(Limits::default(), Vec::new()).admit([198, 51, 100, 7].into());
        admitted.unwrap().permit
    }

    /// The units processed in `rounds`, one each tenth of a second, for a client that always sends more.
    fn taken(rounds: u32, is_authenticated: bool) -> u64 {
        let begin = Instant::now();
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        (0..rounds).fold(0, |taken, round| {
            let unauthenticated = (!is_authenticated).then_some(&mut permit);
            taken + quota.next(taken, unauthenticated, begin + DELAYS.0 * round)
        })
    }

    #[test]
    fn pdus_of_an_unauthenticated_client_are_limited_at_once_and_per_second() {
        let begin = Instant::now();
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        let at_once = (0..100).fold(0, |taken, _| taken + quota.next(taken, Some(&mut permit), begin));
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
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        assert_eq!(quota.next(0, Some(&mut permit), begin), ROUND);
        // A long PDU may begin within a round and end beyond it.
        assert_eq!(quota.next(2 * BURST, Some(&mut permit), begin), 0);
        assert_eq!(quota.next(2 * BURST, Some(&mut permit), begin + Duration::from_secs(1)), 0);
        assert_eq!(quota.next(2 * BURST, Some(&mut permit), begin + Duration::from_secs(3)), ROUND);
    }

    #[test]
    fn the_burst_of_an_address_does_not_begin_anew_with_each_connection() {
        let begin = Instant::now();
        let admission = Admission::new(Limits::default(), Vec::new());
        let taken = (0..10_000).map(|_| {
            let mut permit = admission.admit([198, 51, 100, 7].into()).unwrap().permit;
            PduQuota::new(begin).next(0, Some(&mut permit), begin)
        });
        let taken: u64 = taken.sum();
        // 1250 connections at once; further ones are delayed.
        assert_eq!(taken, 1249 * ROUND);
    }

    #[test]
    fn a_client_whose_address_caused_too_much_work_is_delayed_for_as_long_as_that_takes() {
        let begin = Instant::now();
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        let delay = permit.count_work(1_300_000, begin);
        assert!(delay >= Duration::from_secs(3), "{delay:?}");
        for at in [Duration::ZERO, DELAYS.0, Duration::from_secs(2), delay] {
            assert_eq!(quota.next(0, Some(&mut permit), begin + at), 0, "{at:?}");
        }
        assert_eq!(quota.next(0, Some(&mut permit), begin + 2 * delay), ROUND);
    }

    #[test]
    fn a_client_that_has_waited_is_served_even_if_others_of_its_address_cause_too_much_work() {
        let begin = Instant::now();
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        permit.count_work(u32::MAX, begin);
        assert_eq!(quota.next(0, Some(&mut permit), begin), 0);
        assert_eq!(quota.next(0, Some(&mut permit), begin + DELAYS.1), 1);
        assert_eq!(quota.next(1, Some(&mut permit), begin + DELAYS.1), 0);
    }

    #[tokio::test]
    async fn an_unauthenticated_client_over_its_quota_waits_and_an_authenticated_one_does_not() {
        let begin = Instant::now();
        let (mut quota, mut permit) = (PduQuota::new(begin), permit());
        assert_eq!(quota.next(BURST, Some(&mut permit), begin), 0);
        tokio::select! {
            biased;
            () = quota.wait(false) => panic!("the unauthenticated client does not wait"),
            () = quota.wait(true) => {}
        }
        quota.wait(false).await;
        assert!(begin.elapsed() >= DELAYS.0);
    }
}
