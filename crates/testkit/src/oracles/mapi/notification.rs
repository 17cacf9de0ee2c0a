//! Oracle: notifications.

use mapi::inspect::Inspect;
use mapi::notification::{Event, NotificationData};
use mapi::property::PropTag;
use wire::{Reader, Writer};

/// Notifications: a decoded one is encoded to the same bytes, can be displayed, and its row can be decoded.
///
/// # Panics
/// If one of these properties is violated.
pub fn notifications(data: &[u8]) {
    let mut r = Reader::new(data);
    let Ok(notification) = NotificationData::read(&mut r) else { return };
    let mut w = Writer::new();
    notification.write(&mut w).expect("what was read can be written");
    assert_eq!(w.as_slice(), &data[..r.offset()], "it encodes to the decoded bytes");
    let _ = notification.to_node();
    if let Event::Table(table) = &notification.event {
        let _ = table.read_row(&[PropTag::PidTagMid, PropTag::PidTagSubject, PropTag::PidTagImportance]);
    }
}
