//! Compressed RTF, as `PidTagRtfCompressed` has it ([MS-OXRTFCP]), both ways.

mod compress;
mod crc;
mod decompress;
mod dictionary;
mod header;

pub use self::compress::{compress, store};
pub use self::decompress::decompress;
pub use self::header::{CompType, RtfHeader};

#[cfg(test)]
mod tests;
