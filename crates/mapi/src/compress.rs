//! Extended buffers: an `RPC_HEADER_EXT` and its payload, which can be compressed by LZ77 and obfuscated.
//!
//! - [`obfuscate()`]: XOR with 0xA5 ([MS-OXCRPC] 3.1.4.1.1.3).
//! - [`decompress`], [`compress`]: LZ77 with DIRECT2 encoding ([MS-OXCRPC] 3.1.4.1.1.2), which [MS-XCA] 2.3 and
//!   2.4 call Plain LZ77.
//! - [`ExtendedBuffer`]: one `RPC_HEADER_EXT` with its payload, alone or in a chain ([MS-OXCRPC] 2.2.2.1).

mod extended;
mod lz77;
mod lz77_decode;
mod lz77_encode;
mod obfuscate;

pub use self::extended::{
    ExtendedBuffer, ExtendedFlags, Limits, MAX_CHAIN_LENGTH, decode_chain, decode_one, decode_shared_chain,
    encode_chain, is_chain_longer,
};
pub use self::lz77_decode::decompress;
pub use self::lz77_encode::compress;
pub use self::obfuscate::{XOR_MAGIC, obfuscate};

#[cfg(test)]
mod tests;
