//! Decodes the ROP responses of a batch and tracks only the columns of objects.

use std::sync::Arc;

use wire::{Encode, Error, Reader, Result, Writer};

use super::columns::{BatchColumns, ChangedColumns, Columns};
use super::request::RopRequest;
use super::response::{RopReply, RopResponse};
use super::response_reader::{ReadResponse, ReplyHandler, ResponseReader};
use crate::property::PropTag;

/// A response, and the request to which it replies.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedResponse {
    /// The index of the request in its batch; `None` if the response is not a reply.
    pub request: Option<usize>,
    /// The decoded response.
    pub response: RopResponse,
}

/// Decodes the responses to a batch of requests, one after the other, and returns each with the index of its request.
#[derive(Debug)]
pub struct ResponseMatcher<'a> {
    reader: ResponseReader,
    batch: PlainBatch<'a>,
}

/// Requests, and the columns of the objects on which they act. Each [`ReplyHandler`] keeps its requests in another
/// form, so that the methods that return a request and its columns are not shared.
#[derive(Debug)]
struct PlainBatch<'a> {
    requests: &'a [RopRequest],
    columns: BatchColumns<'a>,
}

impl ReplyHandler for PlainBatch<'_> {
    type Output = MatchedResponse;

    fn request(&self, index: usize) -> Option<&RopRequest> {
        self.requests.get(index)
    }

    fn columns(&self, index: usize) -> Option<&Arc<[PropTag]>> {
        self.columns.of_request(self.requests.get(index)?)
    }

    fn no_reply(&mut self, index: usize) {
        if let Some(request) = self.requests.get(index) {
            self.columns.released(request);
        }
    }

    fn reply(&mut self, index: usize, reply: RopReply) -> MatchedResponse {
        if let Some(request) = self.requests.get(index) {
            self.columns.replied(request, &reply);
        }
        MatchedResponse { request: Some(index), response: RopResponse::Reply(reply) }
    }

    fn further_reply(&mut self, index: usize, reply: RopReply) -> MatchedResponse {
        self.reply(index, reply)
    }

    fn unread(&mut self, _place: usize) {}
}

impl<'a> ResponseMatcher<'a> {
    /// Creates a matcher for `requests` with the handle table `handles`, in a session whose columns are `known`.
    pub const fn new(requests: &'a [RopRequest], handles: &'a [u32], known: &'a dyn Columns) -> Self {
        let columns = BatchColumns::new(handles, known);
        Self { reader: ResponseReader::new(), batch: PlainBatch { requests, columns } }
    }

    /// Decodes the next response in `r`.
    ///
    /// # Errors
    /// Fails if it is not a reply to the next request, or cannot be decoded.
    pub fn next(&mut self, r: &mut Reader<'_>) -> Result<MatchedResponse> {
        Ok(match self.reader.next_response(r, &mut self.batch)? {
            ReadResponse::Reply(matched) => matched,
            ReadResponse::Other(response) => MatchedResponse { request: None, response },
        })
    }

    /// Returns the changes of columns in the batch, see [`BatchColumns::finish`].
    pub fn finish(mut self, handles: &[u32]) -> ChangedColumns {
        self.reader.pass_without_reply(&mut self.batch);
        self.batch.columns.finish(handles)
    }

    /// Begins a further buffer, see [`ResponseReader::begin_packed`].
    pub const fn begin_packed(&mut self) {
        self.reader.begin_packed();
    }

    /// The requests whose reply was not received yet, without those that have none.
    pub fn without_reply(&self) -> impl Iterator<Item = &'a RopRequest> {
        let requests = self.batch.requests.iter().skip(self.reader.next_expected(&self.batch));
        requests.filter(|request| request.has_reply())
    }
}

/// The responses to a batch of requests, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopResponses {
    /// The responses, in order.
    pub rops: Vec<RopResponse>,
    /// The bytes after them: empty, or a response that cannot be decoded and all after it.
    pub rest: Vec<u8>,
    /// The reason why the rest cannot be decoded.
    pub error: Option<Error>,
}

impl RopResponses {
    /// Decodes the responses in `bytes` with `matcher`.
    pub fn decode(bytes: &[u8], matcher: &mut ResponseMatcher<'_>) -> Self {
        let mut r = Reader::new(bytes);
        let mut rops = Vec::new();
        while !r.is_empty() {
            let before = r.peek();
            match matcher.next(&mut r) {
                Ok(matched) => rops.push(matched.response),
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
