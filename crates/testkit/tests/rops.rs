//! Every ROP is encoded and decoded without loss.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::inspect::{Inspect as _, Node};
use mapi::property::PropTag;
use mapi::rop::{
    Columns, Logons, ResponseBody, ResponseMatcher, RopId, RopReply, RopRequest, RopRequests, RopResponse,
    RopResponses,
};
use proptest::prelude::*;
use testkit::rops::{arbitrary_requests, choices, columns, reply, request, request_ids};
use wire::{Encode as _, Reader};

/// All logons are to private mailboxes.
struct Private;

impl Logons for Private {
    fn is_private(&self, _logon_id: u8) -> Option<bool> {
        Some(true)
    }
}

/// All objects have these columns.
struct Same(Arc<[PropTag]>);

impl Columns for Same {
    fn columns(&self, _handle: u32) -> Option<&Arc<[PropTag]>> {
        Some(&self.0)
    }
}

fn decode(request: &RopRequest, columns: &[PropTag], bytes: &[u8]) -> RopResponse {
    let columns = Same(columns.into());
    let requests = [request.clone()];
    let mut answers = ResponseMatcher::new(&requests, &[7; 256], &columns);
    let mut r = Reader::new(bytes);
    let response = answers.next(&mut r).unwrap().response;
    r.finish().unwrap();
    response
}

#[test]
fn clients_send_all_rops_but_four() {
    let unsent: Vec<RopId> = RopId::ALL.iter().copied().filter(|id| request(*id, &[]).is_none()).collect();
    assert_eq!(unsent, [RopId::RopNotify, RopId::RopPending, RopId::RopBackoff, RopId::RopBufferTooSmall]);
    assert_eq!(request_ids().len(), RopId::ALL.len() - 4);
    assert!(request_ids().iter().all(|id| request(*id, &[]).is_some_and(|request| request.id() == *id)));
}

#[test]
fn a_server_responds_to_all_rops_but_one() {
    let unanswered: Vec<RopId> = request_ids()
        .into_iter()
        .filter(|id| {
            let request = request(*id, &[]).unwrap();
            // The choice of the return value, zero, is success.
            reply(&request, &[], &[]).is_none_or(|reply| reply.body.id() != *id)
        })
        .collect();
    assert_eq!(unanswered, [RopId::RopRelease]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_survive_decoding_and_encoding(id in prop::sample::select(request_ids()), choices in choices()) {
        let request = request(id, &choices).unwrap();
        let bytes = request.to_bytes().unwrap();
        let mut r = Reader::new(&bytes);
        prop_assert_eq!(&RopRequest::decode(&mut r, &Private).unwrap(), &request);
        prop_assert!(r.is_empty());
        prop_assert!(matches!(request.to_node(), Node::Fields(_)));
    }

    #[test]
    fn requests_cut_short_are_errors(id in prop::sample::select(request_ids()), choices in choices()) {
        let request = request(id, &choices).unwrap();
        let bytes = request.to_bytes().unwrap();
        for length in 0..bytes.len() {
            let mut r = Reader::new(&bytes[..length]);
            prop_assert!(RopRequest::decode(&mut r, &Private).is_err(), "cut to {}: {:?}", length, request);
        }
    }

    #[test]
    fn responses_survive_decoding_and_encoding(id in prop::sample::select(request_ids()), asked in choices(), told in choices()) {
        let request = request(id, &asked).unwrap();
        let columns = columns(&asked);
        let Some(reply) = reply(&request, &columns, &told) else {
            prop_assert_eq!(id, RopId::RopRelease);
            return Ok(());
        };
        let mut bytes = RopResponse::Reply(reply.clone()).to_bytes().unwrap();
        if id == RopId::RopGetMessageStatus {
            bytes[0] = RopId::RopSetMessageStatus.0;
            let again = decode(&request, &columns, &bytes);
            prop_assert_eq!(again.to_bytes().unwrap(), bytes);
            return Ok(());
        }
        let again = decode(&request, &columns, &bytes);
        prop_assert_eq!(again.to_bytes().unwrap(), bytes);
        // A response without fields has none with a warning either, so the two are the same.
        if !reply.return_value.is_warning() || reply.body != ResponseBody::Failed(id) {
            prop_assert_eq!(&again, &RopResponse::Reply(reply));
        }
        prop_assert!(matches!(again.to_node(), Node::Fields(_)));
    }

    #[test]
    fn a_body_that_does_not_match_its_return_value_is_not_encoded(
        id in prop::sample::select(request_ids()), asked in choices(), told in choices(),
    ) {
        let request = request(id, &asked).unwrap();
        let columns = columns(&asked);
        let Some(mut reply) = reply(&request, &columns, &told) else { return Ok(()) };
        for return_value in [ErrorCode::SUCCESS, ErrorCode::MAPI_E_NO_ACCESS, ErrorCode::EC_DST_NULL_OBJECT] {
            reply.return_value = return_value;
            let Ok(bytes) = RopResponse::Reply(reply.clone()).to_bytes() else { continue };
            if id != RopId::RopGetMessageStatus {
                prop_assert_eq!(decode(&request, &columns, &bytes), RopResponse::Reply(reply.clone()));
            }
        }
    }
}

proptest! {
    #[test]
    fn batches_survive_decoding_and_encoding(requests in arbitrary_requests(), told in choices()) {
        let mut bytes = Vec::new();
        for request in &requests {
            bytes.extend(request.to_bytes().unwrap());
        }
        let decoded = RopRequests::decode(&bytes, &Private);
        prop_assert_eq!(&decoded.error, &None);
        prop_assert_eq!(decoded.to_bytes().unwrap(), bytes);
        let mut answers = Vec::new();
        for request in &requests {
            let one = request.id() != RopId::RopGetMessageStatus;
            if let Some(reply) = reply(request, &[], &told).filter(|_| one) {
                answers.extend(RopResponse::Reply(reply).to_bytes().unwrap());
            } else if request.id() != RopId::RopRelease {
                let failed = RopReply::failed(RopId::RopSetMessageStatus, request.reply_handle_index(), ErrorCode(9));
                answers.extend(RopResponse::Reply(failed).to_bytes().unwrap());
            }
        }
        // The columns of a table depend on the batch, so that some rows may not be decoded.
        let known = Same(Arc::default());
        let mut reading = ResponseMatcher::new(&requests, &[], &known);
        let responses = RopResponses::decode(&answers, &mut reading);
        prop_assert_eq!(responses.to_bytes().unwrap(), answers);
    }
}
