//! The ROPs of an Execute, by whatever name it went.

use mapi::ErrorCode;
use mapi::compress::{self, ExtendedBuffer, Limits};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::{Answers, RequestBody, RopId, RopReply, RopRequest, RopRequests, RopResponse};
use mapi::show::{Show, Shown};
use wire::{Decode as _, Reader};

use super::objects::Objects;

/// A ROP with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Rop {
    /// Which ROP it is, as `RopOpenFolder`.
    pub name: String,
    /// Its number.
    pub id: u8,
    /// The logon that it belongs to; none for what the server sends of its own.
    pub logon: Option<u8>,
    /// The handle of the object that it acts on; none where there is none, or it is not known yet.
    pub handle: Option<u32>,
    /// What that object is, as far as it is known.
    pub object: Option<String>,
    /// The handle of the object that it made.
    pub made: Option<u32>,
    /// What it returned; none where it was not answered.
    pub return_value: Option<ErrorCode>,
    /// What it asks; none for what the server sends of its own.
    pub request: Option<Shown>,
    /// What it was answered.
    pub response: Option<Shown>,
}

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
        let (replies, others) = self.replies(&buffers, asked, requests, objects);
        let made_handles = buffers.first().map_or(&[][..], |buffer| &buffer.handles);
        let mut replies = replies.into_iter().peekable();
        // Handles that this batch made stand in for places that held none when it was sent.
        let mut table = asked.handles.clone();
        for (place, request) in requests.iter().enumerate() {
            let index = request.acted_on_index();
            let handle = index.and_then(|index| table.get(usize::from(index)).copied());
            let handle = handle.filter(|handle| *handle != NO_OBJECT);
            let mut rop = Rop {
                name: name(request.id()),
                id: request.id().0,
                logon: Some(request.logon_id),
                handle,
                object: handle.and_then(|handle| objects.kind(handle)).map(str::to_owned),
                made: None,
                return_value: None,
                request: Some(request.body.show()),
                response: None,
            };
            if let Some(handle) = handle.filter(|_| request.id() == RopId::RopRelease) {
                objects.release(handle);
            }
            transfer(&rop.name, rop.request.as_mut(), objects, handle);
            while let Some((_, reply)) = replies.next_if(|(answered, _)| *answered == Some(place)) {
                let output = request.output_handle_index().map(usize::from);
                let made = output.filter(|_| reply.return_value.is_success()).and_then(|index| {
                    let made = made_handles.get(index).copied().filter(|made| *made != NO_OBJECT)?;
                    if table.len() <= index {
                        table.resize(index.saturating_add(1), NO_OBJECT);
                    }
                    *table.get_mut(index)? = made;
                    Some(made)
                });
                if reply.return_value.is_success() {
                    objects.take_in(request, &reply, handle.unwrap_or(NO_OBJECT), made);
                }
                let mut shown = reply.body.show();
                transfer(&rop.name, Some(&mut shown), objects, handle);
                rop.answered(reply.return_value, shown, made);
            }
            self.rops.push(rop);
        }
        self.rops.extend(others);
    }

    /// The replies, each with the place of its request; and what the server sent of its own.
    fn replies(
        &mut self,
        buffers: &[RopBuffer],
        asked: &RopBuffer,
        requests: &[RopRequest],
        objects: &Objects,
    ) -> (Vec<(Option<usize>, RopReply)>, Vec<Rop>) {
        let mut answers = Answers::new(requests, &asked.handles, objects);
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
                        other => others.push(of_its_own(&other, objects)),
                    },
                    Err(error) => {
                        self.problems.push(format!("response: {error}; {left} bytes of ROPs are not read"));
                        break;
                    }
                }
            }
        }
        (replies, others)
    }
}

impl Rop {
    fn answered(&mut self, return_value: ErrorCode, shown: Shown, made: Option<u32>) {
        self.made = self.made.or(made);
        self.return_value = Some(return_value);
        self.response = Some(match self.response.take() {
            None => shown,
            // A server that packs buffers answers one ROP several times.
            Some(Shown::List(mut several)) => {
                several.push(shown);
                Shown::List(several)
            }
            Some(first) => Shown::List(vec![first, shown]),
        });
    }
}

/// Something in a response that answers no ROP.
fn of_its_own(response: &RopResponse, objects: &Objects) -> Rop {
    let handle = match response {
        RopResponse::Notify(notify) => Some(notify.notification_handle),
        _ => None,
    };
    Rop {
        name: name(response.id()),
        id: response.id().0,
        logon: None,
        handle,
        object: handle.and_then(|handle| objects.kind(handle)).map(str::to_owned),
        made: None,
        return_value: None,
        request: None,
        response: Some(response.show()),
    }
}

fn name(id: RopId) -> String {
    id.name().map_or_else(|| format!("RopId {:#04x}", id.0), str::to_owned)
}

/// Puts a tree in the place of the bytes of a `FastTransfer` stream, where `shown` has some.
fn transfer(rop: &str, shown: Option<&mut Shown>, objects: &mut Objects, handle: Option<u32>) {
    let (Some(Shown::Fields(fields)), Some(handle)) = (shown, handle) else { return };
    if !rop.starts_with("RopFastTransfer") {
        return;
    }
    for (name, value) in fields {
        if let ("TransferBuffer" | "TransferData", Shown::Bytes(bytes)) = (name.as_ref(), &*value)
            && let Some(transfer) = objects.transfer(handle)
        {
            *value = transfer.show(bytes);
        }
    }
}

/// The field `name` of a request, in words.
pub(super) fn field(body: &RequestBody, name: &str) -> Option<String> {
    let Shown::Fields(fields) = body.show() else { return None };
    let (_, value) = fields.into_iter().find(|(known, _)| known == name)?;
    Some(match value {
        Shown::Text(text) => text,
        value => crate::show::short(&super::tidy::tidy(value, &super::tidy::Names::new())),
    })
}
