//! Limits the bytes of requests and responses that are held in memory, for each user and in total.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{Identity, UserKey};

use crate::tcp::admission::Limits;

/// How many bytes of a connection are not counted; the limit on connections bounds them.
pub(crate) const UNCOUNTED_PER_CONNECTION: usize = 64 * 1024;

/// The unit in which further bytes are counted.
const STEP: usize = 64 * 1024;

/// Limits the bytes of request bodies and stubs that are held in memory until their response, and of buffered
/// responses until the client has read them.
#[derive(Debug)]
pub struct BodyBudget {
    per_user: usize,
    total: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_user: HashMap<UserKey, usize>,
}

/// The limit that a request or response exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryLimit {
    /// The limit for one user.
    #[error("clients.request_megabytes_per_user is reached")]
    User,
    /// The limit for all users together.
    #[error("clients.request_megabytes is reached")]
    Total,
}

impl MemoryLimit {
    /// The configuration key of the limit.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::User => "clients.request_megabytes_per_user",
            Self::Total => "clients.request_megabytes",
        }
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
        let mut counts = self.budget.lock();
        let own = counts.by_user.get(&self.user).copied().unwrap_or_default();
        let exchanged = |held: usize| held.saturating_sub(self.counted).saturating_add(counted);
        let (own, total) = (exchanged(own), exchanged(counts.total));
        if counted > self.counted {
            if own > self.budget.per_user {
                return Err(MemoryLimit::User);
            }
            if total > self.budget.total {
                return Err(MemoryLimit::Total);
            }
        }
        counts.total = total;
        if own == 0 {
            counts.by_user.remove(&self.user);
        } else if let Some(held) = counts.by_user.get_mut(&self.user) {
            *held = own;
        } else {
            counts.by_user.insert(self.user.clone(), own);
        }
        drop(counts);
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
        let budget = budget(10 * STEP, 15 * STEP);
        let mut shares = [&alice, &alice, &bob].map(|identity| budget.share(identity));
        shares[0].set(6 * STEP).unwrap();
        assert_eq!(shares[1].set(4 * STEP + 1), Err(MemoryLimit::User));
        shares[1].set(4 * STEP).unwrap();
        assert_eq!(shares[2].set(5 * STEP + 1), Err(MemoryLimit::Total));
        shares[2].set(5 * STEP).unwrap();
        // Shares that shrink or are dropped free their bytes.
        shares[0].set(2 * STEP).unwrap();
        shares[2].set(9 * STEP).unwrap();
        let [first, second, third] = shares;
        drop((first, second));
        assert_eq!(budget.lock().total, 9 * STEP);
        drop(third);
        assert!(budget.lock().total == 0 && budget.lock().by_user.is_empty());
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
        let budget = budget(2 * STEP, 2 * STEP);
        let mut full = budget.share(&alice);
        full.set(2 * STEP).unwrap();
        let mut small = budget.share(&alice);
        small.set(UNCOUNTED_PER_CONNECTION).unwrap();
        assert_eq!(small.set(UNCOUNTED_PER_CONNECTION + 1), Err(MemoryLimit::User));
        assert_eq!(budget.lock().total, 2 * STEP);
    }
}
