//! Objects that are copied as streams.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId, PropertyName};
use mapi::fast_transfer::Marker;
use mapi::property::names::set::PS_PUBLIC_STRINGS;
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::attachment::{
    RopCreateAttachmentRequest, RopOpenEmbeddedMessageRequest, RopSaveChangesAttachmentRequest,
};
use mapi::rop::fast_transfer::{
    CopyToFlags, DestinationCopyFlags, FolderCopyFlags, MessageCopyFlags, PropertyCopyFlags,
    RopFastTransferDestinationConfigureRequest, RopFastTransferDestinationPutBufferRequest,
    RopFastTransferSourceCopyFolderRequest, RopFastTransferSourceCopyMessagesRequest,
    RopFastTransferSourceCopyPropertiesRequest, RopFastTransferSourceCopyToRequest, RopTellVersionRequest,
    SendOptions, SourceOperation, TransferStatus, Version,
};
use mapi::rop::message::MessageOpenModeFlags;
use mapi::rop::named_property::{PropertyIdFlags, RopGetPropertyIdsFromNamesRequest};
use mapi::rop::stream::StreamOpenModeFlags;
use mapi::rop::{Bool, Bytes16, InputHandleIndex, List16, OutputHandleIndex, RequestBody, ResponseBody};
use wire::Utf16;

use super::client::{DOWNLOAD, read_all, tree};
use crate::tests::Caller;
use crate::tests::folders::{create, permit};
use crate::tests::mail::{LOGON, Mail, text};
use crate::tests::messages::{
    INBOX, KEEP, alice, create as create_message, message, modify, recipient, save,
};
use crate::tests::streams::{open_stream, write};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const UPLOAD: u8 = 12;
const UNICODE: SendOptions = SendOptions::UNICODE;
const NO_ACCESS: Result<(), ErrorCode> = Err(ErrorCode::MAPI_E_NO_ACCESS);

/// A message in the inbox, at 2: with a named property, a long text, a recipient, a file, and an embedded message.
fn rich(mail: &mut Mail) -> MessageId {
    message(mail, "RE: Rich", 2);
    let name = PropertyName::Name { guid: PS_PUBLIC_STRINGS, name: Utf16::new("Colour") };
    let request = RopGetPropertyIdsFromNamesRequest {
        flags: PropertyIdFlags::CREATE,
        property_names: List16(vec![name]),
    };
    let id = match mail.rop(LOGON, RequestBody::RopGetPropertyIdsFromNames(request)).unwrap() {
        ResponseBody::RopGetPropertyIdsFromNames(found) => found.property_ids.0[0],
        other => panic!("{other:?}"),
    };
    mail.set(2, vec![text(PropTag::new(id, PropType::PtypString), "blue")]).unwrap();
    open_stream(mail, 2, PropTag::PidTagBody, StreamOpenModeFlags::CREATE, 3).unwrap();
    write(mail, 3, Utf16::new(&"long text ".repeat(9000)).as_le_bytes()).unwrap();
    mail.release(3);
    modify(mail, 2, vec![recipient(3, "bob@lab.test")]).unwrap();
    for embeds in [false, true] {
        let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(3) };
        mail.rop(2, RequestBody::RopCreateAttachment(request)).unwrap();
        if embeds {
            let request = RopOpenEmbeddedMessageRequest {
                output_handle_index: OutputHandleIndex(4),
                code_page_id: 0x0fff,
                open_mode_flags: MessageOpenModeFlags::CREATE,
            };
            mail.rop(3, RequestBody::RopOpenEmbeddedMessage(request)).unwrap();
            mail.set(4, vec![text(SUBJECT, "Inner")]).unwrap();
            save(mail, 4, KEEP).unwrap();
        } else {
            open_stream(mail, 3, PropTag::PidTagAttachDataBinary, StreamOpenModeFlags::CREATE, 4).unwrap();
            write(mail, 4, &vec![7; 100_000]).unwrap();
            mail.release(4);
        }
        let request =
            RopSaveChangesAttachmentRequest { input_handle_index: InputHandleIndex(3), save_flags: KEEP };
        mail.rop(3, RequestBody::RopSaveChangesAttachment(request)).unwrap();
    }
    save(mail, 2, KEEP).unwrap()
}

fn copy_messages(
    mail: &mut Mail,
    folder: u8,
    ids: &[MessageId],
    flags: MessageCopyFlags,
) -> Result<Vec<u8>, ErrorCode> {
    let request = RopFastTransferSourceCopyMessagesRequest {
        output_handle_index: OutputHandleIndex(DOWNLOAD),
        message_ids: List16(ids.to_vec()),
        copy_flags: flags,
        send_options: UNICODE,
    };
    mail.rop(folder, RequestBody::RopFastTransferSourceCopyMessages(request))?;
    read_all(mail, DOWNLOAD, 0xBABE)
}

fn copy_folder(mail: &mut Mail, folder: u8) -> Result<Vec<u8>, ErrorCode> {
    let request = RopFastTransferSourceCopyFolderRequest {
        output_handle_index: OutputHandleIndex(DOWNLOAD),
        copy_flags: FolderCopyFlags::COPY_SUBFOLDERS,
        send_options: UNICODE,
    };
    mail.rop(folder, RequestBody::RopFastTransferSourceCopyFolder(request))?;
    read_all(mail, DOWNLOAD, 0xBABE)
}

fn copy_to(mail: &mut Mail, object: u8, level: u8, excluded: &[PropTag]) -> Result<Vec<u8>, ErrorCode> {
    copy_with(mail, object, level, (CopyToFlags::NONE, UNICODE), excluded)
}

fn copy_with(
    mail: &mut Mail,
    object: u8,
    level: u8,
    (copy_flags, send_options): (CopyToFlags, SendOptions),
    excluded: &[PropTag],
) -> Result<Vec<u8>, ErrorCode> {
    let request = RopFastTransferSourceCopyToRequest {
        output_handle_index: OutputHandleIndex(DOWNLOAD),
        level: Bool(level),
        copy_flags,
        send_options,
        property_tags: List16(excluded.to_vec()),
    };
    mail.rop(object, RequestBody::RopFastTransferSourceCopyTo(request))?;
    read_all(mail, DOWNLOAD, 0xBABE)
}

fn configure(mail: &mut Mail, object: u8, source_operation: SourceOperation) -> Result<(), ErrorCode> {
    let request = RopFastTransferDestinationConfigureRequest {
        output_handle_index: OutputHandleIndex(UPLOAD),
        source_operation,
        copy_flags: DestinationCopyFlags::NONE,
    };
    mail.rop(object, RequestBody::RopFastTransferDestinationConfigure(request)).map(drop)
}

/// Uploads a part of a stream; by both ROPs in turn.
fn put(mail: &mut Mail, part: &[u8], extended: bool) -> Result<(), ErrorCode> {
    let request = RopFastTransferDestinationPutBufferRequest { transfer_data: Bytes16(part.to_vec().into()) };
    let used = if extended {
        match mail.rop(UPLOAD, RequestBody::RopFastTransferDestinationPutBufferExtended(request))? {
            ResponseBody::RopFastTransferDestinationPutBufferExtended(response) => response.buffer_used_size,
            other => panic!("{other:?}"),
        }
    } else {
        match mail.rop(UPLOAD, RequestBody::RopFastTransferDestinationPutBuffer(request))? {
            ResponseBody::RopFastTransferDestinationPutBuffer(response) => {
                assert_ne!(response.transfer_status, TransferStatus::ERROR);
                response.buffer_used_size
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(usize::from(used), part.len());
    Ok(())
}

fn upload(mail: &mut Mail, object: u8, operation: SourceOperation, stream: &[u8]) -> Result<(), ErrorCode> {
    configure(mail, object, operation)?;
    for (number, part) in stream.chunks(12_345).enumerate() {
        put(mail, part, number % 2 == 1)?;
    }
    mail.release(UPLOAD);
    Ok(())
}

/// The ids of the messages in the folder at `folder`.
fn ids(mail: &mut Mail, folder: u8) -> Vec<MessageId> {
    let columns = [PropTag::PidTagMid];
    mail.open_table(folder, true, 6).unwrap();
    mail.set_columns(6, &columns).unwrap();
    let rows = mail.rows(6, &columns, 100).unwrap();
    let id = |value: &PropertyValue| match value {
        PropertyValue::Integer64(id) => MessageId(id.cast_unsigned()),
        other => panic!("{other:?}"),
    };
    rows.iter().map(|row| id(row.value(0).unwrap())).collect()
}

#[test]
fn messages_that_are_copied_as_a_stream_are_equal() {
    let mut mail = alice();
    let id = rich(&mut mail);
    let plain = message(&mut mail, "Plain", 5);
    create(&mut mail, 1, "Target", 9).unwrap();
    let stream = copy_messages(&mut mail, 1, &[id, MessageId(1), plain], MessageCopyFlags::NONE).unwrap();
    let found = tree(&stream);
    assert_eq!(found.groups().filter(|group| group.marker == Marker::StartMessage).count(), 2);
    upload(&mut mail, 9, SourceOperation::COPY_MESSAGES, &stream).unwrap();
    let copies = ids(&mut mail, 9);
    assert_eq!(copies.len(), 2);
    assert!(copy_messages(&mut mail, 9, &copies, MessageCopyFlags::NONE).unwrap() == stream);
    let with_ids = copy_messages(&mut mail, 1, &[plain], MessageCopyFlags::SEND_ENTRY_ID).unwrap();
    let with_ids = tree(&with_ids);
    let first = with_ids.groups().next().unwrap();
    assert!(first.get(PropTag::PidTagMid).is_some() && first.get(PropTag::PidTagChangeKey).is_some());
}

#[test]
fn folders_that_are_copied_as_a_stream_are_equal() {
    let mut mail = alice();
    let top = create(&mut mail, 1, "Top", 8).unwrap();
    mail.set(8, vec![text(PropTag::PidTagComment, "Tea")]).unwrap();
    let below = create(&mut mail, 8, "Below", 9).unwrap();
    for (folder, subject) in [(top, "one"), (below, "two"), (below, "three")] {
        create_message(&mut mail, folder, 2).unwrap();
        mail.set(2, vec![text(SUBJECT, subject)]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
    }
    let stream = copy_folder(&mut mail, 8).unwrap();
    create(&mut mail, 1, "Target", 10).unwrap();
    upload(&mut mail, 10, SourceOperation::COPY_FOLDER, &stream).unwrap();
    mail.open_table(10, false, 6).unwrap();
    mail.set_columns(6, &[PropTag::PidTagFolderId]).unwrap();
    let rows = mail.rows(6, &[PropTag::PidTagFolderId], 10).unwrap();
    let PropertyValue::Integer64(copy) = rows[0].value(0).unwrap() else { panic!() };
    mail.open_folder(FolderId(copy.cast_unsigned()), 7).unwrap();
    // The ids of subfolders and messages, and the versions of messages differ.
    let shown = |stream: &[u8]| -> String {
        let lines = tree(stream).to_string();
        let is_same = |line: &&str| {
            !["FolderId", "Mid", "ChangeKey", "PredecessorChangeList", "LastModificationTime"]
                .iter()
                .any(|name| line.contains(&format!("PidTag{name}")))
        };
        lines.lines().filter(is_same).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(tree(&stream).to_string().matches("PidTagMid").count(), 3, "an id for each message");
    assert_eq!(shown(&copy_folder(&mut mail, 7).unwrap()), shown(&stream));
    assert!(shown(&stream).contains("three"));

    // The content of a folder is added to that of another one.
    let content = copy_to(&mut mail, 8, 0, &[]).unwrap();
    upload(&mut mail, 10, SourceOperation::COPY_TO, &content).unwrap();
    assert_eq!(ids(&mut mail, 10).len(), 1);
    assert_eq!(mail.get(10, PropTag::PidTagComment), Ok(PropertyValue::from("Tea")));
    assert_eq!(mail.get(10, PropTag::PidTagDisplayName), Ok(PropertyValue::from("Target")), "the name stays");
    let shallow = tree(&copy_to(&mut mail, 8, 1, &[]).unwrap());
    assert_eq!(shallow.groups().count(), 0, "neither messages nor subfolders: {shallow}");
}

#[test]
fn a_message_takes_what_is_copied_from_another_one() {
    let mut mail = alice();
    rich(&mut mail);
    let stream = copy_to(&mut mail, 2, 0, &[]).unwrap();
    message(&mut mail, "Other", 5);
    modify(&mut mail, 5, vec![recipient(9, "carol@lab.test")]).unwrap();
    upload(&mut mail, 5, SourceOperation::COPY_TO, &stream).unwrap();
    save(&mut mail, 5, KEEP).unwrap();
    assert!(copy_to(&mut mail, 5, 0, &[]).unwrap() == stream);
    let shallow = tree(&copy_to(&mut mail, 5, 1, &[SUBJECT]).unwrap());
    assert_eq!(shallow.groups().count(), 0);
    let request = RopFastTransferSourceCopyPropertiesRequest {
        output_handle_index: OutputHandleIndex(DOWNLOAD),
        level: Bool::FALSE,
        copy_flags: PropertyCopyFlags::NONE,
        send_options: UNICODE,
        property_tags: List16(vec![SUBJECT, PropTag::PidTagMessageRecipients]),
    };
    mail.rop(2, RequestBody::RopFastTransferSourceCopyProperties(request)).unwrap();
    let some = tree(&read_all(&mut mail, DOWNLOAD, 0xBABE).unwrap()).to_string();
    assert!(
        some.contains("RE: Rich") && some.contains("StartRecip") && !some.contains("NewAttach"),
        "{some}"
    );
    let request = RopTellVersionRequest { version: Version([8, 0, 0]) };
    mail.rop(2, RequestBody::RopTellVersion(request)).unwrap();
}

#[test]
fn streams_that_are_malformed_or_too_large_end_the_upload() {
    let mut mail = alice();
    let marker = |marker: Marker| marker.0.to_le_bytes().to_vec();
    let huge = [&PropTag::PidTagHtml.0.to_le_bytes()[..], &u32::MAX.to_le_bytes()].concat();
    let deep = |count: usize| {
        let pair = [marker(Marker::NewAttach), marker(Marker::StartEmbed)].concat();
        [marker(Marker::StartMessage), pair.repeat(count)].concat()
    };
    let many = [marker(Marker::StartRecip), marker(Marker::EndToRecip)].concat().repeat(1001);
    let invalid = ErrorCode::MAPI_E_INVALID_PARAMETER;
    for (stream, code) in [
        (marker(Marker::EndMessage), invalid),
        (marker(Marker::StartRecip), invalid),
        ([marker(Marker::StartMessage), marker(Marker::EndFolder)].concat(), invalid),
        ([marker(Marker::StartMessage), marker(Marker::StartMessage)].concat(), invalid),
        (vec![0xff; 40], invalid),
        ([marker(Marker::StartMessage), huge].concat(), ErrorCode::MAPI_E_TOO_BIG),
        (deep(33), invalid),
        ([marker(Marker::StartMessage), many].concat(), invalid),
        ([marker(Marker::StartTopFld), marker(Marker::EndFolder)].concat(), invalid),
    ] {
        configure(&mut mail, 1, SourceOperation::COPY_MESSAGES).unwrap();
        let result = stream.chunks(20_000).try_for_each(|part| put(&mut mail, part, false));
        assert_eq!(result, Err(code), "{:x?}", &stream[..stream.len().min(16)]);
        let more = put(&mut mail, &marker(Marker::StartMessage), true);
        assert_eq!(more, Err(code), "it takes no more");
        mail.release(UPLOAD);
    }
    configure(&mut mail, 1, SourceOperation::COPY_MESSAGES).unwrap();
    assert_eq!(put(&mut mail, &deep(31), false), Ok(()));
    assert_eq!(ids(&mut mail, 1), [], "a message that has not ended is not stored");
    assert_eq!(configure(&mut mail, 1, SourceOperation(9)), Err(invalid));
    assert_eq!(configure(&mut mail, LOGON, SourceOperation::COPY_TO), Err(ErrorCode::MAPI_E_NO_SUPPORT));
}

/// What a user could try in the mailbox of another one: to copy messages or hidden subfolders out of it, and to put
/// messages, properties or folders into it, without the rights to do so.
#[test]
fn streams_require_the_rights_of_what_they_read_and_write() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    permit(&mut alice, 1, "bob", 0x402); // Create and FolderVisible.
    let id = message(&mut alice, "Private", 2);
    let shared = create(&mut alice, 1, "Shared", 9).unwrap();
    permit(&mut alice, 9, "bob", 0x401); // ReadAny and FolderVisible.
    let hidden = create(&mut alice, 9, "Hidden", 10).unwrap();
    permit(&mut alice, 10, "bob", 0);
    create_message(&mut alice, hidden, 2).unwrap();
    save(&mut alice, 2, KEEP).unwrap();
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    bob.open_folder(shared, 2).unwrap();
    let all = MessageCopyFlags::NONE;
    assert_eq!(copy_messages(&mut bob, 1, &[id], all).map(drop), NO_ACCESS);
    assert_eq!(copy_messages(&mut bob, 2, &[id], all), Ok(vec![]), "it is in another folder");
    assert_eq!(copy_folder(&mut bob, 1).map(drop), NO_ACCESS);
    assert_eq!(copy_to(&mut bob, 1, 0, &[]).map(drop), NO_ACCESS);
    for stream in [copy_folder(&mut bob, 2).unwrap(), copy_to(&mut bob, 2, 0, &[]).unwrap()] {
        let shown = tree(&stream).to_string();
        assert!(shown.contains("Shared") && !shown.contains("Hidden"), "{shown}");
    }

    let whole = copy_folder(&mut alice, 9).unwrap();
    let one = copy_messages(&mut alice, 1, &[id], all).unwrap();
    assert_eq!(upload(&mut bob, 1, SourceOperation::COPY_MESSAGES, &one), Ok(()));
    assert_eq!(upload(&mut bob, 2, SourceOperation::COPY_MESSAGES, &one), NO_ACCESS);
    for folder in [1, 2] {
        assert_eq!(configure(&mut bob, folder, SourceOperation::COPY_FOLDER), NO_ACCESS);
        assert_eq!(configure(&mut bob, folder, SourceOperation::COPY_TO), NO_ACCESS);
    }
    assert_eq!(upload(&mut bob, 1, SourceOperation::COPY_MESSAGES, &whole), NO_ACCESS, "it has folders");
    configure(&mut bob, 1, SourceOperation::COPY_MESSAGES).unwrap();
    permit(&mut alice, 1, "bob", 0x400);
    assert_eq!(put(&mut bob, &one[..one.len().min(20_000)], false), NO_ACCESS, "the right was withdrawn");
}

#[test]
fn options_of_copies_are_checked() {
    let mut mail = alice();
    message(&mut mail, "Copied", 2);
    let mut copy = |flags, options| copy_with(&mut mail, 2, 0, (flags, options), &[]).map(drop);
    let refused = Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!(copy(CopyToFlags::MOVE, UNICODE), refused);
    assert_eq!(copy(CopyToFlags::NONE, SendOptions(0x80)), refused);
    assert_eq!(copy(CopyToFlags::NONE, SendOptions(0x21)), Ok(()), "a reserved option is ignored");
}
