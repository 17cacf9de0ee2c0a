//! Compressed RTF, as `PidTagRtfCompressed` has it ([MS-OXRTFCP]), both ways.

mod compress;
mod decompress;

use wire::{Decode, Encode, Reader, Result, Writer};

pub use self::compress::{compress, store};
pub use self::decompress::decompress;

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
const HEADER_REST: u32 = 12;

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

/// What the dictionary holds at first ([MS-OXRTFCP] 2.1.2.1).
const DICTIONARY: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\
\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Bytes of the dictionary, which is written round and round.
const WINDOW: usize = 4096;

/// The fewest bytes that a reference stands for.
const MIN_MATCH: usize = 2;

/// The most bytes that a reference stands for.
const MAX_MATCH: usize = 17;

/// The checksum of compressed contents ([MS-OXRTFCP] 2.1.3.2): CRC-32 with nothing inverted.
fn crc(contents: &[u8]) -> u32 {
    contents.iter().fold(0, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        let entry = TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
        entry ^ (crc >> 8)
    })
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "it runs while compiling, where it cannot fail"
)]
const fn table() -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut at = 0;
    while at < table.len() {
        let mut entry = at as u32;
        let mut bit = 0;
        while bit < 8 {
            entry = if entry & 1 == 0 { entry >> 1 } else { entry >> 1 ^ 0xEDB8_8320 };
            bit += 1;
        }
        table[at] = entry;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests;
