//! Categories of rows: expanding and collapsing them ([MS-OXCTABL] 3.2.5.17 to 3.2.5.20).

use mapi::ErrorCode;
use mapi::property::Rows;
use mapi::rop::table::{
    BookmarkFields, CollapseStateFields, RopCollapseRowRequest, RopCollapseRowResponse, RopExpandRowRequest,
    RopExpandRowResponse, RopGetCollapseStateRequest,
};
use mapi::rop::{Bytes16, ResponseBody};
use wire::{Reader, Writer};

use super::context::Context;
use super::outcome::{Outcome, done};
use super::position::require_columns;
use super::rows::values;
use super::table::{encoded, read};
use crate::refusal::Refusal;
use crate::session::table::{Key, Table, TableKind};

/// `ecNotCollapsed` and `ecNotExpanded` ([MS-OXCTABL] 3.2.5.17, 3.2.5.18).
const NOT_COLLAPSED: ErrorCode = ErrorCode(0x0000_04f8);
const NOT_EXPANDED: ErrorCode = ErrorCode(0x0000_04f7);
/// The most categories of a table whose state the client has changed.
const TOGGLED_MAX: usize = 2000;
/// The size of a response to `RopExpandRow` without its rows ([MS-OXCROPS] 2.2.5.16.2).
const EXPAND_SIZE: usize = 1 + 1 + 4 + 4 + 2;
/// The size of a response to `RopGetCollapseState` without its state.
const STATE_SIZE: usize = 1 + 1 + 4 + 2;

/// The rows below the header of the category `id` that are visible.
fn visible_rows(table: &Table, id: u64) -> Option<&[Key]> {
    let level = table.categories.get(&id)?.level;
    let start = table.rows.iter().position(|key| *key == Key::Category(id))?.saturating_add(1);
    let rest = table.rows.get(start..)?;
    let is_outside = |key: &Key| match key {
        Key::Category(other) => table.categories.get(other).is_none_or(|other| other.level <= level),
        _ => false,
    };
    rest.get(..rest.iter().position(is_outside).unwrap_or(rest.len()))
}

/// Expands the category `id`, or collapses it. The rows are listed again at the next access.
fn toggle(table: &mut Table, id: u64, is_expanded: bool) -> Result<(), Refusal> {
    let category = table.categories.get(&id).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
    if category.is_expanded == is_expanded {
        return Err(if is_expanded { NOT_COLLAPSED } else { NOT_EXPANDED }.into());
    }
    if !table.toggled.remove(&id) {
        if table.toggled.len() >= TOGGLED_MAX {
            return Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES.into());
        }
        table.toggled.insert(id);
    }
    table.forget();
    Ok(())
}

/// `RopExpandRow` ([MS-OXCTABL] 3.2.5.17): returns the first rows that become visible.
pub(super) fn expand(context: &mut Context<'_>, request: &RopExpandRowRequest) -> Outcome {
    let (backend, code_page, room) = (context.backend(), context.session.code_page, context.room);
    let id = request.category_id.0;
    context.table_of(&[TableKind::Contents])?;
    let (_, table) = read(context)?;
    let columns = require_columns(table)?.to_vec();
    toggle(table, id, true)?;
    let (logon, table) = read(context)?;
    let visible = visible_rows(table, id).unwrap_or_default();
    let expanded_row_count = u32::try_from(visible.len()).unwrap_or(u32::MAX);
    let mut rows = Vec::new();
    backend.read(|view| {
        let mut size = EXPAND_SIZE;
        for key in visible.iter().take(usize::from(request.max_row_count)) {
            if let Some(row) = values(view, &logon, (table, &columns), *key, code_page)? {
                size = size.saturating_add(encoded(&row, &columns)?.len());
                if size > room {
                    break;
                }
                rows.push(row);
            }
        }
        Ok::<_, Refusal>(())
    })?;
    let rows = Rows::new(columns, rows);
    done(ResponseBody::RopExpandRow(RopExpandRowResponse { expanded_row_count, rows }))
}

/// `RopCollapseRow` ([MS-OXCTABL] 3.2.5.18).
pub(super) fn collapse(context: &mut Context<'_>, request: &RopCollapseRowRequest) -> Outcome {
    let id = request.category_id.0;
    context.table_of(&[TableKind::Contents])?;
    let (_, table) = read(context)?;
    require_columns(table)?;
    let visible = visible_rows(table, id).map_or(0, <[Key]>::len);
    toggle(table, id, false)?;
    let collapsed_row_count = u32::try_from(visible).unwrap_or(u32::MAX);
    done(ResponseBody::RopCollapseRow(RopCollapseRowResponse { collapsed_row_count }))
}

/// `RopGetCollapseState` ([MS-OXCTABL] 3.2.5.19): the categories whose state the client has changed, and a row.
pub(super) fn state(context: &mut Context<'_>, request: &RopGetCollapseStateRequest) -> Outcome {
    let room = context.room;
    let (_, table) = context.table_of(&[TableKind::Contents])?;
    require_columns(table)?;
    let mut w = Writer::new();
    w.u64(request.row_id.0).u32(request.row_instance_number);
    for id in &table.toggled {
        w.u64(*id);
    }
    if w.len().saturating_add(STATE_SIZE) > room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    let collapse_state = Bytes16(w.into_vec().into());
    done(ResponseBody::RopGetCollapseState(CollapseStateFields { collapse_state }))
}

/// `RopSetCollapseState` ([MS-OXCTABL] 3.2.5.20). The cursor moves to the row that the state names.
pub(super) fn set_state(context: &mut Context<'_>, request: &CollapseStateFields) -> Outcome {
    let (_, table) = context.table_of(&[TableKind::Contents])?;
    require_columns(table)?;
    let mut r = Reader::new(&request.collapse_state.0);
    let mut read_state = || {
        let row = (r.u64("RowId")?, r.u32("RowInstanceNumber")?);
        let mut toggled = std::collections::BTreeSet::new();
        while !r.is_empty() && toggled.len() < TOGGLED_MAX {
            toggled.insert(r.u64("CategoryId")?);
        }
        Ok::<_, wire::Error>((row, toggled, r.is_empty()))
    };
    let Ok(((row, instance), toggled, true)) = read_state() else {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    };
    table.toggled = toggled;
    table.forget();
    let (_, table) = read(context)?;
    let is_named = |key: &Key| match key {
        Key::Message(id, number) => id.message_id().0 == row && *number == instance,
        Key::Category(id) => *id == row,
        _ => false,
    };
    let place = table.rows.iter().position(is_named).unwrap_or_default();
    table.cursor = place;
    let bookmark = table.bookmarks.create(&table.rows, place);
    let bookmark = Bytes16(bookmark.ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)?.into());
    done(ResponseBody::RopSetCollapseState(BookmarkFields { bookmark }))
}
