//! Tests of notifications.

use proptest::prelude::*;
use wire::{Reader, Utf16, Writer};

use super::*;
use crate::property::PropertyValue;

fn read(bytes: &[u8]) -> (NotificationData, usize) {
    let mut r = Reader::new(bytes);
    let data = NotificationData::read(&mut r).unwrap();
    let mut w = Writer::new();
    data.write(&mut w).unwrap();
    assert_eq!(w.as_slice(), &bytes[..r.offset()], "encodes to the same bytes");
    (data, r.remaining())
}

fn object(data: &NotificationData) -> &ObjectEvent {
    let Event::Object(object) = &data.event else { panic!("an object") };
    object
}

fn table(data: &NotificationData) -> &TableEvent {
    let Event::Table(table) = &data.event else { panic!("a table") };
    table
}

const FOLDER: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0x0D];
const PARENT: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0x09];
const MESSAGE: [u8; 8] = [1, 0, 0, 0, 0, 1, 2, 3];

#[test]
fn new_mail_has_its_class_in_either_width() {
    let head = [&[0x02, 0x80][..], &FOLDER, &MESSAGE, &[0x04, 0, 0, 0]].concat();
    let (data, rest) = read(&[&head[..], &[0], b"IPM.Note\0\x2A"].concat());
    assert_eq!((data.notification_type(), rest), (NotificationType::NewMail, 1));
    assert_eq!(object(&data).message_id.unwrap().to_string(), "0001-000000010203");
    let mail = data.new_mail.unwrap();
    assert_eq!((mail.message_flags, mail.message_class), (4, Text::String8(b"IPM.Note".to_vec())));

    let (data, _) = read(&[&head[..], &[1, b'I', 0, 0, 0]].concat());
    assert_eq!(data.new_mail.unwrap().message_class, Text::Unicode(Utf16::new("I")));
    assert!(NotificationData::read(&mut Reader::new(&[&head[..], &[2, b'I', 0, 0, 0]].concat())).is_err());
}

#[test]
fn folder_events_have_a_parent_and_message_events_have_none() {
    let (data, rest) = read(&[&[0x04, 0x00][..], &FOLDER, &PARENT, &[1, 0, 0x1F, 0, 1, 0x30]].concat());
    assert_eq!((object(&data).parent_folder_id, rest), (Some(FolderId(u64::from_le_bytes(PARENT))), 0));
    assert_eq!(object(&data).tags.as_deref(), Some(&[PropTag::PidTagDisplayName][..]));

    let (data, rest) =
        read(&[&[0x10, 0xB0][..], &FOLDER, &MESSAGE, &[0xFF, 0xFF, 7, 0, 0, 0, 3, 0, 0, 0]].concat());
    assert_eq!(
        (object(&data).tags.clone(), data.total_message_count, data.unread_message_count),
        (None, Some(7), Some(3))
    );
    assert_eq!(rest, 0);

    let (data, rest) = read(&[&[0x20, 0x80][..], &FOLDER, &MESSAGE, &PARENT, &MESSAGE].concat());
    assert!(matches!(object(&data).old, Some(OldObject::Message { .. })));
    assert_eq!((object(&data).parent_folder_id, rest), (None, 0));
    let (data, rest) = read(&[&[0x40, 0x00][..], &FOLDER, &PARENT, &FOLDER, &PARENT].concat());
    assert!(matches!(object(&data).old, Some(OldObject::Folder { .. })));
    assert_eq!(rest, 0);
}

#[test]
fn search_folder_ids_are_present_or_omitted() {
    let with = [&[0x08, 0xC0][..], &FOLDER, &MESSAGE, &PARENT].concat();
    let without = [&[0x08, 0xC0][..], &FOLDER, &MESSAGE].concat();
    let next = [&[0x2A, 1, 0, 0, 0, 0][..], &[0x80, 0x00], &FOLDER].concat();
    for following in [&[][..], &[0x6E, 0, 0], &next] {
        let (data, rest) = read(&[&with, following].concat());
        assert_eq!((object(&data).parent_folder_id.is_some(), rest), (true, following.len()));
        let (data, rest) = read(&[&without, following].concat());
        assert_eq!(
            (object(&data).parent_folder_id.is_some(), rest),
            (false, following.len()),
            "{following:x?}"
        );
    }
    let created = [&[0x04, 0xC0][..], &FOLDER, &MESSAGE, &[0, 0]].concat();
    assert_eq!(read(&created).1, 0);
}

#[test]
fn table_events_have_rows() {
    let (data, rest) = read(&[0x00, 0x81, 0x01, 0x00]);
    assert_eq!((table(&data).event_type, table(&data).row, rest), (TableEventType::TableChanged, None, 0));

    let hierarchy = [&[0x00, 0x01, 0x03, 0x00][..], &FOLDER, &[0; 8], &[3, 0, 0, 7, 0]].concat();
    let (data, _) = read(&hierarchy);
    assert_eq!(table(&data).row.unwrap().message, None);
    let columns = [PropTag::PidTagDisplayName.with_type(crate::property::PropType::PtypInteger16)];
    let row = table(&data).read_row(&columns).unwrap();
    assert_eq!(row.value(0), Some(&PropertyValue::Integer16(7)));
    assert!(table(&data).read_row(&[]).is_err(), "bytes are left over");

    let contents =
        [&[0x00, 0x81, 0x05, 0x00][..], &FOLDER, &MESSAGE, &[9, 0, 0, 0], &[0; 20], &[1, 0, 0]].concat();
    let (data, rest) = read(&contents);
    assert_eq!((table(&data).row.unwrap().message.unwrap().instance, rest), (9, 0));
    let (data, _) = read(&[&[0x00, 0x81, 0x04, 0x00][..], &FOLDER, &MESSAGE, &[9, 0, 0, 0]].concat());
    assert_eq!((table(&data).insert_after, table(&data).row.is_some()), (None, true));
}

#[test]
fn unknown_and_truncated_notifications_are_refused() {
    for bytes in [
        &[][..],
        &[0x02],
        &[0x00, 0x00],
        &[0x01, 0x00, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x06, 0x00, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x00, 0x02, 0, 0],
        &[0x00, 0x01, 0x02, 0x00],
        &[0x00, 0x01, 0x03, 0x00, 1, 2, 3],
        &[0x10, 0x00, 1, 0, 0, 0, 0, 0, 0, 9, 0xFE, 0xFF, 0, 0],
    ] {
        assert!(NotificationData::read(&mut Reader::new(bytes)).is_err(), "{bytes:x?}");
    }
}

#[test]
fn fields_that_contradict_the_flags_are_not_encoded() {
    let (good, _) = read(&[&[0x10, 0x90][..], &FOLDER, &MESSAGE, &[0, 0, 7, 0, 0, 0]].concat());
    let refused = |change: fn(&mut NotificationData)| {
        let mut data = good.clone();
        change(&mut data);
        data.write(&mut Writer::new()).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|data| data.total_message_count = None));
    assert!(refused(|data| data.unread_message_count = Some(1)));
    assert!(refused(|data| data.event = Event::Extended));
    assert!(refused(|data| data.event = Event::Table(TableEvent::default())));
    assert!(refused(|data| data.flags = NotificationFlags(0x1010)));
    assert!(refused(|data| data.flags = NotificationFlags(0x9002)));
    assert!(refused(|data| data.flags = NotificationFlags(0x9100)));
    assert!(refused(|data| data.flags = NotificationFlags(0x9020)));
    assert!(refused(|data| data.flags = NotificationFlags(0x9008)));
}

#[test]
fn a_notification_is_inspected_by_its_present_fields() {
    let (data, _) =
        read(&[&[0x10, 0xB0][..], &FOLDER, &MESSAGE, &[0xFF, 0xFF, 7, 0, 0, 0, 3, 0, 0, 0]].concat());
    let Node::Fields(fields) = data.to_node() else { panic!("fields") };
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(
        names,
        ["NotificationFlags", "FolderId", "MessageId", "TotalMessageCount", "UnreadMessageCount"]
    );
}

proptest! {
    #[test]
    fn decoding_and_encoding_a_notification_is_lossless(
        kind in 0u32..12,
        flags in 0u16..16,
        event in 0u8..8,
        rest in prop::collection::vec(any::<u8>(), 0..90),
    ) {
        let head = (1u16 << kind | flags << 12).to_le_bytes();
        let bytes = if kind == 8 { [&head[..], &[event, 0], &rest].concat() } else { [&head[..], &rest].concat() };
        let mut r = Reader::new(&bytes);
        if let Ok(data) = NotificationData::read(&mut r) {
            let mut w = Writer::new();
            data.write(&mut w).unwrap();
            prop_assert_eq!(w.as_slice(), &bytes[..r.offset()]);
            let _ = data.to_node();
        }
    }
}
