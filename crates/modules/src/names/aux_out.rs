//! The auxiliary buffer of responses, which may name the server.

use engine::AuxMut;
use mapi::aux_block::{AuxBuffer, AuxType};
use mapi::compress;
use wire::{Decode as _, Encode as _};

/// The blocks that name a server: one by its distinguished name, one in free text
/// ([MS-OXCRPC] 2.2.2.2).
const NAMING: [AuxType; 2] = [AuxType::AUX_TYPE_PERF_SERVERINFO, AuxType::AUX_SERVER_SESSION_INFO];

/// Takes out what names the server; true if there was anything. A buffer that cannot be read is taken out whole,
/// since it cannot be searched either, and clients work without it.
pub(super) fn hide(mut aux: AuxMut<'_>) -> bool {
    if aux.bytes().is_empty() {
        return false;
    }
    match without_names(aux.bytes()) {
        Ok(None) if !aux.is_opaque() => return false,
        Ok(Some(left)) if !aux.is_opaque() => aux.set(left),
        _ => aux.set(Vec::new()),
    }
    true
}

/// What is left of the buffer without the blocks that name a server; `None` if it has no such blocks.
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
