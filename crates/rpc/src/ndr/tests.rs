//! Tests of NDR.

use proptest::prelude::*;
use wire::{Endian, ErrorKind, Guid, Result, Utf16};

use super::*;
use crate::{ndr_params, ndr_struct, ndr_union};

fn write<T: Ndr>(value: &T) -> Vec<u8> {
    let mut w = NdrWriter::new();
    value.write(&mut w, "value").unwrap();
    w.into_vec()
}

fn read<T: Ndr>(bytes: &[u8]) -> Result<T> {
    T::read(&mut NdrReader::new(bytes, Endian::Little), "value")
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

ndr_struct! {
    /// A structure that ends with a conformant array.
    #[derive(Debug, Clone, PartialEq)]
    struct Inner as "INNER" {
        kind: u16 = "kind",
        values: Conformant<u32> = "values",
    }
}

ndr_struct! {
    /// A structure that ends with one that ends with a conformant array.
    #[derive(Debug, Clone, PartialEq)]
    struct Outer as "OUTER" {
        head: u8 = "head",
        name: Ptr<CharString> = "name",
        inner: Inner = "inner",
    }
}

ndr_struct! {
    /// A list of one.
    #[derive(Debug, Clone, PartialEq)]
    struct Node as "NODE" {
        next: Ptr<Box<Node>> = "next",
    }
}

ndr_union! {
    /// Arms of different alignments.
    #[derive(Debug, Clone, PartialEq)]
    enum Either as "EITHER" {
        1 => Small(u8) = "small",
        2 => Large(u32) = "large",
    }
}

ndr_params! {
    /// Parameters with all kinds of pointers.
    #[derive(Debug, Clone, PartialEq)]
    struct Call as "CALL" {
        first: FullPtr<u32> = "first",
        second: FullPtr<u32> = "second",
        third: Ptr<WcharString> = "third",
        list: Conformant<RefPtr<u16>> = "list",
    }
}

#[test]
fn the_count_of_an_array_is_hoisted_out_of_all_structures() {
    let value = Outer {
        head: 7,
        name: Ptr::new(CharString::new("ab")),
        inner: Inner { kind: 9, values: Conformant(vec![1, 2]) },
    };
    let bytes = unhex(
        "02000000 07000000 00000200 09000000 01000000 02000000
         03000000 00000000 03000000 616200",
    );
    assert_eq!(write(&value), bytes);
    assert_eq!(read::<Outer>(&bytes).unwrap(), value);
}

ndr_params! {
    /// `CorrelatedMethod` of [MS-RPCE] 4.6.
    #[derive(Debug, Clone, PartialEq)]
    struct Correlated as "CorrelatedMethod" {
        size: u32 = "Size",
        array: Conformant<u16> = "pArray",
    }
}

ndr_struct! {
    /// `UNICODE_STRING` of [MS-RPCE] 4.7.
    #[derive(Debug, Clone, PartialEq)]
    struct UnicodeString as "UNICODE_STRING" {
        length: u16 = "Length",
        maximum_length: u16 = "MaximumLength",
        string: Ptr<ConformantVarying<u16>> = "pString",
    }
}

#[test]
fn the_examples_of_the_extensions_are_laid_out_as_they_show() {
    // 4.6: Size, the maximum count, the elements.
    let correlated = Correlated { size: 3, array: Conformant(vec![0x1111, 0x2222, 0x3333]) };
    let stub = unhex("03000000 03000000 1111 2222 3333");
    assert_eq!(correlated.encode_stub().unwrap(), stub);
    assert_eq!(Correlated::decode_stub(&stub, Endian::Little).unwrap(), (correlated, &[][..]));
    // 4.7: both lengths, the pointer, the maximum count (MaximumLength / 2), the offset, the actual count
    // (Length / 2), the elements.
    let string = ConformantVarying { offset: 0, items: "Abc".encode_utf16().collect(), spare: 2 };
    let value = UnicodeString { length: 6, maximum_length: 10, string: Ptr::new(string) };
    let bytes = unhex("0600 0a00 00000200 05000000 00000000 03000000 4100 6200 6300");
    assert_eq!(write(&value), bytes);
    assert_eq!(read::<UnicodeString>(&bytes).unwrap(), value);
}

#[test]
fn both_byte_orders_are_read() {
    let bytes = unhex("00000002 00090000 00000001 00000002");
    let value = Inner::read(&mut NdrReader::new(&bytes, Endian::Big), "value").unwrap();
    assert_eq!(value, Inner { kind: 9, values: Conformant(vec![1, 2]) });
    let handle = unhex("00000000 1544f5e0 613c 11d1 93df00c04fd7bd09");
    let handle = ContextHandle::read(&mut NdrReader::new(&handle, Endian::Big), "value").unwrap();
    assert_eq!(handle.uuid.to_string(), "1544f5e0-613c-11d1-93df-00c04fd7bd09");
    let text = unhex("00000003 00000000 00000003 0041 0042 0000");
    let text = WcharString::read(&mut NdrReader::new(&text, Endian::Big), "value").unwrap();
    assert_eq!(text, WcharString::new("AB"));
}

#[test]
fn targets_follow_all_scalars_and_ids_are_kept() {
    let bytes = unhex(
        "02000000 02000000 78560000 bc9a0000
         02000000 00000000 02000000 6100 0000
         02000000 00000000 02000000 6200",
    );
    let value: Counted<Ptr<CharString>> = read(&bytes).unwrap();
    assert_eq!(value.0[0].referent, 0x5678);
    assert_eq!(value, Counted(vec![Ptr::new(CharString::new("a")), Ptr::new(CharString::new("b"))]));
    assert_eq!(write(&value), bytes);
}

#[test]
fn an_alias_has_no_target_of_its_own() {
    let call = Call {
        first: FullPtr::with_referent(0x20, 5),
        second: FullPtr::alias(0x20),
        third: Ptr::NULL,
        list: Conformant(vec![RefPtr::new(1), RefPtr::new(2)]),
    };
    let stub = unhex("20000000 05000000 20000000 00000000 02000000 00000200 04000200 0100 0200");
    assert_eq!(call.encode_stub().unwrap(), stub);
    let (read, rest) = Call::decode_stub(&stub, Endian::Little).unwrap();
    assert_eq!((read.second.is_alias(), rest.len()), (true, 0));
    assert_eq!(read, call);
}

#[test]
fn pointers_to_nowhere_are_refused() {
    let mut call = Call {
        first: FullPtr::NULL,
        second: FullPtr::alias(0x20),
        third: Ptr::NULL,
        list: Conformant(Vec::new()),
    };
    assert!(call.encode_stub().is_err());
    call.second = FullPtr::NULL;
    assert!(call.encode_stub().is_ok());
    let null_reference = unhex("01000000 00000000");
    let error = read::<Conformant<RefPtr<u16>>>(&null_reference).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Invalid { .. }));
}

#[test]
fn counts_of_four_billion_are_refused() {
    let twice = unhex("ffffffff ffffffff 00000000 00000000");
    assert!(read::<Conformant<u32>>(&twice).is_err());
    assert!(read::<Counted<u32>>(&twice).is_err());
    assert!(read::<SizedArray<u32>>(&twice).is_err());
    assert!(read::<SizedPtr<u32>>(&unhex("ffffffff 01000000 ffffffff 00000000")).is_err());
    let varying = unhex("ffffffff 00000000 ffffffff 00000000");
    assert!(read::<ConformantVarying<u32>>(&varying).is_err());
    assert!(read::<CharString>(&varying).is_err());
    assert!(read::<WcharString>(&varying).is_err());
    assert!(read::<Varying<u32>>(&varying[4..]).is_err());
}

#[test]
fn an_array_with_a_count_beyond_32_bits_is_refused_with_the_count() {
    let array = ConformantVarying { offset: u32::MAX, items: vec![1_u16, 2], spare: 3 };
    let mut writer = NdrWriter::new();
    let error = array.write(&mut writer, "value").unwrap_err().to_string();
    assert!(error.contains("0x100000004"), "{error}");
}

#[test]
fn depth_is_bounded_when_reading_and_when_writing() {
    let endless = 1u32.to_le_bytes().repeat(5000);
    let error = read::<Node>(&endless).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooDeep { limit: MAX_DEPTH }));
    let mut node = Node { next: Ptr::NULL };
    for _ in 0..MAX_DEPTH {
        node = Node { next: Ptr::new(Box::new(node)) };
    }
    assert_eq!(read::<Node>(&write(&node)).unwrap(), node);
    node = Node { next: Ptr::new(Box::new(node)) };
    assert!(node.write(&mut NdrWriter::new(), "node").is_err());
}

#[test]
fn unusual_strings_are_preserved() {
    for (hex, text) in [
        ("05000000 00000000 03000000 616200", "ab"),
        ("02000000 00000000 02000000 6162", "ab"),
        ("05000000 00000000 05000000 61006200 00", "a"),
        ("00000000 00000000 00000000", ""),
    ] {
        let value: CharString = read(&unhex(hex)).unwrap();
        assert_eq!(value.text, text.as_bytes());
        assert_eq!(write(&value), unhex(hex));
    }
    assert!(read::<CharString>(&unhex("02000000 00000000 03000000 616200")).is_err());
    assert!(read::<CharString>(&unhex("04000000 01000000 03000000 616200")).is_err());
}

#[test]
fn a_null_pointer_keeps_its_count() {
    let bytes = unhex("05000000 00000000");
    let value: SizedPtr<u32> = read(&bytes).unwrap();
    assert_eq!((value.as_slice().len(), value.count), (0, 5));
    assert_eq!(write(&value), bytes);
}

#[test]
fn the_discriminant_selects_the_arm() {
    assert_eq!(read::<Either>(&unhex("01000000 07")).unwrap(), Either::Small(7));
    assert_eq!(write(&Either::Large(8)), unhex("02000000 08000000"));
    let error = read::<Either>(&unhex("03000000 07000000")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "EITHER.discriminant at offset 4: found 0x3, expected the discriminant of an arm"
    );
}

#[test]
fn errors_name_structure_and_field() {
    let error = read::<Outer>(&unhex("02000000 07000000 00000200 09000000 01000000")).unwrap_err();
    assert_eq!((error.structure, error.field), ("INNER", "values"));
    let error = read::<Outer>(&unhex("00000000 07000000 00000200 09000000 03000000")).unwrap_err();
    assert_eq!((error.structure, error.field), ("OUTER.name", "offset"));
}

fn char_string() -> impl Strategy<Value = CharString> {
    (proptest::collection::vec(any::<u8>(), 0..20), 0..5u32).prop_map(|(units, spare)| {
        let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        let (text, tail) = units.split_at(end);
        let tail = if tail == [0] { None } else { Some(tail.to_vec()) };
        CharString { text: text.to_vec(), tail, spare }
    })
}

proptest! {
    #[test]
    fn scalars_round_trip(a: u8, b: u16, c: u32, d: u64, e: i16, f: i32, g: i64, uuid: [u8; 16], time: u64) {
        prop_assert_eq!(read::<u8>(&write(&a)).unwrap(), a);
        prop_assert_eq!(read::<u16>(&write(&b)).unwrap(), b);
        prop_assert_eq!(read::<u32>(&write(&c)).unwrap(), c);
        prop_assert_eq!(read::<u64>(&write(&d)).unwrap(), d);
        prop_assert_eq!(read::<i16>(&write(&e)).unwrap(), e);
        prop_assert_eq!(read::<i32>(&write(&f)).unwrap(), f);
        prop_assert_eq!(read::<i64>(&write(&g)).unwrap(), g);
        prop_assert_eq!(read::<[u8; 16]>(&write(&uuid)).unwrap(), uuid);
        prop_assert_eq!(read::<[u16; 3]>(&write(&[b; 3])).unwrap(), [b; 3]);
        prop_assert_eq!(read::<Guid>(&write(&Guid::from_le(uuid))).unwrap(), Guid::from_le(uuid));
        prop_assert_eq!(read::<wire::FileTime>(&write(&wire::FileTime(time))).unwrap().0, time);
        let handle = ContextHandle { attributes: c, uuid: Guid::from_le(uuid) };
        prop_assert_eq!(read::<ContextHandle>(&write(&handle)).unwrap(), handle);
    }

    #[test]
    fn strings_round_trip(value in char_string(), units: Vec<u16>) {
        prop_assert_eq!(read::<CharString>(&write(&value)).unwrap(), value);
        let text = Utf16::from_units(units.into_iter().filter(|unit| *unit != 0));
        let value = WcharString { text, ..WcharString::default() };
        prop_assert_eq!(read::<WcharString>(&write(&value)).unwrap(), value);
    }

    #[test]
    fn arrays_round_trip(
        strings in proptest::collection::vec(proptest::option::of(char_string()), 0..6),
        numbers: Vec<u16>,
        offset in 0..9u32,
        spare in 0..9u32,
    ) {
        let strings: Vec<Ptr<CharString>> = strings.into_iter().map(Ptr::from).collect();
        let value = Conformant(strings.clone());
        prop_assert_eq!(read::<Conformant<Ptr<CharString>>>(&write(&value)).unwrap(), value);
        let value = Counted(strings.clone());
        prop_assert_eq!(read::<Counted<Ptr<CharString>>>(&write(&value)).unwrap(), value);
        let value = SizedArray(strings.clone());
        prop_assert_eq!(read::<SizedArray<Ptr<CharString>>>(&write(&value)).unwrap(), value);
        let value = SizedPtr::new(strings);
        prop_assert_eq!(read::<SizedPtr<Ptr<CharString>>>(&write(&value)).unwrap(), value);
        let value = Varying { offset, items: numbers.clone() };
        prop_assert_eq!(read::<Varying<u16>>(&write(&value)).unwrap(), value);
        let value = ConformantVarying { offset, items: numbers, spare };
        prop_assert_eq!(read::<ConformantVarying<u16>>(&write(&value)).unwrap(), value);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>, big: bool) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let _ = Call::decode_stub(&bytes, endian);
        let _ = Outer::read(&mut NdrReader::new(&bytes, endian), "value");
        let _ = Node::read(&mut NdrReader::new(&bytes, endian), "value");
    }
}
