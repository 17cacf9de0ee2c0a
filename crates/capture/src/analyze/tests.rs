//! Tests of decoding captured calls into operations.

use mapi::compress::{ExtendedBuffer, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use serde_json::{Value, json};
use wire::Encode as _;

use super::*;
use crate::Timestamp;
use crate::call::{HttpCall, HttpMessage, HttpResponse};
use crate::show;

/// The handles of a folder and of a table.
const FOLDER: u32 = 3;
const TABLE: u32 = 7;

/// `RopGetContentsTable` of the first object, into the second slot ([MS-OXCROPS] 2.2.4.14), and its response.
const GET_CONTENTS_TABLE: [u8; 5] = [0x05, 0, 0, 1, 0];
const CONTENTS_TABLE: [u8; 10] = [0x05, 1, 0, 0, 0, 0, 2, 0, 0, 0];

/// `PidTagSubject` and `PidTagImportance`.
const SUBJECT: [u8; 4] = [0x1F, 0x00, 0x37, 0x00];
const IMPORTANCE: [u8; 4] = [0x03, 0x00, 0x17, 0x00];

/// `RopSetColumns` of the object at `index` ([MS-OXCROPS] 2.2.5.1), and its response.
fn set_columns(index: u8, columns: &[[u8; 4]]) -> Vec<u8> {
    [&[0x12, 0, index, 0, u8::try_from(columns.len()).unwrap(), 0][..], &columns.concat()].concat()
}

fn columns_set(index: u8) -> Vec<u8> {
    vec![0x12, index, 0, 0, 0, 0, 0]
}

/// A row of a subject and an importance ([MS-OXCDATA] 2.8.1.1).
const ROW: [u8; 13] = [0, b'n', 0, b'e', 0, b'w', 0, 0, 0, 2, 0, 0, 0];

/// `RopNotify`: a message's row is new in the table ([MS-OXCROPS] 2.2.14.2, [MS-OXCNOTIF] 2.2.1.4.1.2).
fn notify() -> Vec<u8> {
    let to = [0x2A, 7, 0, 0, 0, 0];
    // TableModified of a message, TableRowAdded; the row's folder, message and instance.
    let row = [0x00, 0x81, 0x03, 0x00, 1, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0];
    // After no other row; the row's size, and the row.
    [&to[..], &row, &[0; 20], &[13, 0], &ROW].concat()
}

fn http_body(rops: Vec<u8>, handles: &[u32]) -> Vec<u8> {
    let buffer = RopBuffer::new(rops, handles.to_vec()).to_bytes().unwrap();
    let chain = encode_chain(&[ExtendedBuffer::plain(buffer)]).unwrap();
    let size = u32::try_from(chain.len()).unwrap().to_le_bytes();
    [&[0; 4][..], &size, &chain].concat()
}

/// An `Execute` in MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.4.2): ROPs and handles of the request and of the response.
fn execute(request_rops: (Vec<u8>, &[u32]), response_rops: (Vec<u8>, &[u32])) -> Call {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let kind = field("Content-Type", "application/mapi-http");
    let request = [http_body(request_rops.0, request_rops.1), vec![0, 0, 1, 0, 0, 0, 0, 0]].concat();
    let head = b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\n";
    let response = [&head[..], &[0; 8], &http_body(response_rops.0, response_rops.1), &[0; 4]].concat();
    let message = |fields, body: Vec<u8>| HttpMessage { fields, body: body.into(), ..HttpMessage::default() };
    let response = message(vec![kind.clone(), field("X-ResponseCode", "0")], response);
    Call {
        time: Timestamp(0),
        elapsed: None,
        connection: 1,
        user: None,
        side: None,
        client: None,
        server: None,
        body: CallBody::Http(HttpCall {
            method: "POST".to_owned(),
            target: "/mapi/emsmdb/?MailboxId=a".to_owned(),
            request: message(vec![field("X-RequestType", "Execute"), kind], request),
            response: Some(HttpResponse { status: 200, reason: "OK".to_owned(), message: response }),
        }),
    }
}

/// `ROW` is shown as these members.
fn by_name() -> Value {
    json!({ "PidTagSubject_W": "new", "PidTagImportance": 2 })
}

/// What is shown of the row in the one notification of `operation`.
fn notified_row(operation: &Operation) -> Value {
    assert_eq!(operation.problems, [""; 0]);
    let shown = show::json(operation);
    let rops = shown["rops"].as_array().unwrap().iter().filter(|rop| rop["name"] == "RopNotify");
    let [rop] = rops.collect::<Vec<_>>()[..] else { panic!("{shown}") };
    rop["response"]["NotificationData"]["TableRowData"].clone()
}

/// An `Execute` whose one ROP sets the columns of the table.
fn columns_are(columns: &[[u8; 4]]) -> Call {
    execute((set_columns(0, columns), &[TABLE]), (columns_set(0), &[TABLE]))
}

fn notified() -> Call {
    execute((Vec::new(), &[]), (notify(), &[]))
}

#[test]
fn a_row_in_a_notification_is_decoded_by_the_columns_of_its_table() {
    let mut analyzer = Analyzer::default();
    analyzer.operation(&columns_are(&[SUBJECT, IMPORTANCE]));
    let operation = analyzer.operation(&notified());
    assert_eq!(notified_row(&operation), by_name());
    let text = show::text(&operation, &mut show::Sessions::default());
    assert!(text.contains("PidTagSubject_W: \"new\""), "{text}");
}

#[test]
fn a_row_with_unknown_or_wrong_columns_is_kept_as_bytes() {
    let mut analyzer = Analyzer::default();
    let bytes = "006e0065007700000002000000";
    assert_eq!(notified_row(&analyzer.operation(&notified())), bytes);
    analyzer.operation(&columns_are(&[IMPORTANCE]));
    assert_eq!(notified_row(&analyzer.operation(&notified())), bytes);
}

#[test]
fn a_release_behind_the_rop_at_which_the_server_stopped_releases_nothing() {
    // RopQueryPosition and RopRelease of the table; RopBufferTooSmall, or no more of the response.
    let request_rops = [0x17, 0, 0, 0x01, 0, 0];
    let too_small = [&[0xFF, 0xFF, 0x7F][..], &request_rops].concat();
    for (response_rops, row) in [(too_small, by_name()), (Vec::new(), json!("006e0065007700000002000000"))] {
        let mut analyzer = Analyzer::default();
        analyzer.operation(&columns_are(&[SUBJECT, IMPORTANCE]));
        analyzer.operation(&execute((request_rops.to_vec(), &[TABLE]), (response_rops, &[TABLE])));
        assert_eq!(notified_row(&analyzer.operation(&notified())), row);
    }
}

#[test]
fn a_table_that_the_same_batch_opened_has_its_columns() {
    let request_rops = [&GET_CONTENTS_TABLE[..], &set_columns(1, &[SUBJECT, IMPORTANCE])].concat();
    let response_rops = [&CONTENTS_TABLE[..], &columns_set(1), &notify()].concat();
    let call = execute((request_rops, &[FOLDER, NO_OBJECT]), (response_rops, &[FOLDER, TABLE]));
    assert_eq!(notified_row(&Analyzer::default().operation(&call)), by_name());
}

#[test]
fn a_row_between_responses_has_the_previous_columns() {
    let mut analyzer = Analyzer::default();
    analyzer.operation(&columns_are(&[SUBJECT, IMPORTANCE]));
    let response_rops = [notify(), columns_set(0)].concat();
    let call = execute((set_columns(0, &[IMPORTANCE]), &[TABLE]), (response_rops, &[TABLE]));
    assert_eq!(notified_row(&analyzer.operation(&call)), by_name());
}

#[test]
fn the_port_in_a_response_of_the_endpoint_mapper_is_decoded() {
    use rpc::epm::{self, EptEntry, EptLookupResponse, EptMapRequest, EptMapResponse, Tower};

    use crate::call::{RpcCall, RpcOutcome, Stub};

    let interface = rpc::SyntaxId::new(mapi::Interface::Emsmdb.uuid(), 0, 81);
    let tower = |port| Tower::ncacn_ip_tcp(&interface, [10, 0, 0, 9].into(), port);
    let plain = |bytes: wire::Result<Vec<u8>>| Stub::Plain(bytes.unwrap().into(), wire::Endian::Little);
    let request = EptMapRequest { map_tower: Some(tower(0)), max_towers: 4, ..EptMapRequest::default() };
    let map = EptMapResponse { max_towers: 4, towers: vec![Some(tower(6001))], ..EptMapResponse::default() };
    let entries =
        vec![EptEntry { tower: Some(tower(6001)), annotation: b"store".to_vec(), ..EptEntry::default() }];
    let lookup = EptLookupResponse { max_ents: 1, entries, ..EptLookupResponse::default() };
    let found = |opnum, request, response| {
        let call = Call {
            time: Timestamp(1),
            elapsed: None,
            connection: 1,
            user: None,
            side: None,
            client: None,
            server: None,
            body: CallBody::Rpc(RpcCall {
                envelope: crate::Envelope::RpcTcp,
                interface: Some(epm::INTERFACE),
                opnum,
                request,
                outcome: RpcOutcome::Response(response),
            }),
        };
        Analyzer::default().operation(&call)
    };
    let expected = serde_json::json!({"interface": "emsmdb 0.81", "transfer_syntax": "NDR 2.0",
        "protocol": "ncacn_ip_tcp", "port": 6001, "address": "10.0.0.9"});
    let operation = found(epm::OPNUM_EPT_MAP, plain(request.to_bytes()), plain(map.to_bytes()));
    assert_eq!((operation.operation.as_str(), operation.endpoint.as_str()), ("epm.ept_map", "epm"));
    assert_eq!(crate::show::json(&operation)["response"]["towers"][0], expected);
    assert_eq!(operation.problems, [""; 0]);
    let request = epm::EptLookupRequest { max_ents: 1, ..epm::EptLookupRequest::default() };
    let operation = found(epm::OPNUM_EPT_LOOKUP, plain(request.to_bytes()), plain(lookup.to_bytes()));
    let entry = &crate::show::json(&operation)["response"]["entries"][0];
    assert_eq!((&entry["tower"], &entry["annotation"]), (&expected, &serde_json::json!("store")));
    let cut = Stub::Plain(vec![0; 9].into(), wire::Endian::Little);
    assert_eq!(found(epm::OPNUM_EPT_MAP, cut.clone(), cut).problems.len(), 2);
}

/// `RopSetProperties` of the first object with these tagged values ([MS-OXCROPS] 2.2.8.6), as its ROP is
/// shown.
fn set(analyzer: &mut Analyzer, values: &[(u32, Vec<u8>)]) -> Value {
    let all: Vec<u8> =
        values.iter().flat_map(|(tag, value)| [&tag.to_le_bytes()[..], value].concat()).collect();
    let size = u16::try_from(all.len() + 2).unwrap().to_le_bytes();
    let count = u16::try_from(values.len()).unwrap().to_le_bytes();
    let request_rops = [&[0x0A, 0, 0][..], &size, &count, &all].concat();
    let call = execute((request_rops, &[FOLDER]), (vec![0x0A, 0, 0, 0, 0, 0, 0, 0], &[FOLDER]));
    let operation = analyzer.operation(&call);
    assert_eq!(operation.problems, [""; 0]);
    show::json(&operation)["rops"][0]["request"]["PropertyValues"].clone()
}

/// A session that requested texts in `code_page` ([MS-OXCMAPIHTTP] 2.2.4.1.1).
fn connected(code_page: u32) -> Analyzer {
    let body = [&b"/o=Lab/cn=alice\0"[..], &[0; 4], &code_page.to_le_bytes(), &[0; 12]].concat();
    let mut call = execute((Vec::new(), &[]), (Vec::new(), &[]));
    let CallBody::Http(http) = &mut call.body else { panic!("not HTTP") };
    http.request.body = body.into();
    http.request.fields[0].1 = "Connect".to_owned();
    http.response = None;
    let mut analyzer = Analyzer::default();
    let operation = analyzer.operation(&call);
    assert_eq!((operation.operation.as_str(), operation.problems.len()), ("emsmdb.Connect", 0));
    analyzer
}

#[test]
fn strings_are_decoded_with_the_code_page_of_their_session() {
    for (code_page, bytes, text) in [
        (1250, &b"Doru\xe8en\xe1"[..], "Doručená"),
        (1251, b"\xcf\xf0\xe8", "При"),
        (1252, b"Gr\xfc\xdfe \x80", "Grüße €"),
        (932, b"\x83g\x83\x8c\x83C", "トレイ"),
        (936, b"\xca\xd5\xbc\xfe", "收件"),
        (949, b"\xb9\xde\xc0\xba", "받은"),
        (950, b"\xa6\xac\xa5\xf3", "收件"),
        (874, b"\xa1\xa2", "กข"),
        (65001, "Grüße".as_bytes(), "Grüße"),
    ] {
        let mut analyzer = connected(code_page);
        let value = [bytes, b"\0"].concat();
        let shown = set(&mut analyzer, &[(0x3001_001E, value.clone())]);
        assert_eq!(shown["PidTagDisplayName_A"], text, "{code_page}");
        // Also within a condition, and several.
        let condition = [&[3, 1, 0, 1, 0, 0x1E, 0, 1, 0x30, 0x1E, 0, 1, 0x30][..], &value].concat();
        let several = [&[1, 0, 0, 0][..], &value].concat();
        let shown = set(&mut analyzer, &[(0x6679_00FD, condition), (0x8001_101E, several)]);
        assert!(shown["PidTagRuleCondition"].as_str().unwrap().contains(text), "{code_page}: {shown}");
        assert_eq!(shown["0x8001101e"], json!([text]), "{code_page}");
    }
    // Bytes are kept if the code page is unknown, or they are invalid in it.
    for mut analyzer in [Analyzer::default(), connected(437), connected(932)] {
        let shown = set(&mut analyzer, &[(0x3001_001E, b"\x81\xff\0".to_vec())]);
        assert_eq!(shown["PidTagDisplayName_A"], "81ff");
    }
}

/// A response to `RopOpenMessage` with a recipient whose display name has three letters of 8 bits and whose row is in
/// `code_page` ([MS-OXCROPS] 2.2.6.1.2), and the request.
fn opened_message(code_page: u16) -> [Vec<u8>; 2] {
    let request = [&[3, 0, 0, 1, 0xFF, 0x0F][..], &[1; 8], &[0], &[2; 8]].concat();
    let row = b"\x1b\x00b@x.y\0\xcf\xf0\xe8\0\0\0\0";
    let size = u16::try_from(row.len()).unwrap().to_le_bytes();
    let head = [3, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1];
    [request, [&head[..], &code_page.to_le_bytes(), &[0, 0], &size, row].concat()]
}

#[test]
fn texts_of_recipients_are_decoded_with_the_code_page_of_their_row() {
    for (code_page, text) in [(1251, "При"), (1252, "Ïðè"), (0, "Οπθ"), (0x0FFF, "Οπθ")] {
        let mut analyzer = connected(1253);
        let [request, response] = opened_message(code_page);
        let handles = &[FOLDER, NO_OBJECT][..];
        let operation = analyzer.operation(&execute((request, handles), (response, &[FOLDER, 9])));
        let shown = show::json(&operation);
        let row = &shown["rops"][0]["response"]["Recipients"]["RecipientRows"][0]["RecipientRow"];
        assert_eq!(row["display_name"], text, "{code_page}: {shown}");
    }
}

/// Problems of a download that ends after `stream`, in two buffers, the second with the status `DONE`.
fn problems_of_download(stream: &[u8]) -> Vec<String> {
    let mut analyzer = Analyzer::default();
    let mut problems = Vec::new();
    let (first, last) = stream.split_at(6);
    for (status, part) in [(1, first), (3, last)] {
        let size = u16::try_from(part.len()).unwrap().to_le_bytes();
        let head = [0x4E, 0, 0, 0, 0, 0, status, 0, 1, 0, 1, 0, 0];
        let response = [&head[..], &size, part].concat();
        let call = execute((vec![0x4E, 0, 0, 0, 0x10], &[FOLDER]), (response, &[FOLDER]));
        let operation = analyzer.operation(&call);
        assert_eq!(operation.rops.len(), 1);
        problems.extend(operation.problems);
    }
    problems
}

#[test]
fn a_download_that_ends_within_a_property_is_a_problem() {
    // `PidTagRecordKey` of three bytes ([MS-OXCFXICS] 2.2.4.1), and one whose type is invalid.
    let whole = [0x02, 0x01, 0xF9, 0x0F, 3, 0, 0, 0, 0xAA, 0xBB, 0xCC];
    assert_eq!(problems_of_download(&whole), [""; 0]);
    for end in 7..whole.len() {
        let problems = problems_of_download(&whole[..end]);
        let [problem] = &problems[..] else { panic!("{end}: {problems:?}") };
        assert!(problem.starts_with("response: the stream ends with the status DONE: "), "{problem}");
    }
    let problems = problems_of_download(&[0x99, 0x09, 0xF9, 0x0F, 3, 0, 0, 0]);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn an_upload_that_is_released_within_a_property_is_a_problem() {
    for (data, count) in
        [(&[0x02, 0x01, 0xF9, 0x0F, 1, 0, 0, 0, 7][..], 0), (&[0x02, 0x01, 0xF9, 0x0F, 1], 1)]
    {
        let mut analyzer = Analyzer::default();
        let size = u16::try_from(data.len()).unwrap().to_le_bytes();
        let request = [&[0x54, 0, 0][..], &size, data].concat();
        let response = vec![0x54, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0];
        let put = analyzer.operation(&execute((request, &[FOLDER]), (response, &[FOLDER])));
        assert_eq!(put.problems, [""; 0]);
        let release = analyzer.operation(&execute((vec![1, 0, 0], &[FOLDER]), (Vec::new(), &[FOLDER])));
        assert_eq!(release.problems.len(), count, "{:?}", release.problems);
    }
}

#[test]
fn a_stub_without_a_lost_part_is_not_called_sealed() {
    use crate::call::{RpcCall, RpcOutcome, SealedReason, Stub};
    for (why, expected) in [
        (SealedReason::MissingFragment, "the response is not read: a part of it is missing in the recording"),
        (SealedReason::TooLong, "the response is not read: stub too long"),
        (SealedReason::NoSecret, "the response is sealed: none of the given passwords and keys fits"),
    ] {
        let mut call = notified();
        call.body = CallBody::Rpc(RpcCall {
            envelope: crate::Envelope::RpcTcp,
            interface: None,
            opnum: 6,
            request: Stub::Plain(Vec::new().into(), wire::Endian::Little),
            outcome: RpcOutcome::Response(Stub::Sealed(3, why)),
        });
        assert_eq!(Analyzer::default().operation(&call).problems, [expected]);
    }
}

/// A restriction `tag = value` of a binary property ([MS-OXCDATA] 2.12.5).
fn binary_equals(tag: u32, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_le_bytes();
    let tag = tag.to_le_bytes();
    [&[4, 4][..], &tag, &tag, &length, value].concat()
}

#[test]
fn conditions_are_shown_whole_and_with_decoded_values() {
    let mut analyzer = connected(1251);
    let condition = |analyzer: &mut Analyzer, condition: Vec<u8>| {
        set(analyzer, &[(0x6679_00FD, condition)])["PidTagRuleCondition"].as_str().unwrap().to_owned()
    };
    let shown = condition(&mut analyzer, binary_equals(0x0FF9_0102, &[0xab; 500]));
    assert_eq!(shown, format!("PidTagRecordKey = 0x{} (500 bytes)", "ab".repeat(500)));
    let shown = condition(&mut analyzer, binary_equals(0x0C1D_0102, b"EX:/O=LAB/CN=EVE\0"));
    assert_eq!(shown, "PidTagSenderSearchKey = \"EX:/O=LAB/CN=EVE\"");
    // A one-off entry id in the code page of the session ([MS-OXCDATA] 2.2.5.1), also in the comment.
    let uid =
        [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02];
    let one_off = [&[0; 4][..], &uid, &[0, 0, 0x01, 0x10], b"\xcf\xf0\xe8\0SMTP\0a@b\0"].concat();
    let inner = binary_equals(0x0C19_0102, &one_off);
    let comment = [&[0x0A, 1][..], inner.get(6..).unwrap(), &[1], &inner].concat();
    let shown = condition(&mut analyzer, comment);
    let id = r#"{display_name: "При", address_type: "SMTP", email_address: "a@b"}"#;
    let equal = format!("PidTagSenderEntryId = {id}");
    assert_eq!(shown, format!("{equal} (comment: [{equal}])"));
}

#[test]
fn conditions_and_actions_within_the_values_of_others_are_decoded_one_level_deep() {
    // `PidTagExtendedRuleMessageActions` with an `OP_TAG` that sets the same property, and so on.
    let mut nested = vec![0xEE; 40];
    for _ in 0..1000 {
        let size = u32::try_from(nested.len()).unwrap();
        let head = [&[0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &(size + 17).to_le_bytes(), &[9], &[0; 8]].concat();
        nested = [&head[..], &0x0E99_0102_u32.to_le_bytes(), &size.to_le_bytes(), &nested].concat();
    }
    let value = [&u16::try_from(nested.len()).unwrap().to_le_bytes()[..], &nested].concat();
    let shown = set(&mut Analyzer::default(), &[(0x0E99_0102, value)]);
    let at = |shown: &serde_json::Value| shown[0]["property"]["PidTagExtendedRuleMessageActions"].clone();
    let first = at(&shown["PidTagExtendedRuleMessageActions"]);
    let inner = if first.is_string() { first } else { at(&first) };
    assert!(inner.is_string(), "{shown}");
}

#[test]
fn actions_of_rules_are_shown_with_their_recipients() {
    let wide =
        |text: &str| -> Vec<u8> { text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() };
    let recipient = |wide_count: bool| {
        let count = if wide_count { vec![1, 0, 0, 0] } else { vec![1, 0] };
        [&[1][..], &count, &0x3003_001F_u32.to_le_bytes(), &wide("eve@lab.test")].concat()
    };
    let action = |kind: u8, data: &[u8]| [&[kind][..], &[0; 8], data].concat();
    let forward = |is_wide: bool| {
        let count: &[u8] = if is_wide { &[1, 0, 0, 0] } else { &[1, 0] };
        action(7, &[count, &recipient(is_wide)].concat())
    };
    let (first, second) = (forward(false), action(5, &[0xde, 0xfe, 0x12]));
    let sized = |block: &[u8]| [&u16::try_from(block.len()).unwrap().to_le_bytes()[..], block].concat();
    let standard = [&[2, 0][..], &sized(&first), &sized(&second)].concat();
    let mut analyzer = Analyzer::default();
    let shown = set(&mut analyzer, &[(0x6680_00FE, standard)]);
    let actions = &shown["PidTagRuleActions"];
    assert_eq!(actions[0]["recipients"][0]["PidTagEmailAddress_W"], "eve@lab.test", "{shown}");
    assert_eq!(actions[0]["action"], "OP_FORWARD to eve@lab.test");
    assert_eq!(actions[1]["data"], "defe12");

    let block = forward(true);
    let size = u32::try_from(block.len()).unwrap().to_le_bytes();
    let extended = [&[0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &size, &block].concat();
    let condition =
        [&[0, 0, 3, 1, 0, 1, 0][..], &[0x1F, 0, 0x37, 0, 0x1F, 0, 0x37, 0], &wide("invoice")].concat();
    let binary = |value: &[u8]| [&u16::try_from(value.len()).unwrap().to_le_bytes()[..], value].concat();
    let shown = set(&mut analyzer, &[(0x0E99_0102, binary(&extended)), (0x0E9A_0102, binary(&condition))]);
    let actions = &shown["PidTagExtendedRuleMessageActions"];
    assert_eq!(actions[0]["recipients"][0]["PidTagEmailAddress_W"], "eve@lab.test", "{shown}");
    let words = shown["PidTagExtendedRuleMessageCondition"].as_str().unwrap();
    assert!(words.starts_with("PidTagSubject contains \"invoice\""), "{words}");
}

#[test]
fn names_and_ids_of_a_logon_are_shown_as_in_other_rops() {
    let dn = b"/o=Lab/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice\0";
    let length = u16::try_from(dn.len()).unwrap().to_le_bytes();
    let logon = [&[0xFE, 0, 0, 1][..], &[4, 0, 0, 1, 0, 0, 0, 0], &length, dn].concat();
    let ids: Vec<u8> = (0..13).flat_map(|n| [1, 0, 0, 0, 0, 0x9C, 0xC4, 0x6A + n]).collect();
    let response = [
        &[0xFE, 0, 0, 0, 0, 0, 1][..],
        &ids,
        &[7],
        &[1; 16],
        &[1, 0],
        &[2; 16],
        &[0, 0, 12, 2, 1, 12],
        &2026_u16.to_le_bytes(),
        &u64::MAX.to_le_bytes(),
        &[0; 4],
    ]
    .concat();
    let open = [2, 0, 0, 1, 1, 0, 0, 0, 0, 0x9C, 0xC4, 0x6E, 0];
    let responses = [&response[..], &[2, 1, 0, 0, 0, 0, 0, 0]].concat();
    let call = execute(([&logon[..], &open].concat(), &[NO_OBJECT, NO_OBJECT]), (responses, &[0x50, 0x51]));
    let operation = Analyzer::default().operation(&call);
    let json = show::json(&operation);
    let dn = std::str::from_utf8(&dn[..dn.len() - 1]).unwrap();
    assert_eq!(json["rops"][0]["request"]["Essdn"], dn, "{json}");
    assert!(show::text(&operation, &mut show::Sessions::default()).contains(dn));
    let logon = &json["rops"][0]["response"];
    let opened = &json["rops"][1]["request"]["FolderId"];
    assert_eq!(opened, "0001-0000009cc46e");
    assert!(logon["FolderIds"].as_array().unwrap().contains(opened), "{logon}");
    // Numbers that a double cannot hold are strings.
    assert_eq!(logon["GwartTime"], u64::MAX.to_string());
}
