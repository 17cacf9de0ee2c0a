//! Applies one batch of ROPs and its responses to the objects of the session.

use std::sync::Arc;

use engine::objects::BatchObjects;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::inspect::{Inspect as _, Node};
use mapi::property::PropTag;
use mapi::rop::fast_transfer::TransferStatus;
use mapi::rop::{BatchColumns, ChangedColumns, ReplyHandler, RopId, RopReply, RopRequest};

use super::normalize::Names;
use super::objects::{Objects, Transfers, add_names, described};
use super::operation::Rop;

/// A batch of ROPs, and its effects on the session's objects.
pub(super) struct FollowedBatch<'a> {
    requests: &'a [RopRequest],
    pub(super) columns: BatchColumns<'a>,
    batch: BatchObjects<'a>,
    transfers: &'a mut Transfers,
    names: &'a mut Names,
    /// The handle table of the responses.
    response_handles: &'a [u32],
    /// The request's handle table, with the handles of the objects that this batch opened.
    handles: Vec<u32>,
    /// The processed ROPs.
    rops: Vec<Rop>,
    /// The handles that were released.
    released: Vec<u32>,
    /// What is wrong in FastTransfer streams.
    problems: Vec<String>,
    /// Whether the server stopped: it did not execute the rest of the requests.
    pub(super) is_stopped: bool,
}

impl<'a> FollowedBatch<'a> {
    /// Creates the state before the first of `requests`, which are in the buffer `request`.
    pub(super) fn new(
        request: &'a RopBuffer,
        requests: &'a [RopRequest],
        response_handles: &'a [u32],
        Objects { table, columns, transfers, names, .. }: &'a mut Objects,
    ) -> Self {
        Self {
            requests,
            columns: BatchColumns::new(&request.handles, columns),
            batch: BatchObjects::new(table, &request.handles),
            transfers,
            names,
            response_handles,
            handles: request.handles.clone(),
            rops: Vec::with_capacity(requests.len()),
            released: Vec::new(),
            problems: Vec::new(),
            is_stopped: false,
        }
    }

    /// Returns the ROPs, the changed columns of objects, and problems.
    pub(super) fn finish(self) -> (Vec<Rop>, ChangedColumns, Vec<String>) {
        // A release is applied even if no response after it was read, but before the changes by responses.
        let mut columns: ChangedColumns = self.released.into_iter().map(|handle| (handle, None)).collect();
        columns.extend(self.columns.finish(self.response_handles));
        (self.rops, columns, self.problems)
    }

    /// Creates the ROP of `request`, without a response.
    fn rop(&self, request: &RopRequest) -> Rop {
        Rop {
            name: rop_name(request.id()),
            id: request.id().0,
            logon: Some(request.logon_id),
            handle: self.acted_on(request),
            object: self.batch.acted_on(request).map(described),
            opened_handle: None,
            return_value: None,
            request: Some(request.body.to_node()),
            response: None,
        }
    }

    /// Applies `request` with its first reply, and adds it to the ROPs.
    fn pass(&mut self, request: &RopRequest, reply: Option<&RopReply>) {
        let mut rop = self.rop(request);
        if let Some(handle) = rop.handle.filter(|_| request.id() == RopId::RopRelease) {
            let stream = self.transfers.remove(handle);
            // A client may end a download at any time.
            if let Some(error) =
                stream.filter(|stream| stream.is_upload).and_then(|stream| stream.incomplete())
            {
                self.problems
                    .push(format!("request: the stream ends with the release of its object: {error}"));
            }
            self.released.push(handle);
        }
        self.transfer(rop.handle, request.id(), "request", rop.request.as_mut());
        self.batch.settle(request, reply, self.response_handles);
        if let Some(reply) = reply {
            self.replied(&mut rop, request, reply);
        }
        self.rops.push(rop);
    }

    /// Replaces the bytes of a FastTransfer stream in the `node` of a request or response, if there are any, by a tree.
    fn transfer(&mut self, handle: Option<u32>, rop: RopId, part: &str, node: Option<&mut Node>) {
        let (Some(Node::Fields(fields)), Some(handle)) = (node, handle) else { return };
        if !rop_name(rop).starts_with("RopFastTransfer") {
            return;
        }
        let is_done = fields.iter().any(|(name, value)| {
            name == "TransferStatus"
                && matches!(value, Node::Named(status, _) if *status == u64::from(TransferStatus::DONE.0))
        });
        for (name, value) in fields {
            if let ("TransferBuffer" | "TransferData", Node::Bytes(bytes)) = (name.as_ref(), &*value)
                && let Some(transfer) = self.transfers.of(handle)
            {
                transfer.is_upload = name == "TransferData";
                let mut problems = Vec::new();
                *value = transfer.node(bytes, &mut problems);
                if is_done && let Some(error) = transfer.incomplete() {
                    problems.push(format!("the stream ends with the status DONE: {error}"));
                }
                self.problems.extend(problems.into_iter().map(|problem| format!("{part}: {problem}")));
            }
        }
    }

    fn acted_on(&self, request: &RopRequest) -> Option<u32> {
        let handle = self.handles.get(usize::from(request.acted_on_index()?)).copied();
        handle.filter(|handle| *handle != NO_OBJECT)
    }

    fn replied(&mut self, rop: &mut Rop, request: &RopRequest, reply: &RopReply) {
        let opened = opened_handle(request, reply, self.response_handles);
        if let (Some(handle), Some(index)) = (opened, request.output_handle_index()) {
            set_handle(&mut self.handles, usize::from(index), handle);
        }
        if reply.return_value.is_success() {
            add_names(self.names, request, reply);
        }
        let mut node = reply.body.to_node();
        self.transfer(rop.handle, request.id(), "response", Some(&mut node));
        rop.add_response(reply.return_value, node, opened);
    }
}

impl ReplyHandler for FollowedBatch<'_> {
    type Output = ();

    fn request(&self, index: usize) -> Option<&RopRequest> {
        self.requests.get(index)
    }

    fn columns(&self, index: usize) -> Option<&Arc<[PropTag]>> {
        self.columns.of_request(self.requests.get(index)?)
    }

    fn no_reply(&mut self, index: usize) {
        if let Some(request) = self.requests.get(index) {
            self.columns.released(request);
            self.pass(request, None);
        }
    }

    fn reply(&mut self, index: usize, reply: RopReply) {
        if let Some(request) = self.requests.get(index) {
            self.columns.replied(request, &reply);
            self.pass(request, Some(&reply));
        }
    }

    fn further_reply(&mut self, index: usize, reply: RopReply) {
        let Some(request) = self.requests.get(index) else { return };
        let Some(mut rop) = self.rops.get_mut(index).map(std::mem::take) else { return };
        self.columns.replied(request, &reply);
        self.batch.settle_more(request, &reply);
        self.replied(&mut rop, request, &reply);
        if let Some(slot) = self.rops.get_mut(index) {
            *slot = rop;
        }
    }

    fn unread(&mut self, index: usize) {
        match self.requests.get(index) {
            Some(request) if self.is_stopped => self.rops.push(self.rop(request)),
            Some(request) => self.pass(request, None),
            None => {}
        }
    }
}

/// The handle of the object that `request` opened.
fn opened_handle(request: &RopRequest, reply: &RopReply, handles: &[u32]) -> Option<u32> {
    let index = request.output_handle_index().filter(|_| reply.return_value.is_success())?;
    handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_OBJECT)
}

fn set_handle(handles: &mut Vec<u32>, index: usize, handle: u32) {
    if handles.len() <= index {
        handles.resize(index.saturating_add(1), NO_OBJECT);
    }
    if let Some(slot) = handles.get_mut(index) {
        *slot = handle;
    }
}

/// The name of the ROP, or its number if it is not specified.
pub(super) fn rop_name(id: RopId) -> String {
    id.name().map_or_else(|| format!("RopId {:#04x}", id.0), str::to_owned)
}
