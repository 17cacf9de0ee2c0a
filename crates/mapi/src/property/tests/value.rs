//! Tests of property values.

use proptest::prelude::*;

use super::arbitrary::{LAYOUTS, layout, tagged, value};
use super::*;
use crate::ErrorCode;
use crate::data::{FolderId, MessageId, ServerId};

fn read(bytes: &[u8], prop_type: PropType, layout: Layout) -> Result<PropertyValue> {
    whole(bytes, |r| PropertyValue::read(r, prop_type, layout))
}

#[track_caller]
fn same(text: &str, prop_type: PropType, layout: Layout, expected: &PropertyValue) {
    let bytes = hex(text);
    assert_eq!(read(&bytes, prop_type, layout).as_ref(), Ok(expected));
    assert_eq!(written(|w| expected.write(w, layout)), bytes);
}

#[test]
fn the_layout_determines_the_width_of_counts() {
    let binary = PropertyValue::Binary(vec![1, 2, 3]);
    same("0300 010203", PropType::PtypBinary, Layout::Rop, &binary);
    same("03000000 010203", PropType::PtypBinary, Layout::Wide, &binary);
    same("ff 03000000 010203", PropType::PtypBinary, Layout::AddressBook, &binary);
    let several = PropertyValue::MultipleBinary(vec![vec![7], vec![]]);
    same("02000000 0100 07 0000", PropType::PtypMultipleBinary, Layout::Rop, &several);
    same("02000000 01000000 07 00000000", PropType::PtypMultipleBinary, Layout::Wide, &several);
    let book = "ff 02000000 ff 01000000 07 ff 00000000";
    same(book, PropType::PtypMultipleBinary, Layout::AddressBook, &several);
    let numbers = PropertyValue::MultipleInteger32(vec![1, -1]);
    same("02000000 01000000 ffffffff", PropType::PtypMultipleInteger32, Layout::Rop, &numbers);
    same("ff 02000000 01000000 ffffffff", PropType::PtypMultipleInteger32, Layout::AddressBook, &numbers);
}

#[test]
fn has_value_bytes_mark_values_of_an_address_book_as_present_or_absent() {
    let absent = PropertyValue::Absent(PropType::PtypString);
    same("00", PropType::PtypString, Layout::AddressBook, &absent);
    assert!(absent.write(&mut Writer::new(), Layout::Rop).is_err());
    let texts = PropertyValue::MultipleUnicode(vec![wire::Utf16::new("a"), wire::Utf16::default()]);
    let partly_absent = PropertyValue::PartlyAbsent { values: Box::new(texts), absent: vec![1] };
    same("ff 02000000 ff 61000000 00", PropType::PtypMultipleString, Layout::AddressBook, &partly_absent);
    assert!(partly_absent.write(&mut Writer::new(), Layout::Wide).is_err());
    assert!(read(&hex("01"), PropType::PtypString, Layout::AddressBook).is_err());
    same("", PropType::PtypObject, Layout::AddressBook, &PropertyValue::Absent(PropType::PtypObject));
    same("0100 05", PropType::PtypObject, Layout::Rop, &PropertyValue::Object(vec![5]));
}

#[test]
fn unusual_values_round_trip() {
    same("02", PropType::PtypBoolean, Layout::Rop, &PropertyValue::RawBoolean(2));
    same("01", PropType::PtypBoolean, Layout::Rop, &PropertyValue::Boolean(true));
    let unpaired = PropertyValue::Unicode(wire::Utf16::from_units(vec![0xD800, 0x41]));
    same("00d8 4100 0000", PropType::PtypString, Layout::Rop, &unpaired);
    // A signalling NaN, whose bits an arithmetic operation would change.
    let bytes = hex("01 00 00 00 00 00 f4 7f");
    let nan = read(&bytes, PropType::PtypFloating64, Layout::Rop).unwrap();
    assert_eq!(written(|w| nan.write(w, Layout::Rop)), bytes);
    let bytes = hex("01 00 a0 7f");
    let nan = read(&bytes, PropType::PtypFloating32, Layout::Rop).unwrap();
    assert_eq!(written(|w| nan.write(w, Layout::Rop)), bytes);
}

#[test]
fn server_ids_have_a_16_bit_size_everywhere() {
    let ours = PropertyValue::ServerId(ServerId::Ours {
        folder_id: FolderId(0x2301_0000_0000_0001),
        message_id: MessageId(0),
        instance: 5,
    });
    for layout in LAYOUTS {
        let bytes = "1500 01 0100000000000123 0000000000000000 05000000";
        same(bytes, PropType::PtypServerId, layout, &ours);
        let client = PropertyValue::ServerId(ServerId::Other(vec![0, 9, 9]));
        same("0300 000909", PropType::PtypServerId, layout, &client);
        same("0000", PropType::PtypServerId, layout, &PropertyValue::ServerId(ServerId::Other(vec![])));
    }
    assert_eq!(ours.to_string(), "folder 0001-000000000123");
}

#[test]
fn an_untyped_column_has_the_type_in_each_row() {
    let typed = PropertyValue::Typed(Box::new(TypedValue::new(PropertyValue::Integer32(7))));
    same("0300 07000000", PropType::PtypUnspecified, Layout::Rop, &typed);
    assert!(read(&hex("0000 0300 07000000"), PropType::PtypUnspecified, Layout::Rop).is_err());
    let mismatched = TypedValue { prop_type: PropType::PtypString, value: PropertyValue::Integer32(7) };
    assert!(mismatched.write(&mut Writer::new(), Layout::Rop).is_err());
    assert!(PropertyValue::Typed(Box::new(mismatched)).write(&mut Writer::new(), Layout::Rop).is_err());
}

#[test]
fn a_multivalue_instance_is_a_single_value() {
    let instance = PropType(PropType::PtypMultipleString.0 | PropType::MULTIVALUE_INSTANCE);
    assert_eq!(instance.0, 0x301F);
    assert!(!instance.is_multiple());
    same("41000000", instance, Layout::Rop, &PropertyValue::from("A"));
    // The bit is preserved in the tag.
    let bytes = hex("1f30 0180 41000000");
    let tagged = whole(&bytes, |r| TaggedValue::read(r, Layout::Rop)).unwrap();
    assert_eq!((tagged.tag, &tagged.value), (PropTag(0x8001_301F), &PropertyValue::from("A")));
    assert_eq!(written(|w| tagged.write(w, Layout::Rop)), bytes);
}

#[test]
fn a_value_that_cannot_be_decoded_again_is_not_encoded() {
    let mut w = Writer::new();
    let mismatch = TaggedValue {
        tag: PropTag::PidTagDisplayName,
        value: PropertyValue::Error(ErrorCode::MAPI_E_NO_ACCESS),
    };
    assert!(mismatch.write(&mut w, Layout::Rop).is_err());
    assert!(PropertyValue::from("a\0b").write(&mut w, Layout::Rop).is_err());
    assert!(PropertyValue::String8(b"a\0b".to_vec()).write(&mut w, Layout::Rop).is_err());
    let long = PropertyValue::Binary(vec![0; 70_000]);
    assert!(long.write(&mut w, Layout::Rop).is_err());
    assert!(long.write(&mut w, Layout::Wide).is_ok());
}

#[test]
fn lists_have_counts_of_both_widths() {
    let list = PropertyList(vec![TaggedValue::new(PropTag::PidTagDisplayName, "A".into())]);
    let bytes = hex("0100 1f000130 41000000");
    assert_eq!(written(|w| list.write_counted16(w, Layout::Rop)), bytes);
    assert_eq!(whole(&bytes, |r| PropertyList::read_counted16(r, Layout::Rop)).as_ref(), Ok(&list));
    let bytes = hex("01000000 1f000130 ff 41000000");
    assert_eq!(written(|w| list.write_counted32(w, Layout::AddressBook)), bytes);
    assert_eq!(whole(&bytes, |r| PropertyList::read_counted32(r, Layout::AddressBook)).as_ref(), Ok(&list));
}

proptest! {
    #[test]
    fn a_detached_value_does_not_keep_the_buffer(value in value(Layout::Rop)) {
        let buffer = wire::Bytes::from(written(|w| value.write(w, Layout::Rop)));
        let mut r = Reader::sharing(&buffer);
        let read = PropertyValue::read(&mut r, value.prop_type(), Layout::Rop).unwrap();
        let detached = read.detached();
        prop_assert_eq!(&detached, &read);
        drop(read);
        prop_assert!(buffer.is_unique() || buffer.is_empty());
    }
}

proptest! {
    #[test]
    fn values_round_trip((layout, value) in layout().prop_flat_map(|layout| (Just(layout), value(layout)))) {
        let bytes = written(|w| value.write(w, layout));
        prop_assert_eq!(read(&bytes, value.prop_type(), layout), Ok(value.clone()));
        let _ = (value.to_string(), crate::inspect::Inspect::to_node(&value));
    }

    #[test]
    fn tagged_values_round_trip((layout, tagged) in layout().prop_flat_map(|l| (Just(l), tagged(l, 1)))) {
        let bytes = written(|w| tagged.write(w, layout));
        prop_assert_eq!(whole(&bytes, |r| TaggedValue::read(r, layout)), Ok(tagged.clone()));
    }

    #[test]
    fn decodable_bytes_round_trip(bytes: Vec<u8>, layout in layout(), prop_type in any::<u8>()) {
        let known = [0u16, 1, 0x14, 0x1E, 0x1F, 0x40, 0x48, 0xFB, 0xFD, 0xFE, 0x102, 0x101E, 0x101F, 0x1102, 0xD];
        let prop_type = PropType(known[usize::from(prop_type) % known.len()]);
        let mut r = Reader::new(&bytes);
        if let Ok(value) = PropertyValue::read(&mut r, prop_type, layout) {
            let again = written(|w| value.write(w, layout));
            prop_assert_eq!(&again[..], &bytes[..r.offset()]);
        }
    }
}
