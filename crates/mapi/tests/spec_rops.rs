//! Single ROPs from the examples of the specifications, byte for byte: each is what the example says, and is
//! written back as it was.

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

/// The return value and the body of an answer to `asked`.
fn reply(asked: &str, hex: &str) -> (ErrorCode, A) {
    let (request, bytes) = (request(asked), unhex(hex));
    let mut r = Reader::new(&bytes);
    let context = ResponseContext { requested: request.requested_properties(), ..ResponseContext::default() };
    let response = RopResponse::decode(&mut r, context).unwrap();
    r.finish().unwrap();
    assert_eq!(response.to_bytes().unwrap(), bytes, "{hex}");
    let RopResponse::Reply(reply) = response else { panic!("{response:?}") };
    assert_eq!(reply.handle_index, request.reply_handle_index(), "{hex}");
    (reply.return_value, reply.body)
}

/// [MS-OXCPERM] 4.1: the permissions of a folder are asked for, in a way that the server has not got, and in
/// one that it has.
#[test]
fn permissions_are_asked_for() {
    const OPEN: &str = "2b 00 01 02 1f006a0e 00";
    let asked = request(OPEN);
    assert_eq!((asked.handle_index, asked.output_handle_index()), (1, Some(2)));
    assert!(matches!(&asked.body, Q::RopOpenStream(asked) if asked.property_tag == PropTag(0x0E6A_001F)));
    let (code, body) = reply(OPEN, "2b 02 02010480");
    assert_eq!((code, matches!(body, A::Failed(_))), (ErrorCode(0x8004_0102), true));
    let asked = request("3e 00 00 01 02");
    assert!(matches!(&asked.body, Q::RopGetPermissionsTable(asked) if asked.table_flags.0 == 2));
}

/// [MS-OXCFOLD] 4.1.2, 4.2.2, 4.5.2, 4.6.2, 4.7.2, each behind a request of its kind.
#[test]
fn folders_are_made_deleted_moved_and_listed() {
    let create = "1c 00 00 01 01 00 00 00 6100 00";
    let (_, body) = reply(create, "1c 01 00000000 0100 00000e915212 00");
    let A::RopCreateFolder(made) = body else { panic!("{body:?}") };
    assert_eq!(made.folder_id, FolderId(0x1252_910e_0000_0001));
    for (asked, told) in [
        ("1d 00 01 05 0100 00000e915212", "1d 01 00000000 00"),
        ("35 00 01 02 01 00 0100 00000e915212 6100", "35 01 00000000 00"),
        ("36 00 00 01 01 01 00 0100 00000e915212 6100", "36 00 00000000 00"),
    ] {
        let (code, body) = reply(asked, told);
        assert_eq!((code, matches!(body, A::Failed(_))), (ErrorCode::SUCCESS, false), "{told}");
    }
    let (_, body) = reply("04 00 00 02 04", "04 02 00000000 15000000");
    assert!(matches!(body, A::RopGetHierarchyTable(told) if told.row_count == 21));
}

/// [MS-OXCTABL] 4.1.1, 4.2.1, 4.3.2.
#[test]
fn a_table_is_opened_and_sorted() {
    let asked = request("05 00 00 01 00");
    assert!(matches!(&asked.body, Q::RopGetContentsTable(asked) if asked.table_flags.0 == 0));
    let columns = "14004867 14004a67 14004d67 03004e67 1f003700 4000060e";
    let asked = request(&format!("12 00 01 00 0600 {columns}"));
    let Q::RopSetColumns(asked) = asked.body else { panic!("{asked:?}") };
    let tags = [0x6748_0014, 0x674A_0014, 0x674D_0014, 0x674E_0003, 0x0037_001F, 0x0E06_0040].map(PropTag);
    assert_eq!(asked.property_tags.0[..], tags);
    let (_, body) = reply("13 00 01 00 0100 0000 0000 4000060e 01", "13 01 00000000 00");
    assert!(matches!(body, A::RopSortTable(told) if told.table_status == TableStatus::TBLSTAT_COMPLETE));
}

/// [MS-OXCPRPT] 4.1.2, 4.2.2, 4.4.1.1; the names that are asked for in 4.1.2 are not the example's.
#[test]
fn properties_have_numbers_and_are_set_and_streamed() {
    let set = "00 0820060000000000c000000000000046 01850000";
    let (_, body) = reply(&format!("56 00 00 02 0200 {set} {set}"), "56 00 00000000 0200 3e86 3f86");
    assert!(
        matches!(body, A::RopGetPropertyIdsFromNames(told) if told.property_ids.0[..] == [0x863E, 0x863F])
    );
    let (_, body) = reply("0a 00 00 0200 0000", "0a 00 00000000 0000");
    assert!(matches!(body, A::RopSetProperties(told) if told.property_problems.0.is_empty()));
    let asked = request("2b 01 00 01 02019a0e 01");
    assert_eq!((asked.logon_id, asked.output_handle_index()), (1, Some(1)));
    assert!(matches!(&asked.body, Q::RopOpenStream(asked) if asked.property_tag == PropTag(0x0E9A_0102)));
}

/// [MS-OXOMSG] 4.1.1, 4.6.6.2.
#[test]
fn a_message_is_submitted_and_let_go_by_the_spooler() {
    let asked = request("32 00 02 00");
    assert!(matches!(&asked.body, Q::RopSubmitMessage(asked) if asked.submit_flags.0 == 0));
    let (code, body) = reply("48 00 00 0100 00000e915212 01", "48 00 00000000");
    assert_eq!((code, matches!(body, A::RopSpoolerLockMessage(_))), (ErrorCode::SUCCESS, true));
}
