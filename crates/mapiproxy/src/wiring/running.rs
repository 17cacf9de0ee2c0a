//! A running proxy, and how it stops.

use std::sync::Arc;
use std::time::Duration;

use engine::{Deferral, Engine};
use identity::ContextCounters;
use net::AuthLimiter;
use net::http::HttpListenerConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::recording::Writing;
use super::reloadable::Reloadable;

/// The time limit for ending the sessions of closed connections.
const CUT_OFF: Duration = Duration::from_secs(2);

/// How a proxy stopped.
pub(crate) struct Stopped {
    /// The number of security contexts that are still open: zero unless calls were interrupted.
    pub(crate) open: u64,
    /// Whether all connections ended. If not, a thread does not return from an operation, and may have locked its
    /// session.
    pub(crate) all_ended: bool,
}

/// A running proxy.
pub(crate) struct Running {
    pub(super) engine: Arc<Engine>,
    pub(super) listeners: Vec<JoinHandle<()>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) contexts: Arc<ContextCounters>,
    pub(super) auth_limiter: Arc<AuthLimiter>,
    pub(super) reloadable: Arc<Reloadable>,
    pub(super) http: Option<Arc<HttpListenerConfig>>,
    pub(super) recording: Option<Writing>,
}

impl Running {
    /// What can be reloaded while the proxy runs.
    pub(crate) fn reloadable(&self) -> Arc<Reloadable> {
        Arc::clone(&self.reloadable)
    }

    /// Accepts no more connections, waits for calls in progress until `timeout` completes, then shuts the
    /// modules down, unless a thread is still busy with an operation.
    pub(crate) async fn stop(self, timeout: impl Future<Output = ()>) -> Stopped {
        // Fails only without listeners.
        let _ = self.stop.send(true);
        let mut listeners = self.listeners;
        let mut all_ended = finish(&mut listeners, timeout).await;
        if !all_ended {
            // Closes the connections. Their sessions end before the modules are shut down.
            drop(self.stop);
            all_ended = finish(&mut listeners, tokio::time::sleep(CUT_OFF)).await;
        }
        if !all_ended {
            tracing::error!(
                "proxy: a thread is still busy with an operation {} s after the connections were closed, for example \
                 in a hook of a module: ending the process without it",
                CUT_OFF.as_secs()
            );
        }
        self.auth_limiter.report();
        self.reloadable.identities.gate.log_interrupted();
        let waits = self.engine.ended_notification_waits();
        if waits > 0 {
            tracing::info!(
                waits,
                "proxy: pending waits for notifications completed without a notification, since the proxy stops"
            );
        }
        // The busy thread may have locked a session.
        if let Some(http) = self.http
            && all_ended
        {
            http.end();
        }
        if let Some(Deferral { pool, decodings, .. }) = self.engine.deferral() {
            let (running, decoding) = tokio::join!(net::drain(pool, CUT_OFF), net::drain(decodings, CUT_OFF));
            let counts = pool.counts();
            tracing::info!(
                running,
                decoding,
                done = counts.done,
                cancelled = counts.cancelled,
                refused = counts.refused,
                displaced = counts.displaced,
                "proxy: deferred work stopped"
            );
        }
        if all_ended {
            self.engine.shutdown();
        }
        if let Some(recording) = self.recording {
            recording.finish().await;
        }
        Stopped { open: self.contexts.open(), all_ended }
    }
}

/// Waits for all `listeners` to end until `timeout` completes. Returns whether they ended.
async fn finish(listeners: &mut Vec<JoinHandle<()>>, timeout: impl Future<Output = ()>) -> bool {
    let all = async {
        while let Some(listener) = listeners.last_mut() {
            let _ = listener.await;
            listeners.pop();
        }
    };
    tokio::select! {
        () = all => true,
        () = timeout => false,
    }
}
