//! The delays of authentications with an account that fails.

use std::time::Duration;

/// The delay after a failure, which doubles with each further failure.
pub(super) const FIRST_DELAY: Duration = Duration::from_secs(30);

/// The longest delay.
pub(super) const LONGEST_DELAY: Duration = Duration::from_mins(15);
