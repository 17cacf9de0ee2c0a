//! ROP buffers: a list of ROPs and the server object handle table ([MS-OXCROPS] 2.2.1).

use wire::{Bytes, Decode, Encode, Error, Reader, Result, Writer};

/// A ROP input or output buffer: a list of ROPs, and the handles of the server objects on which they act ([MS-OXCROPS]
/// 2.2.1).
///
/// The ROPs are not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RopBuffer {
    /// The encoded ROPs, one after the other.
    pub rops: Bytes,
    /// The server object handle table; [`NO_OBJECT`] is an entry without an object.
    pub handles: Vec<u32>,
    /// The bytes after the last handle: at most three, none if the sender conforms to the specification.
    pub trailing: Bytes,
}

/// The value in the server object handle table for an entry without an object.
pub const NO_OBJECT: u32 = 0xffff_ffff;

impl RopBuffer {
    /// Creates a buffer of `rops`, which act on `handles`.
    pub fn new(rops: impl Into<Bytes>, handles: Vec<u32>) -> Self {
        Self { rops: rops.into(), handles, trailing: Bytes::new() }
    }

    /// The handle at `index` of the table.
    pub fn handle(&self, index: u8) -> Option<u32> {
        self.handles.get(usize::from(index)).copied()
    }
}

impl Decode<'_> for RopBuffer {
    /// Reads the remaining bytes of `r`: the number of handles results from the size of the extended buffer.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("ROP buffer"))
    }
}

impl RopBuffer {
    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let start = r.offset();
        // The size includes the size field.
        let size = r.u16("RopSize")?;
        let Some(length) = size.checked_sub(2) else {
            return Err(Error::invalid(
                "RopSize",
                start,
                u64::from(size),
                "at least 2, the size of the field itself",
            ));
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
