//! Tables, whatever their rows are ([MS-OXCROPS] 2.2.5, [MS-OXCTABL]).

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
    /// When a ROP is answered ([MS-OXCTABL] 2.2.2.2.1, 2.2.2.3.1, 2.2.2.4.1).
    pub struct AsynchronousFlags(u8) {
        /// The answer may come before it is done.
        TBL_ASYNC = 0x01,
    }
}

enum_field! {
    /// What a table is busy with ([MS-OXCTABL] 2.2.2.1.3).
    pub struct TableStatus(u8) {
        /// Nothing.
        TBLSTAT_COMPLETE = 0x00,
        /// It sorts.
        TBLSTAT_SORTING = 0x09,
        /// It could not sort.
        TBLSTAT_SORT_ERROR = 0x0A,
        /// It sets columns.
        TBLSTAT_SETTING_COLS = 0x0B,
        /// It could not set columns.
        TBLSTAT_SETCOL_ERROR = 0x0D,
        /// It restricts its rows.
        TBLSTAT_RESTRICTING = 0x0E,
        /// It could not restrict its rows.
        TBLSTAT_RESTRICT_ERROR = 0x0F,
    }
}

enum_field! {
    /// A place in a table ([MS-OXCTABL] 2.2.2.1.1).
    pub struct Bookmark(u8) {
        /// Its first row.
        BOOKMARK_BEGINNING = 0x00,
        /// Where the cursor is.
        BOOKMARK_CURRENT = 0x01,
        /// Behind its last row.
        BOOKMARK_END = 0x02,
        /// Where the client made a bookmark.
        BOOKMARK_CUSTOM = 0x03,
    }
}

flags_field! {
    /// How rows are read ([MS-OXCTABL] 2.2.2.5.1).
    pub struct QueryRowsFlags(u8) {
        /// The cursor stays where it is.
        NO_ADVANCE = 0x01,
        /// The answer may be packed into several buffers.
        ENABLE_PACKED_BUFFERS = 0x02,
    }
}

flags_field! {
    /// How a row is looked for ([MS-OXCTABL] 2.2.2.13.1).
    pub struct FindRowFlags(u8) {
        /// Towards the first row.
        BACKWARDS = 0x01,
    }
}

structure! {
    /// Sets the columns that rows are read by ([MS-OXCROPS] 2.2.5.1.1).
    pub struct RopSetColumnsRequest: Rop as "RopSetColumns" {
        /// When it is answered.
        pub set_columns_flags: AsynchronousFlags = "SetColumnsFlags",
        /// The columns.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

rop_response! {
    /// What a table is busy with ([MS-OXCROPS] 2.2.5.1.2, 2.2.5.2.2, 2.2.5.3.2, 2.2.5.5.2, 2.2.5.6.2).
    pub struct TableStatusResponse as "TableStatus" {
        /// What it is busy with; for `RopAbort`, what it was busy with.
        pub table_status: TableStatus = "TableStatus",
    }
}

structure! {
    /// Sorts a table ([MS-OXCROPS] 2.2.5.2.1).
    pub struct RopSortTableRequest: Rop as "RopSortTable" {
        /// When it is answered.
        pub sort_table_flags: AsynchronousFlags = "SortTableFlags",
        /// By what.
        pub sort_orders: SortOrderSet = "",
    }
}

structure! {
    /// Leaves only some rows in a table ([MS-OXCROPS] 2.2.5.3.1).
    pub struct RopRestrictRequest: Rop as "RopRestrict" {
        /// When it is answered.
        pub restrict_flags: AsynchronousFlags = "RestrictFlags",
        /// Which rows; without one, all.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
    }
}

structure! {
    /// Reads rows ([MS-OXCROPS] 2.2.5.4.1).
    pub struct RopQueryRowsRequest: Rop as "RopQueryRows" {
        /// How.
        pub query_rows_flags: QueryRowsFlags = "QueryRowsFlags",
        /// Whether towards the end.
        pub forward_read: Bool = "ForwardRead",
        /// How many at most.
        pub row_count: u16 = "RowCount",
    }
}

/// The rows that were read ([MS-OXCROPS] 2.2.5.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopQueryRowsResponse {
    /// Where the cursor is now.
    pub origin: Bookmark,
    /// The rows.
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

/// Rows after their number, which takes two bytes. To decode an empty list, the columns need not be known.
fn read_rows(r: &mut Reader<'_>, context: ResponseContext<'_>) -> Result<Rows> {
    let count = r.u16("RowCount")?;
    let columns = if count == 0 { context.columns.unwrap_or_default() } else { context.columns(r)? };
    Rows::read(r, columns, usize::from(count))
}

fn write_rows(rows: &Rows, w: &mut Writer) -> Result<()> {
    w.len16(rows.count(), "RowCount")?;
    rows.write(w)
}

rop_response! {
    /// Where the cursor is ([MS-OXCROPS] 2.2.5.7.2).
    pub struct RopQueryPositionResponse as "RopQueryPosition" {
        /// How many rows are before it.
        pub numerator: u32 = "Numerator",
        /// How many rows there are.
        pub denominator: u32 = "Denominator",
    }
}

structure! {
    /// Moves the cursor by rows ([MS-OXCROPS] 2.2.5.8.1).
    pub struct RopSeekRowRequest: Rop as "RopSeekRow" {
        /// From where.
        pub origin: Bookmark = "Origin",
        /// By how many; less than zero towards the first.
        pub row_count: i32 = "RowCount",
        /// Whether the answer has to say by how many rows it moved.
        pub want_row_moved_count: Bool = "WantRowMovedCount",
    }
}

rop_response! {
    /// The cursor has moved ([MS-OXCROPS] 2.2.5.8.2).
    pub struct RopSeekRowResponse as "RopSeekRow" {
        /// Whether it went less far than it was to.
        pub has_sought_less: Bool = "HasSoughtLess",
        /// How far it went; less than zero towards the first.
        pub rows_sought: i32 = "RowsSought",
    }
}

structure! {
    /// Moves the cursor by rows from a bookmark ([MS-OXCROPS] 2.2.5.9.1).
    pub struct RopSeekRowBookmarkRequest: Rop as "RopSeekRowBookmark" {
        /// From where.
        pub bookmark: Bytes16 = "Bookmark",
        /// By how many; less than zero towards the first.
        pub row_count: i32 = "RowCount",
        /// Whether the answer has to say by how many rows it moved.
        pub want_row_moved_count: Bool = "WantRowMovedCount",
    }
}

rop_response! {
    /// The cursor has moved ([MS-OXCROPS] 2.2.5.9.2).
    pub struct RopSeekRowBookmarkResponse as "RopSeekRowBookmark" {
        /// Whether the row that the bookmark was at is gone.
        pub row_no_longer_visible: Bool = "RowNoLongerVisible",
        /// Whether it went less far than it was to.
        pub has_sought_less: Bool = "HasSoughtLess",
        /// How far it went; less than zero towards the first.
        pub rows_sought: i32 = "RowsSought",
    }
}

structure! {
    /// Moves the cursor to a fraction of the table ([MS-OXCROPS] 2.2.5.10.1).
    pub struct RopSeekRowFractionalRequest: Rop as "RopSeekRowFractional" {
        /// The numerator.
        pub numerator: u32 = "Numerator",
        /// The denominator.
        pub denominator: u32 = "Denominator",
    }
}

rop_response! {
    /// A bookmark ([MS-OXCROPS] 2.2.5.11.2, 2.2.5.14.1, 2.2.5.19.2).
    pub struct BookmarkFields as "Bookmark" {
        /// The bookmark, which is opaque to clients.
        pub bookmark: Bytes16 = "Bookmark",
    }
}

rop_response! {
    /// All columns that a table can have ([MS-OXCROPS] 2.2.5.12.2).
    pub struct RopQueryColumnsAllResponse as "RopQueryColumnsAll" {
        /// The columns.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// Looks for a row ([MS-OXCROPS] 2.2.5.13.1).
    pub struct RopFindRowRequest: Rop as "RopFindRow" {
        /// How.
        pub find_row_flags: FindRowFlags = "FindRowFlags",
        /// For which.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// From where.
        pub origin: Bookmark = "Origin",
        /// From which bookmark, where that is asked for.
        pub bookmark: Bytes16 = "Bookmark",
    }
}

/// The row that was looked for ([MS-OXCROPS] 2.2.5.13.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopFindRowResponse {
    /// Whether the row that the bookmark was at is gone.
    pub row_no_longer_visible: Bool,
    /// Whether the row is there.
    pub has_row_data: Bool,
    /// The row.
    pub row_data: Option<Row>,
}

impl ResponseFields for RopFindRowResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let row_no_longer_visible = Bool(r.u8("RowNoLongerVisible")?);
        let has_row_data = Bool(r.u8("HasRowData")?);
        if !has_row_data.is_true() {
            return Ok(Self { row_no_longer_visible, has_row_data, row_data: None });
        }
        let row_data = Some(Row::read(r, context.columns(r)?, 1)?);
        Ok(Self { row_no_longer_visible, has_row_data, row_data })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.row_no_longer_visible.0).u8(self.has_row_data.0);
        match &self.row_data {
            Some(row) if self.has_row_data.is_true() => row.write(w),
            None if !self.has_row_data.is_true() => Ok(()),
            _ => {
                Err(w.invalid("RowData", u64::from(self.has_row_data.0), "a row exactly where there is one"))
            }
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
    /// Opens a group of rows ([MS-OXCROPS] 2.2.5.16.1).
    pub struct RopExpandRowRequest: Rop as "RopExpandRow" {
        /// How many of its rows are read at most.
        pub max_row_count: u16 = "MaxRowCount",
        /// Which group: `PidTagInstID` of its heading.
        pub category_id: FolderId = "CategoryId",
    }
}

/// A group of rows is open ([MS-OXCROPS] 2.2.5.16.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopExpandRowResponse {
    /// How many rows it has.
    pub expanded_row_count: u32,
    /// Those that were read.
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
    /// Closes a group of rows ([MS-OXCROPS] 2.2.5.17.1).
    pub struct RopCollapseRowRequest: Rop as "RopCollapseRow" {
        /// Which: `PidTagInstID` of its heading.
        pub category_id: FolderId = "CategoryId",
    }
}

rop_response! {
    /// A group of rows is closed ([MS-OXCROPS] 2.2.5.17.2).
    pub struct RopCollapseRowResponse as "RopCollapseRow" {
        /// How many rows are gone from sight.
        pub collapsed_row_count: u32 = "CollapsedRowCount",
    }
}

structure! {
    /// Asks which groups are open, and where the cursor is ([MS-OXCROPS] 2.2.5.18.1).
    pub struct RopGetCollapseStateRequest: Rop as "RopGetCollapseState" {
        /// The row that the cursor is at: its `PidTagInstID`.
        pub row_id: FolderId = "RowId",
        /// Its `PidTagInstanceNum`.
        pub row_instance_number: u32 = "RowInstanceNumber",
    }
}

rop_response! {
    /// Which groups are open, and where the cursor is ([MS-OXCROPS] 2.2.5.18.2, 2.2.5.19.1).
    pub struct CollapseStateFields as "CollapseState" {
        /// The state, which is opaque to clients.
        pub collapse_state: Bytes16 = "CollapseState",
    }
}
