//! The hooks of modules are the same for RPC and HTTP.

use std::process::Command;

use crate::harness::{ALICE, Folder, HttpPlace, Lab, Process, Proxy, Setup, program};
use crate::http_clients::ASKED;

/// A log filter that shows only the lines of `dummy`.
const LOG: &str = "warn,dummy=info";

/// The hooks of a session of the mailbox store with a logon, by either protocol, each with its operation or ROP.
const SESSION: [&str; 21] = [
    "Connect request_bytes",
    "Connect request",
    "Connect dispatch",
    "Connect response_bytes",
    "Connect response",
    "Connect deliver",
    "Execute request_bytes",
    "Execute request",
    "RopLogon rop_request",
    "Execute dispatch",
    "Execute response_bytes",
    "RopLogon rop_response",
    "Execute response",
    "Execute deliver",
    "Disconnect request_bytes",
    "Disconnect request",
    "Disconnect dispatch",
    "Disconnect response_bytes",
    "Disconnect response",
    "Disconnect deliver",
    "unbind",
];

/// The names of operations over HTTP and over RPC.
const OPERATIONS: [(&str, [&str; 2]); 3] = [
    ("Connect", ["emsmdb.Connect", "emsmdb.EcDoConnectEx"]),
    ("Execute", ["emsmdb.Execute", "emsmdb.EcDoRpcExt2"]),
    ("Disconnect", ["emsmdb.Disconnect", "emsmdb.EcDoDisconnect"]),
];

/// The value of the field `name` in a line of the log.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.split_whitespace().find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

/// The hook of a line of `dummy`, with its operation or ROP.
fn hook(line: &str) -> Option<String> {
    let hook = line.split_once("dummy: ")?.1.split_whitespace().next()?;
    let Some(about) = field(line, "operation").or_else(|| field(line, "rop")) else {
        return Some(hook.to_owned());
    };
    let known = OPERATIONS.iter().find(|(_, names)| names.contains(&about));
    Some(format!("{} {hook}", known.map_or(about, |(operation, _)| operation)))
}

/// Stops `proxy`. Returns the hooks of the only session of the mailbox store, and those without a session.
#[track_caller]
fn said(proxy: &mut Proxy) -> (Vec<String>, Vec<String>) {
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    let users = || ended.err.lines().filter_map(|line| field(line, "user"));
    assert!(users().count() > 0 && users().all(|user| user == "LAB\\alice"), "{}", ended.err);
    let of_store = ended.err.lines().find(|line| line.contains("operation=\"emsmdb."));
    let session = of_store.and_then(|line| field(line, "session"));
    assert!(session.is_some(), "{}", ended.err);
    let of = |wanted| ended.err.lines().filter(move |line| field(line, "session") == wanted).filter_map(hook);
    (of(session).collect(), of(None).collect())
}

#[test]
fn an_rpc_session_calls_every_hook_of_modules() {
    let lab = Lab::start(false);
    let mut proxy = Setup::before(&lab.mapper().to_string()).stack(&["names", "dummy"]).log(LOG).start();
    let folder = Folder::new();
    let password = folder.write("password", ALICE.1);
    let mut command = Command::new(program());
    command.args(["client", "--server", &proxy.mapper().to_string(), "--user", ALICE.0, "--domain", "LAB"]);
    command.arg("--password-file").arg(&password).args(["logon", "alice"]);
    let ended = Process::start("mapiproxy client", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    let (session, others) = said(&mut proxy);
    assert_eq!(session, SESSION);
    assert_eq!(others, ["init", "shutdown"]);
}

#[test]
fn an_http_session_and_autodiscover_call_the_same_hooks_of_modules() {
    let mut place = HttpPlace::with("ntlm", |setup| setup.stack(&["names", "dummy"]).log(LOG));
    let mut alice = place.connected("basic", ALICE);
    // The recorded Execute with a `RopLogon`.
    alice.succeed("execute 65");
    alice.succeed("disconnect");
    let page = place.curl("/autodiscover/autodiscover.xml").user(ALICE).with(&["--data", ASKED]).run();
    assert_eq!(page.status(), 200, "{page:?}");
    let (session, others) = said(&mut place.proxy);
    assert_eq!(session, SESSION);
    assert_eq!(others, ["init", "autodiscover", "shutdown"]);
}
