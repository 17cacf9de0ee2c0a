//! Tests of malformed property values.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::arbitrary::{LAYOUTS, plain, restriction, rule_action};
use super::*;
use crate::data::RuleAction;

/// Every type that begins with or contains a count.
const COUNTED: [PropType; 17] = [
    PropType::PtypBinary,
    PropType::PtypObject,
    PropType::PtypServerId,
    PropType::PtypRestriction,
    PropType::PtypRuleAction,
    PropType::PtypMultipleInteger16,
    PropType::PtypMultipleInteger32,
    PropType::PtypMultipleInteger64,
    PropType::PtypMultipleFloating32,
    PropType::PtypMultipleFloating64,
    PropType::PtypMultipleCurrency,
    PropType::PtypMultipleFloatingTime,
    PropType::PtypMultipleString8,
    PropType::PtypMultipleString,
    PropType::PtypMultipleTime,
    PropType::PtypMultipleGuid,
    PropType::PtypMultipleBinary,
];

#[test]
fn counts_of_four_billion_are_refused() {
    for layout in LAYOUTS {
        for prop_type in COUNTED {
            if layout.marks_absent_values() && prop_type == PropType::PtypObject {
                continue;
            }
            let mut bytes = if prop_type == PropType::PtypRestriction { vec![0] } else { vec![] };
            bytes.extend([0xFF; 40]);
            assert!(PropertyValue::read(&mut Reader::new(&bytes), prop_type, layout).is_err(), "{prop_type}");
        }
        let bytes = [0xFF; 16];
        assert!(PropertyList::read_counted32(&mut Reader::new(&bytes), layout).is_err());
        assert!(PropertyList::read(&mut Reader::new(&bytes), usize::MAX, layout).is_err());
    }
    let bytes = [0xFF; 16];
    assert!(whole(&bytes, |r| wire::Decode::decode(r).map(|tags: LargePropertyTagArray| tags)).is_err());
    assert!(read_tags(&mut Reader::new(&bytes), usize::MAX, "PropertyTags").is_err());
}

/// Nested lists that each claim all the remaining bytes must not allocate memory in advance.
#[test]
fn nested_counts_allocate_nothing_in_advance() {
    let bytes = [0x00, 0xFF, 0x7F].repeat(20_000);
    assert!(Restriction::from_bytes(&bytes, Layout::Rop).is_err());
}

/// Checks that every truncation of a structure is an error, and does not panic.
fn cut_anywhere<T>(bytes: &[u8], mut read: impl FnMut(&mut Reader<'_>) -> Result<T>) {
    for end in 0..bytes.len() {
        assert!(whole(&bytes[..end], &mut read).is_err(), "cut at {end} of {}", bytes.len());
    }
}

#[test]
fn truncated_structures_are_refused() {
    let mut runner = TestRunner::deterministic();
    for layout in LAYOUTS {
        for _ in 0..100 {
            let value = plain(layout, 1).new_tree(&mut runner).unwrap().current();
            let bytes = written(|w| value.write(w, layout));
            cut_anywhere(&bytes, |r| PropertyValue::read(r, value.prop_type(), layout));
            let one = restriction(layout, 1).new_tree(&mut runner).unwrap().current();
            cut_anywhere(&one.to_bytes(layout).unwrap(), |r| Restriction::read(r, layout));
            let actions = rule_action(layout, 1).new_tree(&mut runner).unwrap().current();
            cut_anywhere(&written(|w| actions.write(w, layout)), |r| RuleAction::read(r, layout));
        }
    }
}
