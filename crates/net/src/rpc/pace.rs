//! How much of what a client of remote calls sends is processed at once, so that one who sends without a pause does not
//! keep the others of its thread waiting.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What a connection may take before the others of its thread have their turn, in units of
/// [`rpc::server::ServerAssociation::allow`].
const TURN: u64 = 32;

/// What an unauthenticated client may send at once. A sign-in takes less, with the largest tokens that are taken.
const BURST: u64 = 128;

/// What it may send in a second beyond that.
const PER_SECOND: u64 = 64;

/// How long one waits that has sent more.
const PAUSE: Duration = Duration::from_millis(100);

/// The pace of one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What was taken at the last turn, and what may be since, before a sign-in.
    taken: u64,
    left: u64,
    since: Instant,
}

impl Pace {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { taken: 0, left: BURST, since: now }
    }

    /// How much may be taken in a turn that begins at `now`, on a connection that has taken `taken` so far.
    pub(crate) fn turn(&mut self, taken: u64, is_signed_in: bool, now: Instant) -> u64 {
        self.left = self.left.saturating_sub(taken.saturating_sub(self.taken));
        self.taken = taken;
        let elapsed = u64::try_from(now.duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let more = elapsed.saturating_mul(PER_SECOND) / 1000;
        // What is less than a unit counts with the next.
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.since = now;
        }
        if is_signed_in { TURN } else { self.left.min(TURN) }
    }

    /// Waits until the next turn of a connection on which more waits than this one has taken.
    pub(crate) fn next_turn(&self, is_signed_in: bool) -> impl Future<Output = ()> + use<> {
        let at_once = is_signed_in || self.left > TURN;
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

    /// What a client that always sends more may take in `turns`, one each tenth of a second.
    fn taken(turns: u32, is_signed_in: bool) -> u64 {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        (0..turns).fold(0, |taken, turn| taken + pace.turn(taken, is_signed_in, begin + PAUSE * turn))
    }

    #[test]
    fn an_unauthenticated_client_may_send_little_at_once_and_little_in_a_second() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        let at_once = (0..100).fold(0, |taken, _| taken + pace.turn(taken, false, begin));
        assert_eq!(at_once, BURST);
        let later = taken(101, false);
        assert!((BURST + 9 * PER_SECOND..=BURST + 10 * PER_SECOND).contains(&later), "{later}");
    }

    #[test]
    fn a_signed_in_client_may_send_as_much_as_its_turns_allow() {
        assert_eq!(taken(101, true), 101 * TURN);
    }

    #[test]
    fn what_was_taken_beyond_a_turn_is_owed() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        assert_eq!(pace.turn(0, false, begin), TURN);
        // A long PDU may begin within a turn and end beyond it.
        assert_eq!(pace.turn(2 * BURST, false, begin), 0);
        assert_eq!(pace.turn(2 * BURST, false, begin + Duration::from_secs(3)), TURN);
    }

    #[tokio::test]
    async fn a_client_that_sent_too_much_waits_and_a_signed_in_one_does_not() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        assert_eq!(pace.turn(BURST, false, begin), 0);
        tokio::select! {
            biased;
            () = pace.next_turn(false) => panic!("it does not wait"),
            () = pace.next_turn(true) => {}
        }
        pace.next_turn(false).await;
        assert!(begin.elapsed() >= PAUSE);
    }
}
