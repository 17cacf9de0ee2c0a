//! Tests of restrictions.

use proptest::prelude::*;
use wire::ErrorKind;

use super::arbitrary::{LAYOUTS, layout, restriction};
use super::*;

/// Restrictions that a client sent with `RopRestrict` and `RopFindRow`, with their text form.
const RECORDED: [(&str, &str); 12] = [
    ("03 01000100 1f003700 1f003700 6500760065006e000000", "PidTagSubject contains \"even\" (ignoring case)"),
    (
        "01 0200 03 00000000 1f003700 1f003700 420075006c006b00200030003000330000 00 \
         03 02000000 1f003700 1f003700 420075006c006b00200030003000340000 00",
        "PidTagSubject is \"Bulk 003\" or PidTagSubject begins with \"Bulk 004\"",
    ),
    ("07 02 1f000010 f4010000", "size of PidTagBody > 500"),
    ("05 04 4000060e 40003900", "PidTagMessageDeliveryTime = PidTagClientSubmitTime"),
    ("02 08 1f001d0e", "not PidTagNormalizedSubject exists"),
    (
        "09 0d00120e 03 01000100 1f000130 1f000130 42006f0062000000",
        "one of PidTagMessageRecipients has (PidTagDisplayName contains \"Bob\" (ignoring case))",
    ),
    ("0b 03000000 08 1f003700", "the first 3 with PidTagSubject exists"),
    ("0a 01 03000165 01000000 01 08 1f003700", "PidTagSubject exists (comment: ["),
    ("06 01 0300070e 10000000", "PidTagMessageFlags has one of the bits 0x10"),
    ("09 0d00130e 08 03000537", "one of PidTagMessageAttachments has (PidTagAttachMethod exists)"),
    ("04 02 1f003700 1f003700 420075006c006b0020003000310000 00", "PidTagSubject > \"Bulk 01\""),
    (
        "03 01000100 1f001d0e 1f001d0e 720075006c0065002d006d0065000000",
        "PidTagNormalizedSubject contains \"rule-me\" (ignoring case)",
    ),
];

#[test]
fn recorded_restrictions_are_decoded() {
    for (text, words) in RECORDED {
        let bytes = hex(text);
        let restriction = Restriction::from_bytes(&bytes, Layout::Rop).unwrap();
        assert_eq!(restriction.to_bytes(Layout::Rop).unwrap(), bytes, "{text}");
        let shown = restriction.to_string();
        assert!(shown.starts_with(words), "{shown}");
    }
}

#[test]
fn the_layout_determines_the_width_of_counts() {
    let exist = || Restriction::Exist { tag: PropTag::PidTagTitle };
    let both = Restriction::And(vec![exist(), exist()]);
    let tail = "08 1f00173a 08 1f00173a";
    assert_eq!(both.to_bytes(Layout::Rop).unwrap(), hex(&format!("00 0200 {tail}")));
    for wide in [Layout::Wide, Layout::AddressBook, Layout::AddressBookNoRestrictionFlag] {
        assert_eq!(both.to_bytes(wide).unwrap(), hex(&format!("00 02000000 {tail}")));
    }
    // The count of a comment has one byte in every layout.
    let comment = Restriction::Comment { values: vec![], restriction: None };
    for layout in LAYOUTS {
        assert_eq!(comment.to_bytes(layout).unwrap(), hex("0a 00 00"));
    }
}

#[test]
fn address_book_restrictions_have_a_has_value_byte_before_the_value() {
    let value = TaggedValue::new(PropTag::PidTagAnr, "a".into());
    let anr =
        |value| Restriction::Property { relop: RelationalOperator::RELOP_EQ, tag: PropTag::PidTagAnr, value };
    let with = hex("04 04 1f000c36 ff 1f000c36 ff 61000000");
    let without = hex("04 04 1f000c36 1f000c36 ff 61000000");
    assert_eq!(anr(value.clone()).to_bytes(Layout::AddressBook).unwrap(), with);
    assert_eq!(Restriction::from_bytes(&with, Layout::AddressBook), Ok(anr(value.clone())));
    assert_eq!(Restriction::from_bytes(&without, Layout::AddressBookNoRestrictionFlag), Ok(anr(value)));
    assert!(Restriction::from_bytes(&without, Layout::AddressBook).is_err());
    let absent = anr(TaggedValue::absent());
    assert_eq!(Restriction::from_bytes(&hex("04 04 1f000c36 00"), Layout::AddressBook), Ok(absent.clone()));
    assert_eq!(absent.to_bytes(Layout::AddressBook).unwrap(), hex("04 04 1f000c36 00"));
    assert!(absent.to_bytes(Layout::Rop).is_err());
}

#[test]
fn ten_thousand_nested_restrictions_are_refused() {
    for layout in LAYOUTS {
        let count = if layout.is_wide() { vec![1, 0, 0, 0] } else { vec![1, 0] };
        for step in [vec![2], [vec![0], count.clone()].concat(), vec![0x0B, 1, 0, 0, 0], vec![0x0A, 0, 1]] {
            let mut bytes = step.repeat(10_000);
            bytes.extend([8, 0, 0, 0, 0]);
            let error = Restriction::from_bytes(&bytes, layout).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::TooDeep { .. }), "{error}");
            assert_eq!(error.to_string().split(':').next_back(), Some(" nested more than 64 deep"));
        }
    }
    let mut deep = Restriction::Exist { tag: PropTag(0) };
    for _ in 0..63 {
        deep = Restriction::Not(Box::new(deep));
    }
    let bytes = deep.to_bytes(Layout::Rop).unwrap();
    assert_eq!(Restriction::from_bytes(&bytes, Layout::Rop).as_ref(), Ok(&deep));
    let deeper = Restriction::Not(Box::new(deep));
    assert!(matches!(deeper.to_bytes(Layout::Rop).unwrap_err().kind, ErrorKind::TooDeep { .. }));
}

/// The limit includes restrictions in values of restrictions, and actions in values of actions.
#[test]
fn nesting_through_values_is_bounded() {
    let compare = hex("04 04 fd000000 fd000000");
    let bytes = [compare.repeat(10_000), hex("08 00000000")].concat();
    let error = Restriction::from_bytes(&bytes, Layout::Rop).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooDeep { .. }), "{error}");
    let mut value = PropertyValue::RuleAction(Box::default());
    for _ in 0..40 {
        let tag = crate::data::ActionData::Tag(TaggedValue::new(PropTag::new(1, PropType::PtypNull), value));
        let block = crate::data::ActionBlock::new(crate::data::ActionType::OP_TAG, tag);
        value = PropertyValue::RuleAction(Box::new(crate::data::RuleAction(vec![block])));
    }
    let bytes = written(|w| value.write(w, Layout::Rop));
    assert_eq!(
        whole(&bytes, |r| PropertyValue::read(r, PropType::PtypRuleAction, Layout::Rop)).as_ref(),
        Ok(&value)
    );
}

#[test]
fn unknown_operators_round_trip_and_large_ones_are_refused() {
    let bytes = hex("07 99 1f003700 01000000");
    let unknown = Restriction::from_bytes(&bytes, Layout::Rop).unwrap();
    assert_eq!(unknown.to_bytes(Layout::Rop).unwrap(), bytes);
    let relop = RelationalOperator(0x100);
    assert!(Restriction::Size { relop, tag: PropTag(0), size: 0 }.to_bytes(Layout::Rop).is_err());
    assert!(Restriction::from_bytes(&hex("0c"), Layout::Rop).is_err());
    assert!(Restriction::from_bytes(&hex("0a 00 02"), Layout::Rop).is_err());
}

proptest! {
    #[test]
    fn restrictions_round_trip((layout, restriction) in layout().prop_flat_map(|l| (Just(l), restriction(l, 1)))) {
        let bytes = restriction.to_bytes(layout).unwrap();
        prop_assert_eq!(Restriction::from_bytes(&bytes, layout), Ok(restriction.clone()));
        prop_assert!(!restriction.to_string().is_empty());
        let _ = restriction.children();
    }
}
