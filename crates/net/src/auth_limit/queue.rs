//! The attempts of an address that wait for the outcomes of others. Accounts take turns.
//!
//! It is not the queue of deferred work (`identity::pool::fair_queue`), although both displace the newest item of the
//! one with the most: an attempt is woken for its account or for any account that may begin, may wait again without
//! losing its place, and leaves without notice when its client disconnects, while a job is taken by a thread, once,
//! and counts as running until it ends.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::limits::QUEUE_PER_SOURCE;

/// Resolves when the attempt may be examined again; with an error if it lost its place.
pub(super) type Place = oneshot::Receiver<()>;

#[derive(Debug)]
struct Waiting {
    since: Instant,
    sender: oneshot::Sender<()>,
}

/// Attempts that wait, by account.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: HashMap<Box<str>, VecDeque<Waiting>>,
    /// The keys of `waiting`, the next one first. An account whose attempts have all ended is removed at its turn.
    turns: VecDeque<Box<str>>,
    len: usize,
}

impl Queue {
    /// A place for an attempt for `account` that has waited `since` a time; `again` if it had a place before. If the
    /// queue is full, the newest attempt for the account with the most attempts is displaced, if that account has at
    /// least two more. `None` if there is no place.
    pub(super) fn join(&mut self, account: &str, since: Instant, again: bool) -> Option<Place> {
        if self.len >= QUEUE_PER_SOURCE {
            self.purge();
            if self.len >= QUEUE_PER_SOURCE && !self.displace(account) {
                return None;
            }
        }
        let (sender, place) = oneshot::channel();
        if let Some(own) = self.waiting.get_mut(account) {
            let at = own.partition_point(|waiting| waiting.since <= since);
            own.insert(at, Waiting { since, sender });
        } else {
            if self.turns.len() >= QUEUE_PER_SOURCE {
                self.purge();
            }
            self.waiting.insert(account.into(), VecDeque::from([Waiting { since, sender }]));
            if again { self.turns.push_front(account.into()) } else { self.turns.push_back(account.into()) }
        }
        self.len += 1;
        Some(place)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Wakes up to `most` attempts for `account`.
    pub(super) fn wake(&mut self, account: &str, most: usize) {
        let mut woken = 0;
        while woken < most
            && let Some(sender) = self.pop(account)
        {
            woken += usize::from(sender.send(()).is_ok());
        }
    }

    /// Wakes one attempt each for up to `most` accounts that `may_begin`, in turn.
    pub(super) fn wake_next(&mut self, most: usize, may_begin: impl Fn(&str) -> bool) {
        let mut woken = 0;
        for _ in 0..self.turns.len() {
            if woken == most {
                return;
            }
            let Some(account) = self.turns.pop_front() else { return };
            if may_begin(&account) {
                while let Some(sender) = self.pop(&account) {
                    if sender.send(()).is_ok() {
                        woken += 1;
                        break;
                    }
                }
            }
            if self.waiting.get(&account).is_some_and(|own| !own.is_empty()) {
                self.turns.push_back(account);
            } else {
                self.waiting.remove(&account);
            }
        }
    }

    /// Wakes all attempts.
    pub(super) fn wake_all(&mut self) {
        for waiting in self.waiting.drain().flat_map(|(_, own)| own) {
            // Its client may have disconnected meanwhile.
            let _ = waiting.sender.send(());
        }
        self.turns.clear();
        self.len = 0;
    }

    fn pop(&mut self, account: &str) -> Option<oneshot::Sender<()>> {
        let waiting = self.waiting.get_mut(account)?.pop_front()?;
        self.len -= 1;
        Some(waiting.sender)
    }

    /// Removes the attempts whose clients have disconnected.
    fn purge(&mut self) {
        self.waiting.retain(|_, own| {
            own.retain(|waiting| !waiting.sender.is_closed());
            !own.is_empty()
        });
        self.turns.retain(|account| self.waiting.contains_key(account));
        self.len = self.waiting.values().map(VecDeque::len).sum();
    }

    fn displace(&mut self, account: &str) -> bool {
        let own = self.waiting.get(account).map_or(0, VecDeque::len);
        let most = self.waiting.values_mut().max_by_key(|waiting| waiting.len());
        let Some(most) = most.filter(|most| most.len() >= own + 2) else { return false };
        most.pop_back();
        self.len -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn accounts_take_turns_however_many_attempts_wait_for_each() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let mut busy: Vec<Place> = (0..100).map(|_| queue.join("a", now, false).unwrap()).collect();
        let mut other = queue.join("b", now, false).unwrap();
        queue.wake_next(1, |_| true);
        assert!(busy[0].try_recv().is_ok() && other.try_recv().is_err());
        queue.wake_next(1, |_| true);
        assert!(busy[1].try_recv().is_err() && other.try_recv().is_ok());
        // Only accounts that may begin have a turn.
        queue.wake_next(1, |account| account != "a");
        assert!(busy[1].try_recv().is_err());
        queue.wake("a", 2);
        assert!(busy[1].try_recv().is_ok() && busy[2].try_recv().is_ok() && busy[3].try_recv().is_err());
        // A client that has disconnected does not use up a turn.
        drop(busy.remove(3));
        queue.wake_next(1, |_| true);
        assert!(busy[3].try_recv().is_ok());
    }

    #[test]
    fn an_attempt_that_waits_again_keeps_its_order_by_the_time_of_its_first_wait() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let since = |number| now + Duration::from_secs(number);
        let mut places: Vec<Place> =
            (0..4).map(|number| queue.join("a", since(number), false).unwrap()).collect();
        queue.wake("a", 3);
        for (place, number) in places.iter_mut().zip(0..3) {
            assert!(place.try_recv().is_ok());
            *place = queue.join("a", since(number), true).unwrap();
        }
        for place in &mut places {
            queue.wake("a", 1);
            assert!(place.try_recv().is_ok());
        }
    }

    #[test]
    fn an_account_with_few_attempts_takes_a_place_of_the_one_with_most() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let mut busy: Vec<Place> =
            (0..QUEUE_PER_SOURCE).map(|_| queue.join("a", now, false).unwrap()).collect();
        assert!(queue.join("a", now, false).is_none());
        let mut other = queue.join("b", now, false).unwrap();
        assert_eq!(busy.last_mut().unwrap().try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(other.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        // The places of clients that have disconnected are free.
        busy.truncate(10);
        assert!(queue.join("a", now, false).is_some());
        assert_eq!(queue.len, 12);
    }

    #[test]
    fn an_account_whose_attempts_ended_may_queue_further_ones() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for _ in 0..3 {
            let mut place = queue.join("a", now, false).unwrap();
            queue.wake("a", 10);
            assert!(place.try_recv().is_ok() && queue.is_empty());
        }
        assert_eq!(queue.turns.len(), 1);
        queue.wake_next(1, |_| true);
        assert!(queue.turns.is_empty() && queue.waiting.is_empty());
    }
}
