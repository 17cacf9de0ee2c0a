//! Accounts and certificates, which the tools for them create.

use std::path::PathBuf;
use std::process::Command;

use super::place::Folder;
use super::process::Process;
use super::programs::{interop_script, program, python};

/// Gives `user` an account of LAB in the folder's file of accounts.
pub(crate) fn add_account(folder: &Folder, account: (&str, &str)) {
    add_account_of(folder, "LAB", account);
}

/// Changes the password of an account of LAB in the folder's file of accounts.
pub(crate) fn change_password(folder: &Folder, account: (&str, &str)) {
    run_account_command(folder, "password", "LAB", account);
}

/// Gives `user` an account of `domain` in the folder's file of accounts.
pub(super) fn add_account_of(folder: &Folder, domain: &str, account: (&str, &str)) {
    run_account_command(folder, "add", domain, account);
}

/// Runs `mapiproxy account COMMAND`, which reads a password from its standard input.
fn run_account_command(folder: &Folder, command: &str, domain: &str, (user, password): (&str, &str)) {
    let mut arguments = Command::new(program());
    arguments.args(["account", command, "--domain", domain, user, "--accounts"]);
    let mut process = Process::start("account", arguments.arg(folder.join("accounts.toml")));
    process.feed(&format!("{password}\n"));
    let ended = process.end();
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
