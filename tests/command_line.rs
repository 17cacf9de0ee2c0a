//! The command line: arguments, output and errors.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{Ended, Folder, Process, mode, program};

/// Runs `mapiproxy` with `arguments` and `input` on its standard input.
fn mapiproxy(arguments: &[&str], input: &str) -> Ended {
    let mut process = Process::start("mapiproxy", Command::new(program()).args(arguments));
    process.feed(input);
    process.end()
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    assert_eq!(ended.err, "");
    &ended.out
}

#[track_caller]
fn failed(ended: &Ended, says: &str) {
    assert!(!ended.status.success(), "{}", ended.out);
    assert!(ended.err.contains(says), "expected {says:?}:\n{}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn accounts_are_added_listed_changed_disabled_and_removed() {
    let folder = Folder::new();
    let file = folder.join("accounts.toml");
    let path = file.to_str().unwrap();
    let account = |verb: &str, more: &[&str], input: &str| {
        mapiproxy(&[&["account", verb, "--accounts", path][..], more].concat(), input)
    };
    assert_eq!(
        done(&account("add", &["--domain", "LAB", "alice"], "one\n")),
        format!("added alice in {path}")
    );
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(!first.contains("one"), "the password itself is in the file");
    done(&account("add", &["--domain", "LAB", "--disabled", "bob"], "two\n"));
    done(&account("add", &["carol"], "three\r\n"));
    assert_eq!(done(&account("list", &[], "")), "LAB\\alice\nLAB\\bob  (disabled)\ncarol");

    // The name is the same in any case.
    let again = account("password", &["--domain", "lab", "ALICE"], "four\n");
    assert_eq!(done(&again), format!("changed the password of alice in {path}"));
    let second = std::fs::read_to_string(&file).unwrap();
    assert_ne!(first.lines().find(|l| l.contains("nt_hash")), second.lines().find(|l| l.contains("nt_hash")));
    assert_eq!(done(&account("enable", &["--domain", "LAB", "bob"], "")), format!("enabled bob in {path}"));
    assert_eq!(done(&account("list", &[], "")), "LAB\\alice\nLAB\\bob\ncarol");
    assert_eq!(done(&account("disable", &["--domain", "LAB", "bob"], "")), format!("disabled bob in {path}"));
    assert_eq!(
        done(&account("remove", &["--domain", "LAB", "alice"], "")),
        format!("removed alice from {path}")
    );
    assert_eq!(done(&account("list", &[], "")), "LAB\\bob  (disabled)\ncarol");
    for verb in ["remove", "password", "enable", "disable"] {
        failed(&account(verb, &["--domain", "LAB", "alice"], ""), "no account alice with domain \"LAB\"");
    }
    done(&account("add", &["--domain", "LAB", "--dns-domain", "lab.test", "erin"], "five\n"));
    for (more, name) in [
        (&["erin@lab.test"][..], "ERIN@LAB.TEST would denote two accounts, LAB\\erin"),
        (&["--domain", "EU", "carol"], "CAROL would denote two accounts, carol"),
        (&["--domain", "lab.test", "erin"], "ERIN@LAB.TEST would denote two accounts, LAB\\erin"),
        (&["LAB\\dave"], "\"LAB\\\\dave\" includes a domain: write --domain LAB dave"),
        (&["--domain", "LAB", ""], "the user name is empty"),
        (&["dave/x"], "invalid user or domain name \"dave/x\": expected at most 256 bytes, "),
    ] {
        let ended = account("add", more, "six\n");
        failed(&ended, name);
        assert!(ended.err.contains(&format!(" was not added to {path}: ")), "{}", ended.err);
    }
    failed(&account("add", &["--domain", "LAB", "dave"], "\n"), "the password is empty");
    failed(&account("add", &["--domain", "LAB", "dave"], ""), "the password is empty");
    failed(&account("add", &["--domain", "LAB", "dave"], "\u{feff}one\n"), "begins with a byte order mark");
}

#[test]
fn a_log_level_that_does_not_exist_is_refused() {
    for level in ["warning", "a=b=c"] {
        let ended = mapiproxy(&["--log", level, "modules"], "");
        let expected = format!(
            "invalid value '{level}' for '--log <LOG>': expected error, warn, info, debug or trace, optionally followed by \
             PART=LEVEL, for example info,net=debug"
        );
        failed(&ended, &expected);
    }
    done(&mapiproxy(&["--log", "info,net=debug", "modules"], ""));
}

#[test]
fn an_account_that_exists_is_not_added_again_and_a_new_password_changes_nothing_else() {
    let folder = Folder::new();
    let file = folder.join("accounts.toml");
    let path = file.to_str().unwrap();
    let account = |verb: &str, more: &[&str], input: &str| {
        mapiproxy(&[&["account", verb, "--accounts", path][..], more].concat(), input)
    };
    let erin = ["--domain", "LAB", "erin"];
    done(&account("add", &[&erin[..], &["--dns-domain", "lab.test", "--disabled"]].concat(), "one\n"));
    let written = || std::fs::read_to_string(&file).unwrap();
    let without_hash = |text: &str| text.lines().filter(|line| !line.contains("nt_hash")).collect::<String>();
    let first = written();
    for name in [&erin, &["--domain", "lab", "ERIN"]] {
        let command = format!("`mapiproxy account password --accounts {path} {}` changes", name.join(" "));
        failed(&account("add", name, "two\n"), &command);
        assert_eq!(written(), first);
    }
    done(&account("password", &erin, "two\n"));
    assert_ne!(written(), first);
    assert_eq!(without_hash(&written()), without_hash(&first));
    assert!(without_hash(&first).contains("lab.test") && first.contains("disabled = true"), "{first}");
}

#[test]
fn a_file_of_accounts_that_others_can_read_is_refused() {
    let folder = Folder::new();
    let file = folder.write("accounts.toml", "");
    let list = ["account", "list", "--accounts", file.to_str().unwrap()];
    done(&mapiproxy(&list, ""));
    for bits in [0o604, 0o640, 0o660, 0o666, 0o620] {
        mode(&file, bits);
        failed(&mapiproxy(&list, ""), "chmod 600");
    }
    failed(&mapiproxy(&["account", "list", "--accounts", "/nonexistent/a"], ""), "/nonexistent/a");
}

const GOOD: &str = r#"name = "proxy.lab.test"
[listen]
endpoint_mapper = "127.0.0.23:1135"
rpc = "127.0.0.23:6001"
[clients]
accounts = "accounts.toml"
[upstream]
rpc = "exch.lab.test"
[upstream.credentials]
mode = "specified"
user = "svcproxy"
domain = "LAB"
password_file = "service.password"
[modules]
stack = ["names", "downgrade"]
"#;

/// A folder with a good configuration and all that it names.
fn good() -> Folder {
    let folder = Folder::new();
    folder.write("accounts.toml", "");
    folder.write("service.password", "Cheshire Cat 3\n");
    folder.write("proxy.toml", GOOD);
    folder
}

fn check(folder: &Folder) -> Ended {
    mapiproxy(&["check", "--config", folder.join("proxy.toml").to_str().unwrap()], "")
}

#[test]
fn a_valid_configuration_is_reported_as_valid() {
    let folder = good();
    let said = check(&folder);
    assert!(done(&said).contains("valid; accounts: 0; modules: names, downgrade"), "{}", said.out);
}

#[test]
fn without_a_stack_names_are_replaced_and_a_stack_that_does_not_is_warned_of() {
    let folder = good();
    let modules = "[modules]\nstack = [\"names\", \"downgrade\"]\n";
    assert!(GOOD.contains(modules));
    folder.write("proxy.toml", &GOOD.replace(modules, ""));
    let said = check(&folder);
    assert!(done(&said).contains("modules: names"), "{}", said.out);
    assert!(!said.out.contains("modules.stack"), "{}", said.out);
    folder.write("proxy.toml", &GOOD.replace(modules, "[modules]\nstack = []\n"));
    let said = check(&folder);
    let warning = "warning: modules.stack does not contain names: clients receive the server's own names";
    assert!(done(&said).contains(warning), "{}", said.out);
}

#[test]
fn errors_of_a_configuration_are_reported_with_position_and_advice() {
    let folder = good();
    for (from, to, says) in [
        ("accounts = ", "acounts = ", "line 6: unknown key clients.acounts; did you mean accounts?"),
        ("stack", "stakc", "unknown key modules.stakc; did you mean stack?"),
        ("\"downgrade\"", "\"names\"", "modules.stack: duplicate entry names"),
        ("\"downgrade\"", "\"names\", \"nams\"", "modules.stack: duplicate entry names"),
        ("\"downgrade\"", "\"names\", \"nams\"", "modules.stack: there is no module nams"),
        ("\"specified\"", "\"delegated\"", "delegated"),
        ("accounts.toml", "missing.toml", "missing.toml"),
        ("service.password", "no.password", "no.password"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        folder.write("proxy.toml", &GOOD.replacen(from, to, 1));
        failed(&check(&folder), says);
    }
    failed(&mapiproxy(&["check", "--config", "/nonexistent/p.toml"], ""), "/nonexistent/p.toml");
}

#[test]
fn files_with_secrets_that_others_can_read_are_refused_before_anything_runs() {
    for name in ["accounts.toml", "service.password"] {
        let folder = good();
        mode(&folder.join(name), 0o644);
        failed(&check(&folder), name);
        failed(&check(&folder), "chmod 600");
        let run = mapiproxy(&["run", "--config", folder.join("proxy.toml").to_str().unwrap()], "");
        failed(&run, "chmod 600");
        assert!(run.err.contains("proxy.toml, line "), "{}", run.err);
    }
}

#[test]
fn directories_and_pipes_are_refused_at_once() {
    for name in ["accounts.toml", "service.password"] {
        let folder = good();
        std::fs::remove_file(folder.join(name)).unwrap();
        std::fs::create_dir(folder.join(name)).unwrap();
        failed(&check(&folder), &format!("{name} is a directory, not a file"));
        std::fs::remove_dir(folder.join(name)).unwrap();
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(folder.join(name)).status().unwrap();
        assert!(made.success());
        failed(&check(&folder), &format!("{name} is a pipe, not a file"));
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let folder = good();
    let address = std::net::SocketAddr::from((crate::harness::address(), 6001));
    let _taken = std::net::TcpListener::bind(address).unwrap();
    folder.write("proxy.toml", &GOOD.replace("127.0.0.23:6001", &address.to_string()));
    let run = mapiproxy(&["run", "--config", folder.join("proxy.toml").to_str().unwrap()], "");
    failed(&run, &format!("cannot listen on {address}"));
    failed(&run, "stop the program that has the port (`ss -ltnp` lists it");
}

#[test]
fn the_reference_that_is_printed_is_a_configuration() {
    let folder = good();
    let keys = mapiproxy(&["check", "--keys"], "");
    assert!(done(&keys).contains("minimum_level"));
    folder.write("proxy.toml", &keys.out);
    let said = check(&folder);
    // It names another password file, which is not there; everything before that was fine.
    failed(&said, "svcproxy.password");
    folder.write("svcproxy.password", "x\n");
    done(&check(&folder));
}

#[test]
fn a_closed_output_ends_a_command_quietly() {
    let folder = good();
    let accounts = folder.join("accounts.toml");
    let accounts = accounts.to_str().unwrap();
    let config = folder.join("proxy.toml");
    for arguments in [
        &["modules"][..],
        &["check", "--keys"],
        &["lab", "--keys"],
        &["check", "--config", config.to_str().unwrap()],
        &["demo"],
        &["account", "add", "--accounts", accounts, "alice"],
        &["account", "list", "--accounts", accounts],
        &["account", "remove", "--accounts", accounts, "alice"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (stdin, mut password) = std::io::pipe().unwrap();
        password.write_all(b"one\n").unwrap();
        drop(password);
        let ended = Command::new(program()).args(arguments).stdin(stdin).stdout(writer).output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
    assert!(!std::fs::read_to_string(accounts).unwrap().contains("alice"), "she was added and removed");
}

#[test]
fn the_exit_status_reports_an_error_that_cannot_be_written() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(program()).args(["check", "--config", "/nonexistent"]).stderr(writer).status();
    assert_eq!(status.unwrap().code(), Some(1));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = Command::new(program()).arg("modules").stdout(full).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("No space left"), "{said}");
}

#[test]
fn a_test_server_continues_after_its_output_is_closed() {
    let folder = Folder::new();
    folder.write("accounts.toml", "");
    let rpc = std::net::SocketAddr::from((crate::harness::address(), 6001));
    let config =
        folder.write("lab.toml", &format!("rpc = \"{rpc}\"\naccounts = \"accounts.toml\"\npeople = 10\n"));
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" >/dev/full"]).arg(program());
    let mut lab = Process::start("lab", command.args(["lab", "--config"]).arg(config));
    let begin = std::time::Instant::now();
    while std::net::TcpStream::connect(rpc).is_err() {
        assert!(begin.elapsed() < crate::harness::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    lab.terminate();
    let ended = lab.end();
    assert!(ended.status.success() && ended.err.is_empty(), "{}", ended.err);
}

#[test]
fn modules_are_listed_with_their_options() {
    let said = mapiproxy(&["modules"], "");
    for part in ["names", "downgrade", "dummy", "modules.names.server (", "modules.dummy.quiet ("] {
        assert!(done(&said).contains(part), "{part}: {}", said.out);
    }
}
