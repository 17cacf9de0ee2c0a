//! Tests of streams.

use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::stream::{
    Origin, RopOpenStreamRequest, RopReadStreamRequest, RopSeekStreamRequest, RopSetStreamSizeRequest,
    RopWriteStreamRequest, StreamOpenModeFlags,
};
use mapi::rop::{Bytes16, Empty, OutputHandleIndex, RequestBody, ResponseBody, SizeOrSentinel};
use wire::Utf16;

use super::folders::{create, permit};
use super::mail::Mail;
use super::messages::{alice, message};

/// Rights on a folder ([MS-OXCPERM] 2.2.7).
const READ_ANY: i32 = 0x1;
const VISIBLE: i32 = 0x400;

pub(super) const DATA: PropTag = PropTag::PidTagAttachDataBinary;

pub(super) fn open_stream(
    mail: &mut Mail,
    object: u8,
    property_tag: PropTag,
    open_mode_flags: StreamOpenModeFlags,
    output: u8,
) -> Result<u32, ErrorCode> {
    let output_handle_index = OutputHandleIndex(output);
    let request = RopOpenStreamRequest { output_handle_index, property_tag, open_mode_flags };
    match mail.rop(object, RequestBody::RopOpenStream(request))? {
        ResponseBody::RopOpenStream(stream) => Ok(stream.stream_size),
        other => panic!("{other:?}"),
    }
}

pub(super) fn write(mail: &mut Mail, stream: u8, data: &[u8]) -> Result<(), ErrorCode> {
    for part in data.chunks(20_000) {
        let data = Bytes16(part.to_vec().into());
        mail.rop(stream, RequestBody::RopWriteStream(RopWriteStreamRequest { data }))?;
    }
    Ok(())
}

pub(super) fn read(mail: &mut Mail, stream: u8, count: u16) -> Result<Vec<u8>, ErrorCode> {
    let request = RopReadStreamRequest { byte_count: SizeOrSentinel(count), maximum_byte_count: None };
    match mail.rop(stream, RequestBody::RopReadStream(request))? {
        ResponseBody::RopReadStream(read) => Ok(read.data.0.to_vec()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_is_read_and_written_at_its_position() {
    let mut mail = alice();
    message(&mut mail, "Stream", 2);
    let body = PropTag::PidTagBody;
    let absent = open_stream(&mut mail, 2, body, StreamOpenModeFlags::READ_ONLY, 3);
    assert_eq!(absent, Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(open_stream(&mut mail, 2, body, StreamOpenModeFlags::CREATE, 3), Ok(0));
    write(&mut mail, 3, Utf16::new("Hello").as_le_bytes()).unwrap();
    let seek = |mail: &mut Mail, origin, offset| match mail
        .rop(3, RequestBody::RopSeekStream(RopSeekStreamRequest { origin, offset }))?
    {
        ResponseBody::RopSeekStream(sought) => Ok(sought.new_position),
        other => panic!("{other:?}"),
    };
    assert_eq!(seek(&mut mail, Origin::END, -2), Ok(8));
    write(&mut mail, 3, Utf16::new("p!").as_le_bytes()).unwrap();
    assert_eq!(seek(&mut mail, Origin::BEGINNING, -1), Err(ErrorCode(0x8003_0019)));
    assert_eq!(seek(&mut mail, Origin::CURRENT, i64::MAX), Err(ErrorCode(0x8003_0019)));
    assert_eq!(seek(&mut mail, Origin::BEGINNING, 2), Ok(2));
    assert_eq!(read(&mut mail, 3, 4).unwrap(), Utf16::new("el").as_le_bytes());
    mail.rop(3, RequestBody::RopCommitStream(Empty)).unwrap();
    assert_eq!(mail.get(2, body), Ok(PropertyValue::from("Hellp!")));
    let eight_bit = body.with_type(PropType::PtypString8);
    assert_eq!(open_stream(&mut mail, 2, eight_bit, StreamOpenModeFlags::READ_ONLY, 4), Ok(6));
    assert_eq!(read(&mut mail, 4, 100).unwrap(), b"Hellp!");
    assert_eq!(write(&mut mail, 4, b"x"), Err(ErrorCode(0x8003_0005)), "open for reading");
    assert_eq!(seek(&mut mail, Origin(7), 0), Err(ErrorCode(0x8003_0057)));
    assert_eq!(seek(&mut mail, Origin::END, 4), Ok(16));
    match mail.rop(3, RequestBody::RopGetStreamSize(Empty)).unwrap() {
        ResponseBody::RopGetStreamSize(size) => {
            assert_eq!(size.stream_size, 16, "seeking extends the stream");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn streams_of_a_session_have_a_limited_size() {
    let mut mail = alice();
    message(&mut mail, "Large", 2);
    open_stream(&mut mail, 2, DATA, StreamOpenModeFlags::CREATE, 3).unwrap();
    let set_size = |mail: &mut Mail, stream, stream_size| {
        let request = RopSetStreamSizeRequest { stream_size };
        mail.rop(stream, RequestBody::RopSetStreamSize(request)).map(drop)
    };
    assert_eq!(set_size(&mut mail, 3, 1 << 40), Err(ErrorCode::MAPI_E_TOO_BIG));
    assert_eq!(set_size(&mut mail, 3, u64::MAX), Err(ErrorCode::MAPI_E_TOO_BIG));
    assert_eq!(set_size(&mut mail, 3, 32 << 20), Ok(()));
    open_stream(&mut mail, 2, PropTag::PidTagBody, StreamOpenModeFlags::CREATE, 4).unwrap();
    assert_eq!(set_size(&mut mail, 4, 31 << 20), Ok(()));
    open_stream(&mut mail, 2, PropTag::PidTagHtml, StreamOpenModeFlags::CREATE, 5).unwrap();
    assert_eq!(set_size(&mut mail, 5, 2 << 20), Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY));
    let commit = mail.rop(4, RequestBody::RopCommitStream(Empty));
    assert_eq!(commit, Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY), "which would keep it twice");
}

#[test]
fn a_stream_on_a_property_of_a_folder_requires_its_owner_to_write() {
    let entry_id = PropTag::PidTagIpmDraftsEntryId;
    let mut mail = alice();
    create(&mut mail, 1, "Folder", 2).unwrap();
    let mut open = |tag| open_stream(&mut mail, 2, tag, StreamOpenModeFlags::READ_ONLY, 3);
    assert_eq!(open(entry_id), Err(ErrorCode::MAPI_E_NOT_FOUND));
    let descriptor = PropTag::PidTagSecurityDescriptorAsXml;
    assert_eq!(open(descriptor), Err(ErrorCode::MAPI_E_NO_SUPPORT), "not even if it is absent");
    open_stream(&mut mail, 2, entry_id, StreamOpenModeFlags::CREATE, 3).unwrap();
    write(&mut mail, 3, b"Hello").unwrap();
    mail.rop(3, RequestBody::RopCommitStream(Empty)).unwrap();
    assert_eq!(mail.get(2, entry_id), Ok(PropertyValue::Binary(b"Hello".to_vec())));
    permit(&mut mail, 2, "bob", READ_ANY | VISIBLE);
    let folder = mail.get(2, PropTag::PidTagFolderId).unwrap().to_integer().unwrap();
    let mut bob = Mail::open(&mail.caller, "bob", "alice").unwrap();
    bob.open_folder(FolderId(folder.cast_unsigned()), 2).unwrap();
    let mut open = |flags| open_stream(&mut bob, 2, entry_id, flags, 3);
    assert_eq!(open(StreamOpenModeFlags::READ_ONLY), Ok(5));
    assert_eq!(open(StreamOpenModeFlags::READ_WRITE), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(open(StreamOpenModeFlags::CREATE), Err(ErrorCode::MAPI_E_NO_ACCESS));
}
