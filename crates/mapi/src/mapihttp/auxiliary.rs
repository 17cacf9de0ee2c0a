//! The auxiliary buffer at the end of each body ([MS-OXCRPC] 3.1.4.1.1).

use wire::{Bytes, Decode, Encode, Error, Reader, Result, Writer};

use super::format::MapiHttp;
use crate::aux_block::AuxBuffer;
use crate::compress::{self, ExtendedBuffer, ExtendedFlags};
use crate::field::Field;

/// The end of a body: a 32-bit size, and an extended buffer with auxiliary blocks or no bytes ([MS-OXCRPC] 3.1.4.1.1).
///
/// Some bodies end without the size, which is preserved: it is different from a size of zero. The end of a failure that
/// is not an auxiliary buffer is kept as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuxiliaryBuffer(Tail);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Tail {
    #[default]
    Omitted,
    Sized(Bytes),
    Opaque(Bytes),
}

impl AuxiliaryBuffer {
    /// A size of zero, without a buffer.
    pub const NONE: Self = Self(Tail::Sized(Bytes::new()));
    /// Neither size nor buffer.
    pub const OMITTED: Self = Self(Tail::Omitted);

    /// Creates an auxiliary buffer of the encoded extended buffer `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(Tail::Sized(bytes.into()))
    }

    /// Encodes the blocks in an extended buffer that is neither compressed nor obfuscated.
    ///
    /// # Errors
    /// Fails if the blocks exceed the maximum size of an extended buffer.
    pub fn of_blocks(blocks: &AuxBuffer) -> Result<Self> {
        ExtendedBuffer::with_flags(ExtendedFlags::LAST, blocks.to_bytes()?).to_bytes().map(Self::new)
    }

    /// Reads the end of a failure: a buffer with its size, or other bytes.
    pub(super) fn of_failure(r: &mut Reader<'_>) -> Self {
        let mut ahead = r.clone();
        let read = Self::read(&mut ahead, "AuxiliaryBuffer");
        let rest = r.rest();
        read.ok()
            .filter(|_| ahead.is_empty())
            .unwrap_or_else(|| Self(Tail::Opaque(Bytes::copy_from_slice(rest))))
    }

    /// Whether the bytes are not an auxiliary buffer with its size.
    pub const fn is_opaque(&self) -> bool {
        matches!(self.0, Tail::Opaque(_))
    }

    /// The encoded extended buffer, or an empty slice without a buffer.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Tail::Omitted => &[],
            Tail::Sized(bytes) | Tail::Opaque(bytes) => bytes,
        }
    }

    /// Decodes the blocks; returns `None` if there is no buffer.
    ///
    /// # Errors
    /// Fails if the bytes are not an extended buffer with auxiliary blocks.
    pub fn blocks(&self) -> Result<Option<AuxBuffer>> {
        if self.as_slice().is_empty() {
            return Ok(None);
        }
        if self.is_opaque() {
            let length = u64::try_from(self.as_slice().len()).unwrap_or(u64::MAX);
            return Err(Error::invalid("AuxiliaryBufferSize", 0, length, "an auxiliary buffer"));
        }
        AuxBuffer::from_bytes(&compress::decode_one(self.as_slice())?.payload).map(Some)
    }
}

impl Field<MapiHttp> for AuxiliaryBuffer {
    const MIN_SIZE: usize = 0;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        if r.is_empty() {
            return Ok(Self::OMITTED);
        }
        let size = r.u32("AuxiliaryBufferSize")?;
        let size = r.count(size, 1, u32::MAX, field)?;
        r.shared(size, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        match &self.0 {
            Tail::Omitted => {}
            Tail::Sized(bytes) => {
                w.len32(bytes.len(), field)?.bytes(bytes);
            }
            Tail::Opaque(bytes) => {
                w.bytes(bytes);
            }
        }
        Ok(())
    }
}
