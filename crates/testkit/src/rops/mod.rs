//! Generates ROPs of every kind from arbitrary bytes, for property tests and fuzz targets.

mod decoded;
mod folders;
mod messages;
mod responses;
mod sample;
mod transfer;
mod values;

use mapi::each_rop;
use mapi::property::PropTag;
use mapi::rop::logon::LogonFlags;
use mapi::rop::{RequestBody, RopId, RopReply, RopRequest};
use proptest::collection::vec;
use proptest::prelude::*;

use self::decoded::{Declared, Decoded, Sampler};
use self::sample::Sample;
use crate::input::Input;

/// A request of the ROP `id`, made from `choices`; `None` for a ROP that clients do not send.
pub fn request(id: RopId, choices: &[u8]) -> Option<RopRequest> {
    let input = &mut Input::new(choices);
    let logon_id = input.byte() % 3;
    let handle_index = input.byte() % 8;
    Some(RopRequest { logon_id, handle_index, body: request_body(id, input)? })
}

/// The columns that tables and the recipients of messages have for [`reply`].
pub fn columns(choices: &[u8]) -> Vec<PropTag> {
    let input = &mut Input::new(choices);
    let count = input.byte() % 6;
    (0..count).map(|_| Sample::sample(input)).collect()
}

/// A possible response to `request`, made from `choices`; `None` for a ROP without a response. `columns` are
/// those of the table or the message on which the ROP acts.
pub fn reply(request: &RopRequest, columns: &[PropTag], choices: &[u8]) -> Option<RopReply> {
    responses::reply(request, columns, &mut Input::new(choices))
}

/// The ROPs that clients send.
pub fn request_ids() -> Vec<RopId> {
    RopId::REQUESTS.to_vec()
}

/// As many choices as most ROPs need.
pub fn choices() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..400)
}

/// Batches of ROPs of every kind.
pub fn arbitrary_requests() -> impl Strategy<Value = Vec<RopRequest>> {
    let one = (prop::sample::select(request_ids()), choices());
    let one = one.prop_filter_map("a ROP that clients send", |(id, choices)| request(id, &choices));
    vec(one.prop_map(in_private_mailbox), 0..12)
}

/// The ROP. It is no logon to the public folders, since that would change the fields of later ROPs.
fn in_private_mailbox(mut request: RopRequest) -> RopRequest {
    if let RequestBody::RopLogon(logon) = &mut request.body {
        logon.logon_flags = LogonFlags(logon.logon_flags.0 | LogonFlags::PRIVATE.0);
    }
    request
}

macro_rules! request_bodies {
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($response_only:tt)* }) => {
        fn request_body(id: RopId, input: &mut Input<'_>) -> Option<RequestBody> {
            Some(match id {
                $(RopId::$name => (&Sampler(RequestBody::$name)).request(input),)*
                _ => return None,
            })
        }
    };
}

// A ROP of the registry without a `Sample` is made by its decoder.
each_rop!(request_bodies);
