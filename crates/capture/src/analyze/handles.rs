//! Context handles in remote calls, wherever the recording began.

use mapi::Interface;
use wire::Guid;

use crate::call::{RpcOutcome, Stub};

/// The UUID of the context handle at `at`; none where it is no handle or a null one.
pub(crate) fn handle_at(stub: &Stub, at: usize) -> Option<Guid> {
    let Stub::Plain(bytes, endian) = stub else { return None };
    let mut r = wire::Reader::with_endian(bytes.get(at..)?, *endian);
    r.u32("attributes").ok()?;
    // In big-endian order only the bytes of the first three fields lie otherwise; any key will do.
    Some(Guid::from_le(r.array("uuid").ok()?)).filter(|uuid| !uuid.is_nil())
}

/// The context handle that an answer gives out.
pub(crate) fn opened(interface: Interface, answer: &RpcOutcome) -> Option<Guid> {
    let RpcOutcome::Response(stub) = answer else { return None };
    let skipped = match (interface, stub) {
        // The answer to a bind begins with a pointer to the server's GUID.
        (Interface::Nspi, Stub::Plain(bytes, _)) if bytes.first_chunk() == Some(&[0_u8; 4]) => 4,
        (Interface::Nspi, _) => 20,
        _ => 0,
    };
    handle_at(stub, skipped)
}
