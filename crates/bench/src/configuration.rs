//! The configuration of the proxy. Each measurement changes a few keys.

/// The name of the proxy and its certificate.
pub(crate) const NAME: &str = "proxy.lab.test";

/// The domain of all accounts.
pub(crate) const DOMAIN: &str = "LAB";

/// Limits that no measurement reaches, as keys of `[clients]`.
pub(crate) const RAISED: &str = "connections = 20000\nconnections_per_address = 20000\n";

/// The keys that one measurement sets. Each text except `stack` is lines of the table of its name.
#[derive(Debug)]
pub(crate) struct Configuration<'a> {
    pub(crate) listen: &'a str,
    pub(crate) clients: &'a str,
    pub(crate) upstream: &'a str,
    /// The modules, as the list `modules.stack` has them.
    pub(crate) stack: &'a str,
}

impl Configuration<'_> {
    /// The file, beside which `accounts.toml` and `svcproxy.password` are.
    pub(crate) fn text(&self) -> String {
        let Self { listen, clients, upstream, stack } = self;
        format!(
            "name = \"{NAME}\"\n[listen]\n{listen}\n[clients]\naccounts = \"accounts.toml\"\n\
             sessions_per_user = 20000\n{clients}\n\
             [upstream]\n{upstream}\n\
             [upstream.credentials]\nmode = \"specified\"\nuser = \"svcproxy\"\ndomain = \"{DOMAIN}\"\n\
             password_file = \"svcproxy.password\"\n[modules]\nstack = [{stack}]\n"
        )
    }
}
