//! A process that executes commands one at a time.

use serde_json::{Value, json};

use super::client::Client;
use super::process::{Ended, Process};

/// A process that reads one command a line, and responds to each with one line of JSON.
#[derive(Debug)]
pub(crate) struct Dialogue {
    process: Process,
    /// How many responses were read.
    responses: usize,
}

impl Dialogue {
    /// A dialogue with `process`, none of whose lines was read.
    pub(crate) const fn new(process: Process) -> Self {
        Self { process, responses: 0 }
    }

    /// A dialogue with `client`, which first reports that it is ready.
    pub(crate) fn begun(client: Client) -> Self {
        let mut dialogue = Self::new(client.start());
        assert_eq!(dialogue.response(), json!({ "ready": true }));
        dialogue
    }

    /// Sends `command` without waiting for its response.
    pub(crate) fn send(&mut self, command: &str) {
        self.process.write_line(command);
    }

    /// The next response.
    pub(crate) fn response(&mut self) -> Value {
        self.responses += 1;
        let line = self.process.line(self.responses);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Sends `command` and waits for its response.
    pub(crate) fn command(&mut self, command: &str) -> Value {
        self.send(command);
        self.response()
    }

    /// Kills the process.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// Closes the standard input of the process, and waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        self.process.end()
    }
}
