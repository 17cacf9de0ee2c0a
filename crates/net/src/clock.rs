//! The system clock.

use std::time::SystemTime;

use wire::FileTime;

/// The current time. Only this function reads the system clock on the data path.
#[allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub fn now() -> FileTime {
    FileTime::from_system(SystemTime::now())
}
