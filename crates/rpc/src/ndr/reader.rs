//! Reads NDR: alignment, pointer ids and byte order.

use std::collections::BTreeSet;

use wire::{Endian, ErrorKind, Reader, Result};

use super::limits::{MAX_COUNT, MAX_DEPTH};

/// The units of the budget for the target of a pointer, which has memory of its own.
const POINTER_UNITS: usize = 2;

/// A reader of a stub, with the state of NDR: alignment, depth of pointers, and referent ids.
#[derive(Debug)]
pub struct NdrReader<'a> {
    r: Reader<'a>,
    conformance: Option<u32>,
    depth: u32,
    full: BTreeSet<u32>,
}

impl<'a> NdrReader<'a> {
    /// Creates a reader at the start of `stub`, with the byte order of its sender.
    pub const fn new(stub: &'a [u8], endian: Endian) -> Self {
        Self::over(Reader::with_endian(stub, endian))
    }

    /// Creates a reader of the rest of `r`, at the start of a stub.
    pub const fn over(r: Reader<'a>) -> Self {
        Self { r, conformance: None, depth: 0, full: BTreeSet::new() }
    }

    /// The underlying reader of scalars, whose offset is from the start of the stub.
    pub const fn inner(&mut self) -> &mut Reader<'a> {
        &mut self.r
    }

    /// The byte order of the sender.
    pub const fn endian(&self) -> Endian {
        self.r.endian()
    }

    /// Bytes read so far.
    pub const fn offset(&self) -> usize {
        self.r.offset()
    }

    /// The rest of the bytes.
    pub fn rest(&mut self) -> &'a [u8] {
        self.r.rest()
    }

    /// Skips padding.
    ///
    /// # Errors
    /// If the bytes end before the value does.
    #[inline]
    pub fn align(&mut self, to: usize, field: &'static str) -> Result<()> {
        let over = self.r.offset().checked_rem(to).unwrap_or(0);
        if over != 0 {
            self.r.bytes(to.saturating_sub(over), field)?;
        }
        Ok(())
    }

    /// An aligned 32-bit number: a count, an offset, a referent id.
    ///
    /// # Errors
    /// If the bytes end before the value does.
    #[inline]
    pub fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.align(4, field)?;
        self.r.u32(field)
    }

    /// Converts `count`, the number of elements that follow, each of at least `min_size` bytes.
    ///
    /// # Errors
    /// If it exceeds [`MAX_COUNT`], or so many elements do not fit in the rest of the bytes.
    pub fn count(&self, count: u32, min_size: usize, field: &'static str) -> Result<usize> {
        self.r.count(count, min_size, MAX_COUNT, field)
    }

    /// Reads a conformant array's element count ahead of the structure that the array ends.
    ///
    /// # Errors
    /// If the bytes end before the value does.
    pub fn read_max_count(&mut self) -> Result<()> {
        self.conformance = Some(self.u32("max_count")?);
        Ok(())
    }

    /// The element count that [`NdrReader::read_max_count`] read.
    ///
    /// # Errors
    /// If no count was read, which is an error in the definition of the structure.
    pub fn take_max_count(&mut self, field: &'static str) -> Result<u32> {
        match self.conformance.take() {
            Some(max_count) => Ok(max_count),
            None => Err(self.r.invalid(field, 0, "a conformant array at the end of its structure")),
        }
    }

    /// Calls `read` with the depth of pointers incremented.
    ///
    /// # Errors
    /// If the depth exceeds [`MAX_DEPTH`], if the budget of the reader is used up, and the errors of `read`.
    pub fn descend<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.r.error(ErrorKind::TooDeep { limit: MAX_DEPTH }, field));
        }
        self.r.spend(POINTER_UNITS, field)?;
        self.depth = self.depth.saturating_add(1);
        let value = read(self);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    /// Whether `referent` occurs for the first time as the id of a full pointer, so that its target follows.
    pub(super) fn first_seen(&mut self, referent: u32) -> bool {
        self.full.insert(referent)
    }
}
