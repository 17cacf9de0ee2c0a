//! The upstream server of a test: a lab, or another implementation.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use serde_json::Value;

use super::place::address;
use super::process::Process;
use super::programs::{interop_script, python};

/// The service account of the proxy: its name and its password.
pub(crate) const SERVICE: (&str, &str) = ("svcproxy", "Cheshire Cat 3");
/// The server's host name, which no client may receive.
pub(crate) const SERVER: &str = "exch.lab.test";

/// scapy as an Exchange server.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) process: Process,
    pub(crate) address: Ipv4Addr,
}

impl Upstream {
    /// Starts a server whose minimum level is privacy.
    pub(crate) fn start() -> Self {
        Self::at(address(), &[])
    }

    /// Starts a server whose minimum level is `level`.
    pub(crate) fn with_level(level: &str) -> Self {
        Self::at(address(), &["--level", level])
    }

    /// Starts a server at `address` with more `arguments`.
    pub(crate) fn at(address: Ipv4Addr, arguments: &[&str]) -> Self {
        let mut command = Command::new(python());
        command.arg(interop_script("scapy_server.py")).args(["--server", SERVER]);
        command.args(["--epm", &format!("{address}:1135"), "--rpc", &format!("{address}:6001")]);
        command.args(["--user", SERVICE.0, "--domain", "LAB", "--password", SERVICE.1]).args(arguments);
        let process = Process::start("scapy_server", &mut command);
        process.wait_out("READY", |line| line == "READY");
        Self { process, address }
    }

    /// The address of its endpoint mapper.
    pub(crate) fn mapper(&self) -> SocketAddr {
        SocketAddr::from((self.address, 1135))
    }

    /// What it received so far: one object for each bind, call and refusal.
    pub(crate) fn log(&self) -> Vec<Value> {
        let lines = self.process.out();
        lines.iter().filter(|line| line.starts_with('{')).map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The names of the calls that it received.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.log().iter().filter_map(|line| Some(line.get("call")?.as_str()?.to_owned())).collect()
    }

    /// Waits until `count` connections to its services are closed.
    pub(crate) fn wait_closed(&self, count: usize) {
        self.process.wait_lines(&format!("{count} closed connections"), count, |line| {
            line.contains("\"closed\": true")
        });
    }

    /// Every user that authenticated or called.
    pub(crate) fn users(&self) -> Vec<String> {
        let log = self.log();
        let mut users: Vec<_> =
            log.iter().filter_map(|line| Some(line.get("user")?.as_str()?.to_owned())).collect();
        users.sort();
        users.dedup();
        users
    }
}
