//! Tables: where their rows come from, their columns, their cursor, and the changes of their rows ([MS-OXCTABL]).

use std::collections::{BTreeSet, HashMap, HashSet};

use mapi::data::SortOrder;
use mapi::property::{PropTag, PropType, PropertyValue, Restriction};
use store::{MessageFilter, ObjectId, Properties};
use wire::FileTime;

use super::bookmarks::Bookmarks;
use crate::notify::subscription::Interest;

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) source: Source,
    /// The columns, once the client has set them.
    pub(crate) columns: Option<Vec<PropTag>>,
    pub(crate) sort: Vec<SortOrder>,
    /// By how many of the sort columns, from the first one on, rows are grouped into categories, and how many of these
    /// levels were expanded when the table was sorted.
    pub(crate) category_levels: usize,
    pub(crate) expanded_levels: usize,
    /// The ids of the categories that the client has expanded or collapsed since.
    pub(crate) toggled: BTreeSet<u64>,
    pub(crate) categories: HashMap<u64, Category>,
    pub(crate) restriction: Option<Box<Restriction>>,
    /// The rows, and the state of the source in which they were listed.
    pub(crate) rows: Vec<Key>,
    pub(crate) listed: Option<FileTime>,
    /// The place of the current row in `rows`.
    pub(crate) cursor: usize,
    pub(crate) bookmarks: Bookmarks<Key>,
    pub(crate) notified: Notified,
    /// The rows as the client knows them, if they have changed since it was notified.
    known: Option<Vec<Key>>,
}

/// A category: a group of rows with equal values ([MS-OXCTABL] 2.2.2.3.1). It has a row of its own, the header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Category {
    /// How many categories it is in.
    pub(crate) level: usize,
    /// The values of the sort columns up to its level.
    pub(crate) values: Vec<Option<PropertyValue>>,
    /// The number of messages in it, and of those that were not read.
    pub(crate) count: u32,
    pub(crate) unread: u32,
    pub(crate) is_expanded: bool,
}

/// Whether the client is notified of changes of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notified {
    /// It opened the table with `NoNotifications`.
    Never,
    /// It will be once it reads the table ([MS-OXCNOTIF] 3.1.4.3).
    WhenRead,
    /// It is.
    Always,
}

/// A change of a row. A row that was added or modified is after another, or the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowChange {
    Added(Key, Option<Key>),
    Modified(Key, Option<Key>),
    Deleted(Key),
}

/// Where the rows of a table come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The subfolders of a folder; with `depth` those at all levels.
    Hierarchy { folder: ObjectId, depth: bool, deleted: bool },
    /// The messages of a folder.
    /// If it is a search folder, those that it shows.
    Contents { folder: ObjectId, filter: MessageFilter, is_search: bool },
    /// Rows that were read when the table was opened.
    Fixed(Vec<Properties>, TableKind),
}

/// What the rows of a table are. Not all ROPs are for all tables ([MS-OXCTABL] 3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Hierarchy,
    Contents,
    Rules,
    /// Attachments or permissions.
    Other,
}

impl Source {
    pub(crate) const fn kind(&self) -> TableKind {
        match self {
            Self::Hierarchy { .. } => TableKind::Hierarchy,
            Self::Contents { .. } => TableKind::Contents,
            Self::Fixed(_, kind) => *kind,
        }
    }
}

/// What identifies a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A folder, and its depth below that of the table.
    Folder(ObjectId, u32),
    /// A message, and the number of its row among those that it has for the values of a multivalued property.
    Message(ObjectId, u32),
    /// The header of the category with this id.
    Category(u64),
    /// The place among the rows of [`Source::Fixed`].
    Fixed(usize),
}

impl Table {
    pub(crate) fn new(source: Source, notified: Notified) -> Self {
        Self {
            source,
            columns: None,
            sort: Vec::new(),
            category_levels: 0,
            expanded_levels: 0,
            toggled: BTreeSet::new(),
            categories: HashMap::new(),
            restriction: None,
            rows: Vec::new(),
            listed: None,
            cursor: 0,
            bookmarks: Bookmarks::default(),
            notified,
            known: None,
        }
    }

    /// The multivalued property for whose single values the table has rows ([MS-OXCTABL] 3.2.5.2, 3.2.5.3).
    pub(crate) fn expanded_property(&self) -> Option<PropTag> {
        let columns = self.columns.iter().flatten().copied();
        let mut tags = columns.chain(self.sort.iter().map(|order| order.tag));
        tags.find(|tag| is_instance(*tag))
    }

    /// Lists the rows again at the next access, with the cursor at the beginning.
    pub(crate) fn restart(&mut self) {
        self.rows.clear();
        self.categories.clear();
        self.bookmarks.clear();
        self.cursor = 0;
        self.forget();
    }

    /// Replaces the rows by those of the state `listed`. The cursor stays on its row; if this row no longer exists, at
    /// its place.
    pub(crate) fn replace(&mut self, rows: Vec<Key>, listed: FileTime) {
        let current = self.rows.get(self.cursor);
        let found = current.and_then(|current| rows.iter().position(|row| row == current));
        self.cursor = found.unwrap_or(self.cursor).min(rows.len());
        self.bookmarks.follow(&self.rows, &rows);
        let before = std::mem::replace(&mut self.rows, rows);
        if self.notified == Notified::Always && self.listed.is_some() && self.known.is_none() {
            self.known = Some(before);
        }
        self.listed = Some(listed);
    }

    /// The changes of which the client is to be notified once it reads the table; `None` if the rows cannot change.
    pub(crate) const fn interest(&self) -> Option<Interest> {
        match self.source {
            Source::Hierarchy { folder, depth, .. } => Some(Interest::Hierarchy { folder, depth }),
            Source::Contents { is_search: true, .. } => Some(Interest::Search),
            Source::Contents { folder, .. } => Some(Interest::Contents { folder }),
            Source::Fixed(..) => None,
        }
    }

    /// The client has to read the rows again before it is notified of changes.
    pub(crate) fn forget(&mut self) {
        self.listed = None;
        self.known = None;
    }

    /// How the rows have changed since this was called last, `modified` being the objects with other values. The
    /// changes are in the order in which a client has to apply them.
    pub(crate) fn take_changes(&mut self, modified: &BTreeSet<ObjectId>) -> Vec<RowChange> {
        let known = self.known.take();
        let mut changes = Vec::new();
        let before: HashSet<Key> = match &known {
            Some(known) => {
                let now: HashSet<Key> = self.rows.iter().copied().collect();
                changes
                    .extend(known.iter().filter(|key| !now.contains(key)).copied().map(RowChange::Deleted));
                known.iter().copied().collect()
            }
            None => self.rows.iter().copied().collect(),
        };
        let mut after = None;
        for key in &self.rows {
            let is_modified = match key {
                Key::Folder(id, _) | Key::Message(id, _) => modified.contains(id),
                Key::Category(_) | Key::Fixed(_) => false,
            };
            if !before.contains(key) {
                changes.push(RowChange::Added(*key, after));
            } else if is_modified {
                changes.push(RowChange::Modified(*key, after));
            }
            after = Some(*key);
        }
        changes
    }
}

/// Whether the column `tag` has one of the values of a multivalued property in each row.
pub(crate) const fn is_instance(tag: PropTag) -> bool {
    tag.prop_type().0 & PropType::MULTIVALUE_INSTANCE != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(id: u64) -> Key {
        Key::Message(ObjectId::own(id), 0)
    }

    fn table(notified: Notified, rows: &[u64]) -> Table {
        let filter = MessageFilter::default();
        let source = Source::Contents { folder: ObjectId::own(9), filter, is_search: false };
        let mut table = Table::new(source, notified);
        list(&mut table, rows);
        table
    }

    fn list(table: &mut Table, rows: &[u64]) {
        table.replace(rows.iter().copied().map(key).collect(), FileTime(1));
    }

    fn changes(table: &mut Table, modified: &[u64]) -> Vec<RowChange> {
        table.take_changes(&modified.iter().copied().map(ObjectId::own).collect())
    }

    #[test]
    fn changes_lead_from_the_rows_that_the_client_knows_to_those_that_exist() {
        let mut table = table(Notified::Always, &[1, 2, 3]);
        assert_eq!(changes(&mut table, &[]), [], "the client has read these rows");
        list(&mut table, &[4, 3, 2]);
        list(&mut table, &[4, 3, 2, 5]);
        let expected = [
            RowChange::Deleted(key(1)),
            RowChange::Added(key(4), None),
            RowChange::Modified(key(3), Some(key(4))),
            RowChange::Added(key(5), Some(key(2))),
        ];
        assert_eq!(changes(&mut table, &[3, 7]), expected);
        assert_eq!(changes(&mut table, &[]), [], "once");
        assert_eq!(changes(&mut table, &[5]), [RowChange::Modified(key(5), Some(key(2)))]);
    }

    #[test]
    fn rows_that_the_client_has_not_read_are_no_changes() {
        let mut read_later = table(Notified::WhenRead, &[1]);
        list(&mut read_later, &[2]);
        assert_eq!(changes(&mut read_later, &[]), []);
        let mut forgotten = table(Notified::Always, &[1]);
        list(&mut forgotten, &[2]);
        forgotten.forget();
        list(&mut forgotten, &[3]);
        assert_eq!(changes(&mut forgotten, &[]), []);
    }
}
