//! Single ROPs from the examples of the specifications: each decodes to the values of the example, and encodes to its
//! bytes.

use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::property::PropTag;
use mapi::rop::table::TableStatus;
use mapi::rop::{RequestBody as Q, ResponseBody as A, ResponseContext, RopRequest, RopResponse};
use wire::{Encode as _, Reader};

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

fn request(hex: &str) -> RopRequest {
    let bytes = unhex(hex);
    let mut r = Reader::new(&bytes);
    let request = RopRequest::decode(&mut r, &()).unwrap();
    r.finish().unwrap();
    assert_eq!(request.to_bytes().unwrap(), bytes, "{hex}");
    request
}

/// Decodes the response to `request_hex`, and returns its return value and body.
fn reply(request_hex: &str, hex: &str) -> (ErrorCode, A) {
    let (request, bytes) = (request(request_hex), unhex(hex));
    let mut r = Reader::new(&bytes);
    let context = ResponseContext { requested: request.requested_properties(), ..ResponseContext::default() };
    let response = RopResponse::decode(&mut r, context).unwrap();
    r.finish().unwrap();
    assert_eq!(response.to_bytes().unwrap(), bytes, "{hex}");
    let RopResponse::Reply(reply) = response else { panic!("{response:?}") };
    assert_eq!(reply.handle_index, request.reply_handle_index(), "{hex}");
    (reply.return_value, reply.body)
}

/// [MS-OXCPERM] 4.1: a client requests the permissions of a folder, first by a property that the server does not
/// support, then by the permissions table.
#[test]
fn permission_requests_are_decoded() {
    const OPEN: &str = "2b 00 01 02 1f006a0e 00";
    let rop = request(OPEN);
    assert_eq!((rop.handle_index, rop.output_handle_index()), (1, Some(2)));
    assert!(matches!(&rop.body, Q::RopOpenStream(body) if body.property_tag == PropTag(0x0E6A_001F)));
    let (code, body) = reply(OPEN, "2b 02 02010480");
    assert_eq!((code, matches!(body, A::Failed(_))), (ErrorCode(0x8004_0102), true));
    let rop = request("3e 00 00 01 02");
    assert!(matches!(&rop.body, Q::RopGetPermissionsTable(body) if body.table_flags.0 == 2));
}

/// [MS-OXCFOLD] 4.1.2, 4.2.2, 4.5.2, 4.6.2, 4.7.2, each response after a request of its kind.
#[test]
fn folder_operations_are_decoded() {
    let create = "1c 00 00 01 01 00 00 00 6100 00";
    let (_, body) = reply(create, "1c 01 00000000 0100 00000e915212 00");
    let A::RopCreateFolder(created) = body else { panic!("{body:?}") };
    assert_eq!(created.folder_id, FolderId(0x1252_910e_0000_0001));
    for (request_hex, response_hex) in [
        ("1d 00 01 05 0100 00000e915212", "1d 01 00000000 00"),
        ("35 00 01 02 01 00 0100 00000e915212 6100", "35 01 00000000 00"),
        ("36 00 00 01 01 01 00 0100 00000e915212 6100", "36 00 00000000 00"),
    ] {
        let (code, body) = reply(request_hex, response_hex);
        assert_eq!((code, matches!(body, A::Failed(_))), (ErrorCode::SUCCESS, false), "{response_hex}");
    }
    let (_, body) = reply("04 00 00 02 04", "04 02 00000000 15000000");
    assert!(matches!(body, A::RopGetHierarchyTable(response) if response.row_count == 21));
}

/// [MS-OXCTABL] 4.1.1, 4.2.1, 4.3.2.
#[test]
fn table_operations_are_decoded() {
    let rop = request("05 00 00 01 00");
    assert!(matches!(&rop.body, Q::RopGetContentsTable(body) if body.table_flags.0 == 0));
    let columns = "14004867 14004a67 14004d67 03004e67 1f003700 4000060e";
    let rop = request(&format!("12 00 01 00 0600 {columns}"));
    let Q::RopSetColumns(set) = rop.body else { panic!("{rop:?}") };
    let tags = [0x6748_0014, 0x674A_0014, 0x674D_0014, 0x674E_0003, 0x0037_001F, 0x0E06_0040].map(PropTag);
    assert_eq!(set.property_tags.0[..], tags);
    let (_, body) = reply("13 00 01 00 0100 0000 0000 4000060e 01", "13 01 00000000 00");
    assert!(
        matches!(body, A::RopSortTable(response) if response.table_status == TableStatus::TBLSTAT_COMPLETE)
    );
}

/// [MS-OXCPRPT] 4.1.2, 4.2.2, 4.4.1.1; the names in the request of 4.1.2 are not those of the example.
#[test]
fn property_operations_are_decoded() {
    let set = "00 0820060000000000c000000000000046 01850000";
    let (_, body) = reply(&format!("56 00 00 02 0200 {set} {set}"), "56 00 00000000 0200 3e86 3f86");
    assert!(
        matches!(body, A::RopGetPropertyIdsFromNames(response) if response.property_ids.0[..] == [0x863E, 0x863F])
    );
    let (_, body) = reply("0a 00 00 0200 0000", "0a 00 00000000 0000");
    assert!(matches!(body, A::RopSetProperties(response) if response.property_problems.0.is_empty()));
    let rop = request("2b 01 00 01 02019a0e 01");
    assert_eq!((rop.logon_id, rop.output_handle_index()), (1, Some(1)));
    assert!(matches!(&rop.body, Q::RopOpenStream(body) if body.property_tag == PropTag(0x0E9A_0102)));
}

/// [MS-OXOMSG] 4.1.1, 4.6.6.2.
#[test]
fn submission_and_spooler_operations_are_decoded() {
    let rop = request("32 00 02 00");
    assert!(matches!(&rop.body, Q::RopSubmitMessage(body) if body.submit_flags.0 == 0));
    let (code, body) = reply("48 00 00 0100 00000e915212 01", "48 00 00000000");
    assert_eq!((code, matches!(body, A::RopSpoolerLockMessage(_))), (ErrorCode::SUCCESS, true));
}
