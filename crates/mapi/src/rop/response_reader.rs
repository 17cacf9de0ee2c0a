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
/// between them and follow them. The order of calls is: [`Self::next_response`] until a buffer is empty or cannot be
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
    /// ([MS-OXCROPS] 2.2.14.2.1), that some wait, that the server is busy, or that the answers do not fit.
    Other,
}

impl Turn {
    /// What begins where `r` stands, if the request that is to be answered next is `due`.
    fn at(r: &Reader<'_>, due: Option<&RopRequest>) -> Result<Self> {
        let mut ahead = r.clone();
        match RopId(ahead.u8("RopId")?) {
            id if id.is_response_only() => Ok(Self::Other),
            id if due.is_some_and(|due| due.may_be_answered_as(id)) => Ok(Self::Reply),
            id => Err(r.invalid("RopId", u64::from(id.0), "the ROP whose turn it is to be answered")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::super::requests::RopRequests;
    use super::*;

    /// What a reader hands over, in words.
    struct Log {
        requests: Vec<RopRequest>,
        calls: Vec<String>,
    }

    impl Log {
        /// `RopRelease`, `RopGetStatus`, `RopRelease`, `RopQueryPosition`, `RopRelease`, `RopGetStatus`.
        fn new() -> Self {
            let bytes =
                [[1, 0, 5].as_slice(), &[0x16, 0, 0], &[1, 0, 6], &[0x17, 0, 1], &[1, 0, 7], &[0x16, 0, 2]];
            Self { requests: RopRequests::decode(&bytes.concat(), &()).rops, calls: Vec::new() }
        }

        /// Reads what is in the buffers; returns how the reading of each ended.
        fn read(&mut self, buffers: &[&[u8]]) -> Vec<bool> {
            let mut reader = ResponseReader::new();
            let mut whole = Vec::new();
            for (index, buffer) in buffers.iter().enumerate() {
                if index > 0 {
                    reader.begin_packed();
                }
                let mut r = Reader::new(buffer);
                let mut is_whole = true;
                while !r.is_empty() && is_whole {
                    match reader.next_response(&mut r, self) {
                        Ok(ReadResponse::Answer(())) => {}
                        Ok(ReadResponse::Other(response)) => {
                            self.calls.push(response.id().name().unwrap_or_default().to_owned());
                        }
                        Err(_) => is_whole = false,
                    }
                }
                whole.push(is_whole);
            }
            reader.pass_rest(self);
            whole
        }
    }

    impl AnsweredBatch for Log {
        type Answer = ();

        fn request(&self, place: usize) -> Option<&RopRequest> {
            self.requests.get(place)
        }

        fn columns(&self, _place: usize) -> Option<&[PropTag]> {
            None
        }

        fn unanswered(&mut self, place: usize) {
            self.calls.push(format!("unanswered {place}"));
        }

        fn answered(&mut self, place: usize, reply: RopReply) {
            self.calls.push(format!("answered {place} at {}", reply.handle_index));
        }

        fn continued(&mut self, place: usize, reply: RopReply) {
            self.calls.push(format!("continued {place} at {}", reply.handle_index));
        }

        fn unread(&mut self, place: usize) {
            self.calls.push(format!("unread {place}"));
        }
    }

    /// An answer to `RopGetStatus` of the handle index.
    const fn status(index: u8) -> [u8; 7] {
        [0x16, index, 0, 0, 0, 0, 0]
    }

    const PENDING: [u8; 3] = [0x6E, 5, 0];
    const POSITION: [u8; 14] = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];

    #[test]
    fn each_request_is_handed_over_once_and_in_order_with_unsolicited_responses_between() {
        let mut log = Log::new();
        let first = [&PENDING[..], &status(0), &PENDING, &POSITION, &status(2)].concat();
        assert_eq!(log.read(&[&first]), [true]);
        assert_eq!((log.calls[0].as_str(), log.calls[3].as_str()), ("RopPending", "RopPending"));
        log.calls.retain(|call| call != "RopPending");
        let expected = [
            "unanswered 0",
            "answered 1 at 0",
            "unanswered 2",
            "answered 3 at 1",
            "unanswered 4",
            "answered 5 at 2",
        ];
        assert_eq!(log.calls, expected);
    }

    #[test]
    fn requests_behind_the_last_response_are_unread_and_so_are_the_releases_among_them() {
        let mut log = Log::new();
        assert_eq!(log.read(&[&status(0)]), [true]);
        let expected =
            ["unanswered 0", "answered 1 at 0", "unanswered 2", "unread 3", "unread 4", "unread 5"];
        assert_eq!(log.calls, expected);
    }

    #[test]
    fn further_buffers_continue_the_last_response_before_the_rest_is_passed() {
        let mut log = Log::new();
        // The third one answers a request that was not due.
        assert_eq!(
            log.read(&[&status(0), &[status(0), status(0)].concat(), &POSITION]),
            [true, false, false]
        );
        let expected = [
            "unanswered 0",
            "answered 1 at 0",
            "continued 1 at 0",
            "unanswered 2",
            "unread 3",
            "unread 4",
            "unread 5",
        ];
        assert_eq!(log.calls, expected);
    }
}
