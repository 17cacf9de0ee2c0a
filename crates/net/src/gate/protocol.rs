//! The two protocols to the upstream: RPC and HTTP.

/// A protocol by which the proxy connects to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpstreamProtocol {
    /// DCE/RPC over TCP.
    Rpc,
    /// HTTP.
    Http,
}

impl UpstreamProtocol {
    /// The key in the configuration that names the server.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Rpc => "upstream.rpc",
            Self::Http => "upstream.http",
        }
    }
}
