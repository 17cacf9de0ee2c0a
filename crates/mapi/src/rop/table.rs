//! Tables of all kinds ([MS-OXCROPS] 2.2.5, [MS-OXCTABL]).

use std::sync::Arc;

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, Bytes16, List16};
use super::format::Rop;
use super::response_fields::{ResponseFields, rop_response};
use super::shared::Sized16;
use crate::ErrorCode;
use crate::data::{FolderId, SortOrderSet};
use crate::field::{enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::{PropTag, Restriction, Row, Rows};

flags_field! {
    /// Whether the server may reply before the operation is complete ([MS-OXCTABL] 2.2.2.2.1, 2.2.2.3.1, 2.2.2.4.1).
    pub struct AsynchronousFlags(u8) {
        /// The server may reply before the operation is complete.
        TBL_ASYNC = 0x01,
    }
}

enum_field! {
    /// The state of asynchronous operations on a table ([MS-OXCTABL] 2.2.2.1.3).
    pub struct TableStatus(u8) {
        /// No operation is in progress.
        TBLSTAT_COMPLETE = 0x00,
        /// The table is being sorted.
        TBLSTAT_SORTING = 0x09,
        /// Sorting failed.
        TBLSTAT_SORT_ERROR = 0x0A,
        /// The columns are being set.
        TBLSTAT_SETTING_COLS = 0x0B,
        /// Setting the columns failed.
        TBLSTAT_SETCOL_ERROR = 0x0D,
        /// The table is being restricted.
        TBLSTAT_RESTRICTING = 0x0E,
        /// Restricting the table failed.
        TBLSTAT_RESTRICT_ERROR = 0x0F,
    }
}

enum_field! {
    /// A position in a table ([MS-OXCTABL] 2.2.2.1.1).
    pub struct Bookmark(u8) {
        /// The first row.
        BOOKMARK_BEGINNING = 0x00,
        /// The position of the cursor.
        BOOKMARK_CURRENT = 0x01,
        /// The position after the last row.
        BOOKMARK_END = 0x02,
        /// The position of a bookmark that the client created.
        BOOKMARK_CUSTOM = 0x03,
    }
}

flags_field! {
    /// The options of reading rows ([MS-OXCTABL] 2.2.2.5.1).
    pub struct QueryRowsFlags(u8) {
        /// The cursor does not move.
        NO_ADVANCE = 0x01,
        /// The server may return several buffers.
        ENABLE_PACKED_BUFFERS = 0x02,
    }
}

flags_field! {
    /// The direction of a search for a row ([MS-OXCTABL] 2.2.2.13.1).
    pub struct FindRowFlags(u8) {
        /// The search is directed towards the first row.
        BACKWARDS = 0x01,
    }
}

structure! {
    /// `RopSetColumns`: sets the columns of a table ([MS-OXCROPS] 2.2.5.1.1).
    pub struct RopSetColumnsRequest: Rop as "RopSetColumns" {
        /// Whether the server may reply before the operation is complete.
        pub set_columns_flags: AsynchronousFlags = "SetColumnsFlags",
        /// The columns of the rows in later responses, in this order.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

rop_response! {
    /// The response to several ROPs: the state of asynchronous operations on a table ([MS-OXCROPS] 2.2.5.1.2,
    /// 2.2.5.2.2, 2.2.5.3.2, 2.2.5.5.2, 2.2.5.6.2).
    pub struct TableStatusResponse as "TableStatus" {
        /// The state; for `RopAbort`, the state before the operation was aborted.
        pub table_status: TableStatus = "TableStatus",
    }
}

structure! {
    /// `RopSortTable`: sorts a table ([MS-OXCROPS] 2.2.5.2.1).
    pub struct RopSortTableRequest: Rop as "RopSortTable" {
        /// Whether the server may reply before the operation is complete.
        pub sort_table_flags: AsynchronousFlags = "SortTableFlags",
        /// The sort key.
        pub sort_orders: SortOrderSet = "",
    }
}

structure! {
    /// `RopRestrict`: restricts a table to some of its rows ([MS-OXCROPS] 2.2.5.3.1).
    pub struct RopRestrictRequest: Rop as "RopRestrict" {
        /// Whether the server may reply before the operation is complete.
        pub restrict_flags: AsynchronousFlags = "RestrictFlags",
        /// The restriction that rows must match; if empty, all rows are listed.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
    }
}

structure! {
    /// `RopQueryRows`: reads rows ([MS-OXCROPS] 2.2.5.4.1).
    pub struct RopQueryRowsRequest: Rop as "RopQueryRows" {
        /// Whether the cursor moves, and whether responses are packed.
        pub query_rows_flags: QueryRowsFlags = "QueryRowsFlags",
        /// Whether rows are read towards the end of the table.
        pub forward_read: Bool = "ForwardRead",
        /// The maximum number of rows to read.
        pub row_count: u16 = "RowCount",
    }
}

/// `RopQueryRows`: the response ([MS-OXCROPS] 2.2.5.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopQueryRowsResponse {
    /// The new position of the cursor.
    pub origin: Bookmark,
    /// The returned rows, which have the columns of the table.
    pub rows: Rows,
}

impl ResponseFields for RopQueryRowsResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let origin = Bookmark(r.u8("Origin")?);
        let rows = read_rows(r, context)?;
        Ok(Self { origin, rows })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.origin.0);
        write_rows(&self.rows, w)
    }
}

impl Inspect for RopQueryRowsResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("Origin".into(), self.origin.to_node()), ("RowData".into(), self.rows.to_node())])
    }
}

/// Reads rows that are preceded by their 16-bit count. The columns need not be known if there are no rows.
fn read_rows(r: &mut Reader<'_>, context: ResponseContext<'_>) -> Result<Rows> {
    let count = r.u16("RowCount")?;
    let known = if count == 0 { context.columns } else { Some(context.columns(r)?) };
    let columns = known.cloned().unwrap_or_default();
    Rows::read(r, columns, usize::from(count))
}

fn write_rows(rows: &Rows, w: &mut Writer) -> Result<()> {
    w.len16(rows.count(), "RowCount")?;
    rows.write(w)
}

rop_response! {
    /// `RopQueryPosition`: the response ([MS-OXCROPS] 2.2.5.7.2).
    pub struct RopQueryPositionResponse as "RopQueryPosition" {
        /// The number of rows before the cursor.
        pub numerator: u32 = "Numerator",
        /// The number of rows in the table.
        pub denominator: u32 = "Denominator",
    }
}

structure! {
    /// `RopSeekRow`: moves the cursor by a number of rows ([MS-OXCROPS] 2.2.5.8.1).
    pub struct RopSeekRowRequest: Rop as "RopSeekRow" {
        /// The position to which `row_count` is relative.
        pub origin: Bookmark = "Origin",
        /// The number of rows; negative towards the first row.
        pub row_count: i32 = "RowCount",
        /// Whether the response must contain the number of rows by which the cursor moved.
        pub want_row_moved_count: Bool = "WantRowMovedCount",
    }
}

rop_response! {
    /// `RopSeekRow`: the response ([MS-OXCROPS] 2.2.5.8.2).
    pub struct RopSeekRowResponse as "RopSeekRow" {
        /// Whether the cursor moved by fewer rows than requested.
        pub has_sought_less: Bool = "HasSoughtLess",
        /// The number of rows by which the cursor moved; negative towards the first row.
        pub rows_sought: i32 = "RowsSought",
    }
}

structure! {
    /// `RopSeekRowBookmark`: moves the cursor by a number of rows from a bookmark ([MS-OXCROPS] 2.2.5.9.1).
    pub struct RopSeekRowBookmarkRequest: Rop as "RopSeekRowBookmark" {
        /// The bookmark, which the server created.
        pub bookmark: Bytes16 = "Bookmark",
        /// The number of rows; negative towards the first row.
        pub row_count: i32 = "RowCount",
        /// Whether the response must contain the number of rows by which the cursor moved.
        pub want_row_moved_count: Bool = "WantRowMovedCount",
    }
}

rop_response! {
    /// `RopSeekRowBookmark`: the response ([MS-OXCROPS] 2.2.5.9.2).
    pub struct RopSeekRowBookmarkResponse as "RopSeekRowBookmark" {
        /// Whether the row of the bookmark is no longer in the table.
        pub row_no_longer_visible: Bool = "RowNoLongerVisible",
        /// Whether the cursor moved by fewer rows than requested.
        pub has_sought_less: Bool = "HasSoughtLess",
        /// The number of rows by which the cursor moved; negative towards the first row.
        pub rows_sought: i32 = "RowsSought",
    }
}

structure! {
    /// `RopSeekRowFractional`: moves the cursor to a fraction of the table ([MS-OXCROPS] 2.2.5.10.1).
    pub struct RopSeekRowFractionalRequest: Rop as "RopSeekRowFractional" {
        /// The numerator of the fraction.
        pub numerator: u32 = "Numerator",
        /// The denominator of the fraction.
        pub denominator: u32 = "Denominator",
    }
}

rop_response! {
    /// A bookmark, the only field of several ROPs ([MS-OXCROPS] 2.2.5.11.2, 2.2.5.14.1, 2.2.5.19.2).
    pub struct BookmarkFields as "Bookmark" {
        /// The bookmark, which is opaque to clients.
        pub bookmark: Bytes16 = "Bookmark",
    }
}

rop_response! {
    /// `RopQueryColumnsAll`: the response, with all columns that a table supports ([MS-OXCROPS] 2.2.5.12.2).
    pub struct RopQueryColumnsAllResponse as "RopQueryColumnsAll" {
        /// The columns that the table supports.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// `RopFindRow`: finds a row ([MS-OXCROPS] 2.2.5.13.1).
    pub struct RopFindRowRequest: Rop as "RopFindRow" {
        /// The direction of the search.
        pub find_row_flags: FindRowFlags = "FindRowFlags",
        /// The restriction that the row must match.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// The position at which the search begins.
        pub origin: Bookmark = "Origin",
        /// The bookmark at which the search begins, if `origin` is [`Bookmark::BOOKMARK_CUSTOM`].
        pub bookmark: Bytes16 = "Bookmark",
    }
}

/// `RopFindRow`: the response ([MS-OXCROPS] 2.2.5.13.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopFindRowResponse {
    /// Whether the row of the bookmark is no longer in the table.
    pub row_no_longer_visible: Bool,
    /// Whether the row is present.
    pub has_row_data: Bool,
    /// The first row that matches, if one was found.
    pub row_data: Option<Row>,
}

impl ResponseFields for RopFindRowResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let row_no_longer_visible = Bool(r.u8("RowNoLongerVisible")?);
        let has_row_data = Bool(r.u8("HasRowData")?);
        if !has_row_data.is_true() {
            return Ok(Self { row_no_longer_visible, has_row_data, row_data: None });
        }
        let row_data = Some(Row::read(r, Arc::clone(context.columns(r)?), 1)?);
        Ok(Self { row_no_longer_visible, has_row_data, row_data })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.row_no_longer_visible.0).u8(self.has_row_data.0);
        match &self.row_data {
            Some(row) if self.has_row_data.is_true() => row.write(w),
            None if !self.has_row_data.is_true() => Ok(()),
            _ => Err(w.invalid(
                "RowData",
                u64::from(self.has_row_data.0),
                "a row exactly if HasRowData is true",
            )),
        }
    }
}

impl Inspect for RopFindRowResponse {
    fn to_node(&self) -> Node {
        let row = self.row_data.as_ref().map_or(Node::Nothing, Inspect::to_node);
        Node::Fields(vec![
            ("RowNoLongerVisible".into(), self.row_no_longer_visible.to_node()),
            ("HasRowData".into(), self.has_row_data.to_node()),
            ("RowData".into(), row),
        ])
    }
}

structure! {
    /// `RopExpandRow`: expands a group of rows ([MS-OXCROPS] 2.2.5.16.1).
    pub struct RopExpandRowRequest: Rop as "RopExpandRow" {
        /// The maximum number of the group's rows to return.
        pub max_row_count: u16 = "MaxRowCount",
        /// The group: the `PidTagInstID` of its heading.
        pub category_id: FolderId = "CategoryId",
    }
}

/// `RopExpandRow`: the response ([MS-OXCROPS] 2.2.5.16.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopExpandRowResponse {
    /// The number of rows in the group.
    pub expanded_row_count: u32,
    /// The first rows of the group.
    pub rows: Rows,
}

impl ResponseFields for RopExpandRowResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let expanded_row_count = r.u32("ExpandedRowCount")?;
        let rows = read_rows(r, context)?;
        Ok(Self { expanded_row_count, rows })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.expanded_row_count);
        write_rows(&self.rows, w)
    }
}

impl Inspect for RopExpandRowResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("ExpandedRowCount".into(), self.expanded_row_count.to_node()),
            ("RowData".into(), self.rows.to_node()),
        ])
    }
}

structure! {
    /// `RopCollapseRow`: collapses a group of rows ([MS-OXCROPS] 2.2.5.17.1).
    pub struct RopCollapseRowRequest: Rop as "RopCollapseRow" {
        /// The group: the `PidTagInstID` of its heading.
        pub category_id: FolderId = "CategoryId",
    }
}

rop_response! {
    /// `RopCollapseRow`: the response ([MS-OXCROPS] 2.2.5.17.2).
    pub struct RopCollapseRowResponse as "RopCollapseRow" {
        /// The number of rows that are no longer visible.
        pub collapsed_row_count: u32 = "CollapsedRowCount",
    }
}

structure! {
    /// `RopGetCollapseState`: returns the expansion state of the groups and the position of the cursor ([MS-OXCROPS]
    /// 2.2.5.18.1).
    pub struct RopGetCollapseStateRequest: Rop as "RopGetCollapseState" {
        /// The `PidTagInstID` of the row at the cursor.
        pub row_id: FolderId = "RowId",
        /// The `PidTagInstanceNum` of the row at the cursor.
        pub row_instance_number: u32 = "RowInstanceNumber",
    }
}

rop_response! {
    /// The expansion state of the groups and the position of the cursor, the only field of several ROPs ([MS-OXCROPS]
    /// 2.2.5.18.2, 2.2.5.19.1).
    pub struct CollapseStateFields as "CollapseState" {
        /// The state, which is opaque to clients.
        pub collapse_state: Bytes16 = "CollapseState",
    }
}
