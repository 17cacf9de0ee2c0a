//! Tables: their rows, fetched in pages.

use std::collections::VecDeque;
use std::sync::Arc;

use mapi::data::{Order, SortOrder, SortOrderSet};
use mapi::property::{PropTag, Restriction};
use mapi::rop::shared::Sized16;
use mapi::rop::table::{
    AsynchronousFlags, Bookmark, QueryRowsFlags, RopQueryRowsRequest, RopRestrictRequest, RopSeekRowRequest,
    RopSetColumnsRequest, RopSortTableRequest,
};
use mapi::rop::{Bool, List16, OutputHandleIndex, RequestBody};

use crate::error::Error;
use crate::properties::Properties;
use crate::store::batch::{Batch, Replies, Slot, fields};
use crate::store::object::Object;

/// The rows of a page, unless [`TableQuery::page`] sets another number.
const PAGE: u16 = 50;

/// A table of an object of the server, before it is opened: its columns, restriction and sort order.
#[must_use = "a table is opened by `open`"]
pub struct TableQuery<'a> {
    object: &'a Object,
    table: Box<dyn FnOnce(OutputHandleIndex) -> RequestBody + Send + 'a>,
    columns: Vec<PropTag>,
    restriction: Option<Restriction>,
    sort: Vec<SortOrder>,
    page: u16,
}

impl std::fmt::Debug for TableQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableQuery").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl<'a> TableQuery<'a> {
    pub(crate) fn new(
        object: &'a Object,
        columns: &[PropTag],
        table: impl FnOnce(OutputHandleIndex) -> RequestBody + Send + 'a,
    ) -> Self {
        Self {
            object,
            table: Box::new(table),
            columns: columns.to_vec(),
            restriction: None,
            sort: Vec::new(),
            page: PAGE,
        }
    }

    /// Reads these columns. Servers shorten long texts and binary values in tables, to 255 characters or 510 bytes
    /// ([MS-OXCTABL] 2.2.2.1.1): read them from the object itself.
    pub fn columns(mut self, columns: &[PropTag]) -> Self {
        self.columns = columns.to_vec();
        self
    }

    /// Reads only rows for which `restriction` holds.
    pub fn restriction(mut self, restriction: Restriction) -> Self {
        self.restriction = Some(restriction);
        self
    }

    /// Sorts rows by this column, after those of earlier calls.
    pub fn sort(mut self, tag: PropTag, is_descending: bool) -> Self {
        let order = if is_descending { Order::Descending } else { Order::Ascending };
        self.sort.push(SortOrder { tag, order });
        self
    }

    /// Reads this number of rows with each request; the server returns fewer if they do not fit in 32 KiB.
    pub fn page(mut self, rows: u16) -> Self {
        self.page = rows.max(1);
        self
    }

    /// Opens the table, and reads its first page, with one request.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn open(self) -> Result<Table, Error> {
        let mut batch = Batch::default();
        let object = self.object.add_to(&mut batch);
        let table = batch.opened();
        batch.push(object, (self.table)(OutputHandleIndex(table)));
        let set_columns = RopSetColumnsRequest {
            set_columns_flags: AsynchronousFlags::NONE,
            property_tags: List16(self.columns),
        };
        batch.push(table, RequestBody::RopSetColumns(set_columns));
        let mut settings = 2;
        if let Some(restriction) = self.restriction {
            let request = RopRestrictRequest {
                restrict_flags: AsynchronousFlags::NONE,
                restriction_data: Sized16::new(restriction),
            };
            batch.push(table, RequestBody::RopRestrict(request));
            settings += 1;
        }
        if !self.sort.is_empty() {
            let sort_orders =
                SortOrderSet { categorized_count: 0, expanded_count: 0, sort_orders: self.sort };
            let request = RopSortTableRequest { sort_table_flags: AsynchronousFlags::NONE, sort_orders };
            batch.push(table, RequestBody::RopSortTable(request));
            settings += 1;
        }
        push_query(&mut batch, table, self.page);
        let mut replies = self.object.run(batch).await?;
        let name = format!("table of {}", self.object.name());
        let opened = self.object.opened(&replies, table, &name);
        for _ in 0..settings {
            replies.done().map_err(|error| self.object.on(error))?;
        }
        let opened = opened.ok_or_else(|| {
            self.object.on(Error::new("RopSetColumns", crate::error::Failure::Missing("table")))
        })?;
        let mut table =
            Table { object: Arc::new(opened), page: self.page, rows: VecDeque::new(), is_at_end: false };
        table.add_page(&mut replies)?;
        Ok(table)
    }

    /// All rows.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn all(self) -> Result<Vec<Properties>, Error> {
        let mut table = self.open().await?;
        let mut rows = Vec::new();
        while let Some(row) = table.next().await? {
            rows.push(row);
        }
        Ok(rows)
    }
}

/// A table whose rows are read one after the other, in pages.
#[derive(Debug)]
pub struct Table {
    object: Arc<Object>,
    page: u16,
    rows: VecDeque<Properties>,
    is_at_end: bool,
}

impl Table {
    /// The next row; `None` at the end of the table.
    ///
    /// # Errors
    /// If the next page cannot be read.
    pub async fn next(&mut self) -> Result<Option<Properties>, Error> {
        if self.rows.is_empty() && !self.is_at_end {
            let mut batch = Batch::default();
            let table = self.object.add_to(&mut batch);
            push_query(&mut batch, table, self.page);
            let mut replies = self.object.run(batch).await?;
            self.add_page(&mut replies)?;
        }
        Ok(self.rows.pop_front())
    }

    /// Continues with the first row, as it is now.
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn rewind(&mut self) -> Result<(), Error> {
        let request = RopSeekRowRequest {
            origin: Bookmark::BOOKMARK_BEGINNING,
            row_count: 0,
            want_row_moved_count: Bool::FALSE,
        };
        self.object.call(RequestBody::RopSeekRow(request)).await?;
        self.rows.clear();
        self.is_at_end = false;
        Ok(())
    }

    fn add_page(&mut self, replies: &mut Replies) -> Result<(), Error> {
        let read = replies.next().and_then(|body| fields!(body, RopQueryRows));
        let read = read.map_err(|error| self.object.on(error))?;
        let rows = read.rows;
        self.is_at_end = rows.is_empty() || read.origin == Bookmark::BOOKMARK_END;
        self.rows.extend(rows.iter().map(|row| Properties::of_row(rows.columns(), row)));
        Ok(())
    }
}

/// Adds the reading of the next page of the table at `slot`.
fn push_query(batch: &mut Batch, slot: Slot, rows: u16) {
    let request = RopQueryRowsRequest {
        query_rows_flags: QueryRowsFlags::NONE,
        forward_read: Bool::TRUE,
        row_count: rows,
    };
    batch.push(slot, RequestBody::RopQueryRows(request));
}
