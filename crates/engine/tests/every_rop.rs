//! ROPs and responses of every kind, decoded and encoded again by the engine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::data::FolderId;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::property::PropTag;
use mapi::rop::folder::{FolderTableRequest, TableFlags};
use mapi::rop::logon::{LogonFlags, RopLogonResponse};
use mapi::rop::message::RopCreateMessageRequest;
use mapi::rop::table::{AsynchronousFlags, RopSetColumnsRequest};
use mapi::rop::{
    Bool, List16, OutputHandleIndex, RequestBody, ResponseBody, RopId, RopReply, RopRequest, RopResponse,
};
use proptest::prelude::*;
use testkit::Mailbox;
use testkit::rops::{reply, request, request_ids};
use wire::{Encode as _, Writer};

/// The decoded ROPs and responses.
#[derive(Debug, Default)]
struct Seen {
    sent: BTreeSet<RopId>,
    /// Responses, and whether the ROP succeeded.
    response: BTreeSet<(RopId, bool)>,
    redirects: usize,
    /// Responses that belong to no ROP, and responses with which the server stopped.
    others: BTreeSet<RopId>,
    /// The errors of ROPs that could not be decoded.
    opaque: Vec<String>,
}

/// Makes the engine encode every ROP and every response again, without changing them.
#[derive(Default)]
struct Scribe(Arc<Mutex<Seen>>);

impl Module for Scribe {
    fn name(&self) -> &'static str {
        "scribe"
    }

    fn description(&self) -> &'static str {
        "writes all anew"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, content: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        self.0.lock().unwrap().sent.insert(rop.request().id());
        rop.edit(|_| true);
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        let mut seen = self.0.lock().unwrap();
        let body = &rop.reply().body;
        seen.redirects += usize::from(matches!(body, ResponseBody::RopLogon(RopLogonResponse::Redirect(_))));
        seen.response.insert((rop.request.id(), rop.reply().return_value.is_success()));
        rop.edit(|_| true);
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let mut seen = self.0.lock().unwrap();
        if let Some(answers) = operation.rops().and_then(|rops| rops.responses()) {
            seen.others.extend(answers.others().iter().chain(answers.stopped()).map(RopResponse::id));
        }
        seen.opaque.extend(operation.undecoded().map(|(side, error)| format!("{side}: {error}")));
        Ok(())
    }
}

/// Pseudo-random bytes, determined by `seed`.
fn choices(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()
    };
    (0..60).flat_map(|_| next()).collect()
}

/// Opens objects for the ROP under test: a logon at 0, a table with `columns` at 1, a message without recipient
/// columns at 2.
fn before(columns: &[PropTag], private: bool) -> Vec<RopRequest> {
    let mut logon = request(RopId::RopLogon, &[]).unwrap();
    (logon.logon_id, logon.handle_index) = (0, 0);
    if let RequestBody::RopLogon(sent) = &mut logon.body {
        sent.logon_flags = if private { LogonFlags::PRIVATE } else { LogonFlags::NONE };
    }
    let table = RequestBody::RopGetContentsTable(FolderTableRequest {
        output_handle_index: OutputHandleIndex(1),
        table_flags: TableFlags::NONE,
    });
    let set = RequestBody::RopSetColumns(RopSetColumnsRequest {
        set_columns_flags: AsynchronousFlags::NONE,
        property_tags: List16(columns.to_vec()),
    });
    let create = RequestBody::RopCreateMessage(RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(2),
        code_page_id: 1252,
        folder_id: FolderId(1),
        associated_flag: Bool::FALSE,
    });
    let rop = |handle_index, body| RopRequest { logon_id: 0, handle_index, body };
    vec![logon, rop(0, table), rop(1, set), rop(0, create)]
}

/// The ROP `id`, acting on an object that [`before`] opens.
fn under_test(id: RopId, seed: u64) -> RopRequest {
    let mut rop = request(id, &choices(seed)).unwrap();
    rop.logon_id = 0;
    let acted_on = if id == RopId::RopReadRecipients { 2 } else { 1 };
    rop.handle_indexes(&mut |role, index| {
        *index = match role {
            mapi::rop::HandleRole::Output => 3,
            _ => acted_on,
        };
    });
    rop
}

/// Passes a batch and its response through the engine, and checks that both are unchanged.
#[track_caller]
fn pass(mailbox: &mut Mailbox<'_>, rops: &[RopRequest], response: Vec<u8>) {
    let mut sent = Writer::new();
    for rop in rops {
        rop.encode(&mut sent).unwrap();
    }
    let sent = RopBuffer::new(sent.into_vec(), vec![NO_OBJECT; 4]);
    let response = RopBuffer::new(response, vec![1, 2, 3, 4]);
    let (mut flight, forwarded) = mailbox.relayed(&sent);
    assert_eq!(forwarded, sent);
    assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response);
}

/// The responses of these ROPs if all succeed.
fn well(rops: &[RopRequest]) -> Vec<RopReply> {
    rops.iter().map(|rop| reply(rop, &[], &[]).unwrap()).collect()
}

/// Whether the ROP has the form that it has on a private mailbox, for ROPs whose form depends on that.
fn is_private(rop: &RopRequest) -> bool {
    match &rop.body {
        RequestBody::RopWritePerUserInformation(sent) => sent.repl_guid.is_some(),
        RequestBody::RopSetMessageReadFlag(sent) => sent.client_data.is_none(),
        _ => false,
    }
}

fn written(replies: &[RopReply]) -> Vec<u8> {
    let mut w = Writer::new();
    for reply in replies {
        reply.encode(&mut w).unwrap();
    }
    w.into_vec()
}

#[test]
fn every_rop_and_its_success_and_failure_are_encoded_again_as_received() {
    let scribe = Scribe::default();
    let seen = Arc::clone(&scribe.0);
    let engine = Engine::new(Stack::new(vec![Box::new(scribe)]));
    let columns = [PropTag(0x0037_001F), PropTag(0x0E08_0003), PropTag(0x0FFF_0102)];
    for id in request_ids() {
        for seed in 0..24 {
            let mut mailbox = Mailbox::open(&engine, "a");
            let rop = under_test(id, seed);
            let mut rops = before(&columns, is_private(&rop));
            let mut replies = well(&rops);
            rops.push(rop);
            let known: &[PropTag] = if id == RopId::RopReadRecipients { &[] } else { &columns };
            replies.extend(reply(&rops[4], known, &choices(seed + 1000)));
            pass(&mut mailbox, &rops, written(&replies));
            let opaque = std::mem::take(&mut seen.lock().unwrap().opaque);
            assert_eq!(opaque, [""; 0], "{id}, seed {seed}: {:?}", rops[4]);
        }
    }
    let seen = seen.lock().unwrap();
    let all: BTreeSet<RopId> = request_ids().into_iter().collect();
    assert_eq!((all.len(), &seen.sent), (RopId::REQUESTS.len(), &all));
    let answered = all.iter().filter(|id| **id != RopId::RopRelease);
    let both: BTreeSet<_> = answered.flat_map(|id| [(*id, false), (*id, true)]).collect();
    let missing: Vec<_> = both.difference(&seen.response).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    assert!(seen.redirects > 0);
}

#[test]
fn a_response_that_belongs_to_no_request_is_encoded_again_as_received() {
    // RopNotify of a folder's change, RopPending, RopBackoff of a logon and of a ROP, RopBufferTooSmall.
    let specials: [&[u8]; 5] = [
        &[0x2a, 1, 0, 0, 0, 0, 0x10, 0x00, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0],
        &[0x6e, 7, 0],
        &[0xf9, 0, 1, 2, 3, 4, 0, 0, 0],
        &[0xf9, 0, 1, 2, 3, 4, 1, 0x02, 9, 0, 0, 0, 2, 0, 8, 9],
        &[0xff, 0x00, 0x40],
    ];
    let scribe = Scribe::default();
    let seen = Arc::clone(&scribe.0);
    let engine = Engine::new(Stack::new(vec![Box::new(scribe)]));
    let rops = before(&[], true);
    let replies = well(&rops);
    for (number, special) in specials.into_iter().enumerate() {
        let mut mailbox = Mailbox::open(&engine, "a");
        let stops = number > 1;
        let answered = if stops { &replies[..3] } else { &replies[..] };
        let mut response = [&written(answered), special].concat();
        if special[0] == 0xff {
            // It returns the requests that were not executed.
            response.extend(rops[3].to_bytes().unwrap());
        }
        pass(&mut mailbox, &rops, response);
        let opaque = std::mem::take(&mut seen.lock().unwrap().opaque);
        assert_eq!(opaque, [""; 0], "{special:x?}");
    }
    let expected = [RopId::RopNotify, RopId::RopPending, RopId::RopBackoff, RopId::RopBufferTooSmall]
        .into_iter()
        .collect();
    assert_eq!(seen.lock().unwrap().others, expected);
}

proptest! {
    #[test]
    fn batches_of_arbitrary_rops_are_encoded_again_as_received(
        requests in testkit::rops::arbitrary_requests(),
        made_of in proptest::collection::vec(any::<u8>(), 0..400),
        columns in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let engine = Engine::new(Stack::new(vec![Box::new(Scribe::default())]));
        let mut mailbox = Mailbox::open(&engine, "a");
        let columns = testkit::rops::columns(&columns);
        let (mut sent, mut response) = (Writer::new(), Writer::new());
        for (place, request) in requests.iter().enumerate() {
            request.encode(&mut sent).unwrap();
            let made_of = made_of.get(place * 7..).unwrap_or_default();
            if let Some(reply) = testkit::rops::reply(request, &columns, made_of) {
                RopResponse::Reply(reply).encode(&mut response).unwrap();
            }
        }
        let handles: Vec<u32> = (1..20).collect();
        let sent = RopBuffer::new(sent.into_vec(), handles.clone());
        let response = RopBuffer::new(response.into_vec(), handles);
        let (mut flight, forwarded) = mailbox.relayed(&sent);
        prop_assert_eq!(forwarded, sent);
        prop_assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response);
    }
}
