//! The writer: a growing buffer, with marks for lengths that are filled in later.

use crate::error::{Error, ErrorKind, Result};

/// A growing buffer to which little-endian scalars are appended.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    buf: Vec<u8>,
}

/// The place of a length field that is filled in once what it counts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a length that is never filled in stays zero"]
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
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { buf: Vec::new() }
    }

    /// An empty buffer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buf: Vec::with_capacity(capacity) }
    }

    /// Appends to `buf`; offsets count from its start.
    pub const fn append_to(buf: Vec<u8>) -> Self {
        Self { buf }
    }

    scalar!(/// Appends one byte.
        u8, u8);
    scalar!(/// Appends two bytes.
        u16, u16);
    scalar!(/// Appends four bytes.
        u32, u32);
    scalar!(/// Appends eight bytes.
        u64, u64);
    scalar!(/// Appends two bytes, signed.
        i16, i16);
    scalar!(/// Appends four bytes, signed.
        i32, i32);
    scalar!(/// Appends eight bytes, signed.
        i64, i64);
    scalar!(/// Appends an IEEE 754 number of four bytes.
        f32, f32);
    scalar!(/// Appends an IEEE 754 number of eight bytes.
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
    /// When it is over 255.
    pub fn len8(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u8::try_from(length).map_err(|_| self.too_long(length, u64::from(u8::MAX), field))?;
        Ok(self.u8(value))
    }

    /// Appends a length or count as two bytes.
    ///
    /// # Errors
    /// When it is over 65,535.
    pub fn len16(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u16::try_from(length).map_err(|_| self.too_long(length, u64::from(u16::MAX), field))?;
        Ok(self.u16(value))
    }

    /// Appends a length or count as four bytes.
    ///
    /// # Errors
    /// When it is over 4,294,967,295.
    pub fn len32(&mut self, length: usize, field: &'static str) -> Result<&mut Self> {
        let value = u32::try_from(length).map_err(|_| self.too_long(length, u64::from(u32::MAX), field))?;
        Ok(self.u32(value))
    }

    /// Leaves two bytes for a length that is filled in later.
    pub fn mark16(&mut self) -> Mark {
        let mark = Mark(self.buf.len());
        self.u16(0);
        mark
    }

    /// Leaves four bytes for a length that is filled in later.
    pub fn mark32(&mut self) -> Mark {
        let mark = Mark(self.buf.len());
        self.u32(0);
        mark
    }

    /// Fills in a [`Writer::mark16`] with `length`.
    ///
    /// # Errors
    /// When it is over 65,535.
    pub fn fill16(&mut self, mark: Mark, length: usize, field: &'static str) -> Result<()> {
        let value = u16::try_from(length).map_err(|_| self.too_long(length, u64::from(u16::MAX), field))?;
        self.overwrite(mark, &value.to_le_bytes());
        Ok(())
    }

    /// Fills in a [`Writer::mark32`] with `length`.
    ///
    /// # Errors
    /// When it is over 4,294,967,295.
    pub fn fill32(&mut self, mark: Mark, length: usize, field: &'static str) -> Result<()> {
        let value = u32::try_from(length).map_err(|_| self.too_long(length, u64::from(u32::MAX), field))?;
        self.overwrite(mark, &value.to_le_bytes());
        Ok(())
    }

    /// How many bytes were written behind `mark`'s own field of `field_size` bytes.
    pub const fn since(&self, mark: Mark, field_size: usize) -> usize {
        self.buf.len().saturating_sub(mark.0).saturating_sub(field_size)
    }

    /// Bytes written so far.
    pub const fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.buf
    }

    /// What was written so far, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.buf
    }

    /// What was written.
    pub fn into_vec(self) -> Vec<u8> {
        self.buf
    }

    /// An error for a value of `field` that its place cannot hold.
    pub const fn invalid(&self, field: &'static str, found: u64, expected: &'static str) -> Error {
        Error::invalid(field, self.buf.len(), found, expected)
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
    fn fills_in_lengths() {
        let mut w = Writer::new();
        w.u8(7);
        let mark = w.mark16();
        w.bytes(b"abc");
        let length = w.since(mark, 2);
        w.fill16(mark, length, "Length").unwrap();
        assert_eq!(w.into_vec(), [7, 3, 0, b'a', b'b', b'c']);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert_eq!(Writer::new().len8(255, "Count").unwrap().as_slice(), [255]);
        let error = Writer::new().u16(0).len8(256, "Count").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "Count at offset 2: length 256 is over the limit of 255");
        let error = Writer::new().len16(70_000, "Count").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "Count at offset 0: length 70000 is over the limit of 65535");
    }
}
