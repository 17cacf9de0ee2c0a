//! The server and the modules that a configuration names.

use std::net::IpAddr;

use super::servers::Binding;
use super::table::{Config, Modules};

impl Config {
    /// The server's host: its name if the configuration has a name and an address.
    pub(crate) fn upstream_host(&self) -> &str {
        let rpc = self.upstream.rpc.as_ref().map(Binding::host);
        let http = self.upstream.http.as_ref().map(|url| url.host.as_str());
        let is_name = |host: &&str| host.parse::<IpAddr>().is_err();
        rpc.filter(is_name).or_else(|| http.filter(is_name)).or(rpc).or(http).unwrap_or_default()
    }
}

impl Modules {
    /// The names of the modules in the stack, for a message.
    pub(crate) fn names(&self) -> String {
        if self.stack.is_empty() { "none".to_owned() } else { self.stack.join(", ") }
    }
}
