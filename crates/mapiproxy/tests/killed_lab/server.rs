//! `mapiproxy lab` as a process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) const PASSWORD: &str = "Password";

/// A running server.
pub(crate) struct Server {
    process: Child,
    pub(crate) rpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mapiproxy"))
}

/// Writes the configuration and the accounts into `folder`.
pub(crate) fn prepare(folder: &Path) {
    let text = "rpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\naccounts = \"accounts.toml\"\nstore = \"lab.db\"\n\
                people = 10\n";
    std::fs::write(folder.join("lab.toml"), text).unwrap();
    for user in ["alice", "bob", "carol"] {
        let mut command = program();
        command
            .args(["account", "add", "--domain", "LAB", user, "--accounts"])
            .arg(folder.join("accounts.toml"));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(process.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(process.wait().unwrap().success());
    }
}

impl Server {
    /// Starts one with the files in `folder`, and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = program();
        command.args(["lab", "--config"]).arg(folder.join("lab.toml"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut addresses = line.split([' ', ',', '\n']).filter_map(|word| word.parse().ok());
        let [rpc, http] = [addresses.next(), addresses.next()].map(|address| address.expect("two addresses"));
        Self { process, rpc, http }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Verifies the store in `folder`.
pub(crate) fn check(folder: &Path) {
    let checked = checked(&folder.join("lab.db"));
    assert!(checked.status.success(), "{checked:?}");
}

pub(crate) fn checked(store: &Path) -> Output {
    program().args(["lab", "--check"]).arg(store).output().unwrap()
}
