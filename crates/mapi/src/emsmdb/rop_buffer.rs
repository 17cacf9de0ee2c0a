//! ROP buffers: ROPs and the server object handle table ([MS-OXCROPS] 2.2.1).

use wire::{Bytes, Decode, Encode, Error, Reader, Result, Writer};

/// A ROP input or output buffer: ROPs, and the handles of the server objects that they act on
/// ([MS-OXCROPS] 2.2.1).
///
/// The ROPs stay bytes here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RopBuffer {
    /// The ROPs, one after the other.
    pub rops: Bytes,
    /// The server object handle table; 0xFFFFFFFF stands where no object is yet.
    pub handles: Vec<u32>,
    /// What is left behind the last handle: at most three bytes, none where the sender is sound.
    pub trailing: Bytes,
}

/// Stands in the handle table for an object that does not exist.
pub const NO_OBJECT: u32 = 0xffff_ffff;

impl RopBuffer {
    /// A buffer of `rops`, which act on `handles`.
    pub fn new(rops: impl Into<Bytes>, handles: Vec<u32>) -> Self {
        Self { rops: rops.into(), handles, trailing: Bytes::new() }
    }

    /// The handle at `index` of the table.
    pub fn handle(&self, index: u8) -> Option<u32> {
        self.handles.get(usize::from(index)).copied()
    }
}

impl Decode<'_> for RopBuffer {
    /// Reads all that is left in `r`: only the outer buffer tells how many handles there are.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("ROP buffer"))
    }
}

impl RopBuffer {
    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let start = r.offset();
        // The size counts itself.
        let size = r.u16("RopSize")?;
        let Some(length) = size.checked_sub(2) else {
            return Err(Error::invalid("RopSize", start, u64::from(size), "at least 2, its own size"));
        };
        let rops = r.shared(usize::from(length), "RopsList")?;
        let mut handles = Vec::with_capacity(r.remaining() / 4);
        while r.remaining() >= 4 {
            handles.push(r.u32("ServerObjectHandleTable")?);
        }
        Ok(Self { rops, handles, trailing: Bytes::copy_from_slice(r.rest()) })
    }
}

impl Encode for RopBuffer {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let size = self.rops.len().saturating_add(2 /* RopSize */);
        w.len16(size, "RopSize").map_err(|error| error.within("ROP buffer"))?;
        w.bytes(&self.rops);
        for handle in &self.handles {
            w.u32(*handle);
        }
        w.bytes(&self.trailing);
        Ok(())
    }
}
