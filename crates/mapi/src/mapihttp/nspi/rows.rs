//! Rows and their columns, filters, and property names.

use wire::{ErrorKind, Guid, Reader, Result, Writer};

use crate::field::Field;
use crate::mapihttp::field::MAX_ITEMS;
use crate::mapihttp::format::MapiHttp;
use crate::property::{Layout, PropTag, PropertyList, PropertyRow, Restriction, TaggedValue};

/// Rows of a table and their columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnsAndRows {
    /// The columns of the table.
    pub columns: Vec<PropTag>,
    /// The rows, each with a value for each column.
    pub rows: Vec<PropertyRow>,
}

/// The maximum number of values without bytes in a table, in addition to four for each of its bytes.
const SPARE_VALUES: usize = 4096;

impl ColumnsAndRows {
    /// Reads the number of rows. It is bounded by the remaining bytes: values without bytes use memory as well.
    fn row_count(&self, r: &mut Reader<'_>) -> Result<usize> {
        let count = r.u32("RowCount")?;
        let count = r.elements(count, 1, MAX_ITEMS, "RowCount")?;
        let values = count.saturating_mul(self.columns.len());
        let limit = r.remaining().saturating_mul(4).saturating_add(SPARE_VALUES);
        if values > limit {
            let wide = |number| u64::try_from(number).unwrap_or(u64::MAX);
            return Err(r.error(ErrorKind::TooLong { length: wide(values), limit: wide(limit) }, "RowCount"));
        }
        Ok(count)
    }
}

impl Field<MapiHttp> for ColumnsAndRows {
    const MIN_SIZE: usize = 8;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        let columns = Field::read(r, "Columns")?;
        let mut table = Self { columns, rows: Vec::new() };
        let count = table.row_count(r)?;
        table.rows.reserve_exact(count);
        for _ in 0..count {
            table.rows.push(PropertyRow::read(r, &table.columns, Layout::AddressBook)?);
        }
        Ok(table)
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        self.columns.write(w, "Columns")?;
        w.len32(self.rows.len(), "RowCount")?;
        self.rows.iter().try_for_each(|row| row.write(w, &self.columns, Layout::AddressBook))
    }
}

/// A restriction in the body of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The condition that the requested rows meet.
    pub restriction: Restriction,
    /// Whether a `HasValue` byte precedes each operand. Some clients send this byte, others do not.
    pub value_flags: bool,
}

impl Filter {
    const fn layout(&self) -> Layout {
        if self.value_flags { Layout::AddressBook } else { Layout::AddressBookNoRestrictionFlag }
    }
}

impl Field<MapiHttp> for Filter {
    const MIN_SIZE: usize = 1;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        let start = r.clone();
        match Restriction::read(r, Layout::AddressBook) {
            Ok(restriction) => Ok(Self { restriction, value_flags: true }),
            Err(error) => {
                *r = start;
                let without_flag = Restriction::read(r, Layout::AddressBookNoRestrictionFlag);
                without_flag.map(|restriction| Self { restriction, value_flags: false }).map_err(|_| error)
            }
        }
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        self.restriction.write(w, self.layout())
    }
}

/// `AddressBookPropertyValueList`: a list of properties and values ([MS-OXCMAPIHTTP] 2.2.1.3).
impl Field<MapiHttp> for PropertyList {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        Self::read_counted32(r, Layout::AddressBook)
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        self.write_counted32(w, Layout::AddressBook)
    }
}

/// `AddressBookTaggedPropertyValue`: a property and its value ([MS-OXCMAPIHTTP] 2.2.1.2).
impl Field<MapiHttp> for TaggedValue {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        Self::read(r, Layout::AddressBook)
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        Self::write(self, w, Layout::AddressBook)
    }
}

/// The name of a named property: a property set and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyName {
    /// The GUID of the property set.
    pub guid: Guid,
    /// The number of the property in the set.
    pub id: u32,
}

impl Field<MapiHttp> for PropertyName {
    const MIN_SIZE: usize = 20;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        Ok(Self { guid: Guid::from_le(r.array("PropertyNameGuid")?), id: r.u32("PropertyNameId")? })
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        w.bytes(&self.guid.to_le()).u32(self.id);
        Ok(())
    }
}
