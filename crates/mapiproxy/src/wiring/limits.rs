//! The limits that a configuration sets for clients.

use std::sync::Arc;
use std::time::Duration;

use net::{AuthLimiter, AuthLimits, Limits, Network};

use crate::config::Clients;

/// The limit of client authentication failures.
pub(super) fn auth_limiter(clients: &Clients) -> Arc<AuthLimiter> {
    let limits = AuthLimits {
        failures: clients.failed_sign_ins,
        longest_wait: Duration::from_secs(clients.failed_sign_in_seconds),
    };
    AuthLimiter::new(limits, trusted_proxies(clients))
}

/// The load balancers and reverse proxies in front of the proxy.
pub(super) fn trusted_proxies(clients: &Clients) -> Vec<Network> {
    [&clients.proxy_protocol_from[..], &clients.forwarded_for_from].concat()
}

/// The bytes of a configured megabyte.
const MEGABYTE: usize = 1_000_000;

/// The limits of connections and of requests.
pub(super) fn limits(clients: &Clients) -> Limits {
    Limits {
        connections: crate::descriptors::connections(clients.connections),
        connections_per_address: clients.connections_per_address,
        unauthenticated_percent: clients.unauthenticated_percent,
        minimum_rate: clients.minimum_bytes_per_second,
        handshake: Duration::from_secs(clients.handshake_seconds),
        idle: Duration::from_secs(clients.idle_seconds),
        request_bytes_per_user: clients.request_megabytes_per_user.saturating_mul(MEGABYTE),
        request_bytes: clients.request_megabytes.saturating_mul(MEGABYTE),
    }
}
