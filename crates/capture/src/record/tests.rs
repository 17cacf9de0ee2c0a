//! Tests of recordings: what was written is read back.

use std::cell::RefCell;
use std::io::{self, Cursor, ErrorKind, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;
use testkit::captures;

use super::*;
use crate::call::{Call, CallBody};
use crate::conversation::{CallReader, RecordedItem};
use crate::source::Packets;
use crate::stream::{Connection, Side};
use crate::{Timestamp, har};

/// Calls of every kind, as they were recorded, one after the other.
fn recorded() -> Vec<Call> {
    let alice = DecryptionSecret::account("alice@lab.test", NtHash::from_password("alicepw1"));
    let mut reader = CallReader::new(vec![alice]);
    let nowhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let connection = |number| Connection { number, client: nowhere, server: nowhere, interface: None };
    let tunnels = captures::rpc_over_http().connections;
    for (number, recorded) in (1..).zip(&tunnels) {
        reader.data(&connection(number), Side::Client, Timestamp(0), &recorded.to_server);
        reader.data(&connection(number), Side::Server, Timestamp(0), &recorded.to_client);
    }
    for exchange in captures::mapihttp() {
        reader.data(&connection(1000), Side::Client, Timestamp(0), &exchange.request);
        reader.data(&connection(1000), Side::Server, Timestamp(0), &exchange.response);
    }
    reader.finish();
    let calls = reader.take().into_iter().map(|found| match found {
        RecordedItem::Call(call) => *call,
        RecordedItem::Problem(problem) => panic!("{problem}"),
    });
    let timed = (1..).zip(calls).map(|(index, call)| Call {
        time: Timestamp(1_795_302_673_000_000_000 + index * 1_000_000),
        elapsed: Some(Duration::from_micros(index)),
        user: Some("LAB\\alice".into()),
        side: Some(if index % 2 == 0 { "client" } else { "upstream" }.into()),
        ..call
    });
    timed.collect()
}

fn packets(file: &[u8]) -> Vec<Call> {
    let mut packets = Packets::new(file).unwrap();
    let mut reader = CallReader::new(Vec::new());
    while let Some(item) = packets.next_item().unwrap() {
        reader.item(item);
    }
    reader.finish();
    let calls = reader.take().into_iter().map(|found| match found {
        RecordedItem::Call(call) => *call,
        RecordedItem::Problem(problem) => panic!("{problem}"),
    });
    calls.collect()
}

/// What must be the same after a call was written and read.
fn essence(call: &Call) -> String {
    let body = match &call.body {
        CallBody::Rpc(rpc) => {
            format!("{:?} {} {:?} {:?}", rpc.interface, rpc.opnum, rpc.request, rpc.outcome)
        }
        CallBody::Http(http) => {
            let response = http.response.as_ref();
            let response = response.map(|response| (response.status, &response.message.body));
            format!("{} {} {:?} {response:?}", http.method, http.target, http.request.body)
        }
    };
    format!("{} {:?} {:?} {:?} {body}", call.time, call.elapsed, call.user, call.side)
}

fn sorted<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<String> {
    let mut all: Vec<String> = calls.into_iter().map(essence).collect();
    all.sort();
    all
}

#[test]
fn written_packets_decode_to_the_same_calls() {
    let mut calls = recorded();
    calls.iter_mut().for_each(redact);
    let mut writer = PacketWriter::new(Vec::new()).unwrap();
    for call in &calls {
        writer.call(call).unwrap();
    }
    let file = writer.into_inner();
    assert_eq!(sorted(&packets(&file)), sorted(&calls));
    let secret = |word: &[u8]| file.windows(word.len()).any(|window| window == word);
    // Neither the password that clients sent nor a cookie is in it.
    assert!(!secret(b"YWxpY2VAbGFiLnRlc3Q6YWxpY2VwdzE=") && !secret(b"sequence="));
}

#[test]
fn cookies_before_the_payload_are_not_recorded() {
    let mut calls = recorded();
    let found = calls.iter_mut().find_map(|call| match &call.body {
        CallBody::Http(http) if http.response.is_some() => Some(call),
        _ => None,
    });
    let call = found.unwrap();
    let CallBody::Http(http) = &mut call.body else { unreachable!() };
    let body = &mut http.response.as_mut().unwrap().message.body;
    *body = b"PROCESSING\r\nDONE\r\nX-A: 1\r\nSet-Cookie: sid=1\r\n\r\npayload"[..].into();
    redact(call);
    let CallBody::Http(http) = &call.body else { unreachable!() };
    let kept = &b"PROCESSING\r\nDONE\r\nX-A: 1\r\nSet-Cookie: xxxxx\r\n\r\npayload"[..];
    assert_eq!(http.response.as_ref().unwrap().message.body, kept);
}

#[test]
fn a_written_har_file_decodes_to_the_same_calls_and_is_valid_at_any_time() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = HarWriter::new(&mut file).unwrap();
    let calls = recorded();
    let http: Vec<&Call> = calls.iter().filter(|call| matches!(call.body, CallBody::Http(_))).collect();
    for call in &calls {
        writer.call(call).unwrap();
    }
    let mut read = Vec::new();
    har::read(file.get_ref().as_slice(), 0, &mut |found| match found {
        RecordedItem::Call(call) => read.push(*call),
        RecordedItem::Problem(problem) => panic!("{problem}"),
    })
    .unwrap();
    assert_eq!(sorted(&read), sorted(http));
}

#[test]
fn full_files_are_renamed_and_the_oldest_are_removed() {
    let folder = std::env::temp_dir().join(format!("capture-rotation-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let rotation = Rotation { size: 20_000, age: Duration::from_hours(1), keep: 2 };
    let mut files = Files::new(Some(folder.join("run.pcapng")), Some(folder.join("run.har")), rotation);
    for call in &recorded() {
        files.call(call).unwrap();
    }
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let (har, packet_files): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.contains(".har"));
    assert_eq!((har.len(), packet_files.len()), (3, 3), "{names:?}");
    for name in packet_files {
        assert!(!packets(&std::fs::read(folder.join(name)).unwrap()).is_empty(), "{name}");
    }
    // A folder that was removed is an error, not a panic.
    std::fs::remove_dir_all(&folder).unwrap();
    let mut gone = Files::new(Some(folder.join("run.pcapng")), None, rotation);
    assert!(gone.call(&recorded()[0]).is_err());
}

/// A disk that is full when it has so many bytes, until there is room.
#[derive(Clone)]
struct Disk(Rc<RefCell<(Vec<u8>, usize)>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.borrow_mut();
        let count = bytes.len().min(room.saturating_sub(written.len()));
        if count == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_call_that_could_not_be_written_leaves_its_connection_unchanged() {
    let disk = Disk(Rc::new(RefCell::new((Vec::new(), usize::MAX))));
    let mut whole = PacketWriter::new(Vec::new()).unwrap();
    let mut writer = PacketWriter::new(disk.clone()).unwrap();
    // Of three calls one meets a full disk: where it begins a session, and where it is in the middle of one.
    for (index, call) in recorded().iter().enumerate() {
        if index % 3 != 1 {
            writer.call(call).unwrap();
            whole.call(call).unwrap();
            continue;
        }
        let good = usize::try_from(writer.written()).unwrap();
        disk.0.borrow_mut().1 = good + 20;
        assert_eq!(writer.call(call).unwrap_err().kind(), ErrorKind::StorageFull);
        let (written, room) = &mut *disk.0.borrow_mut();
        written.truncate(good);
        *room = usize::MAX;
    }
    assert!(disk.0.borrow().0 == whole.into_inner());
}

#[test]
fn a_file_that_has_reached_its_age_is_renamed() {
    let folder = std::env::temp_dir().join(format!("capture-age-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let rotation = Rotation { size: u64::MAX, age: Duration::from_mins(1), keep: 3 };
    let mut files = Files::new(Some(folder.join("run.pcapng")), None, rotation);
    let call = recorded().swap_remove(0);
    for second in [0, 30, 59, 60, 100, 121] {
        let time = Timestamp(1_795_302_673_000_000_000 + second * 1_000_000_000);
        files.call(&Call { time, ..call.clone() }).unwrap();
    }
    let mut counts: Vec<usize> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| packets(&std::fs::read(entry.unwrap().path()).unwrap()).len())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A folder with a recording under way in `run.pcapng` and `run.har`.
fn series(name: &str) -> (std::path::PathBuf, Rotation) {
    let folder = std::env::temp_dir().join(format!("capture-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    (folder, Rotation { size: 1, age: Duration::from_hours(1), keep: 1 })
}

#[test]
fn a_file_that_is_not_a_recording_of_the_user_is_neither_renamed_nor_written() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (folder, rotation) = series("others");
    let (path, elsewhere) = (folder.join("run.pcapng"), folder.join("elsewhere"));
    let call = recorded().swap_remove(0);
    let recording = PacketWriter::new(Vec::new()).unwrap().into_inner();
    let foreign = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0 of another program".to_vec();
    std::fs::write(&elsewhere, &recording).unwrap();
    let put: [(&str, &dyn Fn()); 5] = [
        ("not a recording", &|| std::fs::write(&path, b"a letter").unwrap()),
        ("not a recording", &|| std::fs::write(&path, &foreign).unwrap()),
        ("symbolic link", &|| symlink(&elsewhere, &path).unwrap()),
        ("symbolic link", &|| symlink(folder.join("nothing"), &path).unwrap()),
        ("by others", &|| {
            std::fs::write(&path, &recording).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (says, put) in put {
        put();
        let content = std::fs::read(&path).ok();
        let mut files = Files::new(Some(path.clone()), None, rotation);
        for error in [files.check_paths().unwrap_err(), files.call(&call).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert!(error.to_string().contains(says) && error.to_string().contains("run.pcapng"), "{error}");
        }
        assert_eq!(std::fs::read(&path).ok(), content, "{says}");
        assert!(!folder.join("nothing").exists());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing was renamed");
    }
    std::fs::create_dir(&path).unwrap();
    let error = Files::new(Some(path), None, rotation).call(&call).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_earlier_recording_is_renamed_and_other_files_with_such_names_stay() {
    let (folder, rotation) = series("earlier");
    let (packets, har) = (folder.join("run.pcapng"), folder.join("run.har"));
    let call =
        recorded().into_iter().find(|call| matches!(call.body, crate::call::CallBody::Http(_))).unwrap();
    // Files with names of the series and other contents.
    let (letter, link) =
        (folder.join("run-20200101T000000000000Z.pcapng"), folder.join("run-20200101T000000000001Z.har"));
    std::fs::write(&letter, b"a letter").unwrap();
    std::os::unix::fs::symlink(&letter, &link).unwrap();
    for round in 0..3 {
        // Each round is a restart.
        let mut files = Files::new(Some(packets.clone()), Some(har.clone()), rotation);
        for second in [0, 10, 20] {
            let time = Timestamp(call.time.0 + (round * 100 + second) * 1_000_000_000);
            files.call(&Call { time, ..call.clone() }).unwrap();
        }
    }
    assert_eq!(std::fs::read(&letter).unwrap(), b"a letter");
    assert!(link.is_symlink());
    // In each format: the current file, one full file, and the other file.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 6);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_call_is_recorded_with_its_envelope() {
    for (envelope, expected) in [
        (engine::Envelope::RPC_TCP, crate::Envelope::RpcTcp),
        (engine::Envelope::RPC_HTTP, crate::Envelope::RpcHttp),
    ] {
        let recording = Recording { client_side: true, upstream_side: false, secrets: false };
        let (recorder, calls) = Recorder::new(recording, || Timestamp(0));
        let engine = engine::Engine::new(engine::Stack::default());
        let mut conversation = engine::RpcSessions::default();
        let call = testkit::incoming(&testkit::caller("a"), (engine::Interface::Rfr, 0), vec![0; 8]);
        let incoming = engine::Incoming { envelope, ..call };
        let Ok(engine::Next::Forward(call)) = engine.begin(&mut conversation, incoming) else {
            panic!("not relayed")
        };
        let response = engine::Outcome::Response { stub: vec![0; 4].into(), endian: wire::Endian::Little };
        let engine::Next::Done(finished) = call.resume(response, &mut identity::OsRandom) else {
            panic!("not done")
        };
        engine::Observer::finished(&*recorder, &finished, Duration::ZERO);
        let Ok(Recorded::Call(call)) = calls.try_recv() else { panic!("not recorded") };
        assert_eq!(call.call().envelope(), expected);
        engine.end(&mut conversation, true);
    }
}
