//! The order of the rows of a table, and their categories ([MS-OXCTABL] 2.2.2.3.1).

use std::cmp::Ordering;
use std::collections::HashMap;

use mapi::data::{Order, SortOrder};
use mapi::property::{Layout, PropertyValue};
use ring::digest::{Context, SHA256};
use wire::Writer;

use crate::directory::fold;
use crate::session::table::{Category, Key, Table};
use crate::values::compare::sort_order;

/// A row before it is sorted, with its values of the sort columns.
pub(super) struct Listed {
    pub(super) key: Key,
    pub(super) values: Vec<Option<PropertyValue>>,
    pub(super) is_unread: bool,
}

impl Listed {
    fn value(&self, column: usize) -> Option<&PropertyValue> {
        self.values.get(column).and_then(Option::as_ref)
    }
}

/// The order of two rows by the sort columns `columns`.
fn compare(orders: &[SortOrder], columns: std::ops::Range<usize>, a: &Listed, b: &Listed) -> Ordering {
    let one = |column: usize| {
        let ascending = sort_order(a.value(column), b.value(column));
        match orders.get(column).map(|order| order.order) {
            Some(Order::Descending) => ascending.reverse(),
            Some(Order::MaximumCategory) => Ordering::Equal,
            _ => ascending,
        }
    };
    columns.map(one).fold(Ordering::Equal, Ordering::then)
}

/// The rows of a table in their order, with the headers of their categories, without those in collapsed categories.
pub(super) fn arranged(table: &Table, mut listed: Vec<Listed>) -> (Vec<Key>, HashMap<u64, Category>) {
    let (orders, levels) = (&table.sort, table.category_levels);
    if !orders.is_empty() {
        listed.sort_by(|a, b| compare(orders, 0..orders.len(), a, b));
        if levels > 0 && orders.get(levels).is_some_and(|order| order.order == Order::MaximumCategory) {
            listed = by_maximum(orders, levels, listed);
        }
    }
    if levels == 0 {
        return (listed.into_iter().map(|row| row.key).collect(), HashMap::new());
    }
    let (mut rows, mut categories) = (Vec::new(), HashMap::new());
    // The categories of the row before, from the first level on.
    let mut path: Vec<u64> = Vec::new();
    let mut before: Option<&Listed> = None;
    for row in &listed {
        let same = (0..levels).take_while(|level| {
            before.is_some_and(|before| sort_order(before.value(*level), row.value(*level)).is_eq())
        });
        path.truncate(same.count());
        for level in path.len()..levels {
            let values: Vec<_> = row.values.iter().take(level.saturating_add(1)).cloned().collect();
            let id = category_id(&values);
            let is_expanded = (level < table.expanded_levels) != table.toggled.contains(&id);
            if is_open(&categories, &path) {
                rows.push(Key::Category(id));
            }
            categories.insert(id, Category { level, values, count: 0, unread: 0, is_expanded });
            path.push(id);
        }
        for id in &path {
            if let Some(category) = categories.get_mut(id) {
                category.count = category.count.saturating_add(1);
                category.unread = category.unread.saturating_add(u32::from(row.is_unread));
            }
        }
        if is_open(&categories, &path) {
            rows.push(row.key);
        }
        before = Some(row);
    }
    (rows, categories)
}

/// Whether all categories of `path` are expanded.
fn is_open(categories: &HashMap<u64, Category>, path: &[u64]) -> bool {
    path.iter().all(|id| categories.get(id).is_some_and(|category| category.is_expanded))
}

/// Sorts the categories of the last level by the largest value that their rows have in the column after the categories'
/// own ([MS-OXCTABL] 2.2.2.3.1). `listed` is sorted by the categories' own columns.
fn by_maximum(orders: &[SortOrder], levels: usize, listed: Vec<Listed>) -> Vec<Listed> {
    let last = levels.saturating_sub(1);
    let descends = orders.get(last).is_some_and(|order| order.order == Order::Descending);
    let mut groups: Vec<Vec<Listed>> = Vec::new();
    for row in listed {
        match groups.last_mut() {
            Some(group)
                if group.first().is_some_and(|first| compare(orders, 0..levels, first, &row).is_eq()) =>
            {
                group.push(row);
            }
            _ => groups.push(vec![row]),
        }
    }
    let maximum = |group: &[Listed]| {
        let values = group.iter().map(|row| row.values.get(levels).cloned().flatten());
        values.max_by(|a, b| sort_order(a.as_ref(), b.as_ref())).flatten()
    };
    let mut groups: Vec<_> = groups.into_iter().map(|group| (maximum(&group), group)).collect();
    groups.sort_by(|(a, first), (b, second)| {
        let above = match (first.first(), second.first()) {
            (Some(first), Some(second)) => compare(orders, 0..last, first, second),
            _ => Ordering::Equal,
        };
        let ascending = sort_order(a.as_ref(), b.as_ref());
        above.then(if descends { ascending.reverse() } else { ascending })
    });
    groups.into_iter().flat_map(|(_, group)| group).collect()
}

/// The id of the category with these values: the same whenever the table has it. It is no id of a message, since the
/// number of its replica is zero.
fn category_id(values: &[Option<PropertyValue>]) -> u64 {
    let mut digest = Context::new(&SHA256);
    for value in values {
        let mut w = Writer::new();
        match value {
            None => {}
            Some(PropertyValue::Unicode(text)) => {
                w.bytes(fold(&text.to_string_lossy()).as_bytes());
            }
            // A value that cannot be encoded is too long for a row.
            Some(value) => drop(value.write(&mut w, Layout::Wide)),
        }
        digest.update(&[u8::from(value.is_some())]);
        digest.update(&u64::try_from(w.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(w.as_slice());
    }
    let digest = digest.finish();
    let mut id = [0; 8];
    for (to, from) in id.iter_mut().skip(2).zip(digest.as_ref()) {
        *to = *from;
    }
    u64::from_le_bytes(id)
}
