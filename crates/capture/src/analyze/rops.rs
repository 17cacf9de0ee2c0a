//! The ROPs of an Execute, by whatever name it went.

use engine::objects::{BatchObjects, ObjectHandle};
use mapi::compress::{self, ExtendedBuffer, Limits};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::inspect::{Inspect, Node};
use mapi::property::PropTag;
use mapi::rop::{Answers, Columns as _, RopId, RopReply, RopRequest, RopRequests, RopResponse};
use wire::{Decode as _, Reader};

use super::normalize::Names;
use super::objects::{More, Objects, described, take_in_names};
use super::operation::Rop;

/// The ROPs of a call.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rops: Vec<Rop>,
    pub(super) problems: Vec<String>,
}

/// The payloads of extended buffers.
pub(super) fn payloads(bytes: &[u8], problems: &mut Vec<String>) -> Vec<Vec<u8>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    match compress::decode_chain(bytes, Limits::default()) {
        Ok(chain) => chain.into_iter().map(|ExtendedBuffer { payload, .. }| payload.into()).collect(),
        Err(error) => {
            problems.push(error.to_string());
            Vec::new()
        }
    }
}

/// Reads the ROPs of a request and of its response, each the payloads of its buffers.
pub(super) fn read(requests: &[Vec<u8>], responses: &[Vec<u8>], objects: &mut Objects) -> Batch {
    let mut batch = Batch::default();
    for (index, request) in requests.iter().enumerate() {
        let Some(buffer) = batch.buffer(request) else { continue };
        let asked = RopRequests::decode(&buffer.rops, objects);
        if let Some(error) = &asked.error {
            let opaque = asked.rest.len();
            batch.problems.push(format!("request: {error}; {opaque} bytes of ROPs are not read"));
        }
        // Only the first of several buffers is known to be answered by the response's.
        let answers = if index == 0 { responses } else { &[] };
        batch.one(&buffer, &asked.rops, answers, objects);
    }
    if requests.is_empty() && !responses.is_empty() {
        batch.one(&RopBuffer::default(), &[], responses, objects);
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

    fn one(
        &mut self,
        asked: &RopBuffer,
        requests: &[RopRequest],
        responses: &[Vec<u8>],
        objects: &mut Objects,
    ) {
        let buffers: Vec<RopBuffer> = responses.iter().filter_map(|response| self.buffer(response)).collect();
        let made_handles = buffers.first().map_or(&[][..], |buffer| &buffer.handles);
        let (replies, others, changed) = self.replies(&buffers, asked, requests, objects);
        let mut replies = replies.into_iter().peekable();
        let mut course = Course::new(asked, made_handles, objects);
        for (place, request) in requests.iter().enumerate() {
            let its_own = std::iter::from_fn(|| replies.next_if(|(answered, _)| *answered == Some(place)));
            self.rops.push(course.rop(request, its_own.map(|(_, reply)| reply)));
        }
        drop(course);
        for (handle, columns) in changed {
            objects.more.set_columns(handle, columns);
        }
        self.rops.extend(others.iter().map(|other| other.rop(objects)));
    }

    /// The replies, each with the place of its request; what the server sent of its own; and the columns that
    /// are others now.
    fn replies(
        &mut self,
        buffers: &[RopBuffer],
        asked: &RopBuffer,
        requests: &[RopRequest],
        objects: &Objects,
    ) -> (Replies, Vec<Other>, Changed) {
        let mut answers = Answers::new(requests, &asked.handles, &objects.more);
        let (mut replies, mut others) = (Vec::new(), Vec::new());
        for (index, buffer) in buffers.iter().enumerate() {
            if index > 0 {
                answers.begin_packed();
            }
            let mut r = Reader::new(&buffer.rops);
            while !r.is_empty() {
                let left = r.remaining();
                match answers.next(&mut r) {
                    Ok(answer) => match answer.response {
                        RopResponse::Reply(reply) => replies.push((answer.request, reply)),
                        response => {
                            let handle = Other::handle(&response);
                            let columns = handle.and_then(|handle| answers.columns_of(handle));
                            let columns = columns.map(<[PropTag]>::to_vec);
                            others.push(Other { response, columns });
                        }
                    },
                    Err(error) => {
                        self.problems.push(format!("response: {error}; {left} bytes of ROPs are not read"));
                        break;
                    }
                }
            }
        }
        let made_handles = buffers.first().map_or(&[][..], |buffer| &buffer.handles);
        (replies, others, answers.finish(made_handles))
    }
}

/// The ROPs of a buffer, in their order, and what becomes of the session's objects.
struct Course<'a> {
    batch: BatchObjects<'a>,
    more: &'a mut More,
    names: &'a mut Names,
    /// The handle table that came with the responses.
    made: &'a [u32],
    /// The request's handle table; handles that this batch made stand in for places that held none when it was
    /// sent.
    handles: Vec<u32>,
}

impl<'a> Course<'a> {
    fn new(asked: &RopBuffer, made: &'a [u32], Objects { table, more, names, .. }: &'a mut Objects) -> Self {
        let handles = asked.handles.clone();
        Self { batch: BatchObjects::new(table, &asked.handles), more, names, made, handles }
    }

    /// The next ROP, with the replies that it got.
    fn rop(&mut self, request: &RopRequest, mut replies: impl Iterator<Item = RopReply>) -> Rop {
        let mut rop = Rop {
            name: name(request.id()),
            id: request.id().0,
            logon: Some(request.logon_id),
            handle: self.acted_on(request),
            object: self.batch.acted_on(request).map(described),
            made: None,
            return_value: None,
            request: Some(request.body.to_node()),
            response: None,
        };
        if let Some(handle) = rop.handle.filter(|_| request.id() == RopId::RopRelease) {
            self.more.release(handle);
        }
        transfer(&rop.name, rop.request.as_mut(), self.more, rop.handle);
        let first = replies.next();
        self.batch.settle(request, first.as_ref(), self.made);
        if let Some(reply) = first {
            self.answered(&mut rop, request, &reply);
        }
        for reply in replies {
            self.batch.settle_more(request, &reply);
            self.answered(&mut rop, request, &reply);
        }
        rop
    }

    fn acted_on(&self, request: &RopRequest) -> Option<u32> {
        let handle = self.handles.get(usize::from(request.acted_on_index()?)).copied();
        handle.filter(|handle| *handle != NO_OBJECT)
    }

    fn answered(&mut self, rop: &mut Rop, request: &RopRequest, reply: &RopReply) {
        let made = made(request, reply, self.made);
        if let (Some(handle), Some(index)) = (made, request.output_handle_index()) {
            put(&mut self.handles, usize::from(index), handle);
        }
        if reply.return_value.is_success() {
            take_in_names(self.names, request, reply);
        }
        let mut shown = reply.body.to_node();
        transfer(&rop.name, Some(&mut shown), self.more, rop.handle);
        rop.answered(reply.return_value, shown, made);
    }
}

/// Replies, each with the place of its request.
type Replies = Vec<(Option<usize>, RopReply)>;

/// The columns of objects, by their handles; none where they are not known any more.
type Changed = Vec<(u32, Option<Vec<PropTag>>)>;

/// The handle of the object that `request` made.
fn made(request: &RopRequest, reply: &RopReply, handles: &[u32]) -> Option<u32> {
    let index = request.output_handle_index().filter(|_| reply.return_value.is_success())?;
    handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_OBJECT)
}

fn put(handles: &mut Vec<u32>, index: usize, handle: u32) {
    if handles.len() <= index {
        handles.resize(index.saturating_add(1), NO_OBJECT);
    }
    if let Some(place) = handles.get_mut(index) {
        *place = handle;
    }
}

/// Something in a response that answers no ROP.
struct Other {
    response: RopResponse,
    /// The columns that the table had which it tells of; none where they are not known, or the batch made it.
    columns: Option<Vec<PropTag>>,
}

impl Other {
    /// The handle of the object that `response` tells of.
    const fn handle(response: &RopResponse) -> Option<u32> {
        match response {
            RopResponse::Notify(notify) => Some(notify.notification_handle),
            _ => None,
        }
    }

    /// As a ROP, where the session has these `objects` behind the batch.
    fn rop(&self, objects: &Objects) -> Rop {
        let (handle, object) = match &self.response {
            RopResponse::Notify(notify) => {
                let handle = notify.notification_handle;
                let whole = ObjectHandle { logon_id: notify.logon_id, handle };
                (Some(handle), objects.table.get(whole).map(described))
            }
            _ => (None, None),
        };
        let made = || handle.and_then(|handle| objects.more.columns(handle));
        let columns = self.columns.as_deref().or_else(made);
        Rop {
            name: name(self.response.id()),
            id: self.response.id().0,
            logon: None,
            handle,
            object,
            made: None,
            return_value: None,
            request: None,
            response: Some(self.response.node_with(columns)),
        }
    }
}

fn name(id: RopId) -> String {
    id.name().map_or_else(|| format!("RopId {:#04x}", id.0), str::to_owned)
}

/// Puts a tree in the place of the bytes of a `FastTransfer` stream, where `shown` has some.
fn transfer(rop: &str, shown: Option<&mut Node>, objects: &mut More, handle: Option<u32>) {
    let (Some(Node::Fields(fields)), Some(handle)) = (shown, handle) else { return };
    if !rop.starts_with("RopFastTransfer") {
        return;
    }
    for (name, value) in fields {
        if let ("TransferBuffer" | "TransferData", Node::Bytes(bytes)) = (name.as_ref(), &*value)
            && let Some(transfer) = objects.transfer(handle)
        {
            *value = transfer.node(bytes);
        }
    }
}
