//! Size limits for the parts of a message.

/// How large the parts of a message may be, in bytes but for counts. A body's length is not limited here: code that
/// collects a body has its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A head, from its first line to its empty line. Kerberos tickets make heads of many kilobytes.
    pub head: usize,
    /// The first line of a head.
    pub line: usize,
    /// How many fields a head may have; never more than [`Limits::MOST_FIELDS`].
    pub fields: usize,
    /// The line before a chunk: its size and extensions.
    pub chunk_line: usize,
    /// All chunk extensions of a message together.
    pub extensions: usize,
    /// The fields behind the last chunk, all together.
    pub trailers: usize,
}

impl Limits {
    /// More fields than this no head may have, whatever [`Limits::fields`] says.
    pub const MOST_FIELDS: usize = 128;

    /// More interim answers (RFC 9110 15.2) than this no server may send before the one that counts.
    pub const MOST_INTERIM: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            line: 8 * 1024,
            fields: 100,
            chunk_line: 256,
            extensions: 8 * 1024,
            trailers: 8 * 1024,
        }
    }
}
