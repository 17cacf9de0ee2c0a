//! Removes the server's names from the auxiliary buffer of responses.

use engine::AuxMut;
use mapi::aux_block::{AuxBuffer, AuxType};
use mapi::compress;
use wire::{Decode as _, Encode as _};

/// The auxiliary blocks that name a server: by its distinguished name, and in free text ([MS-OXCRPC] 2.2.2.2).
const BLOCKS_WITH_NAMES: [AuxType; 2] = [AuxType::AUX_TYPE_PERF_SERVERINFO, AuxType::AUX_SERVER_SESSION_INFO];

/// Removes the blocks that name a server. Returns whether the buffer was changed. A buffer that cannot be decoded,
/// and so cannot be searched, is removed as a whole; clients work without it.
pub(super) fn remove_names(mut aux: AuxMut<'_>) -> bool {
    if aux.bytes().is_empty() {
        return false;
    }
    match without_names(aux.bytes()) {
        Ok(None) if !aux.is_opaque() => return false,
        Ok(Some(remaining)) if !aux.is_opaque() => aux.set(remaining),
        _ => aux.set(Vec::new()),
    }
    true
}

/// The buffer without the blocks that name a server; `None` if it has no such blocks.
fn without_names(bytes: &[u8]) -> wire::Result<Option<Vec<u8>>> {
    let mut packed = compress::decode_one(bytes)?;
    let mut aux = AuxBuffer::from_bytes(&packed.payload)?;
    let before = aux.blocks.len();
    aux.blocks.retain(|block| !BLOCKS_WITH_NAMES.contains(&block.aux_type));
    if aux.blocks.len() == before {
        return Ok(None);
    }
    packed.payload = aux.to_bytes()?.into();
    packed.to_bytes().map(Some)
}
