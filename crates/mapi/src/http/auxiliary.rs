use wire::{Decode, Encode, Reader, Result, Writer};

use super::field::Field;
use crate::aux_block::AuxBuffer;
use crate::compress::{self, ExtendedBuffer, ExtendedFlags};

/// The end of every body: one extended buffer with auxiliary blocks, or nothing, behind its size
/// ([MS-OXCRPC] 3.1.4.1.1).
///
/// Some bodies end without even the size. That is kept apart from a size of zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuxiliaryBuffer(Option<Vec<u8>>);

impl AuxiliaryBuffer {
    /// The size, zero.
    pub const NONE: Self = Self(Some(Vec::new()));
    /// Not even the size.
    pub const LEFT_OUT: Self = Self(None);

    /// The buffer `bytes`.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(Some(bytes))
    }

    /// The blocks in one extended buffer, neither compressed nor obfuscated.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn of_blocks(blocks: &AuxBuffer) -> Result<Self> {
        ExtendedBuffer::with_flags(ExtendedFlags::LAST, blocks.to_bytes()?).to_bytes().map(Self::new)
    }

    /// The buffer as it is, empty where there is none.
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The blocks; none where there is no buffer.
    ///
    /// # Errors
    /// When the bytes are no extended buffer, or hold no blocks.
    pub fn blocks(&self) -> Result<Option<AuxBuffer>> {
        if self.as_slice().is_empty() {
            return Ok(None);
        }
        AuxBuffer::from_bytes(&compress::decode_one(self.as_slice())?.payload).map(Some)
    }
}

impl Field for AuxiliaryBuffer {
    const MIN_SIZE: usize = 0;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        if r.is_empty() {
            return Ok(Self::LEFT_OUT);
        }
        let size = r.u32("AuxiliaryBufferSize")?;
        let size = r.count(size, 1, u32::MAX, field)?;
        r.bytes(size, field).map(|bytes| Self::new(bytes.to_vec()))
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        if let Self(Some(bytes)) = self {
            w.len32(bytes.len(), field)?.bytes(bytes);
        }
        Ok(())
    }
}
