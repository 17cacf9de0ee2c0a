//! The FastTransfer streams of the recordings, assembled from their ROPs.

use std::collections::HashMap;

use mapi::compress::Limits;

use mapi::emsmdb::RopBuffer;
use mapi::fast_transfer::{Marker, Tree, TreeLimits};
use mapi::idset::ReplGuidSet;
use mapi::mapihttp::emsmdb::{Request, Response};
use mapi::mapihttp::{OperationResponse, RequestType};

use mapi::property::PropTag;
use mapi::rop::fast_transfer::{TransferContent, TransferStatus};
use mapi::rop::{RequestBody, ResponseBody, ResponseMatcher, RopRequests, RopResponse};
use testkit::captures::{self, Exchange};
use wire::{Decode as _, Reader};

/// The data that the ROPs of a recording transferred.
#[derive(Default)]
struct Transfers {
    /// Downloads in progress, by the handle of their source.
    going: HashMap<u32, Vec<u8>>,
    /// Complete downloads.
    done: Vec<Vec<u8>>,
    /// The part of a state that is being uploaded.
    state: Option<(PropTag, u32, Vec<u8>)>,
    /// The parts of states that were uploaded.
    states: Vec<(PropTag, Vec<u8>)>,
}

impl Transfers {
    fn execute(&mut self, exchange: &Exchange) -> Option<()> {
        let request = exchange.http_request();
        if request.header("X-RequestType") != Some("Execute") {
            return None;
        }
        let Ok((Request::Execute(asked), [])) = Request::decode(RequestType::Execute, &request.body) else {
            return None;
        };
        let asked = asked.rop_buffers(Limits::default()).ok()?;
        let asked = RopBuffer::from_bytes(&asked.first()?.payload).unwrap();
        let requests = RopRequests::decode(&asked.rops, &()).rops;
        let body = exchange.http_response()?.body;
        let start = body.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let told = Response::decode(RequestType::Execute, &body[start..]);
        let Ok((Response::Execute(OperationResponse::Complete(told)), [])) = told else {
            return None;
        };
        let mut answers = ResponseMatcher::new(&requests, &asked.handles, &());
        for (place, buffer) in told.rop_buffers(Limits::default()).unwrap().iter().enumerate() {
            let buffer = RopBuffer::from_bytes(&buffer.payload).unwrap();
            if place > 0 {
                answers.begin_packed();
            }
            let mut r = Reader::new(&buffer.rops);
            // A row of a table whose columns are unknown ends decoding, but no transfer follows one.
            while let (false, Ok(answer)) = (r.is_empty(), answers.next(&mut r)) {
                let (Some(place), RopResponse::Reply(reply)) = (answer.request, answer.response) else {
                    continue;
                };
                let handle = buffer.handle(reply.handle_index).unwrap_or_default();
                self.transfer(&requests[place].body, reply.body, handle);
            }
        }
        Some(())
    }

    fn transfer(&mut self, asked: &RequestBody, told: ResponseBody, handle: u32) {
        match (asked, told) {
            (
                RequestBody::RopFastTransferSourceGetBuffer(_),
                ResponseBody::RopFastTransferSourceGetBuffer(part),
            ) => {
                let TransferContent::Buffer(bytes) = part.content else { return };
                self.going.entry(handle).or_default().extend(bytes);
                if part.transfer_status == TransferStatus::DONE {
                    self.done.extend(self.going.remove(&handle));
                }
            }
            (RequestBody::RopSynchronizationUploadStateStreamBegin(begin), _) => {
                self.state = Some((begin.state_property, begin.transfer_buffer_size, Vec::new()));
            }
            (RequestBody::RopSynchronizationUploadStateStreamContinue(more), _) => {
                self.state.as_mut().unwrap().2.extend(&more.stream_data.0);
            }
            (RequestBody::RopSynchronizationUploadStateStreamEnd(_), _) => {
                let (property, size, bytes) = self.state.take().unwrap();
                assert_eq!(usize::try_from(size).unwrap(), bytes.len());
                self.states.push((property, bytes));
            }
            _ => {}
        }
    }
}

/// The recording client requested ten parts, which are not all: the stream is truncated.
#[test]
fn a_recorded_synchronization_is_a_valid_stream_and_state() {
    let mut transfers = Transfers::default();
    for exchange in &captures::mapihttp() {
        transfers.execute(exchange);
    }
    assert_eq!(transfers.done.len(), 0);
    let stream = transfers.going.into_values().next().unwrap();
    assert_eq!(stream.len(), 287_488);
    let tree = Tree::read(&stream, TreeLimits::default()).unwrap();
    assert_eq!(tree.to_bytes().unwrap(), stream);
    let changes: Vec<_> = tree.groups().map(|group| group.marker).collect();
    assert_eq!(changes, [Marker::IncrSyncChg, Marker::IncrSyncChg]);

    let properties: Vec<_> = transfers.states.iter().map(|(property, _)| property.0).collect();
    assert_eq!(properties, [0x4017_0102, 0x6796_0102, 0x67DA_0102, 0x67D2_0102]);
    for (property, bytes) in &transfers.states {
        assert!(ReplGuidSet::from_bytes(bytes).unwrap().is_empty(), "{property}");
    }
}
