//! Tests of extended buffers and compression.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Decode, Encode, ErrorKind, Reader};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Uncompresses without a size, to learn what size there would be.
fn refuses(input: &[u8], size: usize) -> ErrorKind {
    decompress(input, size).unwrap_err().kind
}

/// [MS-XCA] 3.1: no match.
#[test]
fn the_alphabet_is_compressed_as_in_the_specification() {
    let plain = b"abcdefghijklmnopqrstuvwxyz";
    let packed = hex("3f000000 6162636465666768696a6b6c6d6e6f707172737475767778797a");
    assert_eq!(compress(plain), packed);
    assert_eq!(decompress(&packed, 26).unwrap(), plain);
}

/// [MS-XCA] 3.1: one long match that overlaps itself.
#[test]
fn a_repeated_abc_is_compressed_as_in_the_specification() {
    let plain = b"abc".repeat(100);
    let packed = hex("ffffff1f 616263 1700 0f ff 2601");
    assert_eq!(compress(&plain), packed);
    assert_eq!(decompress(&packed, 300).unwrap(), plain);
}

/// [MS-DRSR] 4.1.10.5.19.2.1 has this text as an example, with a bitmask of 8 bits: 0001000, then a final 1.
#[test]
fn the_flag_bit_after_the_last_element_is_set() {
    let packed = compress(b"ABCABCDEF");
    assert_eq!(packed, hex("ffffff11 414243 1000 444546"));
    assert_eq!(decompress(&packed, 9).unwrap(), b"ABCABCDEF");
}

/// 32 elements fill their flags, so that the end requires a further flags field.
#[test]
fn full_flags_are_followed_by_flags_for_the_end() {
    let plain: Vec<u8> = (0..32).collect();
    let packed = compress(&plain);
    assert_eq!(packed.len(), 4 + 32 + 4);
    assert_eq!(packed[36..], [0xff; 4]);
    assert_eq!(decompress(&packed, 32).unwrap(), plain);
    assert_eq!(decompress(&packed[..36], 32).unwrap(), plain, "an encoder may leave them out");
}

#[test]
fn empty_input_is_compressed_to_flags() {
    assert_eq!(compress(b""), [0xff; 4]);
    assert_eq!(decompress(&[0xff; 4], 0).unwrap(), b"");
    assert_eq!(decompress(b"", 0).unwrap(), b"");
}

/// Two matches share a length byte: the first takes the lower half, the second the upper one.
#[test]
fn two_matches_share_a_length_byte() {
    // A literal, then three matches of 12 at distance 1: lengths 2, 2, 2 beyond 10.
    let packed = hex("ffffff7f 61 0700 22 0700 0700 02");
    assert_eq!(decompress(&packed, 37).unwrap(), [b'a'; 37]);
    // Both halves are 15: the byte is followed by the extended length of the first match, and then by the byte of the
    // second match.
    let packed = hex("ffffff7f 61 0700 ff 01 0700 02");
    assert_eq!(decompress(&packed, 1 + 26 + 27).unwrap(), [b'a'; 54]);
}

/// Lengths on both sides of each escape: 9/10, 24/25, 279/280, and the greatest length of two bytes.
#[test]
fn every_length_escape_round_trips() {
    for length in [3, 9, 10, 11, 24, 25, 26, 279, 280, 281, 65_537, 65_538, 65_539, 65_600, 140_000] {
        let plain = vec![b'x'; length + 1];
        assert_eq!(decompress(&compress(&plain), plain.len()).unwrap(), plain, "a match of {length}");
    }
    // 'x', then one match of 280: 7, 15, 255, and 277 in two bytes.
    assert_eq!(compress(&[b'x'; 281]), hex("ffffff7f 78 0700 0f ff 1501"));
}

/// [MS-XCA] 2.4: two zero bytes are followed by the length in four bytes.
#[test]
fn a_length_of_four_bytes_is_decoded() {
    let packed = hex("ffffff7f 78 0700 0f ff 0000 70110100");
    assert_eq!(decompress(&packed, 1 + 0x11170 + 3).unwrap(), vec![b'x'; 0x11174]);
    assert!(matches!(refuses(&packed, 65_535), ErrorKind::TooLong { .. }));
    let packed = hex("ffffff7f 78 0700 0f ff 0000 ffffffff");
    assert!(matches!(refuses(&packed, 65_535), ErrorKind::TooLong { .. }));
}

#[test]
fn distances_reach_exactly_8192_back() {
    let mut plain: Vec<u8> =
        (0..8192_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(8192).collect();
    plain.extend_from_within(..64);
    let packed = compress(&plain);
    assert!(packed.len() < 8192 + 8192 / 8 + 16);
    assert_eq!(decompress(&packed, plain.len()).unwrap(), plain);
    let far = hex("00000080 f8ff");
    assert!(matches!(refuses(&far, 100), ErrorKind::Invalid { .. }));
}

#[test]
fn data_that_no_encoder_produces_is_refused() {
    for (input, size) in [
        ("ffff", 1),                     // half of the flags
        ("ffffffff 0000", 3),            // a match before anything
        ("ffffff7f 61 1000", 4),         // a match that reaches before the start
        ("ffffff7f 61 00", 4),           // half of a match
        ("ffffff7f 61 0700", 12),        // a length that is missing
        ("ffffff7f 61 0700 0f", 30),     // its byte
        ("ffffff7f 61 0700 0f ff", 300), // its two bytes
        ("ffffff7f 61 0700 0f ff 0000 0000", 300),
        ("ffffff7f 61 0700 0f ff 1500", 25), // a length that fewer bytes would hold
        ("ffffff7f 61 0000", 3),             // more than the size
        ("ffffff7f 61 0000", 5),             // less than the size
    ] {
        assert!(decompress(&hex(input), size).is_err(), "{input}");
    }
}

const XOR_REQUEST: &str =
    "0000060023002300baa582a5a5ecf5e88bebcad1c0a5dea5a5eca5a5e6a5a5a4a5a5a5a5a5a5a8a5a5a5a5";
const XOR_REQUEST_PAYLOAD: &str = "1f0027000049504d2e4e6f7465007b0000490000430000010000000000000d00000000";

/// An obfuscated request of a client: `RopGetReceiveFolder` and `RopOpenFolder` before their handle table.
#[test]
fn an_obfuscated_buffer_is_decoded() {
    let sent = hex(XOR_REQUEST);
    let buffer = decode_one(&sent).unwrap();
    assert_eq!(buffer.flags, ExtendedFlags::XOR_MAGIC | ExtendedFlags::LAST);
    assert_eq!(buffer.payload, hex(XOR_REQUEST_PAYLOAD));
    assert_eq!(buffer.to_bytes().unwrap(), sent);
}

#[test]
fn inconsistent_sizes_are_refused() {
    for (what, header) in [
        ("another version", "0100 0400 0100 0100 61"),
        ("uncompressed, sizes differ", "0000 0400 0100 0200 61"),
        ("compressed, sizes the same", "0000 0500 0500 0500 7fffffff61"),
        ("compressed, SizeActual smaller", "0000 0500 0500 0100 ffffff7f61"),
        ("compressed, SizeActual too large", "0000 0500 0500 0600 ffffff7f61"),
        ("compressed, SizeActual too small", "0000 0500 0700 0800 ffffff7f610f00"),
        ("payload missing", "0000 0400 0200 0200 61"),
        ("no Last flag", "0000 0000 0100 0100 61"),
        ("trailing bytes", "0000 0400 0100 0100 61 62"),
        ("nothing", ""),
        ("half a header", "0000 0400 01"),
    ] {
        assert!(decode_chain(&hex(header), Limits::default()).is_err(), "{what}");
        assert!(decode_one(&hex(header)).is_err(), "{what}");
    }
}

#[test]
fn a_bomb_is_refused_before_it_uncompresses() {
    // Repeatedly 11 bytes that decompress to 65,535.
    let one = hex("0000 0100 0b00 ffff ffffff7f 61 0700 0f ff fbff");
    let many = one.repeat(10_000);
    let error = decode_chain(&many, Limits::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLong { .. }), "{error}");
    let tight = Limits { buffers: 96, payload: 65_534 };
    let error = decode_chain(&one, tight).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLong { length: 65_535, limit: 65_534 }), "{error}");
    let endless = hex("0000 0000 0000 0000").repeat(97);
    assert!(decode_chain(&endless, Limits::default()).is_err());
}

#[test]
fn data_that_does_not_shrink_is_sent_uncompressed() {
    let flags = ExtendedFlags::COMPRESSED | ExtendedFlags::LAST;
    let bytes = ExtendedBuffer::with_flags(flags, b"abc".to_vec()).to_bytes().unwrap();
    assert_eq!(bytes, hex("0000 0400 0300 0300 616263"));
    assert!(ExtendedBuffer::plain(vec![0; 65_536]).to_bytes().is_err());
    assert!(encode_chain(&[]).is_err());
}

/// Text-like bytes, runs and noise, so that there are matches of every kind.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..64),
        vec(b'a'..b'd', 0..64),
        (any::<u8>(), 0..400_usize).prop_map(|(byte, count)| vec![byte; count]),
        (vec(any::<u8>(), 1..20), 1..40_usize).prop_map(|(unit, count)| unit.repeat(count)),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn compression_round_trips(plain in payload()) {
        let packed = compress(&plain);
        prop_assert!(packed.len() <= plain.len() + plain.len() / 8 + 8);
        prop_assert_eq!(decompress(&packed, plain.len()).unwrap(), plain);
    }

    #[test]
    fn any_input_is_an_error_or_has_the_requested_size(input in vec(any::<u8>(), 0..200), size in 0..2000_usize) {
        if let Ok(plain) = decompress(&input, size) {
            prop_assert_eq!(plain.len(), size);
            prop_assert_eq!(decompress(&compress(&plain), size).unwrap(), plain);
        }
    }

    #[test]
    fn chains_round_trip(parts in vec((any::<u16>(), payload()), 1..5)) {
        let mut chain: Vec<ExtendedBuffer> = parts
            .into_iter()
            .map(|(flags, payload)| ExtendedBuffer {
                flags: ExtendedFlags(flags).without(ExtendedFlags::LAST),
                payload: payload.into(),
            })
            .collect();
        let last = chain.last_mut().unwrap();
        last.flags = last.flags.with(ExtendedFlags::LAST);
        let bytes = encode_chain(&chain).unwrap();
        let again = decode_chain(&bytes, Limits::default()).unwrap();
        for (before, after) in chain.iter().zip(&again) {
            prop_assert_eq!(&before.payload, &after.payload);
            // Compression may be omitted; all other fields are unchanged.
            prop_assert_eq!(before.flags.without(ExtendedFlags::COMPRESSED).0,
                after.flags.without(ExtendedFlags::COMPRESSED).0);
        }
        prop_assert_eq!(&encode_chain(&again).unwrap(), &bytes);
        prop_assert_eq!(decode_shared_chain(&bytes.into(), Limits::default()).unwrap(), again);
    }

    #[test]
    fn the_length_of_a_chain_is_known_before_it_is_decompressed(
        parts in vec((any::<u16>(), payload()), 1..5),
        off in 0..3_usize,
    ) {
        let buffer = |(flags, payload): (u16, Vec<u8>)| ExtendedBuffer::with_flags(ExtendedFlags(flags), payload);
        let chain: Vec<_> = parts.into_iter().map(buffer).collect();
        let length: usize = chain.iter().map(|buffer| buffer.payload.len()).sum();
        let bytes = encode_chain(&chain).unwrap();
        let limit = (length + off).saturating_sub(1);
        prop_assert_eq!(is_chain_longer(&bytes, limit), length > limit);
    }

    #[test]
    fn no_header_causes_a_panic(bytes in vec(any::<u8>(), 0..64)) {
        let mut r = Reader::new(&bytes);
        if let Ok(buffer) = ExtendedBuffer::decode(&mut r) {
            let again = buffer.to_bytes().unwrap();
            prop_assert_eq!(ExtendedBuffer::from_bytes(&again).unwrap().payload, buffer.payload);
        }
    }

    #[test]
    fn obfuscation_is_its_own_inverse(bytes in vec(any::<u8>(), 0..64)) {
        let mut twice = bytes.clone();
        obfuscate(&mut twice);
        prop_assert!(bytes.iter().zip(&twice).all(|(a, b)| a ^ b == XOR_MAGIC));
        obfuscate(&mut twice);
        prop_assert_eq!(twice, bytes);
    }
}
