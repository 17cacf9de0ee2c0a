//! Rows that are decoded by their table's columns on demand.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use wire::{Bytes, Reader, Result, Writer};

use super::layout::Layout;
use super::row::PropertyRow;
use super::skip::length_of_rows;
use super::tag::PropTag;
use crate::inspect::{Inspect, Node};

/// A row, with the columns that it was read by.
pub type Row = ByColumns<PropertyRow>;

/// Rows of a table, with the columns that they were read by.
pub type Rows = ByColumns<Vec<PropertyRow>>;

/// Rows that are decoded on first access: [`Row`] or [`Rows`]. It dereferences to its contents.
///
/// A proxy relays most rows without looking into them. Reading only skips them, which checks that they are well formed
/// and finds their end; the first access to a value decodes them. They are written from the received bytes until
/// they are borrowed mutably.
#[derive(Clone)]
pub struct ByColumns<T> {
    columns: Vec<PropTag>,
    /// The rows as received, their number, and their values once they were accessed.
    bytes: Bytes,
    count: usize,
    read: OnceLock<T>,
    /// What stands for them all where they were not read, or may have been changed.
    own: Option<T>,
}

/// What rows are collected into.
pub trait FromRows: Default + PartialEq + fmt::Debug {
    /// Reads `count` rows of `columns`.
    ///
    /// # Errors
    /// When there are fewer, or one is malformed.
    fn read(r: &mut Reader<'_>, columns: &[PropTag], count: usize) -> Result<Self>;

    /// The rows.
    fn rows(&self) -> &[PropertyRow];
}

impl FromRows for PropertyRow {
    fn read(r: &mut Reader<'_>, columns: &[PropTag], _count: usize) -> Result<Self> {
        Self::read(r, columns, Layout::Rop)
    }

    fn rows(&self) -> &[PropertyRow] {
        std::slice::from_ref(self)
    }
}

impl FromRows for Vec<PropertyRow> {
    fn read(r: &mut Reader<'_>, columns: &[PropTag], count: usize) -> Result<Self> {
        let count = r.count(u32::try_from(count).unwrap_or(u32::MAX), 1, u32::MAX, "RowCount")?;
        let mut rows = Self::with_capacity(count.min(64));
        for _ in 0..count {
            rows.push(PropertyRow::read(r, columns, Layout::Rop)?);
        }
        Ok(rows)
    }

    fn rows(&self) -> &[PropertyRow] {
        self
    }
}

impl<T: FromRows> ByColumns<T> {
    /// `value`, which has a value for each column.
    pub fn new(columns: Vec<PropTag>, value: T) -> Self {
        Self { columns, bytes: Bytes::new(), count: 0, read: OnceLock::new(), own: Some(value) }
    }

    /// Reads `count` rows of `columns` in a ROP buffer.
    ///
    /// # Errors
    /// When there are fewer, or one is malformed.
    pub(crate) fn read(r: &mut Reader<'_>, columns: &[PropTag], count: usize) -> Result<Self> {
        let columns = columns.to_vec();
        let Some(length) = length_of_rows(r.peek(), &columns, count) else {
            return T::read(r, &columns, count).map(|value| Self::new(columns, value));
        };
        let bytes = r.shared(length, "RowData")?;
        Ok(Self { columns, bytes, count, read: OnceLock::new(), own: None })
    }

    /// Writes the rows without their number.
    ///
    /// # Errors
    /// When one has not a value for each column.
    pub(crate) fn write(&self, w: &mut Writer) -> Result<()> {
        let Some(own) = &self.own else {
            w.bytes(&self.bytes);
            return Ok(());
        };
        own.rows().iter().try_for_each(|row| row.write(w, &self.columns, Layout::Rop))
    }

    /// The columns.
    pub fn columns(&self) -> &[PropTag] {
        &self.columns
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.own.as_ref().map_or(self.count, |own| own.rows().len())
    }
}

impl<T: FromRows> Deref for ByColumns<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let decode = || decoded(&self.bytes, &self.columns, self.count);
        self.own.as_ref().unwrap_or_else(|| self.read.get_or_init(decode))
    }
}

impl<T: FromRows> DerefMut for ByColumns<T> {
    fn deref_mut(&mut self) -> &mut T {
        let Self { columns, bytes, count, read, own } = self;
        own.get_or_insert_with(|| read.take().unwrap_or_else(|| decoded(bytes, columns, *count)))
    }
}

/// Rows that were skipped can be decoded.
fn decoded<T: FromRows>(bytes: &Bytes, columns: &[PropTag], count: usize) -> T {
    T::read(&mut Reader::sharing(bytes), columns, count).unwrap_or_default()
}

impl<T: FromRows> Default for ByColumns<T> {
    fn default() -> Self {
        Self::new(Vec::new(), T::default())
    }
}

impl<T: FromRows> PartialEq for ByColumns<T> {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns && **self == **other
    }
}

impl<T: FromRows> fmt::Debug for ByColumns<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByColumns").field(&self.columns).field(&**self).finish()
    }
}

impl Inspect for Row {
    fn to_node(&self) -> Node {
        self.node_with(&self.columns)
    }
}

impl Inspect for Rows {
    fn to_node(&self) -> Node {
        Node::List(self.iter().map(|row| row.node_with(&self.columns)).collect())
    }
}
