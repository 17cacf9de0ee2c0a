//! Tests of recipient rows.

use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::{bytes, plain, text8, unicode};
use super::*;
use crate::property::{Layout, PropTag, PropType, PropertyRow, PropertyValue};

/// The columns of a client's `RopModifyRecipients`.
const COLUMNS: [u32; 7] =
    [0x0FFE_0003, 0x3900_0003, 0x39FE_001F, 0x5FF6_001F, 0x5FDE_0003, 0x5FDF_0003, 0x5FFD_0003];

fn columns() -> Vec<PropTag> {
    COLUMNS.map(PropTag).to_vec()
}

/// An SMTP recipient, recorded from a client.
const SMTP: &str = "3b02 62006f00620040006c00610062002e0074006500730074000000 42006f006200200042000000 \
    42006f006200200042000000 0700 00 06000000 00000000 62006f00620040006c00610062002e0074006500730074000000 \
    42006f006200200042000000 00000000 00000000 01000000";

/// A recipient in the address book, recorded from a client.
const EX: &str = "3102 00 00 \
    2f6f3d47726f6d6f782064656661756c742f6f753d45786368616e67652041646d696e6973747261746976652047726f757020284659\
    4449424f484632335350444c54292f636e3d526563697069656e74732f636e3d303130303030303030333030303030302d626f6200 \
    42006f006200200058000000 42006f006200200058000000 0700 00 06000000 00000000 \
    62006f00620040006c00610062002e0074006500730074000000 42006f006200200058000000 00000000 00000000 01000000";

#[test]
fn recorded_recipients_are_decoded() {
    let bytes = hex(SMTP);
    let row = whole(&bytes, |r| RecipientRow::read(r, &columns())).unwrap();
    assert_eq!(row.to_string(), "Bob B <SMTP:bob@lab.test>");
    assert_eq!(row.flags.address_type(), AddressType::SMTP);
    let smtp = row.get(&columns(), PropTag(0x39FE_001F)).unwrap();
    assert_eq!(smtp, &PropertyValue::from("bob@lab.test"));
    assert_eq!(written(|w| row.write(w, &columns())), bytes);

    let bytes = hex(EX);
    let row = whole(&bytes, |r| RecipientRow::read(r, &columns())).unwrap();
    assert!(row.to_string().starts_with("Bob X <EX:/o=Gromox default/ou="), "{row}");
    assert_eq!(row.x500_dn.as_ref().unwrap().display_type, 0);
    assert_eq!(written(|w| row.write(w, &columns())), bytes);
    let _ = row.node_with(&columns());
}

#[test]
fn a_row_with_more_columns_than_the_request_is_refused() {
    let bytes = hex(SMTP);
    let error = whole(&bytes, |r| RecipientRow::read(r, &columns()[..6])).unwrap_err();
    assert_eq!((error.structure, error.field), ("RecipientRow", "RecipientColumnCount"));
    // It may have fewer.
    let short = hex("0300 0100 00 06000000");
    let row = whole(&short, |r| RecipientRow::read(r, &columns())).unwrap();
    assert_eq!(row.column_count, 1);
    assert_eq!(written(|w| row.write(w, &columns())), short);
}

#[test]
fn a_truncated_row_is_an_error() {
    for text in [SMTP, EX] {
        let bytes = hex(text);
        for end in 0..bytes.len() {
            assert!(whole(&bytes[..end], |r| RecipientRow::read(r, &columns())).is_err(), "{end}");
        }
    }
}

#[test]
fn inconsistent_flags_and_fields_are_not_encoded() {
    let mut row = whole(&hex(SMTP), |r| RecipientRow::read(r, &columns())).unwrap();
    row.display_name = None;
    assert!(row.write(&mut wire::Writer::new(), &columns()).is_err());
    row.display_name = Some(Text::String8(b"Bob".to_vec()));
    assert!(row.write(&mut wire::Writer::new(), &columns()).is_err());
    row.display_name = Some(Text::from("Bob"));
    assert!(row.write(&mut wire::Writer::new(), &columns()).is_ok());
    row.flags = row.flags.with_address_type(AddressType::PersonalDistributionList1);
    assert!(row.write(&mut wire::Writer::new(), &columns()).is_err());
    (row.entry_id, row.search_key) = (Some(vec![1]), Some(vec![]));
    assert!(row.write(&mut wire::Writer::new(), &columns()).is_ok());
}

fn text(wide: bool) -> BoxedStrategy<Text> {
    if wide { unicode().prop_map(Text::Unicode).boxed() } else { text8().prop_map(Text::String8).boxed() }
}

/// Rows with any flags and the fields that the flags require.
fn row() -> impl Strategy<Value = (RecipientRow, Vec<PropTag>)> {
    any::<u16>().prop_map(RecipientFlags).prop_flat_map(|flags| {
        let wide = flags.contains(RecipientFlags::UNICODE);
        let kind = flags.address_type();
        let list = kind.0 >= 6;
        let named = kind == AddressType::NoType && flags.contains(RecipientFlags::OUT_OF_STANDARD);
        let when =
            move |flag: RecipientFlags| text(wide).prop_map(move |text| flags.contains(flag).then_some(text));
        let texts = (
            when(RecipientFlags::EMAIL_ADDRESS),
            when(RecipientFlags::DISPLAY_NAME),
            when(RecipientFlags::SIMPLE_DISPLAY_NAME),
            when(RecipientFlags::TRANSMITTABLE_DISPLAY_NAME),
        );
        let x500 = (any::<(u8, u8)>(), text8()).prop_map(move |((address_prefix_used, display_type), dn)| {
            let x500 = X500Dn { address_prefix_used, display_type, dn };
            (kind == AddressType::X500DN).then_some(x500)
        });
        let cells = vec((any::<u16>(), plain(Layout::Rop, 0)), 0..5);
        (texts, x500, bytes(), bytes(), text8(), cells, any::<u8>()).prop_map(
            move |(texts, x500_dn, entry_id, search_key, address_type, cells, spare)| {
                let column_count = u16::try_from(cells.len()).unwrap();
                let (mut columns, values): (Vec<_>, Vec<_>) =
                    cells.into_iter().map(|(id, value)| (PropTag::new(id, value.prop_type()), value)).unzip();
                columns.extend(vec![PropTag::new(1, PropType::PtypBinary); usize::from(spare % 3)]);
                let row = RecipientRow {
                    flags,
                    x500_dn,
                    entry_id: list.then_some(entry_id),
                    search_key: list.then_some(search_key),
                    address_type: named.then_some(address_type),
                    email_address: texts.0,
                    display_name: texts.1,
                    simple_display_name: texts.2,
                    transmittable_display_name: texts.3,
                    column_count,
                    properties: PropertyRow::Standard(values),
                };
                (row, columns)
            },
        )
    })
}

proptest! {
    #[test]
    fn recipient_rows_round_trip((row, columns) in row()) {
        let bytes = written(|w| row.write(w, &columns));
        prop_assert_eq!(whole(&bytes, |r| RecipientRow::read(r, &columns)), Ok(row.clone()));
        let _ = (row.to_string(), row.node_with(&columns));
    }

    #[test]
    fn decodable_bytes_round_trip(bytes: Vec<u8>) {
        let mut r = wire::Reader::new(&bytes);
        if let Ok(row) = RecipientRow::read(&mut r, &columns()) {
            prop_assert_eq!(&written(|w| row.write(w, &columns()))[..], &bytes[..r.offset()]);
        }
    }
}
