//! Applies ROPs to the streams of FastTransfer contexts ([MS-OXCFXICS] 3.1.5).

use mapi::fast_transfer::{Property, Value};
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::fast_transfer::{TransferContent, TransferStatus};
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};
use wire::{Error, Utf16};

use super::content::Content;
use super::fast_transfer::{FastTransfer, FastTransferKind, SyncState, TransferPart};
use super::object::ObjectKind;
use super::slots::BatchObjects;

/// The maximum number of state properties that are tracked. Four are specified.
const MAX_STATE_PROPERTIES: usize = 8;

/// The part of a stream in a request.
fn uploaded(request: &RequestBody) -> Option<&[u8]> {
    match request {
        RequestBody::RopFastTransferDestinationPutBuffer(req)
        | RequestBody::RopFastTransferDestinationPutBufferExtended(req) => Some(&req.transfer_data.0),
        _ => None,
    }
}

/// The part of a stream that was transferred, according to the response.
fn passed<'r>(request: &'r RequestBody, reply: &'r ResponseBody) -> Option<&'r [u8]> {
    let used = match reply {
        ResponseBody::RopFastTransferSourceGetBuffer(resp) => {
            return match &resp.content {
                TransferContent::Buffer(bytes) => Some(bytes),
                TransferContent::Backoff { .. } => None,
            };
        }
        ResponseBody::RopFastTransferDestinationPutBuffer(resp) => resp.buffer_used_size,
        ResponseBody::RopFastTransferDestinationPutBufferExtended(resp) => resp.buffer_used_size,
        _ => return None,
    };
    uploaded(request).map(|bytes| bytes.get(..usize::from(used)).unwrap_or(bytes))
}

/// Applies a request and its response to the stream on which the ROP acts.
pub(super) fn apply(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    if !reply.return_value.is_success() {
        return;
    }
    apply_state(objects, request);
    if let Some(bytes) = passed(&request.body, &reply.body) {
        let is_done = matches!(&reply.body, ResponseBody::RopFastTransferSourceGetBuffer(resp)
            if resp.transfer_status == TransferStatus::DONE);
        feed(objects, request, bytes, is_done);
    }
}

/// Applies the request in a further buffer to the stream on which the ROP acts.
pub(super) fn apply_packed(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    if let Some(bytes) = uploaded(&request.body) {
        feed(objects, request, bytes, false);
    }
}

fn feed(objects: &mut BatchObjects<'_>, request: &RopRequest, bytes: &[u8], is_done: bool) {
    let keep = objects.table.keep_content;
    let room = if keep { objects.table.room(bytes.len()) } else { 0 };
    let Some(transfer) = acted_on(objects, request) else { return };
    transfer.stream.bytes =
        transfer.stream.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    transfer.stream.is_done |= is_done;
    if !keep {
        return;
    }
    let is_upload = transfer.kind == FastTransferKind::Upload;
    let before = transfer.content_bytes();
    let mut parts = Vec::new();
    let mut written = Vec::new();
    transfer.stream.feed(bytes, |part, is_top| {
        if is_upload
            && is_top
            && let TransferPart::Property(property) = &part
        {
            written.extend(value_of(property));
        }
        parts.push(part);
    });
    if transfer.content_bytes() > room.saturating_add(before) {
        transfer.stream.fail(Error::invalid(
            "FastTransfer",
            0,
            0,
            "an incomplete part within the limit of content",
        ));
    }
    let after = transfer.content_bytes();
    objects.table.held = objects.table.held.saturating_add(after).saturating_sub(before);
    objects.transferred.append(&mut parts);
    store_uploaded(objects, request, written);
}

/// Stores properties at the top level of an uploaded stream: they belong to the object on which the upload was
/// opened.
fn store_uploaded(
    objects: &mut BatchObjects<'_>,
    request: &RopRequest,
    written: Vec<(PropTag, PropertyValue)>,
) {
    if written.is_empty() {
        return;
    }
    let parent = objects.acted_on(request).and_then(|transfer| transfer.parent);
    if let Some(parent) = parent {
        objects.table.store(parent, written);
    }
}

/// Converts a property that is not named. `None` for multivalued types.
fn value_of(property: &Property<'_>) -> Option<(PropTag, PropertyValue)> {
    let tag = property.info.tag;
    let value = match &property.value {
        Value::Integer16(x) => PropertyValue::Integer16(*x),
        Value::Integer32(x) => PropertyValue::Integer32(*x),
        Value::Integer64(x) => PropertyValue::Integer64(*x),
        Value::Boolean(x) => PropertyValue::Boolean(*x != 0),
        Value::Time(x) => PropertyValue::Time(*x),
        Value::Guid(x) => PropertyValue::Guid(*x),
        Value::Bytes(bytes) => match tag.prop_type() {
            PropType::PtypBinary => PropertyValue::Binary(bytes.to_vec()),
            PropType::PtypString8 => {
                PropertyValue::String8(bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec())
            }
            PropType::PtypString => {
                let units = bytes.as_chunks::<2>().0;
                let text = units.strip_suffix(&[[0, 0]]).unwrap_or(units);
                PropertyValue::Unicode(Utf16::from_units(text.iter().map(|unit| u16::from_le_bytes(*unit))))
            }
            _ => return None,
        },
        _ => return None,
    };
    (!tag.is_named()).then_some((tag, value))
}

/// Applies the ROPs by which a client uploads its synchronization state ([MS-OXCFXICS] 2.2.3.2.2).
fn apply_state(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    let keep = objects.table.keep_content;
    let room = match &request.body {
        RequestBody::RopSynchronizationUploadStateStreamContinue(req) if keep => {
            objects.table.room(req.stream_data.0.len())
        }
        _ => 0,
    };
    let mut grown = 0;
    let Some(transfer) = acted_on(objects, request) else { return };
    match &request.body {
        RequestBody::RopSynchronizationUploadStateStreamBegin(req)
            if transfer.state.len() < MAX_STATE_PROPERTIES =>
        {
            transfer.state.push(SyncState {
                property: req.state_property,
                length: req.transfer_buffer_size,
                content: Content::default(),
                is_whole: false,
            });
        }
        RequestBody::RopSynchronizationUploadStateStreamContinue(req) => {
            let Some(state) = transfer.state.last_mut().filter(|state| !state.is_whole) else { return };
            let bytes = &req.stream_data.0;
            if keep && bytes.len() <= room && !state.content.truncated {
                let at = u64::try_from(state.content.bytes().len()).unwrap_or(u64::MAX);
                state.content.add(at, bytes);
                grown = bytes.len();
            } else {
                state.content.truncated = true;
            }
        }
        RequestBody::RopSynchronizationUploadStateStreamEnd(_) => {
            if let Some(state) = transfer.state.last_mut() {
                state.is_whole = true;
            }
        }
        _ => {}
    }
    objects.table.held = objects.table.held.saturating_add(grown);
}

impl BatchObjects<'_> {
    /// The parts of a stream that the last applied ROP transferred.
    pub fn transferred(&self) -> &[TransferPart] {
        &self.transferred
    }

    /// The parts of a stream that `request` uploads, after those of the ROPs `earlier` in the batch. `further` are
    /// the requests in further buffers that continue it. Empty if no module reads content.
    pub fn transferred_by<'r>(
        &self,
        request: &'r RopRequest,
        earlier: impl Iterator<Item = &'r RopRequest>,
        further: impl Iterator<Item = &'r RopRequest>,
    ) -> Vec<TransferPart> {
        let mut parts = Vec::new();
        let own = uploaded(&request.body).filter(|_| self.table.keep_content);
        let (Some(own), Some(ObjectKind::FastTransfer(transfer))) =
            (own, self.acted_on(request).map(|object| &object.kind))
        else {
            return parts;
        };
        let mut stream = transfer.stream.clone();
        for before in earlier.filter(|other| self.acts_on_same(request, other)) {
            stream.feed(uploaded(&before.body).unwrap_or_default(), |_, _| {});
        }
        for bytes in std::iter::once(own).chain(further.filter_map(|request| uploaded(&request.body))) {
            stream.feed(bytes, |part, _| parts.push(part));
        }
        parts
    }
}

fn acted_on<'a>(objects: &'a mut BatchObjects<'_>, request: &RopRequest) -> Option<&'a mut FastTransfer> {
    match &mut objects.acted_on_mut(request)?.kind {
        ObjectKind::FastTransfer(transfer) => Some(transfer),
        _ => None,
    }
}
