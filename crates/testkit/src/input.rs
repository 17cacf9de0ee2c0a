//! Choices derived from arbitrary bytes.

use identity::{Random, RandomError};

/// Bytes that are read as choices. If no bytes are left, every choice is zero.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Two bytes, the less significant one first.
    pub(crate) fn short(&mut self) -> u16 {
        let low = self.byte();
        u16::from_le_bytes([low, self.byte()])
    }

    /// The next `count` bytes, or the remaining ones if they are fewer.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(count.min(self.0.len()));
        self.0 = tail;
        head
    }

    /// Bytes that follow their length, an integer of two bytes.
    pub(crate) fn block(&mut self) -> &'a [u8] {
        let length = self.short();
        self.take(usize::from(length))
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(self.0.len())
    }
}

/// Appends `bytes` as [`Input::block`] reads them.
pub(crate) fn put_block(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend(length.to_le_bytes());
    out.extend(&bytes[..usize::from(length)]);
}

/// `stream` in pieces, as a network might deliver it. Zero leaves it whole; other seeds divide it into pieces of
/// one to some hundred bytes.
pub(crate) fn cuts(seed: u8, stream: &[u8]) -> Vec<&[u8]> {
    if seed == 0 || stream.is_empty() {
        return vec![stream];
    }
    let mut state = u32::from(seed);
    let mut rest = stream;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, low, high, _] = state.to_le_bytes();
        let length = if low < 128 { usize::from(high % 8) } else { usize::from(high) * 2 };
        let (piece, tail) = rest.split_at((length + 1).min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// Pseudorandom bytes, the same each time.
pub(crate) struct Counted(pub(crate) u8);

impl Random for Counted {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(113);
            *byte = self.0;
        }
        Ok(())
    }
}

/// `rest` after the bytes that an oracle reads as choices.
pub(crate) fn chosen(choices: &[u8], rest: &[u8]) -> Vec<u8> {
    [choices, rest].concat()
}
