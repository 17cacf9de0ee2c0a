//! An authenticated address book client that executes commands one at a time.

use serde_json::Value;

use super::client::Client;
use super::dialogue::Dialogue;
use super::proxy::Proxy;

/// An authenticated client of the address book that executes one command after another.
#[derive(Debug)]
pub(crate) struct ScriptedClient {
    dialogue: Dialogue,
    /// Its association group.
    pub(crate) group: u64,
}

impl ScriptedClient {
    /// Authenticates at `proxy` and binds, in the association group `group`, or in a new one for zero.
    pub(crate) fn bound(proxy: &Proxy, account: (&str, &str), group: u64) -> Self {
        let client = Client::scripted(proxy.mapper()).user(account, "privacy");
        let process = client.with("--group", &group.to_string()).start();
        let mut dialogue = Dialogue::new(process);
        let group = dialogue.response()["group"].as_u64().unwrap();
        Self { dialogue, group }
    }

    /// Sends `command` without waiting for its response.
    pub(crate) fn send(&mut self, command: &str) {
        self.dialogue.send(command);
    }

    /// The next response.
    pub(crate) fn response(&mut self) -> Value {
        self.dialogue.response()
    }

    /// Executes `command`, and returns its response.
    pub(crate) fn command(&mut self, command: &str) -> Value {
        self.dialogue.command(command)
    }

    /// Opens an address book. Returns its handle.
    pub(crate) fn open(&mut self) -> String {
        let response = self.command("open");
        response["open"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
    }

    /// Asserts that a call with `handle` succeeds.
    #[track_caller]
    pub(crate) fn expect_use(&mut self, handle: &str) {
        assert_eq!(self.command(&format!("use {handle}"))["used"], *handle);
    }

    /// Makes a call with `handle`, which fails. Returns the fault.
    #[track_caller]
    pub(crate) fn fault_of(&mut self, handle: &str) -> String {
        let response = self.command(&format!("use {handle}"));
        response["fault"].as_str().unwrap_or_else(|| panic!("no fault: {response}")).to_owned()
    }

    /// Ends without unbinding.
    pub(crate) fn kill(self) {
        self.dialogue.kill();
    }

    /// Unbinds and ends.
    pub(crate) fn disconnect(self) {
        assert!(self.dialogue.end().status.success());
    }
}
