//! Compression and decompression of RTF, as in `PidTagRtfCompressed` ([MS-OXRTFCP]).

mod code_page;
mod compress;
mod crc;
mod decompress;
mod dictionary;
mod header;

pub use self::code_page::code_page;
pub use self::compress::{compress, store};
pub use self::decompress::decompress;
pub use self::header::{CompType, RtfHeader};

#[cfg(test)]
mod tests;
