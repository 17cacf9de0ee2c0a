//! Tests of property rows.

use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::{layout, plain};
use super::*;
use crate::ErrorCode;

const COLUMNS: [PropTag; 3] = [
    PropTag::new(0x6748, PropType::PtypInteger64),
    PropTag::PidTagDisplayName,
    PropTag::new(0x0FFF, PropType::PtypBinary),
];

/// A row of a response to `RopFindRow` in the hierarchy of a mailbox: the id, the name and the class of a folder.
#[test]
fn a_recorded_row_is_decoded() {
    let bytes = hex("00 010000000000000d 49006e0062006f0078000000 4900500046002e004e006f00740065000000");
    let columns = [
        PropTag::new(0x6748, PropType::PtypInteger64),
        PropTag::PidTagDisplayName,
        PropTag::new(0x3613, PropType::PtypString),
    ];
    let row = whole(&bytes, |r| PropertyRow::read(r, &columns, Layout::Rop)).unwrap();
    assert_eq!(row.get(&columns, PropTag::PidTagDisplayName), Some(&"Inbox".into()));
    assert_eq!(row.value(2).unwrap().to_string(), "\"IPF.Note\"");
    assert_eq!(written(|w| row.write(w, &columns, Layout::Rop)), bytes);
}

#[test]
fn flagged_rows_have_the_error_of_an_absent_value() {
    let bytes = hex("01 00 0100000000000123 0a 0f010480 01");
    let row = whole(&bytes, |r| PropertyRow::read(r, &COLUMNS, Layout::Rop)).unwrap();
    assert_eq!(row.value(0), Some(&PropertyValue::Integer64(0x2301_0000_0000_0001)));
    assert_eq!((row.value(1), row.error(1)), (None, Some(ErrorCode::MAPI_E_NOT_FOUND)));
    assert_eq!((row.value(2), row.error(2)), (None, Some(ErrorCode::MAPI_E_NOT_FOUND)));
    assert_eq!(written(|w| row.write(w, &COLUMNS, Layout::Rop)), bytes);
    assert!(whole(&hex("02"), |r| PropertyRow::read(r, &[], Layout::Rop)).is_err());
    assert!(whole(&hex("01 02"), |r| PropertyRow::read(r, &COLUMNS[..1], Layout::Rop)).is_err());
}

#[test]
fn values_of_untyped_columns_have_the_type_before_the_flag() {
    let columns = [PropTag::new(0x3001, PropType::PtypUnspecified); 3];
    let bytes = hex("01 1f00 00 41000000 1f00 01 0b00 0a 02010480");
    let row = whole(&bytes, |r| PropertyRow::read(r, &columns, Layout::Rop)).unwrap();
    assert_eq!(row.value(0), Some(&"A".into()));
    let expected = FlaggedValue::Error(PropType::PtypBoolean, ErrorCode::MAPI_E_NO_SUPPORT);
    assert!(matches!(&row, PropertyRow::Flagged(values) if values[2] == expected));
    assert_eq!(written(|w| row.write(w, &columns, Layout::Rop)), bytes);
    let bytes = hex("00 1f00 41000000 0200 0500 0b00 01");
    let row = whole(&bytes, |r| PropertyRow::read(r, &columns, Layout::Rop)).unwrap();
    assert_eq!(row.value(1), Some(&PropertyValue::Integer16(5)));
    assert_eq!(written(|w| row.write(w, &columns, Layout::Rop)), bytes);
}

#[test]
fn a_row_that_does_not_fit_its_columns_is_not_encoded() {
    let row = PropertyRow::Standard(vec![PropertyValue::Integer32(1)]);
    let mut w = Writer::new();
    assert!(row.write(&mut w, &[], Layout::Rop).is_err());
    assert!(row.write(&mut w, &COLUMNS[..1], Layout::Rop).is_err());
    let flagged = PropertyRow::Flagged(vec![FlaggedValue::Value(PropertyValue::Integer32(1))]);
    assert!(flagged.write(&mut w, &COLUMNS[..1], Layout::Rop).is_err());
}

#[test]
fn new_rows_are_flagged_only_if_values_are_absent() {
    let number = || Some(PropertyValue::Integer64(1));
    let full = PropertyRow::new(&COLUMNS[..2], vec![number(), Some("A".into())]);
    assert!(matches!(full, PropertyRow::Standard(_)));
    let error = PropertyValue::Error(ErrorCode::MAPI_E_NO_ACCESS);
    let row = PropertyRow::new(&COLUMNS, vec![number(), Some(error), None]);
    assert_eq!(
        (row.error(1), row.error(2)),
        (Some(ErrorCode::MAPI_E_NO_ACCESS), Some(ErrorCode::MAPI_E_NOT_FOUND))
    );
    assert!(row.write(&mut Writer::new(), &COLUMNS, Layout::Rop).is_ok());
}

#[test]
fn values_without_bytes_are_bounded() {
    let columns = [PropTag::new(0x6700, PropType::PtypNull); 4000];
    let error = whole(&[0], |r| PropertyRow::read(r, &columns, Layout::Rop)).unwrap_err();
    assert_eq!(error.field, "ValueArray");
    assert!(whole(&[0], |r| PropertyRow::read(r, &columns[..30], Layout::Rop)).is_ok());
}

/// Columns, each with a value of its type.
fn columns() -> impl Strategy<Value = (Layout, Vec<PropTag>, Vec<PropertyValue>)> {
    let one = |layout| (any::<u16>(), any::<bool>(), plain(layout, 0));
    layout().prop_flat_map(move |layout| {
        vec(one(layout), 0..8).prop_map(move |cells| {
            let cells = cells.into_iter().map(|(id, typed, value)| {
                let tag = PropTag::new(id, value.prop_type());
                if typed {
                    let value = PropertyValue::Typed(Box::new(TypedValue::new(value)));
                    return (tag.with_type(PropType::PtypUnspecified), value);
                }
                (tag, value)
            });
            let (columns, values) = cells.unzip();
            (layout, columns, values)
        })
    })
}

proptest! {
    #[test]
    fn standard_rows_round_trip((layout, columns, values) in columns()) {
        let row = PropertyRow::Standard(values);
        let bytes = written(|w| row.write(w, &columns, layout));
        prop_assert_eq!(whole(&bytes, |r| PropertyRow::read(r, &columns, layout)), Ok(row.clone()));
    }

    #[test]
    fn flagged_rows_round_trip((layout, columns, values) in columns(), choices in vec(0..3u8, 8), code: u32) {
        let cells = values.into_iter().zip(choices).map(|(value, choice)| {
            let prop_type = value.untyped().prop_type();
            match choice {
                0 => FlaggedValue::Value(value),
                1 => FlaggedValue::Absent(prop_type),
                _ => FlaggedValue::Error(prop_type, ErrorCode(code)),
            }
        });
        let row = PropertyRow::Flagged(cells.collect());
        let bytes = written(|w| row.write(w, &columns, layout));
        prop_assert_eq!(whole(&bytes, |r| PropertyRow::read(r, &columns, layout)), Ok(row.clone()));
        prop_assert_eq!(row.iter(&columns).count(), columns.len());
    }
}
