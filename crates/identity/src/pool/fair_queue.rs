//! The queue of the pool: users take turns, and the jobs of one user keep their order.
//!
//! Turns are given by the number of running jobs of each user. The queue of sign-ins (`net::auth_limit`) is another
//! one, since it does not execute the attempts that wait in it.

use std::collections::{BTreeMap, HashMap};

use crate::context::UserKey;

/// A queue that is fair to users. The next job belongs to the user with the fewest running jobs; among users with
/// equally many, to the one that has waited longest since its last job ended. The jobs of one user are first in,
/// first out. If there is no room, a user with few queued jobs displaces the newest job of the user with the most.
///
/// The queue holds state only for users with queued or running jobs. Each method takes time logarithmic in the number
/// of jobs.
pub(super) struct FairQueue<T> {
    users: HashMap<UserKey, UserJobs<T>>,
    /// The users with queued jobs, in the order in which their next jobs begin.
    turns: BTreeMap<Turn, UserKey>,
    /// The users with queued jobs, by how many they have.
    shares: BTreeMap<Share, UserKey>,
    queued: usize,
    last: u64,
}

/// The jobs of one user.
struct UserJobs<T> {
    /// The queued jobs by their numbers, which ascend.
    queued: BTreeMap<u64, T>,
    /// Its place in the order of users.
    turn: Turn,
}

impl<T> UserJobs<T> {
    /// `None` if the user has no queued job.
    fn share(&self) -> Option<Share> {
        let (&newest, _) = self.queued.last_key_value()?;
        Some(Share { jobs: self.queued.len(), newest })
    }
}

/// The share of the queue that the jobs of a user fill. The fields are compared in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Share {
    /// The number of queued jobs of the user.
    jobs: usize,
    /// The number of the newest of these jobs; distinct for each user.
    newest: u64,
}

/// The place of a user in the order. The fields are compared in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// The number of running jobs of the user.
    running: usize,
    /// Distinct for each user; renewed when a job of the user ends.
    since: u64,
}

/// A job that was taken from the queue, and its user.
pub(super) struct Taken<T> {
    pub(super) user: UserKey,
    pub(super) job: T,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { users: HashMap::new(), turns: BTreeMap::new(), shares: BTreeMap::new(), queued: 0, last: 0 }
    }
}

impl<T> FairQueue<T> {
    /// The number of queued jobs.
    pub(super) const fn len(&self) -> usize {
        self.queued
    }

    /// The number of queued jobs of `user`.
    pub(super) fn len_of(&self, user: &UserKey) -> usize {
        self.users.get(user).map_or(0, |jobs| jobs.queued.len())
    }

    /// The number of users with queued or running jobs.
    #[cfg(test)]
    pub(super) fn users(&self) -> usize {
        self.users.len()
    }

    /// Adds a job. Returns its number, for [`FairQueue::cancel`].
    pub(super) fn push(&mut self, user: &UserKey, job: T) -> u64 {
        let number = self.next_number();
        let jobs = self.users.entry(user.clone()).or_insert_with(|| UserJobs {
            queued: BTreeMap::new(),
            turn: Turn { running: 0, since: number },
        });
        let before = jobs.share();
        jobs.queued.insert(number, job);
        change_share(&mut self.shares, user, before, jobs.share());
        self.turns.insert(jobs.turn, user.clone());
        self.queued = self.queued.saturating_add(1);
        number
    }

    /// Takes the next job. `None` if the queue is empty, if each user with queued jobs has `most` running ones, or if
    /// `fits` is false for the next job.
    ///
    /// The job is running until the caller calls [`FairQueue::end`].
    pub(super) fn take(&mut self, most: usize, fits: impl FnOnce(&T) -> bool) -> Option<Taken<T>> {
        let next = self.turns.first_entry()?;
        let turn = *next.key();
        let jobs = self.users.get_mut(next.get())?;
        if turn.running >= most || !jobs.queued.first_key_value().is_some_and(|(_, job)| fits(job)) {
            return None;
        }
        let user = next.remove();
        let before = jobs.share();
        let (_, job) = jobs.queued.pop_first()?;
        change_share(&mut self.shares, &user, before, jobs.share());
        jobs.turn.running = turn.running.saturating_add(1);
        if !jobs.queued.is_empty() {
            self.turns.insert(jobs.turn, user.clone());
        }
        self.queued = self.queued.saturating_sub(1);
        Some(Taken { user, job })
    }

    /// A running job of `user` has ended.
    pub(super) fn end(&mut self, user: &UserKey) {
        let since = self.next_number();
        let Some(jobs) = self.users.get_mut(user) else { return };
        self.turns.remove(&jobs.turn);
        jobs.turn = Turn { running: jobs.turn.running.saturating_sub(1), since };
        if !jobs.queued.is_empty() {
            self.turns.insert(jobs.turn, user.clone());
        } else if jobs.turn.running == 0 {
            self.users.remove(user);
        }
    }

    /// Removes a job from the queue, if it is still queued.
    pub(super) fn cancel(&mut self, user: &UserKey, number: u64) -> Option<T> {
        let jobs = self.users.get_mut(user)?;
        let before = jobs.share();
        let job = jobs.queued.remove(&number)?;
        change_share(&mut self.shares, user, before, jobs.share());
        self.queued = self.queued.saturating_sub(1);
        if jobs.queued.is_empty() {
            self.turns.remove(&jobs.turn);
            if jobs.turn.running == 0 {
                self.users.remove(user);
            }
        }
        Some(job)
    }

    /// Removes a job to make room for one of `user`: the newest job of the user with the most queued jobs; among users
    /// with equally many, the newest job of all. `None` if `user` would then have more queued jobs than the other
    /// user: two users must not displace each other's jobs in turn.
    pub(super) fn displace_for(&mut self, user: &UserKey) -> Option<T> {
        let (&Share { jobs, newest }, other) = self.shares.last_key_value()?;
        if self.len_of(user).saturating_add(1) >= jobs {
            return None;
        }
        let other = other.clone();
        self.cancel(&other, newest)
    }

    /// Removes all queued jobs. Running jobs stay counted.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.turns.clear();
        self.shares.clear();
        self.queued = 0;
        let jobs = self.users.values_mut().flat_map(|jobs| std::mem::take(&mut jobs.queued).into_values());
        let jobs = jobs.collect();
        self.users.retain(|_, jobs| jobs.turn.running > 0);
        jobs
    }

    const fn next_number(&mut self) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}

/// The share of `user` is no longer `before`, but `after`.
fn change_share(
    shares: &mut BTreeMap<Share, UserKey>,
    user: &UserKey,
    before: Option<Share>,
    after: Option<Share>,
) {
    if let Some(before) = before {
        shares.remove(&before);
    }
    if let Some(after) = after {
        shares.insert(after, user.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::person;
    use crate::context_counters::ContextCounters;

    fn user(name: &str) -> UserKey {
        person(name, &ContextCounters::new(), None).identity().user().clone()
    }

    /// The jobs in the order in which one thread executes them.
    fn drain(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| {
            let taken = queue.take(1, |_| true)?;
            queue.end(&taken.user);
            Some(taken.job)
        })
        .collect()
    }

    #[test]
    fn users_take_turns_and_the_jobs_of_a_user_keep_their_order() {
        let (alice, bob, carol) = (user("alice"), user("bob"), user("carol"));
        let mut queue = FairQueue::default();
        for job in ["a1", "a2", "a3", "a4"] {
            queue.push(&alice, job);
        }
        queue.push(&bob, "b1");
        queue.push(&bob, "b2");
        queue.push(&carol, "c1");
        assert_eq!((queue.len(), queue.len_of(&alice), queue.len_of(&carol)), (7, 4, 1));
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
        assert_eq!((queue.len(), queue.users(), queue.turns.len(), queue.shares.len()), (0, 0, 0, 0));
    }

    #[test]
    fn a_user_who_comes_while_a_job_runs_is_next() {
        let (alice, bob) = (user("alice"), user("bob"));
        let mut queue = FairQueue::default();
        queue.push(&alice, "a1");
        queue.push(&alice, "a2");
        let running = queue.take(1, |_| true).unwrap();
        queue.push(&bob, "b1");
        queue.end(&running.user);
        assert_eq!(drain(&mut queue), ["b1", "a2"]);
    }

    #[test]
    fn the_user_with_the_fewest_running_jobs_is_next() {
        let (alice, bob) = (user("alice"), user("bob"));
        let mut queue = FairQueue::default();
        for job in ["a1", "a2", "a3"] {
            queue.push(&alice, job);
        }
        let running = [queue.take(2, |_| true).unwrap(), queue.take(2, |_| true).unwrap()];
        assert!(queue.take(2, |_| true).is_none());
        queue.push(&bob, "b1");
        queue.push(&bob, "b2");
        // Alice has one running job, as Bob has after his first, but it is not as long ago that one of hers ended.
        queue.end(&running[0].user);
        let next = std::iter::from_fn(|| Some(queue.take(2, |_| true)?.job)).collect::<Vec<_>>();
        assert_eq!(next, ["b1", "b2", "a3"]);
    }

    #[test]
    fn a_cancelled_job_leaves_the_queue_and_users_without_jobs_are_forgotten() {
        let (alice, bob) = (user("alice"), user("bob"));
        let mut queue = FairQueue::default();
        let [first, second] = [queue.push(&alice, "a1"), queue.push(&alice, "a2")];
        assert_eq!(queue.cancel(&bob, first), None);
        assert_eq!(queue.cancel(&alice, first), Some("a1"));
        assert_eq!(queue.cancel(&alice, first), None);
        let running = queue.take(1, |_| true).unwrap();
        assert_eq!((running.job, queue.cancel(&alice, second)), ("a2", None));
        let third = queue.push(&alice, "a3");
        assert_eq!(queue.cancel(&alice, third), Some("a3"));
        assert_eq!((queue.len(), queue.users(), queue.turns.len(), queue.shares.len()), (0, 1, 0, 0));
        queue.push(&bob, "b1");
        assert_eq!(queue.take_all(), ["b1"]);
        assert_eq!((queue.len(), queue.users(), queue.turns.len(), queue.shares.len()), (0, 1, 0, 0));
        queue.end(&running.user);
        assert_eq!(queue.users(), 0);
    }

    #[test]
    fn the_newest_job_of_the_user_with_the_most_is_displaced() {
        let (alice, bob, carol) = (user("alice"), user("bob"), user("carol"));
        let mut queue = FairQueue::default();
        for (name, job) in
            [(&bob, "b1"), (&alice, "a1"), (&bob, "b2"), (&alice, "a2"), (&bob, "b3"), (&alice, "a3")]
        {
            queue.push(name, job);
        }
        assert_eq!((queue.displace_for(&alice), queue.displace_for(&bob)), (None, None));
        // Of two users with equally many jobs, the one with the newest job is affected.
        assert_eq!(queue.displace_for(&carol), Some("a3"));
        // Alice would have as many jobs as Bob has now.
        assert_eq!(queue.displace_for(&alice), None);
        queue.push(&carol, "c1");
        assert_eq!(queue.displace_for(&carol), Some("b3"));
        queue.push(&carol, "c2");
        // Each user has two jobs. A further one would have more than another user.
        assert_eq!([&alice, &bob, &carol].map(|user| queue.displace_for(user)), [None; 3]);
        assert_eq!((queue.len(), queue.shares.len()), (6, 3));
        assert_eq!(drain(&mut queue), ["b1", "a1", "c1", "b2", "a2", "c2"]);
        assert_eq!((queue.displace_for(&carol), queue.users(), queue.shares.len()), (None, 0, 0));
    }

    /// The shares that are kept equal those that are counted, after any sequence of calls.
    #[test]
    fn shares_follow_the_queued_jobs() {
        let users = ["alice", "bob", "carol"].map(user);
        let (mut queue, mut numbers, mut running) = (FairQueue::default(), Vec::new(), Vec::new());
        let mut seed = 1_u32;
        for step in 0..2000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let user = &users[usize::try_from(seed >> 16).unwrap() % users.len()];
            match (seed >> 24) % 6 {
                0..=2 => numbers.push((user.clone(), queue.push(user, step))),
                3 => drop(queue.displace_for(user)),
                4 if !numbers.is_empty() => {
                    let (user, number) =
                        numbers.swap_remove(usize::try_from(seed >> 8).unwrap() % numbers.len());
                    queue.cancel(&user, number);
                }
                _ => {
                    running.extend(queue.take(2, |_| true).map(|taken| taken.user));
                    if running.len() > 3 {
                        queue.end(&running.swap_remove(0));
                    }
                }
            }
            let counted =
                users.iter().filter_map(|user| Some((queue.users.get(user)?.share()?, user.clone())));
            assert!(queue.shares == counted.collect(), "step {step}");
            assert_eq!(queue.shares.keys().map(|share| share.jobs).sum::<usize>(), queue.len());
        }
        assert!(queue.len() > 0);
    }
}
