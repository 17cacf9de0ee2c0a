//! `mapiproxy demo`, in a terminal and without one.

use std::process::Command;

use crate::harness::{Ended, Folder, Process, program};

/// The demo, with its temporary files in `folder`.
fn demo(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("demo").args(arguments).env("TMPDIR", folder.join(""));
    command
}

/// The demo in a terminal that `script` makes, 60 columns wide. What is written to standard input is typed in it.
fn in_terminal(folder: &Folder, arguments: &str) -> Command {
    let mut command = Command::new("script");
    let inside = format!("stty cols 60; exec '{}' demo {arguments}", program().display());
    command.args(["--quiet", "--flush", "--return", "--command", &inside, "/dev/null"]);
    command.env("TMPDIR", folder.join("")).env_remove("NO_COLOR");
    command
}

fn is_empty(folder: &Folder) -> bool {
    std::fs::read_dir(folder.join("")).unwrap().next().is_none()
}

#[track_caller]
fn expect_all_acts(ended: &Ended) {
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    let mut rest = ended.out.as_str();
    for part in [
        "MAPIProxy demo",
        "1. Alice writes to Bob over MAPI over HTTP",
        "| alice  emsmdb.Execute: CreateAttachment",
        "| alice  emsmdb.Execute: Release SubmitMessage",
        "2. Bob is notified over ExchangeRPC",
        "| bob    emsmdb.EcDoRpcExt2: Release OpenMessage",
        "3. Alice tries to read Bob's mailbox",
        "| alice  emsmdb.Execute: Logon=MAPI_E_NO_ACCESS",
        "4. The proxy hides the server's name",
        "[names: replaced the server's name]",
        "What to try next",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing or too early:\n{}", ended.out));
        rest = &rest[at..];
    }
    let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in
        ["\"Tea?\": \"At four.\" and the attachment tea.txt, 46000 bytes, unchanged", "received PROXY."]
    {
        assert!(words.contains(part), "{part}: {}", ended.out);
    }
}

#[test]
fn the_demo_shows_all_acts_without_colours_outside_a_terminal() {
    let folder = Folder::new();
    let ended = Process::start("demo", &mut demo(&folder, &[])).end();
    expect_all_acts(&ended);
    assert!(!ended.out.contains('\x1b') && ended.err.is_empty(), "{}\n{}", ended.out, ended.err);
    assert!(is_empty(&folder));
}

#[test]
fn the_demo_respects_the_width_and_the_colours_of_a_terminal() {
    let folder = Folder::new();
    for has_colours in [true, false] {
        let mut command = in_terminal(&folder, "");
        if !has_colours {
            command.env("NO_COLOR", "1");
        }
        let mut process = Process::start("demo in a terminal", &mut command);
        process.wait_out("the end", |line| line.contains("README.md has"));
        let ended = process.end();
        assert_eq!(ended.out.contains("\x1b[1m1. Alice"), has_colours, "{}", ended.out);
        assert_eq!(ended.out.contains('\x1b'), has_colours, "{}", ended.out);
        let plain = ["\x1b[1m", "\x1b[36m", "\x1b[0m", "\r"];
        let text = plain.iter().fold(ended.out.clone(), |text, part| text.replace(part, ""));
        let is_command = |line: &str| line.contains(&*program().to_string_lossy());
        for line in text.lines().filter(|line| !is_command(line)) {
            assert!(line.chars().count() <= 60, "{line:?}");
        }
    }
}

#[test]
fn an_interrupt_ends_the_demo_at_any_moment_without_temporary_files() {
    for act in ["MAPIProxy demo", "mailboxes", "1. Alice", "3. Alice"] {
        let folder = Folder::new();
        let mut process = Process::start("demo in a terminal", &mut in_terminal(&folder, "--stay"));
        process.wait_out(act, |line| line.contains(act));
        process.write_line("\x03");
        let ended = process.end();
        let is_complete = ended.out.contains("Ctrl-C ends the demo.");
        let expected = if is_complete { 0 } else { 130 };
        assert_eq!(ended.status.code(), Some(expected), "{act}: {}", ended.out);
        assert!(is_empty(&folder), "{act}: {}", ended.out);
    }
}

/// The commands among the lines of `text`, as they are typed.
fn commands(text: &str) -> Vec<String> {
    let called = format!("  {} ", program().display());
    let is_command = |line: &&str| line.starts_with(&called) || line.starts_with("  curl ");
    // The description of a command follows it after spaces.
    text.lines().filter(is_command).map(|line| line.trim().split("   ").next().unwrap().to_owned()).collect()
}

fn shell(command: &str) -> Ended {
    let ended = Process::start(command, Command::new("sh").args(["-c", command])).end();
    assert!(ended.status.success(), "{command}: {}\n{}", ended.out, ended.err);
    ended
}

#[test]
fn the_commands_that_the_demo_prints_work() {
    let folder = Folder::new();
    let next = commands(&Process::start("demo", &mut demo(&folder, &[])).end().out);
    assert_eq!(next.len(), 3, "{next:?}");
    assert!(next[0].ends_with(" demo --stay"), "{next:?}");
    next[1..].iter().for_each(|command| drop(shell(command)));

    // Two demos run at once.
    let started = || Process::start("demo --stay", &mut demo(&folder, &["--stay"]));
    let mut demos = [started(), started()];
    for stay in &demos {
        stay.wait_out("the end of the acts", |line| line.contains("Ctrl-C ends the demo."));
        let printed = commands(&stay.out().join("\n"));
        assert_eq!(printed.len(), 3, "{printed:?}");
        let outputs: Vec<String> = printed.iter().map(|command| shell(command).out).collect();
        assert!(outputs[0].contains("Tea?"), "{outputs:?}");
        assert!(outputs[1].lines().count() > 1, "{outputs:?}");
        assert!(outputs[2].contains("https://127.0.0.23:"), "{outputs:?}");
    }
    for stay in &mut demos {
        stay.terminate();
        let ended = stay.end();
        assert!(ended.status.success() && ended.err.is_empty(), "{}\n{}", ended.out, ended.err);
    }
    assert!(is_empty(&folder));
}

#[test]
fn an_environment_in_which_the_demo_cannot_run_is_a_clear_error() {
    let folder = Folder::new();
    let missing = Process::start("demo", demo(&folder, &[]).env("TMPDIR", folder.join("missing"))).end();
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.err.contains("cannot create the directory ") && missing.err.lines().count() == 1);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = demo(&folder, &[]).stdout(full).output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && error.contains("No space left"), "{error}");
    assert!(is_empty(&folder));
}
