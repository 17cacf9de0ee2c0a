//! The auxiliary buffer at the end of each body.

use wire::{Bytes, Decode, Encode, Error, Reader, Result, Writer};

use super::format::MapiHttp;
use crate::aux_block::AuxBuffer;
use crate::compress::{self, ExtendedBuffer, ExtendedFlags};
use crate::field::Field;

/// The end of every body: one extended buffer with auxiliary blocks, or nothing, behind its size
/// ([MS-OXCRPC] 3.1.4.1.1).
///
/// Some bodies end without even the size. That is kept apart from a size of zero. Where a failure ends with
/// bytes that are no such buffer, they stand in its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuxiliaryBuffer(Tail);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Tail {
    #[default]
    LeftOut,
    Sized(Bytes),
    Opaque(Bytes),
}

impl AuxiliaryBuffer {
    /// The size, zero.
    pub const NONE: Self = Self(Tail::Sized(Bytes::new()));
    /// Not even the size.
    pub const LEFT_OUT: Self = Self(Tail::LeftOut);

    /// The buffer `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(Tail::Sized(bytes.into()))
    }

    /// The blocks in one extended buffer, neither compressed nor obfuscated.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn of_blocks(blocks: &AuxBuffer) -> Result<Self> {
        ExtendedBuffer::with_flags(ExtendedFlags::LAST, blocks.to_bytes()?).to_bytes().map(Self::new)
    }

    /// The end of a failure: a buffer behind its size and nothing more, or bytes that are no such thing.
    pub(super) fn of_failure(r: &mut Reader<'_>) -> Self {
        let mut ahead = r.clone();
        let read = Self::read(&mut ahead, "AuxiliaryBuffer");
        let rest = r.rest();
        read.ok()
            .filter(|_| ahead.is_empty())
            .unwrap_or_else(|| Self(Tail::Opaque(Bytes::copy_from_slice(rest))))
    }

    /// Whether the bytes are no auxiliary buffer: there is not even a size before them that is right.
    pub const fn is_opaque(&self) -> bool {
        matches!(self.0, Tail::Opaque(_))
    }

    /// The encoded buffer; empty if there is no buffer.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Tail::LeftOut => &[],
            Tail::Sized(bytes) | Tail::Opaque(bytes) => bytes,
        }
    }

    /// The blocks; none where there is no buffer.
    ///
    /// # Errors
    /// When the bytes are no extended buffer, or hold no blocks.
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
            return Ok(Self::LEFT_OUT);
        }
        let size = r.u32("AuxiliaryBufferSize")?;
        let size = r.count(size, 1, u32::MAX, field)?;
        r.shared(size, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        match &self.0 {
            Tail::LeftOut => {}
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
