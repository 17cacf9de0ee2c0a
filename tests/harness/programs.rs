//! The programs that tests start, and where they are.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program `mapiproxy` that was built with this test.
pub(crate) fn program() -> PathBuf {
    built("mapiproxy")
}

/// An example of one of the workspace's crates, built beside this test.
pub(crate) fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// A program that was built beside this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(program.is_file(), "{} is missing: run `cargo xtask test`, which builds it", program.display());
    program
}

/// The Python that has impacket, scapy and pyspnego.
pub(crate) fn python() -> PathBuf {
    let python = root().join("target/venv/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup`, which makes it", python.display());
    python
}

/// One of the Python programs in `tests/interop`.
pub(crate) fn interop_script(name: &str) -> PathBuf {
    root().join("tests/interop").join(name)
}
