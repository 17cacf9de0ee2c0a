//! Pieces of message bodies.

use bytes::Bytes;

/// A piece of a body: its bytes on the wire, and which of them are content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    wire: Bytes,
    /// The range of the content within `wire`.
    from: usize,
    to: usize,
    ends_chunk: bool,
}

impl Piece {
    /// A piece whose content is `wire[from..to]`.
    pub(crate) const fn new(wire: Bytes, from: usize, to: usize, ends_chunk: bool) -> Self {
        Self { wire, from, to, ends_chunk }
    }

    /// A piece that is all content, and ends no chunk.
    pub(crate) fn content(wire: Bytes) -> Self {
        Self { from: 0, to: wire.len(), wire, ends_chunk: false }
    }

    /// A piece without content: lines of the chunked coding.
    pub(crate) const fn framing(wire: Bytes, ends_chunk: bool) -> Self {
        Self { wire, from: 0, to: 0, ends_chunk }
    }

    /// The received bytes: a whole chunk with its line and its end, or a part of one, or content of a body that
    /// is not chunked. They contain no trailer fields.
    pub const fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// Whether a chunk ends with this piece, so that another chunk can be inserted after it.
    pub const fn ends_chunk(&self) -> bool {
        self.ends_chunk
    }

    /// The content.
    pub fn data(&self) -> &[u8] {
        self.wire.get(self.from..self.to).unwrap_or_default()
    }

    /// The received bytes, without a copy.
    pub fn into_wire(self) -> Bytes {
        self.wire
    }

    /// The content, without a copy.
    pub fn into_data(self) -> Bytes {
        self.wire.slice(self.from..self.to)
    }
}
