//! Size limits for the parts of a message.

/// Limits of the parts of a message: sizes in bytes, and counts. The length of a body has no limit here: the
/// code that collects a body limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of a head, from its start line to its empty line. Kerberos tickets make heads of many
    /// kilobytes.
    pub head: usize,
    /// The size of a start line.
    pub line: usize,
    /// The number of fields in a head, at most [`Limits::MAX_FIELDS`].
    pub fields: usize,
    /// The size of the line before a chunk: the chunk size and its extensions.
    pub chunk_line: usize,
    /// The size of all chunk extensions of a message together.
    pub extensions: usize,
    /// By how many bytes the lines and ends of the chunks of a response may exceed their content. A body of one-byte
    /// chunks would cost its receiver more than it costs its sender.
    pub chunk_framing: usize,
    /// The size of all trailer fields of a message together.
    pub trailers: usize,
}

impl Limits {
    /// The maximum for [`Limits::fields`]. A greater value has no effect.
    pub const MAX_FIELDS: usize = 128;

    /// The maximum number of interim responses (RFC 9110 15.2) before a final one.
    pub const MAX_INTERIM: usize = 100;

    /// The limit of fields that applies.
    pub(crate) fn max_fields(&self) -> usize {
        self.fields.min(Self::MAX_FIELDS)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            line: 8 * 1024,
            fields: 100,
            chunk_line: 256,
            extensions: 8 * 1024,
            chunk_framing: 64 * 1024,
            trailers: 8 * 1024,
        }
    }
}
