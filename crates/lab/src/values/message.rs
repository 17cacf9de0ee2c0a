//! The properties of messages ([MS-OXCMSG] 2.2.1).

use mapi::data::Gid;
use mapi::property::{PropTag, PropertyValue};
use store::{Mailbox, Message, ObjectId, Properties};
use wire::Encode as _;

use super::convert::canonical;
use super::entry_id::{folder_entry_id, message_entry_id};
use super::flags::flags;

/// `MAPI_MESSAGE` ([MS-OXCPRPT] 2.2.1.7).
const MESSAGE: i32 = 5;
/// `PidTagAccess` of messages: modify, read, delete ([MS-OXCPRPT] 2.2.1.1).
const ACCESS: i32 = 0x1 | 0x2 | 0x4;
/// `PidTagAccessLevel`: the object can be changed ([MS-OXCPRPT] 2.2.1.2).
const MODIFY: i32 = 1;
/// `PidTagRowType`: a row of a table that is not grouped (`TBL_LEAF_ROW`, [MS-OXCTABL] 2.2.1.3).
const LEAF_ROW: i32 = 1;
/// Properties that the server computes, and that clients cannot set.
pub(crate) const COMPUTED: [PropTag; 23] = [
    PropTag::PidTagMid,
    PropTag::PidTagFolderId,
    PropTag::PidTagParentFolderId,
    PropTag::PidTagInstID,
    PropTag::PidTagInstanceNum,
    PropTag::PidTagRowType,
    PropTag::PidTagMessageSize,
    PropTag::PidTagCreationTime,
    PropTag::PidTagLastModificationTime,
    PropTag::PidTagLocalCommitTime,
    PropTag::PidTagChangeNumber,
    PropTag::PidTagChangeKey,
    PropTag::PidTagPredecessorChangeList,
    PropTag::PidTagSourceKey,
    PropTag::PidTagParentSourceKey,
    PropTag::PidTagEntryId,
    PropTag::PidTagParentEntryId,
    PropTag::PidTagRecordKey,
    PropTag::PidTagObjectType,
    PropTag::PidTagAccess,
    PropTag::PidTagAccessLevel,
    PropTag::PidTagRead,
    PropTag::PidTagAssociated,
];
/// Properties that depend on others of the message.
const DERIVED: [PropTag; 3] =
    [PropTag::PidTagMessageFlags, PropTag::PidTagSubject, PropTag::PidTagNormalizedSubject];

/// The property with the id of `tag` of a message in a folder, in its own type.
pub(crate) fn of_message(
    mailbox: &Mailbox,
    message: &Message,
    properties: &Properties,
    tag: PropTag,
) -> Option<PropertyValue> {
    use PropertyValue as V;
    let id = |id: ObjectId| V::Integer64(id.message_id().0.cast_signed());
    let gid = |id: ObjectId| Gid { replica: mailbox.replica, global_counter: id.counter() };
    let key = |id: ObjectId| V::Binary(gid(id).to_bytes().unwrap_or_default());
    Some(match canonical(tag, &COMPUTED) {
        PropTag::PidTagMid | PropTag::PidTagInstID => id(message.id),
        PropTag::PidTagFolderId | PropTag::PidTagParentFolderId => id(message.folder),
        PropTag::PidTagInstanceNum => V::Integer32(0),
        PropTag::PidTagRowType => V::Integer32(LEAF_ROW),
        PropTag::PidTagMessageSize => V::Integer32(i32::try_from(message.size).unwrap_or(i32::MAX)),
        PropTag::PidTagCreationTime => V::Time(message.created),
        PropTag::PidTagLastModificationTime | PropTag::PidTagLocalCommitTime => V::Time(message.modified),
        PropTag::PidTagChangeNumber => V::Integer64(message.change.change_number().0.cast_signed()),
        PropTag::PidTagChangeKey => V::Binary(message.change_key.clone()),
        PropTag::PidTagPredecessorChangeList => V::Binary(message.predecessors.clone()),
        PropTag::PidTagSourceKey => key(message.id),
        PropTag::PidTagParentSourceKey => key(message.folder),
        PropTag::PidTagEntryId | PropTag::PidTagRecordKey => {
            V::Binary(message_entry_id(mailbox, message.folder, message.id))
        }
        PropTag::PidTagParentEntryId => V::Binary(folder_entry_id(mailbox, message.folder)),
        PropTag::PidTagObjectType => V::Integer32(MESSAGE),
        PropTag::PidTagAccess => V::Integer32(ACCESS),
        PropTag::PidTagAccessLevel => V::Integer32(MODIFY),
        PropTag::PidTagRead => V::Boolean(message.read),
        PropTag::PidTagAssociated => V::Boolean(message.associated),
        tag if tag.is_same_property(PropTag::PidTagMessageFlags) => {
            V::Integer32(flags(properties, message.read, message.associated))
        }
        tag => return of_content(properties, tag),
    })
}

/// The property with the id of `tag` of a message that may be in no folder.
pub(crate) fn of_content(properties: &Properties, tag: PropTag) -> Option<PropertyValue> {
    match canonical(tag, &DERIVED) {
        PropTag::PidTagMessageFlags => Some(PropertyValue::Integer32(flags(properties, false, false))),
        PropTag::PidTagSubject => {
            let normalized = properties.text(PropTag::PidTagNormalizedSubject)?;
            let prefix = properties.text(PropTag::PidTagSubjectPrefix).unwrap_or_default();
            Some(PropertyValue::from(format!("{prefix}{normalized}").as_str()))
        }
        _ => properties.get(tag).cloned(),
    }
}

/// The prefix and the rest of a subject: the prefix has at most three characters, then a colon and a space
/// ([MS-OXCMSG] 3.2.5.2).
pub(crate) fn split_subject(subject: &str) -> (&str, &str) {
    match subject.split_once(": ") {
        Some((prefix, rest))
            if (1..=3).contains(&prefix.chars().count()) && prefix.chars().all(char::is_alphabetic) =>
        {
            (subject.get(..subject.len().saturating_sub(rest.len())).unwrap_or_default(), rest)
        }
        _ => ("", subject),
    }
}
