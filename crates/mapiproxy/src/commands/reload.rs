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

/// Reloads everything. Reports what was reloaded, and logs what cannot be.
pub(crate) fn reload(reloadable: &Reloadable) {
    let accounts =
        reloadable.reload_accounts().map(|count| count.map(|count| format!("accounts reloaded: {count}")));
    let password = reloadable
        .reload_password()
        .map(|done| done.then(|| "password of the service account reloaded".to_owned()));
    let certificate =
        reloadable.reload_certificate().map(|done| done.then(|| "certificate reloaded".to_owned()));
    let mut is_any = report("accounts (clients.accounts)", accounts);
    is_any |= report("password of the service account (upstream.credentials.password_file)", password);
    is_any |= report("certificate (listen.certificate, listen.key)", certificate);
    if !is_any {
        print(NOTHING);
    }
}

/// The line if the configuration names no file that can be reloaded.
const NOTHING: &str = "nothing reloaded: the configuration names no accounts, password or certificate; other changes need a \
                       restart";

/// Prints the line `done`, or logs why the `file` was not reloaded. Returns whether the configuration names it.
fn report<E: std::error::Error + 'static>(file: &str, done: Result<Option<String>, E>) -> bool {
    match done {
        Ok(Some(line)) => print(&line),
        Ok(None) => return false,
        Err(error) => not_reloaded(file, &error),
    }
    true
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
