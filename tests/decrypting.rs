//! Encrypted recordings, decoded with a key log or a keytab as by Wireshark.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, Ended, Folder, HttpPlace, Process, interop_script, program, python};
use crate::witness::Recording;

/// The output of `mapiproxy decode --json` for `file`.
fn decode(file: &Path, more: &[&str]) -> Ended {
    let mut command = Command::new(program());
    command.args(["decode", "--json"]).arg(file).args(more);
    // The key log is an argument; the environment is not read.
    command.env("SSLKEYLOGFILE", file.with_file_name("keys"));
    Process::start("mapiproxy decode", &mut command).end()
}

fn operations(file: &Path, more: &[&str]) -> Vec<Value> {
    let ended = decode(file, more);
    assert!(ended.status.success() && ended.err.is_empty(), "{}", ended.err);
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The values of `field` that tshark decrypts with the key log `keys`, or with the keys in the file.
fn witnessed(file: &Path, keys: Option<&Path>, filter: &str, field: &str) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-d", "tcp.port==8443,tls", "-Y", filter]);
    if let Some(keys) = keys {
        command.args(["-o", &format!("tls.keylog_file:{}", keys.display())]);
    }
    let ended = Process::start("tshark", command.args(["-T", "fields", "-e", field])).end();
    assert!(ended.status.success(), "{}", ended.err);
    ended.out.split([',', '\n']).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// Records requests of curl within this version of TLS; the recording and its key log.
fn recorded(version: &str) -> (Folder, PathBuf, PathBuf) {
    let place = HttpPlace::new("ntlm");
    let folder = Folder::new();
    let keys = folder.join("keys");
    let recording = Recording::of([place.proxy.address, place.proxy.address]);
    let least = format!("--tlsv{version}");
    let arguments = [least.as_str(), "--tls-max", version, "--header", "X-RequestType: PING", "--data", ""];
    let mapi = place.curl("/mapi/emsmdb/?MailboxId=alice@lab.test").user(ALICE).with(&arguments);
    assert_eq!(mapi.env("SSLKEYLOGFILE", &keys).run().status(), 200);
    let ews = place.curl("/EWS/Exchange.asmx").user(ALICE).with(&["--tls-max", version]);
    assert_eq!(ews.env("SSLKEYLOGFILE", &keys).run().status(), 200);
    let file = folder.join("run.pcapng");
    std::fs::copy(&recording.end().file, &file).unwrap();
    (folder, file, keys)
}

/// A Decryption Secrets Block with this key log (draft-ietf-opsawg-pcapng 4.7).
fn secrets_block(lines: &[u8]) -> Vec<u8> {
    let padded = lines.len().next_multiple_of(4);
    let word = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let mut block = [word(10), word(padded + 20), *b"KSLT", word(lines.len())].concat();
    block.extend_from_slice(lines);
    block.resize(padded + 16, 0);
    block.extend_from_slice(&word(padded + 20));
    block
}

#[test]
fn requests_of_curl_are_decrypted_with_its_key_log_as_by_wireshark() {
    for version in ["1.2", "1.3"] {
        let (folder, file, keys) = recorded(version);
        let named = ["--keylog", keys.to_str().unwrap()];
        let found = operations(&file, &named);
        let seen: Vec<&str> = found.iter().map(|one| one["endpoint"].as_str().unwrap()).collect();
        let uris = witnessed(&file, Some(&keys), "http.request", "http.request.uri");
        assert_eq!(seen.len(), uris.len(), "{seen:?} {uris:?}");
        for (endpoint, uri) in seen.iter().zip(&uris) {
            assert!(uri.starts_with(endpoint), "{seen:?} {uris:?}");
        }
        assert_eq!(found[0]["operation"], "emsmdb.PING", "{found:?}");
        assert_eq!((&found[0]["user"], &found[0]["status"]), (&"LAB\\alice".into(), &200.into()));

        // The same keys within the file.
        let with_keys = folder.join("with_keys.pcapng");
        let mut command = Command::new("editcap");
        command.arg("--inject-secrets").arg(format!("tls,{}", keys.display())).args([&file, &with_keys]);
        assert!(Process::start("editcap", &mut command).end().status.success());
        assert_eq!(witnessed(&with_keys, None, "http.request", "http.request.uri"), uris);
        assert_eq!(operations(&with_keys, &[]), found);

        // Keys after the packets that they decrypt.
        let keys_behind = folder.join("keys_behind.pcapng");
        let recorded = std::fs::read(&file).unwrap();
        std::fs::write(&keys_behind, [recorded, secrets_block(&std::fs::read(&keys).unwrap())].concat())
            .unwrap();
        assert_eq!(operations(&keys_behind, &[]), found);

        // Without them, each connection costs one line.
        let ended = decode(&file, &[]);
        assert_eq!((ended.status.success(), ended.out.as_str()), (true, ""));
        let randoms = witnessed(&file, None, "tls.handshake.type == 1", "tls.handshake.random");
        let lines: Vec<&str> = ended.err.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for (line, random) in lines.iter().zip(&randoms) {
            assert!(line.contains("TLS with proxy.lab.test: no key log has the key"), "{line}");
            assert!(line.contains(random.as_str()), "{line} {random}");
        }
    }
}

/// AES-CBC with either order of MAC and encryption, the key exchange of RSA, and AEAD ciphers, by OpenSSL.
#[test]
fn every_tls_1_2_cipher_suite_of_old_servers_is_decrypted() {
    let suites = [
        "AES128-SHA",
        "AES256-SHA",
        "AES128-SHA256",
        "AES256-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "HelloRetryRequest",
    ];
    let folder = Folder::new();
    let (file, keys) = (folder.join("run.pcap"), folder.join("keys"));
    let mut command = Command::new(python());
    command.arg(interop_script("tls_recording.py")).args([&file, &keys]).args(suites);
    let ended = Process::start("tls_recording", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    let found = operations(&file, &["--keylog", keys.to_str().unwrap()]);
    let expected: Vec<String> =
        suites.iter().flat_map(|suite| [*suite; 2]).map(|s| format!("GET /oab/{s}")).collect();
    let seen: Vec<&str> = found.iter().map(|one| one["operation"].as_str().unwrap()).collect();
    assert_eq!(seen, expected);
    for operation in &found {
        assert_eq!((&operation["status"], &operation["response_size"]), (&200.into(), &26_000.into()));
        assert!(operation["response"].to_string().contains("Ada Lovelace"), "{operation}");
        assert_eq!(operation["problems"], Value::Array(Vec::new()), "{operation}");
    }
}

#[test]
fn the_valid_lines_of_a_faulty_key_log_are_used() {
    let folder = Folder::new();
    let (file, keys) = (folder.join("run.pcap"), folder.join("keys"));
    let mut command = Command::new(python());
    command.arg(interop_script("tls_recording.py")).args([&file, &keys]).arg("ECDHE-RSA-AES128-GCM-SHA256");
    assert!(Process::start("tls_recording", &mut command).end().status.success());
    let text = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, format!("# hand-made\nCLIENT_RANDOM 00\n{}", text.trim_end())).unwrap();
    let ended = decode(&file, &["--keylog", keys.to_str().unwrap()]);
    assert_eq!(ended.out.lines().count(), 2);
    let expected = format!(
        "mapiproxy: {}: line 2 of the key log: expected a label, a client random and a secret",
        keys.display()
    );
    assert_eq!(ended.err.trim_end(), expected);
    let ended = decode(&file, &["--keylog", folder.join("none").to_str().unwrap()]);
    assert!(!ended.status.success() && ended.err.contains("none: No such file"), "{}", ended.err);
}

/// A recording of Samba at both ends, with session keys of AES-256, RC4 and AES-128.
#[test]
fn calls_sealed_by_kerberos_are_decrypted_with_a_keytab_as_by_wireshark() {
    let captures = interop_script("../captures");
    let (file, keytab) = (captures.join("kerberos.pcap"), captures.join("kerberos.keytab"));
    let witnessed = |filter: &str, field: &str| {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&file).args(["-o", "kerberos.decrypt:TRUE"]);
        command.args(["-o", &format!("kerberos.file:{}", keytab.display())]);
        command.args(["-Y", filter, "-T", "fields", "-e", field]);
        let ended = Process::start("tshark", &mut command).end();
        assert!(ended.status.success(), "{}", ended.err);
        ended.out.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let found = operations(&file, &["--keytab", keytab.to_str().unwrap()]);
    let opnums: Vec<String> = found
        .iter()
        .map(|one| {
            assert_eq!(
                (&one["user"], &one["problems"]),
                (&"alice@LAB.TEST".into(), &Value::Array(Vec::new()))
            );
            one["operation"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(witnessed("samr && dcerpc.pkt_type == 0", "dcerpc.opnum"), opnums);
    assert_eq!(witnessed("samr.samr_EnumDomains.num_entries == 2", "tcp.stream").len(), opnums.len() / 2);
    // Both the ticket and the authenticator name the realm.
    assert_eq!(witnessed("kerberos.encTicketPart_element", "kerberos.crealm"), ["LAB.TEST,LAB.TEST"; 9]);

    // Only calls at level privacy need the keytab.
    let ended = decode(&file, &[]);
    assert_eq!(ended.out.matches("no keytab is given").count(), 24, "{}", ended.out);
    assert_eq!(ended.err.lines().count(), 6, "{}", ended.err);

    let folder = Folder::new();
    let other = folder.write("other.keytab", "\u{5}\u{2}");
    let ended = decode(&file, &["--keytab", other.to_str().unwrap()]);
    assert_eq!(ended.err.matches("no keytab is given").count(), 6, "{}", ended.err);
    let none = folder.write("none.keytab", "[libdefaults]");
    let ended = decode(&file, &["--keytab", none.to_str().unwrap()]);
    assert!(!ended.status.success() && ended.err.contains("none.keytab: expected a keytab"), "{}", ended.err);
}
