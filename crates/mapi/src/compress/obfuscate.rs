//! Obfuscation of payloads ([MS-OXCRPC] 3.1.4.1.1.3).

/// The byte with which each byte of an obfuscated payload is combined by exclusive or.
pub const XOR_MAGIC: u8 = 0xa5;

/// Obfuscates `bytes`, or restores obfuscated ones: the operation is its own inverse ([MS-OXCRPC] 3.1.4.1.1.3).
pub fn obfuscate(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= XOR_MAGIC;
    }
}
