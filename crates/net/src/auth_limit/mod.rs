//! The back-off of client authentication, and the log of failed attempts.
//!
//! Counters limit guessing. They do not lock out a user who has the right password and does not share the
//! attacker's address:
//!
//! - *address and account*: after [`AuthLimits::failures`] failed attempts, no password for the account is checked
//!   from this address for a second, then two, four and so on up to [`AuthLimits::longest_wait`].
//! - *address*: after failed attempts for [`limits::ACCOUNTS_PER_SOURCE`] different accounts, the same for further
//!   accounts.
//! - *network*: an IPv4 /24 or IPv6 /56 after four times these limits, an IPv6 /48 after eight times: the same delays,
//!   up to [`limits::LONGEST_WAIT_FOR_OTHERS`].
//! - *account*: after [`limits::SOURCES_FACTOR`] times as many failed attempts from all addresses together, the same.
//!
//! The last two, which count failures of others, delay an address only after it has made [`limits::OWN_ATTEMPTS`]
//! attempts itself, and a /48 network delays only /56 networks with as many. An attempt that they delay waits for its
//! turn for up to [`limits::LONGEST_QUEUE_WAIT`] before it is refused.
//!
//! # Success
//!
//! The counters are for the [form of a name](identity::ClaimedName::counting_name) that all its spellings share. A
//! success resets none of them, since another account may have the same name in another domain. Instead, the name with
//! its domain is *proven* at the address: it has separate counters there from then on, and the shared ones do not limit
//! it. Each further success resets the first of them, of failures since the last success, as for a user who mistyped.
//! The second counts all failures, and forgives one in each [`limits::LONGEST_WAIT_FOR_OTHERS`]: successes, which may
//! be another client's, gain no further guesses ([`AuthLimits::beside_successes`]). A name that the authenticated
//! principal does not have, and one that a token only displays, prove nothing about an account.
//!
//! # Attempts in flight
//!
//! An attempt that a server verifies counts as failed while its outcome is unknown, so that guesses at the same time
//! are limited as those in sequence. Further attempts wait for an outcome, since all of them may have the right
//! password: at most [`limits::QUEUE_PER_SOURCE`] of an address, in turn by account. A proven name has as many
//! attempts in flight as the limit on all its failures permits, while none has failed since the last success. An
//! attempt whose client does not wait for the outcome counts as failed.
//!
//! # Unproven attempts
//!
//! An attempt that was sent to a server, which neither accepted nor rejected it, is unproven. It counts for the
//! address and the account with [`limits::UNPROVEN_FACTOR`] times the limit, and as failed for networks and the
//! account.
//!
//! # Trusted proxies without a client's address
//!
//! Many clients share the address of such a proxy: attempts are counted by account alone, and a warning is logged.
//!
//! All tables are bounded, and none of the counters of networks and accounts is evicted. Requests whose credentials
//! were verified before on the same connection are not counted.

mod attempt;
mod backoff;
mod bounded;
mod check;
mod counters;
mod counts;
mod limiter;
mod limits;
mod lines;
mod obstacle;
mod peer;
mod proven;
mod queue;
mod report;
mod source;
mod sources;
mod summary;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_log;
#[cfg(test)]
mod tests_networks;
#[cfg(test)]
mod tests_successes;
mod throttled;
mod unnamed;

pub(crate) use self::attempt::Attempt;
pub use self::limiter::AuthLimiter;
pub use self::limits::AuthLimits;
pub(crate) use self::throttled::Throttled;
