//! Limits on the memory that a tokenizer uses.

/// What a tokenizer holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one value. A value that is longer comes as [`Token::Large`](super::Token::Large) and its bytes in
    /// pieces.
    pub value: usize,
    /// Bytes of all values of a property that has several. More is an error.
    pub multiple: usize,
}

impl Default for Limits {
    /// 64 KB for a value, 1 MB for several.
    fn default() -> Self {
        Self { value: 0x1_0000, multiple: 0x10_0000 }
    }
}
