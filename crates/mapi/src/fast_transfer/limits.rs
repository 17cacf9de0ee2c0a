//! Memory limits of a tokenizer.

/// The maximum sizes of values that a tokenizer holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size of a value, in bytes. A larger value is returned as [`Token::Large`](super::Token::Large) and
    /// its bytes in pieces.
    pub value: usize,
    /// The maximum size of all values of a multivalued property, in bytes. Larger ones are an error.
    pub multiple: usize,
}

impl Default for Limits {
    /// 64 KiB for a value, 1 MiB for a multivalued property.
    fn default() -> Self {
        Self { value: 0x1_0000, multiple: 0x10_0000 }
    }
}
