//! The rows of tables: which there are, and their values.

use std::collections::HashMap;

use mapi::ErrorCode;
use mapi::property::{PropTag, PropertyRow, PropertyValue, Restriction};
use store::{Folder, Message, Properties, View};
use wire::{FileTime, Utf16};

use super::grouping::{Listed, arranged};
use crate::backend::Backend;
use crate::codepage::CodePage;
use crate::refusal::Refusal;
use crate::search;
use crate::session::logon::{Logon, OWNER, READ_ANY, VISIBLE};
use crate::session::table::{Category, Key, Source, Table, is_instance};
use crate::values::convert::{requested, single_values, size};
use crate::values::folder::FolderValues;
use crate::values::matched::MatchedMessage;
use crate::values::message::of_message;
use crate::values::restriction::Filter;

/// The most characters of a text, or bytes of binary data, that a row has ([MS-OXCTABL] 3.2.5.2).
const VALUE_MAX: usize = 255;
/// The most rows of a table.
const ROWS_MAX: usize = 100_000;
/// The most bytes of values by which rows are sorted.
const SORT_BYTES_MAX: usize = 32 << 20;

/// A row whose values are read.
enum Row<'a> {
    Folder(Box<Folder>, u32),
    /// A message, the number of its row, and how many categories that is in.
    Message(Box<(Message, Properties)>, u32, usize),
    Category(u64, &'a Category, &'a Table),
    Fixed(usize, &'a Properties),
}

impl Row<'_> {
    fn key(&self) -> Key {
        match self {
            Self::Folder(folder, depth) => Key::Folder(folder.id, *depth),
            Self::Message(message, instance, _) => Key::Message(message.0.id, *instance),
            Self::Category(id, ..) => Key::Category(*id),
            Self::Fixed(index, _) => Key::Fixed(*index),
        }
    }

    /// The property with the id of `tag`, in its own type, or one of its values if `tag` is a column for these.
    fn value(&self, view: &View<'_>, logon: &Logon, tag: PropTag) -> store::Result<Option<PropertyValue>> {
        match self {
            Self::Folder(folder, depth) => FolderValues { view, logon, folder, depth: *depth }.get(tag),
            Self::Message(_, instance, _) if tag.is_same_property(PropTag::PidTagInstanceNum) => {
                Ok(Some(PropertyValue::Integer32(instance.cast_signed())))
            }
            Self::Message(_, _, depth) if tag.is_same_property(PropTag::PidTagDepth) => {
                Ok(Some(number(*depth)))
            }
            Self::Message(message, instance, _) => {
                let value = of_message(&logon.mailbox, &message.0, &message.1, tag);
                if is_instance(tag) {
                    let index = usize::try_from(*instance).unwrap_or(usize::MAX);
                    return Ok(value.and_then(|value| single_values(value).into_iter().nth(index)));
                }
                Ok(value)
            }
            Self::Category(id, category, table) => Ok(of_category(*id, category, table, tag)),
            Self::Fixed(_, properties) => Ok(properties.get(tag).cloned()),
        }
    }
}

fn number(count: usize) -> PropertyValue {
    PropertyValue::Integer32(i32::try_from(count).unwrap_or(i32::MAX))
}

/// The values of the header of a category ([MS-OXCTABL] 2.2.1).
fn of_category(id: u64, category: &Category, table: &Table, tag: PropTag) -> Option<PropertyValue> {
    let is = |known: PropTag| tag.is_same_property(known);
    Some(if is(PropTag::PidTagInstID) {
        PropertyValue::Integer64(id.cast_signed())
    } else if is(PropTag::PidTagInstanceNum) {
        PropertyValue::Integer32(0)
    } else if is(PropTag::PidTagRowType) {
        PropertyValue::Integer32(if category.is_expanded { 3 } else { 4 })
    } else if is(PropTag::PidTagDepth) {
        number(category.level)
    } else if is(PropTag::PidTagContentCount) {
        PropertyValue::Integer32(category.count.cast_signed())
    } else if is(PropTag::PidTagContentUnreadCount) {
        PropertyValue::Integer32(category.unread.cast_signed())
    } else {
        let mut columns = table.sort.iter().zip(&category.values);
        return columns.find(|(order, _)| is(order.tag)).and_then(|(_, value)| value.clone());
    })
}

/// Whether a row matches a restriction.
fn admits(filter: &mut Filter<'_>, row: &Row<'_>, view: &View<'_>, logon: &Logon) -> Result<bool, Refusal> {
    Ok(match row {
        Row::Message(message, ..) => {
            filter.admits(&MatchedMessage::new(view, &logon.mailbox, &message.0, &message.1))?
        }
        _ => filter.admits(&|tag| row.value(view, logon, tag).ok().flatten())?,
    })
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
        let (rows, categories) = list(view, logon, table, code_page)?;
        table.categories = categories;
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
        Source::Contents { folder, is_search: true, .. } => search::state(view, logon, *folder)?,
        Source::Contents { folder, .. } => view.folder(mailbox, *folder)?.contents_changed,
        Source::Fixed(..) => FileTime(0),
    })
}

/// The rows that are listed so far, and how many bytes their values have.
struct List<'a> {
    view: &'a View<'a>,
    logon: &'a Logon,
    table: &'a Table,
    filter: Filter<'a>,
    rows: Vec<Listed>,
    bytes: usize,
}

impl List<'_> {
    /// Adds a row, if the restriction of the table admits it.
    ///
    /// # Errors
    /// `TableTooBig`.
    fn add(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if !admits(&mut self.filter, row, self.view, self.logon)? {
            return Ok(());
        }
        let orders = self.table.sort.iter();
        let mut values = Vec::with_capacity(orders.len());
        for order in orders {
            let value = row.value(self.view, self.logon, order.tag)?.map(shortened);
            self.bytes = self.bytes.saturating_add(value.as_ref().map_or(0, size));
            values.push(value);
        }
        if self.rows.len() >= ROWS_MAX || self.bytes > SORT_BYTES_MAX {
            return Err(ErrorCode::MAPI_E_TABLE_TOO_BIG.into());
        }
        let is_unread = matches!(row, Row::Message(message, ..) if !message.0.read);
        self.rows.push(Listed { key: row.key(), values, is_unread });
        Ok(())
    }

    /// Adds the rows of a message: one, or one for each value of a multivalued property.
    fn add_message(&mut self, message: Message, properties: Properties) -> Result<(), Refusal> {
        let expanded = self.table.expanded_property().and_then(|tag| properties.get(tag).cloned());
        let instances = expanded.map_or(1, |value| single_values(value).len().max(1));
        let message = Box::new((message, properties));
        let mut row = Row::Message(message, 0, self.table.category_levels);
        for number in 0..u32::try_from(instances).unwrap_or(u32::MAX) {
            if let Row::Message(_, instance, _) = &mut row {
                *instance = number;
            }
            self.add(&row)?;
        }
        Ok(())
    }
}

/// The rows of a table that its restriction admits, in its order, and their categories.
fn list(
    view: &View<'_>,
    logon: &Logon,
    table: &Table,
    code_page: CodePage,
) -> Result<(Vec<Key>, HashMap<u64, Category>), Refusal> {
    let filter = Filter::new(table.restriction.as_deref(), code_page);
    let mut list = List { view, logon, table, filter, rows: Vec::new(), bytes: 0 };
    let mailbox = logon.mailbox.id;
    match &table.source {
        Source::Hierarchy { folder, depth, deleted } => {
            for (id, below) in view.folder_tree(mailbox, *folder, *deleted)? {
                let found = view.folder(mailbox, id)?;
                let wanted = below > 0 && (*depth || below == 1) && found.deleted == *deleted;
                if wanted && logon.rights(view, id)? & (READ_ANY | VISIBLE | OWNER) != 0 {
                    list.add(&Row::Folder(Box::new(found), below))?;
                }
            }
        }
        Source::Contents { folder, is_search: true, .. } => {
            logon.require(view, *folder, READ_ANY | OWNER)?;
            search::for_each_hit(view, logon, *folder, |message, properties| {
                list.add_message(message, properties)
            })?;
        }
        Source::Contents { folder, filter, .. } => {
            logon.require(view, *folder, READ_ANY | OWNER)?;
            let mut refused = None;
            view.for_each_message(mailbox, *folder, *filter, |message, properties| {
                if refused.is_none() {
                    refused = list.add_message(message, properties).err();
                }
                Ok(())
            })?;
            if let Some(refusal) = refused {
                return Err(refusal);
            }
        }
        Source::Fixed(rows, _) => {
            for (index, properties) in rows.iter().enumerate() {
                list.add(&Row::Fixed(index, properties))?;
            }
        }
    }
    Ok(arranged(table, list.rows))
}

/// The values of the row `key` of a table in `columns`. `None` if the row no longer exists.
pub(super) fn values(
    view: &View<'_>,
    logon: &Logon,
    (table, columns): (&Table, &[PropTag]),
    key: Key,
    code_page: CodePage,
) -> Result<Option<PropertyRow>, Refusal> {
    let Some(row) = row(view, logon, table, key)? else { return Ok(None) };
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
    table: &Table,
    keys: &mut dyn Iterator<Item = (usize, Key)>,
    matching: (&Restriction, CodePage),
) -> Result<Option<usize>, Refusal> {
    let (restriction, code_page) = matching;
    let mut filter = Filter::new(Some(restriction), code_page);
    for (place, key) in keys {
        let Some(row) = row(view, logon, table, key)? else { continue };
        if admits(&mut filter, &row, view, logon)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// The row `key`. `None` if it no longer exists.
fn row<'a>(view: &View<'_>, logon: &Logon, table: &'a Table, key: Key) -> Result<Option<Row<'a>>, Refusal> {
    let mailbox = logon.mailbox.id;
    let row = match (key, &table.source) {
        (Key::Folder(id, depth), _) => {
            view.folder(mailbox, id).map(|folder| Row::Folder(Box::new(folder), depth))
        }
        (Key::Message(id, instance), _) => view.message(mailbox, id).and_then(|message| {
            let properties = view.content(message.content)?.properties;
            Ok(Row::Message(Box::new((message, properties)), instance, table.category_levels))
        }),
        (Key::Category(id), _) => {
            return Ok(table.categories.get(&id).map(|category| Row::Category(id, category, table)));
        }
        (Key::Fixed(index), Source::Fixed(rows, _)) => {
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

/// The tags of the properties that the first `rows` rows of a table have.
pub(super) fn tags(
    view: &View<'_>,
    table: &Table,
    logon: &Logon,
    rows: usize,
) -> Result<Vec<PropTag>, Refusal> {
    let mut tags = std::collections::BTreeSet::new();
    for key in table.rows.iter().take(rows) {
        match row(view, logon, table, *key)? {
            Some(Row::Folder(folder, _)) => tags.extend(folder.properties.iter().map(|(tag, _)| tag)),
            Some(Row::Message(message, ..)) => tags.extend(message.1.iter().map(|(tag, _)| tag)),
            Some(Row::Fixed(_, properties)) => tags.extend(properties.iter().map(|(tag, _)| tag)),
            Some(Row::Category(..)) | None => {}
        }
    }
    Ok(tags.into_iter().collect())
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
