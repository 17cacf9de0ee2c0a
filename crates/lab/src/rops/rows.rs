//! The rows of tables: which there are, and their values.

use std::cmp::Ordering;

use mapi::data::Order;
use mapi::property::{PropTag, PropertyRow, PropertyValue, Restriction};
use store::{Folder, Message, Properties, View};
use wire::{FileTime, Utf16};

use crate::backend::Backend;
use crate::codepage::CodePage;
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER, READ_ANY, VISIBLE};
use crate::session::table::{Key, Source, Table};
use crate::values::compare::sort_order;
use crate::values::convert::requested;
use crate::values::folder::FolderValues;
use crate::values::message::of_message;
use crate::values::restriction::matches;

/// The most characters of a text, or bytes of binary data, that a row has ([MS-OXCTABL] 3.2.5.2).
const VALUE_MAX: usize = 255;

/// A row whose values are read.
enum Row<'a> {
    Folder(Box<Folder>, u32),
    Message(Box<(Message, Properties)>),
    Fixed(usize, &'a Properties),
}

impl Row<'_> {
    fn key(&self) -> Key {
        match self {
            Self::Folder(folder, depth) => Key::Folder(folder.id, *depth),
            Self::Message(message) => Key::Message(message.0.id),
            Self::Fixed(index, _) => Key::Fixed(*index),
        }
    }

    /// The property with the id of `tag`, in its own type.
    fn value(&self, view: &View<'_>, logon: &Logon, tag: PropTag) -> store::Result<Option<PropertyValue>> {
        match self {
            Self::Folder(folder, depth) => FolderValues { view, logon, folder, depth: *depth }.get(tag),
            Self::Message(message) => Ok(of_message(&logon.mailbox, &message.0, &message.1, tag)),
            Self::Fixed(_, properties) => Ok(properties.get(tag).cloned()),
        }
    }
}

/// Lists the rows of a table, if they have changed since they were listed.
pub(super) fn refresh(
    backend: &Backend,
    logon: &Logon,
    table: &mut Table,
    code_page: CodePage,
) -> Result<(), Refusal> {
    backend.read(|view| {
        let state = state(view, logon, &table.source)?;
        if table.listed == Some(state) && logon.is_owner() {
            return Ok(());
        }
        let rows = list(view, logon, table, code_page)?;
        table.replace(rows, state);
        Ok(())
    })
}

/// A time that changes if the rows of a table do.
fn state(view: &View<'_>, logon: &Logon, source: &Source) -> Result<FileTime, Refusal> {
    let mailbox = logon.mailbox.id;
    Ok(match source {
        Source::Hierarchy { folder, depth: true, .. } => {
            let mut last = FileTime(0);
            for (below, _) in view.folder_tree(mailbox, *folder, true)? {
                last = FileTime(last.0.max(view.folder(mailbox, below)?.hierarchy_changed.0));
            }
            last
        }
        Source::Hierarchy { folder, .. } => view.folder(mailbox, *folder)?.hierarchy_changed,
        Source::Contents { folder, .. } => view.folder(mailbox, *folder)?.contents_changed,
        Source::Fixed(_) => FileTime(0),
    })
}

/// The rows of a table that its restriction admits, in its order.
fn list(view: &View<'_>, logon: &Logon, table: &Table, code_page: CodePage) -> Result<Vec<Key>, Refusal> {
    let mut keys: Vec<(Key, Vec<Option<PropertyValue>>)> = Vec::new();
    let mut take = |row: &Row<'_>| -> store::Result<()> {
        let admitted = table.restriction.as_ref().is_none_or(|restriction| {
            let values = |tag| row.value(view, logon, tag).ok().flatten();
            matches(restriction, &values, code_page)
        });
        if admitted {
            let orders = table.sort.iter();
            let values = orders.map(|order| row.value(view, logon, order.tag)).collect::<Result<_, _>>()?;
            keys.push((row.key(), values));
        }
        Ok(())
    };
    let mailbox = logon.mailbox.id;
    match &table.source {
        Source::Hierarchy { folder, depth, deleted } => {
            for (id, below) in view.folder_tree(mailbox, *folder, *deleted)? {
                let found = view.folder(mailbox, id)?;
                let wanted = below > 0 && (*depth || below == 1) && found.deleted == *deleted;
                if wanted && logon.rights(view, id)? & (READ_ANY | VISIBLE | OWNER) != 0 {
                    take(&Row::Folder(Box::new(found), below))?;
                }
            }
        }
        Source::Contents { folder, filter } => {
            logon.require(view, *folder, READ_ANY | OWNER)?;
            view.for_each_message(mailbox, *folder, *filter, |message, properties| {
                take(&Row::Message(Box::new((message, properties))))
            })?;
        }
        Source::Fixed(rows) => {
            for (index, properties) in rows.iter().enumerate() {
                take(&Row::Fixed(index, properties))?;
            }
        }
    }
    if !table.sort.is_empty() {
        keys.sort_by(|(_, a), (_, b)| {
            let orders = table.sort.iter().zip(a.iter().zip(b)).map(|(order, (a, b))| {
                let ascending = sort_order(a.as_ref(), b.as_ref());
                if order.order == Order::Descending { ascending.reverse() } else { ascending }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
    }
    Ok(keys.into_iter().map(|(key, _)| key).collect())
}

/// The values of the row `key` in the columns of a table. `None` if the row no longer exists.
pub(super) fn values(
    view: &View<'_>,
    logon: &Logon,
    (source, columns): (&Source, &[PropTag]),
    key: Key,
    code_page: CodePage,
) -> Result<Option<PropertyRow>, Refusal> {
    let Some(row) = row(view, logon, source, key)? else { return Ok(None) };
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let value = row.value(view, logon, *column)?.map(shortened);
        values.push(Some(requested(*column, value, code_page)));
    }
    Ok(Some(PropertyRow::new(columns, values)))
}

/// The row that matches `restriction`, of those in `keys`.
pub(super) fn find(
    view: &View<'_>,
    logon: &Logon,
    source: &Source,
    keys: &mut dyn Iterator<Item = (usize, Key)>,
    matching: (&Restriction, CodePage),
) -> Result<Option<usize>, Refusal> {
    let (restriction, code_page) = matching;
    for (place, key) in keys {
        let Some(row) = row(view, logon, source, key)? else { continue };
        if matches(restriction, &|tag| row.value(view, logon, tag).ok().flatten(), code_page) {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// The row `key`. `None` if it no longer exists.
fn row<'a>(view: &View<'_>, logon: &Logon, source: &'a Source, key: Key) -> Result<Option<Row<'a>>, Refusal> {
    let mailbox = logon.mailbox.id;
    let row = match (key, source) {
        (Key::Folder(id, depth), _) => {
            view.folder(mailbox, id).map(|folder| Row::Folder(Box::new(folder), depth))
        }
        (Key::Message(id), _) => view.message(mailbox, id).and_then(|message| {
            let properties = view.content(message.content)?.properties;
            Ok(Row::Message(Box::new((message, properties))))
        }),
        (Key::Fixed(index), Source::Fixed(rows)) => {
            return Ok(rows.get(index).map(|row| Row::Fixed(index, row)));
        }
        (Key::Fixed(_), _) => return Ok(None),
    };
    match row {
        Ok(row) => Ok(Some(row)),
        Err(store::Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A value as tables have it: long ones are cut.
fn shortened(value: PropertyValue) -> PropertyValue {
    match value {
        PropertyValue::Unicode(text) if text.len() > VALUE_MAX => {
            let text: String = text.to_string_lossy().chars().take(VALUE_MAX).collect();
            PropertyValue::Unicode(Utf16::new(&text))
        }
        PropertyValue::Binary(mut bytes) => {
            bytes.truncate(VALUE_MAX);
            PropertyValue::Binary(bytes)
        }
        other => other,
    }
}
