//! The cursor and the bookmarks of tables ([MS-OXCTABL] 3.2.5.8 to 3.2.5.12, 3.2.5.14, 3.2.5.15).

use mapi::ErrorCode;
use mapi::property::{PropTag, Row};
use mapi::rop::table::{
    Bookmark, BookmarkFields, FindRowFlags, RopFindRowRequest, RopFindRowResponse, RopQueryPositionResponse,
    RopSeekRowBookmarkRequest, RopSeekRowBookmarkResponse, RopSeekRowFractionalRequest, RopSeekRowRequest,
    RopSeekRowResponse,
};
use mapi::rop::{Bool, Bytes16, Empty, ResponseBody};

use super::context::Context;
use super::outcome::{Outcome, done};
use super::rows::{find, values};
use super::table::{encoded, read};
use crate::refusal::Refusal;
use crate::session::table::{Table, TableKind};
use crate::values::restriction::check;

/// The size of a response to `RopFindRow` without its row.
const FIND_ROW_SIZE: usize = 1 + 1 + 4 + 1 + 1;

/// `RopQueryPosition` ([MS-OXCTABL] 3.2.5.8).
pub(super) fn position(context: &mut Context<'_>) -> Outcome {
    let (_, table) = read(context)?;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    done(ResponseBody::RopQueryPosition(RopQueryPositionResponse {
        numerator: number(table.cursor),
        denominator: number(table.rows.len()),
    }))
}

/// `RopSeekRow` ([MS-OXCTABL] 3.2.5.9).
pub(super) fn seek(context: &mut Context<'_>, request: &RopSeekRowRequest) -> Outcome {
    let (_, table) = read(context)?;
    let from = match request.origin {
        Bookmark::BOOKMARK_BEGINNING => 0,
        Bookmark::BOOKMARK_CURRENT => table.cursor,
        Bookmark::BOOKMARK_END => table.rows.len(),
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    let (has_sought_less, rows_sought) =
        seek_from(table, from, request.row_count, request.want_row_moved_count);
    done(ResponseBody::RopSeekRow(RopSeekRowResponse { has_sought_less, rows_sought }))
}

/// Moves the cursor by `count` rows from `from`. Returns whether it moved by fewer, and by how many, if the client
/// wants to know.
fn seek_from(table: &mut Table, from: usize, count: i32, wants_count: Bool) -> (Bool, i32) {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let wanted = number(from).saturating_add(i64::from(count));
    let to = wanted.clamp(0, number(table.rows.len()));
    table.cursor = usize::try_from(to).unwrap_or_default();
    if !wants_count.is_true() {
        return (Bool::FALSE, 0);
    }
    let moved = i32::try_from(to.saturating_sub(number(from))).unwrap_or_default();
    (Bool(u8::from(to != wanted)), moved)
}

/// `RopSeekRowBookmark` ([MS-OXCTABL] 3.2.5.10).
pub(super) fn seek_bookmark(context: &mut Context<'_>, request: &RopSeekRowBookmarkRequest) -> Outcome {
    context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    let (_, table) = read(context)?;
    require_columns(table)?;
    let place = table.bookmarks.place(&request.bookmark.0).ok_or(ErrorCode::MAPI_E_INVALID_BOOKMARK)?;
    let (from, is_gone) = place;
    let (has_sought_less, rows_sought) =
        seek_from(table, from, request.row_count, request.want_row_moved_count);
    let row_no_longer_visible = Bool(u8::from(is_gone));
    done(ResponseBody::RopSeekRowBookmark(RopSeekRowBookmarkResponse {
        row_no_longer_visible,
        has_sought_less,
        rows_sought,
    }))
}

/// `RopSeekRowFractional` ([MS-OXCTABL] 3.2.5.11).
pub(super) fn seek_fraction(context: &mut Context<'_>, request: &RopSeekRowFractionalRequest) -> Outcome {
    let (_, table) = read(context)?;
    let rows = u64::try_from(table.rows.len()).unwrap_or(u64::MAX);
    let (numerator, denominator) = (u64::from(request.numerator), u64::from(request.denominator));
    let place = match numerator {
        0 => 0,
        numerator if numerator >= denominator => rows,
        numerator => rows.saturating_mul(numerator).checked_div(denominator).unwrap_or(rows),
    };
    table.cursor = usize::try_from(place).unwrap_or(usize::MAX);
    done(ResponseBody::RopSeekRowFractional(Empty))
}

/// `RopCreateBookmark` ([MS-OXCTABL] 3.2.5.12).
pub(super) fn create_bookmark(context: &mut Context<'_>) -> Outcome {
    context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    let (_, table) = read(context)?;
    let bookmark = table.bookmarks.create(&table.rows, table.cursor);
    let bookmark = Bytes16(bookmark.ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)?.into());
    done(ResponseBody::RopCreateBookmark(BookmarkFields { bookmark }))
}

/// `RopFreeBookmark` ([MS-OXCTABL] 3.2.5.15).
pub(super) fn free_bookmark(context: &mut Context<'_>, request: &BookmarkFields) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    require_columns(table)?;
    if !table.bookmarks.free(&request.bookmark.0) {
        return Err(ErrorCode::MAPI_E_INVALID_BOOKMARK.into());
    }
    done(ResponseBody::RopFreeBookmark(Empty))
}

/// Succeeds if the client has set the columns of a table ([MS-OXCTABL] 3.2.5.2).
pub(super) fn require_columns(table: &Table) -> Result<&[PropTag], Refusal> {
    Ok(table.columns.as_deref().ok_or(ErrorCode::EC_NULL_OBJECT)?)
}

/// `RopFindRow` ([MS-OXCTABL] 3.2.5.14).
pub(super) fn find_row(context: &mut Context<'_>, request: &RopFindRowRequest) -> Outcome {
    let (backend, code_page, room) = (context.backend(), context.session.code_page, context.room);
    context.table_of(&[TableKind::Contents, TableKind::Hierarchy, TableKind::Rules])?;
    let (logon, table) = read(context)?;
    let columns = table.columns.clone().ok_or(ErrorCode::EC_NULL_OBJECT)?;
    let restriction = request.restriction_data.value.as_ref();
    let restriction = restriction.filter(|_| request.restriction_data.trailing.is_empty());
    let restriction = restriction.ok_or(ErrorCode::MAPI_E_TOO_COMPLEX)?;
    check(restriction)?;
    let mut is_gone = false;
    let from = match request.origin {
        Bookmark::BOOKMARK_BEGINNING => 0,
        Bookmark::BOOKMARK_CURRENT => table.cursor,
        Bookmark::BOOKMARK_END => table.rows.len(),
        Bookmark::BOOKMARK_CUSTOM => {
            let place = table.bookmarks.place(&request.bookmark.0);
            let place = place.ok_or(ErrorCode::MAPI_E_INVALID_BOOKMARK)?;
            is_gone = place.1;
            place.0
        }
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    let backwards = request.find_row_flags.contains(FindRowFlags::BACKWARDS);
    let (found, row) = backend.read(|view| {
        let keys = table.rows.iter().copied().enumerate();
        let matching = (&**restriction, code_page);
        let found = if backwards {
            find(view, &logon, table, &mut keys.take(from).rev(), matching)?
        } else {
            find(view, &logon, table, &mut keys.skip(from), matching)?
        };
        let found = found.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        let key = table.rows.get(found).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        let row = values(view, &logon, (table, &columns), *key, code_page)?;
        Ok::<_, Refusal>((found, row.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?))
    })?;
    if encoded(&row, &columns)?.len().saturating_add(FIND_ROW_SIZE) > room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    table.cursor = found;
    done(ResponseBody::RopFindRow(RopFindRowResponse {
        row_no_longer_visible: Bool(u8::from(is_gone)),
        has_row_data: Bool::TRUE,
        row_data: Some(Row::new(columns, row)),
    }))
}
