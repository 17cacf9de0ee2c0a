//! Extended buffers: obfuscation, LZ77 with DIRECT2 encoding, and the headers around both.
//!
//! - [`obfuscate`]: XOR with 0xA5 ([MS-OXCRPC] 3.1.4.1.1.3).
//! - [`decompress`], [`compress`]: LZ77 with DIRECT2 encoding ([MS-OXCRPC] 3.1.4.1.1.2), which [MS-XCA] 2.3 and
//!   2.4 call Plain LZ77.
//! - [`ExtendedBuffer`]: one `RPC_HEADER_EXT` with its payload, alone or in a chain ([MS-OXCRPC] 2.2.2.1).

mod extended;
mod lz77_decode;
mod lz77_encode;

pub use self::extended::{
    ExtendedBuffer, ExtendedFlags, Limits, MAX_CHAIN_LENGTH, decode_chain, decode_one, decode_shared_chain,
    encode_chain,
};
pub use self::lz77_decode::decompress;
pub use self::lz77_encode::compress;

/// What every byte of an obfuscated payload is combined with by exclusive or.
pub const XOR_MAGIC: u8 = 0xa5;

/// The largest distance that a match can reach back, in bytes: its field has 13 bits.
const MAX_DISTANCE: usize = 8192;

/// The shortest match there is, in bytes.
const MIN_MATCH: usize = 3;

/// Obfuscates `bytes`, or turns obfuscated ones back: the operation is its own inverse
/// ([MS-OXCRPC] 3.1.4.1.1.3).
pub fn obfuscate(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= XOR_MAGIC;
    }
}

#[cfg(test)]
mod tests;
