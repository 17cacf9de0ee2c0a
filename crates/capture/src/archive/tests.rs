//! Tests of reading SAZ archives.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;
use crate::call::{Call, CallBody};

/// How a file is stored in an archive.
#[derive(Clone, Copy)]
enum Packed {
    Stored,
    Deflated,
    /// Deflated, and marked as encrypted.
    Encrypted,
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

/// A ZIP archive of these files; with `zip64`, sizes and places are in ZIP64 records.
fn archive(files: &[(&str, &[u8], Packed)], zip64: bool) -> Vec<u8> {
    let mut out = b"".to_vec();
    let mut central = Vec::new();
    for (name, data, packed) in files {
        let (method, flags) = match packed {
            Packed::Stored => (0_u16, 0_u16),
            Packed::Deflated => (8, 0),
            Packed::Encrypted => (8, 1),
        };
        let mut body = data.to_vec();
        if method == 8 {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(data).unwrap();
            body = encoder.finish().unwrap();
        }
        let place = u32::try_from(out.len()).unwrap();
        let lengths = [body.len(), data.len()].map(|length| u32::try_from(length).unwrap());
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let head = [20_u16.to_le_bytes(), flags.to_le_bytes(), method.to_le_bytes()].concat();
        out.extend(LOCAL.to_le_bytes());
        out.extend(&head);
        // A writer that streams leaves these at zero.
        out.extend([0; 8 + 8]);
        out.extend(name_length);
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(&body);
        central.extend(CENTRAL.to_le_bytes());
        central.extend([20, 0]);
        central.extend(&head);
        central.extend([0; 8]);
        let place_in_head = if zip64 { [0xff; 4] } else { place.to_le_bytes() };
        let lengths_in_head = lengths.map(|length| if zip64 { [0xff; 4] } else { length.to_le_bytes() });
        central.extend(lengths_in_head.concat());
        central.extend(name_length);
        central.extend(if zip64 { [28, 0] } else { [0, 0] });
        central.extend([0; 2 + 8]);
        central.extend(place_in_head);
        central.extend(name.as_bytes());
        if zip64 {
            central.extend([1, 0, 24, 0]);
            for number in [lengths[1], lengths[0], place] {
                central.extend(u64::from(number).to_le_bytes());
            }
        }
    }
    let place = size(&out);
    out.extend(&central);
    let count = u64::try_from(files.len()).unwrap();
    if zip64 {
        let end = size(&out);
        out.extend(END_64.to_le_bytes());
        out.extend([0; 28]);
        for number in [count, size(&central), place] {
            out.extend(number.to_le_bytes());
        }
        out.extend(END_64_LOCATOR.to_le_bytes());
        out.extend([0; 4]);
        out.extend(end.to_le_bytes());
        out.extend([1, 0, 0, 0]);
    }
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    let count = if zip64 { 0xffff } else { u16::try_from(count).unwrap() };
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    out.extend(if zip64 { [0xff; 4] } else { u32::try_from(place).unwrap().to_le_bytes() });
    out.extend([3, 0]);
    out.extend(b"saz");
    out
}

const REQUEST: &[u8] =
    b"POST https://mail.lab.test/ews/x?y HTTP/1.1\r\nHost: mail.lab.test\r\nContent-Length: 2\r\n\r\nab";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n";
const TIMES: &[u8] = br#"<Session SID="2"><SessionTimers FiddlerBeginRequest="0001-01-01T00:00:00"
    ClientDoneRequest="0001-01-01T00:00:00" ClientBeginRequest="2026-12-01T11:00:00.5000000+01:00"
    ServerDoneResponse='2026-12-01T10:00:01Z' /></Session>"#;

/// The calls in an archive, and its problems.
fn found(file: &[u8]) -> Result<(Vec<Call>, Vec<String>), ArchiveError> {
    let (mut calls, mut problems) = (Vec::new(), Vec::new());
    let mut reader = CallReader::new(Vec::new());
    read::<ArchiveError>(Cursor::new(file), 0, &mut reader, &mut |found| {
        match found {
            RecordedItem::Call(call) => calls.push(*call),
            RecordedItem::Problem(problem) => problems.push(problem.to_string()),
        }
        Ok(())
    })?;
    Ok((calls, problems))
}

#[test]
fn exchanges_are_decoded_in_order_with_their_times() {
    use Packed::{Deflated, Stored};
    let files: &[(&str, &[u8], Packed)] = &[
        ("_index.htm", b"<html/>", Deflated),
        ("raw/10_c.txt", b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n", Stored),
        ("raw/2_s.txt", ANSWER, Deflated),
        ("raw/2_c.txt", REQUEST, Deflated),
        ("raw/2_m.xml", TIMES, Stored),
        ("raw/1_c.txt", b"CONNECT mail.lab.test:443 HTTP/1.1\r\n\r\n", Stored),
        ("raw/1_s.txt", b"HTTP/1.1 200 OK\r\n\r\n\x16\x03", Stored),
    ];
    for zip64 in [false, true] {
        let (calls, problems) = found(&archive(files, zip64)).unwrap();
        assert_eq!((calls.len(), problems.len()), (2, 0), "{problems:?}");
        let CallBody::Http(http) = &calls[0].body else { panic!("not HTTP") };
        assert_eq!((http.target.as_str(), &http.request.body[..]), ("/ews/x?y", &b"ab"[..]));
        assert_eq!(http.response.as_ref().unwrap().message.body, &b"xyz"[..]);
        assert_eq!(calls[0].time.to_string(), "2026-12-01T10:00:00.500000Z");
        assert_eq!(calls[0].elapsed, Some(std::time::Duration::from_millis(500)));
        let CallBody::Http(http) = &calls[1].body else { panic!("not HTTP") };
        assert_eq!((http.target.as_str(), &http.response), ("/later", &None));
    }
}

#[test]
fn an_unreadable_exchange_is_reported_and_affects_no_other() {
    let damaged = {
        let mut files = archive(&[("raw/1_c.txt", &REQUEST.repeat(20), Packed::Deflated)], false);
        files[45..60].fill(0xff);
        files
    };
    assert_eq!(found(&damaged).unwrap().1.len(), 1);
    let files = [("raw/1_c.txt", REQUEST, Packed::Encrypted), ("raw/2_c.txt", REQUEST, Packed::Stored)];
    let (calls, problems) = found(&archive(&files, false)).unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(problems, ["exchange 1: protected with a password; save the archive without one"]);
    let whole = archive(&files, false);
    assert!(matches!(found(&whole[..whole.len() - 30]), Err(ArchiveError::NoDirectory)));
    let others = archive(&[("word/document.xml", b"<x/>", Packed::Stored)], false);
    assert!(matches!(found(&others), Err(ArchiveError::NoExchanges)));
}
