//! `[capture]` with MAPI over HTTP: the contents of the files, their rotation, and a disk that is full.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::harness::{ALICE, HttpClient, HttpPlace, Process, RECORDED_SERVER, SERVICE, code, hex, program};
use crate::http_clients::ASKED;
use crate::recordings::{decoded, tshark, wait_recorded};

/// The recorded Execute with a `RopLogon`, and one whose response has 32 KiB.
const LOGON: &str = "execute 65";
const LONG: &str = "execute 206";

/// Alice's credentials in Basic.
const OF_ALICE: &str = "TEFCXGFsaWNlOldoaXRlIFJhYmJpdCAx";
/// The begin of an NTLM `AUTHENTICATE_MESSAGE` in base64.
const NTLM_TOKEN: &str = "TlRMTVNTUAADAAAA";

/// Arguments of curl for a body of XML.
const XML: &[&str] = &["--header", "Content-Type: text/xml"];

/// A proxy that records to `run.pcapng` and `run.har`, with `more` in its `[capture]`.
fn place(more: &str) -> HttpPlace {
    let table = format!("[capture]\npackets = \"run.pcapng\"\nhar = \"run.har\"\n{more}\n");
    HttpPlace::with("ntlm", |setup| setup.stack(&[]).table(&table))
}

/// The files of a recording: the rotated ones, then the current one.
fn files(place: &HttpPlace, extension: &str) -> Vec<PathBuf> {
    let last = place.proxy.file(&format!("run.{extension}"));
    let all = std::fs::read_dir(last.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = all.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

fn contains(file: &Path, text: &str) -> bool {
    std::fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// Asserts that all members that HAR 1.2 requires exist and have the right type.
#[track_caller]
fn is_har(har: &Value) {
    let log = &har["log"];
    assert_eq!(log["version"], "1.2");
    assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
    for entry in log["entries"].as_array().unwrap() {
        assert!(entry["startedDateTime"].as_str().unwrap().ends_with('Z') && entry["time"].is_number());
        assert!(entry["cache"].is_object(), "{entry}");
        for timing in ["send", "wait", "receive"] {
            assert!(entry["timings"][timing].is_number(), "{entry}");
        }
        let (request, response) = (&entry["request"], &entry["response"]);
        for (message, texts) in
            [(request, &["method", "url", "httpVersion"][..]), (response, &["statusText", "redirectURL"])]
        {
            assert!(texts.iter().all(|text| message[text].is_string()), "{entry}");
            assert!(message["cookies"].is_array() && message["headersSize"].is_number(), "{entry}");
            assert!(message["bodySize"].is_number(), "{entry}");
            for header in message["headers"].as_array().unwrap() {
                assert!(header["name"].is_string() && header["value"].is_string(), "{entry}");
            }
        }
        assert!(request["url"].as_str().unwrap().starts_with("http"), "{entry}");
        assert!(request["queryString"].is_array() && request["postData"]["mimeType"].is_string(), "{entry}");
        assert!(response["status"].is_number() && response["content"]["size"].is_number(), "{entry}");
        assert!(response["content"]["mimeType"].is_string(), "{entry}");
    }
}

/// Runs `executes` in a session of Alice by Basic.
fn session(place: &HttpPlace, executes: &[&str]) {
    let mut alice = place.connected("basic", ALICE);
    for execute in executes {
        alice.succeed(execute);
    }
    alice.succeed("disconnect");
}

#[test]
fn recorded_http_operations_are_readable_in_wireshark_and_as_har() {
    let mut place = place("sides = [\"client\", \"upstream\"]");
    session(&place, &[LOGON]);
    // Without a wait: everything recorded is in the file when the proxy has stopped.
    assert!(place.proxy.stop().status.success());
    let (packets, har) = (place.proxy.file("run.pcapng"), place.proxy.file("run.har"));

    assert_eq!(tshark(&packets, "_ws.malformed || tcp.analysis.flags || tcp.checksum.status == 0"), "");
    let requests = tshark(&packets, "http.request");
    assert_eq!(requests.matches("POST /mapi/emsmdb").count(), 6, "{requests}");
    let execute = "http.request.line contains \"X-RequestType: Execute\"";
    assert_eq!(tshark(&packets, execute).lines().count(), 2);
    let good = "http.response.code == 200 && http.response.line contains \"X-ResponseCode: 0\"";
    assert_eq!(tshark(&packets, good).lines().count(), 6);

    is_har(&serde_json::from_str(&std::fs::read_to_string(&har).unwrap()).unwrap());

    for file in [&packets, &har] {
        let operations = decoded(file, &[]);
        for side in ["client", "upstream"] {
            let of_side = operations.iter().filter(|operation| operation["side"] == side);
            let names: Vec<&str> = of_side.map(|one| one["operation"].as_str().unwrap()).collect();
            assert_eq!(names, ["emsmdb.Connect", "emsmdb.Execute", "emsmdb.Disconnect"], "{side}");
        }
        for operation in &operations {
            assert_eq!(operation["user"], "LAB\\alice", "{operation}");
            assert_eq!(operation["response_code"], 0, "{operation}");
            assert_eq!(operation["problems"], Value::Array(Vec::new()), "{operation}");
        }
        let logons = decoded(file, &["--rop", "Logon"]);
        assert_eq!(logons.len(), 2);
        assert_eq!(logons[0]["rops"][0]["return_name"], "SUCCESS");
    }
}

#[test]
fn passwords_tokens_and_cookies_are_recorded_only_if_configured() {
    for (secrets, recorded) in [("", false), ("secrets = true", true)] {
        let mut place = place(&format!("sides = [\"client\", \"upstream\"]\n{secrets}"));
        session(&place, &[LOGON]);
        assert!(place.proxy.stop().status.success());
        for file in ["run.pcapng", "run.har"].map(|name| place.proxy.file(name)) {
            for secret in [OF_ALICE, NTLM_TOKEN, "sid=", "sequence="] {
                assert_eq!(contains(&file, secret), recorded, "{secret} in {}", file.display());
            }
            for secret in [ALICE.1, SERVICE.1] {
                assert!(!contains(&file, secret), "{secret} in {}", file.display());
            }
            // The client is recorded.
            assert!(contains(&file, "X-ClientInfo"));
        }
    }
}

/// The operations of one side.
fn of_side<'a>(operations: &'a [Value], side: &str) -> Vec<&'a Value> {
    operations.iter().filter(|operation| operation["side"] == side).collect()
}

/// The response code with which the server refuses.
const CODES: [&str; 3] = ["3", "7", "8"];

#[test]
fn a_refusal_by_the_server_is_recorded_on_both_sides_with_its_code_and_body() {
    let mut place = place("sides = [\"client\", \"upstream\"]");
    let mut alice = place.connected("basic", ALICE);
    let bodies = CODES.map(|code| {
        alice.command(&format!("script refuse {code}"));
        let response = alice.command(LOGON);
        assert_eq!(self::code(&response).as_deref(), Some(code));
        response["content"].as_str().unwrap().to_owned()
    });
    assert_eq!(bodies[1], hex("<p>refused with 7</p>"));
    assert!(place.proxy.stop().status.success());

    let file = place.proxy.file("run.har");
    let har: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for side in ["client", "upstream"] {
        let entries = har["log"]["entries"].as_array().unwrap().iter();
        let responses: Vec<&Value> =
            entries.filter(|entry| entry["_side"] == side).skip(1).map(|entry| &entry["response"]).collect();
        assert_eq!(responses.len(), CODES.len(), "{side}");
        for ((response, code), body) in responses.into_iter().zip(CODES).zip(&bodies) {
            let headers = response["headers"].as_array().unwrap().iter();
            let codes: Vec<&Value> = headers
                .filter(|header| header["name"].as_str().unwrap().eq_ignore_ascii_case("X-ResponseCode"))
                .map(|header| &header["value"])
                .collect();
            assert_eq!(codes, [code], "{side}");
            let text = STANDARD.decode(response["content"]["text"].as_str().unwrap()).unwrap();
            assert_eq!(hex(std::str::from_utf8(&text).unwrap()), *body, "{side}, {code}");
        }
    }
    for file in [place.proxy.file("run.pcapng"), file] {
        let operations = decoded(&file, &["--rop", "Logon"]);
        for side in ["client", "upstream"] {
            let codes: Vec<&Value> =
                of_side(&operations, side).into_iter().map(|operation| &operation["response_code"]).collect();
            assert_eq!(codes, [3, 7, 8], "{side} in {}", file.display());
        }
    }
}

#[test]
fn autodiscover_is_recorded_as_both_sides_sent_it() {
    let table =
        "[capture]\npackets = \"run.pcapng\"\nhar = \"run.har\"\nsides = [\"client\", \"upstream\"]\n";
    let mut place = HttpPlace::with("ntlm", |setup| setup.stack(&["names"]).table(table));
    let path = "/autodiscover/autodiscover.xml";
    let page = place.curl(path).user(ALICE).with(&["--basic", "--data", ASKED]).with(XML).run();
    assert_eq!(page.status(), 200);
    // The proxy responds to the next one, not the server.
    place.upstream.process.kill();
    let refused = place.curl(path).user(ALICE).with(&["--basic", "--data", ASKED]).with(XML).run();
    assert_eq!(refused.status(), 502);
    assert!(place.proxy.stop().status.success());

    let (packets, har) = (place.proxy.file("run.pcapng"), place.proxy.file("run.har"));
    assert_eq!(tshark(&packets, "_ws.malformed || tcp.analysis.flags"), "");
    is_har(&serde_json::from_str(&std::fs::read_to_string(&har).unwrap()).unwrap());
    for file in [&packets, &har] {
        let operations = decoded(file, &[]);
        let [succeeded, failed] = of_side(&operations, "client")[..] else { panic!("{operations:?}") };
        for operation in [succeeded, failed] {
            assert_eq!(operation["operation"], format!("POST {path}"));
            assert_eq!((&operation["user"], &operation["request"]), (&"LAB\\alice".into(), &ASKED.into()));
        }
        assert_eq!((&succeeded["status"], &succeeded["response"]), (&200.into(), &page.body.clone().into()));
        let words = failed["response"].as_str().unwrap().trim_end();
        assert_eq!((&failed["status"], words), (&502.into(), refused.body.trim_end()));
        let [asked] = of_side(&operations, "upstream")[..] else { panic!("{operations:?}") };
        assert_eq!((&asked["status"], &asked["request"]), (&200.into(), &ASKED.into()));
        let came = asked["response"].as_str().unwrap();
        assert!(came.contains(RECORDED_SERVER) && !page.body.contains(RECORDED_SERVER), "{came}");
        for secret in [OF_ALICE, NTLM_TOKEN] {
            assert!(!contains(file, secret), "{secret} in {}", file.display());
        }
    }
}

#[test]
fn full_files_are_rotated_and_at_most_the_configured_number_is_kept() {
    let mut place = place("max_megabytes = 1\nkeep = 2");
    session(&place, &[LONG; 150]);
    assert!(place.proxy.stop().status.success());
    for extension in ["pcapng", "har"] {
        let files = files(&place, extension);
        assert_eq!(files.len(), 3, "{files:?}");
        let lengths = files.iter().map(|file| std::fs::metadata(file).unwrap().len());
        let lengths: Vec<u64> = lengths.collect();
        assert!(lengths.iter().all(|length| *length < 1_200_000), "{lengths:?}");
        assert!(lengths.iter().filter(|length| **length >= 1_000_000).count() == 2, "{lengths:?}");
        let counts = files.iter().map(|file| decoded(file, &[]).len());
        let counts: Vec<usize> = counts.collect();
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        // Together they are one recording.
        let mut all = Command::new(program());
        let ended = Process::start("decode", all.args(["decode", "--json"]).args(&files)).end();
        assert_eq!((ended.out.lines().count(), &*ended.err), (counts.iter().sum(), ""));
        let last = decoded(&place.proxy.file(&format!("run.{extension}")), &[]);
        assert_eq!(last.last().unwrap()["operation"], "emsmdb.Disconnect");
    }
}

#[test]
fn a_recording_is_followed_from_one_file_to_the_next() {
    let mut place = place("max_megabytes = 1");
    let mut alice = place.connected("basic", ALICE);
    let file = place.proxy.file("run.pcapng");
    wait_recorded(&file, |operations| operations.len() == 1);
    let mut command = Command::new(program());
    command.args(["decode", "--json", "--follow"]).arg(&file);
    let mut follower = Process::start("decode --follow", &mut command);
    for _ in 0..70 {
        alice.succeed(LONG);
    }
    alice.succeed("disconnect");
    follower.wait_lines("all operations", 72, |line| line.contains("\"operation\":\"emsmdb."));
    assert!(files(&place, "pcapng").len() > 1);
    follower.kill();
    assert!(place.proxy.stop().status.success());
}

/// Limits the length of files that `process` writes to `bytes`; `None` removes the limit.
fn limit_files(process: &Process, bytes: Option<u64>) {
    let pid = Pid::from_raw(process.id().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_is_logged_once_and_recording_resumes_when_there_is_space() {
    let mut place = place("");
    let mut alice: HttpClient = place.connected("basic", ALICE);
    alice.succeed(LOGON);
    let (packets, har) = (place.proxy.file("run.pcapng"), place.proxy.file("run.har"));
    for file in [&packets, &har] {
        wait_recorded(file, |operations| operations.len() == 2);
    }
    let lengths = [&packets, &har].map(|file| std::fs::metadata(file).unwrap().len());
    // One file has space for a part of a call, the other has none.
    limit_files(&place.proxy.process, Some(lengths.into_iter().min().unwrap() + 100));
    for _ in 0..20 {
        alice.succeed(LOGON);
    }
    let advice =
        |line: &str| line.contains("make room on the disk, or name a file on another disk in [capture]");
    place.proxy.process.wait_err("what to do", advice);
    for file in [&packets, &har] {
        // The files hold complete records.
        assert_eq!(decoded(file, &[]).len(), 2, "{}", file.display());
    }
    limit_files(&place.proxy.process, None);
    alice.succeed(LOGON);
    let again = |line: &str| line.contains("recording resumed; 20 operations were not recorded");
    place.proxy.process.wait_err("that it goes on", again);
    alice.succeed("disconnect");
    let ended = place.proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    assert_eq!(ended.err.lines().filter(|line| advice(line)).count(), 1, "{}", ended.err);
    for extension in ["pcapng", "har"] {
        // No file was rotated because of failed writes.
        assert_eq!(files(&place, extension).len(), 1);
        let operations = decoded(&place.proxy.file(&format!("run.{extension}")), &[]);
        let names: Vec<&str> = operations.iter().map(|one| one["operation"].as_str().unwrap()).collect();
        assert_eq!(names, ["emsmdb.Connect", "emsmdb.Execute", "emsmdb.Execute", "emsmdb.Disconnect"]);
    }
    assert_eq!(tshark(&packets, "_ws.malformed || tcp.analysis.flags"), "");
}
