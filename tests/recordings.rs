//! Recordings of the proxy and of the wire, decoded by the proxy and by Wireshark.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{
    ALICE, BOB, Certificates, Change, Client, Ended, Folder, HttpUpstream, Lab, PATIENCE, Process, Proxy,
    Setup, Upstream, program, raw_http,
};

/// The recordings of both sides of a proxy, after conversations of impacket and scapy.
fn recorded() -> (Upstream, Proxy) {
    let upstream = Upstream::start();
    let capture = "[capture]\npackets = \"run.pcapng\"\nsides = [\"client\", \"upstream\"]\n";
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).table(capture);
    let mut proxy = setup.start();
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
    Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--dialect", "2000").run().expect_success();
    // All records are written by then.
    assert!(proxy.stop().status.success());
    (upstream, proxy)
}

/// Waits until the recording in `file` is `complete`: a thread of the proxy writes it.
#[track_caller]
pub(crate) fn wait_recorded(file: &Path, complete: impl Fn(&[Value]) -> bool) {
    let until = Instant::now() + PATIENCE;
    while !(file.exists() && complete(&decoded(file, &[]))) {
        assert!(Instant::now() < until, "{} stays as it is", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The output of `mapiproxy decode` for `file`, one operation a line.
pub(crate) fn decoded(file: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(program());
    command.args(["decode", "--json"]).arg(file).args(more);
    let ended = Process::start("mapiproxy decode", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    assert_eq!(ended.err, "");
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The output of tshark for the packets of `file` that match `filter`.
pub(crate) fn tshark(file: &Path, filter: &str) -> String {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-d", "tcp.port==6001,dcerpc", "-Y", filter]);
    let ended = Process::start("tshark", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    ended.out
}

/// Asserts that no part of an operation is opaque, except responses to ROPs: the test's server sends the ROPs of the
/// request back.
#[track_caller]
fn is_read(operation: &Value) {
    let echoed = operation["rops"].as_array().is_some_and(|rops| !rops.is_empty());
    assert!(echoed || operation["problems"] == Value::Array(Vec::new()), "{operation}");
}

#[test]
fn wireshark_reads_recordings_of_the_proxy_without_errors() {
    let (_upstream, proxy) = recorded();
    let file = proxy.file("run.pcapng");
    // tshark does not decode the restriction of NspiGetMatches on the wire either.
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

/// The line of each operation, as `mapiproxy decode` prints it for people.
fn operation_lines(file: &Path) -> Vec<String> {
    let mut command = Command::new(program());
    let ended = Process::start("mapiproxy decode", command.arg("decode").arg(file)).end();
    assert!(ended.status.success(), "{}", ended.err);
    let lines = ended.out.lines().filter(|line| !line.starts_with([' ', '!']) && line.contains("] "));
    lines.map(str::to_owned).collect()
}

#[test]
fn in_the_recording_of_another_program_each_operation_names_its_client_and_its_server() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tls.pcapng");
    let (lines, operations) = (operation_lines(&file), decoded(&file, &[]));
    assert!(!lines.is_empty());
    assert_eq!(lines.len(), operations.len());
    for (line, operation) in lines.iter().zip(&operations) {
        let end = |name: &str| operation[name].as_str().unwrap_or_else(|| panic!("no {name}: {operation}"));
        assert_eq!(operation["side"], Value::Null);
        let ends = format!(", client {} to server {}, ", end("client"), end("server"));
        assert!(line.contains(&ends), "{line}");
    }
}

#[test]
fn the_recording_has_the_client_operation_and_side_of_each_call() {
    let (_upstream, proxy) = recorded();
    let file = proxy.file("run.pcapng");
    let operations = decoded(&file, &[]);
    for operation in &operations {
        assert_eq!(operation["user"], "LAB\\alice");
        is_read(operation);
    }
    let sides = |side: &str| operations.iter().filter(|operation| operation["side"] == side).count();
    assert!(sides("client") > 15 && sides("upstream") > 15);
    let lines = operation_lines(&file);
    assert_eq!(lines.len(), operations.len());
    for (line, operation) in lines.iter().zip(&operations) {
        let side = operation["side"].as_str().unwrap();
        assert!(line.contains(&format!(", {side} side, ")), "{line}");
    }
    let some = decoded(&file, &["--user", "alice", "--rop", "Logon"]);
    assert!(some.iter().all(|operation| operation["rops"][0]["name"] == "RopLogon") && !some.is_empty());
    let mut command = Command::new(program());
    command.args(["decode", "--user", "bob"]).arg(&file);
    let ended = Process::start("mapiproxy decode", &mut command).end();
    let expected = "--user bob: the recording has no operation of this user; it has operations of LAB\\alice";
    assert!(!ended.status.success() && ended.err.contains(expected), "{}", ended.err);
}

/// The numbers of the packets of `file` in which a sealed response from `port` begins.
fn sealed_responses(file: &Path, port: u16) -> Vec<String> {
    let filter = format!("tcp.srcport == {port} && dcerpc.pkt_type == 2 && dcerpc.auth_level == 6");
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-d", &format!("tcp.port=={port},dcerpc"), "-Y", &filter]);
    let ended = Process::start("tshark", command.args(["-T", "fields", "-e", "frame.number"])).end();
    ended.out.lines().map(str::to_owned).collect()
}

#[test]
fn a_lost_packet_of_a_sealed_response_affects_its_call_only() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    let recording = crate::witness::Recording::of([proxy.address, proxy.address]);
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
    let recorded = recording.end();
    let folder = Folder::new();
    let password = format!("alice={}", folder.write("password", ALICE.1).display());
    let whole = decoded(&recorded.file, &["--password", &password]);
    let packets = sealed_responses(&recorded.file, proxy.rpc().port());
    assert!(packets.len() > 10, "{packets:?}");
    for packet in packets.iter().step_by(3) {
        let file = folder.join("lossy.pcapng");
        let mut command = Command::new("editcap");
        let ended = Process::start("editcap", command.arg(&recorded.file).arg(&file).arg(packet)).end();
        assert!(ended.status.success(), "{}", ended.err);
        let mut command = Command::new(program());
        command.args(["decode", "--json", "--password", &password]).arg(&file);
        let ended = Process::start("mapiproxy decode", &mut command).end();
        let left: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let differ = whole.iter().filter(|whole| {
            let same =
                |left: &&Value| left["time"] == whole["time"] && left["operation"] == whole["operation"];
            let mut alike = left.iter().filter(same);
            !alike.any(|left| left["request"] == whole["request"] && left["response"] == whole["response"])
        });
        let differ: Vec<&Value> = differ.map(|operation| &operation["operation"]).collect();
        assert!(left.len() == whole.len() && differ.len() <= 1, "without packet {packet}: {differ:?}");
    }
}

#[test]
fn sealed_calls_of_a_client_are_decoded_only_with_its_password() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    let recording = crate::witness::Recording::of([proxy.address, upstream.address]);
    Client::impacket(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
    Client::scapy(proxy.mapper()).user(ALICE, "privacy").run().expect_success();
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
    // Without this password nothing is decoded, since the server's side is sealed by another account.
    let of_server = with.iter().filter(|operation| !to(operation));
    let sealed = |operation: &Value| {
        operation["problems"].to_string().contains("none of the given passwords and keys fits")
    };
    assert!(of_server.filter(|operation| operation["endpoint"] != "epm").any(sealed));
    let without = decoded(&recorded.file, &[]);
    assert!(!without.iter().any(|operation| operation.to_string().contains("Lovelace")));
}

/// Replays `recording` to the proxy `target` as `account`.
fn replayed(recording: &Path, target: &Proxy, account: (&str, &str)) -> Ended {
    let folder = Folder::new();
    let password = folder.write("password", account.1);
    let mut command = Command::new(program());
    command.args([
        "replay",
        "--target",
        &target.mapper().to_string(),
        "--user",
        account.0,
        "--domain",
        "LAB",
    ]);
    command.arg("--password-file").arg(password).arg(recording);
    Process::start("mapiproxy replay", &mut command).end()
}

#[test]
fn a_replayed_session_has_the_same_meaning_and_differences_are_reported() {
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
    let complete = |operations: &[Value]| operations.iter().any(|one| one["operation"] == "nspi.Unbind");
    wait_recorded(&proxy.file("run.pcapng"), complete);
    let recording = folder.join("recorded.pcapng");
    std::fs::copy(proxy.file("run.pcapng"), &recording).unwrap();

    let same = replayed(&recording, &proxy, ALICE);
    assert!(same.status.success(), "{}{}", same.out, same.err);
    assert!(same.out.contains("emsmdb.EcDoRpcExt2: equal"), "{}", same.out);
    assert!(same.out.contains("nspi.QueryRows: equal"), "{}", same.out);
    assert!(same.out.ends_with(" 0 different, 0 calls not sent"), "{}", same.out);

    // The responses of another server with the same people in another order differ.
    let other = Lab::start(true);
    let setup = Setup::before(&other.mapper().to_string()).stack(&[]);
    let differs = replayed(&recording, &setup.start(), BOB);
    assert!(!differs.status.success(), "{}", differs.out);
    assert!(differs.out.contains("different") && differs.out.contains("expected"), "{}", differs.out);
}

/// The recording `pack` of `tests/captures`, unpacked.
pub(crate) fn unpacked(pack: &str) -> (Folder, std::path::PathBuf) {
    let folder = Folder::new();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(format!("{pack}.tar.gz"));
    let mut command = Command::new("tar");
    command.arg("xzf").arg(archive).arg("-C").arg(folder.join(""));
    let ended = Process::start("tar", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    let path = folder.join(pack);
    (folder, path)
}

/// Replays `recording` to `url` as `account`, with the arguments `more`.
fn replayed_by_http(recording: &Path, url: &str, account: (&str, &str), more: &[&str]) -> Ended {
    let folder = Folder::new();
    let password = folder.write("password", account.1);
    let mut command = Command::new(program());
    command.args(["replay", "--target", url, "--user", account.0, "--domain", "LAB", "--password-file"]);
    command.arg(password).args(more).arg(recording);
    Process::start("mapiproxy replay", &mut command).end()
}

/// A proxy before a server that plays `pack` back, with the certificates of the proxy.
pub(crate) fn playback(pack: &str, changes: &[Change]) -> (HttpUpstream, Proxy, Certificates) {
    let certificates = Certificates::new();
    let upstream = HttpUpstream::playback(pack, changes, &certificates);
    let proxy = Setup::before_http(&upstream, &certificates).stack(&[]).start();
    (upstream, proxy, certificates)
}

/// The output of `mapiproxy replay` of `recording` to `proxy` as `account`.
pub(crate) fn replayed_to(
    proxy: &Proxy,
    certificates: &Certificates,
    recording: &Path,
    account: (&str, &str),
) -> Ended {
    let url = format!("https://{}:8443", proxy.address);
    let authority = certificates.authority();
    let known = ["--server-name", "proxy.lab.test", "--ca-file", authority.to_str().unwrap()];
    replayed_by_http(recording, &url, account, &known)
}

#[test]
fn a_replayed_http_recording_has_the_same_meaning() {
    // A malformed request without a session: the proxy refuses it for one reason, the recorded server for the other.
    let malformed = "[32] emsmdb.Execute: different\n  X-ResponseCode: expected 2, received 10\n";
    for (pack, differs, counts) in [
        ("mapihttp", malformed, "399 responses equal, 1 different, 40 calls not sent"),
        ("mapihttp-compressed", "", "87 responses equal, 0 different, 3 calls not sent"),
    ] {
        let (_folder, recording) = unpacked(pack);
        let (upstream, proxy, certificates) = playback(pack, &[]);
        let replayed = replayed_to(&proxy, &certificates, &recording, ALICE);
        let Ended { out, err, .. } = &replayed;
        assert!(out.ends_with(counts), "{out}\n{err}");
        assert_eq!(replayed.status.success(), differs.is_empty());
        let same = out.replacen(differs, "", 1);
        assert!(!same.contains(": different"), "{out}");
        let left_out = [
            "not a request of MAPI over HTTP",
            "part of an authentication handshake",
            "unknown request type",
        ];
        for line in same.lines().filter(|line| line.contains("not sent, ")) {
            assert!(left_out.iter().any(|why| line.contains(why)), "{line}");
        }
        assert_eq!(upstream.refusals(), Vec::<Value>::new());
        assert!(proxy.lines_with("LAB\\alice").len() > 80);
    }
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_response_of_mapi_over_http_that_differs_is_reported() {
    let pack = "mapihttp-compressed";
    let (_folder, recording) = unpacked(pack);
    let (_upstream, proxy, certificates) = playback(pack, &[Change::Altered(utf16("Inbox"), utf16("Outbx"))]);
    let replayed = replayed_to(&proxy, &certificates, &recording, ALICE);
    assert!(!replayed.status.success());
    let difference = "expected \"Inbox\", received \"Outbx\"";
    assert!(replayed.out.contains(difference), "{}\n{}", replayed.out, replayed.err);
}

#[track_caller]
fn failed(ended: &Ended, says: &str) {
    assert!(!ended.status.success(), "{}", ended.out);
    assert!(ended.err.contains(says), "expected {says:?}:\n{}", ended.err);
}

#[test]
fn a_recording_that_cannot_be_replayed_by_http_is_an_error_with_advice() {
    let pack = "mapihttp-compressed";
    let (_folder, recording) = unpacked(pack);
    let (_upstream, proxy, certificates) = playback(pack, &[]);
    let url = format!("https://{}:8443", proxy.address);
    let authority = certificates.authority();
    let authority = authority.to_str().unwrap();
    let wrong = replayed_to(&proxy, &certificates, &recording, (ALICE.0, "Black Rabbit 1"));
    failed(&wrong, "does not accept this user and password; it offers Negotiate, NTLM, Basic");
    failed(&wrong, "; check --user, --domain, the password, --auth and --level");
    let unknown = ["--ca-file", authority, "--server-name", "proxy.lab.test", "--only-user", "alcie"];
    failed(
        &replayed_by_http(&recording, &url, ALICE, &unknown),
        "no call of the recording is of the user alcie (--only-user)",
    );
    let other_scheme = raw_http::Server::start(|_, _| {
        let head = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        (head.into(), true)
    });
    failed(
        &replayed_by_http(&recording, &format!("http://{}", other_scheme.address), ALICE, &[]),
        "authentication failed: the server does not offer NTLM, it offers Basic (supported: basic); check --user, \
         --domain, the password, --auth and --level",
    );
    let unknown = replayed_by_http(&recording, &url, ALICE, &["--server-name", "proxy.lab.test"]);
    failed(&unknown, "the server's certificate is not signed by a trusted certificate authority");
    failed(
        &replayed_by_http(&recording, &url, ALICE, &["--ca-file", authority]),
        "(or --server-name) to a name of the certificate",
    );
    let closed = format!("http://{}:1", proxy.address);
    failed(&replayed_by_http(&recording, &closed, ALICE, &[]), &format!("{closed}: cannot connect"));
    failed(&replayed_by_http(&recording, &closed, ALICE, &["--auth", "basic"]), "use a target https://");
    let remote = proxy.mapper().to_string();
    failed(&replayed_by_http(&recording, &remote, ALICE, &[]), "use a target https://host");
    let (_folder, remote_calls) = unpacked("rpc-over-http");
    failed(
        &replayed_by_http(&remote_calls, &url, ALICE, &["--ca-file", authority]),
        "use a target host or ncacn_ip_tcp:host[6001]",
    );
}
