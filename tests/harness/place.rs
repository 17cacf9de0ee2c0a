//! Addresses, folders and threads of a test, and the time limit of each step.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a test waits for an event before it fails. The limit is long, for busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A number that is unique in this process.
pub(super) fn count() -> u32 {
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

/// Runs `work` on a new thread.
#[allow(clippy::disallowed_methods, reason = "a test's own thread; it acts for no user")]
pub(crate) fn thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> std::thread::JoinHandle<R> {
    std::thread::spawn(work)
}
