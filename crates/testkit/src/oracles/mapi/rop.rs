//! Oracle: ROP requests and responses.

use std::sync::Arc;

use mapi::inspect::Inspect as _;
use mapi::property::PropTag;
use mapi::rop::{Columns, Logons, ResponseMatcher, RopRequest, RopRequests, RopResponse, RopResponses};
use wire::{Encode as _, Reader};

use crate::input::Input;
use crate::rops::columns;

/// A context from the bits of a number: whether logons are known and private, and whether columns are known.
struct Known(u8, Arc<[PropTag]>);

impl Logons for Known {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        (self.0 & 1 != 0).then_some(self.0 & 2 != 0 || logon_id == 1)
    }
}

impl Columns for Known {
    fn columns(&self, _handle: u32) -> Option<&Arc<[PropTag]>> {
        (self.0 & 4 != 0).then_some(&self.1)
    }
}

/// The ROPs of a request.
///
/// The first byte selects what is known of logons. The rest is encoded to the same bytes, both decoded ROPs and
/// undecodable bytes; visiting handle indexes changes nothing; and everything can be displayed.
///
/// # Panics
/// If one of these properties is violated.
pub fn rop_requests(data: &[u8]) {
    let mut input = Input::new(data);
    let known = Known(input.byte(), Arc::default());
    requests(input.rest(), &known);
}

fn requests(bytes: &[u8], known: &Known) -> Vec<RopRequest> {
    let requests = RopRequests::decode(bytes, known);
    assert_eq!(requests.to_bytes().expect("what was read can be written"), bytes);
    assert_eq!(requests.error.is_some(), !requests.rest.is_empty());
    for request in &requests.rops {
        let mut seen = request.clone();
        let mut outputs = 0;
        seen.handle_indexes(&mut |role, _| outputs += usize::from(role == mapi::rop::HandleRole::Output));
        // Bytes are compared, since NaN does not equal itself.
        assert_eq!(seen.to_bytes(), request.to_bytes(), "to look is not to change");
        assert_eq!(request.output_handle_index().is_some(), outputs > 0);
        drop(request.to_node());
    }
    requests.rops
}

/// Responses to ROPs.
///
/// The first byte selects what is known of logons and columns, two bytes are the length of the requests, and the
/// bits of the next byte select the entries of the handle table that have an object. Decoded responses are
/// encoded to the same bytes, and no request has two responses.
///
/// # Panics
/// If one of these properties is violated.
pub fn rop_responses(data: &[u8]) {
    let mut input = Input::new(data);
    let known = Known(input.byte(), columns(&[4; 100]).into());
    let asked = input.block();
    let objects = input.byte();
    let handles: Vec<u32> =
        (0..8).map(|place| if objects >> place & 1 == 0 { u32::MAX } else { place }).collect();
    let requests = requests(asked, &known);
    let bytes = input.rest();
    let mut answers = ResponseMatcher::new(&requests, &handles, &known);
    let responses = RopResponses::decode(bytes, &mut answers);
    assert_eq!(responses.to_bytes().expect("what was read can be written"), bytes);
    assert_eq!(responses.error.is_some(), !responses.rest.is_empty());
    let replies = responses.rops.iter().filter_map(RopResponse::reply).count();
    assert!(replies + answers.without_reply().count() <= requests.len());
    for response in &responses.rops {
        drop(response.to_node());
    }
    answers.begin_packed();
    let again = RopResponses::decode(bytes, &mut answers);
    assert_eq!(again.to_bytes().expect("what was read can be written"), bytes);
    drop(answers.finish(&handles));

    // Without a request only responses without context can be decoded.
    let mut r = Reader::new(bytes);
    if let Ok(response) = RopResponse::decode(&mut r, mapi::rop::ResponseContext::default()) {
        let read = &bytes[..bytes.len() - r.remaining()];
        assert_eq!(response.to_bytes().expect("what was read can be written"), read);
    }
}
