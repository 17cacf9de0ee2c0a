//! Layouts: how wide counts are, and whether absent values are marked ([MS-OXCDATA] 2.11.1).

use wire::{Error, ErrorKind, Reader, Result, Writer};

/// How deep restrictions, and values within restrictions, may be nested.
pub(super) const MAX_DEPTH: u32 = 64;

/// Where a structure stands, which decides how wide its counts are ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// In a ROP buffer: 16-bit counts of bytes, of restrictions and of rule actions.
    Rop,
    /// In an extended rule ([MS-OXORULE] 2.2.4): the same counts with 32 bits.
    Wide,
    /// In a body of the address book over HTTP ([MS-OXCMAPIHTTP] 2.2.1): 32-bit counts, and a byte that says
    /// whether there is a value before each text, each row of bytes and all multiple values, and before the
    /// value in a restriction.
    AddressBook,
    /// As [`Layout::AddressBook`], but with no such byte before the value in a restriction, as some clients
    /// have it.
    AddressBookBare,
}

impl Layout {
    /// Whether counts have 32 bits.
    pub const fn is_wide(self) -> bool {
        !matches!(self, Self::Rop)
    }

    /// Whether a byte says that a value is there.
    pub const fn has_presence(self) -> bool {
        matches!(self, Self::AddressBook | Self::AddressBookBare)
    }

    /// Reads a count of the width that it has here (`COUNT`, [MS-OXCDATA] 2.11.1.1).
    ///
    /// # Errors
    /// When too few bytes are left.
    pub fn read_count(self, r: &mut Reader<'_>, field: &'static str) -> Result<u32> {
        if self.is_wide() { r.u32(field) } else { r.u16(field).map(u32::from) }
    }

    /// Writes a count in the width that it has here.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn write_count(self, w: &mut Writer, count: usize, field: &'static str) -> Result<()> {
        if self.is_wide() {
            w.len32(count, field)?
        } else {
            w.len16(count, field)?
        };
        Ok(())
    }
}

/// A layout, and how deep within other structures one stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) layout: Layout,
    depth: u32,
}

impl Place {
    pub(crate) const fn new(layout: Layout) -> Self {
        Self { layout, depth: 0 }
    }

    /// The place one level further in; `offset` is where an error would be.
    pub(crate) const fn deeper(self, offset: usize, field: &'static str) -> Result<Self> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, field, offset));
        }
        Ok(Self { layout: self.layout, depth: self.depth.saturating_add(1) })
    }
}
