//! The rows of the comparison by HTTP to measure.

use super::peers::Build;

/// The rows of the comparison to measure. An option that is not given selects all.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// Only these requests by HTTP: small, table, upload.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) requests: Vec<String>,
    /// Only these transports by HTTP: plain, tls.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) transports: Vec<String>,
    /// Only these numbers of connections by HTTP.
    #[arg(long, value_delimiter = ',', value_name = "COUNTS")]
    pub(super) connections: Vec<usize>,
    /// Only these proxies by HTTP: nginx, haproxy, mitmproxy. MAPIProxy is always measured.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) peers: Vec<String>,
    /// Other builds of the proxy to measure by HTTP, for example before=/tmp/mapiproxy.
    #[arg(long, value_name = "NAME=PROGRAM")]
    pub(super) build: Vec<Build>,
}

/// Whether `one` is among those that are `wanted`.
pub(super) fn among<T: PartialEq<U>, U: ?Sized>(wanted: &[T], one: &U) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == one)
}
