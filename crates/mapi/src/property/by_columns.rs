//! Rows that are decoded on demand, by the columns of their table.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use wire::{Bytes, Reader, Result, Writer};

use super::layout::Layout;
use super::row::PropertyRow;
use super::skip::length_of_rows;
use super::tag::PropTag;
use crate::inspect::{Inspect, Node};

/// A row and its columns.
pub type Row = ByColumns<PropertyRow>;

/// Rows of a table and their columns.
pub type Rows = ByColumns<Vec<PropertyRow>>;

/// Rows that are decoded on first access: [`Row`] or [`Rows`]. They dereference to their content.
///
/// A proxy forwards most rows without accessing their values. Reading only finds the end of the rows and checks that
/// they are well-formed; the first access decodes them. Until they are borrowed mutably, the received bytes are
/// written.
#[derive(Clone)]
pub struct ByColumns<T> {
    /// The columns, which all responses with rows of a table share.
    columns: Arc<[PropTag]>,
    /// The rows as received, their number, and their values once they were accessed.
    bytes: Bytes,
    count: usize,
    read: OnceLock<T>,
    /// The rows, if they were not read from bytes, or may have been changed.
    own: Option<T>,
}

/// A collection into which rows are decoded.
pub trait FromRows: Default + PartialEq + fmt::Debug {
    /// Reads `count` rows of `columns`.
    ///
    /// # Errors
    /// Fails if there are fewer rows, or one is malformed.
    fn read(r: &mut Reader<'_>, columns: &[PropTag], count: usize) -> Result<Self>;

    /// The decoded rows.
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
        let count = r.elements(u32::try_from(count).unwrap_or(u32::MAX), 1, u32::MAX, "RowCount")?;
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
    /// Creates rows of `value`, which has a value for each column.
    pub fn new(columns: impl Into<Arc<[PropTag]>>, value: T) -> Self {
        let columns = columns.into();
        Self { columns, bytes: Bytes::new(), count: 0, read: OnceLock::new(), own: Some(value) }
    }

    /// Reads `count` rows of `columns` in a ROP buffer.
    ///
    /// # Errors
    /// Fails if there are fewer rows, or one is malformed.
    pub(crate) fn read(r: &mut Reader<'_>, columns: Arc<[PropTag]>, count: usize) -> Result<Self> {
        let Some(length) = length_of_rows(r.peek(), &columns, count) else {
            return T::read(r, &columns, count).map(|value| Self::new(columns, value));
        };
        let bytes = r.shared(length, "RowData")?;
        Ok(Self { columns, bytes, count, read: OnceLock::new(), own: None })
    }

    /// Writes the rows without their number.
    ///
    /// # Errors
    /// Fails if a row does not have a value for each column.
    pub(crate) fn write(&self, w: &mut Writer) -> Result<()> {
        let Some(own) = &self.own else {
            w.bytes(&self.bytes);
            return Ok(());
        };
        own.rows().iter().try_for_each(|row| row.write(w, &self.columns, Layout::Rop))
    }

    /// The columns of the rows.
    pub fn columns(&self) -> &[PropTag] {
        &self.columns
    }

    /// The number of rows.
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

/// Decodes rows. This cannot fail: they were checked when they were read.
fn decoded<T: FromRows>(bytes: &Bytes, columns: &[PropTag], count: usize) -> T {
    T::read(&mut Reader::sharing(bytes), columns, count).unwrap_or_default()
}

impl<T: FromRows> Default for ByColumns<T> {
    fn default() -> Self {
        Self::new(Arc::default(), T::default())
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
