//! The position of context handles in stubs.
//!
//! The offset of the handle is known for every operation that is not refused ([`HandleUse::Unknown`]), so the engine
//! replaces the handle in the bytes of the stub, and forwards the other bytes unchanged.

use mapi::Interface;
use mapi::ndr::ContextHandle;
use wire::{Decode as _, Endian, Guid, Reader};

/// How an operation uses context handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleUse {
    /// The parameters are not known, so that a handle of the upstream could be anywhere in them. Calls are refused.
    Unknown,
    /// Neither the request nor the response has a handle.
    None,
    /// The response contains a new handle.
    Opens,
    /// The request contains a handle; the response does not.
    Reads,
    /// The request contains a handle; the response contains the same handle, or null if the session ended.
    Passes,
    /// The request contains a handle; the response contains null if the session was closed.
    Closes,
    /// The request contains a handle; the response contains a new handle for another interface.
    Derives,
}

/// How the operation `opnum` of `interface` uses context handles ([MS-OXABREF] 3.1.4, [MS-OXNSPI] 3.1.4, [MS-OXCRPC]
/// 3.1.4 and 3.3.4).
///
/// [MS-OXCRPC] reserves the opnums 0, 2, 3, 5, 7, 8, 9, 12 and 13 of EMSMDB. Of these, 0, 2, 3, 5 and 9 are calls of
/// old clients, whose parameters [`mapi::emsmdb`] has (`EcDoConnect`, `EcDoRpc`, `EcGetMoreRpc`,
/// `EcRUnregisterPushNotification` and `EcDoRpcExt`); 7, 8, 12 and 13 are unknown.
pub const fn handle_use(interface: Interface, opnum: u16) -> HandleUse {
    match (interface, opnum) {
        (Interface::Nspi, 0) | (Interface::Emsmdb, 0 | 10) => HandleUse::Opens,
        (Interface::Nspi | Interface::Emsmdb, 1) => HandleUse::Closes,
        (Interface::Nspi, 2..=20) | (Interface::AsyncEmsmdb, 0) => HandleUse::Reads,
        (Interface::Emsmdb, 2..=5 | 9 | 11) => HandleUse::Passes,
        (Interface::Emsmdb, 14) => HandleUse::Derives,
        (Interface::Rfr, 0 | 1) | (Interface::Emsmdb, 6) => HandleUse::None,
        _ => HandleUse::Unknown,
    }
}

/// The size of a context handle in a stub, in bytes: 4 of attributes, then 16 of UUID.
const HANDLE_LEN: usize = 20;

/// The offset of the handle in a request.
const REQUEST_AT: usize = 0;

/// The offset of the handle in a response.
fn response_at(interface: Interface, opnum: u16, stub: &[u8]) -> usize {
    // NspiBind returns pServerGuid first: a unique pointer, and the GUID where it is not null.
    let is_bind = matches!((interface, opnum), (Interface::Nspi, 0));
    let null_pointer = stub.first_chunk::<4>() == Some(&[0; 4]);
    match (is_bind, null_pointer) {
        (false, _) => 0,
        (true, true) => 4,
        (true, false) => 20,
    }
}

/// The handle in a little-endian request.
pub(crate) fn read_request(stub: &[u8]) -> Option<ContextHandle> {
    read(stub, REQUEST_AT, Endian::Little)
}

/// Replaces the handle in a little-endian request. Returns whether the stub is long enough.
pub(crate) fn write_request(stub: &mut [u8], handle: ContextHandle) -> bool {
    write(stub, REQUEST_AT, handle)
}

/// The handle in a response, or in the beginning of one.
pub(crate) fn read_response(
    interface: Interface,
    opnum: u16,
    stub: &[u8],
    endian: Endian,
) -> Option<ContextHandle> {
    read(stub, response_at(interface, opnum, stub), endian)
}

/// Replaces the handle in a little-endian response. Returns whether the stub is long enough.
pub(crate) fn write_response(
    interface: Interface,
    opnum: u16,
    stub: &mut [u8],
    handle: ContextHandle,
) -> bool {
    let at = response_at(interface, opnum, stub);
    write(stub, at, handle)
}

fn read(stub: &[u8], at: usize, endian: Endian) -> Option<ContextHandle> {
    let mut reader = Reader::with_endian(stub.get(at..)?, endian);
    let attributes = reader.u32("attributes").ok()?;
    Some(ContextHandle { attributes, uuid: Guid::decode(&mut reader).ok()? })
}

fn write(stub: &mut [u8], at: usize, handle: ContextHandle) -> bool {
    let Some(place) = at.checked_add(HANDLE_LEN).and_then(|end| stub.get_mut(at..end)) else { return false };
    let Some((attributes, rest)) = place.split_first_chunk_mut::<4>() else { return false };
    let Some(uuid) = rest.first_chunk_mut::<16>() else { return false };
    (*attributes, *uuid) = (handle.attributes.to_le_bytes(), handle.uuid.to_le());
    true
}
