//! ROPs and answers of every kind through the engine, each of them decoded and written anew.

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

/// What went past, decoded.
#[derive(Debug, Default)]
struct Seen {
    asked: BTreeSet<RopId>,
    /// Answers, and whether they said that the ROP succeeded.
    told: BTreeSet<(RopId, bool)>,
    redirects: usize,
    /// What answers no ROP, and what stopped the server.
    others: BTreeSet<RopId>,
    /// What was not decoded.
    opaque: Vec<String>,
}

/// Has every ROP and every answer written anew, without changing one.
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
        self.0.lock().unwrap().asked.insert(rop.request().id());
        rop.edit(|_| true);
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        let mut seen = self.0.lock().unwrap();
        let body = &rop.reply().body;
        seen.redirects += usize::from(matches!(body, ResponseBody::RopLogon(RopLogonResponse::Redirect(_))));
        seen.told.insert((rop.request.id(), rop.reply().return_value.is_success()));
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

/// Bytes that are always the same ones for a `seed`.
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

/// What the ROP under test may act on: a logon at 0, a table at 1 that has `columns`, a message at 2 whose
/// recipients have none.
fn before(columns: &[PropTag], private: bool) -> Vec<RopRequest> {
    let mut logon = request(RopId::RopLogon, &[]).unwrap();
    (logon.logon_id, logon.handle_index) = (0, 0);
    if let RequestBody::RopLogon(asked) = &mut logon.body {
        asked.logon_flags = if private { LogonFlags::PRIVATE } else { LogonFlags::NONE };
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

/// The ROP `id`, acting on what [`before`] makes.
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

/// Lets a batch pass, and what it is answered; both have to be the same bytes behind the engine.
#[track_caller]
fn pass(mailbox: &mut Mailbox<'_>, rops: &[RopRequest], told: Vec<u8>) {
    let mut asked = Writer::new();
    for rop in rops {
        rop.encode(&mut asked).unwrap();
    }
    let asked = RopBuffer::new(asked.into_vec(), vec![NO_OBJECT; 4]);
    let told = RopBuffer::new(told, vec![1, 2, 3, 4]);
    let (mut flight, relayed) = mailbox.relayed(&asked);
    assert_eq!(relayed, asked);
    assert_eq!(mailbox.answered(&mut flight, std::slice::from_ref(&told)), told);
}

/// The answers that these ROPs succeeded.
fn well(rops: &[RopRequest]) -> Vec<RopReply> {
    rops.iter().map(|rop| reply(rop, &[], &[]).unwrap()).collect()
}

/// Whether the ROP is one of a logon to a private mailbox, where that makes a difference.
fn is_private(rop: &RopRequest) -> bool {
    match &rop.body {
        RequestBody::RopWritePerUserInformation(asked) => asked.repl_guid.is_some(),
        RequestBody::RopSetMessageReadFlag(asked) => asked.client_data.is_none(),
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
fn each_rop_succeeds_and_fails_and_is_written_anew_as_it_was() {
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
    assert_eq!((all.len(), &seen.asked), (RopId::REQUESTS.len(), &all));
    let answered = all.iter().filter(|id| **id != RopId::RopRelease);
    let both: BTreeSet<_> = answered.flat_map(|id| [(*id, false), (*id, true)]).collect();
    let missing: Vec<_> = both.difference(&seen.told).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    assert!(seen.redirects > 0);
}

#[test]
fn a_response_that_belongs_to_no_request_is_written_anew_as_it_was() {
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
        let mut told = [&written(answered), special].concat();
        if special[0] == 0xff {
            // It hands back what was not carried out.
            told.extend(rops[3].to_bytes().unwrap());
        }
        pass(&mut mailbox, &rops, told);
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
    fn batches_of_every_kind_of_rop_written_anew_are_the_same_bytes(
        requests in testkit::rops::arbitrary_requests(),
        made_of in proptest::collection::vec(any::<u8>(), 0..400),
        columns in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let engine = Engine::new(Stack::new(vec![Box::new(Scribe::default())]));
        let mut mailbox = Mailbox::open(&engine, "a");
        let columns = testkit::rops::columns(&columns);
        let (mut asked, mut told) = (Writer::new(), Writer::new());
        for (place, request) in requests.iter().enumerate() {
            request.encode(&mut asked).unwrap();
            let made_of = made_of.get(place * 7..).unwrap_or_default();
            if let Some(reply) = testkit::rops::reply(request, &columns, made_of) {
                RopResponse::Reply(reply).encode(&mut told).unwrap();
            }
        }
        let handles: Vec<u32> = (1..20).collect();
        let asked = RopBuffer::new(asked.into_vec(), handles.clone());
        let told = RopBuffer::new(told.into_vec(), handles);
        let (mut flight, relayed) = mailbox.relayed(&asked);
        prop_assert_eq!(relayed, asked);
        prop_assert_eq!(mailbox.answered(&mut flight, std::slice::from_ref(&told)), told);
    }
}
