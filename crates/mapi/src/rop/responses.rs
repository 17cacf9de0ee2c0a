//! The ROP responses of a batch, decoded with the tables and objects of the session.

use std::borrow::Cow;
use std::collections::HashSet;

use wire::{Encode, Error, Reader, Result, Writer};

use super::body::{RequestBody, ResponseBody};
use super::context::ResponseContext;
use super::request::RopRequest;
use super::response::RopResponse;
use super::rop_id::RopId;
use crate::emsmdb::NO_OBJECT;
use crate::property::PropTag;

/// Knows the columns of a session's tables, and those of its messages' recipients.
pub trait Columns {
    /// The columns of the table or message `handle`, where they are known.
    fn columns(&self, handle: u32) -> Option<&[PropTag]>;
}

/// Knows none.
impl Columns for () {
    fn columns(&self, _handle: u32) -> Option<&[PropTag]> {
        None
    }
}

/// A response, and which request it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The request's place in its batch; none for what answers no request.
    pub request: Option<usize>,
    /// The response.
    pub response: RopResponse,
}

/// Reads the responses to a batch of requests, one after the other, and remembers what they depend on.
///
/// Responses come in the order of their requests. `RopRelease` has none; notifications and the like may stand
/// between them and follow them.
pub struct Answers<'a> {
    requests: &'a [RopRequest],
    handles: &'a [u32],
    known: &'a dyn Columns,
    /// The request that is answered next, unless it is one that is not answered.
    next: usize,
    /// The last request that was answered.
    last: Option<usize>,
    /// Places of the handle table for which the batch itself made an object.
    made: Vec<u8>,
    /// What the batch itself did to the columns of objects, the latest last.
    changed: Vec<(Object, Option<Cow<'a, [PropTag]>>)>,
}

/// An object, as far as the requests tell: one that the batch made has no handle yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Handle(u32),
    Made(u8),
}

impl<'a> Answers<'a> {
    /// Reads responses to `requests`, which came with the table `handles`, in a session that `known` knows.
    pub const fn new(requests: &'a [RopRequest], handles: &'a [u32], known: &'a dyn Columns) -> Self {
        Self { requests, handles, known, next: 0, last: None, made: Vec::new(), changed: Vec::new() }
    }

    /// Reads the response where `r` stands.
    ///
    /// # Errors
    /// When it is no response to the request whose turn it is, or not one that can be decoded. `r` then stands
    /// somewhere in it, and nothing behind it can be told.
    pub fn next(&mut self, r: &mut Reader<'_>) -> Result<Answer> {
        let place = self.due(self.next);
        let request = self.requests.get(place);
        match Turn::at(r, request)? {
            Turn::Reply => self.reply(r, place),
            Turn::Other => {
                let response = RopResponse::decode(r, ResponseContext::default())?;
                Ok(Answer { request: None, response })
            }
        }
    }

    /// The columns that the table or message `handle` has now, as far as the responses were read; none where
    /// they are not known, and where it is the batch itself that made the object.
    pub fn columns_of(&self, handle: u32) -> Option<&[PropTag]> {
        self.columns(Object::Handle(handle))
    }

    fn reply(&mut self, r: &mut Reader<'_>, place: usize) -> Result<Answer> {
        let requests = self.requests;
        let request = requests.get(place);
        self.release_before(place);
        let columns = request.and_then(|request| self.columns(self.object(request.handle_index)));
        let next = requests.get(self.due(place.saturating_add(1)));
        let requested = request.and_then(RopRequest::requested_properties);
        let next = next.map(RopRequest::expected_answer);
        let response = RopResponse::decode(r, ResponseContext { requested, columns, next })?;
        if let Some(request) = request {
            self.take_in(request, &response);
        }
        self.last = Some(place);
        self.next = place.saturating_add(1);
        Ok(Answer { request: Some(place), response })
    }

    /// Takes in the releases from the next request on up to the one at `place`, which then is the next.
    fn release_before(&mut self, place: usize) {
        for released in self.requests.iter().take(place).skip(self.next) {
            self.changed.push((self.object(released.handle_index), None));
        }
        self.next = place;
    }

    /// What the batch did to the columns of objects, by their handles; `handles` is the table that came with
    /// the responses. Where it is told of a handle more than once, the last holds.
    pub fn finish(mut self, handles: &[u32]) -> Vec<(u32, Option<Vec<PropTag>>)> {
        self.release_before(self.due(self.next));
        let changed = self.changed.into_iter().filter_map(|(object, columns)| {
            let handle = match object {
                Object::Handle(handle) => handle,
                Object::Made(index) => *handles.get(usize::from(index))?,
            };
            Some((handle, columns.map(Cow::into_owned)))
        });
        changed.collect()
    }

    /// The place of the first request from `from` on that is answered.
    fn due(&self, from: usize) -> usize {
        let rest = self.requests.iter().skip(from);
        from.saturating_add(rest.take_while(|request| !request.is_answered()).count())
    }

    /// Takes what follows for further responses to the last request that was answered: a server that was told
    /// it may pack buffers sends several, and all behind the first are such ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub const fn begin_packed(&mut self) {
        if let Some(last) = self.last {
            self.next = last;
        }
    }

    /// The requests that were not answered so far, but for those that are not.
    pub fn unanswered(&self) -> impl Iterator<Item = &'a RopRequest> {
        self.requests.iter().skip(self.next).filter(|request| request.is_answered())
    }

    fn object(&self, index: u8) -> Object {
        let handle = self.handles.get(usize::from(index)).copied().unwrap_or(NO_OBJECT);
        if handle == NO_OBJECT || self.made.contains(&index) {
            Object::Made(index)
        } else {
            Object::Handle(handle)
        }
    }

    fn columns(&self, object: Object) -> Option<&[PropTag]> {
        let changed = self.changed.iter().rev().find(|(changed, _)| *changed == object);
        match (changed, object) {
            (Some((_, columns)), _) => columns.as_deref(),
            (None, Object::Handle(handle)) => self.known.columns(handle),
            (None, Object::Made(_)) => None,
        }
    }

    /// Takes in what a request that was answered does to the columns of objects.
    fn take_in(&mut self, request: &'a RopRequest, response: &RopResponse) {
        let Some(reply) = response.reply() else { return };
        if !reply.return_value.is_success() {
            return;
        }
        if let Some(index) = request.output_handle_index() {
            self.made.push(index);
            self.changed.push((Object::Made(index), None));
        }
        match request.columns_after(&reply.body) {
            ColumnChange::None => {}
            ColumnChange::Unknown => self.changed.push((self.object(request.handle_index), None)),
            ColumnChange::Asked(columns) => {
                let object = self.object(request.handle_index);
                self.changed.push((object, Some(Cow::Borrowed(columns))));
            }
            ColumnChange::Added(more) => {
                let object = self.object(request.handle_index);
                let mut columns = self.columns(object).unwrap_or_default().to_vec();
                add_columns(&mut columns, more);
                self.changed.push((object, Some(Cow::Owned(columns))));
            }
            ColumnChange::Told(columns) => {
                let index = request.output_handle_index().unwrap_or(request.handle_index);
                self.changed.push((self.object(index), Some(Cow::Owned(columns.to_vec()))));
            }
        }
    }
}

/// What begins where a response is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The answer to the request whose turn it is.
    Reply,
    /// Something that answers no request, and may stand between answers: a notification
    /// ([MS-OXCROPS] 2.2.14.2.1), that some wait, that the server is busy, or that the answers don't fit.
    Other,
}

impl Turn {
    /// What begins where `r` stands, if the request that is to be answered next is `due`.
    ///
    /// # Errors
    /// When it is an answer to another ROP, or nothing is left.
    pub fn at(r: &Reader<'_>, due: Option<&RopRequest>) -> Result<Self> {
        let mut ahead = r.clone();
        match RopId(ahead.u8("RopId")?) {
            RopId::RopNotify | RopId::RopPending | RopId::RopBackoff | RopId::RopBufferTooSmall => {
                Ok(Self::Other)
            }
            id if due.is_some_and(|due| due.may_be_answered_as(id)) => Ok(Self::Reply),
            id => Err(r.invalid("RopId", u64::from(id.0), "the ROP whose turn it is to be answered")),
        }
    }
}

/// What a ROP that succeeded does to the columns of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnChange<'q, 's> {
    /// Nothing.
    None,
    /// They are not known any more.
    Unknown,
    /// The object that the ROP acted on has those that the request asked for.
    Asked(&'q [PropTag]),
    /// The object that the ROP acted on has those of the request too, see [`add_columns`].
    Added(&'q [PropTag]),
    /// The object that the ROP opened, or else the one that it acted on, has those that the response tells.
    Told(&'s [PropTag]),
}

/// Puts those of `more` behind `columns` that are not among them.
pub fn add_columns(columns: &mut Vec<PropTag>, more: &[PropTag]) {
    let mut known: HashSet<PropTag> = columns.iter().copied().collect();
    columns.extend(more.iter().filter(|column| known.insert(**column)));
}

impl RopRequest {
    /// What this does to the columns of an object where it succeeded with `body`.
    pub fn columns_after<'q, 's>(&'q self, body: &'s ResponseBody) -> ColumnChange<'q, 's> {
        match (&self.body, body) {
            (RequestBody::RopSetColumns(request), _) => ColumnChange::Asked(&request.property_tags.0),
            (RequestBody::RopResetTable(_), _) => ColumnChange::Unknown,
            (RequestBody::RopCreateMessage(_), _) => ColumnChange::Told(&[]),
            (RequestBody::RopModifyRecipients(request), _) => ColumnChange::Added(&request.recipient_columns),
            (_, ResponseBody::RopOpenMessage(opened) | ResponseBody::RopReloadCachedInformation(opened)) => {
                ColumnChange::Told(&opened.recipients.recipient_columns)
            }
            (_, ResponseBody::RopOpenEmbeddedMessage(opened)) => {
                ColumnChange::Told(&opened.recipients.recipient_columns)
            }
            _ => ColumnChange::None,
        }
    }
}

/// The responses to a batch of requests, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopResponses {
    /// The responses, in order.
    pub rops: Vec<RopResponse>,
    /// What follows them: empty, or a response that can't be decoded and all behind it.
    pub rest: Vec<u8>,
    /// Why the rest can't be decoded.
    pub error: Option<Error>,
}

impl RopResponses {
    /// The responses that `bytes` hold, as `answers` reads them.
    pub fn decode(bytes: &[u8], answers: &mut Answers<'_>) -> Self {
        let mut r = Reader::new(bytes);
        let mut rops = Vec::new();
        while !r.is_empty() {
            let before = r.peek();
            match answers.next(&mut r) {
                Ok(answer) => rops.push(answer.response),
                Err(error) => return Self { rops, rest: before.to_vec(), error: Some(error) },
            }
        }
        Self { rops, rest: Vec::new(), error: None }
    }
}

impl Encode for RopResponses {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.rops.iter().try_for_each(|rop| rop.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}
