//! For how long a refused account is not used.

use std::time::Duration;

/// How long no sign-in is made after one that was refused; from then on twice as long each time.
pub(super) const FIRST_DELAY: Duration = Duration::from_secs(30);

/// How long at most.
pub(super) const LONGEST_DELAY: Duration = Duration::from_mins(15);
