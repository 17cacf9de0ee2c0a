//! The header of compressed RTF ([MS-OXRTFCP] 2.1.3.1.1).

use wire::{Decode, Encode, Reader, Result, Writer};

wire::wire_enum! {
    /// The encoding of the content after the header ([MS-OXRTFCP] 2.1.3.1.1).
    pub struct CompType(u32) {
        /// Compressed: `LZFu`.
        COMPRESSED = 0x7546_5A4C,
        /// Not compressed: `MELA`.
        UNCOMPRESSED = 0x414C_454D,
    }
}

/// The header before the content ([MS-OXRTFCP] 2.1.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtfHeader {
    /// The size of the content plus 12, which is the size of the following fields of the header, in bytes.
    pub comp_size: u32,
    /// The decompressed size of the content, in bytes. Some writers set a wrong value.
    pub raw_size: u32,
    /// Whether the content is compressed.
    pub comp_type: CompType,
    /// The checksum of compressed content; 0 for uncompressed content.
    pub crc: u32,
}

/// The size of the header that `COMPSIZE` includes, in bytes: that of all fields except `COMPSIZE`.
pub(super) const HEADER_REST: u32 = 12;

impl<'a> Decode<'a> for RtfHeader {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let header = Self {
            comp_size: r.u32("COMPSIZE")?,
            raw_size: r.u32("RAWSIZE")?,
            comp_type: CompType(r.u32("COMPTYPE")?),
            crc: r.u32("CRC")?,
        };
        if header.comp_type.name().is_none() {
            return Err(r.invalid("COMPTYPE", u64::from(header.comp_type.0), "LZFu or MELA"));
        }
        Ok(header)
    }
}

impl Encode for RtfHeader {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.comp_size).u32(self.raw_size).u32(self.comp_type.0).u32(self.crc);
        Ok(())
    }
}
