//! Which rows of the comparison by HTTP are wanted.

use super::peers::Build;

/// Which rows of the comparison are wanted; each is all where it is left out.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// Only these requests by HTTP: small, table, upload.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) requests: Vec<String>,
    /// Only these roads by HTTP: plain, tls.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) roads: Vec<String>,
    /// Only so many connections by HTTP.
    #[arg(long, value_delimiter = ',', value_name = "COUNTS")]
    pub(super) connections: Vec<usize>,
    /// Only these proxies by HTTP: nginx, haproxy, mitmproxy. Ours is always there.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) peers: Vec<String>,
    /// Other builds of the proxy, which are measured beside this one by HTTP: before=/tmp/mapiproxy.
    #[arg(long, value_name = "NAME=PROGRAM")]
    pub(super) build: Vec<Build>,
}

/// Whether `one` is among those that are `wanted`.
pub(super) fn among<T: PartialEq<U>, U: ?Sized>(wanted: &[T], one: &U) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == one)
}
