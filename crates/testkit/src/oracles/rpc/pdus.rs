//! Oracle: PDUs and their framing.

use rpc::framer::{DEFAULT_MAX_FRAGMENT, FrameError, Framer};
use rpc::pdu::{Body, DataRepresentation, Header, Pdu, PfcFlags};
use rpc::verification::VerificationTrailer;
use wire::{Decode, Encode, Endian};

use crate::input::{Input, cuts};

/// The first byte says what the rest is:
///
/// - 0: one PDU. What is read can be written, and reads as the same PDU, whose bytes then stay as they are.
/// - 1: a stream, behind a byte that says how it is cut. It yields the same PDUs and the same error, cut or
///   whole.
/// - 2, 3: a stub, little-endian or big-endian, with a verification trailer. What is found is within the
///   stub's end, and is found again once it is written.
///
/// # Panics
/// If one of these does not hold.
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
            // An auth3 gets the padding, a bind_nak the count, that some senders leave out.
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

/// The header of `pdu` as it is written.
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
