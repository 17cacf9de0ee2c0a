//! The work for unauthenticated clients, limited for each address, so that a client does not get a new burst with each
//! connection.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::token_bucket::{Rate, TokenBucket};

/// The limit on work for unauthenticated clients of an address, at once and per second, in units of about 0.1
/// microseconds: one percent of a processor.
const RATE: Rate = Rate { burst: 1_000_000, per_second: 100_000 };

/// The most addresses that are counted separately. Addresses whose keyed hashes are equal are counted together.
const ADDRESSES: u64 = 16 * 1024;

/// The work for unauthenticated clients, by address.
#[derive(Debug, Default)]
pub(super) struct WorkByAddress {
    key: RandomState,
    buckets: Mutex<HashMap<u64, TokenBucket>>,
}

impl WorkByAddress {
    /// Counts `work` for a client at `address`. Returns how long the client is delayed.
    pub(super) fn charge(&self, address: IpAddr, work: u32, now: Instant) -> Duration {
        self.with_bucket(address, now, |bucket| {
            bucket.take(work.into());
            bucket.delay()
        })
    }

    /// Subtracts `work` of a client that has authenticated.
    pub(super) fn refund(&self, address: IpAddr, work: u64, now: Instant) {
        self.with_bucket(address, now, |bucket| bucket.put(work));
    }

    fn with_bucket<R>(&self, address: IpAddr, now: Instant, then: impl FnOnce(&mut TokenBucket) -> R) -> R {
        let slot = self.key.hash_one(address) % ADDRESSES;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(slot).or_insert_with(|| TokenBucket::new(RATE, now));
        bucket.refill(now);
        then(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTIONS: u64 = 256;

    #[test]
    fn work_for_an_address_is_limited_however_many_connections_it_has() {
        let (work, begin) = (WorkByAddress::default(), Instant::now());
        let address = IpAddr::from([198, 51, 100, 7]);
        let mut next: Vec<Instant> = (0..CONNECTIONS).map(|_| begin).collect();
        let (mut done, mut now) = (0, begin);
        while now < begin + Duration::from_mins(1) {
            for next in next.iter_mut().filter(|next| **next <= now) {
                done += 2000;
                *next = now + work.charge(address, 2000, now).max(Duration::from_micros(200));
            }
            now += Duration::from_millis(10);
        }
        let permitted = RATE.burst + 60 * RATE.per_second;
        assert!(done <= permitted * 11 / 10, "{done} of {permitted}");
        assert!(done >= permitted * 8 / 10, "{done} of {permitted}");
        // Another address is not delayed.
        assert_eq!(work.charge(IpAddr::from([198, 51, 100, 8]), 2000, now), Duration::ZERO);
    }

    #[test]
    fn work_for_clients_that_authenticate_does_not_count() {
        let (work, now) = (WorkByAddress::default(), Instant::now());
        let address = IpAddr::from([198, 51, 100, 7]);
        for _ in 0..10_000 {
            assert_eq!(work.charge(address, 10_000, now), Duration::ZERO);
            work.refund(address, 10_000, now);
        }
    }

    #[test]
    fn a_bounded_number_of_addresses_is_counted() {
        let (work, now) = (WorkByAddress::default(), Instant::now());
        for number in 0..100_000_u32 {
            work.charge(IpAddr::from(number.to_be_bytes()), 1, now);
        }
        assert!(work.buckets.lock().unwrap().len() <= usize::try_from(ADDRESSES).unwrap());
    }
}
