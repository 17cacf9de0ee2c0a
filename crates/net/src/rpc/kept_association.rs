//! An upstream association that carries no calls, kept open so that the upstream keeps its association group.

use std::future::poll_fn;

use tokio::sync::oneshot;

use crate::task::spawn_system;
use crate::tcp::read::poll_read;
use crate::upstream_permit::PermittedStream;

/// The connection of an upstream association, which is closed when this is dropped. What the upstream still sends is
/// discarded.
#[derive(Debug)]
pub(super) struct KeptAssociation {
    /// Dropping it ends the task that has the connection.
    _stop: oneshot::Sender<()>,
}

impl KeptAssociation {
    /// Keeps `stream` open. If the upstream closes it, `on_closed` is called.
    pub(super) fn new(
        (mut stream, permit): PermittedStream,
        on_closed: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        spawn_system(async move {
            let _permit = permit;
            let closed =
                async { while let Ok(1..) = poll_fn(|task| poll_read(&mut stream, task, |_| ())).await {} };
            tokio::select! {
                _ = stopped => {}
                () = closed => on_closed(),
            }
        });
        Self { _stop: stop }
    }
}
