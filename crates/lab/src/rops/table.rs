//! Tables: columns, order, restriction, cursor and rows ([MS-OXCTABL] 3.2.5).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyRow, Row, Rows};
use mapi::rop::table::{
    Bookmark, FindRowFlags, QueryRowsFlags, RopFindRowRequest, RopFindRowResponse, RopQueryPositionResponse,
    RopQueryRowsRequest, RopQueryRowsResponse, RopRestrictRequest, RopSeekRowRequest, RopSeekRowResponse,
    RopSetColumnsRequest, RopSortTableRequest, TableStatus, TableStatusResponse,
};
use mapi::rop::{Bool, RequestBody, ResponseBody, RopRequest};
use wire::Writer;

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use super::rows::{find, refresh, values};
use crate::notify::subscription::Watch;
use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::table::{Notified, Table, TableKind};
use crate::values::restriction::check;

/// `ecUnableToAbort`: nothing is executed asynchronously ([MS-OXCTABL] 3.2.5.6).
const UNABLE_TO_ABORT: ErrorCode = ErrorCode(0x8004_0114);
/// The most columns of a table.
const COLUMNS_MAX: usize = 512;
/// The most columns by which a table is sorted.
const SORT_MAX: usize = 16;
/// The size of a response to `RopQueryRows` without its rows ([MS-OXCROPS] 2.2.5.4.2).
const QUERY_ROWS_SIZE: usize = 1 + 1 + 4 + 1 + 2;
/// The size of a response to `RopFindRow` without its row.
const FIND_ROW_SIZE: usize = 1 + 1 + 4 + 1 + 1;

const COMPLETE: TableStatusResponse = TableStatusResponse { table_status: TableStatus::TBLSTAT_COMPLETE };

/// `RopSetColumns` ([MS-OXCTABL] 3.2.5.2).
pub(super) fn set_columns(context: &mut Context<'_>, request: &RopSetColumnsRequest) -> Outcome {
    let (_, table) = context.table()?;
    let columns = &request.property_tags.0;
    let valid = |tag: &PropTag| {
        let prop_type = tag.prop_type();
        let known = PropType(prop_type.0 & !PropType::MULTIVALUE_INSTANCE).of_value();
        !matches!(known, PropType::PtypUnspecified | PropType::PtypErrorCode | PropType::PtypNull)
            && prop_type.0 & PropType::MULTIVALUE_INSTANCE == 0
            && known.name().is_some()
    };
    table.columns = None;
    if columns.is_empty() || columns.len() > COLUMNS_MAX || !columns.iter().all(valid) {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    table.columns = Some(columns.clone());
    done(ResponseBody::RopSetColumns(COMPLETE))
}

/// `RopSortTable` ([MS-OXCTABL] 3.2.5.3). Tables are not grouped.
pub(super) fn sort(context: &mut Context<'_>, request: &RopSortTableRequest) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents])?;
    let orders = &request.sort_orders;
    if orders.categorized_count > 0 || orders.expanded_count > 0 {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    if orders.sort_orders.len() > SORT_MAX {
        return Err(ErrorCode::MAPI_E_TOO_COMPLEX.into());
    }
    table.sort.clone_from(&orders.sort_orders);
    table.restart();
    done(ResponseBody::RopSortTable(COMPLETE))
}

/// `RopRestrict` ([MS-OXCTABL] 3.2.5.4).
pub(super) fn restrict(context: &mut Context<'_>, request: &RopRestrictRequest) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    let data = &request.restriction_data;
    if !data.trailing.is_empty() {
        return Err(ErrorCode::MAPI_E_TOO_COMPLEX.into());
    }
    if let Some(restriction) = &data.value {
        check(restriction)?;
    }
    table.restriction.clone_from(&data.value);
    table.restart();
    done(ResponseBody::RopRestrict(COMPLETE))
}

/// `RopGetStatus`: nothing is executed asynchronously ([MS-OXCTABL] 3.2.5.7).
pub(super) fn status(context: &mut Context<'_>) -> Outcome {
    context.table()?;
    done(ResponseBody::RopGetStatus(COMPLETE))
}

/// `RopAbort` ([MS-OXCTABL] 3.2.5.6).
pub(super) fn abort(context: &mut Context<'_>) -> Outcome {
    context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    Err(UNABLE_TO_ABORT.into())
}

/// `RopResetTable` ([MS-OXCTABL] 3.2.5.16).
pub(super) fn reset(context: &mut Context<'_>) -> Outcome {
    let (_, table) = context.table()?;
    table.columns = None;
    table.sort.clear();
    table.restriction = None;
    table.restart();
    if table.notified == Notified::Always {
        table.notified = Notified::WhenRead;
        let handle = context.handle()?;
        context.session.subscriber.retain(|other| other != handle);
    }
    done(ResponseBody::RopResetTable(mapi::rop::Empty))
}

/// The table on which the ROP acts, with its rows as they are now. The client is notified of their changes from now on,
/// unless it does not want to be ([MS-OXCNOTIF] 3.1.4.3).
fn read<'a>(context: &'a mut Context<'_>) -> Result<(Arc<Logon>, &'a mut Table), Refusal> {
    let (backend, code_page, handle) = (context.backend(), context.session.code_page, context.handle()?);
    let (subscriber, logon_id) = (Arc::clone(&context.session.subscriber), context.request.logon_id);
    let (logon, table) = context.table()?;
    if table.notified == Notified::WhenRead
        && let Some(interest) = table.interest()
    {
        // Before the rows are read, so that no change is missed.
        table.notified = Notified::Always;
        backend.hub.watch(&subscriber, handle, Watch { logon_id, logon: Arc::clone(&logon), interest });
    }
    refresh(&backend, &logon, table, code_page)?;
    Ok((logon, table))
}

/// `RopQueryRows` ([MS-OXCTABL] 3.2.5.5).
pub(super) fn query_rows(context: &mut Context<'_>, request: &RopQueryRowsRequest) -> Outcome {
    let (backend, code_page, room) = (context.backend(), context.session.code_page, context.room);
    let (logon_id, handle_index) = (context.request.logon_id, context.request.handle_index);
    let (logon, table) = read(context)?;
    let columns = table.columns.clone().ok_or(ErrorCode::EC_NULL_OBJECT)?;
    let forward = request.forward_read.is_true();
    let count = usize::from(request.row_count);
    let (start, end) = if forward {
        (table.cursor, table.cursor.saturating_add(count).min(table.rows.len()))
    } else {
        (table.cursor.saturating_sub(count), table.cursor)
    };
    let keys = table.rows.get(start..end).unwrap_or_default();
    let mut rows = Vec::new();
    // How many rows were read, with those that were deleted meanwhile.
    let mut read = 0_usize;
    backend.read(|view| {
        let mut size = QUERY_ROWS_SIZE;
        for key in keys {
            if let Some(row) = values(view, &logon, (&table.source, &columns), *key, code_page)? {
                size = size.saturating_add(encoded(&row, &columns)?.len());
                if size > room {
                    break;
                }
                rows.push(row);
            }
            read = read.saturating_add(1);
        }
        Ok::<_, Refusal>(())
    })?;
    if read == 0 && !keys.is_empty() {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    let complete = start.saturating_add(read) == end;
    if !request.query_rows_flags.contains(QueryRowsFlags::NO_ADVANCE) {
        table.cursor = if forward { start.saturating_add(read) } else { start };
    }
    let origin = match forward {
        true if start.saturating_add(read) >= table.rows.len() => Bookmark::BOOKMARK_END,
        false if start == 0 => Bookmark::BOOKMARK_BEGINNING,
        _ => Bookmark::BOOKMARK_CURRENT,
    };
    let rest = u16::try_from(count.saturating_sub(read)).unwrap_or_default();
    let packed = request.query_rows_flags.contains(QueryRowsFlags::ENABLE_PACKED_BUFFERS)
        && !request.query_rows_flags.contains(QueryRowsFlags::NO_ADVANCE);
    let next = (packed && forward && !complete && rest > 0).then(|| RopRequest {
        logon_id,
        handle_index,
        body: RequestBody::RopQueryRows(RopQueryRowsRequest { row_count: rest, ..request.clone() }),
    });
    let body = ResponseBody::RopQueryRows(RopQueryRowsResponse { origin, rows: Rows::new(columns, rows) });
    Ok(Success { next, ..Success::new(body) })
}

/// A row as responses and notifications have it.
pub(super) fn encoded(row: &PropertyRow, columns: &[PropTag]) -> Result<Vec<u8>, ErrorCode> {
    let mut w = Writer::new();
    let written = row.write(&mut w, columns, mapi::property::Layout::Rop);
    written.map(|()| w.into_vec()).map_err(|_| ErrorCode::MAPI_E_CALL_FAILED)
}

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
    let rows = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
    let from = match request.origin {
        Bookmark::BOOKMARK_BEGINNING => 0,
        Bookmark::BOOKMARK_CURRENT => i64::try_from(table.cursor).unwrap_or(i64::MAX),
        Bookmark::BOOKMARK_END => rows,
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    let wanted = from.saturating_add(i64::from(request.row_count));
    let to = wanted.clamp(0, rows);
    table.cursor = usize::try_from(to).unwrap_or_default();
    let moved = i32::try_from(to.saturating_sub(from)).unwrap_or_default();
    let wanted_count = request.want_row_moved_count.is_true();
    done(ResponseBody::RopSeekRow(RopSeekRowResponse {
        has_sought_less: Bool(u8::from(wanted_count && to != wanted)),
        rows_sought: if wanted_count { moved } else { 0 },
    }))
}

/// `RopFindRow` ([MS-OXCTABL] 3.2.5.14). There are no bookmarks but the predefined ones.
pub(super) fn find_row(context: &mut Context<'_>, request: &RopFindRowRequest) -> Outcome {
    let (backend, code_page, room) = (context.backend(), context.session.code_page, context.room);
    context.table_of(&[TableKind::Contents, TableKind::Hierarchy])?;
    let (logon, table) = read(context)?;
    let columns = table.columns.clone().ok_or(ErrorCode::EC_NULL_OBJECT)?;
    let restriction = request.restriction_data.value.as_ref();
    let restriction = restriction.filter(|_| request.restriction_data.trailing.is_empty());
    let restriction = restriction.ok_or(ErrorCode::MAPI_E_TOO_COMPLEX)?;
    check(restriction)?;
    let from = match request.origin {
        Bookmark::BOOKMARK_BEGINNING => 0,
        Bookmark::BOOKMARK_CURRENT => table.cursor,
        Bookmark::BOOKMARK_END => table.rows.len(),
        _ => return Err(ErrorCode::MAPI_E_INVALID_BOOKMARK.into()),
    };
    let backwards = request.find_row_flags.contains(FindRowFlags::BACKWARDS);
    let (found, row) = backend.read(|view| {
        let keys = table.rows.iter().copied().enumerate();
        let matching = (&**restriction, code_page);
        let found = if backwards {
            find(view, &logon, &table.source, &mut keys.take(from).rev(), matching)?
        } else {
            find(view, &logon, &table.source, &mut keys.skip(from), matching)?
        };
        let found = found.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        let key = table.rows.get(found).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        let row = values(view, &logon, (&table.source, &columns), *key, code_page)?;
        Ok::<_, Refusal>((found, row.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?))
    })?;
    if encoded(&row, &columns)?.len().saturating_add(FIND_ROW_SIZE) > room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    table.cursor = found;
    done(ResponseBody::RopFindRow(RopFindRowResponse {
        row_no_longer_visible: Bool::FALSE,
        has_row_data: Bool::TRUE,
        row_data: Some(Row::new(columns, row)),
    }))
}
