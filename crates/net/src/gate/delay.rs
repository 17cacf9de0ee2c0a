//! The delays between authentications with an account that fails.

use std::time::Duration;

/// The delay after a failure, which doubles with each further failure.
pub(super) const MIN_AUTH_BACKOFF: Duration = Duration::from_secs(30);

/// The longest delay.
pub(super) const MAX_AUTH_BACKOFF: Duration = Duration::from_mins(15);
