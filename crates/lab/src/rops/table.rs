//! Tables: columns, order, restriction and rows ([MS-OXCTABL] 3.2.5).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::data::{Order, SortOrder, SortOrderSet};
use mapi::property::{PropTag, PropType, PropertyRow, Rows};
use mapi::rop::table::{
    Bookmark, QueryRowsFlags, RopQueryColumnsAllResponse, RopQueryRowsRequest, RopQueryRowsResponse,
    RopRestrictRequest, RopSetColumnsRequest, RopSortTableRequest, TableStatus, TableStatusResponse,
};
use mapi::rop::{List16, RequestBody, ResponseBody, RopRequest};
use wire::Writer;

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use super::rows::{refresh, tags, values};
use crate::notify::subscription::Watch;
use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::table::{Notified, Table, TableKind, is_instance};
use crate::values::folder::KNOWN as OF_FOLDERS;
use crate::values::message::COMPUTED as OF_MESSAGES;
use crate::values::restriction::check;

/// `ecUnableToAbort`: nothing is executed asynchronously ([MS-OXCTABL] 3.2.5.6).
const UNABLE_TO_ABORT: ErrorCode = ErrorCode(0x8004_0114);
/// The most columns of a table.
const COLUMNS_MAX: usize = 512;
/// The most columns by which a table is sorted, and the most levels of categories.
const SORT_MAX: usize = 16;
const LEVELS_MAX: usize = 4;
/// How many rows `RopQueryColumnsAll` looks at.
const SAMPLE: usize = 100;
/// The size of a response to `RopQueryRows` without its rows ([MS-OXCROPS] 2.2.5.4.2).
const QUERY_ROWS_SIZE: usize = 1 + 1 + 4 + 1 + 2;

const COMPLETE: TableStatusResponse = TableStatusResponse { table_status: TableStatus::TBLSTAT_COMPLETE };

/// `RopSetColumns` ([MS-OXCTABL] 3.2.5.2).
pub(super) fn set_columns(context: &mut Context<'_>, request: &RopSetColumnsRequest) -> Outcome {
    let (_, table) = context.table()?;
    let columns = &request.property_tags.0;
    let valid = |tag: &PropTag| {
        let prop_type = tag.prop_type();
        let known = PropType(prop_type.0 & !PropType::MULTIVALUE_INSTANCE);
        !matches!(known, PropType::PtypUnspecified | PropType::PtypErrorCode | PropType::PtypNull)
            && known.name().is_some()
            && (!is_instance(*tag) || known.is_multiple())
    };
    let before = table.expanded_property();
    table.columns = None;
    if columns.is_empty() || columns.len() > COLUMNS_MAX || !columns.iter().all(valid) {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    if columns.iter().any(|tag| is_instance(*tag)) && table.source.kind() != TableKind::Contents {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    let sorted = table.sort.iter().map(|order| order.tag);
    if !has_one_instance(columns.iter().copied().chain(sorted)) {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    table.columns = Some(columns.clone());
    if table.expanded_property() != before {
        table.forget();
    }
    done(ResponseBody::RopSetColumns(COMPLETE))
}

/// Whether at most one of the properties `tags` has a row for each of its values.
fn has_one_instance(tags: impl Iterator<Item = PropTag>) -> bool {
    let mut instances = tags.filter(|tag| is_instance(*tag));
    let first = instances.next();
    instances.all(|tag| first.is_some_and(|first| first.is_same_property(tag)))
}

/// `RopSortTable` ([MS-OXCTABL] 3.2.5.3).
pub(super) fn sort(context: &mut Context<'_>, request: &RopSortTableRequest) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents])?;
    let SortOrderSet { categorized_count, expanded_count, sort_orders } = &request.sort_orders;
    let (levels, expanded) = (usize::from(*categorized_count), usize::from(*expanded_count));
    table.sort.clear();
    (table.category_levels, table.expanded_levels) = (0, 0);
    table.toggled.clear();
    table.restart();
    if sort_orders.len() > SORT_MAX || levels > LEVELS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_COMPLEX.into());
    }
    let valid = |(place, order): (usize, &SortOrder)| match order.order {
        Order::Ascending | Order::Descending => true,
        Order::MaximumCategory => levels > 0 && place == levels,
        _ => false,
    };
    let columns = table.columns.iter().flatten().copied();
    if levels > sort_orders.len()
        || expanded > levels
        || !sort_orders.iter().enumerate().all(|(place, order)| valid((place, order)))
        || !has_one_instance(sort_orders.iter().map(|order| order.tag).chain(columns))
    {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    table.sort.clone_from(sort_orders);
    (table.category_levels, table.expanded_levels) = (levels, expanded);
    table.restart();
    done(ResponseBody::RopSortTable(COMPLETE))
}

/// `RopRestrict` ([MS-OXCTABL] 3.2.5.4).
pub(super) fn restrict(context: &mut Context<'_>, request: &RopRestrictRequest) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents, TableKind::Hierarchy, TableKind::Rules])?;
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
    (table.category_levels, table.expanded_levels) = (0, 0);
    table.toggled.clear();
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
pub(super) fn read<'a>(context: &'a mut Context<'_>) -> Result<(Arc<Logon>, &'a mut Table), Refusal> {
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
            if let Some(row) = values(view, &logon, (table, &columns), *key, code_page)? {
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

/// `RopQueryColumnsAll`: the properties that the server computes, and those that the first rows have ([MS-OXCTABL]
/// 3.2.5.13).
pub(super) fn all_columns(context: &mut Context<'_>) -> Outcome {
    let (backend, room) = (context.backend(), context.room);
    let (logon, table) = read(context)?;
    let computed: &[PropTag] = match table.source.kind() {
        TableKind::Hierarchy => &OF_FOLDERS,
        TableKind::Contents => &OF_MESSAGES,
        TableKind::Rules | TableKind::Other => &[],
    };
    let tags = backend.read(|view| tags(view, table, &logon, SAMPLE))?;
    let others = tags.into_iter().filter(|tag| !computed.iter().any(|known| known.is_same_property(*tag)));
    let property_tags: Vec<PropTag> = computed.iter().copied().chain(others).collect();
    if property_tags.len().saturating_mul(4).saturating_add(QUERY_ROWS_SIZE) > room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    done(ResponseBody::RopQueryColumnsAll(RopQueryColumnsAllResponse {
        property_tags: List16(property_tags),
    }))
}
