//! A timer of a connection: created once, and moved with each request at hardly any cost.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that is postponed again and again. The runtime's timer is set again only where it fires too early.
#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once the time is `until`.
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_timer_fires_at_its_deadline_however_often_that_was_postponed_or_moved_up() {
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
}
