//! Bounds the size of tables.

use std::collections::HashMap;
use std::hash::Hash;

use tokio::time::Instant;

/// Removes the least recently used eighth of `table` if it has no room for `key`, and returns it.
pub(super) fn make_room<K: Eq + Hash, V>(
    table: &mut HashMap<K, V>,
    key: &K,
    most: usize,
    last: impl Fn(&V) -> Instant,
) -> Vec<(K, V)> {
    if table.len() < most || table.contains_key(key) {
        return Vec::new();
    }
    let mut times: Vec<Instant> = table.values().map(&last).collect();
    let (_, until, _) = times.select_nth_unstable(most / 8);
    let until = *until;
    table.extract_if(|_, value| last(value) <= until).collect()
}
