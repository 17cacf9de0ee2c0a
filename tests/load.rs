//! `mapiproxy load` through the proxy to the lab.

use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, BOB, Ended, Folder, Lab, Process, program};

/// Runs two users over both protocols for some seconds.
fn load(accounts: &[(&str, &str)], more: &[&str]) -> (Ended, Folder) {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();
    let folder = Folder::new();
    let lines: Vec<_> = accounts.iter().map(|(user, password)| format!("{user} {password}")).collect();
    let file = folder.write("users", &format!("# user and password\n\n{}\n", lines.join("\n")));
    let mut command = Command::new(program());
    command.args(["load", "--server", &url, "--server", &proxy.mapper().to_string(), "--domain", "LAB"]);
    command.arg("--accounts").arg(file).arg("--ca-file").arg(proxy.file("own.crt"));
    command.args(["--users", "4", "--minutes", "0.1", "--speed", "300"]).args(more);
    (Process::start("mapiproxy load", &mut command).end(), folder)
}

#[test]
fn users_over_both_protocols_work_and_their_operations_are_reported() {
    let (ended, _) = load(&[ALICE, BOB], &["--json"]);
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((6.0..20.0).contains(&seconds), "{seconds}");
    assert_eq!(report["failures"], serde_json::json!({}));
    for operation in ["address book", "logon", "folders", "list", "read", "send"] {
        let figures = &report["operations"][operation];
        assert!(figures["count"].as_u64().unwrap() > 0, "{operation}: {report}");
        let [p50, max] = ["p50_ms", "max_ms"].map(|key| figures[key].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= max, "{operation}: {figures}");
    }
}

#[test]
fn failures_are_counted_by_their_reason() {
    let (ended, _) = load(&[ALICE, (BOB.0, "wrong")], &[]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    assert!(
        ended.out.contains(" times: address book: ") && ended.out.contains("ACCESS_DENIED"),
        "{}",
        ended.out
    );
    assert!(ended.err.contains(" operations failed"), "{}", ended.err);
}

#[test]
fn a_file_without_passwords_is_refused_and_not_quoted() {
    let (ended, _) = load(&[("secret", "")], &[]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.err.contains("line 3: expected a user and a password"), "{}", ended.err);
    assert!(!ended.err.contains("secret"), "{}", ended.err);
}
