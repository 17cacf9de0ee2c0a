//! Tests of compressed RTF.

use proptest::prelude::*;
use wire::{Encode, ErrorKind};

use super::crc::crc;
use super::dictionary::DICTIONARY;
use super::header::HEADER_REST;
use super::*;

/// [MS-OXRTFCP] 3.2.1 and 4.1: `{\rtf1\ansi\ansicpg1252\pard hello world}`.
const SIMPLE: &[u8] = &[
    0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03,
    0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65,
    0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
];
const SIMPLE_RTF: &[u8] = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n";

/// The second example of the same sections, in which matches overlap the output.
const CROSSING: &[u8] = &[
    0x1a, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41,
    0x00, 0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
];
const CROSSING_RTF: &[u8] = b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}";

fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = SIMPLE.to_vec();
    bytes[at] = byte;
    bytes
}

#[test]
fn the_examples_of_the_specification_round_trip() {
    assert_eq!(decompress(SIMPLE, 100).unwrap(), SIMPLE_RTF);
    assert_eq!(decompress(CROSSING, 100).unwrap(), CROSSING_RTF);
    assert_eq!(compress(SIMPLE_RTF).unwrap(), SIMPLE);
    assert_eq!(compress(CROSSING_RTF).unwrap(), CROSSING);
}

#[test]
fn uncompressed_text_has_no_checksum() {
    let stored = store(b"{\\rtf1}").unwrap();
    assert_eq!(stored, b"\x13\0\0\0\x07\0\0\0MELA\0\0\0\0{\\rtf1}");
    assert_eq!(decompress(&stored, 7).unwrap(), b"{\\rtf1}");
    assert!(matches!(decompress(&stored, 6).unwrap_err().kind, ErrorKind::TooLong { length: 7, limit: 6 }));
    let short = b"\x12\0\0\0\x07\0\0\0MELA\0\0\0\0{\\rtf1}";
    assert!(matches!(
        decompress(short, 100).unwrap_err().kind,
        ErrorKind::Truncated { needed: 7, available: 6 }
    ));
    assert_eq!(decompress(b"\x0c\0\0\0\0\0\0\0MELA\0\0\0\0", 0).unwrap(), b"");
}

#[test]
fn inconsistent_headers_are_refused() {
    assert_eq!(decompress(&changed(4, 0xFF), 100).unwrap(), SIMPLE_RTF, "RAWSIZE sizes nothing");
    assert_eq!(decompress(&changed(4, 0), 100).unwrap(), SIMPLE_RTF);
    for (at, byte, field) in
        [(0, 11, "COMPSIZE"), (0, 0x2e, "CONTENTS"), (3, 0xFF, "CONTENTS"), (8, 0, "COMPTYPE")]
    {
        assert_eq!(decompress(&changed(at, byte), 100).unwrap_err().field, field);
    }
    assert_eq!(decompress(&changed(12, 0), 100).unwrap_err().field, "CRC");
    assert_eq!(decompress(&changed(20, 0), 100).unwrap_err().field, "CRC");
    assert_eq!(decompress(&[SIMPLE, &[1, 2, 3]].concat(), 100).unwrap(), SIMPLE_RTF, "more follows");
    (0..SIMPLE.len()).for_each(|size| assert!(decompress(&SIMPLE[..size], 100).is_err()));
    assert_eq!(decompress(SIMPLE, 43).unwrap(), SIMPLE_RTF);
    assert!(matches!(decompress(SIMPLE, 42).unwrap_err().kind, ErrorKind::TooLong { limit: 42, .. }));
}

fn packed(contents: &[u8], raw_size: u32) -> Vec<u8> {
    let comp_size = u32::try_from(contents.len()).unwrap() + HEADER_REST;
    let header = RtfHeader { comp_size, raw_size, comp_type: CompType::COMPRESSED, crc: crc(contents) };
    [header.to_bytes().unwrap(), contents.to_vec()].concat()
}

#[test]
fn contents_without_an_end_mark_must_have_the_stated_size() {
    assert_eq!(decompress(&packed(b"\0abc", 3), 100).unwrap(), b"abc");
    assert_eq!(decompress(&packed(b"\0abc", 2), 100).unwrap(), b"abc");
    assert!(matches!(decompress(&packed(b"\0abc", 4), 100).unwrap_err().kind, ErrorKind::Truncated { .. }));
    assert!(decompress(&packed(b"\x01", 0), 100).is_err(), "half a reference");
    assert!(decompress(&packed(b"\x01\x10\x00", 0), 100).is_err(), "to what was never written");
}

#[test]
fn bombs_stop_at_the_limit() {
    let rtf = vec![b'x'; 2 << 20];
    let packed = compress(&rtf).unwrap();
    assert!(packed.len() < rtf.len() / 7);
    assert_eq!(decompress(&packed, rtf.len()).unwrap(), rtf);
    assert!(matches!(decompress(&packed, 1 << 19).unwrap_err().kind, ErrorKind::TooLong { .. }));
}

proptest! {
    #[test]
    fn compressing_and_decompressing_is_lossless(pieces in prop::collection::vec(
        prop_oneof![prop::collection::vec(any::<u8>(), 0..9), prop::collection::vec(b'a'..b'd', 0..40), Just(DICTIONARY[30..90].to_vec())],
        0..400,
    )) {
        let rtf = pieces.concat();
        prop_assert_eq!(&decompress(&compress(&rtf).unwrap(), rtf.len()).unwrap(), &rtf);
        prop_assert_eq!(&decompress(&store(&rtf).unwrap(), rtf.len()).unwrap(), &rtf);
    }

    #[test]
    fn the_output_never_exceeds_the_limit(contents in prop::collection::vec(any::<u8>(), 0..300), limit in 0usize..300) {
        if let Ok(rtf) = decompress(&packed(&contents, 0), limit) {
            prop_assert!(rtf.len() <= limit);
        }
    }
}
