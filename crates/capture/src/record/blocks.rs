//! Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng).

use crate::time::Timestamp;

/// Block types (section 4).
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// Options (sections 3.5, 4.2).
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;

/// The longest value of an option, in bytes.
const MAX_OPTION: usize = 1024;

/// Appends the header of a section whose length is not specified (4.1).
pub(super) fn section_header(out: &mut Vec<u8>) {
    let mut body = Vec::new();
    body.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes() /* byte-order magic */);
    body.extend_from_slice(&[1, 0, 0, 0] /* version */);
    body.extend_from_slice(&[0xff; 8] /* section length */);
    block(out, SECTION_HEADER, &body);
}

/// Appends the description of an Ethernet interface with times in nanoseconds (4.2).
pub(super) fn interface(out: &mut Vec<u8>, name: &str) {
    let mut body =
        vec![1, 0 /* link type */, 0, 0 /* reserved */, 0, 0, 0, 0 /* snapshot length */];
    option(&mut body, INTERFACE_NAME, name.as_bytes());
    option(&mut body, TIME_RESOLUTION, &[9]);
    option(&mut body, END_OF_OPTIONS, &[]);
    block(out, INTERFACE_DESCRIPTION, &body);
}

/// Appends a packet of an interface (4.3).
pub(super) fn packet(
    out: &mut Vec<u8>,
    interface: u32,
    time: Timestamp,
    frame: &[u8],
    comment: Option<&str>,
) {
    let mut body = Vec::with_capacity(frame.len().saturating_add(64));
    body.extend_from_slice(&interface.to_le_bytes());
    let (high, low) = (time.0 >> 32, time.0 & u64::from(u32::MAX));
    body.extend_from_slice(&u32::try_from(high).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(&u32::try_from(low).unwrap_or(0).to_le_bytes());
    let length = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
    body.extend_from_slice(&length /* captured */);
    body.extend_from_slice(&length /* original */);
    body.extend_from_slice(frame);
    pad(&mut body);
    if let Some(comment) = comment {
        option(&mut body, COMMENT, comment.as_bytes());
        option(&mut body, END_OF_OPTIONS, &[]);
    }
    block(out, ENHANCED_PACKET, &body);
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded.saturating_add(12)).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length);
    out.extend_from_slice(body);
    out.resize(out.len().saturating_add(padded.saturating_sub(body.len())), 0);
    out.extend_from_slice(&length);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Appends an option. A longer value is cut.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(MAX_OPTION)).unwrap_or_default();
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}
