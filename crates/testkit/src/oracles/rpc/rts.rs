//! Oracle: channels of RPC over HTTP.

use rpc::framer::Framer;
use rpc::rts::{RTS, RtsPdu};
use wire::{Decode as _, Encode as _};

use crate::input::{Input, cuts};

/// A byte that selects how a stream is divided, and one direction of a channel of RPC over HTTP. Its RTS PDUs are
/// the same, divided or whole, and each is encoded to the same bytes.
///
/// # Panics
/// If one of these properties is violated.
pub fn rts(data: &[u8]) {
    let mut input = Input::new(data);
    let (seed, bytes) = (input.byte(), input.rest());
    let whole = pdus([bytes]);
    assert_eq!(pdus(cuts(seed, bytes)), whole, "a cut changed what was read");
    for pdu in whole {
        let Ok(rts) = RtsPdu::from_bytes(&pdu) else { continue };
        assert_eq!(rts.to_bytes().as_deref(), Ok(&*pdu), "{rts:?}");
        // Every PDU can be compared with the known messages.
        let _ = rts.name();
    }
}

/// The RTS PDUs of a stream.
fn pdus<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(u16::MAX, u16::MAX);
    let mut pdus = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Ok(Some((header, pdu))) = framer.next_pdu() {
            if header.ptype == RTS {
                pdus.push(pdu.to_vec());
            }
        }
    }
    pdus
}
