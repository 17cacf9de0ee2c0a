//! Decodes the ROPs of a call.

use std::sync::Arc;

use engine::objects::ObjectHandle;
use mapi::emsmdb::RopBuffer;
use mapi::property::PropTag;
use mapi::rop::{
    BatchColumns, Columns as _, ReadResponse, ResponseReader, RopRequest, RopRequests, RopResponse,
};
use wire::{Bytes, Decode as _, Reader};

use super::followed_batch::{FollowedBatch, rop_name};
use super::objects::{Objects, described};
use super::operation::Rop;

/// The ROPs of a call.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rops: Vec<Rop>,
    pub(super) problems: Vec<String>,
}

/// Decodes the ROPs of a request and of its response, from the payloads of their buffers.
pub(super) fn read(requests: &[Bytes], responses: &[Bytes], objects: &mut Objects) -> Batch {
    let mut batch = Batch::default();
    for (index, request) in requests.iter().enumerate() {
        let Some(buffer) = batch.buffer(request) else { continue };
        let decoded = RopRequests::decode(&buffer.rops, objects);
        if let Some(error) = &decoded.error {
            let opaque = decoded.rest.len();
            batch.problems.push(format!("request: {error}; {opaque} bytes of ROPs are not read"));
        }
        // Only the first of several buffers is known to belong to the response's buffers.
        let responses = if index == 0 { responses } else { &[] };
        batch.add_buffer(&buffer, &decoded.rops, responses, objects);
    }
    if requests.is_empty() && !responses.is_empty() {
        batch.add_buffer(&RopBuffer::default(), &[], responses, objects);
    }
    batch
}

impl Batch {
    fn buffer(&mut self, payload: &[u8]) -> Option<RopBuffer> {
        match RopBuffer::from_bytes(payload) {
            Ok(buffer) => Some(buffer),
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    /// Adds the ROPs of a request's buffer, with the buffers of the response.
    fn add_buffer(
        &mut self,
        request: &RopBuffer,
        requests: &[RopRequest],
        responses: &[Bytes],
        objects: &mut Objects,
    ) {
        let buffers: Vec<RopBuffer> = responses.iter().filter_map(|response| self.buffer(response)).collect();
        let response_handles = buffers.first().map_or(&[][..], |buffer| &buffer.handles);
        let mut followed = FollowedBatch::new(request, requests, response_handles, objects);
        let unsolicited = self.responses(&buffers, &mut followed);
        let (rops, columns, problems) = followed.finish();
        self.problems.extend(problems);
        for (handle, columns) in columns {
            objects.columns.set(handle, columns);
        }
        self.rops.extend(rops);
        self.rops.extend(unsolicited.iter().map(|response| response.rop(objects)));
    }

    /// Decodes the responses to the ROPs of `followed`. Returns the responses that belong to no ROP.
    fn responses(&mut self, buffers: &[RopBuffer], followed: &mut FollowedBatch<'_>) -> Vec<Unsolicited> {
        let mut reader = ResponseReader::new();
        let mut unsolicited = Vec::new();
        for (index, buffer) in buffers.iter().enumerate() {
            if index > 0 {
                reader.begin_packed();
            }
            let mut r = Reader::new(&buffer.rops);
            while !r.is_empty() {
                let left = r.remaining();
                match reader.next_response(&mut r, followed) {
                    Ok(ReadResponse::Reply(())) => {}
                    Ok(ReadResponse::Other(response)) => {
                        followed.is_stopped |= response.stops_batch();
                        unsolicited.push(Unsolicited::new(response, &followed.columns));
                    }
                    Err(error) => {
                        self.problems.push(format!("response: {error}; {left} bytes of ROPs are not read"));
                        break;
                    }
                }
            }
        }
        reader.pass_rest(followed);
        unsolicited
    }
}

/// A response that belongs to no ROP of the batch.
struct Unsolicited {
    response: RopResponse,
    /// The columns of the table to which it refers; `None` if they are not known, or the batch opened the table.
    columns: Option<Arc<[PropTag]>>,
}

impl Unsolicited {
    /// Creates one that was decoded while objects had these `columns`.
    fn new(response: RopResponse, columns: &BatchColumns<'_>) -> Self {
        let columns = match &response {
            RopResponse::Notify(notify) => columns.of_handle(notify.notification_handle),
            _ => None,
        };
        Self { columns: columns.cloned(), response }
    }

    /// Converts to a ROP. `objects` are those of the session after the batch.
    fn rop(&self, objects: &Objects) -> Rop {
        let (handle, object) = match &self.response {
            RopResponse::Notify(notify) => {
                let handle = notify.notification_handle;
                let whole = ObjectHandle { logon_id: notify.logon_id, handle };
                (Some(handle), objects.table.get(whole).map(described))
            }
            _ => (None, None),
        };
        let columns_after_batch = || handle.and_then(|handle| objects.columns.columns(handle));
        let columns = self.columns.as_ref().or_else(columns_after_batch).map(|columns| &**columns);
        Rop {
            name: rop_name(self.response.id()),
            id: self.response.id().0,
            logon: None,
            handle,
            object,
            opened_handle: None,
            return_value: None,
            request: None,
            response: Some(self.response.node_with(columns)),
        }
    }
}
