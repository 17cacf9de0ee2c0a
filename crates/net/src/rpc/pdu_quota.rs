//! Limits how much of what an RPC client sends is processed at once, so that a client that sends continuously does not
//! delay the other connections of its thread.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What is processed of a connection before the others of its thread, in units of
/// [`rpc::server::ServerAssociation::allow`].
const TURN: u64 = 32;

/// What an unauthenticated client may send at once. A handshake takes less, with the largest tokens that are accepted.
const BURST: u64 = 128;

/// What it may send per second beyond that.
const PER_SECOND: u64 = 64;

/// How long a client is delayed that has sent more.
const PAUSE: Duration = Duration::from_millis(100);

/// The pace of one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What was processed until the last turn, and what an unauthenticated client may still send.
    taken: u64,
    left: u64,
    since: Instant,
}

impl Pace {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { taken: 0, left: BURST, since: now }
    }

    /// How much is processed in a turn that begins at `now`, on a connection of which `taken` was processed so far.
    pub(crate) fn turn(&mut self, taken: u64, is_authenticated: bool, now: Instant) -> u64 {
        self.left = self.left.saturating_sub(taken.saturating_sub(self.taken));
        self.taken = taken;
        let elapsed = u64::try_from(now.duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let more = elapsed.saturating_mul(PER_SECOND) / 1000;
        // A fraction of a unit is counted with the next one.
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.since = now;
        }
        if is_authenticated { TURN } else { self.left.min(TURN) }
    }

    /// Waits until the next turn of a connection of which more has arrived than this turn processes.
    pub(crate) fn next_turn(&self, is_authenticated: bool) -> impl Future<Output = ()> + use<> {
        let at_once = is_authenticated || self.left > TURN;
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
    fn taken(turns: u32, is_authenticated: bool) -> u64 {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        (0..turns).fold(0, |taken, turn| taken + pace.turn(taken, is_authenticated, begin + PAUSE * turn))
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
