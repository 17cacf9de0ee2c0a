//! Recordings: what Wireshark and we make of what the proxy wrote down, and of what passed on the wire.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, BOB, Client, Ended, Folder, Lab, Process, Proxy, Setup, Upstream, program};

/// A proxy that records both sides, after a walk of impacket and one of scapy through it.
fn recorded() -> (Upstream, Proxy) {
    let upstream = Upstream::start();
    let capture = "[capture]\npackets = \"run.pcapng\"\nsides = [\"client\", \"upstream\"]\n";
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).table(capture);
    let proxy = setup.start();
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_done();
    Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--dialect", "2000").run().expect_done();
    // What was recorded last is written by a thread of its own.
    std::thread::sleep(std::time::Duration::from_millis(500));
    (upstream, proxy)
}

/// What `mapiproxy decode` says of `file`, an operation a line.
fn decoded(file: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(program());
    command.args(["decode", "--json"]).arg(file).args(more);
    let ended = Process::start("mapiproxy decode", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    assert_eq!(ended.err, "");
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What tshark says of the packets of `file` that fit `filter`.
fn tshark(file: &Path, filter: &str) -> String {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-d", "tcp.port==6001,dcerpc", "-Y", filter]);
    let ended = Process::start("tshark", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    ended.out
}

/// Nothing of an operation is left opaque. Not so the answers to ROPs: those of the server that stands in here are
/// the questions once more.
#[track_caller]
fn is_read(operation: &Value) {
    let echoed = operation["rops"].as_array().is_some_and(|rops| !rops.is_empty());
    assert!(echoed || operation["problems"] == Value::Array(Vec::new()), "{operation}");
}

#[test]
fn wireshark_opens_what_the_proxy_records_and_finds_nothing_wrong_in_it() {
    let (_upstream, proxy) = recorded();
    let file = proxy.file("run.pcapng");
    // The restriction of NspiGetMatches it does not read on the wire either.
    let malformed = "_ws.malformed && !(nspi.opnum == 5)";
    assert_eq!(tshark(&file, malformed), "");
    assert_eq!(
        tshark(&file, "tcp.analysis.flags || tcp.checksum.status == 0 || ip.checksum.status == 0"),
        ""
    );
    let calls = tshark(&file, "nspi && dcerpc.pkt_type in {0, 2}");
    assert!(calls.contains("QueryRows request") && calls.contains("QueryRows response"), "{calls}");
    let old = tshark(&file, "mapi && dcerpc.pkt_type == 0");
    assert!(old.contains("EcDoConnect"), "{old}");
}

#[test]
fn the_recording_says_who_asked_what_on_which_side() {
    let (_upstream, proxy) = recorded();
    let file = proxy.file("run.pcapng");
    let operations = decoded(&file, &[]);
    for operation in &operations {
        assert_eq!(operation["user"], "LAB\\alice");
        is_read(operation);
    }
    let sides = |side: &str| operations.iter().filter(|operation| operation["side"] == side).count();
    assert!(sides("client") > 15 && sides("upstream") > 15);
    let some = decoded(&file, &["--user", "alice", "--rop", "Logon"]);
    assert!(some.iter().all(|operation| operation["rops"][0]["name"] == "RopLogon") && !some.is_empty());
    assert_eq!(decoded(&file, &["--user", "bob"]), Vec::<Value>::new());
}

#[test]
fn what_a_client_sealed_on_the_wire_is_read_with_its_password_and_not_without() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    let recording = crate::witness::Recording::of([proxy.address, upstream.address]);
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_done();
    Client::scapy(proxy.mapper()).user(ALICE, "privacy").run().expect_done();
    let recorded = recording.end();
    let folder = Folder::new();
    let password = folder.write("password", ALICE.1);
    let with = decoded(&recorded.file, &["--password", &format!("alice={}", password.display())]);
    let to =
        |operation: &&Value| operation["server"].as_str().unwrap().starts_with(&proxy.address.to_string());
    let of_client: Vec<&Value> = with.iter().filter(to).collect();
    assert!(of_client.len() > 20, "{}", of_client.len());
    for operation in &of_client {
        is_read(operation);
    }
    assert!(of_client.iter().any(|operation| operation.to_string().contains("Ada Lovelace")));
    // With another's password, or none, nothing of it is read: the server's side is sealed by another account.
    let of_server = with.iter().filter(|operation| !to(operation));
    let sealed = |operation: &Value| operation["problems"].to_string().contains("no password or key");
    assert!(of_server.filter(|operation| operation["endpoint"] != "epm").any(sealed));
    let without = decoded(&recorded.file, &[]);
    assert!(!without.iter().any(|operation| operation.to_string().contains("Lovelace")));
}

/// Sends what `recording` holds to the proxy `target` once more, as `account`.
fn replayed(recording: &Path, target: &Proxy, account: (&str, &str)) -> Ended {
    let folder = Folder::new();
    let password = folder.write("password", account.1);
    let mut command = Command::new(program());
    command.args(["replay", "--target", &target.mapper().to_string(), "--as", account.0, "--domain", "LAB"]);
    command.arg("--password-file").arg(password).arg(recording);
    Process::start("mapiproxy replay", &mut command).end()
}

#[test]
fn a_recorded_session_sent_once_more_has_the_same_meaning_and_what_differs_is_told() {
    let lab = Lab::start(false);
    let capture = "[capture]\npackets = \"run.pcapng\"\n";
    let setup = Setup::before(&lab.mapper().to_string()).stack(&["names"]).table(capture);
    let proxy = setup.options("names", "server = \"EXCH1\"").start();
    let folder = Folder::new();
    let password = folder.write("password", ALICE.1);
    let client = |command: &[&str]| {
        let mut process = Command::new(program());
        process.args([
            "client",
            "--server",
            &proxy.mapper().to_string(),
            "--user",
            ALICE.0,
            "--domain",
            "LAB",
        ]);
        process.arg("--password-file").arg(&password).args(command);
        let ended = Process::start("mapiproxy client", &mut process).end();
        assert!(ended.status.success(), "{}", ended.err);
    };
    client(&["logon", "alice"]);
    client(&["gal", "--limit", "10"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let recording = folder.join("recorded.pcapng");
    std::fs::copy(proxy.file("run.pcapng"), &recording).unwrap();

    let same = replayed(&recording, &proxy, ALICE);
    assert!(same.status.success(), "{}{}", same.out, same.err);
    assert!(same.out.contains("emsmdb.EcDoRpcExt2: the same"), "{}", same.out);
    assert!(same.out.contains("nspi.QueryRows: the same"), "{}", same.out);
    assert!(same.out.ends_with(" 0 differ; 0 calls were not sent"), "{}", same.out);

    // Another server, which has the same people but in other places, answers otherwise.
    let other = Lab::start(true);
    let setup = Setup::before(&other.mapper().to_string()).stack(&[]);
    let differs = replayed(&recording, &setup.start(), BOB);
    assert!(!differs.status.success(), "{}", differs.out);
    assert!(differs.out.contains("differs") && differs.out.contains("recorded was"), "{}", differs.out);
}
