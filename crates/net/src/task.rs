use std::future::Future;

use tokio::task::JoinHandle;

/// Starts a task of the proxy's own: it listens, or it serves one connection, whose operations each carry the
/// security context of their caller. It never acts for anybody by itself.
#[allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub fn spawn_system<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}
