//! Tests of rows that are decoded on demand.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wire::Bytes;

use super::super::by_columns::{FromRows, Rows};
use super::super::skip::length_of_rows;
use super::arbitrary::plain;
use super::*;

/// Types of single values, including undefined types.
const SINGLE: [u16; 22] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0A, 0x0B, 0x0D, 0x14, 0x1E, 0x1F, 0x40, 0x48, 0xFB,
    0xFD, 0xFE, 0x102, 0x08, 0x777,
];
/// The bits of a type for multiple values and for multivalue instances.
const MULTIPLE: [u16; 4] = [0, 0x1000, 0x2000, 0x3000];

fn any_type() -> impl Strategy<Value = PropType> {
    (select(&SINGLE[..]), select(&MULTIPLE[..])).prop_map(|(single, multiple)| PropType(single | multiple))
}

/// Bytes that are likely to be flags, counts and terminators.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => Just(0_u8), 2 => Just(1), 1 => Just(0x0A), 1 => any::<u8>()], 0..120)
}

/// Columns with the values of a row.
fn any_cells() -> impl Strategy<Value = (Vec<PropTag>, Vec<PropertyValue>)> {
    vec((any::<u16>(), plain(Layout::Rop, 0)), 0..8).prop_map(|cells| {
        cells.into_iter().map(|(id, value)| (PropTag::new(id, value.prop_type()), value)).unzip()
    })
}

/// Whether values of `prop_type` are decoded when they are skipped.
fn is_always_decoded(prop_type: PropType) -> bool {
    matches!(
        prop_type.of_value(),
        PropType::PtypUnspecified | PropType::PtypNull | PropType::PtypRestriction | PropType::PtypRuleAction
    )
}

/// Checks that skipping rows accepts the same bytes as decoding them, to the same offset, and that both encode
/// alike.
fn agree(bytes: &[u8], columns: &[PropTag], count: usize) {
    let mut r = Reader::new(bytes);
    let read = <Vec<PropertyRow> as FromRows>::read(&mut r, columns, count).map(|rows| (rows, r.offset()));
    let passed = length_of_rows(bytes, columns, count);
    match &read {
        Ok((rows, length)) => {
            let only_read = columns.iter().any(|column| is_always_decoded(column.prop_type()));
            assert!(passed == Some(*length) || (passed.is_none() && only_read), "{passed:?}, {length}");
            let again = written(|w| rows.iter().try_for_each(|row| row.write(w, columns, Layout::Rop)));
            assert_eq!(again, bytes[..*length]);
        }
        Err(error) => assert_eq!(passed, None, "{error}"),
    }
}

proptest! {
    #[test]
    fn skipping_rows_agrees_with_decoding_them(
        bytes in any_bytes(),
        types in vec(any_type(), 0..4),
        count in 0..4_usize,
    ) {
        let columns: Vec<_> = types.into_iter().map(|prop_type| PropTag::new(0x3001, prop_type)).collect();
        agree(&bytes, &columns, count);
    }

    #[test]
    fn rows_of_any_values_are_skipped(
        (columns, values) in any_cells(),
        gaps in vec(any::<bool>(), 8),
        at: prop::sample::Index,
        change: u8,
    ) {
        let full = values.iter().cloned().map(Some).collect();
        let some = values.into_iter().zip(gaps).map(|(value, gap)| (!gap).then_some(value)).collect();
        let rows = [PropertyRow::new(&columns, full), PropertyRow::new(&columns, some)];
        let mut bytes = written(|w| rows.iter().try_for_each(|row| row.write(w, &columns, Layout::Rop)));
        agree(&bytes, &columns, 2);
        let place = at.index(bytes.len());
        agree(&bytes[..place], &columns, 2);
        bytes[place] ^= change;
        agree(&bytes, &columns, 2);
    }
}

#[test]
fn rows_with_many_texts_are_skipped() {
    let number = PropTag::new(0x3602, PropType::PtypInteger32);
    for texts in 14..20 {
        let columns = [[PropTag::PidTagDisplayName, number].repeat(texts), vec![number]].concat();
        let row = [vec![0], hex("41000000 01020304").repeat(texts), vec![0; 4]].concat();
        let bytes = row.repeat(2);
        assert_eq!(length_of_rows(&bytes, &columns, 2), Some(bytes.len()));
        agree(&bytes, &columns, 2);
        agree(&bytes[..bytes.len() - 1], &columns, 2);
    }
}

#[test]
fn values_of_every_type_are_skipped() {
    for prop_type in SINGLE.iter().flat_map(|single| MULTIPLE.map(|multiple| PropType(single | multiple))) {
        let column = PropTag::new(0x3001, prop_type);
        for start in ["00", "00 01", "00 02", "01 00", "01 00 01", "01 01", "01 0a", "01 02", "02"] {
            agree(&[hex(start), vec![0; 60]].concat(), &[column], 1);
        }
    }
}

#[test]
fn unchanged_rows_are_encoded_as_received() {
    let columns = [PropTag::new(0x3602, PropType::PtypInteger16), PropTag::PidTagDisplayName];
    let buffer = Bytes::from(hex("00 0100 41000000  01 0a05000480 01  ff"));
    let mut r = Reader::sharing(&buffer);
    let mut rows = Rows::read(&mut r, columns.into(), 2).unwrap();
    assert_eq!((rows.count(), r.remaining(), rows.columns()), (2, 1, &columns[..]));
    assert_eq!(written(|w| rows.write(w)), buffer[..buffer.len() - 1]);
    assert_eq!(rows[0].get(&columns, PropTag::PidTagDisplayName), Some(&"A".into()));
    assert_eq!(rows[1].error(0), Some(crate::ErrorCode(0x8004_0005)));
    assert_eq!(written(|w| rows.write(w)), buffer[..buffer.len() - 1]);
    let made = Rows::new(columns.to_vec(), rows.to_vec());
    assert_eq!((&made, written(|w| made.write(w))), (&rows, buffer[..buffer.len() - 1].to_vec()));

    let PropertyRow::Standard(values) = &mut rows[0] else { panic!("another row") };
    values[1] = "BC".into();
    assert_ne!(rows, made);
    rows.pop();
    assert_eq!((rows.count(), written(|w| rows.write(w))), (1, hex("00 0100 420043000000")));
    assert!(Rows::read(&mut Reader::new(&hex("00 0100 4100")), columns.into(), 1).is_err());

    // Changed before any value was decoded.
    let mut unseen = Rows::read(&mut Reader::sharing(&buffer), columns.into(), 2).unwrap();
    unseen.remove(0);
    assert_eq!(written(|w| unseen.write(w)), hex("01 0a05000480 01"));
}
