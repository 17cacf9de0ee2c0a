//! What a connection waits for besides bytes. Both are asked for with each request, and cost next to nothing
//! then: they are set up once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// A time that is put off again and again. The timer is set anew only where it goes off too early.
#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once it is `until`.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>, until: Instant) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(task));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

type Changed = (watch::Receiver<bool>, bool);

/// The proxy's shutdown, as one connection sees it.
pub(crate) struct ShutdownSignal {
    requested: watch::Receiver<bool>,
    change: Pin<Box<dyn Future<Output = Changed> + Send>>,
    /// When this connection learnt of it.
    requested_at: Option<Instant>,
}

impl ShutdownSignal {
    pub(crate) fn new(requested: watch::Receiver<bool>) -> Self {
        Self { change: change(requested.clone()), requested, requested_at: None }
    }

    /// Since when no more requests are to be taken, as far as this connection knows; none where they are.
    pub(crate) fn requested_at(&mut self) -> Option<Instant> {
        if self.requested_at.is_none() && self.is_requested() {
            self.requested_at = Some(Instant::now());
        }
        self.requested_at
    }

    /// Whether no more requests are to be taken.
    pub(crate) fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Ready where that changed; false where all is to end now.
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
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_alarm_goes_off_at_its_time_however_often_that_was_put_off_or_moved_up() {
        let begin = Instant::now();
        let mut timer = Timer::default();
        for seconds in [1000, 3000, 2000, 500] {
            let until = begin + Duration::from_secs(seconds);
            assert!(poll_fn(|task| Poll::Ready(timer.poll(task, until))).await.is_pending(), "{seconds}");
        }
        let soon = begin + Duration::from_millis(30);
        let _ = poll_fn(|task| Poll::Ready(timer.poll(task, soon))).await;
        let later = begin + Duration::from_millis(60);
        poll_fn(|task| timer.poll(task, later)).await;
        assert!(Instant::now() >= later);
        poll_fn(|task| timer.poll(task, soon)).await;
        let far = begin + Duration::from_secs(1000);
        assert!(poll_fn(|task| Poll::Ready(timer.poll(task, far))).await.is_pending());
    }

    #[tokio::test]
    async fn who_stops_is_heard_and_so_is_who_ends_all() {
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
