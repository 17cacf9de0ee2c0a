//! Limits the bytes of requests, responses and the state of sessions in memory, for each user and in total.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A limit on memory that is reached.
pub use engine::MemoryLimit;
use engine::{MemoryUse, UserMemory};
use identity::{Identity, UserKey, is_fair_share};

use crate::tcp::admission::Limits;

/// How many bytes of a connection are not counted; the limit on connections bounds them.
pub(crate) const UNCOUNTED_PER_CONNECTION: usize = 64 * 1024;

/// The unit in which further bytes are counted.
const STEP: usize = 64 * 1024;

/// Limits the bytes of request bodies and stubs that are held in memory until their response, of what was decoded of
/// them, of buffered responses until the client has read them, and of the state of sessions. The last may take half of
/// each limit, so that there is memory for requests whatever sessions hold. Of the total a user may hold at most as
/// much as is free, so that users with several names leave some for others.
#[derive(Debug)]
pub struct BodyBudget {
    per_user: usize,
    total: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: Held,
    by_user: HashMap<UserKey, Held>,
}

/// Bytes that are held in memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Held {
    /// Of requests and responses.
    messages: usize,
    /// Of the state of sessions.
    sessions: usize,
}

impl Held {
    /// The bytes after `from` of them, which are held for `purpose`, are replaced by `to`.
    fn exchanged(mut self, purpose: MemoryUse, from: usize, to: usize) -> Self {
        let place = match purpose {
            MemoryUse::Operations => &mut self.messages,
            MemoryUse::Sessions => &mut self.sessions,
        };
        *place = place.saturating_sub(from).saturating_add(to);
        self
    }

    /// Whether more may not be held for `purpose`.
    const fn exceeds(self, purpose: MemoryUse, limit: usize) -> bool {
        Self { messages: 0, sessions: 0 }.has_unfair(self, purpose, limit)
    }

    /// Whether more may not be held for `purpose` by a user, who holds `own` of these bytes of all users.
    const fn has_unfair(self, own: Self, purpose: MemoryUse, limit: usize) -> bool {
        let all = self.messages.saturating_add(self.sessions);
        let is_fair = is_fair_share(own.messages.saturating_add(own.sessions), all, limit);
        let is_session = matches!(purpose, MemoryUse::Sessions);
        !is_fair || (is_session && !is_fair_share(own.sessions, self.sessions, limit / 2))
    }
}

impl BodyBudget {
    /// A budget with `limits`.
    pub fn new(limits: &Limits) -> Arc<Self> {
        let Limits { request_bytes_per_user: per_user, request_bytes: total, .. } = *limits;
        Arc::new(Self { per_user, total, counts: Mutex::default() })
    }

    /// An empty share for the bytes that a connection holds for the user of `identity`.
    pub(crate) fn share(self: &Arc<Self>, identity: &Identity) -> Share {
        Share { budget: Arc::clone(self), user: identity.user().clone(), counted: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserMemory for BodyBudget {
    fn replace(
        &self,
        user: &UserKey,
        purpose: MemoryUse,
        counted: usize,
        bytes: usize,
    ) -> Result<(), MemoryLimit> {
        let mut counts = self.lock();
        let Counts { total: all, by_user } = &mut *counts;
        let place = by_user.get_mut(user);
        let own = place.as_deref().copied().unwrap_or_default().exchanged(purpose, counted, bytes);
        let total = all.exchanged(purpose, counted, bytes);
        if bytes > counted {
            if own.exceeds(purpose, self.per_user) {
                return Err(MemoryLimit::User);
            }
            if total.has_unfair(own, purpose, self.total) {
                return Err(MemoryLimit::Total);
            }
        }
        *all = total;
        match place {
            _ if own == Held::default() => drop(by_user.remove(user)),
            Some(place) => *place = own,
            None => drop(by_user.insert(user.clone(), own)),
        }
        Ok(())
    }
}

/// The bytes that one connection holds for a user. They are returned to the budget when the share is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<BodyBudget>,
    user: UserKey,
    /// How many bytes are counted.
    counted: usize,
}

impl Share {
    /// How many bytes are counted.
    pub(crate) const fn counted(&self) -> usize {
        self.counted
    }

    /// Replaces the count by `bytes`. If that exceeds a limit, the count is unchanged.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), MemoryLimit> {
        let counted =
            if bytes <= UNCOUNTED_PER_CONNECTION { 0 } else { bytes.div_ceil(STEP).saturating_mul(STEP) };
        if counted == self.counted {
            return Ok(());
        }
        self.budget.replace(&self.user, MemoryUse::Operations, self.counted, counted)?;
        self.counted = counted;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A smaller count never exceeds a limit.
        let _ = self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use identity::{Authority, ContextCounters, SecurityContext};

    use super::*;

    fn identities() -> [Identity; 2] {
        let contexts = ContextCounters::new();
        let anonymous = || SecurityContext::anonymous(&contexts, &Authority::new("test")).identity().clone();
        [anonymous(), anonymous()]
    }

    fn budget(per_user: usize, total: usize) -> Arc<BodyBudget> {
        BodyBudget::new(&Limits {
            request_bytes_per_user: per_user,
            request_bytes: total,
            ..Limits::default()
        })
    }

    #[test]
    fn held_bytes_are_limited_for_each_identity_and_in_total() {
        let [alice, bob] = identities();
        let budget = budget(10 * STEP, 25 * STEP);
        let mut shares = [&alice, &alice, &bob].map(|identity| budget.share(identity));
        shares[0].set(6 * STEP).unwrap();
        assert_eq!(shares[1].set(4 * STEP + 1), Err(MemoryLimit::User));
        shares[1].set(4 * STEP).unwrap();
        assert_eq!(shares[2].set(7 * STEP + 1), Err(MemoryLimit::Total));
        shares[2].set(7 * STEP).unwrap();
        // Shares that shrink or are dropped free their bytes.
        shares[0].set(2 * STEP).unwrap();
        shares[2].set(9 * STEP).unwrap();
        let [first, second, third] = shares;
        drop((first, second));
        assert_eq!(budget.lock().total.messages, 9 * STEP);
        drop(third);
        assert!(budget.lock().total == Held::default() && budget.lock().by_user.is_empty());
    }

    #[test]
    fn a_user_with_several_names_leaves_memory_for_others() {
        let Limits { request_bytes_per_user: per_user, request_bytes: total, .. } = Limits::default();
        for purpose in [MemoryUse::Operations, MemoryUse::Sessions] {
            let budget = budget(per_user, total);
            let names: Vec<UserKey> = ["a", "b", "c", "d", "e", "bob"]
                .map(|name| testkit::http_auth::contexts_at_both_levels(name)[0].identity().user().clone())
                .into();
            let (bob, greedy) = names.split_last().unwrap();
            for user in greedy {
                let mut held = 0;
                while budget.replace(user, purpose, held, held + STEP).is_ok() {
                    held += STEP;
                }
                assert!(held <= per_user);
            }
            budget.replace(bob, purpose, 0, 10_000_000).unwrap();
            // A user who has more than is free may hold less, and no more.
            let held = budget.lock().by_user[&greedy[0]].exchanged(purpose, 0, 0);
            let held = held.messages + held.sessions;
            budget.replace(&greedy[0], purpose, held, held - STEP).unwrap();
            assert_eq!(
                budget.replace(&greedy[0], purpose, held - STEP, held - STEP + 1),
                Err(MemoryLimit::Total)
            );
        }
    }

    #[test]
    fn one_user_at_two_levels_has_one_limit() {
        let budget = budget(2 * STEP, 9 * STEP);
        let mut shares = testkit::http_auth::contexts_at_both_levels("alice")
            .map(|context| budget.share(context.identity()));
        shares[0].set(2 * STEP).unwrap();
        assert_eq!(shares[1].set(2 * STEP), Err(MemoryLimit::User));
    }

    #[test]
    fn a_small_request_is_never_refused() {
        let [alice, _] = identities();
        let budget = budget(2 * STEP, 4 * STEP);
        let mut full = budget.share(&alice);
        full.set(2 * STEP).unwrap();
        let mut small = budget.share(&alice);
        small.set(UNCOUNTED_PER_CONNECTION).unwrap();
        assert_eq!(small.set(UNCOUNTED_PER_CONNECTION + 1), Err(MemoryLimit::User));
        assert_eq!(budget.lock().total.messages, 2 * STEP);
    }

    #[test]
    fn sessions_may_hold_half_of_each_limit_beside_requests() {
        let [alice, bob] = identities();
        let budget = budget(10 * STEP, 24 * STEP);
        assert_eq!(
            budget.replace(alice.user(), MemoryUse::Sessions, 0, 5 * STEP + 1),
            Err(MemoryLimit::User)
        );
        budget.replace(alice.user(), MemoryUse::Sessions, 0, 5 * STEP).unwrap();
        // In total as well.
        assert_eq!(budget.replace(bob.user(), MemoryUse::Sessions, 0, 4 * STEP), Err(MemoryLimit::Total));
        budget.replace(bob.user(), MemoryUse::Sessions, 0, 3 * STEP).unwrap();
        // Requests may have the rest.
        let mut share = budget.share(&alice);
        assert_eq!(share.set(5 * STEP + 1), Err(MemoryLimit::User));
        share.set(5 * STEP).unwrap();
        // And more of it than sessions.
        budget.replace(alice.user(), MemoryUse::Sessions, 5 * STEP, 0).unwrap();
        share.set(10 * STEP).unwrap();
        assert_eq!(budget.replace(alice.user(), MemoryUse::Sessions, 0, 1), Err(MemoryLimit::User));
        drop(share);
        budget.replace(bob.user(), MemoryUse::Sessions, 3 * STEP, 0).unwrap();
        assert!(budget.lock().total == Held::default() && budget.lock().by_user.is_empty());
    }
}
