//! Lists of entry ids ([MS-OXCMAPIHTTP] 2.2.5.10.1).

use wire::{Decode, Reader, Result, Writer};

use crate::field::Field;
use crate::mapihttp::field::SizedBytes;
use crate::mapihttp::format::MapiHttp;
use crate::nspi::EntryId;

/// A list of entry ids that is encoded with its 32-bit count ([MS-OXCMAPIHTTP] 2.2.5.10.1).
///
/// As specified, the entry ids follow each other without sizes, since their ends can be determined. Some servers
/// expect, and some clients send, the size of each entry id before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryIds {
    /// The entry ids, which [`EntryId`] decodes.
    pub ids: Vec<Vec<u8>>,
    /// Whether each entry id is preceded by its size. If not, only valid entry ids can be encoded.
    pub sized: bool,
}

impl Field<MapiHttp> for EntryIds {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let start = r.clone();
        let sized = Vec::<SizedBytes>::read(r, field).map(|ids| {
            let ids = ids.into_iter().map(|id| id.0.to_vec()).collect();
            Self { ids, sized: true }
        });
        if sized.as_ref().is_ok_and(|sized| sized.ids.iter().all(|id| EntryId::from_bytes(id).is_ok())) {
            return sized;
        }
        let behind = std::mem::replace(r, start);
        let count = r.u32(field)?;
        let count = r.elements(count, 28 /* the shortest entry id without its name */, u32::MAX, field);
        match count.and_then(|count| (0..count).map(|_| next(r)).collect()) {
            Ok(ids) => Ok(Self { ids, sized: false }),
            Err(error) => {
                *r = behind;
                sized.map_err(|_| error)
            }
        }
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        w.len32(self.ids.len(), field)?;
        for id in &self.ids {
            if self.sized {
                w.len32(id.len(), field)?;
            } else {
                EntryId::from_bytes(id)?;
            }
            w.bytes(id);
        }
        Ok(())
    }
}

/// Reads the bytes of the next entry id.
fn next(r: &mut Reader<'_>) -> Result<Vec<u8>> {
    let start = r.clone();
    EntryId::decode(r)?;
    let length = start.remaining().saturating_sub(r.remaining());
    Ok(start.peek().get(..length).unwrap_or_default().to_vec())
}
