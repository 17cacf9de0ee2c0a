//! The variable part of an auxiliary block, to which its offsets refer.

use wire::{Reader, Result, Utf16, Writer};

use super::format::Aux;
use crate::field::Field;
use crate::inspect::{Inspect, Node};

/// The bytes of a block after its fixed fields. They include the data to which the block's offsets refer; order and
/// gaps are preserved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest(pub Vec<u8>);

impl Field<Aux> for Rest {
    const MIN_SIZE: usize = 0;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Ok(Self(r.rest().to_vec()))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.bytes(&self.0);
        Ok(())
    }
}

impl Inspect for Rest {
    fn to_node(&self) -> Node {
        Node::Bytes(self.0.clone())
    }
}

/// Returns the zero-terminated UTF-16 text at `offset`, which is relative to the start of the block's header, in a
/// `region` that begins `start` bytes after it. `None` if the offset is zero or outside of the region.
pub(super) fn text_at(region: &Rest, start: usize, offset: u16) -> Option<Utf16> {
    let bytes = region.0.get(usize::from(offset).checked_sub(start)?..).filter(|_| offset != 0)?;
    let (units, _) = bytes.as_chunks::<2>();
    Some(Utf16::from_units(units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0)))
}

/// Returns the `size` bytes at `offset`; offsets are those of [`text_at`].
pub(super) fn bytes_at(region: &Rest, start: usize, offset: u16, size: u16) -> Option<&[u8]> {
    let bytes = region.0.get(usize::from(offset).checked_sub(start)?..).filter(|_| offset != 0)?;
    bytes.get(..usize::from(size))
}

/// Builds the variable part of a block: texts and byte strings, one after the other.
pub(super) struct Region {
    start: usize,
    bytes: Vec<u8>,
}

impl Region {
    /// Creates an empty region that begins `start` bytes after the start of the block's header.
    pub(super) const fn new(start: usize) -> Self {
        Self { start, bytes: Vec::new() }
    }

    /// Appends `text` with a terminator and returns its offset; zero if there is no text, or if the offset does not
    /// fit.
    pub(super) fn text(&mut self, text: Option<&str>) -> u16 {
        let Some(text) = text else { return 0 };
        self.bytes(&[wire::utf16le_bytes(text), vec![0; 2]].concat())
    }

    /// Appends `bytes` and returns their offset; zero if `bytes` is empty, or if the offset does not fit.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> u16 {
        let at = self.start.saturating_add(self.bytes.len());
        match u16::try_from(at) {
            Ok(offset) if !bytes.is_empty() => {
                self.bytes.extend_from_slice(bytes);
                offset
            }
            _ => 0,
        }
    }

    pub(super) fn into_rest(self) -> Rest {
        Rest(self.bytes)
    }
}
