//! Examples of the specifications about folders, tables, permissions and rules, and batches whose responses depend
//! on the requests.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::data::{FolderId, Text};
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::folder::{MoveCompletion, RopCreateFolderRequest};
use mapi::rop::logon::{LogonFlags, LogonRedirect, OpenFlags, RopLogonRequest, RopLogonResponse};
use mapi::rop::{
    Bool, Bytes8, Bytes16, Columns, Empty, Logons, RequestBody, ResponseBody, ResponseMatcher, RopId,
    RopReply, RopRequest, RopRequests, RopResponse, RopResponses,
};
use wire::{Encode as _, Utf16};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Decodes the ROPs of `bytes`, and checks that they encode to the same bytes.
fn requests(bytes: &[u8]) -> Vec<RopRequest> {
    let requests = RopRequests::decode(bytes, &());
    assert_eq!(requests.error, None);
    assert_eq!(requests.to_bytes().unwrap(), bytes);
    requests.rops
}

/// Decodes the only ROP of an example.
fn request(text: &str) -> RopRequest {
    let [request] = <[RopRequest; 1]>::try_from(requests(&hex(text))).unwrap();
    request
}

/// Decodes the response of an example.
fn reply(request: &RopRequest, text: &str) -> RopReply {
    let (requests, bytes) = ([request.clone()], hex(text));
    let responses = RopResponses::decode(&bytes, &mut ResponseMatcher::new(&requests, &[], &()));
    assert_eq!(responses.error, None);
    assert_eq!(responses.to_bytes().unwrap(), bytes);
    match <[RopResponse; 1]>::try_from(responses.rops).unwrap() {
        [RopResponse::Reply(reply)] => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_creation_is_decoded() {
    // [MS-OXCFOLD] 4.1
    let rop = request("1C000001 01010000 46006F006C00640065007200310000000000");
    let RequestBody::RopCreateFolder(RopCreateFolderRequest { display_name, comment, .. }) = &rop.body else {
        panic!("another ROP")
    };
    assert_eq!(display_name, &Text::from("Folder1"));
    assert_eq!(comment, &Text::from(""));
    assert_eq!((rop.output_handle_index(), rop.reply_handle_index()), (Some(1), 1));
    let response = reply(&rop, "1C0100000000 010000000E915212 00");
    let ResponseBody::RopCreateFolder(response) = response.body else { panic!("another ROP") };
    assert_eq!(response.folder_id.to_string(), "0001-00000e915212");
    assert_eq!((response.is_existing_folder, response.existing), (Bool::FALSE, None));
}

#[test]
fn folder_moves_and_copies_are_decoded() {
    // [MS-OXCFOLD] 4.5, 4.6
    let move_request = request("350001020101 010000000E8EDF36 46006F006C0064006500720031000000");
    let copy_request = request("36000001010101 010000000E8EDF36 46006F006C0064006500720031000000");
    let RequestBody::RopMoveFolder(body) = &move_request.body else { panic!("another ROP") };
    assert_eq!((body.dest_handle_index.0, &body.new_folder_name), (2, &Text::Unicode(Utf16::new("Folder1"))));
    let RequestBody::RopCopyFolder(body) = &copy_request.body else { panic!("another ROP") };
    assert!(body.want_recursive.is_true());
    for (rop, response) in [(&move_request, "35010000000000"), (&copy_request, "36000000000000")] {
        let response = reply(rop, response);
        let (ResponseBody::RopMoveFolder(done) | ResponseBody::RopCopyFolder(done)) = response.body else {
            panic!("another ROP")
        };
        assert_eq!(done, MoveCompletion { dest_handle_index: None, partial_completion: Bool::FALSE });
    }
    // If the destination does not exist, the response has its handle index; some servers omit the fields of failures.
    let response = reply(&move_request, "350103050000 02000000 01");
    let ResponseBody::RopMoveFolder(done) = response.body else { panic!("another ROP") };
    assert_eq!((done.dest_handle_index, done.partial_completion), (Some(2), Bool::TRUE));
    assert_eq!(reply(&move_request, "350105000780").body, ResponseBody::Failed(RopId::RopMoveFolder));
}

#[test]
fn requests_for_search_criteria_are_decoded() {
    // [MS-OXCFOLD] 4.8.2, 4.9.1
    let get = request("310000010100");
    let RequestBody::RopGetSearchCriteria(body) = &get.body else { panic!("another ROP") };
    assert!(body.include_restriction.is_true() && !body.include_folders.is_true());
    let set = request("300001 0000 0100 010000000E8EDF36 02000000");
    assert_eq!(reply(&set, "300100000000").body, ResponseBody::RopSetSearchCriteria(Empty));
}

/// [MS-OXORULE] 4.2.1, the table of rules with its columns and rows in one batch.
const RULES: &str = "3f00000140  120001000300 14007466 02018466 1f008266  15000100013200";

#[test]
fn a_batch_that_opens_and_reads_a_rules_table_is_decoded() {
    let batch = requests(&hex(RULES));
    let bytes = hex("3f0100000000  12010000000000  150100000000 02 0100 \
                    00 0100000001 000000 0300 616263 52000000");
    let mut matcher = ResponseMatcher::new(&batch, &[0x223, 0xffff_ffff], &());
    let responses = RopResponses::decode(&bytes, &mut matcher);
    assert_eq!(responses.error, None);
    assert_eq!(responses.to_bytes().unwrap(), bytes);
    let ResponseBody::RopQueryRows(rows) = &responses.rops[2].reply().unwrap().body else {
        panic!("another ROP")
    };
    let name = PropTag::new(0x6682, PropType::PtypString);
    let row = &rows.rows[0];
    assert_eq!(row.get(rows.rows.columns(), name), Some(&PropertyValue::Unicode(Utf16::new("R"))));
    // The handle of the rules table is in the handle table of the responses.
    let changed = matcher.finish(&[0x223, 0x224]);
    let columns = changed.into_iter().rfind(|(handle, _)| *handle == 0x224).unwrap().1.unwrap();
    assert_eq!(columns.len(), 3);
    assert_eq!(columns[2], name);
}

/// A table whose columns were set by an earlier batch.
struct EarlierColumns(Arc<[PropTag]>);

impl Columns for EarlierColumns {
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        (handle == 7).then_some(&self.0)
    }
}

impl EarlierColumns {
    fn new() -> Self {
        let columns =
            [PropTag::new(0x6748, PropType::PtypInteger64), PropTag::new(0x674E, PropType::PtypInteger32)];
        Self(columns.into())
    }
}

const QUERY_ROWS: &str = "15000000013200";
/// [MS-OXCTABL] 4.5.3.2, but of two columns and one row.
const ROW: &str = "150000000000 02 0100  01 00 01000000 00f11f32 0a 0f010480";

fn rows_with(request_hex: &str, response_hex: &str, handles: &[u32]) -> RopResponses {
    let (batch, bytes) = (requests(&hex(request_hex)), hex(response_hex));
    let responses =
        RopResponses::decode(&bytes, &mut ResponseMatcher::new(&batch, handles, &EarlierColumns::new()));
    assert_eq!(responses.to_bytes().unwrap(), bytes);
    responses
}

#[test]
fn rows_are_decoded_with_the_columns_of_their_table() {
    let responses = rows_with(QUERY_ROWS, ROW, &[7]);
    assert_eq!(responses.error, None);
    let ResponseBody::RopQueryRows(rows) = &responses.rops[0].reply().unwrap().body else {
        panic!("another ROP")
    };
    let row = &rows.rows[0];
    assert_eq!(row.value(0), Some(&PropertyValue::Integer64(0x321f_f100_0000_0001)));
    assert_eq!(row.error(1), Some(ErrorCode::MAPI_E_NOT_FOUND));

    // The columns are unknown for another table, for a table that is reset or released, and for a new one.
    let unknown = [
        (QUERY_ROWS.to_owned(), ROW.to_owned(), 8),
        (format!("810000 {QUERY_ROWS}"), format!("810000000000 {ROW}"), 7),
        (format!("010000 {QUERY_ROWS}"), ROW.to_owned(), 7),
        (format!("0400000004 {QUERY_ROWS}"), format!("040000000000 01000000 {ROW}"), 7),
    ];
    for (request_hex, response_hex, handle) in unknown {
        let responses = rows_with(&request_hex, &response_hex, &[handle]);
        let error = responses.error.expect("unknown columns").to_string();
        assert!(error.starts_with("RopQueryRows.Columns"), "{error}");
        assert!(responses.rest.ends_with(&hex(ROW)));
    }
    // A table without rows needs no columns.
    assert_eq!(rows_with(QUERY_ROWS, "150000000000 02 0000", &[8]).error, None);
}

#[test]
fn packed_buffers_repeat_the_response_to_the_last_request() {
    let (batch, bytes) = (requests(&hex(QUERY_ROWS)), hex(ROW));
    let known = EarlierColumns::new();
    let mut matcher = ResponseMatcher::new(&batch, &[7], &known);
    assert_eq!(RopResponses::decode(&bytes, &mut matcher).error, None);
    let again = RopResponses::decode(&bytes, &mut matcher);
    assert!(again.rops.is_empty(), "the request has a response");
    matcher.begin_packed();
    let again = RopResponses::decode(&bytes, &mut matcher);
    assert_eq!((again.error, again.rops.len()), (None, 1));
}

#[test]
fn responses_that_match_no_request_are_not_decoded() {
    let batch = requests(&hex("010000 160000 170001"));
    for bytes in [
        "170100000000 00000000 00000000",  // not in order
        "010000000000",                    // a ROP without response
        "160000000000 00 160000000000 00", // twice
        "650000000000",                    // unknown
        "1600000000",                      // cut short
    ] {
        let bytes = hex(bytes);
        let mut matcher = ResponseMatcher::new(&batch, &[1, 2], &());
        let responses = RopResponses::decode(&bytes, &mut matcher);
        assert!(responses.error.is_some() && responses.rops.len() <= 1);
        assert_eq!(responses.to_bytes().unwrap(), bytes);
    }
    // Fewer responses than requests are accepted.
    let mut matcher = ResponseMatcher::new(&batch, &[1, 2], &());
    let responses = RopResponses::decode(&hex("160000000000 00"), &mut matcher);
    assert_eq!((responses.error, responses.rops.len()), (None, 1));
    assert_eq!(matcher.without_reply().map(RopRequest::id).collect::<Vec<_>>(), [RopId::RopQueryPosition]);
}

#[test]
fn responses_without_a_request_are_decoded_anywhere() {
    let batch = requests(&hex("160000 170001"));
    let bytes = hex("160000000000 00  6e0500  f9 ff 10270000 01 15 88130000 0200 abcd \
                    170100000000 01000000 02000000  ff 0020 170001");
    let mut matcher = ResponseMatcher::new(&batch, &[1, 2], &());
    let responses = RopResponses::decode(&bytes, &mut matcher);
    assert_eq!(responses.error, None);
    assert_eq!(responses.to_bytes().unwrap(), bytes);
    let ids: Vec<RopId> = responses.rops.iter().map(RopResponse::id).collect();
    assert_eq!(
        ids,
        [
            RopId::RopGetStatus,
            RopId::RopPending,
            RopId::RopBackoff,
            RopId::RopQueryPosition,
            RopId::RopBufferTooSmall
        ]
    );
    let RopResponse::Backoff(backoff) = &responses.rops[2] else { panic!("another response") };
    assert_eq!((backoff.duration, backoff.backoff_rop_data.0[0].rop_id), (10_000, RopId::RopQueryRows));
    let RopResponse::BufferTooSmall(small) = &responses.rops[4] else { panic!("another response") };
    assert_eq!((small.size_needed, &small.request_buffers[..]), (0x2000, &[0x17, 0, 1][..]));
}

#[test]
fn a_logon_redirection_is_decoded() {
    let logon = RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::NONE,
        store_state: 0,
        essdn: Bytes16(b"/o=Lab/cn=alice\0"[..].into()),
    };
    assert_eq!(logon.dn(), b"/o=Lab/cn=alice");
    let rop = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopLogon(logon) };
    let body = ResponseBody::RopLogon(RopLogonResponse::Redirect(LogonRedirect {
        logon_flags: LogonFlags::PRIVATE,
        server_name: Bytes8(b"/o=Lab/cn=EX2\0"[..].into()),
    }));
    let redirect = RopReply { handle_index: 0, return_value: ErrorCode::EC_WRONG_SERVER, body: body.clone() };
    let bytes = redirect.to_bytes().unwrap();
    assert_eq!(bytes, b"\xfe\x00\x78\x04\x00\x00\x01\x0e/o=Lab/cn=EX2\0");
    assert_eq!(reply(&rop, "fe0078040000 01 0e 2f6f3d4c61622f636e3d45583200"), redirect);
    // Only this return value has a redirection, and it always has one.
    for return_value in [ErrorCode::SUCCESS, ErrorCode::EC_UNKNOWN_USER] {
        assert!(RopReply { handle_index: 0, return_value, body: body.clone() }.to_bytes().is_err());
    }
    assert!(RopReply::failed(RopId::RopLogon, 0, ErrorCode::EC_WRONG_SERVER).to_bytes().is_err());
    assert_eq!(reply(&rop, "fe03eb030000"), RopReply::failed(RopId::RopLogon, 3, ErrorCode::EC_UNKNOWN_USER));
}

struct Mailboxes;

impl Logons for Mailboxes {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        [Some(true), Some(false)].get(usize::from(logon_id)).copied().flatten()
    }
}

#[test]
fn per_user_information_has_the_database_guid_in_private_mailboxes_only() {
    let folder = "00".repeat(24);
    let guid = "11".repeat(16);
    let first = format!("{folder} 00 00000000 0200 abcd");
    let later = format!("{folder} 01 02000000 0200 abcd");
    let release = "010000";
    for (text, guids, logons) in [
        (format!("640000{first}{guid}{release}"), true, 2),
        (format!("640001{later}{release}"), false, 2),
        (format!("640100{first}{release}"), false, 2),
    ] {
        let bytes = hex(&text);
        let requests = RopRequests::decode(&bytes, &Mailboxes);
        assert_eq!((requests.error, requests.rops.len()), (None, logons), "{text}");
        let RequestBody::RopWritePerUserInformation(body) = &requests.rops[0].body else {
            panic!("another ROP")
        };
        assert_eq!(body.repl_guid.is_some(), guids);
        // For an unknown logon this cannot be determined.
        let without_logons = RopRequests::decode(&bytes, &());
        assert_eq!(without_logons.error.is_some(), !text.contains(&later), "{text}");
        assert_eq!(without_logons.to_bytes().unwrap(), bytes);
    }
    // A logon within the batch replaces the one of the session.
    let logon = "fe0000 00 00000000 00000000 0000";
    let requests = RopRequests::decode(&hex(&format!("{logon} 640000 {first} {release}")), &Mailboxes);
    assert_eq!((requests.error, requests.rops.len()), (None, 3));
}

#[test]
fn the_receive_folder_table_has_fixed_columns() {
    let rop = request("680000");
    let response = reply(&rop, "680000000000 01000000  00 0100000000000d01 49504d00 0000000000000000");
    let ResponseBody::RopGetReceiveFolderTable(table) = response.body else { panic!("another ROP") };
    assert_eq!(table.rows[0].value(1), Some(&PropertyValue::String8(b"IPM".to_vec())));
    assert_eq!(
        table.rows[0].value(0).and_then(PropertyValue::to_integer).map(i64::cast_unsigned).map(FolderId),
        Some(FolderId(0x010d_0000_0000_0001))
    );
}

#[test]
fn subscriptions_have_a_scope_or_cover_the_store() {
    for (text, scoped, reserved) in [
        ("29000001 0001 01", false, false),
        ("29000001 1001 00 0100000000000d01 0000000000000000", true, false),
        ("29000001 0004 00 01", false, true),
    ] {
        let rop = request(text);
        let RequestBody::RopRegisterNotification(body) = &rop.body else { panic!("another ROP") };
        assert_eq!((body.scope.is_some(), body.reserved.is_some()), (scoped, reserved), "{text}");
        assert_eq!(rop.output_handle_index(), Some(1));
    }
}

/// `RopGetStatus` and its response, which are appended to check that the preceding ROP ends at the right byte.
const STATUS: (&str, &str) = ("160005", "160500000000 00");

/// Decodes the responses to a batch, and returns their ids.
fn response_ids(request_hex: &str, response_hex: &str) -> Vec<RopId> {
    let batch = requests(&hex(&format!("{request_hex} {}", STATUS.0)));
    let bytes = hex(&format!("{response_hex} {}", STATUS.1));
    let responses = RopResponses::decode(&bytes, &mut ResponseMatcher::new(&batch, &[], &()));
    assert_eq!(responses.error, None);
    assert_eq!(responses.to_bytes().unwrap(), bytes);
    let mut ids: Vec<RopId> = responses.rops.iter().map(RopResponse::id).collect();
    assert_eq!(ids.pop(), Some(RopId::RopGetStatus));
    ids
}

/// A server may send its progress instead of the response, and sends the response to a later `RopProgress` once the
/// operation is complete ([MS-OXCPRPT] 3.1.5).
#[test]
fn an_asynchronous_request_may_be_followed_by_its_progress() {
    let one = "0100 0100000000000d01";
    for (request_hex, response_hex) in [
        (format!("330001 02 {one} 01 01"), "330100000000 00"),
        ("350001 02 01 00 0100000000000d01 4100".to_owned(), "350100000000 01"),
        ("360001 02 01 00 00 0100000000000d01 4100".to_owned(), "360100000000 00"),
        ("580001 01 00".to_owned(), "580100000000 00"),
        ("920001 01 00".to_owned(), "920100000000 00"),
        (format!("1e0001 01 00 {one}"), "1e0100000000 00"),
        (format!("910001 01 00 {one}"), "910100000000 00"),
        (format!("660001 01 00 {one}"), "660100000000 00"),
        ("670001 02 01 00 0100 1f003700".to_owned(), "670100000000 0000"),
        ("390001 02 01 00 00 0000".to_owned(), "390100000000 0100 0000 1f003700 0f010480"),
    ] {
        let id = RopId(hex(response_hex)[0]);
        assert_eq!(response_ids(&request_hex, response_hex), [id]);
        let progress = "500100000000 00 01000000 03000000";
        assert_eq!(response_ids(&request_hex, progress), [RopId::RopProgress]);
        assert_eq!(response_ids("500001 00", response_hex), [id]);
        assert_eq!(response_ids("500001 00", progress), [RopId::RopProgress]);
    }
    // Other requests are never followed by progress.
    let batch = requests(&hex("160001"));
    let bytes = hex("500100000000 00 01000000 03000000");
    assert!(RopResponses::decode(&bytes, &mut ResponseMatcher::new(&batch, &[], &())).error.is_some());
    let batch = requests(&hex("500001 00"));
    assert!(
        RopResponses::decode(&hex("160100000000 00"), &mut ResponseMatcher::new(&batch, &[], &()))
            .error
            .is_some()
    );
}

/// [MS-OXCROPS] 2.2.6.9.2 requires the id of `RopSetMessageStatus`.
#[test]
fn the_message_status_is_decoded_under_either_rop_id() {
    let request_hex = "1f0001 0100000000000d01";
    assert_eq!(response_ids(request_hex, "200100000000 00100000"), [RopId::RopSetMessageStatus]);
    assert_eq!(response_ids(request_hex, "1f0100000000 00100000"), [RopId::RopGetMessageStatus]);
}

/// [MS-OXCROPS] 2.2.6.11.1: the first index is that of the response, the second that of the message.
#[test]
fn read_flag_requests_act_on_the_message_handle() {
    assert_eq!(request("110001 02 00").acted_on_index(), Some(2));
    assert_eq!(request("0c0001 02 0a").acted_on_index(), Some(2));
    assert_eq!(request("250001 02 0a").acted_on_index(), Some(2));
}

/// [MS-OXCROPS] 2.2.7.6.2: the number of properties is optional if none are returned.
#[test]
fn the_property_count_of_a_sent_message_is_optional() {
    for (response_hex, has_count) in [
        ("4a0100000000 01", false),
        ("4a0100000000 01 0000", true),
        ("4a0100000000 00 0000", true),
        ("4a0100000000 00 0100 0300070e 04000000", true),
    ] {
        assert_eq!(response_ids("4a0001", response_hex), [RopId::RopTransportSend]);
        let ResponseBody::RopTransportSend(body) = reply(&request("4a0001"), response_hex).body else {
            panic!("another ROP")
        };
        assert_eq!(body.property_values.0.is_some(), has_count, "{response_hex}");
    }
}

/// [MS-OXCROPS] 2.2.6.18.2 specifies a count of four bytes; some servers send two.
#[test]
fn attachment_counts_of_four_and_two_bytes_are_decoded() {
    for (count, ids, is_short) in [
        ("00000000", &[][..], false),
        ("01000000 00000000", &[0], false),
        ("02000000 01000000 03000000", &[1, 3], false),
        ("0000", &[], true),
        ("0100 00000000", &[0], true),
        ("0100 07000000", &[7], true),
        ("0200 00000000 01000000", &[0, 1], true),
    ] {
        let response_hex = format!("520100000000 {count}");
        assert_eq!(response_ids("520001", &response_hex), [RopId::RopGetValidAttachments]);
        let ResponseBody::RopGetValidAttachments(body) = reply(&request("520001"), &response_hex).body else {
            panic!("another ROP")
        };
        assert_eq!((&body.attachment_ids[..], body.is_short), (ids, is_short), "{response_hex}");
    }
}

/// The specifications differ on whether responses with a warning ([MS-OXCDATA] 2.4.3) have the fields of a success:
/// according to [MS-OXCFXICS] 2.2.3.2.4.4.2 they do not, according to [MS-OXCROPS] 2.2.8.10.2 they do.
#[test]
fn warnings_are_decoded_with_and_without_fields() {
    let keys = "00000000".repeat(5);
    for (request_hex, header, fields) in [
        (format!("780001 {keys}"), "780121080400", "0000000000000000"),
        ("180001 01 01000000 01".to_owned(), "180181040400", "01 00000000"),
        ("170001".to_owned(), "170182040400", "00000000 01000000"),
        ("550001 0100 0080".to_owned(), "550180030400", "0100 ff 00000000000000000000000000000000"),
        ("0a0001 0400 0000 0000".to_owned(), "0a0180030400", "0000"),
        ("5f0001 00 00".to_owned(), "5f0180030400", "0000"),
        ("2c0001 0100".to_owned(), "2c0180060400", "0100 ff"),
    ] {
        let id = RopId(hex(header)[0]);
        assert_eq!(response_ids(&request_hex, &format!("{header} {fields}")), [id]);
        assert_ne!(
            reply(&request(&request_hex), &format!("{header} {fields}")).body,
            ResponseBody::Failed(id)
        );
        if id != RopId::RopQueryNamedProperties {
            assert_eq!(response_ids(&request_hex, header), [id]);
            assert_eq!(reply(&request(&request_hex), header).body, ResponseBody::Failed(id));
        }
    }
    let opened = reply(&request("220001 02 00 00000000"), "220280030400");
    assert_eq!(opened.body, ResponseBody::RopOpenAttachment(Empty));
}

/// Error codes that servers define have no severity bit ([MS-OXCDATA] 2.4.1).
#[test]
fn columns_of_a_failed_request_do_not_apply_to_the_table() {
    for (failure, succeeded) in [("b9040000", false), ("00050480", false), ("80030400", true)] {
        let batch = requests(&hex(&format!("120000 00 0100 0300070e {QUERY_ROWS}")));
        let row = if succeeded { "150000000000 02 0100 00 05000000" } else { ROW };
        let bytes = hex(&format!("1200{failure} {row}"));
        let known = EarlierColumns::new();
        let mut matcher = ResponseMatcher::new(&batch, &[7], &known);
        let responses = RopResponses::decode(&bytes, &mut matcher);
        assert_eq!((responses.error, responses.rops.len()), (None, 2), "{failure}");
        assert_eq!(matcher.finish(&[7]).is_empty(), !succeeded);
    }
}
