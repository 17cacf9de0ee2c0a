//! A running proxy: what can be read again while it runs, and how it stops.

use std::sync::Arc;
use std::time::Duration;

use engine::{Deferral, Engine, Stack};
use identity::ContextCounters;
use net::AuthLimit;
use net::http::{HttpListenerConfig, TlsError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::LiveCertificate;
use super::recording::Writing;
use super::upstream_identity::UpstreamIdentities;
use crate::files::{FileError, LiveAccounts};

/// How long connections that are cut off may take to end their sessions.
const CUT_OFF: Duration = Duration::from_secs(2);

/// A running proxy.
pub(crate) struct Running {
    pub(super) engine: Arc<Engine>,
    pub(super) listeners: Vec<JoinHandle<()>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) contexts: Arc<ContextCounters>,
    pub(super) accounts: Arc<LiveAccounts>,
    pub(super) auth_limit: Arc<AuthLimit>,
    pub(super) identities: UpstreamIdentities,
    pub(super) certificate: Option<LiveCertificate>,
    pub(super) http: Option<Arc<HttpListenerConfig>>,
    pub(super) recording: Option<Writing>,
}

impl Running {
    /// The modules.
    pub(crate) fn stack(&self) -> &Stack {
        self.engine.stack()
    }

    /// Reads the password of our account at the server again, for connections that are opened from now on;
    /// whether we have one.
    pub(crate) fn reload_password(&self) -> Result<bool, FileError> {
        self.identities.reload()
    }

    /// Reads the accounts again, for who signs in from now on; how many there are, where clients have any.
    pub(crate) fn reload_accounts(&self) -> Result<Option<usize>, FileError> {
        self.accounts.reload()
    }

    /// Reads the certificate and its key again, for who connects from now on; whether there is one.
    pub(crate) fn reload_certificate(&self) -> Result<bool, TlsError> {
        self.certificate.as_ref().map(LiveCertificate::reload).transpose().map(|reloaded| reloaded.is_some())
    }

    /// Takes no more clients, lets the calls under way finish until `patience` ends, then tells the modules.
    /// Returns how many security contexts are still open, which is none unless calls were cut off.
    pub(crate) async fn stop(self, patience: impl Future<Output = ()>) -> u64 {
        // Fails only without listeners.
        let _ = self.stop.send(true);
        let mut listeners = self.listeners;
        if !finish(&mut listeners, patience).await {
            tracing::warn!("time to stop is over: closing connections with calls in progress");
            // Connections whose sender is gone are cut off; their sessions end before the modules do.
            drop(self.stop);
            finish(&mut listeners, tokio::time::sleep(CUT_OFF)).await;
        }
        self.auth_limit.report(true);
        self.identities.gate.log_interrupted();
        let waits = self.engine.ended_waits();
        if waits > 0 {
            tracing::info!(
                waits,
                "answered clients' waits for notifications without a notification, to stop"
            );
        }
        if let Some(http) = self.http {
            http.end();
        }
        if let Some(Deferral { pool, .. }) = self.engine.deferral() {
            let running = net::drain(pool, CUT_OFF).await;
            tracing::info!(running, counts = ?pool.counts(), "deferred work stopped");
        }
        self.engine.shutdown();
        if let Some(recording) = self.recording {
            recording.finish().await;
        }
        self.contexts.open()
    }
}

/// Waits for all `listeners` to end, as long as `patience` lasts; whether they did.
async fn finish(listeners: &mut Vec<JoinHandle<()>>, patience: impl Future<Output = ()>) -> bool {
    let all = async {
        while let Some(listener) = listeners.last_mut() {
            let _ = listener.await;
            listeners.pop();
        }
    };
    tokio::select! {
        () = all => true,
        () = patience => false,
    }
}
