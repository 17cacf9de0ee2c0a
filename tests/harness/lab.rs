//! A running `mapiproxy lab`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use super::accounts::add_account;
use super::place::{Folder, address};
use super::process::Process;
use super::programs::program;
use super::upstream::SERVICE;

/// `mapiproxy lab`: the small Exchange, whose server is EXCH1.
#[derive(Debug)]
pub(crate) struct Lab {
    process: Process,
    address: Ipv4Addr,
    _folder: Folder,
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

    fn started(address: Ipv4Addr, keys: &str) -> Self {
        let folder = Folder::new();
        add_account(&folder, SERVICE);
        let text = format!(
            "rpc = \"{address}:6001\"\nendpoint_mapper = \"{address}:1135\"\naccounts = \"accounts.toml\"\n\
             {keys}"
        );
        let mut command = Command::new(program());
        command.args(["lab", "--config"]).arg(folder.write("lab.toml", &text));
        let process = Process::start("mapiproxy lab", &mut command);
        process.wait_out("that it listens", |line| line.contains("listens on"));
        Self { process, address, _folder: folder }
    }

    /// Kills it and starts another in its place, without the sessions of this one.
    pub(crate) fn restarted(mut self) -> Self {
        self.process.kill();
        Self::at(self.address, false)
    }

    /// The address of its endpoint mapper.
    pub(crate) fn mapper(&self) -> SocketAddr {
        SocketAddr::from((self.address, 1135))
    }
}
