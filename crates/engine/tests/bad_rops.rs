//! Malformed ROPs and responses: they are forwarded unchanged and not tracked. The call is refused if a module
//! changed ROPs around them.

use std::sync::{Arc, Mutex};

use engine::rops::{RopDecision, RopView};
use engine::{Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::{Empty, RequestBody, RopRequest};
use testkit::{Mailbox, Step};

const NONE: u32 = NO_OBJECT;

/// A module's observations of each operation: the errors of undecoded ROPs, and the session's number of objects and
/// bytes of content.
type Log = Arc<Mutex<Vec<(Vec<String>, usize, usize)>>>;

/// Observes, or inserts a ROP before each one.
struct Meddler {
    log: Log,
    adds: bool,
}

impl Module for Meddler {
    fn name(&self) -> &'static str {
        "meddler"
    }

    fn description(&self) -> &'static str {
        "looks on, or adds ROPs"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, content: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        if self.adds {
            let body = RequestBody::RopGetStreamSize(Empty);
            // If there is no such slot, nothing is added.
            let _ = rop.insert_before(RopRequest { body, ..rop.request().clone() });
        }
        RopDecision::Forward
    }

    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let opaque = operation.undecoded().map(|(side, error)| format!("{side} {error}")).collect();
        let objects = session.objects();
        self.log.lock().unwrap().push((opaque, objects.len(), objects.content_bytes()));
        Ok(())
    }
}

fn meddler(adds: bool) -> (Engine, Log) {
    let log = Log::default();
    (Engine::new(Stack::new(vec![Box::new(Meddler { log: Arc::clone(&log), adds })])), log)
}

/// `RopOpenFolder` of the object at 0 into 1, and its response.
const OPEN: [u8; 13] = [0x02, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 9, 0];
const OPENED: [u8; 8] = [0x02, 1, 0, 0, 0, 0, 0, 0];

fn buffer(rops: &[u8]) -> RopBuffer {
    RopBuffer::new(rops.to_vec(), vec![5, NONE])
}

/// Nested restrictions: `depth` times NOT, and innermost one that a property exists.
fn nested(depth: usize) -> Vec<u8> {
    [vec![0x02; depth], vec![0x08, 0x1f, 0, 0x37, 0]].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

fn bad_requests() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a ROP that is cut off", OPEN[..9].to_vec()),
        ("a ROP after which one is cut off", [&OPEN[..], &OPEN[..12]].concat()),
        ("a ROP that is unknown", [&OPEN[..], &[0xee; 50]].concat()),
        ("columns that are not there", vec![0x12, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4]),
        ("recipients that are not there", vec![0x0e, 0, 0, 0xff, 0xff, 1, 2, 3, 4, 0xff, 0xff]),
        ("properties that are not there", [&[0x0a, 0, 0][..], &sized(&[0xff, 0xff, 1, 2])].concat()),
        ("a text without an end", [&[0x48, 0, 0][..], &[b'x'; 300]].concat()),
        ("handle indexes out of the table", [&[0x02, 0, 0xfe, 0xfd][..], &OPEN[4..]].concat()),
        ("restrictions ten thousand deep", [&[0x14, 0, 0, 0][..], &sized(&nested(10_000))].concat()),
        ("a search ten thousand deep", [&[0x30, 0, 0][..], &sized(&nested(10_000)), &[0; 6]].concat()),
    ]
}

#[test]
fn malformed_requests_are_forwarded_unchanged() {
    for (what, rops) in bad_requests() {
        let (engine, log) = meddler(false);
        let mut mailbox = Mailbox::open(&engine, "a");
        let sent = buffer(&rops);
        let (mut flight, forwarded) = mailbox.relayed(&sent);
        assert_eq!(forwarded, sent, "{what}");
        mailbox.delivered(&mut flight, &[buffer(&[])]);
        let (_, objects, _) = log.lock().unwrap().pop().unwrap();
        assert_eq!(objects, 0, "{what}");
    }
}

#[test]
fn rops_that_cannot_be_decoded_are_preserved_if_a_module_adds_rops_before_them() {
    for (what, rops) in bad_requests() {
        let (engine, _) = meddler(true);
        let mut mailbox = Mailbox::open(&engine, "a");
        let (_, forwarded) = mailbox.relayed(&buffer(&rops));
        assert!(forwarded.rops.ends_with(&rops[rops.len() - 9..]), "{what}");
        assert_eq!(forwarded.handles, [5, NONE], "{what}");
        let added = (forwarded.rops.len() - rops.len()) / 3 /* RopId, LogonId, InputHandleIndex */;
        assert!(added <= 1, "{what}: {added} ROPs were added");
        assert!(!what.contains("table") || added == 0, "{what}: there is no such slot");
    }
}

/// Malformed responses to [`OPEN`], and whether they contain a valid one.
fn bad_answers() -> Vec<(&'static str, Vec<u8>, bool)> {
    let too_small = [&[0xff, 0, 0x40][..], &OPEN].concat();
    vec![
        ("none", Vec::new(), false),
        ("one that is cut off", OPENED[..5].to_vec(), false),
        ("one to another ROP", [&[0x04][..], &OPENED[1..]].concat(), false),
        ("two to one", [OPENED, OPENED].concat(), true),
        ("one, and an unknown one", [&OPENED[..], &[0xee; 9]].concat(), true),
        ("one, and a notification that is cut off", [&OPENED[..], &[0x2a, 1, 0]].concat(), true),
        ("RopBufferTooSmall, twice", too_small.repeat(2), false),
    ]
}

#[test]
fn malformed_responses_are_forwarded_unchanged_and_open_no_objects() {
    for (what, rops, has_one) in bad_answers() {
        let (engine, log) = meddler(false);
        let mut mailbox = Mailbox::open(&engine, "a");
        let (mut flight, _) = mailbox.relayed(&buffer(&OPEN));
        let response = RopBuffer::new(rops, vec![5, 6]);
        assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response, "{what}");
        let (opaque, objects, _) = log.lock().unwrap().pop().unwrap();
        assert_eq!(objects, usize::from(has_one), "{what}");
        let whole = what.contains("TooSmall");
        assert_eq!(opaque.len(), usize::from(!whole), "{what}: {opaque:?}");
        assert!(opaque.iter().all(|error| error.starts_with("response ")), "{what}: {opaque:?}");
    }
}

#[test]
fn a_malformed_response_is_refused_if_a_module_added_rops_to_the_batch() {
    for (what, rops, _) in bad_answers() {
        let (engine, _) = meddler(true);
        let mut mailbox = Mailbox::open(&engine, "a");
        // The client's handle table has the second ROP's slot, and not that of the ROP added before it.
        let (mut flight, forwarded) = mailbox.relayed(&buffer(&[OPEN, OPEN].concat()));
        assert_eq!(forwarded.rops.len(), 32);
        let size = [0x5e, 0, 0, 0, 0, 0, 7, 0, 0, 0];
        let rops = [&size[..], &rops].concat();
        let next = mailbox.respond(&mut flight, &[RopBuffer::new(rops, vec![5, 6])]);
        if let Step::Reply { stub } = &next {
            assert!(what.contains("TooSmall"), "{what}: {next:?}");
            let shown = stub.windows(size.len()).any(|window| window == size);
            assert!(!shown, "{what}: the client receives the response to a ROP that it did not send");
        } else {
            assert!(matches!(next, Step::Fault { .. }), "{what}: {next:?}");
        }
    }
}

#[test]
fn a_search_ten_thousand_deep_is_forwarded_unchanged() {
    let (engine, log) = meddler(false);
    let mut mailbox = Mailbox::open(&engine, "a");
    // RopGetSearchCriteria, whose response has the restriction, a LogonId, no folders and flags.
    let (mut flight, _) = mailbox.relayed(&buffer(&[0x31, 0, 0, 1, 1, 1]));
    let response = buffer(&[&[0x31, 0, 0, 0, 0, 0][..], &sized(&nested(10_000)), &[0; 7]].concat());
    assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response);
    assert_eq!(log.lock().unwrap().pop().unwrap().0, [""; 0], "the restriction alone is opaque");
}

#[test]
fn a_decompression_bomb_in_a_response_is_forwarded_without_being_decompressed() {
    let (engine, log) = meddler(false);
    let mut mailbox = Mailbox::open(&engine, "a");
    // Each declares 32 KB: one byte, and a match that repeats it.
    let bomb = [0xff, 0xff, 0xff, 0x7f, 0, 7, 0, 0xff, 0xff, 0xfb, 0x7f];
    let header = |flags: u8| [0, 0, flags, 0, 11, 0, 0xff, 0x7f];
    let many = [&header(1)[..], &bomb].concat().repeat(5000);
    let (mut flight, _) = mailbox.relayed(&buffer(&OPEN));
    let next = mailbox.respond_bytes(&mut flight, many);
    assert!(matches!(next, Step::Reply { .. }), "{next:?}");
    let (opaque, ..) = log.lock().unwrap().pop().unwrap();
    assert!(opaque[0].contains("over the limit of 96"), "{opaque:?}");
}

#[test]
fn a_small_stack_is_enough_for_restrictions_ten_thousand_deep() {
    #[allow(clippy::disallowed_methods, reason = "a test's own thread; it acts for no user")]
    let small = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        malformed_requests_are_forwarded_unchanged();
        a_search_ten_thousand_deep_is_forwarded_unchanged();
    });
    small.unwrap().join().unwrap();
}

#[test]
fn at_most_one_incomplete_part_of_an_endless_stream_is_buffered() {
    let (engine, log) = meddler(false);
    let mut mailbox = Mailbox::open(&engine, "a");
    // An upload of a multivalued property with a count of four billion values, in pieces of 30 KB.
    let configure = [&[0x53, 0, 0, 1, 1, 0][..]].concat();
    let (mut flight, _) = mailbox.relayed(&buffer(&configure));
    let made = RopBuffer::new(vec![0x53, 1, 0, 0, 0, 0], vec![5, 6]);
    mailbox.delivered(&mut flight, std::slice::from_ref(&made));
    let begins = [&[0x02, 0x11, 0x00, 0x66][..], &[0xff, 0xff, 0xff, 0xff]].concat();
    for number in 0..200 {
        let part = if number == 0 { begins.clone() } else { vec![0; 30_000] };
        let put = [&[0x54, 0, 0][..], &sized(&part)].concat();
        let (mut flight, _) = mailbox.relayed(&RopBuffer::new(put, vec![6]));
        let used = u16::try_from(part.len()).unwrap().to_le_bytes();
        let response = [&[0x54, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &used].concat();
        let response = RopBuffer::new(response, vec![6]);
        assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response);
    }
    let log = log.lock().unwrap();
    let most = log.iter().map(|(.., held)| *held).max().unwrap();
    assert!(most > 500_000 && most < 2 << 20, "{most} bytes were held");
    assert_eq!(
        log.last().map(|(_, objects, held)| (*objects, *held)),
        Some((1, 0)),
        "decoding was not stopped"
    );
}
