//! Oracle: id sets.

use mapi::idset::{Globset, ReplGuidSet, ReplIdSet};
use wire::{Decode, Encode};

use super::stubs::same_bytes;
use crate::input::Input;

/// Sets of ids.
///
/// The first byte selects what the rest is: 0 a set with replica numbers, 1 a set with GUIDs, 2 two sets of
/// counters. A decoded set is encoded to the same bytes; its ranges are sorted and have gaps between them; the
/// encoder's own form is decoded as the same set; the union of two sets contains all of both, and a difference
/// nothing of the second.
///
/// # Panics
/// If one of these properties is violated.
pub fn idsets(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => {
            let Some(set) = same_bytes::<ReplIdSet>(input.rest()) else { return };
            set.replicas.iter().for_each(|(_, globset)| check(globset));
            let mut all = ReplIdSet::default();
            all.union(&set);
            assert!(set.ranges().all(|(_, range)| range.len() <= all.len()));
        }
        1 => {
            let Some(set) = same_bytes::<ReplGuidSet>(input.rest()) else { return };
            set.replicas.iter().for_each(|(_, globset)| check(globset));
            let _ = set.to_string();
        }
        _ => {
            let one = same_bytes::<Globset>(input.block());
            let other = same_bytes::<Globset>(input.rest());
            if let (Some(one), Some(other)) = (one, other) {
                both(&one, &other);
            }
        }
    }
}

fn check(set: &Globset) {
    let ranges: Vec<_> = set.ranges().collect();
    assert!(ranges.is_sorted_by(|one, next| one.high() + 1 < next.low()), "sorted, with gaps");
    assert!(ranges.iter().all(|range| set.contains(range.low()) && set.contains(range.high())));
    let own: Globset = ranges.into_iter().collect();
    let written = own.to_bytes().expect("it can be written");
    assert_eq!(Globset::from_bytes(&written).as_ref(), Ok(set), "it reads as the same");
}

fn both(one: &Globset, other: &Globset) {
    check(one);
    check(other);
    let mut all = one.clone();
    all.union(other);
    check(&all);
    assert!(all.len() <= one.len().saturating_add(other.len()) && all.len() >= one.len().max(other.len()));
    let mut inserted = one.clone();
    let mut removed = all.clone();
    for range in other.ranges() {
        inserted.insert(range);
        removed.remove(range);
        assert!(!removed.contains(range.low()) && !removed.contains(range.high()));
    }
    assert_eq!(inserted, all);
    check(&removed);
    assert_eq!(removed.len() + other.len(), all.len());
}
