//! The header of compressed RTF ([MS-OXRTFCP] 2.1.3.1.1).

use wire::{Decode, Encode, Reader, Result, Writer};

wire::wire_enum! {
    /// How the contents lie behind the header ([MS-OXRTFCP] 2.1.3.1.1).
    pub struct CompType(u32) {
        /// Compressed: `LZFu`.
        COMPRESSED = 0x7546_5A4C,
        /// As they are: `MELA`.
        UNCOMPRESSED = 0x414C_454D,
    }
}

/// What stands before the contents ([MS-OXRTFCP] 2.1.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtfHeader {
    /// Bytes behind this field: 12 more than the contents have.
    pub comp_size: u32,
    /// Bytes that the contents have uncompressed. Some writers are wrong about it.
    pub raw_size: u32,
    /// Whether the contents are compressed.
    pub comp_type: CompType,
    /// A checksum of compressed contents; 0 for others.
    pub crc: u32,
}

/// Bytes of the header that `COMPSIZE` counts: all but its own.
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
