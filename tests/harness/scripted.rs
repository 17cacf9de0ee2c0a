//! An authenticated address book client that executes commands one at a time.

use serde_json::Value;

use super::client::Client;
use super::process::Process;
use super::proxy::Proxy;

/// An authenticated client of the address book that executes one command after another.
#[derive(Debug)]
pub(crate) struct ScriptedClient {
    process: Process,
    answers: usize,
    /// The association group that it is in.
    pub(crate) group: u64,
}

impl ScriptedClient {
    /// Signs in at `proxy` and binds; in the association group `group`, or a new one for zero.
    pub(crate) fn bound(proxy: &Proxy, account: (&str, &str), group: u64) -> Self {
        let client = Client::scripted(proxy.mapper()).user(account, "privacy");
        let process = client.with("--group", &group.to_string()).start();
        let mut client = Self { process, answers: 0, group: 0 };
        client.group = client.answer()["group"].as_u64().unwrap();
        client
    }

    /// Has `command` done, without waiting for it.
    pub(crate) fn send(&mut self, command: &str) {
        self.process.say(command);
    }

    /// What it says next.
    pub(crate) fn answer(&mut self) -> Value {
        self.answers += 1;
        let line = self.process.line(self.answers);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Has `command` done.
    pub(crate) fn command(&mut self, command: &str) -> Value {
        self.process.say(command);
        self.answer()
    }

    /// Opens an address book; its handle.
    pub(crate) fn open(&mut self) -> String {
        let answer = self.command("open");
        answer["open"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Uses `handle`, as its owner can.
    #[track_caller]
    pub(crate) fn uses(&mut self, handle: &str) {
        assert_eq!(self.command(&format!("use {handle}"))["used"], *handle);
    }

    /// The fault that using `handle` comes to.
    #[track_caller]
    pub(crate) fn fault_of(&mut self, handle: &str) -> String {
        let answer = self.command(&format!("use {handle}"));
        answer["fault"].as_str().unwrap_or_else(|| panic!("no fault: {answer}")).to_owned()
    }

    /// Ends without a word to the server.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// Ends as clients end.
    pub(crate) fn leave(mut self) {
        assert!(self.process.end().status.success());
    }
}
