//! Layouts of property structures: the width of counts, and whether absent values are marked ([MS-OXCDATA] 2.11.1).

use wire::{Error, ErrorKind, Reader, Result, Writer};

/// The maximum nesting depth of restrictions, and of values within restrictions.
pub(super) const MAX_DEPTH: u32 = 64;

/// The context of a property structure, which determines the width of its counts ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A ROP buffer: counts of bytes, restrictions and rule actions have 16 bits.
    Rop,
    /// An extended rule ([MS-OXORULE] 2.2.4): the same counts have 32 bits.
    Wide,
    /// A body of an address book request over HTTP ([MS-OXCMAPIHTTP] 2.2.1): counts have 32 bits. A `HasValue` byte
    /// precedes each text, each binary value, each multiple value, and the value in a restriction.
    AddressBook,
    /// As [`Layout::AddressBook`], but without the `HasValue` byte before the value in a restriction: some clients omit
    /// it.
    AddressBookNoRestrictionFlag,
}

impl Layout {
    /// Whether counts have 32 bits.
    pub const fn is_wide(self) -> bool {
        !matches!(self, Self::Rop)
    }

    /// Whether a `HasValue` byte indicates if a value is present or absent.
    pub const fn marks_absent_values(self) -> bool {
        matches!(self, Self::AddressBook | Self::AddressBookNoRestrictionFlag)
    }

    /// Reads a count of the width of this layout (`COUNT`, [MS-OXCDATA] 2.11.1.1).
    ///
    /// # Errors
    /// Fails if too few bytes are left.
    pub fn read_count(self, r: &mut Reader<'_>, field: &'static str) -> Result<u32> {
        if self.is_wide() { r.u32(field) } else { r.u16(field).map(u32::from) }
    }

    /// Writes a count in the width of this layout (`COUNT`, [MS-OXCDATA] 2.11.1.1).
    ///
    /// # Errors
    /// Fails if the count is too large for this width.
    pub fn write_count(self, w: &mut Writer, count: usize, field: &'static str) -> Result<()> {
        if self.is_wide() {
            w.len32(count, field)?
        } else {
            w.len16(count, field)?
        };
        Ok(())
    }
}

/// A layout, and the nesting depth of the structure that is read or written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nesting {
    pub(crate) layout: Layout,
    depth: u32,
}

impl Nesting {
    pub(crate) const fn new(layout: Layout) -> Self {
        Self { layout, depth: 0 }
    }

    /// The nesting of a structure within this one. An error has the offset `offset`.
    pub(crate) const fn deeper(self, offset: usize, field: &'static str) -> Result<Self> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, field, offset));
        }
        Ok(Self { layout: self.layout, depth: self.depth.saturating_add(1) })
    }
}
