//! Tests of copies of properties, nested objects and streams.

use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::attachment::{
    RopCreateAttachmentRequest, RopOpenEmbeddedMessageRequest, RopSaveChangesAttachmentRequest,
};
use mapi::rop::message::{MessageOpenModeFlags, RopOpenMessageResponse};
use mapi::rop::property::{CopyFlags, RopCopyPropertiesRequest, RopCopyPropertiesResponse, RopCopyToRequest};
use mapi::rop::stream::{RopCopyToStreamRequest, RopWriteStreamExtendedRequest, StreamOpenModeFlags};
use mapi::rop::{
    Bool, Bytes16, DestHandleIndex, Empty, InputHandleIndex, List16, OutputHandleIndex, RequestBody,
    ResponseBody,
};

use super::Caller;
use super::folders::{create, permit};
use super::mail::{Mail, text};
use super::messages::{INBOX, KEEP, alice, message, modify, open, recipient, save};
use super::streams::{DATA, open_stream, read, write};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const BODY: PropTag = PropTag::PidTagBody;

/// The tags and codes of properties that were not copied.
type Problems = Vec<(PropTag, ErrorCode)>;

fn problems(response: RopCopyPropertiesResponse) -> Problems {
    match response {
        RopCopyPropertiesResponse::Copied(problems) => {
            problems.0.iter().map(|problem| (problem.tag, problem.error_code)).collect()
        }
        other @ RopCopyPropertiesResponse::NullDestination { .. } => panic!("{other:?}"),
    }
}

fn copy_to(
    mail: &mut Mail,
    (from, to): (u8, u8),
    nested: bool,
    copy_flags: CopyFlags,
    excluded: &[PropTag],
) -> Result<Problems, ErrorCode> {
    let request = RopCopyToRequest {
        dest_handle_index: DestHandleIndex(to),
        want_asynchronous: Bool::FALSE,
        want_sub_objects: Bool(u8::from(nested)),
        copy_flags,
        excluded_tags: List16(excluded.to_vec()),
    };
    match mail.rop(from, RequestBody::RopCopyTo(request))? {
        ResponseBody::RopCopyTo(response) => Ok(problems(response)),
        other => panic!("{other:?}"),
    }
}

fn copy_properties(
    mail: &mut Mail,
    (from, to): (u8, u8),
    copy_flags: CopyFlags,
    tags: &[PropTag],
) -> Result<Problems, ErrorCode> {
    let request = RopCopyPropertiesRequest {
        dest_handle_index: DestHandleIndex(to),
        want_asynchronous: Bool::FALSE,
        copy_flags,
        property_tags: List16(tags.to_vec()),
    };
    match mail.rop(from, RequestBody::RopCopyProperties(request))? {
        ResponseBody::RopCopyProperties(response) => Ok(problems(response)),
        other => panic!("{other:?}"),
    }
}

fn new_attachment(mail: &mut Mail, message: u8, output: u8) {
    let request = RopCreateAttachmentRequest { output_handle_index: OutputHandleIndex(output) };
    mail.rop(message, RequestBody::RopCreateAttachment(request)).unwrap();
}

fn save_attachment(mail: &mut Mail, attachment: u8) {
    let input_handle_index = InputHandleIndex(attachment);
    let request = RopSaveChangesAttachmentRequest { input_handle_index, save_flags: KEEP };
    mail.rop(attachment, RequestBody::RopSaveChangesAttachment(request)).unwrap();
}

fn open_embedded(
    mail: &mut Mail,
    attachment: u8,
    flags: MessageOpenModeFlags,
    output: u8,
) -> Result<(), ErrorCode> {
    let request = RopOpenEmbeddedMessageRequest {
        output_handle_index: OutputHandleIndex(output),
        code_page_id: 0x0fff,
        open_mode_flags: flags,
    };
    mail.rop(attachment, RequestBody::RopOpenEmbeddedMessage(request)).map(drop)
}

fn new_message(mail: &mut Mail, folder: FolderId, output: u8) {
    super::messages::create(mail, folder, output).unwrap();
}

/// alice, with a message at 2 that has a large body, a recipient, a file and a message in it. The attachments and a
/// change of the subject are saved, a change of the body is not.
fn original() -> Mail {
    let mut mail = alice();
    message(&mut mail, "RE: Original", 2);
    mail.set(2, vec![text(BODY, &"x".repeat(5000))]).unwrap();
    modify(&mut mail, 2, vec![recipient(0, "bob@lab.test")]).unwrap();
    new_attachment(&mut mail, 2, 3);
    open_stream(&mut mail, 3, DATA, StreamOpenModeFlags::CREATE, 4).unwrap();
    write(&mut mail, 4, &vec![7; 50_000]).unwrap();
    mail.release(4);
    save_attachment(&mut mail, 3);
    new_attachment(&mut mail, 2, 3);
    open_embedded(&mut mail, 3, MessageOpenModeFlags::CREATE, 4).unwrap();
    mail.set(4, vec![text(SUBJECT, "Inner")]).unwrap();
    save(&mut mail, 4, KEEP).unwrap();
    save_attachment(&mut mail, 3);
    save(&mut mail, 2, KEEP).unwrap();
    mail.set(2, vec![text(PropTag::PidTagInternetMessageId, "not saved")]).unwrap();
    mail
}

#[test]
fn a_message_is_copied_to_another_with_what_is_in_it() {
    let mut mail = original();
    let inbox = mail.special(INBOX);
    new_message(&mut mail, inbox, 5);
    assert_eq!(copy_to(&mut mail, (2, 5), true, CopyFlags::NONE, &[PropTag::PidTagImportance]), Ok(vec![]));
    assert_eq!(mail.get(5, SUBJECT), Ok(PropertyValue::from("RE: Original")));
    let id = save(&mut mail, 5, KEEP).unwrap();
    let RopOpenMessageResponse { recipients, .. } =
        open(&mut mail, id, MessageOpenModeFlags::READ_WRITE, 6).unwrap();
    assert_eq!(recipients.recipient_count, 1);
    assert_eq!(mail.get(6, BODY), Ok(PropertyValue::from("x".repeat(5000).as_str())));
    assert_eq!(mail.get(6, PropTag::PidTagInternetMessageId), Ok(PropertyValue::from("not saved")));
    let valid = |mail: &mut Mail, message| match mail
        .rop(message, RequestBody::RopGetValidAttachments(Empty))
        .unwrap()
    {
        ResponseBody::RopGetValidAttachments(valid) => valid.attachment_ids,
        other => panic!("{other:?}"),
    };
    assert_eq!(valid(&mut mail, 6), [0, 1]);
    new_attachment(&mut mail, 6, 7);
    save_attachment(&mut mail, 7);
    assert_eq!(valid(&mut mail, 6), [0, 1], "which is not saved in the message");
    let open_attachment = |mail: &mut Mail, attachment_id| {
        let request = mapi::rop::attachment::RopOpenAttachmentRequest {
            output_handle_index: OutputHandleIndex(7),
            open_attachment_flags: mapi::rop::attachment::OpenAttachmentFlags::READ_ONLY,
            attachment_id,
        };
        mail.rop(6, RequestBody::RopOpenAttachment(request)).unwrap();
    };
    open_attachment(&mut mail, 0);
    assert_eq!(open_stream(&mut mail, 7, DATA, StreamOpenModeFlags::READ_ONLY, 8), Ok(50_000));
    open_attachment(&mut mail, 1);
    open_embedded(&mut mail, 7, MessageOpenModeFlags::NONE, 8).unwrap();
    assert_eq!(mail.get(8, SUBJECT), Ok(PropertyValue::from("Inner")));
}

#[test]
fn properties_are_copied_as_selected() {
    let mut mail = original();
    let inbox = mail.special(INBOX);
    new_message(&mut mail, inbox, 5);
    mail.set(5, vec![text(SUBJECT, "Mine")]).unwrap();
    assert_eq!(copy_to(&mut mail, (2, 5), false, CopyFlags::NO_OVERWRITE, &[BODY]), Ok(vec![]));
    assert_eq!(mail.get(5, SUBJECT), Ok(PropertyValue::from("Mine")), "which it has already");
    assert_eq!(mail.get(5, BODY), Err(ErrorCode::MAPI_E_NOT_FOUND), "which is excluded");
    let tags = [SUBJECT, PropTag::PidTagMid, PropTag::PidTagHtml];
    let expected = vec![
        (PropTag::PidTagMid, ErrorCode::MAPI_E_COMPUTED),
        (PropTag::PidTagHtml, ErrorCode::MAPI_E_NOT_FOUND),
    ];
    assert_eq!(copy_properties(&mut mail, (2, 5), CopyFlags::NONE, &tags), Ok(expected));
    assert_eq!(mail.get(5, SUBJECT), Ok(PropertyValue::from("RE: Original")));
    let id = save(&mut mail, 5, KEEP).unwrap();
    let opened = open(&mut mail, id, MessageOpenModeFlags::NONE, 6).unwrap();
    assert_eq!(opened.recipients.recipient_count, 0, "nested objects are not selected");
    assert_eq!(copy_to(&mut mail, (2, 6), false, CopyFlags::NONE, &[]), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(
        copy_to(&mut mail, (2, 5), false, CopyFlags(8), &[]),
        Err(ErrorCode::MAPI_E_INVALID_PARAMETER)
    );
    assert_eq!(copy_to(&mut mail, (2, 1), false, CopyFlags::NONE, &[]), Err(ErrorCode::MAPI_E_NO_SUPPORT));
    let request = RopCopyToRequest {
        dest_handle_index: DestHandleIndex(15),
        want_asynchronous: Bool::FALSE,
        want_sub_objects: Bool::FALSE,
        copy_flags: CopyFlags::NONE,
        excluded_tags: List16(Vec::new()),
    };
    assert_eq!(mail.rop(2, RequestBody::RopCopyTo(request)), Err(ErrorCode::EC_DST_NULL_OBJECT));
}

#[test]
fn a_message_is_not_copied_into_itself() {
    let mut mail = original();
    let cycle = Err(ErrorCode(0x504));
    assert_eq!(copy_to(&mut mail, (2, 2), true, CopyFlags::NONE, &[]), cycle);
    assert_eq!(copy_to(&mut mail, (2, 4), true, CopyFlags::NONE, &[]), cycle, "into a message in it");
    assert_eq!(copy_to(&mut mail, (4, 2), false, CopyFlags::NONE, &[]), Ok(vec![]), "which may be copied");
    assert_eq!(mail.get(2, SUBJECT), Ok(PropertyValue::from("Inner")));
}

#[test]
fn copies_of_a_session_have_a_limited_size() {
    let mut mail = alice();
    message(&mut mail, "Large", 2);
    new_attachment(&mut mail, 2, 3);
    open_stream(&mut mail, 3, DATA, StreamOpenModeFlags::CREATE, 4).unwrap();
    let request = mapi::rop::stream::RopSetStreamSizeRequest { stream_size: 20 << 20 };
    mail.rop(4, RequestBody::RopSetStreamSize(request)).unwrap();
    mail.release(4);
    save_attachment(&mut mail, 3);
    mail.release(3);
    save(&mut mail, 2, KEEP).unwrap();
    let inbox = mail.special(INBOX);
    let results: Vec<_> = (5..9)
        .map(|output| {
            new_message(&mut mail, inbox, output);
            copy_to(&mut mail, (2, output), true, CopyFlags::NONE, &[])
        })
        .collect();
    let too_much = Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY);
    assert_eq!(results, [Ok(vec![]), Ok(vec![]), Ok(vec![]), too_much]);
}

#[test]
fn a_folder_is_copied_to_another_with_what_is_selected() {
    let caller = Caller::new();
    let mut mail = Mail::open(&caller, "alice", "alice").unwrap();
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    let from = create(&mut mail, 1, "From", 2).unwrap();
    create(&mut mail, 2, "Child", 3).unwrap();
    new_message(&mut mail, from, 4);
    save(&mut mail, 4, KEEP).unwrap();
    mail.set(2, vec![text(PropTag::PidTagComment, "A comment")]).unwrap();
    let to = create(&mut mail, 1, "To", 5).unwrap();
    assert_eq!(copy_to(&mut mail, (2, 5), false, CopyFlags::NONE, &[]), Ok(vec![]));
    assert_eq!(mail.get(5, PropTag::PidTagComment), Ok(PropertyValue::from("A comment")));
    assert_eq!(mail.get(5, PropTag::PidTagDisplayName), Ok(PropertyValue::from("To")));
    assert_eq!(mail.get(5, PropTag::PidTagSubfolders), Ok(PropertyValue::Boolean(false)));
    let hierarchy = PropTag::PidTagContainerHierarchy;
    assert_eq!(copy_to(&mut mail, (2, 5), true, CopyFlags::NONE, &[hierarchy]), Ok(vec![]));
    assert_eq!(mail.get(5, PropTag::PidTagContentCount), Ok(PropertyValue::Integer32(1)));
    assert_eq!(mail.get(5, PropTag::PidTagSubfolders), Ok(PropertyValue::Boolean(false)));
    assert_eq!(copy_properties(&mut mail, (2, 5), CopyFlags::NONE, &[hierarchy]), Ok(vec![]));
    assert_eq!(mail.get(5, PropTag::PidTagSubfolders), Ok(PropertyValue::Boolean(true)));
    let collision = copy_properties(&mut mail, (2, 5), CopyFlags::NONE, &[hierarchy]);
    assert_eq!(collision, Err(ErrorCode::MAPI_E_COLLISION));
    let cycle = Err(ErrorCode(0x8004_060b));
    assert_eq!(copy_to(&mut mail, (2, 3), true, CopyFlags::NONE, &[]), cycle);
    assert_eq!(copy_to(&mut mail, (2, 5), false, CopyFlags::MOVE, &[]), Err(ErrorCode::MAPI_E_NO_SUPPORT));

    // Someone else needs to read the one and to own the other.
    permit(&mut mail, 2, "bob", 0x5fb & !0x101);
    permit(&mut mail, 5, "bob", 0x5fb);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(from, 2).unwrap();
    bob.open_folder(to, 5).unwrap();
    assert_eq!(copy_to(&mut bob, (2, 5), true, CopyFlags::NONE, &[]), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(copy_to(&mut bob, (5, 2), true, CopyFlags::NONE, &[]), Err(ErrorCode::MAPI_E_NO_ACCESS));
}

#[test]
fn a_stream_is_copied_from_its_position() {
    let mut mail = original();
    let copy = |mail: &mut Mail, (from, to): (u8, u8), byte_count| {
        let request = RopCopyToStreamRequest { dest_handle_index: DestHandleIndex(to), byte_count };
        match mail.rop(from, RequestBody::RopCopyToStream(request))? {
            ResponseBody::RopCopyToStream(copied) => Ok((copied.read_byte_count, copied.written_byte_count)),
            other => panic!("{other:?}"),
        }
    };
    let (from, to) = (PropTag::PidTagHtml, PropTag::PidTagRtfCompressed);
    open_stream(&mut mail, 2, from, StreamOpenModeFlags::CREATE, 5).unwrap();
    open_stream(&mut mail, 2, to, StreamOpenModeFlags::CREATE, 6).unwrap();
    let request = RopWriteStreamExtendedRequest { data: Bytes16(b"0123456789".to_vec().into()) };
    match mail.rop(5, RequestBody::RopWriteStreamExtended(request)).unwrap() {
        ResponseBody::RopWriteStreamExtended(written) => assert_eq!(written.written_size, 10),
        other => panic!("{other:?}"),
    }
    assert_eq!(copy(&mut mail, (5, 6), 4), Ok((0, 0)), "the source is at its end");
    let seek = |mail: &mut Mail, stream, offset| {
        let origin = mapi::rop::stream::Origin::BEGINNING;
        let request = mapi::rop::stream::RopSeekStreamRequest { origin, offset };
        mail.rop(stream, RequestBody::RopSeekStream(request)).unwrap();
    };
    seek(&mut mail, 5, 2);
    assert_eq!(copy(&mut mail, (5, 6), 4), Ok((4, 4)));
    assert_eq!(copy(&mut mail, (5, 6), 1 << 40), Ok((4, 4)), "until the end");
    seek(&mut mail, 6, 0);
    assert_eq!(read(&mut mail, 6, 100).unwrap(), b"23456789");
    seek(&mut mail, 5, 0);
    assert_eq!(copy(&mut mail, (5, 15), 1), Err(ErrorCode::EC_DST_NULL_OBJECT));
    assert_eq!(copy(&mut mail, (5, 2), 1), Err(ErrorCode::MAPI_E_NO_SUPPORT), "a message is no stream");
    assert_eq!(copy(&mut mail, (5, 5), 5), Ok((5, 5)), "to itself");
    open_stream(&mut mail, 2, BODY, StreamOpenModeFlags::READ_ONLY, 7).unwrap();
    seek(&mut mail, 5, 0);
    assert_eq!(copy(&mut mail, (5, 7), 5), Err(ErrorCode(0x8003_0005)), "open for reading");
    assert_eq!(read(&mut mail, 5, 1).unwrap(), b"0", "the position stays");
}
