//! Context handles in RPC calls.

use mapi::Interface;
use wire::Guid;

use crate::call::{RpcOutcome, Stub};

/// The UUID of the context handle at the offset `at`; `None` for a null handle and if the stub is too short.
pub(crate) fn handle_at(stub: &Stub, at: usize) -> Option<Guid> {
    let Stub::Plain(bytes, endian) = stub else { return None };
    let mut r = wire::Reader::with_endian(bytes.get(at..)?, *endian);
    r.u32("attributes").ok()?;
    // In big-endian order the bytes of the first three fields are swapped, which does not matter for a key.
    Some(Guid::from_le(r.array("uuid").ok()?)).filter(|uuid| !uuid.is_nil())
}

/// The context handle in the response of a call that opens one.
pub(crate) fn opened(interface: Interface, outcome: &RpcOutcome) -> Option<Guid> {
    let RpcOutcome::Response(stub) = outcome else { return None };
    let skipped = match (interface, stub) {
        // The response to a bind begins with a pointer to the server's GUID.
        (Interface::Nspi, Stub::Plain(bytes, _)) if bytes.first_chunk() == Some(&[0_u8; 4]) => 4,
        (Interface::Nspi, _) => 20,
        _ => 0,
    };
    handle_at(stub, skipped)
}
