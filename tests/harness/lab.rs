//! A running `mapiproxy lab`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use super::accounts::{add_account, certificate};
use super::place::{Folder, address};
use super::process::Process;
use super::programs::program;
use super::proxy::{ALICE, Proxy, Setup};
use super::upstream::SERVICE;

/// `mapiproxy lab`: the small Exchange, whose server is EXCH1.
#[derive(Debug)]
pub(crate) struct Lab {
    process: Process,
    address: Ipv4Addr,
    folder: Folder,
}

impl Lab {
    /// Starts one for the account of [`SERVICE`], with mailboxes on EXCH1 alone or on EXCH2 too.
    pub(crate) fn start(two_servers: bool) -> Self {
        Self::at(address(), two_servers)
    }

    /// Starts one at `address`.
    pub(crate) fn at(address: Ipv4Addr, two_servers: bool) -> Self {
        Self::started(address, &format!("two_servers = {two_servers}\n"))
    }

    /// Starts one that also serves unauthenticated calls.
    pub(crate) fn unprotected() -> Self {
        Self::started(address(), "minimum_level = \"none\"\n")
    }

    /// Starts one with MAPI over HTTP and Autodiscover within TLS, for the accounts of [`SERVICE`] and [`ALICE`].
    pub(crate) fn by_http() -> Self {
        Self::started(address(), "http = \"ADDRESS:8444\"\ncertificate = \"own.crt\"\nkey = \"own.key\"\n")
    }

    /// Starts a proxy before one with HTTP, by both protocols. Also returns the URL for its clients.
    pub(crate) fn proxied_by_http(&self) -> (Proxy, String) {
        let setup = Setup::before(&self.mapper().to_string()).http();
        let setup = setup.upstream_key("http", &format!("{:?}", self.url()));
        let setup = setup.upstream_key("http_authentication", "\"basic\"");
        let setup = setup.upstream_key("ca_file", &format!("\"{}\"", self.certificate().display()));
        let proxy = setup.stack(&["names"]).top_key("public_url", "\"https://ADDRESS:8443\"").start();
        let url = format!("https://{}:8443", proxy.address);
        (proxy, url)
    }

    fn started(address: Ipv4Addr, keys: &str) -> Self {
        let folder = Folder::new();
        add_account(&folder, SERVICE);
        if keys.contains("http") {
            add_account(&folder, ALICE);
        }
        if keys.contains("own.crt") {
            certificate(&folder, &[&address.to_string()]);
        }
        let keys = keys.replace("ADDRESS", &address.to_string());
        let text = format!(
            "rpc = \"{address}:6001\"\nendpoint_mapper = \"{address}:1135\"\naccounts = \"accounts.toml\"\n\
             {keys}"
        );
        let mut command = Command::new(program());
        command.args(["lab", "--config"]).arg(folder.write("lab.toml", &text));
        let process = Process::start("mapiproxy lab", &mut command);
        process.wait_out("that it listens", |line| line.contains("listens on"));
        Self { process, address, folder }
    }

    /// Kills it and starts another in its place, without the sessions of this one.
    pub(crate) fn restarted(mut self) -> Self {
        self.process.kill();
        Self::at(self.address, false)
    }

    /// Its URL, by which Autodiscover names it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}:8444", self.address)
    }

    /// The file of its certificate, which is its own authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("own.crt")
    }

    /// The address of its endpoint mapper.
    pub(crate) fn mapper(&self) -> SocketAddr {
        SocketAddr::from((self.address, 1135))
    }
}
