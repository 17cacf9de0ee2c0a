//! The server that HTTP is relayed to, and as whom.

use std::sync::Arc;
use std::time::Duration;

use identity::SecurityContext;

use crate::gate::{AuthAttempt, Gate, UpstreamProtocol};
use crate::http::tls::TlsTrust;
use crate::http::upstream::forwarding::Via;
use crate::upstream_error::UpstreamError;
use crate::upstream_identity::UpstreamIdentity;

/// The server that HTTP is relayed to.
#[derive(Debug, Clone)]
pub struct HttpUpstream {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How we know it, where we speak TLS with it.
    pub tls: Option<TlsTrust>,
    /// Whose credentials requests have there.
    pub identity: UpstreamIdentity,
    /// How long connecting and signing in may take.
    pub timeout: Duration,
    /// How long an answer may take.
    pub call_limit: Duration,
    /// The name under which we stand in the requests that go there.
    pub via: Via,
    /// What all connections there know of it together.
    pub gate: Arc<Gate>,
    /// The server of a test, which is reached without a socket.
    #[cfg(test)]
    pub(crate) memory: Option<crate::http::memory::MemoryServer>,
}

impl HttpUpstream {
    /// What its `Host` header says.
    pub(crate) fn host_header(&self) -> String {
        let usual = if self.tls.is_some() { 443 } else { 80 };
        // An IPv6 address stands in brackets (RFC 3986 3.2.2).
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Permits a sign-in on behalf of `context` for what is at `target`; none where the service account does not
    /// sign in: for anonymous callers, and for clients who sign in there themselves.
    pub(crate) async fn begin_auth(
        &self,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Option<AuthAttempt>, UpstreamError> {
        self.identity.permit(context, UpstreamProtocol::Http, directory(target), self.timeout).await
    }
}

/// The directory of what is at `target`, for which servers configure authentication.
pub(crate) fn directory(target: &str) -> &str {
    target.split(['/', '?']).nth(1).unwrap_or_default()
}
