//! Reloads what can change while the proxy runs, at SIGHUP.

use std::sync::Arc;

use net::ErrorChain;
use tokio::sync::oneshot;

use crate::output::print;
use crate::wiring::Reloadable;

/// Reloads on a separate thread, so that connections are accepted and signals handled while files are read. One reload
/// runs at a time.
pub(crate) struct Reloads {
    work: Arc<dyn Fn() + Send + Sync>,
    /// Resolves when the reload that runs has ended.
    running: Option<oneshot::Receiver<()>>,
    /// Whether another was requested meanwhile: files may have changed after they were read.
    again: bool,
}

impl Reloads {
    /// Reloads, each time that it is requested, with `work`.
    pub(crate) fn new(work: impl Fn() + Send + Sync + 'static) -> Self {
        Self { work: Arc::new(work), running: None, again: false }
    }

    /// Begins a reload, at once or when the one that runs has ended.
    pub(crate) fn request(&mut self) {
        if self.running.is_some() {
            self.again = true;
        } else {
            self.begin();
        }
    }

    /// Waits until the reload that runs has ended, possibly forever, and begins the next one if it was requested.
    pub(crate) async fn continue_after_end(&mut self) {
        match &mut self.running {
            // The sender is dropped at the end.
            Some(ended) => _ = ended.await,
            None => std::future::pending().await,
        }
        self.running = None;
        if std::mem::take(&mut self.again) {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let work = Arc::clone(&self.work);
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            work();
            drop(end);
        });
        match thread {
            Ok(_) => self.running = Some(ended),
            Err(error) => {
                tracing::error!("proxy: nothing is reloaded, since the thread cannot be started: {error}");
            }
        }
    }
}

/// Reloads everything, and logs what cannot be reloaded.
pub(crate) fn reload(reloadable: &Reloadable) {
    match reloadable.reload_accounts() {
        Ok(Some(count)) => print(&format!("accounts reloaded: {count}")),
        Ok(None) => {}
        Err(error) => not_reloaded("accounts (clients.accounts)", &error),
    }
    match reloadable.reload_password() {
        Ok(true) => print("password of the service account reloaded"),
        Ok(false) => {}
        Err(error) => {
            not_reloaded("password of the service account (upstream.credentials.password_file)", &error);
        }
    }
    match reloadable.reload_certificate() {
        Ok(true) => print("certificate reloaded"),
        Ok(false) => {}
        Err(error) => not_reloaded("certificate (listen.certificate, listen.key)", &error),
    }
}

/// Logs that the old value stays in use.
fn not_reloaded(what: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!("proxy: cannot reload the {what}, the old state stays in use: {}", ErrorChain(error));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn reloads_that_are_requested_while_one_runs_are_one_reload_after_it() {
        let (proceed, may_end) = channel::<()>();
        let may_end = Mutex::new(may_end);
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&begun);
        let mut reloads = Reloads::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            may_end.lock().unwrap().recv().unwrap();
        });
        // The requests return although the reload does not.
        for _ in 0..3 {
            reloads.request();
        }
        tokio::select! {
            biased;
            () = reloads.continue_after_end() => panic!("the reload has not ended"),
            () = tokio::task::yield_now() => {}
        }
        proceed.send(()).unwrap();
        reloads.continue_after_end().await;
        proceed.send(()).unwrap();
        reloads.continue_after_end().await;
        assert!(reloads.running.is_none());
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
