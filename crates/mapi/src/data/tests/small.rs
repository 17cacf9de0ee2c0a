//! Tests of typed strings, sort orders and property problems.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Decode, Encode, Utf16};

use super::arbitrary::{text8, unicode};
use super::*;
use crate::ErrorCode;
use crate::property::PropTag;

#[test]
fn typed_strings_are_reduced_if_possible() {
    for (text, bytes) in [("", "01"), ("Re: é", "03 52653a20e9 00"), ("π", "04 c003 0000")] {
        let bytes = hex(bytes);
        assert_eq!(TypedString::new(text).to_bytes().unwrap(), bytes);
        assert_eq!(TypedString::from_bytes(&bytes).unwrap().to_text().unwrap(), text);
    }
    assert_eq!(TypedString::from_bytes(&[0]).unwrap().to_text(), None);
    assert!(TypedString::from_bytes(&[5]).is_err());
    assert!(TypedString::from_bytes(&hex("03 52")).is_err());
    assert!(TypedString::Unicode(Utf16::from_units(vec![0x41, 0])).to_bytes().is_err());
}

#[test]
fn sort_orders_and_problems_are_laid_out_as_specified() {
    let bytes = hex("0200 0100 0000 1f003700 01 4000060e 04");
    let set = SortOrderSet::from_bytes(&bytes).unwrap();
    assert_eq!((set.categorized_count, set.expanded_count), (1, 0));
    assert_eq!(set.sort_orders[0].order, Order::Descending);
    assert_eq!(set.sort_orders[1].order, Order::MaximumCategory);
    assert_eq!(set.to_bytes().unwrap(), bytes);
    assert!(SortOrderSet::from_bytes(&hex("ffff 0000 0000 1f003700 01")).is_err());

    let bytes = hex("0100 0300 1f000130 05000780");
    let problems = PropertyProblemArray::from_bytes(&bytes).unwrap();
    assert_eq!(problems.0[0].error_code, ErrorCode::MAPI_E_NO_ACCESS);
    assert_eq!(problems.0[0].to_string(), "PidTagDisplayName_W: MAPI_E_NO_ACCESS");
    assert_eq!(problems.to_bytes().unwrap(), bytes);
    assert!(PropertyProblemArray::from_bytes(&hex("ffff 0300 1f000130 05000780")).is_err());
}

proptest! {
    #[test]
    fn sort_orders_round_trip(columns in vec(any::<(u32, u8)>(), 0..6), categorized_count: u16, expanded_count: u16) {
        let columns = columns.into_iter().map(|(tag, order)| SortOrder { tag: PropTag(tag), order: Order(order) });
        let set = SortOrderSet { categorized_count, expanded_count, sort_orders: columns.collect() };
        let bytes = set.to_bytes().unwrap();
        prop_assert_eq!(SortOrderSet::from_bytes(&bytes).unwrap(), set);
        for end in 0..bytes.len() {
            prop_assert!(SortOrderSet::from_bytes(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn property_problems_round_trip(problems in vec(any::<(u16, u32, u32)>(), 0..6)) {
        let problems = problems.into_iter().map(|(index, tag, code)| PropertyProblem {
            index,
            tag: PropTag(tag),
            error_code: ErrorCode(code),
        });
        let problems = PropertyProblemArray(problems.collect());
        let bytes = problems.to_bytes().unwrap();
        prop_assert_eq!(PropertyProblemArray::from_bytes(&bytes).unwrap(), problems);
        for end in 0..bytes.len() {
            prop_assert!(PropertyProblemArray::from_bytes(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn typed_strings_round_trip(text in prop_oneof![
        Just(TypedString::None),
        Just(TypedString::Empty),
        text8().prop_map(TypedString::String8),
        text8().prop_map(TypedString::ReducedUnicode),
        unicode().prop_map(TypedString::Unicode),
    ]) {
        let bytes = text.to_bytes().unwrap();
        prop_assert_eq!(TypedString::from_bytes(&bytes).unwrap(), text);
    }
}
