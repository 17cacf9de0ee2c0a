//! Configuration of the server that HTTP requests are sent to.

use std::sync::Arc;
use std::time::Duration;

use crate::gate::Gate;
use crate::http::tls::TlsTrust;
use crate::http::upstream::forwarding::Via;
use crate::upstream_identity::UpstreamIdentity;

/// The server that HTTP requests are sent to.
#[derive(Debug, Clone)]
pub struct HttpUpstream {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How its certificate is verified; none without TLS.
    pub tls: Option<TlsTrust>,
    /// The credentials of requests.
    pub identity: UpstreamIdentity,
    /// The time limit for connecting and authenticating.
    pub timeout: Duration,
    /// The time limit for a response.
    pub call_limit: Duration,
    /// The name of this proxy in `Via`.
    pub via: Via,
    /// The shared state of its availability.
    pub gate: Arc<Gate>,
    /// The server of a test, which is reached without a socket.
    #[cfg(test)]
    pub(crate) memory: Option<crate::http::memory_stream::MemoryServer>,
}

impl HttpUpstream {
    /// The `Host` header of requests.
    pub(crate) fn host_header(&self) -> String {
        let usual = if self.tls.is_some() { 443 } else { 80 };
        // An IPv6 address is written in brackets (RFC 3986 3.2.2).
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// The first directory of `target`, for which servers configure authentication.
pub(crate) fn directory(target: &str) -> &str {
    target.split(['/', '?']).nth(1).unwrap_or_default()
}
