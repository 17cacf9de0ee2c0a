//! Oracle: extended buffers.

use mapi::compress::{
    ExtendedBuffer, ExtendedFlags, Limits, MAX_CHAIN_LENGTH, compress, decode_chain, decode_one, decompress,
    encode_chain,
};

use crate::input::Input;

/// More than this is not compressed again, since that takes longer than reading it.
const WORTH_WRITING: usize = 256 << 10;

/// Compression and extended buffers.
///
/// The first byte selects what the rest is: 0 a size of two bytes and a compressed payload, 1 a payload to
/// compress, 2 a chain of buffers, 3 a single buffer, 4 flags and payloads from which a chain is made. A
/// decompressed payload has the expected size; a compressed payload is decompressed to the same bytes; a chain
/// does not exceed its limits, and is decoded as it was encoded.
///
/// # Panics
/// If one of these properties is violated.
pub fn extended_buffers(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 5 {
        0 => compressed(usize::from(input.short()), input.rest()),
        1 => round_trip(input.rest()),
        2 => chain(input.rest()),
        3 => single(input.rest()),
        _ => written(&mut input),
    }
}

fn compressed(size: usize, bytes: &[u8]) {
    let Ok(payload) = decompress(bytes, size) else { return };
    assert_eq!(payload.len(), size, "of the requested length");
    round_trip(&payload);
}

fn round_trip(payload: &[u8]) {
    let payload = &payload[..payload.len().min(usize::from(u16::MAX))];
    let packed = compress(payload);
    assert_eq!(decompress(&packed, payload.len()).as_deref(), Ok(payload), "what it was before");
}

fn chain(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(chain) = decode_chain(bytes, limits) else { return };
    let total: usize = chain.iter().map(|buffer| buffer.payload.len()).sum();
    assert!((1..=MAX_CHAIN_LENGTH).contains(&chain.len()) && total <= limits.payload);
    let (last, others) = chain.split_last().expect("at least one buffer");
    assert!(last.is_last() && !others.iter().any(ExtendedBuffer::is_last), "the last one, and no other");
    if total <= WORTH_WRITING {
        again(&chain);
    }
    let none = Limits { buffers: chain.len() - 1, ..limits };
    assert!(decode_chain(bytes, none).is_err(), "a limit of fewer buffers");
    if let Some(payload) = total.checked_sub(1) {
        assert!(decode_chain(bytes, Limits { payload, ..limits }).is_err(), "a limit of fewer bytes");
    }
}

fn single(bytes: &[u8]) {
    let one = decode_one(bytes);
    if let Ok(buffer) = &one {
        again(std::slice::from_ref(buffer));
    }
    let chain = decode_chain(bytes, Limits { buffers: 1, payload: usize::from(u16::MAX) });
    assert_eq!(one.ok(), chain.ok().and_then(|mut chain| chain.pop()), "a chain of one");
}

/// Encodes a chain and decodes it.
fn again(chain: &[ExtendedBuffer]) {
    let bytes = encode_chain(chain).expect("what was read can be written");
    let limits = Limits { payload: usize::MAX, ..Limits::default() };
    let read = decode_chain(&bytes, limits).expect("what was written can be read");
    assert_eq!(read.len(), chain.len());
    for (read, written) in read.iter().zip(chain) {
        let ignored = ExtendedFlags::COMPRESSED | ExtendedFlags::LAST;
        assert_eq!(read.payload, written.payload);
        assert_eq!(read.flags.without(ignored), written.flags.without(ignored));
    }
    assert_eq!(encode_chain(&read).as_deref(), Ok(&*bytes), "written twice alike");
}

fn written(input: &mut Input<'_>) {
    let mut chain = Vec::new();
    while !input.is_empty() && chain.len() < MAX_CHAIN_LENGTH {
        let flags = ExtendedFlags(input.short());
        let payload = input.block().repeat(usize::from(input.byte() % 4) + 1);
        let payload = payload[..payload.len().min(usize::from(u16::MAX))].to_vec();
        chain.push(ExtendedBuffer { flags, payload: payload.into() });
    }
    if !chain.is_empty() {
        again(&chain);
    }
}
