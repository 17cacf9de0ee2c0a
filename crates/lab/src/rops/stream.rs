//! Streams ([MS-OXCPRPT] 3.2.5.11 to 3.2.5.24).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};
use mapi::rop::stream::{
    Origin, RopCopyToStreamRequest, RopCopyToStreamResponse, RopGetStreamSizeResponse, RopOpenStreamRequest,
    RopOpenStreamResponse, RopReadStreamRequest, RopReadStreamResponse, RopSeekStreamRequest,
    RopSeekStreamResponse, RopSetStreamSizeRequest, RopWriteStreamExtendedRequest,
    RopWriteStreamExtendedResponse, RopWriteStreamRequest, RopWriteStreamResponse, StreamOpenModeFlags,
};
use mapi::rop::{Bytes16, Empty, RequestBody, ResponseBody, RopRequest, SizeOrSentinel};
use store::View;
use wire::Utf16;

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use super::property::{change_folder, of_folder};
use crate::codepage::CodePage;
use crate::refusal::Refusal;
use crate::session::logon::OWNER;
use crate::session::stream::Stream;
use crate::session::{MailboxSession, Object, Opened};
use crate::values::convert::to_type;

/// The most bytes of a stream.
const STREAM_MAX: usize = 32 << 20;
/// `StreamSeekError` ([MS-OXCPRPT] 3.2.5.18).
const SEEK_ERROR: ErrorCode = ErrorCode(0x8003_0019);
/// `StreamInvalidParam`: the origin of a seek is invalid ([MS-OXCPRPT] 3.2.5.18).
const INVALID_ORIGIN: ErrorCode = ErrorCode(0x8003_0057);
/// `StreamAccessDenied`: the stream is open for reading only ([MS-OXCPRPT] 3.2.5.13).
const STREAM_ACCESS_DENIED: ErrorCode = ErrorCode(0x8003_0005);
/// The size of a response to `RopReadStream` without its data.
const READ_STREAM_SIZE: usize = 1 + 1 + 4 + 2;

fn stream<'a>(context: &'a mut Context<'_>) -> Result<&'a mut Stream, Refusal> {
    let handle = context.handle()?;
    stream_at(context.session, handle)
}

fn stream_at(session: &mut MailboxSession, handle: u32) -> Result<&mut Stream, Refusal> {
    match session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { object: Object::Stream(stream), .. } => Ok(stream),
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// `RopOpenStream` ([MS-OXCPRPT] 3.2.5.11).
pub(super) fn open(context: &Context<'_>, request: &RopOpenStreamRequest) -> Outcome {
    let (tag, handle, logon) = (request.property_tag, context.handle()?, context.logon()?);
    if tag.is_same_property(PropTag::PidTagSecurityDescriptorAsXml) {
        // As by Exchange 2013 and later ([MS-OXCPERM] 3.2.5).
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    if matches!(context.opened()?.object, Object::Folder(_)) && tag.prop_type() != PropType::PtypBinary {
        // Of folders, only binary properties have streams ([MS-OXCPRPT] 2.2.14.1).
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    let (creates, writes) = match request.open_mode_flags {
        StreamOpenModeFlags::READ_ONLY => (false, false),
        StreamOpenModeFlags::READ_WRITE => (false, true),
        StreamOpenModeFlags::CREATE => (true, true),
        StreamOpenModeFlags::BEST_ACCESS => (false, is_writable(context)?),
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    if writes && !is_writable(context)? {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let data = match tag.prop_type() {
        PropType::PtypString | PropType::PtypString8 | PropType::PtypBinary | PropType::PtypObject => {
            let found = context.backend().read(|view| read_value(view, context, tag))?;
            let bytes = found.and_then(|value| to_bytes(value, tag, context.session.code_page));
            match bytes {
                _ if creates => Vec::new(),
                Some(bytes) => bytes,
                None => return Err(ErrorCode::MAPI_E_NOT_FOUND.into()),
            }
        }
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    context.session.objects.check_room(data.len())?;
    let stream_size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let stream = Stream { parent: handle, tag, data, position: 0, is_writable: writes, is_changed: creates };
    let body = ResponseBody::RopOpenStream(RopOpenStreamResponse { stream_size });
    Ok(Success::opened(body, &logon, Object::Stream(Box::new(stream))))
}

/// Whether the client may change the object on which the ROP acts.
fn is_writable(context: &Context<'_>) -> Result<bool, Refusal> {
    let Opened { logon, object } = context.opened()?;
    match object {
        Object::Folder(id) => Ok(context.backend().read(|view| logon.rights(view, *id))? & OWNER != 0),
        Object::Message(message) => Ok(message.is_writable),
        Object::Attachment(attachment) => Ok(attachment.is_writable),
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

fn read_value(
    view: &View<'_>,
    context: &Context<'_>,
    tag: PropTag,
) -> Result<Option<PropertyValue>, Refusal> {
    let Opened { logon, object } = context.opened()?;
    Ok(match object {
        Object::Folder(id) => of_folder(view, logon, *id, Some(&[tag]))?.pop().and_then(|(_, value)| value),
        Object::Message(message) => message.properties.value(view, message.source(), tag)?,
        Object::Attachment(attachment) => attachment.properties.value(view, attachment.source(), tag)?,
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    })
}

fn to_bytes(value: PropertyValue, tag: PropTag, code_page: CodePage) -> Option<Vec<u8>> {
    match (value, tag.prop_type()) {
        (
            PropertyValue::Binary(bytes) | PropertyValue::Object(bytes),
            PropType::PtypBinary | PropType::PtypObject,
        ) => Some(bytes),
        (value, wanted) => match to_type(value, wanted, code_page)? {
            PropertyValue::Unicode(text) => Some(text.as_le_bytes().to_vec()),
            PropertyValue::String8(text) => Some(text),
            _ => None,
        },
    }
}

fn to_value(stream: &Stream, code_page: CodePage) -> PropertyValue {
    match stream.tag.prop_type() {
        PropType::PtypString8 => PropertyValue::from(code_page.decode(&stream.data).as_str()),
        PropType::PtypString => {
            let even = stream.data.get(..stream.data.len() & !1).unwrap_or_default();
            PropertyValue::Unicode(Utf16::from_le(even.to_vec().into()).unwrap_or_default())
        }
        PropType::PtypObject => PropertyValue::Object(stream.data.clone()),
        _ => PropertyValue::Binary(stream.data.clone()),
    }
}

/// `RopReadStream` ([MS-OXCPRPT] 3.2.5.12).
pub(super) fn read(context: &mut Context<'_>, request: &RopReadStreamRequest) -> Outcome {
    let room = context.room.saturating_sub(READ_STREAM_SIZE).min(usize::from(u16::MAX));
    let (logon_id, handle_index) = (context.request.logon_id, context.request.handle_index);
    let stream = stream(context)?;
    let wanted = usize::try_from(request.limit()).unwrap_or(usize::MAX);
    let start = stream.position.min(stream.data.len());
    let end = start.saturating_add(wanted.min(room)).min(stream.data.len());
    let data = stream.data.get(start..end).unwrap_or_default().to_vec();
    stream.position = end;
    let rest = wanted.saturating_sub(data.len());
    let continues = request.byte_count.is_sentinel() && rest > 0 && end < stream.data.len();
    let next = continues.then(|| RopRequest {
        logon_id,
        handle_index,
        body: RequestBody::RopReadStream(RopReadStreamRequest {
            byte_count: SizeOrSentinel::SENTINEL,
            maximum_byte_count: Some(u32::try_from(rest).unwrap_or(u32::MAX)),
        }),
    });
    let body = ResponseBody::RopReadStream(RopReadStreamResponse { data: Bytes16(data.into()) });
    Ok(Success { next, ..Success::new(body) })
}

/// `RopWriteStream` ([MS-OXCPRPT] 3.2.5.13).
pub(super) fn write(context: &mut Context<'_>, request: &RopWriteStreamRequest) -> Outcome {
    let handle = context.handle()?;
    write_to(context.session, handle, &request.data.0)?;
    let written_size = u16::try_from(request.data.0.len()).unwrap_or(u16::MAX);
    done(ResponseBody::RopWriteStream(RopWriteStreamResponse { written_size }))
}

/// `RopWriteStreamExtended`: each buffer of a request has a ROP of its own ([MS-OXCPRPT] 3.2.5.14).
pub(super) fn write_extended(context: &mut Context<'_>, request: &RopWriteStreamExtendedRequest) -> Outcome {
    let handle = context.handle()?;
    write_to(context.session, handle, &request.data.0)?;
    let written_size = u32::try_from(request.data.0.len()).unwrap_or(u32::MAX);
    done(ResponseBody::RopWriteStreamExtended(RopWriteStreamExtendedResponse { written_size }))
}

/// `RopCopyToStream` ([MS-OXCPRPT] 3.2.5.19): copies what the source has from its position on, at most as many bytes as
/// are requested.
pub(super) fn copy(context: &mut Context<'_>, request: &RopCopyToStreamRequest) -> Outcome {
    let destination = usize::from(request.dest_handle_index.0);
    let destination = context.handles.get(destination).copied().ok_or(ErrorCode::EC_DST_NULL_OBJECT)?;
    if context.session.objects.get(destination).is_none() {
        return Err(ErrorCode::EC_DST_NULL_OBJECT.into());
    }
    let wanted = usize::try_from(request.byte_count).unwrap_or(usize::MAX);
    let source = stream(context)?;
    let start = source.position.min(source.data.len());
    let end = start.saturating_add(wanted).min(source.data.len());
    let data = source.data.get(start..end).unwrap_or_default().to_vec();
    context.session.objects.check_room(data.len())?;
    stream(context)?.position = end;
    if let Err(refusal) = write_to(context.session, destination, &data) {
        stream(context)?.position = start;
        return Err(refusal);
    }
    let count = u64::try_from(data.len()).unwrap_or(u64::MAX);
    done(ResponseBody::RopCopyToStream(RopCopyToStreamResponse {
        dest_handle_index: None,
        read_byte_count: count,
        written_byte_count: count,
    }))
}

/// Writes to the stream `handle` at its position.
fn write_to(session: &mut MailboxSession, handle: u32, data: &[u8]) -> Result<(), Refusal> {
    resize(session, handle, |stream| Some(stream.data.len().max(stream.position.checked_add(data.len())?)))?;
    let stream = stream_at(session, handle)?;
    let end = stream.position.saturating_add(data.len());
    if let Some(place) = stream.data.get_mut(stream.position..end) {
        place.copy_from_slice(data);
    }
    stream.position = end;
    Ok(())
}

/// Gives a stream the size that `size` returns, if the client may write to it.
fn resize(
    session: &mut MailboxSession,
    handle: u32,
    size: impl Fn(&Stream) -> Option<usize>,
) -> Result<(), Refusal> {
    let current = stream_at(session, handle)?;
    if !current.is_writable {
        return Err(STREAM_ACCESS_DENIED.into());
    }
    let wanted = size(current).filter(|size| *size <= STREAM_MAX).ok_or(ErrorCode::MAPI_E_TOO_BIG)?;
    let more = wanted.saturating_sub(current.data.len());
    session.objects.check_room(more)?;
    let current = stream_at(session, handle)?;
    current.data.resize(wanted, 0);
    current.is_changed = true;
    Ok(())
}

/// `RopGetStreamSize` ([MS-OXCPRPT] 3.2.5.16).
pub(super) fn size(context: &mut Context<'_>) -> Outcome {
    let stream_size = u32::try_from(stream(context)?.data.len()).unwrap_or(u32::MAX);
    done(ResponseBody::RopGetStreamSize(RopGetStreamSizeResponse { stream_size }))
}

/// `RopSetStreamSize` ([MS-OXCPRPT] 3.2.5.17).
pub(super) fn set_size(context: &mut Context<'_>, request: &RopSetStreamSizeRequest) -> Outcome {
    let handle = context.handle()?;
    resize(context.session, handle, |_| usize::try_from(request.stream_size).ok())?;
    done(ResponseBody::RopSetStreamSize(Empty))
}

/// `RopSeekStream` ([MS-OXCPRPT] 3.2.5.18). A stream that is open for writing is extended to its new position.
pub(super) fn seek(context: &mut Context<'_>, request: &RopSeekStreamRequest) -> Outcome {
    let stream = stream(context)?;
    let from = match request.origin {
        Origin::BEGINNING => 0,
        Origin::CURRENT => stream.position,
        Origin::END => stream.data.len(),
        _ => return Err(INVALID_ORIGIN.into()),
    };
    let to = i64::try_from(from).ok().and_then(|from| from.checked_add(request.offset));
    let to = to.and_then(|to| usize::try_from(to).ok()).filter(|to| *to <= STREAM_MAX);
    let to = to.ok_or(SEEK_ERROR)?;
    if to > stream.data.len() && stream.is_writable {
        let handle = context.handle()?;
        resize(context.session, handle, |_| Some(to))?;
    }
    self::stream(context)?.position = to;
    let new_position = u64::try_from(to).unwrap_or(u64::MAX);
    done(ResponseBody::RopSeekStream(RopSeekStreamResponse { new_position }))
}

/// `RopCommitStream` ([MS-OXCPRPT] 3.2.5.15).
pub(super) fn commit(context: &mut Context<'_>) -> Outcome {
    stream(context)?;
    let handle = context.handle()?;
    commit_stream(context.session, handle)?;
    done(ResponseBody::RopCommitStream(Empty))
}

/// Commits the stream `handle`, which is released: a release commits ([MS-OXCPRPT] 3.2.5.15).
pub(super) fn commit_at_release(session: &mut MailboxSession, handle: u32) {
    if let Err(Refusal(code)) = commit_stream(session, handle) {
        tracing::debug!("lab: a stream was released without its changes: {code}");
    }
}

/// Sets the property of a stream, if `handle` is a stream with changes.
fn commit_stream(session: &mut MailboxSession, handle: u32) -> Result<(), Refusal> {
    let code_page = session.code_page;
    let Some(Opened { object: Object::Stream(stream), .. }) = session.objects.get(handle) else {
        return Ok(());
    };
    if !stream.is_changed {
        return Ok(());
    }
    session.objects.check_room(stream.data.len())?;
    let (parent, tag, value) = (stream.parent, stream.tag, to_value(stream, code_page));
    let tag = tag.with_type(value.prop_type());
    match session.objects.get_mut(parent).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { object: Object::Message(message), .. } if message.is_writable => message.set(tag, value),
        Opened { object: Object::Attachment(attachment), .. } if attachment.is_writable => {
            attachment.set(tag, value);
        }
        Opened { logon, object: Object::Folder(id) } => {
            let (logon, id) = (Arc::clone(logon), *id);
            let problems = change_folder(&session.backend, &logon, id, &[TaggedValue { tag, value }], &[])?;
            if let Some(problem) = problems.first() {
                return Err(problem.error_code.into());
            }
        }
        _ => return Err(ErrorCode::MAPI_E_NO_ACCESS.into()),
    }
    if let Some(Opened { object: Object::Stream(stream), .. }) = session.objects.get_mut(handle) {
        stream.is_changed = false;
    }
    Ok(())
}
