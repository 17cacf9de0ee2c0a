//! Tests of messages, attachments, recipients, streams and named properties.

use mapi::ErrorCode;
use mapi::data::{
    AddressType, FolderId, MessageId, PropertyName, RecipientFlags, RecipientRow, Text, TypedString,
};
use mapi::emsmdb::RpcFlags;
use mapi::property::names::set::PS_PUBLIC_STRINGS;
use mapi::property::{PropTag, PropType, PropertyRow, PropertyValue, TaggedValue};
use mapi::rop::attachment::{
    AttachmentTableFlags, OpenAttachmentFlags, RopCreateAttachmentRequest, RopDeleteAttachmentRequest,
    RopGetAttachmentTableRequest, RopOpenAttachmentRequest, RopOpenEmbeddedMessageRequest,
    RopSaveChangesAttachmentRequest,
};
use mapi::rop::folder::{DeleteMessagesRequest, RopMoveCopyMessagesRequest};
use mapi::rop::message::{
    MessageOpenModeFlags, ReadFlags, RopCreateMessageRequest, RopOpenMessageRequest, RopOpenMessageResponse,
    RopSaveChangesMessageRequest, RopSetReadFlagsRequest, SaveFlags,
};
use mapi::rop::named_property::{
    PropertyIdFlags, RopGetNamesFromPropertyIdsRequest, RopGetPropertyIdsFromNamesRequest,
};
use mapi::rop::recipient::{
    ModifyRecipientRow, RecipientType, RopModifyRecipientsRequest, SizedRecipientRow,
};
use mapi::rop::stream::StreamOpenModeFlags;
use mapi::rop::{
    Bool, DestHandleIndex, InputHandleIndex, List16, OutputHandleIndex, RequestBody, ResponseBody, RopRequest,
};
use wire::{Encode as _, Utf16};

use super::Caller;
use super::folders::permit;
use super::mail::{LOGON, Mail, OUT_MAX, text};
use super::streams::{DATA, open_stream, read, write};

const SUBJECT: PropTag = PropTag::PidTagSubject;
pub(super) const INBOX: usize = 4;
const DELETED: usize = 7;
pub(super) const KEEP: SaveFlags = SaveFlags::KEEP_OPEN_READ_WRITE;

/// alice, whose inbox is at 1.
pub(super) fn alice() -> Mail {
    let mut mail = Mail::alice();
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    mail
}

/// Creates a message that is unread once it is saved.
pub(super) fn create(mail: &mut Mail, folder_id: FolderId, output: u8) -> Result<(), ErrorCode> {
    create_draft(mail, folder_id, output)?;
    let unread = TaggedValue::new(PropTag::PidTagMessageFlags, PropertyValue::Integer32(0));
    mail.set(output, vec![unread]).map(drop)
}

pub(super) fn create_draft(mail: &mut Mail, folder_id: FolderId, output: u8) -> Result<(), ErrorCode> {
    let request = RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(output),
        code_page_id: 0x0fff,
        folder_id,
        associated_flag: Bool::FALSE,
    };
    mail.rop(LOGON, RequestBody::RopCreateMessage(request)).map(drop)
}

pub(super) fn save(mail: &mut Mail, message: u8, save_flags: SaveFlags) -> Result<MessageId, ErrorCode> {
    let request = RopSaveChangesMessageRequest { input_handle_index: InputHandleIndex(message), save_flags };
    match mail.rop(message, RequestBody::RopSaveChangesMessage(request))? {
        ResponseBody::RopSaveChangesMessage(saved) => Ok(saved.message_id),
        other => panic!("{other:?}"),
    }
}

pub(super) fn open(
    mail: &mut Mail,
    message_id: MessageId,
    flags: MessageOpenModeFlags,
    output: u8,
) -> Result<RopOpenMessageResponse, ErrorCode> {
    let request = RopOpenMessageRequest {
        output_handle_index: OutputHandleIndex(output),
        code_page_id: 0x0fff,
        folder_id: mail.special(INBOX),
        open_mode_flags: flags,
        message_id,
    };
    match mail.rop(LOGON, RequestBody::RopOpenMessage(request))? {
        ResponseBody::RopOpenMessage(opened) => Ok(*opened),
        other => panic!("{other:?}"),
    }
}

/// Saves a message in the inbox, with the handle at `output`.
pub(super) fn message(mail: &mut Mail, subject: &str, output: u8) -> MessageId {
    let inbox = mail.special(INBOX);
    create(mail, inbox, output).unwrap();
    assert_eq!(mail.set(output, vec![text(SUBJECT, subject)]), Ok(vec![]));
    save(mail, output, KEEP).unwrap()
}

pub(super) fn recipient(row_id: u32, address: &str) -> ModifyRecipientRow {
    let flags = RecipientFlags::EMAIL_ADDRESS | RecipientFlags::DISPLAY_NAME | RecipientFlags::UNICODE;
    let row = RecipientRow {
        flags: flags.with_address_type(AddressType::SMTP),
        x500_dn: None,
        entry_id: None,
        search_key: None,
        address_type: None,
        email_address: Some(Text::from(address)),
        display_name: Some(Text::from(address)),
        simple_display_name: None,
        transmittable_display_name: None,
        column_count: 0,
        properties: PropertyRow::default(),
    };
    let recipient_row = Some(SizedRecipientRow::new(row));
    ModifyRecipientRow { row_id, recipient_type: RecipientType::PRIMARY, recipient_row }
}

pub(super) fn modify(
    mail: &mut Mail,
    message: u8,
    recipient_rows: Vec<ModifyRecipientRow>,
) -> Result<(), ErrorCode> {
    let request = RopModifyRecipientsRequest { recipient_columns: Vec::new(), recipient_rows };
    mail.rop(message, RequestBody::RopModifyRecipients(request)).map(drop)
}

#[test]
fn a_message_is_in_its_folder_once_it_is_saved() {
    let mut mail = alice();
    let inbox = mail.special(INBOX);
    create(&mut mail, inbox, 2).unwrap();
    assert_eq!(mail.set(2, vec![text(SUBJECT, "RE: Tea")]), Ok(vec![]));
    assert_eq!(mail.open_table(1, true, 3), Ok(0), "before it is saved");
    modify(&mut mail, 2, vec![recipient(0, "bob@lab.test"), recipient(7, "x@elsewhere.test")]).unwrap();
    let id = save(&mut mail, 2, SaveFlags::NONE).unwrap();
    assert_eq!(save(&mut mail, 2, KEEP), Err(ErrorCode::MAPI_E_CALL_FAILED), "it was saved without KeepOpen");
    assert_eq!(mail.texts(3, SUBJECT), ["RE: Tea"], "in a table that was open before");
    assert_eq!(mail.get(1, PropTag::PidTagContentCount), Ok(PropertyValue::Integer32(1)));
    assert_eq!(mail.get(1, PropTag::PidTagContentUnreadCount), Ok(PropertyValue::Integer32(1)));

    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 4).unwrap();
    assert_eq!(opened.subject_prefix, TypedString::ReducedUnicode(b"RE: ".to_vec()));
    assert_eq!(opened.normalized_subject, TypedString::ReducedUnicode(b"Tea".to_vec()));
    assert_eq!(opened.recipients.recipient_count, 2);
    assert_eq!(mail.get(4, PropTag::PidTagMessageClass), Ok(PropertyValue::from("IPM.Note")));
    assert_eq!(mail.get(4, PropTag::PidTagMid), Ok(PropertyValue::Integer64(id.0.cast_signed())));
    assert_eq!(
        mail.get(4, PropTag::PidTagDisplayTo),
        Ok(PropertyValue::from("bob@lab.test; x@elsewhere.test"))
    );
    let refused = mail.set(4, vec![text(SUBJECT, "No")]);
    assert_eq!(refused, Err(ErrorCode::MAPI_E_NO_ACCESS), "open for reading");
}

#[test]
fn a_message_that_was_changed_meanwhile_is_saved_only_by_force() {
    let mut mail = alice();
    let id = message(&mut mail, "First", 2);
    open(&mut mail, id, MessageOpenModeFlags::READ_WRITE, 3).unwrap();
    mail.set(3, vec![text(SUBJECT, "Second")]).unwrap();
    save(&mut mail, 3, KEEP).unwrap();
    mail.set(2, vec![text(SUBJECT, "Third")]).unwrap();
    assert_eq!(save(&mut mail, 2, KEEP), Err(ErrorCode::MAPI_E_OBJECT_CHANGED));
    mail.open_table(1, true, 4).unwrap();
    assert_eq!(mail.texts(4, SUBJECT), ["Second"]);
    assert_eq!(save(&mut mail, 2, SaveFlags::FORCE_SAVE), Ok(id));
    mail.open_table(1, true, 4).unwrap();
    assert_eq!(mail.texts(4, SUBJECT), ["Third"]);
}

#[test]
fn an_attachment_is_in_the_message_once_both_are_saved() {
    let mut mail = alice();
    let id = message(&mut mail, "With a file", 2);
    let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(3) };
    mail.rop(2, RequestBody::RopCreateAttachment(request)).unwrap();
    mail.set(3, vec![text(PropTag::PidTagAttachLongFilename, "tea.txt")]).unwrap();
    open_stream(&mut mail, 3, DATA, StreamOpenModeFlags::CREATE, 4).unwrap();
    let data: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    write(&mut mail, 4, &data).unwrap();
    mail.release(4);
    let request =
        RopSaveChangesAttachmentRequest { input_handle_index: InputHandleIndex(3), save_flags: KEEP };
    mail.rop(3, RequestBody::RopSaveChangesAttachment(request)).unwrap();
    save(&mut mail, 2, KEEP).unwrap();

    let opened = open(&mut mail, id, MessageOpenModeFlags::READ_WRITE, 5).unwrap();
    assert_eq!(opened.recipients.recipient_count, 0);
    assert_eq!(mail.get(5, PropTag::PidTagHasAttachments), Ok(PropertyValue::Boolean(true)));
    let request = RopGetAttachmentTableRequest {
        output_handle_index: OutputHandleIndex(6),
        table_flags: AttachmentTableFlags::UNICODE,
    };
    mail.rop(5, RequestBody::RopGetAttachmentTable(request)).unwrap();
    assert_eq!(mail.texts(6, PropTag::PidTagAttachLongFilename), ["tea.txt"]);
    let request = RopOpenAttachmentRequest {
        output_handle_index: OutputHandleIndex(7),
        open_attachment_flags: OpenAttachmentFlags::READ_ONLY,
        attachment_id: 0,
    };
    mail.rop(5, RequestBody::RopOpenAttachment(request)).unwrap();
    let too_big = mail.get(7, DATA);
    assert_eq!(too_big, Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY), "it does not fit into a response");
    assert_eq!(open_stream(&mut mail, 7, DATA, StreamOpenModeFlags::READ_ONLY, 8), Ok(400_000));
    let mut found = Vec::new();
    while let part = read(&mut mail, 8, 30_000).unwrap()
        && !part.is_empty()
    {
        found.extend(part);
    }
    assert!(found == data);
    mail.rop(5, RequestBody::RopDeleteAttachment(RopDeleteAttachmentRequest { attachment_id: 0 })).unwrap();
    save(&mut mail, 5, KEEP).unwrap();
    open(&mut mail, id, MessageOpenModeFlags::NONE, 9).unwrap();
    assert_eq!(mail.get(9, PropTag::PidTagHasAttachments), Ok(PropertyValue::Boolean(false)));
}

#[test]
fn a_message_is_embedded_in_an_attachment() {
    let mut mail = alice();
    let id = message(&mut mail, "Outer", 2);
    let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(3) };
    mail.rop(2, RequestBody::RopCreateAttachment(request)).unwrap();
    let embedded = |flags, output| {
        RequestBody::RopOpenEmbeddedMessage(RopOpenEmbeddedMessageRequest {
            output_handle_index: OutputHandleIndex(output),
            code_page_id: 0x0fff,
            open_mode_flags: flags,
        })
    };
    let absent = mail.rop(3, embedded(MessageOpenModeFlags::NONE, 4));
    assert_eq!(absent, Err(ErrorCode::MAPI_E_NOT_FOUND));
    mail.rop(3, embedded(MessageOpenModeFlags::CREATE, 4)).unwrap();
    mail.set(4, vec![text(SUBJECT, "Inner")]).unwrap();
    save(&mut mail, 4, KEEP).unwrap();
    let request =
        RopSaveChangesAttachmentRequest { input_handle_index: InputHandleIndex(3), save_flags: KEEP };
    mail.rop(3, RequestBody::RopSaveChangesAttachment(request)).unwrap();
    save(&mut mail, 2, KEEP).unwrap();

    open(&mut mail, id, MessageOpenModeFlags::NONE, 5).unwrap();
    let request = RopOpenAttachmentRequest {
        output_handle_index: OutputHandleIndex(6),
        open_attachment_flags: OpenAttachmentFlags::BEST_ACCESS,
        attachment_id: 0,
    };
    mail.rop(5, RequestBody::RopOpenAttachment(request)).unwrap();
    assert_eq!(mail.get(6, PropTag::PidTagAttachMethod), Ok(PropertyValue::Integer32(5)));
    mail.rop(6, embedded(MessageOpenModeFlags::NONE, 7)).unwrap();
    assert_eq!(mail.get(7, SUBJECT), Ok(PropertyValue::from("Inner")));
}

/// Moves messages from the folder at 1 to that at `target`, or copies them. Returns whether some were left out.
pub(super) fn transfer(
    mail: &mut Mail,
    message_ids: &[MessageId],
    copy: u8,
    target: u8,
) -> Result<bool, ErrorCode> {
    let request = RopMoveCopyMessagesRequest {
        dest_handle_index: DestHandleIndex(target),
        message_ids: List16(message_ids.to_vec()),
        want_asynchronous: Bool::FALSE,
        want_copy: Bool(copy),
    };
    match mail.rop(1, RequestBody::RopMoveCopyMessages(request))? {
        ResponseBody::RopMoveCopyMessages(moved) => Ok(moved.partial_completion.is_true()),
        other => panic!("{other:?}"),
    }
}

/// Deletes messages from the folder at 1. Returns whether some were left out.
pub(super) fn delete(mail: &mut Mail, message_ids: &[MessageId]) -> bool {
    let request = DeleteMessagesRequest {
        want_asynchronous: Bool::FALSE,
        notify_non_read: Bool::FALSE,
        message_ids: List16(message_ids.to_vec()),
    };
    match mail.rop(1, RequestBody::RopDeleteMessages(request)).unwrap() {
        ResponseBody::RopDeleteMessages(deleted) => deleted.partial_completion.is_true(),
        other => panic!("{other:?}"),
    }
}

/// Marks messages in the folder at 1 as read.
pub(super) fn mark_read(mail: &mut Mail, message_ids: &[MessageId]) {
    let request = RopSetReadFlagsRequest {
        want_asynchronous: Bool::FALSE,
        read_flags: ReadFlags::NONE,
        message_ids: List16(message_ids.to_vec()),
    };
    mail.rop(1, RequestBody::RopSetReadFlags(request)).unwrap();
}

#[test]
fn messages_are_moved_copied_marked_and_deleted() {
    let mut mail = alice();
    mail.open_folder(mail.special(DELETED), 9).unwrap();
    let ids: Vec<MessageId> = ["a", "b", "c"].iter().map(|subject| message(&mut mail, subject, 2)).collect();
    let unknown = MessageId(1);
    assert_eq!(transfer(&mut mail, &ids[..1], 1, 9), Ok(false));
    assert_eq!(transfer(&mut mail, &[ids[1], unknown], 0, 9), Ok(true));
    assert_eq!(transfer(&mut mail, &ids[..1], 0, 15), Err(ErrorCode::EC_DST_NULL_OBJECT));
    mail.open_table(1, true, 3).unwrap();
    mail.open_table(9, true, 4).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["a", "c"]);
    assert_eq!(mail.texts(4, SUBJECT), ["a", "b"]);

    mark_read(&mut mail, &ids[..1]);
    assert_eq!(mail.get(1, PropTag::PidTagContentUnreadCount), Ok(PropertyValue::Integer32(1)));

    assert!(delete(&mut mail, &ids[..2]), "b was moved");
    mail.open_table(1, true, 3).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["c"]);
    assert_eq!(
        open(&mut mail, ids[0], MessageOpenModeFlags::NONE, 5).err(),
        Some(ErrorCode::MAPI_E_NOT_FOUND)
    );
}

#[test]
fn a_name_of_a_property_has_one_id() {
    let mut mail = alice();
    let name = PropertyName::Name { guid: PS_PUBLIC_STRINGS, name: Utf16::new("Colour") };
    let ids = |mail: &mut Mail, flags| {
        let property_names = List16(vec![name.clone()]);
        let request = RopGetPropertyIdsFromNamesRequest { flags, property_names };
        match mail.rop(LOGON, RequestBody::RopGetPropertyIdsFromNames(request))? {
            ResponseBody::RopGetPropertyIdsFromNames(found) => Ok::<_, ErrorCode>(found.property_ids.0),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ids(&mut mail, PropertyIdFlags::NONE), Ok(vec![0]));
    let property_names = List16(vec![name.clone()]);
    let request = RopGetPropertyIdsFromNamesRequest { flags: PropertyIdFlags::NONE, property_names };
    let body = RequestBody::RopGetPropertyIdsFromNames(request);
    let request = RopRequest { logon_id: 0, handle_index: LOGON, body }.to_bytes().unwrap();
    let response = mail.send(&request, RpcFlags::NONE, OUT_MAX).unwrap();
    assert_eq!(response[0][2..6], [0; 4], "the response has no warning");
    assert_eq!(ids(&mut mail, PropertyIdFlags::CREATE), Ok(vec![0x8001]));
    assert_eq!(ids(&mut mail, PropertyIdFlags::NONE), Ok(vec![0x8001]));
    let request = RopGetNamesFromPropertyIdsRequest { property_ids: List16(vec![0x8001, 0x9000, 0x0037]) };
    let names = match mail.rop(LOGON, RequestBody::RopGetNamesFromPropertyIds(request)).unwrap() {
        ResponseBody::RopGetNamesFromPropertyIds(found) => found.property_names.0,
        other => panic!("{other:?}"),
    };
    assert_eq!(names[0], name);
    assert!(matches!(names[1], PropertyName::None { .. }));
    assert!(matches!(names[2], PropertyName::Lid { lid: 0x0037, .. }));
    let tag = PropTag::new(0x8001, PropType::PtypString);
    let id = message(&mut mail, "Named", 2);
    mail.set(2, vec![text(tag, "blue")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert!(open(&mut mail, id, MessageOpenModeFlags::NONE, 3).unwrap().has_named_properties.is_true());
    assert_eq!(mail.get(3, tag), Ok(PropertyValue::from("blue")));
}

#[test]
fn ids_and_handles_are_valid_in_their_own_mailbox_only() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let id = message(&mut alice, "Private", 2);
    let mut bob = Mail::open(&caller, "bob", "bob").unwrap();
    assert_eq!(open(&mut bob, id, MessageOpenModeFlags::NONE, 2).err(), Some(ErrorCode::MAPI_E_NOT_FOUND));
    bob.handles.clone_from(&alice.handles);
    bob.handles[0] = 1;
    assert_eq!(bob.get(2, SUBJECT), Err(ErrorCode::EC_NULL_OBJECT), "a handle of another session");
    assert_eq!(alice.get(2, SUBJECT), Ok(PropertyValue::from("Private")));
    let mid = TaggedValue::new(PropTag::PidTagMid, PropertyValue::Integer64(1));
    assert_eq!(alice.set(2, vec![mid]), Ok(vec![ErrorCode::MAPI_E_COMPUTED]));
}

#[test]
fn a_folder_has_the_size_of_its_messages() {
    let mut mail = alice();
    let size = |mail: &mut Mail, index, tag| mail.get(index, tag).unwrap().to_integer().unwrap();
    assert_eq!(size(&mut mail, 1, PropTag::PidTagMessageSizeExtended), 0);
    let mut sizes = 0;
    for subject in ["one", "another"] {
        message(&mut mail, subject, 2);
        sizes += size(&mut mail, 2, PropTag::PidTagMessageSize);
        assert_eq!(mail.get(2, PropTag::PidTagAccessLevel), Ok(PropertyValue::Integer32(1)));
    }
    assert_eq!(size(&mut mail, 1, PropTag::PidTagMessageSizeExtended), sizes);
    assert_eq!(size(&mut mail, 1, PropTag::PidTagMessageSize), sizes);
}

#[test]
fn a_right_to_delete_own_messages_does_not_delete_those_of_others() {
    let mut mail = alice();
    let id = message(&mut mail, "Of Alice", 2);
    permit(&mut mail, 1, "bob", 0x401 | 0x10);
    let mut bob = Mail::open(&mail.caller, "bob", "alice").unwrap();
    bob.open_folder(mail.special(INBOX), 1).unwrap();
    assert!(delete(&mut bob, &[id]), "the deletion is partial");
    assert!(!delete(&mut mail, &[id]));
}

#[test]
fn a_message_names_its_creator_and_who_changed_it_last() {
    let mut mail = alice();
    let id = message(&mut mail, "Of Alice", 2);
    let name = |mail: &mut Mail, tag| mail.get(2, tag).unwrap();
    let creator = name(&mut mail, PropTag::PidTagCreatorName);
    assert_eq!(name(&mut mail, PropTag::PidTagLastModifierName), creator);
    let creator_id = mail.get(LOGON, PropTag::PidTagMailboxOwnerEntryId).unwrap();
    for tag in [PropTag::PidTagCreatorEntryId, PropTag::PidTagLastModifierEntryId] {
        assert_eq!(name(&mut mail, tag), creator_id, "{tag:?}");
    }
    permit(&mut mail, 1, "bob", 0x421);
    let mut bob = Mail::open(&mail.caller, "bob", "alice").unwrap();
    bob.open_folder(mail.special(INBOX), 1).unwrap();
    open(&mut bob, id, MessageOpenModeFlags::READ_WRITE, 2).unwrap();
    save(&mut bob, 2, KEEP).unwrap();
    assert_eq!(name(&mut bob, PropTag::PidTagCreatorName), creator);
    assert_ne!(name(&mut bob, PropTag::PidTagLastModifierName), creator);
    assert_eq!(name(&mut bob, PropTag::PidTagCreatorEntryId), creator_id);
    let modifier = bob.get(LOGON, PropTag::PidTagUserEntryId).unwrap();
    assert_eq!(name(&mut bob, PropTag::PidTagLastModifierEntryId), modifier);
    let key = name(&mut mail, PropTag::PidTagSearchKey);
    message(&mut mail, "Another", 2);
    assert_ne!(name(&mut mail, PropTag::PidTagSearchKey), key);
}
