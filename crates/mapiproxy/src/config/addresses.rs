//! Which addresses and which server a configuration names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::servers::Binding;
use super::table::{Config, Listen};

impl Config {
    /// The server's host: a name rather than an address, where it has both.
    pub(crate) fn upstream_host(&self) -> &str {
        let rpc = self.upstream.rpc.as_ref().map(Binding::host);
        let http = self.upstream.http.as_ref().map(|url| url.host.as_str());
        let is_name = |host: &&str| host.parse::<IpAddr>().is_err();
        rpc.filter(is_name).or_else(|| http.filter(is_name)).or(rpc).or(http).unwrap_or_default()
    }
}

impl Listen {
    /// The addresses that are listened on, by the keys that name them.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let all = [
            ("listen.endpoint_mapper", self.endpoint_mapper),
            ("listen.rpc", self.rpc),
            ("listen.rpc_http", self.rpc_http),
            ("listen.http", self.http),
            ("listen.https", self.https),
        ];
        all.into_iter().filter_map(|(key, address)| Some((key, address?)))
    }
}

impl fmt::Display for Listen {
    /// The addresses of the services.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services =
            [("", self.rpc), ("rpc_http ", self.rpc_http), ("http ", self.http), ("https ", self.https)];
        let named = services.iter().filter_map(|(name, address)| Some(format!("{name}{}", (*address)?)));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}
