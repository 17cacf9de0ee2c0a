//! Tests of the recipients of messages.

use mapi::ErrorCode;
use mapi::data::{RecipientRow, Text};
use mapi::property::{PropTag, PropType, PropertyRow, PropertyValue};
use mapi::rop::message::MessageOpenModeFlags;
use mapi::rop::recipient::{
    ModifyRecipientRow, ReadRecipientRow, RecipientType, RopModifyRecipientsRequest,
    RopReadRecipientsRequest, SizedRecipientRow,
};
use mapi::rop::{RequestBody, ResponseBody};

use super::mail::Mail;
use super::messages::{KEEP, alice, message, modify, open, recipient, save};

#[test]
fn recipients_are_changed_and_removed_by_their_rows() {
    let mut mail = alice();
    message(&mut mail, "Hi", 2);
    modify(&mut mail, 2, (0..40).map(|row| recipient(row, &format!("p{row}@lab.test"))).collect()).unwrap();
    let removed = ModifyRecipientRow { row_id: 3, recipient_type: RecipientType::CC, recipient_row: None };
    modify(&mut mail, 2, vec![removed, recipient(4, "four@lab.test")]).unwrap();
    let read = |mail: &mut Mail, row_id| {
        let request = RopReadRecipientsRequest { row_id, reserved: 0 };
        match mail.rop_with(2, RequestBody::RopReadRecipients(request), Some(&[]))? {
            ResponseBody::RopReadRecipients(read) => Ok(read.recipient_rows),
            other => panic!("{other:?}"),
        }
    };
    let rows = read(&mut mail, 0).unwrap();
    assert_eq!(rows.len(), 39);
    assert_eq!((rows[2].row_id, rows[3].row_id), (2, 4));
    let changed = rows[3].recipient.recipient_row.row().unwrap();
    assert_eq!(changed.email_address, Some(Text::from("four@lab.test")));
    assert_eq!(read(&mut mail, 39).unwrap().len(), 1);
    assert_eq!(read(&mut mail, 40), Err(ErrorCode::MAPI_E_NOT_FOUND));
    let many = (0..2000).map(|row| recipient(row, "x")).collect();
    assert_eq!(modify(&mut mail, 2, many), Err(ErrorCode::MAPI_E_TOO_BIG));
}

#[test]
fn an_opened_message_has_as_many_recipients_as_fit() {
    let mut mail = alice();
    let id = message(&mut mail, "Many", 2);
    let address = |row: u32| format!("{row:0>120}@lab.test");
    modify(&mut mail, 2, (0..10).map(|row| recipient(row, &address(row))).collect()).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 3).unwrap();
    assert_eq!((opened.recipients.recipient_count, opened.recipients.recipient_rows.len()), (10, 10));
    for first in (10..300).step_by(10) {
        modify(&mut mail, 2, (first..first + 10).map(|row| recipient(row, &address(row))).collect()).unwrap();
    }
    save(&mut mail, 2, KEEP).unwrap();
    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 3).unwrap();
    let rows = opened.recipients.recipient_rows.len();
    let size = opened.recipients.recipient_rows[0].size(&opened.recipients.recipient_columns).unwrap();
    assert_eq!(opened.recipients.recipient_count, 300);
    assert!(rows * size < 0x8000 && (rows + 1) * size > 0x8000 - 200, "{rows} rows of {size} bytes");
    // The others follow by `RopReadRecipients`.
    let (mut from, mut read) = (u32::try_from(rows).unwrap(), rows);
    while read < 300 {
        let request = RopReadRecipientsRequest { row_id: from, reserved: 0 };
        let columns = opened.recipients.recipient_columns.clone();
        let body = mail.rop_with(3, RequestBody::RopReadRecipients(request), Some(&columns)).unwrap();
        let ResponseBody::RopReadRecipients(more) = body else { panic!("{body:?}") };
        read += more.recipient_rows.len();
        from = more.recipient_rows.last().unwrap().row_id + 1;
    }
    assert_eq!((read, from), (300, 300));
}

/// Columns of Outlook's recipients that not all recipients have.
const ORDER: PropTag = PropTag::PidTagRecipientOrder;
const PRINTABLE: PropTag = PropTag::PidTagAddressBookDisplayNamePrintable.with_type(PropType::PtypString8);

/// A recipient with values in `columns`.
fn with_columns(row_id: u32, columns: &[PropTag], values: Vec<PropertyValue>) -> ModifyRecipientRow {
    let plain = recipient(row_id, "p@lab.test");
    let row = plain.recipient_row.as_ref().unwrap().row().unwrap().clone();
    let values = values.into_iter().map(Some).collect();
    let column_count = u16::try_from(columns.len()).unwrap();
    let row = RecipientRow { column_count, properties: PropertyRow::new(columns, values), ..row };
    ModifyRecipientRow { recipient_row: Some(SizedRecipientRow::new(row)), ..plain }
}

fn modify_with(mail: &mut Mail, columns: &[PropTag], row: ModifyRecipientRow) -> Result<(), ErrorCode> {
    let request =
        RopModifyRecipientsRequest { recipient_columns: columns.to_vec(), recipient_rows: vec![row] };
    mail.rop(2, RequestBody::RopModifyRecipients(request)).map(drop)
}

fn read_with(mail: &mut Mail, columns: &[PropTag]) -> Vec<ReadRecipientRow> {
    let request = RopReadRecipientsRequest { row_id: 0, reserved: 0 };
    match mail.rop_with(2, RequestBody::RopReadRecipients(request), Some(columns)).unwrap() {
        ResponseBody::RopReadRecipients(read) => read.recipient_rows,
        other => panic!("{other:?}"),
    }
}

fn row(read: &ReadRecipientRow) -> &RecipientRow {
    read.recipient.recipient_row.row().unwrap()
}

#[test]
fn recipients_are_read_with_the_columns_with_which_they_were_set() {
    let mut mail = alice();
    let id = message(&mut mail, "Columns", 2);
    let columns = [ORDER, PRINTABLE];
    let values = vec![PropertyValue::Integer32(7), PropertyValue::String8(b"printable".to_vec())];
    modify_with(&mut mail, &columns, with_columns(0, &columns, values)).unwrap();
    for saved in [false, true] {
        let rows = read_with(&mut mail, &columns);
        assert_eq!(row(&rows[0]).properties.value(0), Some(&PropertyValue::Integer32(7)), "{saved}");
        let printable = PropertyValue::String8(b"printable".to_vec());
        assert_eq!(row(&rows[0]).properties.value(1), Some(&printable), "{saved}");
        save(&mut mail, 2, KEEP).unwrap();
    }
    modify_with(&mut mail, &[ORDER], with_columns(1, &[ORDER], vec![PropertyValue::Integer32(8)])).unwrap();
    let rows = read_with(&mut mail, &[ORDER]);
    let orders: Vec<i64> =
        rows.iter().map(|read| row(read).properties.value(0).unwrap().to_integer().unwrap()).collect();
    assert_eq!(orders, [7, 8]);

    // Who opens the message learns the columns.
    save(&mut mail, 2, KEEP).unwrap();
    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 2).unwrap();
    let place = opened.recipients.recipient_columns.iter().position(|tag| *tag == ORDER).unwrap();
    assert_eq!(place, 4, "after those that all messages have");
    let rows = read_with(&mut mail, &opened.recipients.recipient_columns);
    assert_eq!(row(&rows[1]).properties.value(place), Some(&PropertyValue::Integer32(8)));
}

#[test]
fn large_values_and_many_columns_of_recipients_do_not_prevent_that_they_are_read() {
    let mut mail = alice();
    let id = message(&mut mail, "Large", 2);
    let many: Vec<PropTag> = (0x6000..0x6065).map(|id| PropTag::new(id, PropType::PtypInteger32)).collect();
    let values = vec![PropertyValue::Integer32(1); 101];
    let refused = modify_with(&mut mail, &many, with_columns(0, &many, values));
    assert_eq!(refused, Err(ErrorCode::MAPI_E_TOO_BIG));
    let large = PropTag::PidTagRecordKey;
    for row_id in 0..3 {
        let values = vec![PropertyValue::Binary(vec![1; 5000]), PropertyValue::Integer32(7)];
        modify_with(&mut mail, &[large, ORDER], with_columns(row_id, &[large, ORDER], values)).unwrap();
    }
    let mut recipient = with_columns(3, &[large], vec![PropertyValue::Binary(vec![1; 9000])]);
    recipient.recipient_type = RecipientType::CC;
    modify_with(&mut mail, &[large], recipient).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 2).unwrap();
    assert_eq!(opened.recipients.recipient_rows.len(), 4);
    let columns = opened.recipients.recipient_columns;
    let rows = read_with(&mut mail, &columns);
    let place = columns.iter().position(|tag| *tag == large).unwrap();
    assert_eq!(
        row(&rows[0]).properties.value(place).map(PropertyValue::prop_type),
        Some(PropType::PtypBinary)
    );
    assert_eq!(row(&rows[3]).properties.error(place), Some(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY));
}
