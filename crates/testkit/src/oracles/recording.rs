//! Oracle: recordings. Reading a file ends, and each operation is printed on one line.

use std::io::{Cursor, Read};
use std::net::{Ipv4Addr, SocketAddr};

use capture::call::{Call, CallBody, HttpMessage, RpcOutcome, Stub};
use capture::raw_pairs;
use capture::show::{self, Sessions};
use capture::source::{Item, Packets};
use capture::stream::{Connection, Event, EventKind, Side};
use capture::{Analyzer, CallReader, RecordedItem, Timestamp, archive, har};
use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;

use crate::input::{Input, cuts};

/// The first byte selects what the rest is:
///
/// - 0: a byte that selects the sizes of reads, and a pcap or a pcapng. With all sizes its records are the same.
/// - 1: a HAR.
/// - 2: one connection, as a pair of files: two bytes are the number of bytes that the client sent.
/// - 3: one connection with alternating blocks of the client and of the server.
/// - 4: a SAZ, whose decompressed content may be longer than the file.
///
/// Reading ends. The calls found contain no more bytes than the file, can be analyzed, and are printed as lines
/// without control characters and as JSON.
///
/// # Panics
/// If one of these properties is violated.
pub fn recordings(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 5;
    let found = match kind {
        0 => packets(input.byte(), input.rest()),
        1 => entries(input.rest()),
        2 => {
            let length = usize::from(input.short());
            let (client, server) = (input.take(length), input.rest());
            let (mut client, mut server) = (client, server);
            let mut reader = reader();
            raw_pairs::watch(&mut reader, 1, (Some(&mut client), Some(&mut server))).expect("memory is read");
            reader.finish();
            reader.take()
        }
        3 => turns(input),
        _ => archive(input.rest()),
    };
    check(&found, if kind == 4 { usize::MAX } else { data.len() });
}

/// The exchanges of an archive. A file that is not an archive is an error.
fn archive(file: &[u8]) -> Vec<RecordedItem> {
    let (mut reader, mut found) = (reader(), Vec::new());
    let read = archive::read::<archive::ArchiveError>(Cursor::new(file), 0, &mut reader, &mut |one| {
        found.push(one);
        Ok(())
    });
    // A fault in one exchange does not end the archive; only a file that is not an archive is an error.
    assert!(read.is_err() || file.len() >= 22, "an archive of {} bytes", file.len());
    reader.finish();
    found.extend(reader.take());
    found
}

/// The keys that decrypt the sessions of Alice in the recordings that fuzzing begins with.
fn reader() -> CallReader {
    CallReader::new(vec![DecryptionSecret::account("alice@lab.test", NtHash::from_password("alicepw1"))])
}

fn packets(seed: u8, file: &[u8]) -> Vec<RecordedItem> {
    let mut reader = reader();
    let whole = items(Cursor::new(file), file.len(), |item| reader.item(item));
    let cut = items(Pieces(cuts(seed, file)), file.len(), |_| ());
    assert_eq!(whole, cut, "how a file is read changes what is in it");
    reader.finish();
    reader.take()
}

/// The records of a file of packets.
fn items(file: impl Read, length: usize, mut each: impl FnMut(Item<'_>)) -> Vec<String> {
    let Ok(mut packets) = Packets::new(file) else { return Vec::new() };
    let mut seen = Vec::new();
    while let Some(item) = packets.next_item().expect("memory is read") {
        assert!(seen.len() <= length, "more records than bytes");
        seen.push(format!("{item:?}"));
        each(item);
    }
    seen
}

/// A file that is read in pieces.
struct Pieces<'a>(Vec<&'a [u8]>);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.0.retain(|piece| !piece.is_empty());
        let Some(piece) = self.0.first_mut() else { return Ok(0) };
        piece.read(out)
    }
}

fn entries(file: &[u8]) -> Vec<RecordedItem> {
    let mut found = Vec::new();
    // A text that is not a HAR is an error after the entries that could be read.
    let _ = har::read(file, 0, &mut |one| found.push(one));
    found
}

fn turns(mut input: Input<'_>) -> Vec<RecordedItem> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let connection = Connection { number: 1, client: nowhere, server: nowhere, interface: None };
    let mut reader = reader();
    let mut side = Side::Client;
    let mut time = 0;
    while !input.is_empty() {
        time += 1;
        reader.data(&connection, side, Timestamp(time), input.block());
        side = side.other();
    }
    reader.event(&Event { connection: &connection, time: Timestamp(time), kind: EventKind::Closed });
    reader.finish();
    reader.take()
}

fn check(found: &[RecordedItem], length: usize) {
    let mut analyzer = Analyzer::default();
    let mut sessions = Sessions::default();
    let mut held = 0;
    for one in found {
        let call = match one {
            RecordedItem::Call(call) => call,
            RecordedItem::Problem(problem) => {
                is_one_line(&problem.to_string());
                continue;
            }
        };
        held += size(call);
        let operation = analyzer.operation(call);
        let text = show::text(&operation, &mut sessions);
        text.lines().for_each(is_one_line);
        let json = show::json(&operation);
        let line = serde_json::to_string(&json).expect("JSON is written");
        assert!(!line.contains('\n'), "several lines: {line}");
        assert!(json["operation"].is_string() && json["rops"].is_array(), "{line}");
    }
    // Bytes of two directions that wait for one another may be reported a second time as missing, but are not
    // kept.
    assert!(held <= length, "{held} bytes are found in {length}");
}

/// An operation is printed on one line, without control characters that a terminal would execute.
fn is_one_line(text: &str) {
    assert!(!text.chars().any(char::is_control), "a control in {text:?}");
}

/// The number of bytes in stubs and bodies of a call.
fn size(call: &Call) -> usize {
    let stub = |stub: &Stub| match stub {
        Stub::Plain(bytes, _) => bytes.len(),
        Stub::Sealed(..) => 0,
    };
    let body = |message: &HttpMessage| message.body.len();
    match &call.body {
        CallBody::Rpc(rpc) => {
            let answer = match &rpc.outcome {
                RpcOutcome::Response(answer) => stub(answer),
                RpcOutcome::Fault(_) | RpcOutcome::None => 0,
            };
            stub(&rpc.request) + answer
        }
        CallBody::Http(http) => {
            body(&http.request) + http.response.as_ref().map_or(0, |response| body(&response.message))
        }
    }
}
