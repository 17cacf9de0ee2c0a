//! The reader: a bounds-checked cursor over received bytes.

use bytes::Bytes;

use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};

/// The byte order of multi-byte scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Endian {
    /// Little-endian, the byte order of all Exchange structures.
    #[default]
    Little,
    /// Big-endian, which senders of DCE/RPC may use.
    Big,
}

/// A cursor over bytes, which reads scalars and bytes one after the other.
///
/// Methods that read take the name of the field for their error.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    endian: Endian,
    /// The buffer of which `rest` is a part, if it can be shared.
    source: Option<&'a Bytes>,
    /// What may be decoded; `None` without a limit.
    budget: Option<&'a Budget>,
}

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident, $type:ty, $size:literal) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// Fails if fewer bytes remain.
        #[inline]
        pub fn $name(&mut self, field: &'static str) -> Result<$type> {
            let bytes = self.array::<$size>(field)?;
            Ok(match self.endian {
                Endian::Little => <$type>::from_le_bytes(bytes),
                Endian::Big => <$type>::from_be_bytes(bytes),
            })
        }
    };
}

impl<'a> Reader<'a> {
    /// Creates a little-endian reader of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::with_endian(bytes, Endian::Little)
    }

    /// Creates a reader of `bytes` in the byte order `endian`.
    pub const fn with_endian(bytes: &'a [u8], endian: Endian) -> Self {
        Self { rest: bytes, offset: 0, endian, source: None, budget: None }
    }

    /// Creates a little-endian reader of `bytes`, whose parts [`Reader::shared`] returns without copying.
    pub fn sharing(bytes: &'a Bytes) -> Self {
        Self { source: Some(bytes), ..Self::new(bytes) }
    }

    /// Sets the offset of the current position, for errors and alignment.
    #[must_use]
    pub const fn at_offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// Returns the reader with another byte order.
    #[must_use]
    pub const fn in_order(mut self, endian: Endian) -> Self {
        self.endian = endian;
        self
    }

    /// Returns the reader with a limit on what it decodes. Readers that are made from it have the same budget.
    #[must_use]
    pub const fn within(mut self, budget: &'a Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// The byte order of scalars.
    pub const fn endian(&self) -> Endian {
        self.endian
    }

    /// The offset of the current position, in bytes from the start of the outermost buffer.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The number of remaining bytes.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether no bytes remain.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The remaining bytes, without reading them.
    pub const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// Fails if fewer bytes remain.
    #[inline]
    pub fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.rest.split_at_checked(count) else {
            return Err(self.truncated(count, field));
        };
        self.rest = tail;
        self.offset = self.offset.saturating_add(count);
        Ok(head)
    }

    /// Reads `count` bytes that outlive the reader: a part of the buffer if it can be shared ([`Reader::sharing`]),
    /// which keeps the whole buffer in memory, otherwise a copy.
    ///
    /// # Errors
    /// Fails if fewer bytes remain.
    #[inline]
    pub fn shared(&mut self, count: usize, field: &'static str) -> Result<Bytes> {
        let bytes = self.bytes(count, field)?;
        Ok(match self.source {
            // The remaining bytes are always a part of the source, so that this cannot panic.
            Some(source) => source.slice_ref(bytes),
            None => Bytes::copy_from_slice(bytes),
        })
    }

    /// Reads `N` bytes as an array.
    ///
    /// # Errors
    /// Fails if fewer bytes remain.
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let Some((head, tail)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(N, field));
        };
        self.rest = tail;
        self.offset = self.offset.saturating_add(N);
        Ok(*head)
    }

    /// Reads all remaining bytes.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        self.offset = self.offset.saturating_add(rest.len());
        rest
    }

    scalar!(/// Reads an unsigned 8-bit integer.
        u8, u8, 1);
    scalar!(/// Reads an unsigned 16-bit integer.
        u16, u16, 2);
    scalar!(/// Reads an unsigned 32-bit integer.
        u32, u32, 4);
    scalar!(/// Reads an unsigned 64-bit integer.
        u64, u64, 8);
    scalar!(/// Reads a signed 16-bit integer.
        i16, i16, 2);
    scalar!(/// Reads a signed 32-bit integer.
        i32, i32, 4);
    scalar!(/// Reads a signed 64-bit integer.
        i64, i64, 8);
    scalar!(/// Reads a 32-bit IEEE 754 number.
        f32, f32, 4);
    scalar!(/// Reads a 64-bit IEEE 754 number.
        f64, f64, 8);

    /// Returns a reader of the next `count` bytes only, and advances this one to their end.
    ///
    /// # Errors
    /// Fails if fewer bytes remain.
    pub fn sub(&mut self, count: usize, field: &'static str) -> Result<Reader<'a>> {
        let offset = self.offset;
        let rest = self.bytes(count, field)?;
        Ok(Reader { rest, offset, ..*self })
    }

    /// Skips bytes until the offset is a multiple of `to`.
    ///
    /// # Errors
    /// Fails if the buffer ends before.
    pub fn align(&mut self, to: usize, field: &'static str) -> Result<()> {
        let over = self.offset.checked_rem(to).unwrap_or(0);
        if over != 0 {
            self.bytes(to.saturating_sub(over), field)?;
        }
        Ok(())
    }

    /// Checks a count of items with at least `item_size` bytes each: they must be available, and not more than `limit`.
    /// Only a count that was checked here may determine the size of an allocation.
    ///
    /// # Errors
    /// Fails if `count` exceeds `limit`, or more bytes would be needed than remain.
    pub fn count(&self, count: u32, item_size: usize, limit: u32, field: &'static str) -> Result<usize> {
        let length = u64::from(count);
        if count > limit {
            return Err(self.error(ErrorKind::TooLong { length, limit: u64::from(limit) }, field));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let needed = count.saturating_mul(item_size.max(1));
        if needed > self.rest.len() {
            return Err(self.truncated(needed, field));
        }
        Ok(count)
    }

    /// Checks the count of a list as [`Reader::count`] does, and spends a unit of the budget for each element.
    ///
    /// # Errors
    /// As [`Reader::count`], and if the budget is used up.
    #[inline]
    pub fn elements(&self, count: u32, item_size: usize, limit: u32, field: &'static str) -> Result<usize> {
        let count = self.count(count, item_size, limit, field)?;
        self.spend(count, field)?;
        Ok(count)
    }

    /// Spends `units` of the budget, if there is one.
    ///
    /// # Errors
    /// If fewer units are left.
    #[inline]
    pub fn spend(&self, units: usize, field: &'static str) -> Result<()> {
        match self.budget {
            Some(budget) if !budget.spend(units) => {
                Err(self.error(ErrorKind::TooMany { limit: budget.limit() }, field))
            }
            _ => Ok(()),
        }
    }

    /// Checks that no bytes remain.
    ///
    /// # Errors
    /// Fails if bytes remain.
    pub const fn finish(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Trailing { count: self.rest.len() }, "end", self.offset))
    }

    /// Creates an error for `field` at the current offset.
    pub const fn error(&self, kind: ErrorKind, field: &'static str) -> Error {
        Error::new(kind, field, self.offset)
    }

    /// Creates an error for an invalid value of `field`, which was just read.
    pub const fn invalid(&self, field: &'static str, found: u64, expected: &'static str) -> Error {
        Error::invalid(field, self.offset, found, expected)
    }

    #[cold]
    const fn truncated(&self, needed: usize, field: &'static str) -> Error {
        self.error(ErrorKind::Truncated { needed, available: self.rest.len() }, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_reads_both_byte_orders() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(Reader::new(&bytes).u32("x"), Ok(0x0403_0201));
        assert_eq!(Reader::with_endian(&bytes, Endian::Big).u32("x"), Ok(0x0102_0304));
    }

    #[test]
    fn an_error_names_the_field_and_the_offset() {
        let mut r = Reader::new(&[1, 2, 3]);
        r.u16("first").unwrap();
        let error = r.u32("second").unwrap_err().within("Structure");
        assert_eq!(error.to_string(), "Structure.second at offset 2: needs 4 bytes, 1 left");
    }

    #[test]
    fn a_count_of_four_billion_is_refused_before_anything_is_allocated() {
        let r = Reader::new(&[0; 16]);
        assert!(matches!(r.count(u32::MAX, 4, 100, "n").unwrap_err().kind, ErrorKind::TooLong { .. }));
        assert!(matches!(r.count(5, 4, 100, "n").unwrap_err().kind, ErrorKind::Truncated { .. }));
        assert_eq!(r.count(4, 4, 100, "n"), Ok(4));
        assert!(matches!(r.count(17, 0, 100, "n").unwrap_err().kind, ErrorKind::Truncated { .. }));
    }

    #[test]
    fn readers_made_from_one_another_spend_the_same_budget() {
        let budget = Budget::new(4);
        let mut r = Reader::new(&[0; 16]).within(&budget);
        let copy = r.clone();
        assert_eq!(r.sub(8, "inner").unwrap().elements(2, 1, 8, "list"), Ok(2));
        assert_eq!(copy.elements(2, 1, 8, "list"), Ok(2));
        let error = r.elements(1, 1, 8, "list").unwrap_err();
        assert_eq!(error.to_string(), "list at offset 8: more elements than the limit of 4");
        // Bytes cost nothing.
        assert!(r.count(8, 1, 8, "bytes").is_ok() && Reader::new(&[0]).elements(1, 1, 1, "list").is_ok());
    }

    #[test]
    fn a_sub_reader_aligns_by_the_outer_offset() {
        let mut r = Reader::new(&[0; 8]).at_offset(6);
        r.align(4, "pad").unwrap();
        assert_eq!((r.offset(), r.remaining()), (8, 6));
        r.align(4, "pad").unwrap();
        assert_eq!(r.remaining(), 6);
    }

    #[test]
    fn bytes_of_a_shared_buffer_are_not_copied() {
        let buffer = Bytes::from(vec![1, 2, 3, 4, 5]);
        let mut r = Reader::sharing(&buffer);
        r.u8("first").unwrap();
        let shared = r.sub(3, "inner").unwrap().shared(2, "part").unwrap();
        assert_eq!((&shared[..], shared.as_ptr()), (&buffer[1..3], buffer[1..].as_ptr()));
        assert_eq!(r.clone().shared(1, "last").unwrap(), buffer.slice(4..));
        assert!(r.shared(2, "more").is_err());
        assert_eq!(r.shared(0, "none").unwrap(), Bytes::new());
        let copy = Reader::new(&buffer).shared(5, "all").unwrap();
        assert_eq!(copy, buffer);
        assert_ne!(copy.as_ptr(), buffer.as_ptr());
    }

    #[test]
    fn a_sub_reader_cannot_see_what_follows() {
        let mut r = Reader::new(&[1, 2, 3, 4]);
        let mut sub = r.sub(2, "inner").unwrap();
        assert_eq!(sub.rest(), [1, 2]);
        assert_eq!(r.u8("next"), Ok(3));
        assert!(r.finish().is_err());
    }
}
