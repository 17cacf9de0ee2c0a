//! Tests of the text form of properties and restrictions.

use std::borrow::Cow;

use wire::{FileTime, Utf16};

use super::*;
use crate::ErrorCode;
use crate::inspect::{Inspect, Node};
use crate::property::restriction_display::PropertyTerms;
use crate::property::value::{ActionBlock, ActionData, ActionType};

#[track_caller]
fn shows(value: &PropertyValue, expected: &str) {
    assert_eq!(value.to_string(), expected);
}

#[test]
fn values_are_displayed_as_text() {
    shows(&"Grüße".into(), "\"Grüße\"");
    shows(
        &PropertyValue::from("x".repeat(200).as_str()),
        &format!("\"{}\"… (200 characters)", "x".repeat(120)),
    );
    shows(&PropertyValue::Binary(vec![0xAB]), "0xab (1 byte)");
    shows(&PropertyValue::Binary(vec![1; 40]), &format!("0x{}… (40 bytes)", "01".repeat(32)));
    shows(&PropertyValue::Currency(-12_345), "-1.2345");
    shows(&PropertyValue::Currency(i64::MIN), "-922337203685477.5808");
    shows(&PropertyValue::MultipleInteger32((0..10).collect()), "[0, 1, 2, 3, 4, 5, 6, 7, … 10 in all]");
    shows(&PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND), "MAPI_E_NOT_FOUND");
    shows(&PropertyValue::RawBoolean(2), "true (0x02)");
    shows(&PropertyValue::Unicode(Utf16::from_units(vec![0x22, 0xD800])), "\"\\\"\u{fffd}\"");
}

#[test]
fn times_are_displayed_as_iso_8601() {
    shows(&PropertyValue::Time(FileTime(0x019d_b1de_d53e_8000)), "1970-01-01T00:00:00Z");
}

#[test]
fn restrictions_are_displayed_with_the_necessary_parentheses() {
    let exist = |tag| Restriction::Exist { tag };
    let (title, account) = (exist(PropTag::PidTagTitle), exist(PropTag::PidTagAccount));
    let or = Restriction::Or(vec![title.clone(), account.clone()]);
    let and = Restriction::And(vec![title.clone(), Restriction::Not(Box::new(or))]);
    assert_eq!(and.to_string(), "PidTagTitle exists and not (PidTagTitle exists or PidTagAccount exists)");
    assert_eq!(Restriction::And(vec![]).to_string(), "anything");
    assert_eq!(Restriction::Or(vec![]).to_string(), "nothing");
    assert_eq!(Restriction::Or(vec![title]).to_string(), "PidTagTitle exists");
    let other = Restriction::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: PropTag::PidTagTitle,
        value: TaggedValue::new(PropTag::PidTagAccount, "x".into()),
    };
    assert_eq!(other.to_string(), "PidTagTitle = \"x\" (as PidTagAccount)");
    let level = FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE | FuzzyLevel::FL_LOOSE;
    let value = TaggedValue::new(PropTag::PidTagTitle, "x".into());
    let content = Restriction::Content { fuzzy_level: level, tag: PropTag::PidTagTitle, value };
    assert_eq!(content.to_string(), "PidTagTitle begins with \"x\" (ignoring case, loosely)");
}

/// The names of an address book.
struct Book;

impl PropertyTerms for Book {
    fn name(&self, tag: PropTag) -> Cow<'static, str> {
        tag.name().map_or("?".into(), Into::into)
    }

    fn meaning(&self, _: PropTag, _: &PropertyValue) -> Option<Node> {
        None
    }
}

#[test]
fn restrictions_are_displayed_with_the_given_names() {
    let named = Restriction::Not(Box::new(Restriction::Exist { tag: PropTag(0x8005_000D) }));
    assert_eq!(named.to_string(), "not 0x8005000d exists");
    assert_eq!(named.display_with(&Book).to_string(), "not PidTagAddressBookManager exists");
    let tagged = TaggedValue::new(PropTag(0x8005_001F), "x".into());
    assert_eq!(tagged.to_string(), "0x8005001f = \"x\"");
}

#[test]
fn ids_are_inspected_as_object_ids() {
    let columns = [PropTag::PidTagMid, PropTag::PidTagSourceKey, PropTag::PidTagEntryId];
    let values = vec![
        PropertyValue::Integer64(0x2301_0000_0000_0001),
        PropertyValue::Binary([&[0; 16][..], &[0, 0, 0, 0, 1, 2]].concat()),
        PropertyValue::Binary(vec![1, 2]),
    ];
    let expected = [
        ("PidTagMid", Node::Text("0001-000000000123".into())),
        ("PidTagSourceKey", Node::Text("00000000-0000-0000-0000-000000000000-000000000102".into())),
        ("PidTagEntryId", Node::Bytes(vec![1, 2])),
    ];
    let expected = Node::Fields(expected.into_iter().map(|(name, shown)| (name.into(), shown)).collect());
    assert_eq!(PropertyRow::Standard(values.clone()).node_with(&columns), expected);
    let list = columns.into_iter().zip(values).map(|(tag, value)| TaggedValue { tag, value });
    assert_eq!(PropertyList(list.collect()).to_node(), expected);
}

#[test]
fn the_alternate_display_is_not_shortened() {
    let whole = |value: PropertyValue, expected: &str| assert_eq!(format!("{value:#}"), expected);
    whole("x".repeat(200).as_str().into(), &format!("\"{}\"", "x".repeat(200)));
    whole(PropertyValue::Binary(vec![1; 40]), &format!("0x{} (40 bytes)", "01".repeat(40)));
    whole(PropertyValue::MultipleInteger32((0..10).collect()), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
    let absent = vec![1];
    let values = Box::new(PropertyValue::MultipleBinary(vec![vec![1; 40], vec![]]));
    let partly = PropertyValue::PartlyAbsent { values, absent };
    whole(partly, &format!("[0x{} (40 bytes), 0x (0 bytes)], of which 1 absent", "01".repeat(40)));
    // Within each kind of restriction that contains others.
    let tag = PropTag::PidTagRecordKey;
    let value = || TaggedValue { tag, value: PropertyValue::Binary(vec![1; 40]) };
    let equal =
        || Box::new(Restriction::Property { relop: RelationalOperator::RELOP_EQ, tag, value: value() });
    for restriction in [
        Restriction::Or(vec![*equal(), Restriction::And(vec![*equal(), *equal()])]),
        Restriction::Not(equal()),
        Restriction::SubObject { object: PropTag(0x0E12_000D), restriction: equal() },
        Restriction::Count { count: 1, restriction: equal() },
        Restriction::Comment { values: vec![value(); 9], restriction: Some(equal()) },
    ] {
        let shown = format!("{restriction:#}");
        assert!(shown.contains(&"01".repeat(40)) && !shown.contains('…'), "{shown}");
        assert!(restriction.to_string().contains('…'), "{restriction}");
    }
}

#[test]
fn values_in_restrictions_and_actions_are_decoded_as_those_of_properties() {
    let equals = |tag, value| {
        let value = TaggedValue { tag, value };
        Restriction::Property { relop: RelationalOperator::RELOP_EQ, tag, value }.to_string()
    };
    let id = PropertyValue::Integer64(0x2301_0000_0000_0001);
    assert_eq!(equals(PropTag::PidTagMid, id.clone()), "PidTagMid = \"0001-000000000123\"");
    let key = PropertyValue::Binary(b"EX:/O=LAB/CN=EVE\0".to_vec());
    let shown = equals(PropTag::PidTagSenderSearchKey, key);
    assert_eq!(shown, "PidTagSenderSearchKey = \"EX:/O=LAB/CN=EVE\"");
    let other = PropertyValue::Binary(b"EX:/O=LAB\x01\0".to_vec());
    let shown = equals(PropTag::PidTagSenderSearchKey, other);
    assert_eq!(shown, "PidTagSenderSearchKey = 0x45583a2f4f3d4c41420100 (11 bytes)");
    let tagged = TaggedValue { tag: PropTag::PidTagMid, value: id };
    assert_eq!(tagged.to_string(), "PidTagMid = \"0001-000000000123\"");
    let action = ActionBlock::new(ActionType::OP_TAG, ActionData::Tag(tagged));
    let field = |name: &'static str, node| (Cow::Borrowed(name), node);
    let property = Node::Fields(vec![field("PidTagMid", Node::Text("0001-000000000123".into()))]);
    let expected = vec![field("action", Node::Text("OP_TAG".into())), field("property", property)];
    assert_eq!(action.to_node(), Node::Fields(expected));
}
