//! Tests that changes which were reported as done survive the end of the process at any instant.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use store::{Error, ObjectId, Store};

use crate::common::SUBJECT;

/// How often the writer is killed.
const ROUNDS: u32 = 30;

/// The example that writes, which cargo builds beside the tests.
fn writer() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/write_until_killed")
}

#[test]
fn saved_messages_survive_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut saved: BTreeMap<u64, String> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut writer = Command::new(writer()).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Some are killed at any instant, maybe while they open the store; the others once they have saved messages,
        // however loaded the machine is.
        let first: Vec<String> = if round % 3 == 0 { Vec::new() } else { lines.by_ref().take(8).collect() };
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 100)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut deleting = None;
        for line in first.into_iter().chain(lines) {
            let (id, subject) = line.split_once(' ').unwrap();
            if id == "deleted" {
                saved.remove(&subject.parse().unwrap());
                deleting = None;
            } else {
                saved.insert(id.parse().unwrap(), subject.to_owned());
                deleting = Some(id.parse().unwrap());
            }
        }
        // Of a message that was about to be deleted, either state is right.
        if let Some(id) = deleting {
            saved.remove(&id);
        }
        check(&path, &saved);
    }
    assert!(saved.len() > 50, "{} messages in {ROUNDS} rounds", saved.len());
}

fn check(path: &std::path::Path, saved: &BTreeMap<u64, String>) {
    let store = Store::open(path).unwrap();
    assert_eq!(store.verify().unwrap(), []);
    store
        .read(|view| {
            let Some(mailbox) = view.mailbox_of("alice")? else {
                assert!(saved.is_empty());
                return Ok(());
            };
            for (id, subject) in saved {
                let message = view.message(mailbox.id, ObjectId::own(*id))?;
                let content = view.content(message.content)?;
                assert_eq!(content.properties.text(SUBJECT).as_deref(), Some(subject.as_str()));
            }
            Ok::<_, Error>(())
        })
        .unwrap();
}
