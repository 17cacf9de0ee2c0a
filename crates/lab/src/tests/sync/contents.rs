//! Downloads of the changes of messages.

use mapi::fast_transfer::{Marker, Property, Value};
use mapi::property::{FuzzyLevel, PropTag, PropType, PropertyValue, Restriction, TaggedValue};
use mapi::rop::attachment::{RopCreateAttachmentRequest, RopSaveChangesAttachmentRequest};
use mapi::rop::fast_transfer::SendOptions;
use mapi::rop::message::{MessageOpenModeFlags, RopCreateMessageRequest};
use mapi::rop::sync::{SynchronizationExtraFlags, SynchronizationFlags};
use mapi::rop::{Bool, InputHandleIndex, OutputHandleIndex, RequestBody};
use wire::FileTime;

use super::client::{Downloaded, State, Sync, download};
use crate::tests::mail::{LOGON, Mail, text};
use crate::tests::messages::{INBOX, KEEP, alice, delete, mark_read, message, modify, open, recipient, save};

const SUBJECT: PropTag = PropTag::PidTagSubject;

fn sync(mail: &mut Mail, state: &State) -> Downloaded {
    download(mail, 1, &Sync::contents(), state).unwrap()
}

/// Saves folder associated information in the inbox.
fn associated(mail: &mut Mail, subject: &str) {
    let request = RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(5),
        code_page_id: 0x0fff,
        folder_id: mail.special(INBOX),
        associated_flag: Bool::TRUE,
    };
    mail.rop(LOGON, RequestBody::RopCreateMessage(request)).unwrap();
    mail.set(5, vec![text(SUBJECT, subject)]).unwrap();
    save(mail, 5, KEEP).unwrap();
}

#[test]
fn each_version_of_a_message_is_downloaded_once() {
    let mut mail = alice();
    let ids = ["a", "b"].map(|subject| message(&mut mail, subject, 2));
    associated(&mut mail, "settings");
    let first = sync(&mut mail, &State::default());
    assert_eq!(first.texts(SUBJECT), ["a", "b", "settings"]);
    assert!(first.ids(PropTag::MetaTagIdsetDeleted).is_empty());
    let again = sync(&mut mail, &first.state);
    assert_eq!((again.changes().len(), &again.state), (0, &first.state));

    open(&mut mail, ids[1], MessageOpenModeFlags::READ_WRITE, 3).unwrap();
    mail.set(3, vec![text(SUBJECT, "b2")]).unwrap();
    save(&mut mail, 3, KEEP).unwrap();
    message(&mut mail, "c", 2);
    let second = sync(&mut mail, &first.state);
    assert_eq!(second.texts(SUBJECT), ["b2", "c"]);
    assert_eq!(sync(&mut mail, &State::default()).texts(SUBJECT), ["a", "b2", "settings", "c"]);
}

#[test]
fn deletions_and_read_states_are_downloaded_as_sets() {
    let mut mail = alice();
    let ids = ["a", "b", "c"].map(|subject| message(&mut mail, subject, 2));
    let first = sync(&mut mail, &State::default());
    delete(&mut mail, &ids[..1]);
    mark_read(&mut mail, &ids[1..2]);
    let second = sync(&mut mail, &first.state);
    assert_eq!(second.changes().len(), 0);
    let deleted = second.ids(PropTag::MetaTagIdsetDeleted);
    assert!(deleted.contains_message(ids[0]) && deleted.len() == 1);
    let read = second.ids(PropTag::MetaTagIdsetRead);
    assert!(read.contains_message(ids[1]) && read.len() == 1);
    assert!(second.ids(PropTag::MetaTagIdsetUnread).is_empty());
    let third = sync(&mut mail, &second.state);
    assert_eq!(third.tree.groups().count(), 2, "the state and the end: {}", third.tree);

    let flags = SynchronizationFlags::NO_DELETIONS | SynchronizationFlags::NORMAL;
    let without = download(&mut mail, 1, &Sync { flags, ..Sync::contents() }, &first.state).unwrap();
    assert_eq!(without.tree.groups().count(), 2, "neither was requested");
    let given = without.state.set(PropTag::MetaTagIdsetGiven);
    assert_eq!(given.len(), 3, "the client still has it");
    assert!(sync(&mut mail, &without.state).ids(PropTag::MetaTagIdsetRead).contains_message(ids[1]));
}

#[test]
fn a_message_that_no_longer_matches_the_restriction_leaves_the_scope() {
    let mut mail = alice();
    let ids = ["tea", "tea too", "coffee"].map(|subject| message(&mut mail, subject, 2));
    let restriction = Some(Restriction::Content {
        fuzzy_level: FuzzyLevel::FL_PREFIX,
        tag: SUBJECT,
        value: TaggedValue::new(SUBJECT, PropertyValue::from("tea")),
    });
    let restricted = Sync { restriction, ..Sync::contents() };
    let first = download(&mut mail, 1, &restricted, &State::default()).unwrap();
    assert_eq!(first.texts(SUBJECT), ["tea", "tea too"]);
    open(&mut mail, ids[0], MessageOpenModeFlags::READ_WRITE, 3).unwrap();
    mail.set(3, vec![text(SUBJECT, "cocoa")]).unwrap();
    save(&mut mail, 3, KEEP).unwrap();
    delete(&mut mail, &ids[1..2]);
    let second = download(&mut mail, 1, &restricted, &first.state).unwrap();
    let left = second.ids(PropTag::MetaTagIdsetNoLongerInScope);
    assert!(left.contains_message(ids[0]) && left.len() == 1);
    let deleted = second.ids(PropTag::MetaTagIdsetDeleted);
    assert!(deleted.contains_message(ids[1]) && deleted.len() == 1);
    assert!(second.state.set(PropTag::MetaTagIdsetGiven).is_empty());

    let flags = restricted.flags | SynchronizationFlags::IGNORE_NO_LONGER_IN_SCOPE;
    let ignoring = download(&mut mail, 1, &Sync { flags, ..restricted }, &first.state).unwrap();
    assert!(ignoring.ids(PropTag::MetaTagIdsetNoLongerInScope).is_empty());
    assert_eq!(ignoring.state.set(PropTag::MetaTagIdsetGiven).len(), 1);
}

#[test]
fn a_change_has_the_properties_recipients_and_attachments_of_the_message() {
    let mut mail = alice();
    let id = message(&mut mail, "RE: Räksmörgås", 2);
    modify(&mut mail, 2, vec![recipient(3, "bob@lab.test")]).unwrap();
    let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(3) };
    mail.rop(2, RequestBody::RopCreateAttachment(request)).unwrap();
    mail.set(3, vec![text(PropTag::PidTagAttachLongFilename, "tea.txt")]).unwrap();
    let request =
        RopSaveChangesAttachmentRequest { input_handle_index: InputHandleIndex(3), save_flags: KEEP };
    mail.rop(3, RequestBody::RopSaveChangesAttachment(request)).unwrap();
    save(&mut mail, 2, KEEP).unwrap();

    let found = sync(&mut mail, &State::default());
    let change = found.changes()[0].clone();
    let names: Vec<PropTag> = change.properties().map(|property| property.info.tag).collect();
    let expected = [
        PropTag::PidTagSourceKey,
        PropTag::PidTagLastModificationTime,
        PropTag::PidTagChangeKey,
        PropTag::PidTagPredecessorChangeList,
        PropTag::PidTagAssociated,
        PropTag::PidTagMid,
        PropTag::PidTagChangeNumber,
    ];
    assert_eq!(names, expected);
    assert_eq!(change.get(PropTag::PidTagMid).unwrap().value, Value::Integer64(id.0.cast_signed()));
    let message = change.groups_with(Marker::IncrSyncMessage).next().unwrap();
    assert_eq!(message.get(SUBJECT).unwrap().text().unwrap(), "RE: Räksmörgås");
    assert_eq!(message.get(PropTag::PidTagNormalizedSubject).unwrap().text().unwrap(), "Räksmörgås");
    let recipient = message.groups_with(Marker::StartRecip).next().unwrap();
    assert_eq!(recipient.get(PropTag::PidTagRowid).unwrap().value, Value::Integer32(3));
    let attachment = message.groups_with(Marker::NewAttach).next().unwrap();
    assert_eq!(attachment.get(PropTag::PidTagAttachNumber).unwrap().value, Value::Integer32(0));
    let name = attachment.get(PropTag::PidTagAttachLongFilename).and_then(Property::text);
    assert_eq!(name.as_deref(), Some("tea.txt"));
}

#[test]
fn a_client_selects_properties_and_the_encoding_of_texts() {
    let mut mail = alice();
    message(&mut mail, "Tea", 2);
    mail.set(2, vec![text(PropTag::PidTagBody, "Long")]).unwrap();
    modify(&mut mail, 2, vec![recipient(3, "bob@lab.test")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    associated(&mut mail, "settings");
    let tags = vec![SUBJECT, PropTag::PidTagMessageRecipients];
    let only = SynchronizationFlags::ONLY_SPECIFIED_PROPERTIES;
    let contents = |flags, tags: &[PropTag]| {
        let flags = Sync::contents().flags | flags;
        Sync { flags, tags: tags.to_vec(), ..Sync::contents() }
    };
    let shown = |found: &Downloaded, at: usize| {
        let changes = found.changes();
        let message = changes[at].groups_with(Marker::IncrSyncMessage).next().unwrap();
        let tags = [SUBJECT, PropTag::PidTagBody, PropTag::PidTagMessageClass];
        let has = tags.map(|tag| message.get(tag).is_some());
        (has, message.groups_with(Marker::StartRecip).count())
    };
    let state = State::default();
    let found = download(&mut mail, 1, &contents(only, &tags), &state).unwrap();
    assert_eq!(shown(&found, 0), ([true, false, false], 1));
    assert_eq!(shown(&found, 1), ([true, false, false], 0));
    let found = download(&mut mail, 1, &contents(only, &[PropTag::PidTagCreationTime]), &state).unwrap();
    assert_eq!(shown(&found, 0), ([false, false, false], 0));
    let changes = found.changes();
    let message = changes[0].groups_with(Marker::IncrSyncMessage).next().unwrap();
    assert!(message.get(PropTag::PidTagCreationTime).is_some());
    let ignored = only | SynchronizationFlags::IGNORE_SPECIFIED_ON_FAI;
    let found = download(&mut mail, 1, &contents(ignored, &tags), &state).unwrap();
    assert_eq!(shown(&found, 1), ([true, false, true], 0));
    let found = download(&mut mail, 1, &contents(SynchronizationFlags::NONE, &tags), &state).unwrap();
    assert_eq!(shown(&found, 0), ([false, true, true], 0), "all except these");

    let eight_bit = Sync { options: SendOptions::NONE, ..Sync::contents() };
    let found = download(&mut mail, 1, &eight_bit, &state).unwrap();
    let changes = found.changes();
    let message = changes[0].groups_with(Marker::IncrSyncMessage).next().unwrap();
    let subject = message.get(SUBJECT).unwrap();
    assert_eq!(subject.info.tag.prop_type(), PropType::PtypString8);
    assert_eq!(subject.value, Value::Bytes(b"Tea\0"[..].into()));
}

#[test]
fn progress_sizes_and_the_order_of_delivery_are_sent_on_request() {
    let mut mail = alice();
    for (subject, time) in [("old", 5), ("new", 9), ("middle", 7)] {
        message(&mut mail, subject, 2);
        let time = PropertyValue::Time(FileTime(time));
        mail.set(2, vec![TaggedValue::new(PropTag::PidTagMessageDeliveryTime, time)]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
    }
    let sync = Sync {
        flags: Sync::contents().flags | SynchronizationFlags::PROGRESS,
        extra: SynchronizationExtraFlags::MESSAGE_SIZE | SynchronizationExtraFlags::ORDER_BY_DELIVERY_TIME,
        ..Sync::contents()
    };
    let found = download(&mut mail, 1, &sync, &State::default()).unwrap();
    assert_eq!(found.texts(SUBJECT), ["new", "middle", "old"]);
    let markers: Vec<Marker> = found.tree.groups().map(|group| group.marker).collect();
    assert_eq!(markers[0], Marker::IncrSyncProgressMode);
    assert_eq!(markers.iter().filter(|marker| **marker == Marker::IncrSyncProgressPerMsg).count(), 3);
    let changes = found.changes();
    assert!(changes[0].get(PropTag::PidTagMessageSize).is_some());
    assert!(
        changes[0].get(PropTag::PidTagMid).is_none() && changes[0].get(PropTag::PidTagChangeNumber).is_none()
    );
    let total = found.tree.groups().next().unwrap().properties().next().unwrap().clone();
    let Value::Bytes(total) = total.value else { panic!("{total:?}") };
    let total: mapi::fast_transfer::ProgressInformation = wire::Decode::from_bytes(&total).unwrap();
    assert_eq!((total.normal_message_count, total.fai_message_count), (3, 0));
    assert!(total.normal_message_total_size > 0);
}

#[test]
fn messages_that_were_not_delivered_are_in_the_order_of_their_last_change() {
    let mut mail = alice();
    for subject in ["first", "second", "third"] {
        message(&mut mail, subject, 2);
    }
    let extra = SynchronizationExtraFlags::ORDER_BY_DELIVERY_TIME;
    let sync = Sync { extra, ..Sync::contents() };
    let found = download(&mut mail, 1, &sync, &State::default()).unwrap();
    assert_eq!(found.texts(SUBJECT), ["third", "second", "first"]);
}
