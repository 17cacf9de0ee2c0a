//! The one reader of ROP responses: which request each answers, and what it takes to decode it.

use wire::{Reader, Result};

use super::context::ResponseContext;
use super::request::RopRequest;
use super::response::{RopReply, RopResponse};
use super::rop_id::RopId;
use crate::property::PropTag;

/// A batch of requests whose responses are read: what a [`ResponseReader`] has to know of it, and what it hands over.
///
/// Each request is handed over once, in their order, by one of `unanswered`, `answered` and `unread`.
pub trait AnsweredBatch {
    /// What is made of an answer.
    type Answer;

    /// The request at `place`; none behind the last.
    fn request(&self, place: usize) -> Option<&RopRequest>;

    /// Whether a response to the request at `place` is among those that are read. Without more, to all but
    /// `RopRelease`.
    fn is_answered(&self, place: usize) -> bool {
        self.request(place).is_some_and(RopRequest::is_answered)
    }

    /// The columns of the table or message that the request at `place` acts on, with all requests before it passed;
    /// none where they are not known.
    fn columns(&self, place: usize) -> Option<&[PropTag]>;

    /// The request at `place` has no answer, since it is one that has none.
    fn unanswered(&mut self, place: usize);

    /// The request at `place` is answered with `reply`.
    fn answered(&mut self, place: usize, reply: RopReply) -> Self::Answer;

    /// The request at `place`, which was answered before, is answered further.
    fn continued(&mut self, place: usize, reply: RopReply) -> Self::Answer;

    /// No answer to the request at `place` was read, though it is one that has an answer or stands behind such a one.
    fn unread(&mut self, place: usize);
}

/// What stands in a response buffer.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadResponse<A> {
    /// The answer to a request, as the batch took it.
    Answer(A),
    /// Something that answers no request: a notification, or that the server is busy.
    Other(RopResponse),
}

/// Reads the responses to a batch of requests, one after the other.
///
/// Responses come in the order of their requests. `RopRelease` has none; notifications and the like may stand
/// between them and follow them. The order of calls is: [`Self::next_response`] until a buffer is empty or can't be
/// read, [`Self::begin_packed`] before each further buffer, and [`Self::pass_rest`] in the end.
#[derive(Debug, Default)]
pub struct ResponseReader {
    /// All requests before this place are passed.
    passed: usize,
    /// The last request that was answered.
    last: Option<usize>,
    /// Whether a further answer to it comes next.
    packed: bool,
}

impl ResponseReader {
    /// A reader at the first response.
    pub const fn new() -> Self {
        Self { passed: 0, last: None, packed: false }
    }

    /// Reads the response where `r` stands.
    ///
    /// # Errors
    /// When it is no response to the request that is due, or not one that can be decoded. `r` then stands
    /// somewhere in it, and nothing behind it can be told.
    pub fn next_response<B: AnsweredBatch>(
        &mut self,
        r: &mut Reader<'_>,
        batch: &mut B,
    ) -> Result<ReadResponse<B::Answer>> {
        let continued = self.last.filter(|_| self.packed);
        let place = continued.unwrap_or_else(|| self.due(batch));
        if Turn::at(r, batch.request(place))? == Turn::Other {
            return RopResponse::decode(r, ResponseContext::default()).map(ReadResponse::Other);
        }
        if continued.is_none() {
            self.pass_before(place, batch);
        }
        let next = batch.request(due(batch, place.saturating_add(1)));
        let context = ResponseContext {
            requested: batch.request(place).and_then(RopRequest::requested_properties),
            columns: batch.columns(place),
            next: next.map(RopRequest::expected_answer),
        };
        let reply = match RopResponse::decode(r, context)? {
            RopResponse::Reply(reply) => reply,
            response => return Ok(ReadResponse::Other(response)),
        };
        Ok(ReadResponse::Answer(if continued.is_some() {
            self.packed = false;
            batch.continued(place, reply)
        } else {
            self.passed = place.saturating_add(1);
            self.last = Some(place);
            batch.answered(place, reply)
        }))
    }

    /// A further buffer begins: a server that was permitted to pack buffers sends several, and all behind the first
    /// continue the last request that was answered ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub const fn begin_packed(&mut self) {
        self.packed = true;
    }

    /// The place of the request whose answer is due.
    pub fn due(&self, batch: &impl AnsweredBatch) -> usize {
        due(batch, self.passed)
    }

    /// The place of the last request that was answered.
    pub const fn last_answered(&self) -> Option<usize> {
        self.last
    }

    /// Hands over the requests before the one whose answer is due, which have none.
    pub fn pass_unanswered(&mut self, batch: &mut impl AnsweredBatch) {
        self.pass_before(self.due(batch), batch);
    }

    /// Hands over all requests that are left, since no more responses are read.
    pub fn pass_rest(&mut self, batch: &mut impl AnsweredBatch) {
        self.pass_unanswered(batch);
        while batch.request(self.passed).is_some() {
            batch.unread(self.passed);
            self.passed = self.passed.saturating_add(1);
        }
    }

    fn pass_before(&mut self, place: usize, batch: &mut impl AnsweredBatch) {
        for unanswered in self.passed..place {
            batch.unanswered(unanswered);
        }
        self.passed = place;
    }
}

/// The place of the first request from `from` on that is answered, or the one behind the last.
fn due(batch: &impl AnsweredBatch, from: usize) -> usize {
    let mut place = from;
    while batch.request(place).is_some() && !batch.is_answered(place) {
        place = place.saturating_add(1);
    }
    place
}

/// What begins where a response is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The answer to the request that is due.
    Reply,
    /// Something that answers no request, and may stand between answers: a notification
    /// ([MS-OXCROPS] 2.2.14.2.1), that some wait, that the server is busy, or that the answers don't fit.
    Other,
}

impl Turn {
    /// What begins where `r` stands, if the request that is to be answered next is `due`.
    fn at(r: &Reader<'_>, due: Option<&RopRequest>) -> Result<Self> {
        let mut ahead = r.clone();
        match RopId(ahead.u8("RopId")?) {
            id if id.is_unsolicited() => Ok(Self::Other),
            id if due.is_some_and(|due| due.may_be_answered_as(id)) => Ok(Self::Reply),
            id => Err(r.invalid("RopId", u64::from(id.0), "the ROP whose turn it is to be answered")),
        }
    }
}
