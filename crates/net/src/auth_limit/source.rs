//! The attempts of one source: an IPv4 address, or the IPv6 /64 network that counts as one address.

use identity::ClaimedName;
use tokio::time::Instant;

use super::backoff::{Attempts, Backoff, Blocked};
use super::limits::{ACCOUNTS_PER_SOURCE, AuthLimits};
use super::queue::{Place, Queue};
use super::report::SourceReport;

/// The most accounts that are remembered for each address.
const ACCOUNTS_KEPT: usize = 24;

/// An address from which clients authenticate.
#[derive(Debug)]
pub(super) struct Source {
    accounts: Vec<Tried>,
    /// Counts accounts that failed, not attempts.
    spread: Backoff,
    pub(super) last: Instant,
    pub(super) report: SourceReport,
    /// Attempts that wait for an outcome.
    queue: Queue,
}

/// An account that was tried from an address.
#[derive(Debug)]
struct Tried {
    account: Box<str>,
    backoff: Backoff,
}

impl Source {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            accounts: Vec::new(),
            spread: Backoff::new(now),
            last: now,
            report: SourceReport::default(),
            queue: Queue::default(),
        }
    }

    /// The attempts for an account, unless they have expired.
    pub(super) fn tried(&self, name: &ClaimedName, now: Instant) -> Option<&Backoff> {
        let tried = self.accounts.iter().find(|tried| *tried.account == *name.counting_name())?;
        Some(&tried.backoff).filter(|backoff| !backoff.is_over(now))
    }

    /// Why a password for an account that was not tried yet is not checked now.
    pub(super) fn spread_blocked(&self, now: Instant) -> Option<Blocked> {
        let is_open = |tried: &&Tried| tried.backoff.is_in_flight() && !tried.backoff.has_failed();
        let in_flight = u32::try_from(self.accounts.iter().filter(is_open).count()).unwrap_or(u32::MAX);
        self.spread.blocked_with(ACCOUNTS_PER_SOURCE, in_flight, now)
    }

    /// The accounts with attempts that failed, and the others with attempts in flight.
    pub(super) fn accounts_tried(&self, now: Instant) -> Attempts {
        let mut accounts = Attempts::default();
        for tried in self.accounts.iter().filter(|tried| !tried.backoff.is_over(now)) {
            let count =
                if tried.backoff.has_failed() { &mut accounts.failed } else { &mut accounts.in_flight };
            *count = count.saturating_add(1);
        }
        accounts
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, name: &ClaimedName, now: Instant) {
        self.account(name, now).begin(now);
    }

    /// The outcome of an attempt that `begin` counted is known.
    pub(super) fn end(&mut self, name: &ClaimedName) {
        if let Some(tried) = self.accounts.iter_mut().find(|tried| *tried.account == *name.counting_name()) {
            tried.backoff.end();
        }
        self.accounts.retain(|tried| !tried.backoff.is_unused());
    }

    /// Counts a failed attempt. Returns whether it is the first one for the account.
    pub(super) fn failed(&mut self, name: &ClaimedName, limits: AuthLimits, now: Instant) -> bool {
        let backoff = self.account(name, now);
        backoff.forget(now);
        let is_first = !backoff.has_failed();
        backoff.failed(limits.failures, limits.longest_wait, now);
        if is_first {
            self.spread.failed(ACCOUNTS_PER_SOURCE, limits.longest_wait, now);
        }
        is_first
    }

    /// The attempts for an account. In a full table it replaces the least recently used one.
    fn account(&mut self, name: &ClaimedName, now: Instant) -> &mut Backoff {
        let at = self.accounts.iter().position(|tried| *tried.account == *name.counting_name());
        let at = at.unwrap_or_else(|| {
            self.accounts.retain(|tried| !tried.backoff.is_over(now));
            if !self.accounts.iter().any(|tried| tried.backoff.has_failed()) {
                self.spread = Backoff::new(now);
            }
            if self.accounts.len() >= ACCOUNTS_KEPT {
                let age = |tried: &Tried| (tried.backoff.is_in_flight(), tried.backoff.last);
                let oldest = (0..self.accounts.len()).min_by_key(|at| self.accounts.get(*at).map(age));
                self.accounts.swap_remove(oldest.unwrap_or_default());
            }
            self.accounts.push(Tried { account: name.counting_name().into(), backoff: Backoff::new(now) });
            self.accounts.len() - 1
        });
        &mut self.accounts[at].backoff
    }

    /// A place in the queue of attempts that wait for an outcome, unless it is full.
    pub(super) fn join_queue(&mut self, name: &ClaimedName, since: Instant, again: bool) -> Option<Place> {
        self.queue.join(name.counting_name(), since, again)
    }

    /// An attempt for the account ended, so that up to `most` others for it may be made or are to be refused. They are
    /// woken, and so are attempts for accounts that were not tried.
    pub(super) fn wake(&mut self, name: &ClaimedName, most: usize) {
        if self.queue.is_empty() {
            return;
        }
        self.queue.wake(name.counting_name(), most);
        let Self { queue, accounts, .. } = self;
        // An ended attempt makes room for one. A second one is woken in case the client of the first one has
        // disconnected.
        queue.wake_next(2, |account| !accounts.iter().any(|tried| *tried.account == *account));
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        self.accounts.is_empty() && self.queue.is_empty() && self.report.is_unused(now)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.queue.wake_all();
    }
}
