//! The bookmarks of a table ([MS-OXCTABL] 2.2.2.1.2).

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The most bookmarks of a table.
const BOOKMARKS_MAX: usize = 100;

/// A row to which a bookmark points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bookmark<K> {
    /// The row; `None` for the end of the table.
    key: Option<K>,
    /// Its place, or that of the next row if it is no longer in the table.
    place: usize,
    is_gone: bool,
}

/// The bookmarks of a table whose rows have keys of the type `K`.
#[derive(Debug)]
pub(crate) struct Bookmarks<K> {
    by_id: BTreeMap<u32, Bookmark<K>>,
    last: u32,
}

impl<K> Default for Bookmarks<K> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), last: 0 }
    }
}

impl<K: Copy + Eq + Hash> Bookmarks<K> {
    /// A new bookmark on the row at `place`. `None` if there are too many.
    pub(crate) fn create(&mut self, rows: &[K], place: usize) -> Option<Vec<u8>> {
        self.last = self.last.checked_add(1).filter(|_| self.by_id.len() < BOOKMARKS_MAX)?;
        let key = rows.get(place).copied();
        self.by_id.insert(self.last, Bookmark { key, place: place.min(rows.len()), is_gone: false });
        Some(self.last.to_le_bytes().to_vec())
    }

    /// The place to which a bookmark points, and whether its row is no longer in the table: then it is that of the next
    /// row. `None` if there is no such bookmark.
    pub(crate) fn place(&self, bookmark: &[u8]) -> Option<(usize, bool)> {
        let found = self.by_id.get(&u32::from_le_bytes(bookmark.try_into().ok()?))?;
        Some((found.place, found.is_gone))
    }

    /// Frees a bookmark. Returns whether there was one.
    pub(crate) fn free(&mut self, bookmark: &[u8]) -> bool {
        let id = bookmark.try_into().map(u32::from_le_bytes);
        id.is_ok_and(|id| self.by_id.remove(&id).is_some())
    }

    pub(crate) fn clear(&mut self) {
        self.by_id.clear();
    }

    /// Follows the rows of a table that change from `before` to `after`.
    pub(crate) fn follow(&mut self, before: &[K], after: &[K]) {
        if self.by_id.is_empty() {
            return;
        }
        let places: HashMap<K, usize> = after.iter().copied().zip(0..).collect();
        for bookmark in self.by_id.values_mut() {
            let Some(key) = bookmark.key else {
                bookmark.place = after.len();
                continue;
            };
            bookmark.is_gone = !places.contains_key(&key);
            let rest = before.get(bookmark.place..).unwrap_or_default();
            let next = std::iter::once(&key).chain(rest).find_map(|key| places.get(key));
            bookmark.place = next.copied().unwrap_or(after.len());
        }
    }
}
