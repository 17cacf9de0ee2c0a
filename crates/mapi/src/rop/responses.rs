//! The ROP responses of a batch, decoded where nothing but the columns of objects is followed.

use wire::{Encode, Error, Reader, Result, Writer};

use super::columns::{BatchColumns, ChangedColumns, Columns};
use super::request::RopRequest;
use super::response::{RopReply, RopResponse};
use super::response_reader::{AnsweredBatch, ReadResponse, ResponseReader};
use crate::property::PropTag;

/// A response, and which request it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The request's place in its batch; none for what answers no request.
    pub request: Option<usize>,
    /// The response.
    pub response: RopResponse,
}

/// Reads the responses to a batch of requests, one after the other, and gives each out with its request's place.
#[derive(Debug)]
pub struct Answers<'a> {
    reader: ResponseReader,
    batch: PlainBatch<'a>,
}

/// Requests, and the columns of the objects that they act on.
#[derive(Debug)]
struct PlainBatch<'a> {
    requests: &'a [RopRequest],
    columns: BatchColumns<'a>,
}

impl AnsweredBatch for PlainBatch<'_> {
    type Answer = Answer;

    fn request(&self, place: usize) -> Option<&RopRequest> {
        self.requests.get(place)
    }

    fn columns(&self, place: usize) -> Option<&[PropTag]> {
        self.columns.of_request(self.requests.get(place)?)
    }

    fn unanswered(&mut self, place: usize) {
        if let Some(request) = self.requests.get(place) {
            self.columns.released(request);
        }
    }

    fn answered(&mut self, place: usize, reply: RopReply) -> Answer {
        if let Some(request) = self.requests.get(place) {
            self.columns.answered(request, &reply);
        }
        Answer { request: Some(place), response: RopResponse::Reply(reply) }
    }

    fn continued(&mut self, place: usize, reply: RopReply) -> Answer {
        self.answered(place, reply)
    }

    fn unread(&mut self, _place: usize) {}
}

impl<'a> Answers<'a> {
    /// Reads responses to `requests`, which came with the table `handles`, in a session that `known` knows.
    pub const fn new(requests: &'a [RopRequest], handles: &'a [u32], known: &'a dyn Columns) -> Self {
        let columns = BatchColumns::new(handles, known);
        Self { reader: ResponseReader::new(), batch: PlainBatch { requests, columns } }
    }

    /// Reads the response where `r` stands.
    ///
    /// # Errors
    /// As [`ResponseReader::next_response`].
    pub fn next(&mut self, r: &mut Reader<'_>) -> Result<Answer> {
        Ok(match self.reader.next_response(r, &mut self.batch)? {
            ReadResponse::Answer(answer) => answer,
            ReadResponse::Other(response) => Answer { request: None, response },
        })
    }

    /// What the batch did to the columns of objects, see [`BatchColumns::finish`].
    pub fn finish(mut self, handles: &[u32]) -> ChangedColumns {
        self.reader.pass_unanswered(&mut self.batch);
        self.batch.columns.finish(handles)
    }

    /// A further buffer begins, see [`ResponseReader::begin_packed`].
    pub const fn begin_packed(&mut self) {
        self.reader.begin_packed();
    }

    /// The requests that were not answered so far, but for those that are not.
    pub fn unanswered(&self) -> impl Iterator<Item = &'a RopRequest> {
        let requests = self.batch.requests.iter().skip(self.reader.due(&self.batch));
        requests.filter(|request| request.is_answered())
    }
}

/// The responses to a batch of requests, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopResponses {
    /// The responses, in order.
    pub rops: Vec<RopResponse>,
    /// What follows them: empty, or a response that cannot be decoded and all behind it.
    pub rest: Vec<u8>,
    /// Why the rest cannot be decoded.
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
