//! The writer: a growing buffer, with marks for length fields that are filled in later.

use crate::error::{Error, ErrorKind, Result};

/// A growing buffer to which little-endian scalars are appended.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    buf: Vec<u8>,
}

/// The position of a length field that is filled in later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a length field that is not filled in remains zero"]
pub struct Mark(usize);

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self, value: $type) -> &mut Self {
            self.buf.extend_from_slice(&value.to_le_bytes());
            self
        }
    };
}

impl Writer {
    /// Creates an empty buffer.
    pub const fn new() -> Self {
        Self { buf: Vec::new() }
    }

    /// Creates an empty buffer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buf: Vec::with_capacity(capacity) }
    }

    /// Creates a writer that appends to `buf`; offsets are relative to its start.
    pub const fn append_to(buf: Vec<u8>) -> Self {
        Self { buf }
    }

    scalar!(/// Appends an unsigned 8-bit integer.
        u8, u8);
    scalar!(/// Appends an unsigned 16-bit integer.
        u16, u16);
    scalar!(/// Appends an unsigned 32-bit integer.
        u32, u32);
    scalar!(/// Appends an unsigned 64-bit integer.
        u64, u64);
    scalar!(/// Appends a signed 16-bit integer.
        i16, i16);
    scalar!(/// Appends a signed 32-bit integer.
        i32, i32);
    scalar!(/// Appends a signed 64-bit integer.
        i64, i64);
    scalar!(/// Appends a 32-bit IEEE 754 number.
        f32, f32);
    scalar!(/// Appends a 64-bit IEEE 754 number.
        f64, f64);

    /// Appends `bytes`.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buf.extend_from_slice(bytes);
        self
    }

    /// Appends `count` zero bytes.
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        self.buf.resize(self.buf.len().saturating_add(count), 0);
        self
    }

    /// Appends zero bytes until the length is a multiple of `to`.
    pub fn align(&mut self, to: usize) -> &mut Self {
        let over = self.buf.len().checked_rem(to).unwrap_or(0);
        if over != 0 {
            self.zeros(to.saturating_sub(over));
        }
        self
    }

    /// Appends a length or count as one byte.
    ///
    /// # Errors
    /// Fails if it exceeds 255.
    pub fn len8(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u8::try_from(length).map_err(|_| self.too_long(length, u64::from(u8::MAX), field))?;
        Ok(self.u8(value))
    }

    /// Appends a length or count as two bytes.
    ///
    /// # Errors
    /// Fails if it exceeds 65,535.
    pub fn len16(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u16::try_from(length).map_err(|_| self.too_long(length, u64::from(u16::MAX), field))?;
        Ok(self.u16(value))
    }

    /// Appends a length or count as four bytes.
    ///
    /// # Errors
    /// Fails if it exceeds 4,294,967,295.
    pub fn len32(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u32::try_from(length).map_err(|_| self.too_long(length, u64::from(u32::MAX), field))?;
        Ok(self.u32(value))
    }

    /// Appends a 16-bit length field that is filled in later.
    pub fn mark16(&mut self) -> Mark {
        let mark = Mark(self.buf.len());
        self.u16(0);
        mark
    }

    /// Appends a 32-bit length field that is filled in later.
    pub fn mark32(&mut self) -> Mark {
        let mark = Mark(self.buf.len());
        self.u32(0);
        mark
    }

    /// Fills in the length field of [`Writer::mark16`].
    ///
    /// # Errors
    /// Fails if it exceeds 65,535.
    pub fn fill16(&mut self, mark: Mark, length: usize, field: &'static str) -> Result<()> {
        let value = u16::try_from(length).map_err(|_| self.too_long(length, u64::from(u16::MAX), field))?;
        self.overwrite(mark, &value.to_le_bytes());
        Ok(())
    }

    /// Fills in the length field of [`Writer::mark32`].
    ///
    /// # Errors
    /// Fails if it exceeds 4,294,967,295.
    pub fn fill32(&mut self, mark: Mark, length: usize, field: &'static str) -> Result<()> {
        let value = u32::try_from(length).map_err(|_| self.too_long(length, u64::from(u32::MAX), field))?;
        self.overwrite(mark, &value.to_le_bytes());
        Ok(())
    }

    /// The number of bytes that were written after the length field at `mark`, which has `field_size` bytes.
    pub const fn since(&self, mark: Mark, field_size: usize) -> usize {
        self.buf.len().saturating_sub(mark.0).saturating_sub(field_size)
    }

    /// The number of bytes that were written.
    pub const fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether no bytes were written.
    pub const fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// The bytes that were written.
    pub fn as_slice(&self) -> &[u8] {
        &self.buf
    }

    /// The bytes that were written, for modification.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.buf
    }

    /// The bytes that were written.
    pub fn into_vec(self) -> Vec<u8> {
        self.buf
    }

    /// Creates an error for a value of `field` that is not valid in the structure.
    pub const fn invalid(&self, field: &'static str, found: u64, expected: &'static str) -> Error {
        Error::invalid(field, self.buf.len(), found, expected)
    }

    /// Checks the value `found` of `field`, which is to be written.
    ///
    /// # Errors
    /// [`invalid`](Self::invalid), unless the value `is_valid`.
    pub fn require(
        &self,
        is_valid: bool,
        field: &'static str,
        found: impl Into<u64>,
        expected: &'static str,
    ) -> Result<()> {
        if is_valid { Ok(()) } else { Err(self.invalid(field, found.into(), expected)) }
    }

    fn overwrite(&mut self, mark: Mark, bytes: &[u8]) {
        let end = mark.0.saturating_add(bytes.len());
        if let Some(place) = self.buf.get_mut(mark.0..end) {
            place.copy_from_slice(bytes);
        }
    }

    #[cold]
    fn too_long(&self, length: usize, limit: u64, field: &'static str) -> Error {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Error::new(ErrorKind::TooLong { length, limit }, field, self.buf.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_length_field_is_filled_in() {
        let mut w = Writer::new();
        w.u8(7);
        let mark = w.mark16();
        w.bytes(b"abc");
        let length = w.since(mark, 2);
        w.fill16(mark, length, "Length").unwrap();
        assert_eq!(w.into_vec(), [7, 3, 0, b'a', b'b', b'c']);
    }

    #[test]
    fn lengths_that_do_not_fit_their_field_are_refused() {
        assert_eq!(Writer::new().len8(255, "Count").unwrap().as_slice(), [255]);
        let error = Writer::new().u16(0).len8(256, "Count").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "Count at offset 2: length 256 is over the limit of 255");
        let error = Writer::new().len16(70_000, "Count").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "Count at offset 0: length 70000 is over the limit of 65535");
    }
}
