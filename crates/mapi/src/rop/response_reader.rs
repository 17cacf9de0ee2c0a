//! The reader of ROP responses, which matches replies to the requests of a batch.

use std::sync::Arc;

use wire::{Reader, Result};

use super::context::ResponseContext;
use super::request::RopRequest;
use super::response::{RopReply, RopResponse};
use super::rop_id::RopId;
use crate::property::PropTag;

/// A batch of requests whose responses a [`ResponseReader`] reads: provides the requests, and receives their replies.
///
/// For each request, in order, exactly one of `no_reply`, `reply` and `unread` is called.
pub trait ReplyHandler {
    /// The result of processing a reply.
    type Output;

    /// The request with the number `index` in the batch, if there is one.
    fn request(&self, index: usize) -> Option<&RopRequest>;

    /// Whether the responses contain a reply to the request `index`. By default, all ROPs except `RopRelease` have a
    /// reply.
    fn has_reply(&self, index: usize) -> bool {
        self.request(index).is_some_and(RopRequest::has_reply)
    }

    /// The columns of the table or message on which the request `index` acts, after all requests before it; `None`
    /// if they are not known.
    fn columns(&self, index: usize) -> Option<&Arc<[PropTag]>>;

    /// Called for a request that has no reply.
    fn no_reply(&mut self, index: usize);

    /// Called for a request with its reply.
    fn reply(&mut self, index: usize, reply: RopReply) -> Self::Output;

    /// Called for a request whose first reply was received before, with a further one.
    fn further_reply(&mut self, index: usize, reply: RopReply) -> Self::Output;

    /// Called for a request whose reply was not found: it is missing, or follows a response that cannot be decoded.
    fn unread(&mut self, index: usize);
}

/// An element of a response buffer.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadResponse<A> {
    /// A reply, as the batch processed it.
    Reply(A),
    /// A response that is not a reply, such as a notification.
    Other(RopResponse),
}

/// Decodes the responses to a batch of requests, one after the other.
///
/// Replies have the order of their requests. `RopRelease` has none; notifications may be between them and follow them.
/// Call [`Self::next_response`] until a buffer is empty or cannot be decoded, [`Self::begin_packed`] before each
/// further buffer, and [`Self::pass_rest`] at the end.
#[derive(Debug, Default)]
pub struct ResponseReader {
    /// The index of the first request that was not passed to the batch.
    passed: usize,
    /// The last request whose reply was read.
    last: Option<usize>,
    /// Whether a further reply to it is expected.
    packed: bool,
}

impl ResponseReader {
    /// Creates a reader at the first response.
    pub const fn new() -> Self {
        Self { passed: 0, last: None, packed: false }
    }

    /// Decodes the next response in `r`.
    ///
    /// # Errors
    /// Fails if it is not a reply to the next request, or cannot be decoded. `r` is then at an arbitrary position in
    /// it, and the responses after it cannot be decoded.
    pub fn next_response<B: ReplyHandler>(
        &mut self,
        r: &mut Reader<'_>,
        batch: &mut B,
    ) -> Result<ReadResponse<B::Output>> {
        let continued = self.last.filter(|_| self.packed);
        let index = continued.unwrap_or_else(|| self.next_expected(batch));
        if ResponseKind::at(r, batch.request(index))? == ResponseKind::Other {
            return RopResponse::decode(r, ResponseContext::default()).map(ReadResponse::Other);
        }
        if continued.is_none() {
            self.pass_before(index, batch);
        }
        let next = batch.request(next_expected(batch, index.saturating_add(1)));
        let context = ResponseContext {
            requested: batch.request(index).and_then(RopRequest::requested_properties),
            columns: batch.columns(index),
            next: next.map(RopRequest::expected_reply),
        };
        let reply = match RopResponse::decode(r, context)? {
            RopResponse::Reply(reply) => reply,
            response => return Ok(ReadResponse::Other(response)),
        };
        Ok(ReadResponse::Reply(if continued.is_some() {
            self.packed = false;
            batch.further_reply(index, reply)
        } else {
            self.passed = index.saturating_add(1);
            self.last = Some(index);
            batch.reply(index, reply)
        }))
    }

    /// Decodes the next response in `r` after one that [stopped the batch](RopResponse::stops_batch): a notification.
    ///
    /// # Errors
    /// Fails for any other response, since no more ROPs were executed.
    pub fn next_after_stop(r: &mut Reader<'_>) -> Result<RopResponse> {
        ResponseKind::at(r, None)?;
        let mut ahead = r.clone();
        match RopResponse::decode(&mut ahead, ResponseContext::default())? {
            response if response.stops_batch() => {
                Err(r.invalid("RopId", u64::from(response.id().0), "no response after the batch was stopped"))
            }
            response => {
                *r = ahead;
                Ok(response)
            }
        }
    }

    /// Begins a further buffer. A server may return several buffers if the client allows it; all after the first one
    /// contain further replies to the last request ([MS-OXCRPC] 3.1.4.2.1.2.2).
    pub const fn begin_packed(&mut self) {
        self.packed = true;
    }

    /// The index of the request whose reply is expected next.
    pub fn next_expected(&self, batch: &impl ReplyHandler) -> usize {
        next_expected(batch, self.passed)
    }

    /// The index of the last request whose reply was read.
    pub const fn last_replied(&self) -> Option<usize> {
        self.last
    }

    /// Passes the requests before the next expected reply, which have no reply, to the batch.
    pub fn pass_without_reply(&mut self, batch: &mut impl ReplyHandler) {
        self.pass_before(self.next_expected(batch), batch);
    }

    /// Passes all remaining requests to the batch, since no more responses are read.
    pub fn pass_rest(&mut self, batch: &mut impl ReplyHandler) {
        self.pass_without_reply(batch);
        while batch.request(self.passed).is_some() {
            batch.unread(self.passed);
            self.passed = self.passed.saturating_add(1);
        }
    }

    fn pass_before(&mut self, index: usize, batch: &mut impl ReplyHandler) {
        for without_reply in self.passed..index {
            batch.no_reply(without_reply);
        }
        self.passed = index;
    }
}

/// The index of the first request from `from` on that has a reply, or the number of requests.
fn next_expected(batch: &impl ReplyHandler, from: usize) -> usize {
    let mut index = from;
    while batch.request(index).is_some() && !batch.has_reply(index) {
        index = index.saturating_add(1);
    }
    index
}

/// The kind of the next response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseKind {
    /// The reply to the next request.
    Reply,
    /// A response that is not a reply, and may be between replies: `RopNotify` ([MS-OXCROPS] 2.2.14.2.1), `RopPending`,
    /// `RopBackoff` or `RopBufferTooSmall`.
    Other,
}

impl ResponseKind {
    /// The kind of the response at the position of `r`, if the reply to `expected` is expected next.
    fn at(r: &Reader<'_>, expected: Option<&RopRequest>) -> Result<Self> {
        let mut ahead = r.clone();
        match RopId(ahead.u8("RopId")?) {
            id if id.is_response_only() => Ok(Self::Other),
            id if expected.is_some_and(|request| request.may_have_reply_id(id)) => Ok(Self::Reply),
            id => Err(r.invalid("RopId", u64::from(id.0), "the ROP of the next expected reply")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::super::requests::RopRequests;
    use super::*;

    /// Records the calls of the reader as text.
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

        /// Reads the responses in `buffers`; returns whether each was decoded completely.
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
                        Ok(ReadResponse::Reply(())) => {}
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

    impl ReplyHandler for Log {
        type Output = ();

        fn request(&self, index: usize) -> Option<&RopRequest> {
            self.requests.get(index)
        }

        fn columns(&self, _place: usize) -> Option<&Arc<[PropTag]>> {
            None
        }

        fn no_reply(&mut self, index: usize) {
            self.calls.push(format!("no reply {index}"));
        }

        fn reply(&mut self, index: usize, reply: RopReply) {
            self.calls.push(format!("reply {index} at {}", reply.handle_index));
        }

        fn further_reply(&mut self, index: usize, reply: RopReply) {
            self.calls.push(format!("further reply {index} at {}", reply.handle_index));
        }

        fn unread(&mut self, index: usize) {
            self.calls.push(format!("unread {index}"));
        }
    }

    /// A reply to `RopGetStatus` with this handle index.
    const fn status(index: u8) -> [u8; 7] {
        [0x16, index, 0, 0, 0, 0, 0]
    }

    const PENDING: [u8; 3] = [0x6E, 5, 0];
    const POSITION: [u8; 14] = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];

    #[test]
    fn each_request_is_passed_once_and_in_order_with_unsolicited_responses_between() {
        let mut log = Log::new();
        let first = [&PENDING[..], &status(0), &PENDING, &POSITION, &status(2)].concat();
        assert_eq!(log.read(&[&first]), [true]);
        assert_eq!((log.calls[0].as_str(), log.calls[3].as_str()), ("RopPending", "RopPending"));
        log.calls.retain(|call| call != "RopPending");
        let expected =
            ["no reply 0", "reply 1 at 0", "no reply 2", "reply 3 at 1", "no reply 4", "reply 5 at 2"];
        assert_eq!(log.calls, expected);
    }

    #[test]
    fn requests_after_the_last_response_are_unread_and_so_are_the_releases_among_them() {
        let mut log = Log::new();
        assert_eq!(log.read(&[&status(0)]), [true]);
        let expected = ["no reply 0", "reply 1 at 0", "no reply 2", "unread 3", "unread 4", "unread 5"];
        assert_eq!(log.calls, expected);
    }

    #[test]
    fn further_buffers_continue_the_last_response_before_the_rest_is_passed() {
        let mut log = Log::new();
        // The third one replies to another request than the expected one.
        assert_eq!(
            log.read(&[&status(0), &[status(0), status(0)].concat(), &POSITION]),
            [true, false, false]
        );
        let expected = [
            "no reply 0",
            "reply 1 at 0",
            "further reply 1 at 0",
            "no reply 2",
            "unread 3",
            "unread 4",
            "unread 5",
        ];
        assert_eq!(log.calls, expected);
    }
}
