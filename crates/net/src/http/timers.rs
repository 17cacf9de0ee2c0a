//! What a connection waits for besides bytes. Both are asked for with each request, and cost next to nothing
//! then: what it takes to be told is set up once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// A time that is put off again and again. The timer is set anew only where it goes off too early.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
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

/// Whether the proxy is to stop.
pub(crate) struct Stop {
    told: watch::Receiver<bool>,
    change: Pin<Box<dyn Future<Output = Changed> + Send>>,
    /// When this connection learnt of it.
    told_at: Option<Instant>,
}

impl Stop {
    pub(crate) fn new(told: watch::Receiver<bool>) -> Self {
        Self { change: change(told.clone()), told, told_at: None }
    }

    /// Since when no more requests are to be taken, as far as this connection knows; none where they are.
    pub(crate) fn told_at(&mut self) -> Option<Instant> {
        if self.told_at.is_none() && self.is_told() {
            self.told_at = Some(Instant::now());
        }
        self.told_at
    }

    /// Whether no more requests are to be taken.
    pub(crate) fn is_told(&self) -> bool {
        *self.told.borrow()
    }

    /// Ready where no more requests are to be taken, for who has no hold of `self` meanwhile.
    pub(crate) fn begins(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut told = self.told.clone();
        async move {
            if told.wait_for(|stops| *stops).await.is_err() {
                // All is to end: that is seen elsewhere.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ready where all is to end now.
    pub(crate) fn poll_end(&mut self, task: &mut Context<'_>) -> Poll<()> {
        while ready!(self.poll(task)) {}
        Poll::Ready(())
    }

    /// Ready where that changed; false where all is to end now.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<bool> {
        let (told, goes_on) = ready!(self.change.as_mut().poll(task));
        self.change = change(told);
        Poll::Ready(goes_on)
    }
}

fn change(mut told: watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = Changed> + Send>> {
    Box::pin(async move {
        let goes_on = told.changed().await.is_ok();
        (told, goes_on)
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
        let mut alarm = Alarm::default();
        for seconds in [1000, 3000, 2000, 500] {
            let until = begin + Duration::from_secs(seconds);
            assert!(poll_fn(|task| Poll::Ready(alarm.poll(task, until))).await.is_pending(), "{seconds}");
        }
        let soon = begin + Duration::from_millis(30);
        let _ = poll_fn(|task| Poll::Ready(alarm.poll(task, soon))).await;
        let later = begin + Duration::from_millis(60);
        poll_fn(|task| alarm.poll(task, later)).await;
        assert!(Instant::now() >= later);
        poll_fn(|task| alarm.poll(task, soon)).await;
        let far = begin + Duration::from_secs(1000);
        assert!(poll_fn(|task| Poll::Ready(alarm.poll(task, far))).await.is_pending());
    }

    #[tokio::test]
    async fn who_stops_is_heard_and_so_is_who_ends_all() {
        let (sender, told) = watch::channel(false);
        let mut stop = Stop::new(told);
        assert!(poll_fn(|task| Poll::Ready(stop.poll(task))).await.is_pending());
        sender.send(true).unwrap();
        assert!(poll_fn(|task| stop.poll(task)).await && stop.is_told());
        assert!(poll_fn(|task| Poll::Ready(stop.poll(task))).await.is_pending());
        drop(sender);
        assert!(!poll_fn(|task| stop.poll(task)).await);
    }
}
