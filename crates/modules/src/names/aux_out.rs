//! The auxiliary buffer of a server's answers, which may say which server it is.

use engine::Response;
use mapi::aux_block::{AuxBuffer, AuxType};
use mapi::compress;
use mapi::emsmdb::{self, OutBytes};
use mapi::mapihttp::AuxiliaryBuffer;
use wire::{Decode as _, Encode as _};

/// The blocks that name a server: one by its distinguished name, one in whatever words it likes
/// ([MS-OXCRPC] 2.2.2.2).
const NAMING: [AuxType; 2] = [AuxType::AUX_TYPE_PERF_SERVERINFO, AuxType::AUX_SERVER_SESSION_INFO];

/// The auxiliary buffer of an answer of the store, where it has one.
pub(super) const fn of(response: &mut Response) -> Option<&mut OutBytes> {
    match response {
        Response::Emsmdb(emsmdb::Response::EcDoConnectEx(response)) => Some(&mut response.aux_out),
        Response::Emsmdb(emsmdb::Response::EcDoRpcExt2(response)) => Some(&mut response.aux_out),
        _ => None,
    }
}

/// Whether the answer `stub` of `EcDoRpcExt2` has an auxiliary buffer: `pcbAuxOut` is the last value but two
/// ([MS-OXCRPC] 3.1.4.2). So that answers without one, which are most, need not be decoded.
pub(super) fn is_there(stub: &[u8]) -> bool {
    let length = stub.len().checked_sub(12).and_then(|at| stub.get(at..)?.first_chunk::<4>());
    length.is_none_or(|length| *length != [0; 4])
}

/// Takes out what names the server; true if there was anything. A buffer that can't be read is taken out whole,
/// since it can't be searched either, and clients get along without.
pub(super) fn hide(aux: &mut OutBytes) -> bool {
    if aux.as_slice().is_empty() {
        return false;
    }
    match without_names(aux.as_slice()) {
        Ok(None) => return false,
        Ok(Some(left)) => *aux = OutBytes::new(left),
        Err(_) => *aux = OutBytes::default(),
    }
    true
}

/// The same for an answer over HTTP.
pub(super) fn hide_http(aux: &mut AuxiliaryBuffer) -> bool {
    if aux.as_slice().is_empty() {
        return false;
    }
    match without_names(aux.as_slice()) {
        Ok(None) if !aux.is_opaque() => return false,
        Ok(Some(left)) if !aux.is_opaque() => *aux = AuxiliaryBuffer::new(left),
        _ => *aux = AuxiliaryBuffer::NONE,
    }
    true
}

/// What is left of the buffer without the blocks that name a server; none if there are none of them.
fn without_names(bytes: &[u8]) -> wire::Result<Option<Vec<u8>>> {
    let mut packed = compress::decode_one(bytes)?;
    let mut aux = AuxBuffer::from_bytes(&packed.payload)?;
    let before = aux.blocks.len();
    aux.blocks.retain(|block| !NAMING.contains(&block.aux_type));
    if aux.blocks.len() == before {
        return Ok(None);
    }
    packed.payload = aux.to_bytes()?.into();
    packed.to_bytes().map(Some)
}
