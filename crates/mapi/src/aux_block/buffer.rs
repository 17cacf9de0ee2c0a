//! Decodes and encodes an auxiliary buffer as a sequence of blocks.

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

use super::body::AuxBody;
use super::header::{AuxType, AuxVersion, HEADER_SIZE};
use crate::compress::decode_one;

/// The blocks of `rgbAuxIn` or `rgbAuxOut`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuxBuffer {
    /// The blocks, in order.
    pub blocks: Vec<AuxBlock>,
    /// The bytes after the last block, which are too few for another header: at most three.
    pub trailing: Vec<u8>,
}

/// An `AUX_HEADER` and the block that follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuxBlock {
    /// The version of the layout of `body`.
    pub version: AuxVersion,
    /// The type of `body`.
    pub aux_type: AuxType,
    /// The decoded content of the block.
    pub body: AuxBody,
    /// The bytes between the fields of `body` and the end of the block: padding, or fields that are not decoded.
    pub padding: Vec<u8>,
}

impl AuxBlock {
    /// Creates a block without padding.
    pub const fn new(version: AuxVersion, aux_type: AuxType, body: AuxBody) -> Self {
        Self { version, aux_type, body, padding: Vec::new() }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let start = r.offset();
        let size = r.u16("Size")?;
        let version = AuxVersion(r.u8("Version")?);
        let aux_type = AuxType(r.u8("Type")?);
        let Some(length) = usize::from(size).checked_sub(HEADER_SIZE) else {
            return Err(Error::invalid("Size", start, u64::from(size), "at least 4, the header's own size"));
        };
        let content = r.sub(length, "Payload")?;
        let (body, padding) = AuxBody::read(version, aux_type, content);
        Ok(Self { version, aux_type, body, padding })
    }
}

impl Decode<'_> for AuxBlock {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::read(r).map_err(|error| error.within("AUX_HEADER"))
    }
}

impl Encode for AuxBlock {
    /// Writes the block. The caller ensures that type and body match.
    ///
    /// # Errors
    /// Fails if the block has more than 65,535 bytes.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let start = w.len();
        let mark = w.mark16();
        w.u8(self.version.0).u8(self.aux_type.0);
        self.body.write(w)?;
        w.bytes(&self.padding);
        let size = w.len().saturating_sub(start);
        w.fill16(mark, size, "Size").map_err(|error| error.within("AUX_HEADER"))
    }
}

impl AuxBuffer {
    /// Creates a buffer of `blocks`.
    pub const fn new(blocks: Vec<AuxBlock>) -> Self {
        Self { blocks, trailing: Vec::new() }
    }

    /// Decodes `rgbAuxIn` or `rgbAuxOut`, which begins with an `RPC_HEADER_EXT`; returns `None` if it is empty.
    ///
    /// # Errors
    /// Fails if the `RPC_HEADER_EXT` or the size of a block is invalid.
    pub fn unpack(rgb: &[u8]) -> Result<Option<Self>> {
        if rgb.is_empty() {
            return Ok(None);
        }
        Self::from_bytes(&decode_one(rgb)?.payload).map(Some)
    }

    /// Returns the first block of this type, of any version.
    pub fn find(&self, aux_type: AuxType) -> Option<&AuxBlock> {
        self.blocks.iter().find(|block| block.aux_type == aux_type)
    }
}

impl Decode<'_> for AuxBuffer {
    /// Reads the remaining bytes of `r`.
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let mut blocks = Vec::new();
        while r.remaining() >= HEADER_SIZE {
            // Each block has at least four bytes, which bounds the number of blocks.
            blocks.push(AuxBlock::decode(r)?);
        }
        Ok(Self { blocks, trailing: r.rest().to_vec() })
    }
}

impl Encode for AuxBuffer {
    /// Writes the blocks.
    ///
    /// # Errors
    /// Fails if a block has more than 65,535 bytes, or if there are more than three trailing bytes, which a reader
    /// would decode as a header.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.blocks.iter().try_for_each(|block| block.encode(w))?;
        if self.trailing.len() >= HEADER_SIZE {
            let length = u64::try_from(self.trailing.len()).unwrap_or(u64::MAX);
            let kind = ErrorKind::TooLong { length, limit: 3 };
            return Err(Error::new(kind, "trailing", w.len()).within("AUX_HEADER"));
        }
        w.bytes(&self.trailing);
        Ok(())
    }
}
