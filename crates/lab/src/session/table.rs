//! Tables: where their rows come from, their columns and their cursor ([MS-OXCTABL]).

use mapi::data::SortOrder;
use mapi::property::{PropTag, Restriction};
use store::{MessageFilter, ObjectId, Properties};
use wire::FileTime;

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) source: Source,
    /// The columns, once the client has set them.
    pub(crate) columns: Option<Vec<PropTag>>,
    pub(crate) sort: Vec<SortOrder>,
    pub(crate) restriction: Option<Box<Restriction>>,
    /// The rows, and the state of the source in which they were listed.
    pub(crate) rows: Vec<Key>,
    pub(crate) listed: Option<FileTime>,
    /// The place of the current row in `rows`.
    pub(crate) cursor: usize,
}

/// Where the rows of a table come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The subfolders of a folder; with `depth` those at all levels.
    Hierarchy { folder: ObjectId, depth: bool, deleted: bool },
    /// The messages of a folder.
    Contents { folder: ObjectId, filter: MessageFilter },
    /// Rows that were read when the table was opened.
    Fixed(Vec<Properties>),
}

/// What identifies a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A folder, and its depth below that of the table.
    Folder(ObjectId, u32),
    Message(ObjectId),
    /// The place among the rows of [`Source::Fixed`].
    Fixed(usize),
}

impl Table {
    pub(crate) const fn new(source: Source) -> Self {
        Self {
            source,
            columns: None,
            sort: Vec::new(),
            restriction: None,
            rows: Vec::new(),
            listed: None,
            cursor: 0,
        }
    }

    /// Lists the rows again at the next access, with the cursor at the beginning.
    pub(crate) fn restart(&mut self) {
        self.rows.clear();
        self.listed = None;
        self.cursor = 0;
    }

    /// Replaces the rows by those of the state `listed`. The cursor stays on its row; if this row no longer exists, at
    /// its place.
    pub(crate) fn replace(&mut self, rows: Vec<Key>, listed: FileTime) {
        let current = self.rows.get(self.cursor);
        let found = current.and_then(|current| rows.iter().position(|row| row == current));
        self.cursor = found.unwrap_or(self.cursor).min(rows.len());
        self.rows = rows;
        self.listed = Some(listed);
    }
}
