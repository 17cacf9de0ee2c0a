//! The back-off of client authentication, and the log of failed attempts.
//!
//! Three counters limit guessing. They do not lock out a user who has the right password and does not share the
//! attacker's address:
//!
//! - *address and account*: after [`AuthLimits::failures`] failed attempts, no password for the account is checked
//!   from this address for a second, then two, four and so on up to [`AuthLimits::longest_wait`].
//! - *address*: after failed attempts for [`limits::ACCOUNTS_PER_SOURCE`] different accounts, the same for further
//!   accounts.
//! - *account*: after [`limits::SOURCES_FACTOR`] times as many failed attempts from all addresses together, the same
//!   for addresses that have failed for it before. The first attempt of an address is always checked.
//!
//! # Success
//!
//! The counters are for the name without its domain, so that all spellings of a name share them. A success resets
//! none of them, since another account may have the same name in another domain. Instead, the name with its domain is
//! *proven* at the address: it has a counter of its own there from then on, which each further success resets, and
//! the shared counters do not limit it. A name that the authenticated principal does not have, and one that a token
//! only displays, prove nothing about an account.
//!
//! # Attempts in flight
//!
//! An attempt that a server verifies counts as failed while its outcome is unknown, so that guesses at the same time
//! are limited as those in sequence. Further attempts wait for an outcome, since all of them may have the right
//! password: at most [`limits::QUEUE_PER_SOURCE`] of an address, and for [`limits::LONGEST_QUEUE_WAIT`]. A proven
//! name has [`limits::PROVEN_IN_FLIGHT`] attempts in flight while none has failed. An attempt whose client does not
//! wait for the outcome counts as failed.
//!
//! All tables are bounded. Requests on a connection whose credentials were verified before do not come here.

mod attempt;
mod backoff;
mod limiter;
mod limits;
mod report;
mod source;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::attempt::Attempt;
pub use self::limiter::AuthLimit;
pub use self::limits::AuthLimits;
