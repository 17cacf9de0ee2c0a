//! Tests that operations which `mapiproxy lab` acknowledged survive SIGKILL at any instant, as clients see it.
//!
//! `KILLS` sets how often the process is killed, 20 times by default.

mod server;
mod writer;

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::Server;
use crate::writer::Writer;

/// The rounds in one store.
const ROUNDS_OF_STORE: u64 = 5;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a setting of the test")]
async fn acknowledged_operations_survive_a_killed_server() {
    let kills = std::env::var("KILLS").map_or(20, |kills| kills.parse().unwrap());
    let begin = Instant::now();
    let mut done = 0;
    let mut store = Store::new();
    for round in 0..kills {
        if round % ROUNDS_OF_STORE == 0 {
            done += store.done();
            store = Store::new();
        }
        let mut server = Server::start(store.folder.path());
        for writer in &store.writers {
            writer.expect(&server).await;
        }
        let [alice, carol] = &mut store.writers;
        let addresses = (server.rpc, server.http);
        let killed = async {
            tokio::time::sleep(Duration::from_millis(100 + round * 7919 % 300)).await;
            server.kill();
        };
        // Responses that the server sent before it was killed are still received.
        tokio::join!(alice.write_until_lost(addresses), carol.write_until_lost(addresses), killed);
        server::check(store.folder.path());
    }
    let server = Server::start(store.folder.path());
    for writer in &store.writers {
        writer.expect(&server).await;
    }
    done += store.done();
    println!("{kills} kills, {done} operations reported as done, {:?}", begin.elapsed());
    assert!(done > kills, "{done} operations were reported as done in {kills} rounds");
}

#[test]
fn a_check_of_a_missing_or_foreign_file_fails_and_creates_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("lab.db");
    assert!(!server::checked(&missing).status.success() && !missing.exists());
    std::fs::write(&missing, "no store ".repeat(1000)).unwrap();
    assert!(!server::checked(&missing).status.success());
}

/// A store, and what those who write to it know.
struct Store {
    folder: TempDir,
    writers: [Writer; 2],
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        server::prepare(folder.path());
        Self { folder, writers: [Writer::new("alice", false), Writer::new("carol", true)] }
    }

    fn done(&self) -> u64 {
        self.writers.iter().map(|writer| writer.done).sum()
    }
}
