//! What `mapiproxy decode` keeps where something is chosen, what it reads with which secret, and what its JSON has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, Ended, Folder, Process, ScriptedClient, Setup, Upstream, program, python};
use crate::recordings::{decoded, unpacked};

const PACKS: [&str; 3] = ["mapihttp", "mapihttp-compressed", "rpc-over-http"];

/// The NT hash of the password that the recorded clients have.
const NT_HASH: &str = "0e5d84f41f4d041810beed1e33fced9a";
/// The session key of one of the two recorded handshakes.
const SESSION_KEY: &str = "584b737250787a305a33463955614543";

/// Whether a word of `value` is one of `names`.
fn says(value: &Value, names: &[&str]) -> bool {
    let text = value.to_string();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| names.contains(&word))
}

/// `operations`, of which only ROPs are left that `is_wanted`, without those that have none and are not wanted
/// themselves.
fn chosen(operations: &[Value], is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let wanted = operations.iter().filter_map(|operation| {
        let mut operation = operation.clone();
        operation["rops"].as_array_mut().unwrap().retain(&is_wanted);
        let is_empty = operation["rops"].as_array().unwrap().is_empty();
        let whole = is_wanted(&operation["request"]) || is_wanted(&operation["response"]);
        (!is_empty || whole).then_some(operation)
    });
    wanted.collect()
}

#[test]
fn operations_with_a_property_are_found_by_its_name_and_tag() {
    let (_folder, recording) = unpacked("mapihttp");
    let all = decoded(&recording, &[]);
    let of_any_type = ["PidTagSubject", "PidTagSubject_W", "PidTagSubject_A"];
    let of_text = ["PidTagSubject_W"];
    for (prop, names) in [
        ("PidTagSubject", &of_any_type[..]),
        ("pidtagsubject", &of_any_type),
        ("PidTagSubject_W", &of_text),
        ("0x0037001F", &of_text),
        ("0x37001f", &of_text),
        ("PidTagMessageSize", &["PidTagMessageSize"]),
        ("0x0E080003", &["PidTagMessageSize"]),
    ] {
        let expected = chosen(&all, |value| says(value, names));
        assert!(expected.len() > 3 && expected.len() < all.len() / 2, "{prop}: {}", expected.len());
        assert_eq!(decoded(&recording, &["--prop", prop]), expected, "{prop}");
    }
    // What nothing is called by is no empty result.
    for (option, name, nearest) in [
        ("--prop", "PidTagSubjec", "did you mean PidTagSubject"),
        ("--prop", "Subjekt", "PidTagSubject"),
        ("--rop", "OpenMesage", "did you mean RopOpenMessage"),
        ("--rop", "Frob", "unknown ROP"),
    ] {
        let mut command = Command::new(program());
        command.args(["decode", option, name]).arg(&recording);
        let ended = Process::start("mapiproxy decode", &mut command).end();
        assert!(!ended.status.success() && ended.err.contains(nearest), "{name}: {}", ended.err);
    }
}

/// Whether `operation` failed, or something in it.
fn failed(operation: &Value) -> bool {
    let is = |value: &Value| value.as_u64().is_some_and(|value| value != 0);
    let rops = operation["rops"].as_array().unwrap();
    !operation["fault"].is_null()
        || operation["status"].as_u64().is_some_and(|status| status >= 400)
        || is(&operation["response_code"])
        || is(&operation["return_value"])
        || rops.iter().any(|rop| is(&rop["return_value"]))
        || operation["problems"] != Value::Array(Vec::new())
}

#[test]
fn only_failed_operations_are_printed_with_errors() {
    for (pack, least) in PACKS.into_iter().zip([60, 10, 15]) {
        let (_folder, recording) = unpacked(pack);
        let all = decoded(&recording, &[]);
        let expected: Vec<Value> = all.iter().filter(|operation| failed(operation)).cloned().collect();
        assert!(expected.len() > least && expected.len() < all.len(), "{pack}: {}", expected.len());
        assert_eq!(decoded(&recording, &["--errors"]), expected, "{pack}");
    }
    // All that is chosen by must be so at once.
    let (_folder, recording) = unpacked("mapihttp");
    let failures: Vec<Value> = decoded(&recording, &["--errors"]);
    let expected = chosen(&failures, |value| value["name"] == "RopOpenMessage");
    assert!(!expected.is_empty());
    assert_eq!(decoded(&recording, &["--errors", "--rop", "OpenMessage"]), expected);
}

/// `mapiproxy decode` of `recording` with `--key KIND=FILE`, where the file holds `key`.
fn with_key(recording: &Path, kind: &str, key: &str) -> Ended {
    let folder = Folder::new();
    let file = folder.write("key", key);
    let mut command = Command::new(program());
    command.args(["decode", "--json"]).arg(recording);
    command.args(["--key", &format!("{kind}={}", file.display())]);
    Process::start("mapiproxy decode", &mut command).end()
}

#[test]
fn sealed_calls_are_decrypted_with_the_right_key() {
    let (_folder, recording) = unpacked("rpc-over-http");
    let sealed = |kind: &str, key: &str| {
        let ended = with_key(&recording, kind, key);
        assert!(ended.status.success() && ended.err.is_empty(), "{}", ended.err);
        assert!(ended.out.lines().count() > 18, "{}", ended.out);
        ended.out.lines().filter(|line| line.contains("request is sealed: ")).count()
    };
    let none = sealed("nt-hash", "00000000000000000000000000000000");
    assert_eq!((none, sealed("nt-hash", NT_HASH)), (11, 0));
    // The key of one handshake reads what was sealed after it, and nothing of the other connection.
    assert_eq!((sealed("session", SESSION_KEY), sealed("session", NT_HASH)), (5, none));
}

#[test]
fn an_invalid_key_is_refused() {
    let (_folder, recording) = unpacked("rpc-over-http");
    for (kind, key, why) in [
        ("password", NT_HASH, "expected nt-hash=FILE or session=FILE"),
        ("nt-hash", "0e5d84f4", "key: expected 32 hexadecimal digits"),
        ("session", "584b737250787a305a3346395561454x", "key: expected 32 hexadecimal digits"),
    ] {
        let ended = with_key(&recording, kind, key);
        assert!(!ended.status.success() && ended.err.contains(why), "{}", ended.err);
    }
}

/// The members that the tables of `docs/recordings.md` have: of an operation, and of a ROP.
fn documented() -> [BTreeSet<String>; 2] {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recordings.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut tables = page.split("| member | value |").skip(1);
    let mut next = || {
        let rows = tables.next().unwrap().lines().skip(1).take_while(|line| line.starts_with('|'));
        let names = rows.skip(1).flat_map(|row| row.split('|').nth(1).unwrap().split(','));
        names.map(|name| name.trim().trim_matches('`').to_owned()).collect()
    };
    [next(), next()]
}

/// Notes which members `object` has, and which of them have a value.
fn note(object: &Value, documented: &BTreeSet<String>, reported: &mut BTreeSet<String>) {
    let object = object.as_object().unwrap();
    assert_eq!(object.keys().cloned().collect::<BTreeSet<_>>(), *documented);
    let has_value = |value: &Value| !value.is_null() && *value != Value::Array(Vec::new());
    reported.extend(object.iter().filter(|(_, value)| has_value(value)).map(|(name, _)| name.clone()));
}

#[test]
fn the_members_of_the_json_output_are_documented() {
    let documented = documented();
    let mut reported = [BTreeSet::new(), BTreeSet::new()];
    let mut read = |recording: &Path| {
        for operation in decoded(recording, &[]) {
            note(&operation, &documented[0], &mut reported[0]);
            for rop in operation["rops"].as_array().unwrap() {
                note(rop, &documented[1], &mut reported[1]);
            }
        }
    };
    for pack in PACKS {
        let (_folder, recording) = unpacked(pack);
        read(&recording);
    }
    // Times, addresses, sides and faults are in recordings of the proxy.
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string());
    let mut proxy = setup.table("[capture]\npackets = \"run.pcapng\"\n").start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    // The server's own handles are of no use on other connections of the group.
    ScriptedClient::bound(&proxy, ALICE, alice.group).fault_of(&handle);
    assert!(proxy.stop().status.success());
    read(&proxy.file("run.pcapng"));
    assert_eq!(reported, documented);
}

/// A recording of a segment without content, and of packets with nothing to decode, of `count` times 64 KB.
fn long_recording(folder: &Folder, count: u32) -> PathBuf {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // The header, for Ethernet, and for each packet its times and lengths ([pcap] 4 and 5).
    let mut all = words(&[0xA1B2_C3D4, 0x0004_0002, 0, 0, 0x1_0000, 1]);
    // Ethernet, IPv4 and TCP (RFC 791 3.1, RFC 9293 3.1): a SYN from 127.0.0.1:4096 to 127.0.0.2:443.
    let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
    let tcp = [0x10, 0, 0x01, 0xBB, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF, 0, 0, 0, 0];
    let syn = [&[0; 12][..], &[8, 0], &ip, &tcp].concat();
    all.extend([words(&[1_000_000_000, 0, 54, 54]), syn].concat());
    let packet = [words(&[1_000_000_000, 0, 0xFFFF, 0xFFFF]), vec![0; 0xFFFF]].concat();
    all.extend((0..count).flat_map(|_| &packet));
    let path = folder.join("long.pcap");
    std::fs::write(&path, all).unwrap();
    path
}

#[test]
fn a_progress_bar_is_shown_on_a_terminal() {
    let folder = Folder::new();
    let recording = long_recording(&folder, 600);
    // The pseudoterminal that Python opens for the program that it starts.
    let mut command = Command::new(python());
    command.env("TERM", "xterm").args(["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"]);
    command.arg(program()).arg("decode").arg(&recording);
    let ended = Process::start("mapiproxy decode", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("of 37.51 MiB") && ended.out.contains("left"), "{:?}", ended.out);
    // The output to a file does not mention it.
    let ended =
        Process::start("mapiproxy decode", Command::new(program()).arg("decode").arg(&recording)).end();
    assert!(
        !ended.status.success() && ended.err.contains("nothing was found in the recording"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("MiB"), "{}", ended.err);
}
