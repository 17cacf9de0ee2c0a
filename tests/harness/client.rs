//! Third-party clients, run against a server.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::place::PATIENCE;
use super::process::{Ended, Process};
use super::programs::{interop_script, python};

/// A third-party client to be run against a server.
#[derive(Debug)]
pub(crate) struct Client {
    name: &'static str,
    command: Command,
}

impl Client {
    fn new(name: &'static str, script: &str) -> Self {
        let mut command = Command::new(python());
        command.arg(interop_script(script));
        Self { name, command }
    }

    /// impacket, which queries the endpoint mapper at `mapper`.
    pub(crate) fn impacket(mapper: SocketAddr) -> Self {
        Self::new("impacket", "impacket_client.py").with("--epm", &mapper.to_string())
    }

    /// scapy, which queries the endpoint mapper at `mapper`.
    pub(crate) fn scapy(mapper: SocketAddr) -> Self {
        Self::new("scapy", "scapy_client.py").with("--epm", &mapper.to_string())
    }

    /// impacket, which reads all entries of the endpoint mapper at `mapper`.
    pub(crate) fn endpoints(mapper: SocketAddr) -> Self {
        Self::new("endpoints", "endpoints_client.py").with("--epm", &mapper.to_string())
    }

    /// requests at the server of MAPI over HTTP with this URL, as `account` by `scheme`.
    pub(crate) fn mapi_http(url: &str, scheme: &str, account: (&str, &str)) -> Self {
        let client =
            Self::new("mapi_http", "mapi_http_client.py").with("--url", url).with("--scheme", scheme);
        client.with("--user", account.0).with("--domain", "LAB").with("--password", account.1)
    }

    /// A client that is notified of changes in the mailbox of `owner`; see the script.
    pub(crate) fn notified(owner: &str) -> Self {
        Self::new("notified", "notified_client.py").with("--owner", owner)
    }

    /// A client that downloads folders of the mailbox of `owner`; see the script.
    pub(crate) fn synchronizing(owner: &str) -> Self {
        Self::new("synchronizing", "synchronizing_client.py").with("--owner", owner)
    }

    /// A client that misbehaves in the way `mode` towards `target`.
    pub(crate) fn raw(mode: &str, target: SocketAddr) -> Self {
        Self::new("raw_tcp", "raw_tcp.py").flag(mode).with("--target", &target.to_string())
    }

    /// A client that executes the commands on its standard input; see the script.
    pub(crate) fn scripted(mapper: SocketAddr) -> Self {
        Self::new("scripted", "scripted_client.py").with("--epm", &mapper.to_string())
    }

    /// Many sessions of the address book at `target`.
    pub(crate) fn sessions(target: SocketAddr) -> Self {
        Self::new("sessions", "sessions_client.py").with("--target", &target.to_string())
    }

    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        self.command.args([option, value]);
        self
    }

    pub(crate) fn flag(mut self, option: &str) -> Self {
        self.command.arg(option);
        self
    }

    /// Authenticates with `account`, and protects its calls at `level`.
    pub(crate) fn user(self, account: (&str, &str), level: &str) -> Self {
        self.with("--user", account.0)
            .with("--password", account.1)
            .with("--domain", "LAB")
            .with("--level", level)
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Process {
        Process::start(self.name, &mut self.command)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Report {
        self.run_for(PATIENCE)
    }

    /// Runs it to its end, which may take as long as `patience`.
    pub(crate) fn run_for(self, patience: Duration) -> Report {
        Report::of(&self.start().end_within(patience))
    }
}

/// The report of a client.
#[derive(Debug)]
pub(crate) struct Report {
    /// The result of each step.
    pub(crate) results: Value,
    /// The step that failed, and how.
    pub(crate) failed: Option<(String, String)>,
    /// The output and the errors.
    pub(crate) text: String,
}

impl Report {
    /// The report of a client that has ended.
    fn of(ended: &Ended) -> Self {
        let report: Value = serde_json::from_str(&ended.out)
            .unwrap_or_else(|error| panic!("no report ({error}): {}\n{}", ended.out, ended.err));
        let text = |key: &str| report[key].as_str().unwrap_or_default().to_owned();
        let failed = (report["ok"] != true).then(|| (text("failed"), text("error")));
        Self { results: report["results"].clone(), failed, text: format!("{}\n{}", ended.out, ended.err) }
    }

    /// Asserts that every step succeeded.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert!(self.failed.is_none(), "{}", self.text);
        self
    }

    /// Asserts that the step `step` failed with an error that contains `error`.
    #[track_caller]
    pub(crate) fn expect_failed(self, step: &str, error: &str) -> Self {
        let (failed, why) = self.failed.clone().unwrap_or_default();
        assert!(failed == step && why.contains(error), "{}", self.text);
        self
    }

    /// The result of `step`.
    #[track_caller]
    pub(crate) fn result(&self, step: &str) -> &Value {
        self.results.get(step).unwrap_or_else(|| panic!("{step} is missing in {}", self.text))
    }
}

/// Asserts that both are equal, and names the first difference.
#[track_caller]
pub(crate) fn expect_same(left: &Value, right: &Value) {
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (left, right) = (text(left), text(right));
    for (number, (one, other)) in left.lines().zip(right.lines()).enumerate() {
        let before = left.lines().take(number).collect::<Vec<_>>();
        let near = before[before.len().saturating_sub(8)..].join("\n");
        assert_eq!(one, other, "line {}, after\n{near}", number + 1);
    }
    assert_eq!(left.lines().count(), right.lines().count());
}
