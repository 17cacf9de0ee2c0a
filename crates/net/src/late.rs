//! How long the proxy waits for what no client waits for any more.

use std::time::Duration;

/// How much longer the response that opens a session is waited for than by a client, and how long the server has to end
/// a session that the proxy ended.
pub(crate) const LATE: Duration = Duration::from_mins(1);
