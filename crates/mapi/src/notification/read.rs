//! Decodes notifications.

use wire::{Decode, Reader, Result};

use super::{
    Event, MessageRow, NewMail, NotificationData, NotificationFlags, NotificationType, ObjectEvent,
    OldObject, TableEvent, TableEventType, TableRow,
};
use crate::data::{FolderId, MessageId, Text};
use crate::property::PropTag;

/// The `TagCount` of a server that does not list the properties.
pub(super) const NO_TAGS: u16 = 0xFFFF;

/// The ROP ids of `RopNotify` and `RopPending`, which may follow a notification in the same buffer.
const FOLLOWING: [u8; 2] = [0x2A, 0x6E];

impl NotificationData {
    /// Reads a notification, which is encoded without its length. Some servers omit the search folder of a message; the
    /// bytes that follow the notification in `r` then determine whether it is present.
    ///
    /// # Errors
    /// Fails if the bytes end within a field, or [MS-OXCNOTIF] does not define the notification type.
    pub fn read(r: &mut Reader<'_>) -> Result<Self> {
        Self::read_either(r).map_err(|error| error.within("NotificationData"))
    }

    fn read_either(r: &mut Reader<'_>) -> Result<Self> {
        let mut with = r.clone();
        let read = Self::read_as(&mut with, true);
        let is_ambiguous = r.clone().u16("NotificationFlags").map(NotificationFlags).is_ok_and(|flags| {
            flags.contains(NotificationFlags::SEARCH_FOLDER | NotificationFlags::MESSAGE) && has_parent(flags)
        });
        if is_ambiguous && !(read.is_ok() && may_end(&with)) {
            let mut without = r.clone();
            if let Ok(read) = Self::read_as(&mut without, false)
                && may_end(&without)
            {
                *r = without;
                return Ok(read);
            }
        }
        *r = with;
        read
    }

    fn read_as(r: &mut Reader<'_>, with_search_folder: bool) -> Result<Self> {
        let flags = NotificationFlags(r.u16("NotificationFlags")?);
        let event = match flags.notification_type() {
            NotificationType::TableModified => Event::Table(read_table(r, flags)?),
            NotificationType::Extended => Event::Extended,
            known if known.name().is_some() => Event::Object(read_object(r, flags, with_search_folder)?),
            other => {
                return Err(r.invalid("NotificationFlags", u64::from(other.0), "a known notification type"));
            }
        };
        let count = |flag, r: &mut Reader<'_>, field| flags.contains(flag).then(|| r.u32(field)).transpose();
        let total_message_count = count(NotificationFlags::TOTAL_MESSAGE_COUNT, r, "TotalMessageCount")?;
        let unread_message_count = count(NotificationFlags::UNREAD_MESSAGE_COUNT, r, "UnreadMessageCount")?;
        let new_mail = match flags.notification_type() {
            NotificationType::NewMail => Some(read_new_mail(r)?),
            _ => None,
        };
        Ok(Self { flags, event, total_message_count, unread_message_count, new_mail })
    }
}

/// Whether the buffer ends here, or a ROP follows that may follow a notification.
fn may_end(r: &Reader<'_>) -> bool {
    r.clone().u8("RopId").map_or(true, |next| FOLLOWING.contains(&next))
}

/// Whether the parent folder is present.
pub(super) const fn has_parent(flags: NotificationFlags) -> bool {
    let type_has_parent = matches!(
        flags.notification_type(),
        NotificationType::ObjectCreated
            | NotificationType::ObjectDeleted
            | NotificationType::ObjectMoved
            | NotificationType::ObjectCopied
    );
    type_has_parent && flags.has_parent()
}

/// Whether the old folder and message are present.
pub(super) const fn has_old(flags: NotificationFlags) -> bool {
    matches!(flags.notification_type(), NotificationType::ObjectMoved | NotificationType::ObjectCopied)
}

/// Whether the tags of the properties that were set are present.
pub(super) const fn has_tags(flags: NotificationFlags) -> bool {
    matches!(flags.notification_type(), NotificationType::ObjectCreated | NotificationType::ObjectModified)
}

/// Whether a row is identified, and whether its values are present.
pub(super) const fn rows_of(event_type: TableEventType) -> (bool, bool) {
    match event_type {
        TableEventType::TableRowAdded | TableEventType::TableRowModified => (true, true),
        TableEventType::TableRowDeleted => (true, false),
        _ => (false, false),
    }
}

fn read_table(r: &mut Reader<'_>, flags: NotificationFlags) -> Result<TableEvent> {
    let event_type = TableEventType(r.u16("TableEventType")?);
    if event_type.name().is_none() {
        return Err(r.invalid("TableEventType", u64::from(event_type.0), "a known table event type"));
    }
    let (has_row, has_contents) = rows_of(event_type);
    let row = has_row.then(|| read_row(r, flags)).transpose()?;
    let insert_after = has_contents.then(|| read_row(r, flags)).transpose()?;
    let row_data = if has_contents {
        let size = usize::from(r.u16("TableRowDataSize")?);
        r.bytes(size, "TableRowData")?.to_vec()
    } else {
        Vec::new()
    };
    Ok(TableEvent { event_type, row, insert_after, row_data })
}

fn read_row(r: &mut Reader<'_>, flags: NotificationFlags) -> Result<TableRow> {
    let folder_id = FolderId::decode(r)?;
    let read = |r: &mut Reader<'_>| {
        Ok(MessageRow { message_id: MessageId::decode(r)?, instance: r.u32("TableRowInstance")? })
    };
    let message = flags.is_message().then(|| read(r)).transpose()?;
    Ok(TableRow { folder_id, message })
}

fn read_object(
    r: &mut Reader<'_>,
    flags: NotificationFlags,
    with_search_folder: bool,
) -> Result<ObjectEvent> {
    let folder_id = FolderId::decode(r)?;
    let message_id = flags.is_message().then(|| MessageId::decode(r)).transpose()?;
    let is_present = has_parent(flags) && (with_search_folder || !flags.is_message());
    let parent_folder_id = is_present.then(|| FolderId::decode(r)).transpose()?;
    let old = has_old(flags).then(|| read_old(r, flags)).transpose()?;
    let tags = if has_tags(flags) { read_tags(r)? } else { None };
    Ok(ObjectEvent { folder_id, message_id, parent_folder_id, old, tags })
}

fn read_old(r: &mut Reader<'_>, flags: NotificationFlags) -> Result<OldObject> {
    let folder_id = FolderId::decode(r)?;
    Ok(if flags.is_message() {
        OldObject::Message { folder_id, message_id: MessageId::decode(r)? }
    } else {
        OldObject::Folder { folder_id, parent_folder_id: FolderId::decode(r)? }
    })
}

fn read_tags(r: &mut Reader<'_>) -> Result<Option<Vec<PropTag>>> {
    let count = r.u16("TagCount")?;
    if count == NO_TAGS {
        return Ok(None);
    }
    let count = r.elements(u32::from(count), 4, u32::from(NO_TAGS), "TagCount")?;
    (0..count).map(|_| r.u32("Tags").map(PropTag)).collect::<Result<_>>().map(Some)
}

fn read_new_mail(r: &mut Reader<'_>) -> Result<NewMail> {
    let message_flags = r.u32("MessageFlags")?;
    let is_unicode = match r.u8("UnicodeFlag")? {
        0 => false,
        1 => true,
        other => return Err(r.invalid("UnicodeFlag", u64::from(other), "0 or 1")),
    };
    Ok(NewMail { message_flags, message_class: Text::read(r, is_unicode, "MessageClass")? })
}
