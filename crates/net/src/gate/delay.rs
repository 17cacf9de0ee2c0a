//! The delays of authentications with an account that was refused.

use std::time::Duration;

/// The delay after a refusal, which doubles with each further one.
pub(super) const FIRST_DELAY: Duration = Duration::from_secs(30);

/// The longest delay.
pub(super) const LONGEST_DELAY: Duration = Duration::from_mins(15);
