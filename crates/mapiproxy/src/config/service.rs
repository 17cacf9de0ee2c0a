//! The services of listeners.

use std::net::SocketAddr;

use engine::Envelope;
use net::Endpoint;

/// What a listener serves.
pub(crate) enum Service {
    /// The endpoint mapper, which names the endpoints of `ExchangeRPC`.
    EndpointMapper,
    /// `ExchangeRPC`.
    Rpc(RpcService),
    /// MAPI over HTTP, Autodiscover and the virtual directories.
    Http {
        /// Whether connections are within TLS.
        tls: bool,
    },
}

/// How a listener serves `ExchangeRPC`.
#[derive(Clone, Copy)]
pub(crate) struct RpcService {
    /// The envelope of operations.
    pub(crate) envelope: Envelope,
    /// The protocol before the client's first PDU.
    pub(crate) greeting: &'static [u8],
    /// The protocol sequence that the endpoint mapper reports.
    pub(crate) endpoint: fn(SocketAddr) -> Endpoint,
}

impl Service {
    /// How `ExchangeRPC` is served, if it is.
    pub(crate) const fn rpc(&self) -> Option<&RpcService> {
        match self {
            Self::Rpc(rpc) => Some(rpc),
            Self::EndpointMapper | Self::Http { .. } => None,
        }
    }

    /// Whether it is the endpoint mapper, which serves no operations.
    pub(super) const fn is_endpoint_mapper(&self) -> bool {
        matches!(self, Self::EndpointMapper)
    }
}
