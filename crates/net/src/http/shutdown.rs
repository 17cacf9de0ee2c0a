//! The proxy's shutdown, as one HTTP connection waits for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;
use tokio::time::Instant;

type Changed = (watch::Receiver<bool>, bool);

/// The proxy's shutdown, as one connection sees it. It is polled with each request, and set up once.
pub(crate) struct ShutdownSignal {
    requested: watch::Receiver<bool>,
    change: Pin<Box<dyn Future<Output = Changed> + Send>>,
    /// When this connection first saw the request.
    requested_at: Option<Instant>,
}

impl ShutdownSignal {
    pub(crate) fn new(requested: watch::Receiver<bool>) -> Self {
        Self { change: change(requested.clone()), requested, requested_at: None }
    }

    /// When this connection first saw that the proxy accepts no more requests; none while it accepts them.
    pub(crate) fn requested_at(&mut self) -> Option<Instant> {
        if self.requested_at.is_none() && self.is_requested() {
            self.requested_at = Some(Instant::now());
        }
        self.requested_at
    }

    /// Whether the proxy accepts no more requests.
    pub(crate) fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Ready when that changed; false if connections have to end at once.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<bool> {
        let (requested, goes_on) = ready!(self.change.as_mut().poll(task));
        self.change = change(requested);
        Poll::Ready(goes_on)
    }
}

fn change(mut requested: watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = Changed> + Send>> {
    Box::pin(async move {
        let goes_on = requested.changed().await.is_ok();
        (requested, goes_on)
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_shutdown_request_is_noticed_and_so_is_the_end_of_the_proxy() {
        let (sender, requested) = watch::channel(false);
        let mut shutdown = ShutdownSignal::new(requested);
        assert!(poll_fn(|task| Poll::Ready(shutdown.poll(task))).await.is_pending());
        sender.send(true).unwrap();
        assert!(poll_fn(|task| shutdown.poll(task)).await && shutdown.is_requested());
        assert!(poll_fn(|task| Poll::Ready(shutdown.poll(task))).await.is_pending());
        drop(sender);
        assert!(!poll_fn(|task| shutdown.poll(task)).await);
    }
}
