//! The time.

use std::time::SystemTime;

use wire::FileTime;

/// The time now: the one place where the data path reads the clock.
#[allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub fn now() -> FileTime {
    FileTime::from_system(SystemTime::now())
}
