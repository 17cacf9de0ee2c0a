//! The notifications of a table: how its rows have changed ([MS-OXCNOTIF] 3.1.4.3).

use std::collections::BTreeSet;
use std::sync::Arc;

use mapi::notification::{
    Event, MessageRow, NotificationData, NotificationFlags, NotificationType, TableEvent, TableEventType,
    TableRow,
};
use store::ObjectId;

use super::rows::{refresh, values};
use super::table::encoded;
use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::table::{Key, Notified, RowChange, Source, Table};
use crate::session::{MailboxSession, Object, Opened};

/// The most rows in notifications at once. If more have changed, the client reads the table again.
const ROWS_MAX: usize = 32;
/// The most bytes of a row in a notification. If there are more, the client reads the table again.
const ROW_MAX: usize = 0x1000;

/// The notifications of the table with the handle `handle`, `modified` being the objects whose rows have other values.
/// They are `None` if there are too many or if they are too large.
pub(crate) fn row_events(
    session: &mut MailboxSession,
    handle: u32,
    modified: &BTreeSet<ObjectId>,
) -> Result<Option<Vec<NotificationData>>, Refusal> {
    let code_page = session.code_page;
    let backend = Arc::clone(&session.backend);
    let Some((logon, table)) = notified_table(session, handle) else { return Ok(Some(Vec::new())) };
    let Some(columns) = table.columns.clone() else { return Ok(Some(Vec::new())) };
    // The rows of categories change with those in them.
    if table.category_levels > 0 {
        return Ok(None);
    }
    refresh(&backend, &logon, table, code_page)?;
    let changes = table.take_changes(modified);
    if changes.len() > ROWS_MAX {
        return Ok(None);
    }
    backend.read(|view| {
        let mut events = Vec::with_capacity(changes.len());
        for change in changes {
            let (event_type, key, after) = match change {
                RowChange::Added(key, after) => (TableEventType::TableRowAdded, key, Some(after)),
                RowChange::Modified(key, after) => (TableEventType::TableRowModified, key, Some(after)),
                RowChange::Deleted(key) => (TableEventType::TableRowDeleted, key, None),
            };
            let row_data = match after {
                None => Vec::new(),
                // A row that has disappeared since it was listed is deleted in the next notifications.
                Some(_) => match values(view, &logon, (table, &columns), key, code_page)? {
                    Some(row) => encoded(&row, &columns)?,
                    None => continue,
                },
            };
            if row_data.len() > ROW_MAX {
                return Ok(None);
            }
            let row = Some(table_row(table, key));
            let insert_after =
                after.map(|after| after.map_or_else(|| first(table), |key| table_row(table, key)));
            events.push(notification(table, TableEvent { event_type, row, insert_after, row_data }));
        }
        Ok(Some(events))
    })
}

/// The notification that the client has to read the table again; `None` if it does not know the rows.
pub(crate) fn table_changed(session: &mut MailboxSession, handle: u32) -> Option<NotificationData> {
    let (_, table) = notified_table(session, handle)?;
    let event = TableEvent { event_type: TableEventType::TableChanged, ..TableEvent::default() };
    Some(notification(table, event))
}

/// The client is notified of no change of the table until it has read it again.
pub(crate) fn forget_table(session: &mut MailboxSession, handle: u32) {
    if let Some((_, table)) = notified_table(session, handle) {
        table.forget();
    }
}

/// The table with the handle `handle`, if the client knows its rows and is notified of their changes.
fn notified_table(session: &mut MailboxSession, handle: u32) -> Option<(Arc<Logon>, &mut Table)> {
    match session.objects.get_mut(handle)? {
        Opened { logon, object: Object::Table(table) }
            if table.notified == Notified::Always && table.listed.is_some() =>
        {
            Some((Arc::clone(logon), table))
        }
        _ => None,
    }
}

fn notification(table: &Table, event: TableEvent) -> NotificationData {
    let mut flags = NotificationFlags::new(NotificationType::TableModified);
    if matches!(table.source, Source::Contents { .. }) {
        flags = flags | NotificationFlags::MESSAGE;
    }
    NotificationData {
        flags,
        event: Event::Table(event),
        total_message_count: None,
        unread_message_count: None,
        new_mail: None,
    }
}

fn table_row(table: &Table, key: Key) -> TableRow {
    match (key, &table.source) {
        (Key::Message(id, instance), Source::Contents { folder, .. }) => TableRow {
            folder_id: folder.folder_id(),
            message: Some(MessageRow { message_id: id.message_id(), instance }),
        },
        (Key::Folder(id, _) | Key::Message(id, _), _) => {
            TableRow { folder_id: id.folder_id(), message: None }
        }
        (Key::Category(_) | Key::Fixed(_), _) => TableRow::default(),
    }
}

/// The row before the first one: all zero.
fn first(table: &Table) -> TableRow {
    let has_message = matches!(table.source, Source::Contents { .. });
    TableRow { message: has_message.then(MessageRow::default), ..TableRow::default() }
}
