//! Obfuscation ([MS-OXCRPC] 3.1.4.1.1.3).

/// What every byte of an obfuscated payload is combined with by exclusive or.
pub const XOR_MAGIC: u8 = 0xa5;

/// Obfuscates `bytes`, or turns obfuscated ones back: the operation is its own inverse
/// ([MS-OXCRPC] 3.1.4.1.1.3).
pub fn obfuscate(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= XOR_MAGIC;
    }
}
