//! The work for a ROP depends on its size, and not on what the session's objects hold: a client may send thousands of
//! ROPs of a few bytes in one batch.

use std::time::{Duration, Instant};

use engine::objects::{BatchObjects, ObjectHandle, ObjectKind, ObjectLimits, ObjectTable};
use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId, TypedString};
use mapi::emsmdb::NO_OBJECT;
use mapi::property::PropTag;
use mapi::rop::folder::{OpenModeFlags, RopOpenFolderRequest, RopOpenFolderResponse};
use mapi::rop::logon::{
    LogonFlags, LogonTime, OpenFlags, PrivateLogon, ResponseFlags, RopLogonRequest, RopLogonResponse,
};
use mapi::rop::message::{MessageOpenModeFlags, RopOpenMessageRequest, RopOpenMessageResponse};
use mapi::rop::recipient::{OpenRecipients, RopModifyRecipientsRequest};
use mapi::rop::stream::{
    RopCloneStreamRequest, RopOpenStreamRequest, RopOpenStreamResponse, RopWriteStreamRequest,
    RopWriteStreamResponse, StreamOpenModeFlags,
};
use mapi::rop::{
    Bool, Bytes16, Empty, MAX_ADDED_COLUMNS, OutputHandleIndex, RequestBody, ResponseBody, RopReply,
    RopRequest,
};
use wire::Guid;

/// Applies `body`, to which the server responds with `response`.
fn settle(
    batch: &mut BatchObjects<'_>,
    (logon_id, handle_index): (u8, u8),
    body: RequestBody,
    response: ResponseBody,
) {
    let request = RopRequest { logon_id, handle_index, body };
    let reply = RopReply { handle_index, return_value: ErrorCode::SUCCESS, body: response };
    batch.settle(&request, Some(&reply), &[10, 11, 12]);
}

/// The least time of several runs of `run`, which returns the time that it measured. Tests compare times with a
/// generous factor: work that depends on thousands of columns or objects takes hundreds of times as long.
fn fastest(run: impl Fn() -> Duration) -> Duration {
    (0..3).map(|_| run()).min().unwrap()
}

fn logged_on() -> ResponseBody {
    ResponseBody::RopLogon(RopLogonResponse::Private(Box::new(PrivateLogon {
        logon_flags: LogonFlags::PRIVATE,
        folder_ids: [1; 13],
        response_flags: ResponseFlags::RESERVED,
        mailbox_guid: Guid::default(),
        replica_id: 1,
        replica_guid: Guid::default(),
        logon_time: LogonTime::default(),
        gwart_time: 0,
        store_state: 0,
    })))
}

fn columns(range: std::ops::Range<usize>) -> Vec<PropTag> {
    range.map(|id| PropTag(u32::try_from(id << 16 | 3).unwrap())).collect()
}

/// Opens the message 11 with these recipient columns.
fn open_message(batch: &mut BatchObjects<'_>, recipient_columns: Vec<PropTag>) {
    let open = RequestBody::RopOpenMessage(RopOpenMessageRequest {
        output_handle_index: OutputHandleIndex(1),
        code_page_id: 0x0FFF,
        folder_id: FolderId(1),
        open_mode_flags: MessageOpenModeFlags::READ_WRITE,
        message_id: MessageId(2),
    });
    let opened = ResponseBody::RopOpenMessage(Box::new(RopOpenMessageResponse {
        has_named_properties: Bool::FALSE,
        subject_prefix: TypedString::None,
        normalized_subject: TypedString::None,
        recipients: OpenRecipients { recipient_count: 0, recipient_columns, recipient_rows: Vec::new() },
    }));
    settle(batch, (0, 0), open, opened);
}

fn modify(batch: &mut BatchObjects<'_>, recipient_columns: Vec<PropTag>) {
    let request = RopModifyRecipientsRequest { recipient_columns, recipient_rows: Vec::new() };
    settle(
        batch,
        (0, 1),
        RequestBody::RopModifyRecipients(request),
        ResponseBody::RopModifyRecipients(Empty),
    );
}

fn recipient_columns(table: &ObjectTable) -> Option<usize> {
    match &table.get(ObjectHandle { logon_id: 0, handle: 11 }).unwrap().kind {
        ObjectKind::Message(message) => message.recipient_columns.as_ref().map(|columns| columns.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_that_adds_no_recipient_column_takes_as_long_whatever_columns_the_message_has() {
    let time = |known| {
        fastest(|| {
            let mut table = ObjectTable::new(ObjectLimits::default(), false);
            let mut batch = BatchObjects::new(&mut table, &[10, NO_OBJECT]);
            open_message(&mut batch, columns(0..known));
            let begin = Instant::now();
            (0..4500).for_each(|_| modify(&mut batch, Vec::new()));
            let taken = begin.elapsed();
            drop(batch);
            assert_eq!(recipient_columns(&table), Some(known));
            taken
        })
    };
    let (few, many) = (time(1), time(8000));
    assert!(many < few * 20, "{few:?}, and with 8,000 columns {many:?}");
}

#[test]
fn recipient_columns_above_the_limit_are_not_known_until_the_message_is_read_again() {
    let mut table = ObjectTable::new(ObjectLimits::default(), false);
    let mut batch = BatchObjects::new(&mut table, &[10, NO_OBJECT]);
    open_message(&mut batch, columns(0..2));
    modify(&mut batch, columns(1..MAX_ADDED_COLUMNS));
    drop(batch);
    assert_eq!(recipient_columns(&table), Some(MAX_ADDED_COLUMNS));
    let held = table.content_bytes();

    let mut batch = BatchObjects::new(&mut table, &[10, 11]);
    modify(&mut batch, columns(9000..9001));
    modify(&mut batch, columns(0..1));
    drop(batch);
    assert_eq!(recipient_columns(&table), None);
    assert_eq!((held, table.content_bytes()), (4 * MAX_ADDED_COLUMNS, 0));

    let mut batch = BatchObjects::new(&mut table, &[10, NO_OBJECT]);
    open_message(&mut batch, columns(0..2));
    drop(batch);
    assert_eq!(recipient_columns(&table), Some(2));
}

#[test]
fn a_logon_takes_as_long_whatever_objects_other_logons_have() {
    let time = |objects: u32| {
        fastest(|| {
            let mut table = ObjectTable::new(ObjectLimits::default(), false);
            let folder = RopRequest {
                logon_id: 0,
                handle_index: 0,
                body: RequestBody::RopOpenFolder(RopOpenFolderRequest {
                    output_handle_index: OutputHandleIndex(1),
                    folder_id: FolderId(1),
                    open_mode_flags: OpenModeFlags::NONE,
                }),
            };
            let body = ResponseBody::RopOpenFolder(RopOpenFolderResponse {
                has_rules: Bool::FALSE,
                is_ghosted: Bool::FALSE,
                servers: None,
            });
            let opened = RopReply { handle_index: 1, return_value: ErrorCode::SUCCESS, body };
            for handle in 0..objects {
                BatchObjects::new(&mut table, &[10, NO_OBJECT]).settle(
                    &folder,
                    Some(&opened),
                    &[10, 20 + handle],
                );
            }
            let logon = RopLogonRequest {
                logon_flags: LogonFlags::PRIVATE,
                open_flags: OpenFlags::NONE,
                store_state: 0,
                essdn: Bytes16(Vec::new().into()),
            };
            let logon = RopRequest { logon_id: 1, handle_index: 0, body: RequestBody::RopLogon(logon) };
            let opened = RopReply { handle_index: 0, return_value: ErrorCode::SUCCESS, body: logged_on() };
            let mut batch = BatchObjects::new(&mut table, &[NO_OBJECT]);
            let begin = Instant::now();
            (0..2000).for_each(|_| batch.settle(&logon, Some(&opened), &[12]));
            let taken = begin.elapsed();
            drop(batch);
            assert_eq!(table.len(), usize::try_from(objects).unwrap() + 1);
            taken
        })
    };
    let (few, many) = (time(1), time(16_000));
    assert!(many < few * 20, "{few:?}, and with 16,000 objects of another logon {many:?}");
}

#[test]
fn the_clone_of_a_long_stream_is_without_content() {
    let content = |length: usize| {
        let mut table = ObjectTable::new(ObjectLimits::default(), true);
        let mut batch = BatchObjects::new(&mut table, &[10, NO_OBJECT, NO_OBJECT]);
        let open = RequestBody::RopOpenStream(RopOpenStreamRequest {
            output_handle_index: OutputHandleIndex(1),
            property_tag: PropTag::PidTagBody,
            open_mode_flags: StreamOpenModeFlags::default(),
        });
        settle(
            &mut batch,
            (0, 0),
            open,
            ResponseBody::RopOpenStream(RopOpenStreamResponse { stream_size: 0 }),
        );
        let write =
            RequestBody::RopWriteStream(RopWriteStreamRequest { data: Bytes16(vec![7; length].into()) });
        let written = ResponseBody::RopWriteStream(RopWriteStreamResponse { written_size: 0 });
        settle(&mut batch, (0, 1), write, written);
        let clone =
            RequestBody::RopCloneStream(RopCloneStreamRequest { output_handle_index: OutputHandleIndex(2) });
        settle(&mut batch, (0, 1), clone, ResponseBody::RopCloneStream(Empty));
        drop(batch);
        match &table.get(ObjectHandle { logon_id: 0, handle: 12 }).unwrap().kind {
            ObjectKind::Stream(stream) => {
                (stream.position, stream.content.bytes().len(), stream.content.truncated)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(content(0x8000), (0x8000, 0x8000, false));
    assert_eq!(content(0x8001), (0x8001, 0, true));
}
