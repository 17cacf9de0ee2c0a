//! Accounts and certificates, made by the programs for them.

use std::path::PathBuf;
use std::process::Command;

use super::place::Folder;
use super::process::Process;
use super::programs::{interop_script, program, python};

/// Gives `user` an account of LAB in the folder's file of accounts.
pub(crate) fn add_account(folder: &Folder, account: (&str, &str)) {
    add_account_of(folder, "LAB", account);
}

/// Gives `user` an account of `domain` in the folder's file of accounts.
pub(super) fn add_account_of(folder: &Folder, domain: &str, (user, password): (&str, &str)) {
    let mut command = Command::new(program());
    command.args(["account", "add", "--domain", domain, user, "--accounts"]);
    let mut add = Process::start("account add", command.arg(folder.join("accounts.toml")));
    add.feed(&format!("{password}\n"));
    let ended = add.end();
    assert!(ended.status.success(), "{}", ended.err);
}

/// A certificate and a key for `names`, in `folder`.
pub(crate) fn certificate(folder: &Folder, names: &[&str]) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("own.crt"), folder.join("own.key"));
    let mut command = Command::new(python());
    command.arg(interop_script("certificate.py")).args([&certificate, &key]).args(names);
    let ended = Process::start("certificate", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    (certificate, key)
}
