//! The buffers of downloads: sizes, long elements and packing.

use mapi::ErrorCode;
use mapi::emsmdb::RpcFlags;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::fast_transfer::{RopFastTransferSourceGetBufferRequest, TransferContent, TransferStatus};
use mapi::rop::stream::StreamOpenModeFlags;
use mapi::rop::{RequestBody, ResponseBody, ResponseContext, RopRequest, RopResponse, SizeOrSentinel};
use wire::{Encode as _, Reader};

use super::client::{DOWNLOAD, State, Sync, configure, download, get_buffer, read_all, tree};
use crate::tests::mail::{LOGON, Mail, text};
use crate::tests::messages::{KEEP, alice, message, save};
use crate::tests::streams::{open_stream, write};

const SUBJECT: PropTag = PropTag::PidTagSubject;

/// alice with a message that has a long text, and 60 short ones.
fn many() -> Mail {
    let mut mail = alice();
    for number in 0..60 {
        message(&mut mail, &format!("message {number}"), 2);
    }
    open_stream(&mut mail, 2, PropTag::PidTagBody, StreamOpenModeFlags::CREATE, 3).unwrap();
    let body: Vec<u8> = (0..60_000_u16).map(|unit| 0x20 + unit % 0x2000).flat_map(u16::to_le_bytes).collect();
    write(&mut mail, 3, &body).unwrap();
    mail.release(3);
    let categories = (0..1500).map(|number| wire::Utf16::new(&format!("category {number}"))).collect();
    let tag = PropTag(0x6800_101F);
    mail.set(2, vec![TaggedValue::new(tag, PropertyValue::MultipleUnicode(categories))]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    mail
}

#[test]
fn a_stream_is_the_same_whatever_the_size_of_its_buffers() {
    let mut mail = many();
    let read = |mail: &mut Mail, buffer| {
        configure(mail, 1, &Sync::contents()).unwrap();
        read_all(mail, DOWNLOAD, buffer).unwrap()
    };
    let whole = read(&mut mail, 0xBABE);
    for size in [15_480, 15_481, 20_000, 32_000] {
        assert!(read(&mut mail, size) == whole, "{size}");
    }
    let found = tree(&whole);
    let last = found.groups().filter(|group| group.get(PropTag::PidTagSourceKey).is_some()).last().unwrap();
    assert!(last.to_owned().groups().next().is_some());
    assert!(whole.len() > 120_000);
}

#[test]
fn an_element_that_does_not_fit_is_refused_and_not_lost() {
    let mut mail = many();
    let whole = {
        configure(&mut mail, 1, &Sync::contents()).unwrap();
        read_all(&mut mail, DOWNLOAD, 0xBABE).unwrap()
    };
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    for size in [0, 3] {
        assert_eq!(get_buffer(&mut mail, DOWNLOAD, size, 0).err(), Some(ErrorCode::EC_BUFFER_TOO_SMALL));
    }
    let mut all = Vec::new();
    loop {
        // The markers alone fit.
        let size = [40, 500, 9].into_iter().find_map(|size| get_buffer(&mut mail, DOWNLOAD, size, 0).ok());
        let response = match size {
            Some(response) => response,
            None => get_buffer(&mut mail, DOWNLOAD, 30_000, 0).unwrap(),
        };
        let TransferContent::Buffer(bytes) = response.content else { panic!("busy") };
        all.extend(bytes);
        if response.transfer_status == TransferStatus::DONE {
            break;
        }
    }
    assert!(all == whole);
}

#[test]
fn a_buffer_for_which_the_response_has_no_room_is_not_sent() {
    let mut mail = many();
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    let request = |buffer_size: u16, maximum_buffer_size| RopRequest {
        logon_id: 0,
        handle_index: DOWNLOAD,
        body: RequestBody::RopFastTransferSourceGetBuffer(RopFastTransferSourceGetBufferRequest {
            buffer_size: SizeOrSentinel(buffer_size),
            maximum_buffer_size,
        }),
    };
    let rops = request(30_000, None).to_bytes().unwrap();
    let answers = mail.send(&rops, RpcFlags::NONE, 10_000).unwrap();
    assert_eq!(answers[0][0], 0xff, "RopBufferTooSmall");
    let tiny = mail.send(&request(0xBABE, Some(32_000)).to_bytes().unwrap(), RpcFlags::NONE, 4000).unwrap();
    let read = |rops: &[u8]| match RopResponse::decode(&mut Reader::new(rops), ResponseContext::default()) {
        Ok(RopResponse::Reply(reply)) => match reply.body {
            ResponseBody::RopFastTransferSourceGetBuffer(response) => match response.content {
                TransferContent::Buffer(bytes) => bytes,
                TransferContent::Backoff { .. } => panic!("busy"),
            },
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let mut all = read(&tiny[0]);
    assert!((2000..4000).contains(&all.len()), "what has room: {}", all.len());
    let packed = request(0xBABE, Some(60_000)).to_bytes().unwrap();
    let answers = mail.send(&packed, RpcFlags::CHAIN, 0x1_8000).unwrap();
    assert!(answers.len() > 1, "several buffers in one response");
    let packed: Vec<u8> = answers.iter().flat_map(|rops| read(rops)).collect();
    assert!(packed.len() > 40_000 && packed.len() <= 60_000);
    all.extend(packed);
    all.extend(read_all(&mut mail, DOWNLOAD, 0xBABE).unwrap());
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    assert!(all == read_all(&mut mail, DOWNLOAD, 0xBABE).unwrap());
}

#[test]
fn a_value_that_changes_while_it_is_sent_ends_the_download_with_an_error() {
    let mut mail = many();
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    // Up to the middle of the long text.
    let mut received = 0;
    while received < 60_000 {
        let response = get_buffer(&mut mail, DOWNLOAD, 15_480, 0).unwrap();
        let TransferContent::Buffer(bytes) = response.content else { panic!("busy") };
        received += bytes.len();
    }
    mail.set(2, vec![text(PropTag::PidTagBody, &"x".repeat(5000))]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    for _ in 0..2 {
        let failed = get_buffer(&mut mail, DOWNLOAD, 0xBABE, 30_000);
        assert_eq!(failed.err(), Some(ErrorCode::MAPI_E_OBJECT_CHANGED));
    }
    let found = download(&mut mail, 1, &Sync::contents(), &State::default()).unwrap();
    assert_eq!(found.texts(SUBJECT).len(), 60);
    assert!(matches!(get_buffer(&mut mail, LOGON, 0xBABE, 9), Err(ErrorCode::MAPI_E_NO_SUPPORT)));
}
