//! What the tests share: addresses, folders, processes, the proxy, and who stands before and behind it.

mod client;
mod forwarder;
mod http;
mod lab;
mod neighbour;
pub(crate) mod parked;
mod process;
mod proxy;
mod raw;
pub(crate) mod raw_http;
mod relay;
mod told;
mod upstream;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use self::client::{Client, Report, expect_same};
pub(crate) use self::forwarder::forward;
pub(crate) use self::http::{
    By, Certificates, Change, Curl, HttpClient, HttpPlace, HttpUpstream, Page, RECORDED_SERVER, code, header,
    hex,
};
pub(crate) use self::lab::Lab;
pub(crate) use self::neighbour::Neighbour;
pub(crate) use self::process::{Ended, Process};
pub(crate) use self::proxy::{ALICE, BOB, Proxy, Setup};
pub(crate) use self::raw::{
    Answer, Connection, EMSMDB, HANDLE, NSPI, RFR, RawUpstream, bind, bind_in_group, echo, orphaned, pdu,
    request, request_for, with_handle,
};
pub(crate) use self::relay::{FAULT, Passing, REQUEST, RESPONSE, Relay, Seen};
pub(crate) use self::told::Told;
pub(crate) use self::upstream::{SERVER, SERVICE, Upstream};

/// How long anything that should happen may take before a test gives up. Far more than it does take: it is
/// there for busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn count() -> u32 {
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// A loopback address that no other test uses at the same time, so that its ports are all free.
pub(crate) fn address() -> Ipv4Addr {
    let number = (std::process::id() % 28_000) * 256 + count();
    Ipv4Addr::from((127 << 24) + (16 << 16) + number)
}

/// A folder of the test's own, removed with this.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("mapiproxy-e2e-{}-{}", std::process::id(), count());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that its owner alone may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, text).unwrap();
        mode(&path, 0o600);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sets a file's mode.
pub(crate) fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs `work` on a thread of its own.
#[allow(clippy::disallowed_methods, reason = "a test's own thread; it acts for nobody")]
pub(crate) fn thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> std::thread::JoinHandle<R> {
    std::thread::spawn(work)
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program `mapiproxy`, as it was built beside this test.
pub(crate) fn program() -> PathBuf {
    built("mapiproxy")
}

/// An example of one of our crates, as it was built beside this test.
pub(crate) fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// What was built beside this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(program.is_file(), "{} is missing: run `cargo xtask test`, which builds it", program.display());
    program
}

/// Gives `user` an account of LAB in the folder's file of accounts.
pub(crate) fn add_account(folder: &Folder, account: (&str, &str)) {
    add_account_of(folder, "LAB", account);
}

/// Gives `user` an account of `domain` in the folder's file of accounts.
fn add_account_of(folder: &Folder, domain: &str, (user, password): (&str, &str)) {
    let mut command = std::process::Command::new(program());
    command.args(["account", "add", "--domain", domain, user, "--accounts"]);
    let mut add = Process::start("account add", command.arg(folder.join("accounts.toml")));
    add.feed(&format!("{password}\n"));
    let ended = add.end();
    assert!(ended.status.success(), "{}", ended.err);
}

/// A certificate and a key for `names`, in `folder`.
pub(crate) fn certificate(folder: &Folder, names: &[&str]) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("own.crt"), folder.join("own.key"));
    let mut command = std::process::Command::new(python());
    command.arg(opponent("certificate.py")).args([&certificate, &key]).args(names);
    let ended = Process::start("certificate", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    (certificate, key)
}

/// The Python that has impacket, scapy and pyspnego.
pub(crate) fn python() -> PathBuf {
    let python = root().join("target/venv/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup`, which makes it", python.display());
    python
}

/// One of the Python programs in `tests/opponents`.
pub(crate) fn opponent(name: &str) -> PathBuf {
    root().join("tests/opponents").join(name)
}
