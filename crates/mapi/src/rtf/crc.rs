//! The checksum of compressed content ([MS-OXRTFCP] 2.1.3.2).

/// The checksum of compressed content ([MS-OXRTFCP] 2.1.3.2): CRC-32 without inversion of its initial and final values.
pub(super) fn crc(contents: &[u8]) -> u32 {
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
    reason = "it is evaluated at compile time"
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
