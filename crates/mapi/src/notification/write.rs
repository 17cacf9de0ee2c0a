//! Encodes notifications.

use wire::{Encode, Result, Writer};

use super::read::{NO_TAGS, has_old, has_parent, has_tags, rows_of};
use super::{
    Event, NewMail, NotificationData, NotificationFlags, NotificationType, ObjectEvent, OldObject,
    TableEvent, TableRow,
};

impl NotificationData {
    /// Writes the notification.
    ///
    /// # Errors
    /// Fails if the flags do not match the fields that are present, or a list is too long.
    pub fn write(&self, w: &mut Writer) -> Result<()> {
        self.write_fields(w).map_err(|error| error.within("NotificationData"))
    }

    fn write_fields(&self, w: &mut Writer) -> Result<()> {
        let flags = self.flags;
        w.u16(flags.0);
        match (flags.notification_type(), &self.event) {
            (NotificationType::TableModified, Event::Table(table)) => write_table(w, flags, table)?,
            (NotificationType::Extended, Event::Extended) => {}
            (NotificationType::TableModified | NotificationType::Extended, _) => {
                return Err(mismatch(w, flags, "NotificationFlags"));
            }
            (known, Event::Object(object)) if known.name().is_some() => write_object(w, flags, object)?,
            _ => return Err(mismatch(w, flags, "NotificationFlags")),
        }
        for (flag, count, field) in [
            (NotificationFlags::TOTAL_MESSAGE_COUNT, self.total_message_count, "TotalMessageCount"),
            (NotificationFlags::UNREAD_MESSAGE_COUNT, self.unread_message_count, "UnreadMessageCount"),
        ] {
            match count {
                Some(count) if flags.contains(flag) => {
                    w.u32(count);
                }
                None if !flags.contains(flag) => {}
                _ => return Err(mismatch(w, flags, field)),
            }
        }
        match (&self.new_mail, flags.notification_type()) {
            (Some(mail), NotificationType::NewMail) => write_new_mail(w, mail),
            (Some(_), _) | (None, NotificationType::NewMail) => Err(mismatch(w, flags, "MessageFlags")),
            (None, _) => Ok(()),
        }
    }
}

fn mismatch(w: &Writer, flags: NotificationFlags, field: &'static str) -> wire::Error {
    w.invalid(field, u64::from(flags.0), "flags that match the present fields")
}

fn write_table(w: &mut Writer, flags: NotificationFlags, table: &TableEvent) -> Result<()> {
    w.u16(table.event_type.0);
    let (has_row, has_contents) = rows_of(table.event_type);
    let is_known = table.event_type.name().is_some() && (has_contents || table.row_data.is_empty());
    if !is_known || table.row.is_some() != has_row || table.insert_after.is_some() != has_contents {
        return Err(mismatch(w, flags, "TableEventType"));
    }
    for row in table.row.iter().chain(&table.insert_after) {
        write_row(w, flags, row)?;
    }
    if has_contents {
        w.len16(table.row_data.len(), "TableRowDataSize")?.bytes(&table.row_data);
    }
    Ok(())
}

fn write_row(w: &mut Writer, flags: NotificationFlags, row: &TableRow) -> Result<()> {
    w.u64(row.folder_id.0);
    match row.message {
        Some(message) if flags.is_message() => {
            w.u64(message.message_id.0).u32(message.instance);
        }
        None if !flags.is_message() => {}
        _ => return Err(mismatch(w, flags, "TableRowMessageID")),
    }
    Ok(())
}

fn write_object(w: &mut Writer, flags: NotificationFlags, object: &ObjectEvent) -> Result<()> {
    object.folder_id.encode(w)?;
    if object.message_id.is_some() != flags.is_message() {
        return Err(mismatch(w, flags, "MessageId"));
    }
    object.message_id.iter().try_for_each(|id| id.encode(w))?;
    let is_optional = has_parent(flags) && flags.is_message();
    if object.parent_folder_id.is_some() != has_parent(flags) && !is_optional {
        return Err(mismatch(w, flags, "ParentFolderId"));
    }
    object.parent_folder_id.iter().try_for_each(|id| id.encode(w))?;
    match object.old {
        Some(OldObject::Message { folder_id, message_id }) if has_old(flags) && flags.is_message() => {
            w.u64(folder_id.0).u64(message_id.0);
        }
        Some(OldObject::Folder { folder_id, parent_folder_id }) if has_old(flags) && !flags.is_message() => {
            w.u64(folder_id.0).u64(parent_folder_id.0);
        }
        None if !has_old(flags) => {}
        _ => return Err(mismatch(w, flags, "OldFolderId")),
    }
    match &object.tags {
        Some(tags) if has_tags(flags) => {
            if tags.len() >= usize::from(NO_TAGS) {
                return Err(mismatch(w, flags, "TagCount"));
            }
            w.len16(tags.len(), "TagCount")?;
            for tag in tags {
                w.u32(tag.0);
            }
        }
        None if has_tags(flags) => {
            w.u16(NO_TAGS);
        }
        None => {}
        Some(_) => return Err(mismatch(w, flags, "TagCount")),
    }
    Ok(())
}

fn write_new_mail(w: &mut Writer, mail: &NewMail) -> Result<()> {
    let is_unicode = mail.message_class.is_unicode();
    w.u32(mail.message_flags).u8(u8::from(is_unicode));
    mail.message_class.write(w, is_unicode, "MessageClass")
}
