use wire::{FileTime, Utf16};

use super::*;
use crate::ErrorCode;

#[track_caller]
fn shows(value: &PropertyValue, expected: &str) {
    assert_eq!(value.to_string(), expected);
}

#[test]
fn values_read_well() {
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
    shows(&PropertyValue::OddBoolean(2), "true (0x02)");
    shows(&PropertyValue::Unicode(Utf16(vec![0x22, 0xD800])), "\"\\\"\u{fffd}\"");
}

#[test]
fn times_are_those_of_the_calendar() {
    let time = |steps| PropertyValue::Time(FileTime(steps));
    shows(&time(0), "1601-01-01T00:00:00Z");
    shows(&time(0x019d_b1de_d53e_8000), "1970-01-01T00:00:00Z");
    // The leap day of a year that four hundred divide, and a tick after its last second began.
    shows(&time(125_963_423_990_000_001), "2000-02-29T23:59:59.0000001Z");
    shows(&time(125_963_424_000_000_000), "2000-03-01T00:00:00Z");
    shows(&time(133_800_768_000_000_000), "2024-12-31T00:00:00Z");
    shows(&time(94_353_984_000_000_000), "1899-12-31T00:00:00Z");
    shows(&time(2_650_467_743_990_000_000), "9999-12-31T23:59:59Z");
    shows(&time(u64::MAX), "time 0xffffffffffffffff");
}

#[test]
fn restrictions_put_brackets_where_they_matter() {
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
