//! The limits on what is decoded of an operation, and the memory of what was decoded.

use std::sync::Arc;

use engine::{CookieTable, Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::compress::{ExtendedBuffer, ExtendedFlags, MAX_CHAIN_LENGTH, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use testkit::{Budget, MapiHttpClient, Step, TestFlight};
use wire::Encode as _;

/// The limit of each user, in bytes.
const LIMIT: usize = 6 << 20;

/// The most ROPs of a request.
const ROPS: usize = 4096;

/// Reads all requests and responses, as far as they can be decoded.
struct Reads;

impl Module for Reads {
    fn name(&self) -> &'static str {
        "reads"
    }

    fn description(&self) -> &'static str {
        "reads everything"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn request(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let _ = operation.request.view();
        Ok(())
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let _ = operation.response.as_mut().map(|response| response.view().is_ok());
        Ok(())
    }
}

fn engine() -> (Engine, Arc<Budget>) {
    let memory = Arc::new(Budget::new(LIMIT).with_operations(LIMIT));
    let engine = Engine::new(Stack::new(vec![Box::new(Reads)]));
    (engine.with_user_memory(Arc::clone(&memory) as _), memory)
}

/// A client with a session.
fn client<'a>(
    engine: &'a Engine,
    table: &'a CookieTable,
    endpoint: Endpoint,
    authority: &str,
) -> MapiHttpClient<'a> {
    let client = MapiHttpClient::new(engine, table, endpoint, authority);
    let begin = if endpoint == Endpoint::Nspi { RequestType::Bind } else { RequestType::Connect };
    let (mut flight, _) = client.relayed(begin, vec![0; 45]);
    client.delivered(&mut flight, vec![0; 28]);
    client
}

/// A chain with one extended buffer of ROPs, and this number of entries for handles.
fn chain(rops: Vec<u8>, handles: usize) -> Vec<u8> {
    let payload = RopBuffer::new(rops, vec![NO_OBJECT; handles]).to_bytes().unwrap();
    encode_chain(&[ExtendedBuffer::plain(payload)]).unwrap()
}

/// The body of an Execute.
fn execute(rops: Vec<u8>) -> Vec<u8> {
    execute_with(rops, 1)
}

/// The body of an Execute with this number of entries for handles.
fn execute_with(rops: Vec<u8>, handles: usize) -> Vec<u8> {
    let buffer = chain(rops, handles);
    let size = u32::try_from(buffer.len()).unwrap().to_le_bytes();
    [&[0; 4][..], &size, &buffer, &[0, 0, 4, 0], &[0; 4]].concat()
}

/// `count` times `RopRelease`.
fn releases(count: usize) -> Vec<u8> {
    [1, 0, 0].repeat(count)
}

/// `RopRestrict` with an Or of `count` empty And.
fn restrict(count: u16) -> Vec<u8> {
    let restriction = [&[1][..], &count.to_le_bytes(), &[0, 0, 0].repeat(count.into())].concat();
    let size = u16::try_from(restriction.len()).unwrap().to_le_bytes();
    [&[0x14, 0, 0, 0][..], &size, &restriction].concat()
}

/// The body of a `GetMatches` with an Or of `count` empty And.
fn matches(count: u32) -> Vec<u8> {
    let stat = [0; 36];
    let filter = [&[1][..], &count.to_le_bytes(), &[0; 5].repeat(usize::try_from(count).unwrap())].concat();
    [&[0; 4][..], &[0xff], &stat, &[0], &[0; 4], &[0xff], &filter, &[0], &[10, 0, 0, 0], &[0], &[0; 4]]
        .concat()
}

/// The response to `QueryRows` with as many rows as a response of the address book may have, of this number of numbers.
fn rows(columns: u8) -> Vec<u8> {
    const ROWS: u32 = 100_000;
    let width = 1 + 4 * usize::from(columns);
    let rows = vec![0; width * usize::try_from(ROWS).unwrap()];
    let tags = [3, 0, 1, 0x30].repeat(columns.into());
    [&[0; 8][..], &[0, 0xff, columns, 0, 0, 0], &tags, &ROWS.to_le_bytes(), &rows, &[0; 4]].concat()
}

/// The body of the response to an Execute with `buffers`.
fn executed(buffers: &[ExtendedBuffer]) -> Vec<u8> {
    let chain = encode_chain(buffers).unwrap();
    let size = u32::try_from(chain.len()).unwrap().to_le_bytes();
    [&[0; 12][..], &size, &chain, &[0; 4]].concat()
}

fn sent(client: &MapiHttpClient<'_>, request: RequestType, body: Vec<u8>) -> (TestFlight, Step) {
    client.send(request, body).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

/// The code and the reason of a refusal.
#[track_caller]
fn refused(step: Step) -> (ResponseCode, String) {
    match step {
        Step::Fault { code, why, .. } => (code, why),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_request_of_more_rops_or_restrictions_than_the_limit_is_refused() {
    let ((engine, _), table) = (engine(), CookieTable::default());
    let mailbox = client(&engine, &table, Endpoint::Emsmdb, "a");
    let book = client(&engine, &table, Endpoint::Nspi, "a");
    let relays = |client, request, body| matches!(sent(client, request, body).1, Step::Relay { .. });
    let [few, many] = [ROPS, ROPS + 1].map(|count| execute(releases(count)));
    assert!(relays(&mailbox, RequestType::Execute, few));
    let too_many = "the request has too many ROPs, restrictions or values (fixed limit of 65536 units)";
    let expected = (ResponseCode::TooLarge, too_many.to_owned());
    assert_eq!(refused(sent(&mailbox, RequestType::Execute, many).1), expected);
    let [few, many] = [16_000, 16_384].map(|count| execute(restrict(count)));
    assert!(relays(&mailbox, RequestType::Execute, few));
    assert_eq!(refused(sent(&mailbox, RequestType::Execute, many).1), expected);
    let [few, many] = [16_000, 16_384].map(matches);
    assert!(relays(&book, RequestType::GetMatches, few));
    assert_eq!(refused(sent(&book, RequestType::GetMatches, many).1), expected);
}

#[test]
fn rops_in_further_buffers_count_in_the_same_limit() {
    let ((engine, _), table) = (engine(), CookieTable::default());
    let mailbox = client(&engine, &table, Endpoint::Emsmdb, "a");
    let body = |further: usize| {
        let buffer = |rops| ExtendedBuffer {
            flags: ExtendedFlags::NONE,
            payload: RopBuffer::new(rops, vec![NO_OBJECT]).to_bytes().unwrap().into(),
        };
        let mut buffers = vec![buffer(releases(ROPS - 10))];
        buffers.extend((0..further).map(|_| buffer(releases(1))));
        buffers.last_mut().unwrap().flags = ExtendedFlags::LAST;
        let chain = encode_chain(&buffers).unwrap();
        let size = u32::try_from(chain.len()).unwrap().to_le_bytes();
        [&[0; 4][..], &size, &chain, &[0, 0, 4, 0], &[0; 4]].concat()
    };
    assert!(matches!(sent(&mailbox, RequestType::Execute, body(10)).1, Step::Relay { .. }));
    assert_eq!(refused(sent(&mailbox, RequestType::Execute, body(11)).1).0, ResponseCode::TooLarge);
}

#[test]
fn a_response_of_more_values_than_the_limit_is_not_passed_on() {
    let ((engine, _), table) = (engine(), CookieTable::default());
    let book = client(&engine, &table, Endpoint::Nspi, "a");
    let send = |columns| {
        let (mut flight, _) = book.relayed(RequestType::QueryRows, vec![0; 12]);
        book.respond(&mut flight, rows(columns))
    };
    // The values of each row, and the row itself.
    assert!(matches!(send(40), Step::Reply { .. }));
    let (code, why) = refused(send(41));
    assert_eq!(code, ResponseCode::UnknownFailure);
    assert!(why.starts_with("the upstream's response has too many"), "{why}");
}

#[test]
fn the_longest_responses_to_rops_are_within_the_limit() {
    let ((engine, _), table) = (engine(), CookieTable::default());
    let mailbox = client(&engine, &table, Endpoint::Emsmdb, "a");
    // RopGetContentsTable, RopSetColumns with a Boolean property, and RopQueryRows.
    let request = [5, 0, 0, 1, 0, 0x12, 0, 1, 0, 1, 0, 0x0b, 0, 0x1b, 0x0e, 0x15, 0, 1, 0, 1, 0xff, 0xff];
    let begin = [5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 1, 0, 0, 0, 0, 0];
    let buffer = |before: &[u8], flags| {
        // RopSize, the head of the response, and the handle table are in the 32 KiB as well.
        let rows = u16::try_from((32 * 1024 - 2 - before.len() - 9 - 8) / 2).unwrap();
        let head = [&[0x15, 1, 0, 0, 0, 0, 1][..], &rows.to_le_bytes()].concat();
        let rops = [before, &head, &[0, 1].repeat(rows.into())].concat();
        ExtendedBuffer { flags, payload: RopBuffer::new(rops, vec![1, 2]).to_bytes().unwrap().into() }
    };
    let mut buffers = vec![buffer(&begin, ExtendedFlags::NONE)];
    buffers.resize(MAX_CHAIN_LENGTH, buffer(&[], ExtendedFlags::NONE));
    buffers.last_mut().unwrap().flags = ExtendedFlags::LAST;
    let (mut flight, _) = mailbox.relayed(RequestType::Execute, execute_with(request.to_vec(), 2));
    flight.take_work();
    let step = mailbox.respond(&mut flight, executed(&buffers));
    assert!(matches!(step, Step::Reply { .. }), "{step:?}");
    // Each response is a ROP, and rows are not decoded before a module reads them.
    assert_eq!(flight.take_work(), 16 * (2 + u32::try_from(MAX_CHAIN_LENGTH).unwrap()));
}

#[test]
fn operations_that_wait_count_with_what_was_decoded_of_them_for_their_user() {
    let ((engine, memory), table) = (engine(), CookieTable::default());
    let [alice, bob] = ["a", "b"].map(|who| client(&engine, &table, Endpoint::Emsmdb, who));
    let mut waiting = Vec::new();
    let why = loop {
        match sent(&alice, RequestType::Execute, execute(releases(ROPS))) {
            (flight, Step::Relay { .. }) => waiting.push(flight),
            (_, step) => break refused(step).1,
        }
    };
    let stated = "clients.request_megabytes_per_user is reached: the decoded operation needs ";
    assert!(why.starts_with(stated) && why.ends_with(" bytes"), "{why}");
    // Each takes between 0.4 and 1.5 MB.
    assert!((4..15).contains(&waiting.len()), "{}", waiting.len());
    assert!(memory.operations() > LIMIT / 2);
    // Another user, and operations of a few ROPs, are not affected.
    let bobs = sent(&bob, RequestType::Execute, execute(releases(ROPS)));
    assert!(matches!(bobs.1, Step::Relay { .. }));
    assert!(matches!(sent(&alice, RequestType::Execute, execute(releases(5))).1, Step::Relay { .. }));
    // The memory is free again once they have ended.
    let mut ended = waiting.remove(0);
    alice.delivered(&mut ended, vec![0; 16]);
    drop(ended);
    assert!(matches!(sent(&alice, RequestType::Execute, execute(releases(ROPS))).1, Step::Relay { .. }));
    drop((waiting, bobs));
    assert_eq!(memory.operations(), 0);
}

#[test]
fn decompressed_buffers_of_operations_that_wait_are_counted() {
    let ((engine, memory), table) = (engine(), CookieTable::default());
    let mailbox = client(&engine, &table, Endpoint::Emsmdb, "a");
    // RopWriteStream
    let write = [&[0x2d, 0, 0][..], &60_000u16.to_le_bytes(), &vec![0; 60_000]].concat();
    let _flight = sent(&mailbox, RequestType::Execute, execute(write));
    assert!((60_000 - 4096..80_000).contains(&memory.operations()), "{}", memory.operations());
}

#[test]
fn a_decoded_request_is_dropped_before_its_operation_waits() {
    let ((engine, memory), table) = (engine(), CookieTable::default());
    let book = client(&engine, &table, Endpoint::Nspi, "a");
    let (mut flight, _) = book.relayed(RequestType::GetMatches, matches(10_000));
    assert!(flight.call().flight().operation.request.viewed().is_none());
    assert_eq!(memory.operations(), 0);
}

#[test]
fn the_work_of_decoding_is_reported_once() {
    let ((engine, _), table) = (engine(), CookieTable::default());
    let mailbox = client(&engine, &table, Endpoint::Emsmdb, "a");
    let work = |rops| {
        let mut flight = sent(&mailbox, RequestType::Execute, execute(rops)).0;
        [flight.take_work(), flight.take_work()]
    };
    assert_eq!(work(releases(100)), [1600, 0]);
    // Also of a request that is refused.
    assert_eq!(work(releases(ROPS + 1)), [65_536, 0]);
}
