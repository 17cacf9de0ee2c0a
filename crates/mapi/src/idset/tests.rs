//! Tests of id sets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wire::{Decode, Encode, ErrorKind, Guid};

use super::*;
use crate::data::{FolderId, Gid, GlobalCounter, MessageId};

fn counter(value: u64) -> GlobalCounter {
    GlobalCounter::new(value).unwrap()
}

fn range(low: u64, high: u64) -> GlobRange {
    GlobRange::new(counter(low), counter(high)).unwrap()
}

fn shown(bytes: &[u8]) -> String {
    let set = Globset::from_bytes(bytes).unwrap();
    assert_eq!(set.to_bytes().unwrap(), bytes, "encodes to the same bytes");
    let again: Globset = set.ranges().collect();
    assert_eq!(Globset::from_bytes(&again.to_bytes().unwrap()), Ok(set.clone()), "as written by the encoder");
    set.to_string()
}

fn written(ranges: &[(u64, u64)]) -> Vec<u8> {
    let set: Globset = ranges.iter().map(|(low, high)| range(*low, *high)).collect();
    set.to_bytes().unwrap()
}

#[test]
fn each_command_is_decoded() {
    assert_eq!(shown(&[0]), "{}");
    assert_eq!(shown(&[6, 0, 0, 0, 0, 0, 9, 0]), "{9}");
    assert_eq!(shown(&[0x52, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xD1, 0x23, 0]), "{1-d123}");
    assert_eq!(
        shown(&[4, 0, 0, 0, 1, 2, 0, 5, 2, 0, 7, 0x52, 1, 0, 1, 9, 0x50, 0]),
        "{10005,10007,10100-10109}"
    );
    assert_eq!(shown(&[5, 0, 0, 0, 0, 1, 0x42, 0x10, 0b1000_0111, 0x50, 0]), "{110-113,118}");
    assert_eq!(shown(&[5, 0, 0, 0, 0, 1, 0x42, 0xF7, 0xFF, 0x50, 0]), "{1f7-1ff}");
    assert_eq!(shown(&[2, 0, 0, 3, 0, 0, 1, 1, 7, 0x50, 0x50, 6, 0, 0, 0, 0, 0, 1, 0]), "{1,107}");
}

#[test]
fn unusual_encodings_round_trip() {
    assert_eq!(shown(&[0x50, 0]), "{}", "nothing to pop");
    assert_eq!(shown(&[5, 0, 0, 0, 0, 1, 0]), "{}", "nothing popped");
    assert_eq!(
        shown(&[6, 0, 0, 0, 0, 0, 9, 6, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 1, 0]),
        "{1,9}",
        "out of order"
    );
    assert_eq!(
        shown(&[0x52, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0x52, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 9, 0]),
        "{1-9}"
    );
}

#[test]
fn malformed_sets_are_refused() {
    for bytes in [
        &[][..],
        &[7, 0, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0x42, 1, 1, 0],
        &[4, 0, 0, 0, 0, 0x42, 1, 1, 0],
        &[5, 0, 0, 0, 0, 0, 0x42, 0xF8, 0x80, 0],
        &[5, 0, 0, 0, 0, 0, 0x52, 2, 1, 0],
        &[6, 0, 0, 0, 0, 0, 1],
    ] {
        assert!(Globset::from_bytes(bytes).is_err(), "{bytes:x?}");
    }
    let error = Globset::from_bytes(&[0x99]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Invalid { found: 0x99, .. }), "{error}");
}

#[test]
fn two_to_the_48_ids_cost_one_range() {
    let bytes = [&[1, 0, 0x52][..], &[0xFF; 6], &[0]].concat();
    assert!(Globset::from_bytes(&bytes).is_err(), "the command has five bytes, not six");
    let bytes = [&[0x52][..], &[0; 6], &[0xFF; 6], &[0]].concat();
    let mut set = Globset::from_bytes(&bytes).unwrap();
    assert_eq!((set.len(), set.ranges().len()), (1 << 48, 1));
    assert!(set.contains(0) && set.contains(0xFFFF_FFFF_FFFF));
    set.remove(range(7, 7));
    assert_eq!((set.len(), set.to_string()), ((1 << 48) - 1, "{0-6,8-ffffffffffff}".to_owned()));
    set.insert(range(7, 7));
    assert_eq!(set.to_bytes().unwrap(), bytes);
}

#[test]
fn the_encoder_writes_the_shortest_form() {
    assert_eq!(written(&[]), [0]);
    assert_eq!(written(&[(9, 9)]), [6, 0, 0, 0, 0, 0, 9, 0]);
    assert_eq!(written(&[(1, 0x1_2345)]), [3, 0, 0, 0, 0x52, 0, 0, 1, 1, 0x23, 0x45, 0x50, 0]);
    assert_eq!(written(&[(1, 1), (3, 3), (9, 9)]), [5, 0, 0, 0, 0, 0, 0x42, 1, 0b1000_0010, 0x50, 0]);
    assert_eq!(written(&[(1, 1), (0x10, 0x12)]), [5, 0, 0, 0, 0, 0, 1, 1, 0x52, 0x10, 0x12, 0x50, 0]);
    let far = written(&[(1, 2), (4, 4), (0x10_0000, 0x10_0000)]);
    assert_eq!(far, [3, 0, 0, 0, 2, 0, 0, 0x42, 1, 0b101, 0x50, 3, 0x10, 0, 0, 0x50, 0]);
}

#[test]
fn sets_have_a_replica_before_each_globset() {
    let bytes = [1, 0, 6, 0, 0, 0, 0, 0, 9, 0, 2, 0, 5, 0, 0, 0, 0, 0, 0x52, 1, 5, 0x50, 0];
    let mut set = ReplIdSet::from_bytes(&bytes).unwrap();
    assert_eq!((set.to_string().as_str(), set.len()), ("0001:{9} 0002:{1-5}", 6));
    assert_eq!(set.to_bytes().unwrap(), bytes);
    assert!(set.contains_folder(FolderId::new(2, counter(3))));
    assert!(!set.contains_message(MessageId::new(1, counter(3))));
    set.insert(ReplId(1), counter(10));
    set.insert(ReplId(7), counter(1));
    set.remove(ReplId(2), counter(5));
    assert_eq!(set.to_string(), "0001:{9-a} 0002:{1-4} 0007:{1}");
    let mut other = ReplIdSet::default();
    other.insert_range(ReplId(9), range(1, 2));
    other.union(&set);
    assert_eq!((other.len(), other.ranges().count(), other.is_empty()), (9, 4, false));

    let bytes = [&[7; 16][..], &[6, 0, 0, 0, 0, 0, 9, 0]].concat();
    let set = ReplGuidSet::from_bytes(&bytes).unwrap();
    let id = Gid { replica: Guid::from_le([7; 16]), global_counter: counter(9) };
    assert!(set.contains_id(&id));
    let twice = ReplGuidSet::from_bytes(&[&bytes[..], &[7; 16], &[6, 0, 0, 0, 0, 0, 8, 0]].concat()).unwrap();
    assert_eq!(twice.counters(Guid::from_le([7; 16])).to_string(), "{8-9}");
    assert!(!set.contains_id(&Gid::default()));
    assert!(ReplGuidSet::from_bytes(&bytes[..23]).is_err());
    assert!(ReplGuidSet::from_bytes(&[]).unwrap().is_empty());
}

/// The example of [MS-OXCFXICS] 4.4.
#[test]
fn the_ids_of_the_example_are_arranged_by_replica_and_range() {
    let ids = [(1, 0x5), (1, 0x6), (1, 0x10), (2, 0x9)];
    let mut set = ReplIdSet::default();
    for (replica, id) in ids {
        set.insert(ReplId(replica), counter(id));
    }
    assert_eq!(set.to_string(), "0001:{5-6,10} 0002:{9}");
    let read = ReplIdSet::from_bytes(&set.to_bytes().unwrap()).unwrap();
    assert!(ids.iter().all(|(replica, id)| read.contains_message(MessageId::new(*replica, counter(*id)))));
    assert_eq!(read.len(), 4);
}

fn pairs() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let near = (0u64..2000, 0u64..20).prop_map(|(low, length)| (low, low + length));
    let far = (0..=GlobalCounter::MAX, 0..=GlobalCounter::MAX)
        .prop_map(|(one, other)| (one.min(other), one.max(other)));
    let single = (0u64..0x200_0000).prop_map(|low| (low, low));
    prop::collection::vec(prop_oneof![4 => near, 1 => far, 2 => single], 0..40)
}

proptest! {
    #[test]
    fn encoding_and_decoding_ranges_is_lossless(pairs in pairs()) {
        let set: Globset = pairs.iter().map(|(low, high)| range(*low, *high)).collect();
        let mut one_by_one = Globset::default();
        for (low, high) in &pairs {
            one_by_one.insert(range(*low, *high));
        }
        prop_assert_eq!(&set, &one_by_one);
        let bytes = set.to_bytes().unwrap();
        let read = Globset::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read, &set);
        prop_assert!(read.ranges().zip(read.ranges().skip(1)).all(|(one, next)| one.high() + 1 < next.low()));
        for (low, high) in pairs {
            prop_assert!(read.contains(low) && read.contains(high));
        }
    }

    #[test]
    fn a_set_contains_the_inserted_and_not_removed_ids(steps in prop::collection::vec((any::<bool>(), 0u64..300, 0u64..10), 0..60)) {
        let (mut set, mut model) = (Globset::default(), BTreeSet::new());
        for (is_added, low, length) in steps {
            let numbers = low..=low + length;
            if is_added {
                set.insert(range(low, low + length));
                model.extend(numbers);
            } else {
                set.remove(range(low, low + length));
                model.retain(|known| !numbers.contains(known));
            }
            prop_assert_eq!(set.len(), u64::try_from(model.len()).unwrap());
        }
        prop_assert!((0..400).all(|number| set.contains(number) == model.contains(&number)));
        prop_assert_eq!(Globset::from_bytes(&set.to_bytes().unwrap()).unwrap(), set);
    }

    #[test]
    fn the_difference_and_the_intersection_of_sets_have_the_ids_that_one_or_both_contain(
        a in prop::collection::vec((0u64..60, 0u64..9), 0..9),
        b in prop::collection::vec((0u64..60, 0u64..9), 0..9),
    ) {
        let set = |pairs: &[(u64, u64)]| pairs.iter().map(|(low, length)| range(*low, low + length)).collect();
        let (a, b): (Globset, Globset) = (set(&a), set(&b));
        let (only_a, both) = (a.difference(&b), a.intersection(&b));
        for id in 0..80 {
            prop_assert_eq!(only_a.contains(id), a.contains(id) && !b.contains(id));
            prop_assert_eq!(both.contains(id), a.contains(id) && b.contains(id));
        }
        for set in [only_a, both] {
            prop_assert!(set.ranges().zip(set.ranges().skip(1)).all(|(one, next)| one.high() + 1 < next.low()));
        }
    }

    #[test]
    fn decoding_and_encoding_bytes_is_lossless(bytes in prop::collection::vec(prop_oneof![0u8..7, Just(0x42), Just(0x50), Just(0x52), any::<u8>()], 0..40)) {
        if let Ok(set) = ReplIdSet::from_bytes(&bytes) {
            prop_assert_eq!(set.to_bytes().unwrap(), bytes);
        }
    }
}
