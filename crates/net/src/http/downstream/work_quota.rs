//! Limits the work for one client connection: in one round, so that the other connections of its thread are served too,
//! and per second while its client is unauthenticated.
//!
//! A thread serves a connection until it has to wait for its client. That never happens with a client that sends
//! continuously, so the connection yields after the work of one round.

use std::time::Duration;

use tokio::time::Instant;

use crate::tcp::admission::ConnectionPermit;
use crate::token_bucket::{Rate, TokenBucket};

/// One read of a socket, in units of work. A unit is about 0.1 microseconds.
const READ: u32 = 40;

/// One read through TLS that returns one byte: it may have decrypted 4 KiB of records with one byte each.
const TLS_READ: u32 = 300;

/// Each 1024 bytes of a read.
const KIBIBYTE: u32 = 5;

/// A head or a piece of a body, however short. A body of one-byte chunks consists of pieces mostly.
pub(crate) const PIECE: u32 = 4;

/// A request that the proxy responds to itself: its authentication, its response, and sending that.
const REQUEST: u32 = 500;

/// The work of one round, about 0.2 ms. Each round that ends costs a system call, so an ordinary upload takes a single
/// round.
pub(crate) const ROUND: u32 = 2000;

/// The work that is done for an unauthenticated client at once, and per second beyond that: 0.2 percent of a processor.
/// A handshake with the longest accepted tokens takes less than the burst.
const UNAUTHENTICATED: Rate = Rate { burst: 80_000, per_second: 20_000 };

/// The delay of an unauthenticated client whose connection has used up its quota.
const PAUSE: Duration = Duration::from_millis(100);

/// The work of one read of `bytes`. The more bytes a read through TLS returns, the fewer records they were in.
pub(crate) fn of_read(bytes: usize, is_tls: bool) -> u32 {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let read = if is_tls { TLS_READ.saturating_sub(bytes / (4096 / TLS_READ)).max(READ) } else { READ };
    (bytes / 1024).saturating_mul(KIBIBYTE).saturating_add(read)
}

/// What a connection does before it continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It continues at once.
    Continue,
    /// It yields to the other connections of the thread.
    Yield,
    /// The unauthenticated client has caused too much work, and is delayed.
    Delay(Duration),
}

/// The quota of a connection.
#[derive(Debug)]
pub(crate) struct WorkQuota {
    /// The work since the connection last waited.
    round: u32,
    /// The work that `unauthenticated` does not count yet. That of a round is counted as the connection begins, since a
    /// short one never has to ask for a turn.
    uncounted: u32,
    /// The work that may still be done for the client while it is unauthenticated, if its address permits it.
    unauthenticated: TokenBucket,
}

impl WorkQuota {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { round: 0, uncounted: ROUND, unauthenticated: TokenBucket::new(UNAUTHENTICATED, now) }
    }

    /// Adds `work`. A unit of decoding ([`engine::Next::take_work`]) is one of work.
    pub(crate) const fn add(&mut self, work: u32) {
        self.round = self.round.saturating_add(work);
        self.uncounted = self.uncounted.saturating_add(work);
    }

    /// A request begins.
    pub(crate) const fn begin_request(&mut self) {
        self.add(REQUEST);
    }

    /// A request is over. Another that was received with it is left for the next round.
    pub(crate) const fn end_request(&mut self) {
        self.round = self.round.saturating_add(ROUND);
    }

    /// The connection waited, so that the others of its thread were served.
    pub(crate) const fn waited(&mut self) {
        self.round = 0;
    }

    /// Whether the connection has to ask for its next [`Turn`].
    pub(crate) const fn is_due(&self) -> bool {
        self.round >= ROUND || self.uncounted >= ROUND
    }

    /// The next turn. A round begins with it, except for [`Turn::Continue`]. The work of an `unauthenticated`
    /// connection counts for its address too.
    pub(crate) fn next(&mut self, unauthenticated: Option<&mut ConnectionPermit>, now: Instant) -> Turn {
        let uncounted = std::mem::take(&mut self.uncounted);
        if let Some(permit) = unauthenticated {
            self.unauthenticated.refill(now);
            self.unauthenticated.take(uncounted.into());
            let own = if self.unauthenticated.left() == 0 { PAUSE } else { Duration::ZERO };
            let pause = permit.count_work(uncounted, now).max(own);
            if !pause.is_zero() {
                self.round = 0;
                return Turn::Delay(pause);
            }
        }
        if self.round < ROUND {
            return Turn::Continue;
        }
        self.round = 0;
        Turn::Yield
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::admission::{Admission, Limits};

    const BURST: i64 = UNAUTHENTICATED.burst;
    const PER_SECOND: i64 = UNAUTHENTICATED.per_second;

    fn permit() -> ConnectionPermit {
        let admitted = Admission::new(Limits::default(), Vec::new()).admit([198, 51, 100, 7].into());
        admitted.unwrap().permit
    }

    /// The work that is done in `seconds` for a client that always sends more.
    fn done(seconds: u64, is_authenticated: bool) -> i64 {
        let mut now = Instant::now();
        let (mut quota, mut done) = (WorkQuota::new(now), 0);
        let mut permit = permit();
        let end = now + Duration::from_secs(seconds);
        while now < end {
            while !quota.is_due() {
                quota.add(of_read(2000, false));
                done += i64::from(of_read(2000, false));
            }
            match quota.next((!is_authenticated).then_some(&mut permit), now) {
                Turn::Continue => {}
                Turn::Yield => now += Duration::from_micros(100),
                Turn::Delay(pause) => now += pause,
            }
        }
        done
    }

    #[test]
    fn work_for_an_unauthenticated_client_is_limited_at_once_and_per_second() {
        let (ten_seconds, round) = (BURST + 10 * PER_SECOND, i64::from(ROUND));
        let done = done(10, false);
        assert!((ten_seconds - PER_SECOND / 10 - round..=ten_seconds + round).contains(&done), "{done}");
    }

    #[test]
    fn an_authenticated_client_is_limited_by_its_rounds_only() {
        let done = done(1, true);
        assert!(done >= 10_000 * i64::from(ROUND), "{done}");
    }

    #[test]
    fn a_round_ends_with_a_request_unless_the_connection_waits_for_the_next() {
        let now = Instant::now();
        let mut quota = WorkQuota::new(now);
        assert_eq!(quota.next(None, now), Turn::Continue);
        quota.begin_request();
        assert!(!quota.is_due());
        quota.end_request();
        assert!(quota.is_due());
        assert_eq!(quota.next(None, now), Turn::Yield);
        assert!(!quota.is_due());
        quota.end_request();
        quota.waited();
        assert!(!quota.is_due());
    }

    #[test]
    fn waiting_between_requests_does_not_raise_the_limit_of_an_unauthenticated_client() {
        let now = Instant::now();
        let (mut quota, mut permit) = (WorkQuota::new(now), permit());
        let mut delayed = false;
        for _ in 0..BURST {
            quota.add(of_read(1, false));
            quota.waited();
            delayed |= quota.is_due() && matches!(quota.next(Some(&mut permit), now), Turn::Delay(_));
        }
        assert!(delayed);
    }

    #[test]
    fn the_burst_of_an_address_does_not_begin_anew_with_each_connection() {
        let begin = Instant::now();
        let admission = Admission::new(Limits::default(), Vec::new());
        let (mut now, mut connections) = (begin, 0);
        while now < begin + Duration::from_mins(1) && connections < 10_000 {
            let mut permit = admission.admit([198, 51, 100, 7].into()).unwrap().permit;
            let mut quota = WorkQuota::new(now);
            connections += 1;
            if let Turn::Delay(pause) = quota.next(Some(&mut permit), now) {
                now += pause;
            }
            // A request that ends before the connection has to ask for another turn.
            quota.begin_request();
            assert!(!quota.is_due());
        }
        // 0.2 ms of each second for each of 50 connections, beyond those at once.
        assert!((3000..=4000).contains(&connections), "{connections}");
    }

    #[test]
    fn an_ordinary_upload_is_read_in_one_round_and_one_in_tiny_records_is_not() {
        let upload = of_read(16 * 1024, false) + of_read(200 * 1024, false);
        assert!(REQUEST + upload < ROUND);
        assert!(25 * of_read(4096, true) < ROUND);
        assert!(25 * of_read(186, true) > 3 * ROUND);
    }

    #[test]
    fn work_for_a_stream_of_one_byte_chunks_is_counted_by_its_chunks() {
        // 16 KiB of "1\r\nx\r\n".
        let pieces = 16 * 1024 / 6;
        assert!(pieces * PIECE > 20 * of_read(16 * 1024, false));
    }
}
