//! Oracle: PDUs and their framing.

use rpc::framer::{DEFAULT_MAX_FRAGMENT, FrameError, Framer};
use rpc::pdu::{Body, DataRepresentation, Header, Pdu, PfcFlags};
use rpc::verification::VerificationTrailer;
use wire::{Decode, Encode, Endian};

use crate::input::{Input, cuts};

/// The first byte selects what the rest is:
///
/// - 0: one PDU. A decoded PDU can be encoded, is decoded as the same PDU, and is then encoded to the same bytes.
/// - 1: a byte that selects how a stream is divided, and the stream. Its PDUs and its error are the same, divided
///   or whole.
/// - 2, 3: a stub, little-endian or big-endian, with a verification trailer. A trailer that is found is within
///   the stub, and is found again after it was encoded.
///
/// # Panics
/// If one of these properties is violated.
pub fn pdus(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => pdu(input.rest()),
        1 => stream(input.byte(), input.rest()),
        2 => trailer(input.rest(), Endian::Little),
        _ => trailer(input.rest(), Endian::Big),
    }
}

fn pdu(bytes: &[u8]) {
    let Ok(pdu) = Pdu::from_bytes(bytes) else { return };
    let written = match pdu.to_bytes() {
        Ok(written) => written,
        Err(error) => {
            // The encoder adds the padding of an auth3 and the count of a bind_nak, which some senders omit.
            let longest = usize::from(u16::MAX) - 4;
            assert!(bytes.len() > longest, "what was read can be written: {error}");
            return;
        }
    };
    let again = Pdu::from_bytes(&written).expect("what was written can be read");
    assert_eq!(again.body, pdu.body);
    assert_eq!(again.auth, pdu.auth);
    assert_eq!(again.header, normal(&pdu, written.len()));
    assert_eq!(again.to_bytes().as_deref(), Ok(&*written), "written twice alike");
}

/// The header of `pdu` as it is encoded.
fn normal(pdu: &Pdu<'_>, length: usize) -> Header {
    let drep: DataRepresentation = pdu.header.drep.as_little();
    let object = matches!(&pdu.body, Body::Request(request) if request.object.is_some());
    let mut flags = pdu.header.flags.without(PfcFlags::OBJECT_UUID);
    if object {
        flags = flags.with(PfcFlags::OBJECT_UUID);
    }
    let frag_length = u16::try_from(length).expect("a PDU that was written");
    Header { drep, flags, frag_length, ..pdu.header }
}

type FramedPdus = (Vec<(Header, Vec<u8>)>, Option<FrameError>, Vec<u8>);

fn stream(seed: u8, bytes: &[u8]) {
    let whole = frame(&[bytes]);
    assert_eq!(frame(&cuts(seed, bytes)), whole);
    let (pdus, error, rest) = whole;
    let taken: usize = pdus.iter().map(|(_, pdu)| pdu.len()).sum();
    assert!(error.is_some() || taken + rest.len() == bytes.len(), "no byte is lost");
    for (header, pdu) in pdus {
        assert_eq!(usize::from(header.frag_length), pdu.len());
        assert!(header.ptype.is_setup() || header.frag_length <= DEFAULT_MAX_FRAGMENT);
    }
}

fn frame(pieces: &[&[u8]]) -> FramedPdus {
    let mut framer = Framer::new(DEFAULT_MAX_FRAGMENT, 16_384);
    let mut pdus = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_pdu() {
                Ok(Some((header, pdu))) => pdus.push((header, pdu.to_vec())),
                Ok(None) => break,
                Err(error) => return (pdus, Some(error), Vec::new()),
            }
        }
    }
    (pdus, None, framer.into_rest().to_vec())
}

fn trailer(stub: &[u8], endian: Endian) {
    let Some((start, found)) = VerificationTrailer::find(stub, endian) else { return };
    assert_eq!(start % 4, 0);
    assert!(start < stub.len() && stub.len() - start <= 1024 + 3);
    let nothing = found.bitmask.is_none() && found.pcontext.is_none() && found.header2.is_none();
    if found.unknown_must_process || nothing {
        return;
    }
    let tail = found.to_tail(start).expect("what was found can be written");
    assert_eq!(VerificationTrailer::find(&tail, Endian::Little), Some((0, found)));
}
