//! The clocks of the machine.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use wire::{FileTime, Now};

/// When the monotonic clock was first read.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The current time. Only this function reads the system clock on the data path.
#[allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub fn now() -> Now {
    let begin = *BEGIN;
    Now { wall: FileTime::from_system(SystemTime::now()), monotonic: begin.elapsed() }
}
