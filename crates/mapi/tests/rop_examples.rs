//! ROPs byte by byte: the worked examples of the specifications, and shapes that depend on more than the bytes.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId, PropertyProblemArray};
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::fast_transfer::{RopFastTransferSourceGetBufferResponse, TransferContent, TransferStatus};
use mapi::rop::message::RopSetReadFlagsResponse;
use mapi::rop::message::{
    ReadFlags, ReadStatusChange, RopSetMessageReadFlagRequest, RopSetMessageReadFlagResponse,
};
use mapi::rop::named_property::RopGetPropertyIdsFromNamesResponse;
use mapi::rop::property::{
    Bool16, PropertyProblemsResponse, RopCopyPropertiesResponse, RopGetPropertiesSpecificRequest,
    RopSetPropertiesRequest,
};
use mapi::rop::recipient::{RopModifyRecipientsRequest, SizedRecipientRow};
use mapi::rop::shared::Sized16;
use mapi::rop::stream::{
    RopCopyToStreamResponse, RopOpenStreamRequest, RopReadStreamRequest, RopReadStreamResponse,
    StreamOpenModeFlags,
};
use mapi::rop::transport::{RopAbortSubmitRequest, RopSubmitMessageRequest, SubmitFlags};
use mapi::rop::{
    Bool, Bytes16, Empty, InputHandleIndex, List16, Logons, OutputHandleIndex, RequestBody, ResponseBody,
    ResponseContext, RopId, RopReply, RopRequest, RopResponse, SizeOrSentinel,
};
use wire::{Encode as _, Reader};

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// A logon of the kind that is said.
struct Private(bool);

impl Logons for Private {
    fn is_private(&self, _logon_id: u8) -> Option<bool> {
        Some(self.0)
    }
}

fn request_of(logons: &dyn Logons, hex: &str) -> RopRequest {
    let bytes = bytes(hex);
    let mut r = Reader::new(&bytes);
    let request = RopRequest::decode(&mut r, logons).unwrap();
    r.finish().unwrap();
    assert_eq!(request.to_bytes().unwrap(), bytes);
    request
}

fn request(hex: &str) -> RopRequest {
    request_of(&Private(true), hex)
}

/// The response that `hex` begins with, and how many bytes follow.
fn reply_before(context: ResponseContext<'_>, hex: &str) -> (RopReply, usize) {
    let bytes = bytes(hex);
    let mut r = Reader::new(&bytes);
    let response = RopResponse::decode(&mut r, context).unwrap();
    assert_eq!(response.to_bytes().unwrap(), bytes[..bytes.len() - r.remaining()]);
    let RopResponse::Reply(reply) = response else { panic!("{response:?}") };
    (reply, r.remaining())
}

fn reply(hex: &str) -> RopReply {
    let (reply, rest) = reply_before(ResponseContext::default(), hex);
    assert_eq!(rest, 0);
    reply
}

fn succeeded(handle_index: u8, body: ResponseBody) -> RopReply {
    RopReply { handle_index, return_value: ErrorCode::SUCCESS, body }
}

/// [MS-OXOMSG] 4.1, 4.3, 4.6.6.
#[test]
fn messages_are_sent_and_taken_back() {
    let submit = request("32 00 02 00");
    assert_eq!((submit.logon_id, submit.handle_index), (0, 2));
    let body = RopSubmitMessageRequest { submit_flags: SubmitFlags::NONE };
    assert_eq!(submit.body, RequestBody::RopSubmitMessage(body));
    assert_eq!(reply("32 02 00 00 00 00"), succeeded(2, ResponseBody::RopSubmitMessage(Empty)));

    let abort = request("34 00 00 01 00 00 03 b4 79 ca 47 01 00 00 03 b7 e6 5f a7");
    let RequestBody::RopAbortSubmit(RopAbortSubmitRequest { folder_id, message_id }) = abort.body else {
        panic!("{abort:?}")
    };
    assert_eq!(folder_id.to_string(), "0001-0003b479ca47");
    assert_eq!(message_id.to_string(), "0001-0003b7e65fa7");
    assert_eq!((folder_id, message_id), (FolderId(0x47ca_79b4_0300_0001), MessageId(0xa75f_e6b7_0300_0001)));
    assert_eq!(reply("34 00 00 00 00 00"), succeeded(0, ResponseBody::RopAbortSubmit(Empty)));

    assert_eq!(reply("48 00 00 00 00 00"), succeeded(0, ResponseBody::RopSpoolerLockMessage(Empty)));
}

/// [MS-OXCPRPT] 4.1.2, 4.2, 4.3.1.
#[test]
fn properties_are_named_written_and_read() {
    let ids = RopGetPropertyIdsFromNamesResponse { property_ids: List16(vec![0x863E, 0x863F]) };
    let answer = reply("56 00 00 00 00 00 02 00 3E 86 3F 86");
    assert_eq!(answer, succeeded(0, ResponseBody::RopGetPropertyIdsFromNames(ids)));

    let set = request(
        "0A 00 00 24 00 02 00 1F 00 3D 00 00 00 1F 00 1D \
         0E 48 00 65 00 6C 00 6C 00 6F 00 20 00 57 00 6F \
         00 72 00 6C 00 64 00 00 00",
    );
    let values = PropertyList(vec![
        TaggedValue { tag: PropTag(0x003D_001F), value: PropertyValue::from("") },
        TaggedValue { tag: PropTag(0x0E1D_001F), value: PropertyValue::from("Hello World") },
    ]);
    let body = RopSetPropertiesRequest { property_values: Sized16::new(values) };
    assert_eq!(set.body, RequestBody::RopSetProperties(body));
    let none = PropertyProblemsResponse { property_problems: PropertyProblemArray::default() };
    let answer = reply("0A 00 00 00 00 00 00 00");
    assert_eq!(answer, succeeded(0, ResponseBody::RopSetProperties(none)));

    let get = request("07 00 00 00 00 01 00 03 00 0B 00 3E 86 03 00 3F 86 02 01 E2 65");
    let tags = vec![PropTag(0x863E_000B), PropTag(0x863F_0003), PropTag(0x65E2_0102)];
    let body = RopGetPropertiesSpecificRequest {
        property_size_limit: 0,
        want_unicode: Bool16(1),
        property_tags: List16(tags),
    };
    assert_eq!(get.body, RequestBody::RopGetPropertiesSpecific(body));
}

/// [MS-OXCPRPT] 4.4.1.1.
#[test]
fn streams_are_opened() {
    let open = request("2B 01 00 01 02 01 9A 0E 01");
    assert_eq!((open.logon_id, open.handle_index, open.output_handle_index()), (1, 0, Some(1)));
    let body = RopOpenStreamRequest {
        output_handle_index: OutputHandleIndex(1),
        property_tag: PropTag(0x0E9A_0102),
        open_mode_flags: StreamOpenModeFlags::READ_WRITE,
    };
    assert_eq!(open.body, RequestBody::RopOpenStream(body));
}

/// [MS-OXCROPS] 2.2.9.2.1: the larger field is there only where the smaller one says so.
#[test]
fn how_much_is_read_stands_in_one_of_two_fields() {
    let limit = |hex: &str| match request(hex).body {
        RequestBody::RopReadStream(read) => read.limit(),
        other => panic!("{other:?}"),
    };
    assert_eq!(limit("2C 00 01 00 10"), 0x1000);
    assert_eq!(limit("2C 00 01 BE BA 00 00 01 00"), 0x1_0000);
    let lying = RopReadStreamRequest { byte_count: SizeOrSentinel(9), maximum_byte_count: Some(9) };
    let rop = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopReadStream(lying) };
    assert!(rop.to_bytes().is_err());
}

/// [MS-OXCROPS] 2.2.8.12.3, 2.2.9.9.3.
#[test]
fn a_missing_destination_is_named() {
    let missing = ErrorCode::EC_DST_NULL_OBJECT;
    let body = RopCopyPropertiesResponse::NullDestination { dest_handle_index: 0x2A };
    let body = ResponseBody::RopCopyTo(body);
    assert_eq!(
        reply("39 03 03 05 00 00 2A 00 00 00"),
        RopReply { handle_index: 3, return_value: missing, body }
    );
    let body =
        RopCopyToStreamResponse { dest_handle_index: Some(0x2A), read_byte_count: 1, written_byte_count: 2 };
    assert_eq!(
        reply("3A 03 03 05 00 00 2A 00 00 00 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00"),
        RopReply { handle_index: 3, return_value: missing, body: ResponseBody::RopCopyToStream(body) }
    );
    let failed = reply("39 03 02 01 04 80");
    assert_eq!(failed, RopReply::failed(RopId::RopCopyTo, 3, ErrorCode::MAPI_E_NO_SUPPORT));
}

/// [MS-OXCROPS] 2.2.12.4.2.
#[test]
fn a_busy_server_says_when_to_come_back() {
    let response = |content| RopFastTransferSourceGetBufferResponse {
        transfer_status: TransferStatus::ERROR,
        in_progress_count: 0,
        total_step_count: 0,
        reserved: 0,
        content,
    };
    let busy = reply("4E 01 80 04 00 00 00 00 00 00 00 00 00 00 00 10 27 00 00");
    let backoff = TransferContent::Backoff { transfer_buffer_size: 0, backoff_time: 10_000 };
    assert_eq!(busy.body, ResponseBody::RopFastTransferSourceGetBuffer(response(backoff)));
    let failed = reply("4E 01 05 40 00 80 00 00 00 00 00 00 00 01 00 FF");
    let buffer = TransferContent::Buffer(vec![0xFF]);
    assert_eq!(failed.body, ResponseBody::RopFastTransferSourceGetBuffer(response(buffer)));
}

/// A response that failed has its fields in some servers, in others not: what follows tells.
#[test]
fn fields_of_failures_may_be_left_out() {
    const FAILED: &str = "2C 01 02 01 04 80";
    let next = request("2C 00 01 00 10");
    let last = ResponseContext::default();
    let more = ResponseContext { next: Some(&next), ..last };
    let with = ResponseBody::RopReadStream(RopReadStreamResponse { data: Bytes16::default() });
    let without = ResponseBody::Failed(RopId::RopReadStream);
    let seen = |context, rest: &str| {
        let (reply, rest) = reply_before(context, &format!("{FAILED} {rest}"));
        (reply.body, rest)
    };
    assert_eq!(seen(last, ""), (without.clone(), 0));
    assert_eq!(seen(last, "00 00"), (with.clone(), 0));
    assert_eq!(seen(more, FAILED), (without.clone(), 6));
    assert_eq!(seen(more, &format!("00 00 {FAILED}")), (with, 6));
    // Notifications follow the last answer.
    assert_eq!(seen(last, "6E 00 00"), (without, 3));

    let context = ResponseContext { next: Some(&next), ..last };
    let (reply, rest) = reply_before(context, &format!("66 00 02 01 04 80 01 {FAILED}"));
    let partial = RopSetReadFlagsResponse { partial_completion: Bool::TRUE };
    assert_eq!((reply.body, rest), (ResponseBody::RopSetReadFlags(partial), 6));
}

/// [MS-OXCROPS] 2.2.6.11: only the public folders have it.
#[test]
fn what_a_client_knows_a_message_by_is_sent_in_public_folders() {
    const MAILBOX: &str = "11 00 02 01 05";
    let data = " 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17";
    let body = |client_data| {
        RequestBody::RopSetMessageReadFlag(RopSetMessageReadFlagRequest {
            input_handle_index: InputHandleIndex(1),
            read_flags: ReadFlags::RF_SUPPRESS_RECEIPT | ReadFlags::RF_CLEAR_READ_FLAG,
            client_data,
        })
    };
    let in_mailbox = request(MAILBOX);
    assert_eq!(in_mailbox.body, body(None));
    assert_eq!((in_mailbox.acted_on_index(), in_mailbox.answered_index()), (Some(1), 2));
    let public = request_of(&Private(false), &format!("{MAILBOX}{data}"));
    let known = std::array::from_fn(|place| u8::try_from(place).unwrap());
    assert_eq!(public.body, body(Some(known)));
    assert!(RopRequest::decode(&mut Reader::new(&bytes(MAILBOX)), &Private(false)).is_err());

    let change = Some(ReadStatusChange { logon_id: 3, client_data: known });
    let changed = RopSetMessageReadFlagResponse { read_status_changed: Bool::TRUE, change };
    assert_eq!(
        reply(&format!("11 02 00 00 00 00 01 03{data}")),
        succeeded(2, ResponseBody::RopSetMessageReadFlag(changed))
    );
}

/// A row that cannot be read costs no more than itself: its size is known.
#[test]
fn what_is_no_recipient_stays_bytes() {
    let modify = request("0E 00 00 00 00 02 00 07 00 00 00 01 03 00 FF FF FF 08 00 00 00 02 00 00");
    let RequestBody::RopModifyRecipients(RopModifyRecipientsRequest { recipient_rows, .. }) = modify.body
    else {
        panic!("{modify:?}")
    };
    assert_eq!(recipient_rows[0].recipient_row, Some(SizedRecipientRow::Bytes(vec![0xFF; 3])));
    assert_eq!(recipient_rows[1].recipient_row, None);
}

/// The counts are held against the bytes that are there before anything is made room for.
#[test]
fn counts_that_lie_are_errors() {
    for hex in [
        "0E 00 00 FF FF 00 00",
        "0E 00 00 00 00 FF FF 00 00 00 00",
        "66 00 00 00 00 FF FF 00",
        "56 00 00 00 FF FF 00",
        "93 00 00 FF FF FF FF FF FF",
        "73 00 00 FF FF 00 00",
        "78 00 00 FF FF FF FF",
    ] {
        assert!(RopRequest::decode(&mut Reader::new(&bytes(hex)), &Private(true)).is_err(), "{hex}");
    }
}

/// Every index that a request has can be moved, for who adds a ROP to a batch or takes one out.
#[test]
fn indexes_can_be_moved() {
    let mut save = request("0C 00 02 01 0A");
    save.handle_indexes(&mut |_, index| *index += 8);
    assert_eq!(save.to_bytes().unwrap(), bytes("0C 00 0A 09 0A"));
    let mut copy = request("39 00 01 02 00 00 00 00 00");
    copy.handle_indexes(&mut |_, index| *index += 8);
    assert_eq!(copy.to_bytes().unwrap(), bytes("39 00 09 0A 00 00 00 00 00"));
}
