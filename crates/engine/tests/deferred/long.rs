//! Long responses, which a thread of the pool decodes and passes to the modules.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use engine::{
    CookieTable, Deferral, Engine, FaultStatus, Interests, Module, Operation, Outcome, Refusal, RefusalKind,
    SecurityContext, Session, Stack,
};
use identity::Pool;
use mapi::compress::{ExtendedBuffer, ExtendedFlags, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::mapihttp::{Endpoint, RequestType};
use testkit::{MapiHttpClient, RpcClient, Step, TestFlight, caller};
use wire::{Encode as _, Endian, FileTime, Now};

use super::{House, PATIENCE, columns, resume, wait};

/// More than are decoded on the thread of a connection: of these, the response has four times as many bytes.
const MANY: u32 = 40_000;

const MISMATCH: FaultStatus = FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH;

/// The number of columns with which the hook panics.
const PANICS: u32 = MANY + 1;

/// The number of columns with which the hook returns at once, although they are many.
const PASSES: u32 = MANY + 2;

/// Adds a column to each response that has columns, waits in the hook for those that have many, and counts the sessions
/// that ended.
struct Gate {
    /// The thread of the test, which would wait for itself.
    own: ThreadId,
    begins: Sender<ThreadId>,
    open: Mutex<Receiver<()>>,
    ended: Arc<AtomicUsize>,
}

impl Module for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn description(&self) -> &'static str {
        "waits for the test"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn response(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        let Some(response) = &mut operation.response else { return Ok(()) };
        let Ok(engine::Response::Nspi(mapi::nspi::Response::QueryColumns(columns))) = response.change()
        else {
            return Ok(());
        };
        let tags = &mut columns.columns.get_mut().unwrap().values;
        tags.push(mapi::property::PropTag(0x3001_001f));
        let is_count = |count: u32| tags.len() == usize::try_from(count).unwrap() + 1;
        assert!(!is_count(PANICS), "as the test wants it");
        let thread = thread::current().id();
        self.begins.send(thread).unwrap();
        if tags.len() > 1000 && !is_count(PASSES) && thread != self.own {
            let _ = self.open.lock().unwrap().recv();
        }
        Ok(())
    }

    fn unbind(&self, _: &mut Session) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// An engine with the module and a pool, the ends of the module's channels, and the count of sessions that ended.
struct Gated {
    house: House,
    begun: Receiver<ThreadId>,
    open: Sender<()>,
    ended: Arc<AtomicUsize>,
}

impl Gated {
    /// The pool for decodings has no thread, and that for the work of modules has room for one job.
    fn new() -> Self {
        let (begins, begun) = channel();
        let (open, opened) = channel();
        let ended = Arc::<AtomicUsize>::default();
        let own = thread::current().id();
        let gate = Gate { own, begins, open: Mutex::new(opened), ended: Arc::clone(&ended) };
        let pool = Deferral::decoding_pool();
        let deferral =
            Deferral { pool: Pool::new(NonZeroUsize::MIN), decodings: pool.clone(), time_limit: PATIENCE };
        let engine = Engine::new(Stack::new(vec![Box::new(gate)])).with_deferral(deferral);
        Self { house: House { engine, pool, worker: None }, begun, open, ended }
    }

    fn at_work(mut self) -> Self {
        self.house = self.house.at_work();
        self
    }

    /// A further thread of the pool.
    #[allow(clippy::disallowed_methods, reason = "the pool's thread")]
    fn worker(&self) -> JoinHandle<()> {
        let pool = self.house.pool.clone();
        thread::spawn(move || pool.work(|| Now::at(FileTime(0))))
    }

    fn client(&self) -> RpcClient<'_> {
        RpcClient::new(&self.house.engine, &Arc::default())
    }
}

/// The response to `NspiQueryColumns` with `count` columns ([MS-OXNSPI] 2.2.1.1, 3.1.4.1.6).
fn answer(count: u32, endian: Endian) -> Outcome {
    let head = [1, count + 1, count, 0, count];
    let fields =
        head.into_iter().chain(std::iter::repeat_n(0x3002_001f, count.try_into().unwrap())).chain([0]);
    let bytes = |field: u32| match endian {
        Endian::Little => field.to_le_bytes(),
        Endian::Big => field.to_be_bytes(),
    };
    Outcome::Response { stub: fields.flat_map(bytes).collect::<Vec<u8>>().into(), endian }
}

/// A call whose long response the pool has.
fn long(talk: &mut RpcClient<'_>, who: &SecurityContext, handle: &[u8; 20]) -> TestFlight {
    let (mut flight, _) = columns(talk, who, handle);
    assert_eq!(flight.resume(answer(MANY, Endian::Little)), Step::Defer { limit: PATIENCE });
    flight
}

#[test]
fn a_long_response_passes_the_modules_on_a_thread_of_the_pool() {
    let gated = Gated::new().at_work();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    for (count, endian) in
        [(7, Endian::Little), (7, Endian::Big), (MANY, Endian::Little), (MANY, Endian::Big)]
    {
        let (mut flight, _) = columns(&mut talk, &alice, &handle);
        let mut next = flight.resume(answer(count, endian));
        if count == MANY {
            assert_eq!(next, Step::Defer { limit: PATIENCE });
            gated.open.send(()).unwrap();
            next = resume(&mut flight);
            // What the pool decoded is no work of the connection.
            assert_eq!(flight.take_work(), 0);
        }
        let on_own_thread = gated.begun.recv().unwrap() == thread::current().id();
        assert_eq!(on_own_thread, count == 7);
        let Step::Reply { stub } = next else { panic!("{count}, {endian:?}: {next:?}") };
        let Outcome::Response { stub: sent, .. } = answer(count, Endian::Little) else { unreachable!() };
        assert_eq!(stub.len(), sent.len() + 4);
        assert_eq!(stub[8..12], (count + 1).to_le_bytes());
        assert_eq!(stub[20..sent.len() - 4], sent[20..sent.len() - 4]);
    }
}

#[test]
fn rops_count_by_their_size_after_decompression() {
    let gated = Gated::new().at_work();
    let table = CookieTable::default();
    let web = MapiHttpClient::new(&gated.house.engine, &table, Endpoint::Emsmdb, "a");
    let (mut flight, _) = web.relayed(RequestType::Connect, vec![0; 20]);
    web.delivered(&mut flight, vec![0; 40]);
    for (buffers, is_long) in [(1, false), (2, false), (3, true)] {
        let payload = RopBuffer::new(Vec::new(), vec![NO_OBJECT; 15_000]).to_bytes().unwrap();
        let chain =
            vec![ExtendedBuffer { flags: ExtendedFlags::COMPRESSED, payload: payload.into() }; buffers];
        let chain = encode_chain(&chain).unwrap();
        assert!(chain.len() < 1000);
        let size = u32::try_from(chain.len()).unwrap().to_le_bytes();
        let body = [&[0; 12][..], &size, &chain, &[0; 4]].concat();
        let (mut flight, _) = web.relayed(RequestType::Execute, vec![0; 16]);
        let mut next = web.respond(&mut flight, body.clone());
        assert_eq!(matches!(next, Step::Defer { .. }), is_long, "{buffers}: {next:?}");
        if is_long {
            next = resume(&mut flight);
        }
        assert_eq!(next, Step::Reply { stub: body.into() });
    }
}

#[test]
fn the_thread_of_a_connection_does_not_wait_for_a_session_that_the_pool_has_locked() {
    let gated = Gated::new().at_work();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let mut first = long(&mut talk, &alice, &handle);
    gated.begun.recv_timeout(PATIENCE).unwrap();
    // If it waited, the test would not end, since the hook waits for it.
    let (mut second, next) = columns(&mut talk, &alice, &handle);
    assert_eq!(next, Step::Defer { limit: PATIENCE });
    let other = caller("b");
    let mut others = gated.client();
    let own = others.bind(&other, 2);
    assert!(matches!(columns(&mut others, &other, &own).1, Step::Relay { .. }), "a session of another user");
    gated.house.engine.end(&mut talk.conversation, true);
    assert_eq!(gated.ended.load(Ordering::SeqCst), 0, "the hook still uses the session");
    gated.open.send(()).unwrap();
    wait(&mut first);
    // The thread that had the session ended it. Both operations find that: the response to the first may be that of
    // another session to which the server has issued the handle since.
    assert_eq!(gated.ended.load(Ordering::SeqCst), 1);
    for flight in [&mut second, &mut first] {
        let next = resume(flight);
        assert!(matches!(next, Step::Fault { status: MISMATCH, .. }), "{next:?}");
    }
}

#[test]
fn an_operation_whose_session_was_locked_by_the_pool_continues_afterwards() {
    let gated = Gated::new().at_work();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let mut first = long(&mut talk, &alice, &handle);
    gated.begun.recv_timeout(PATIENCE).unwrap();
    let (mut second, next) = columns(&mut talk, &alice, &handle);
    assert_eq!(next, Step::Defer { limit: PATIENCE });
    gated.open.send(()).unwrap();
    assert!(matches!(resume(&mut first), Step::Reply { .. }));
    let Step::Relay { stub, .. } = resume(&mut second) else { panic!("not forwarded") };
    assert_eq!(stub[4..20], [1; 16]);
}

#[test]
fn a_client_that_disconnects_cancels_the_decoding_of_its_response() {
    let gated = Gated::new();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let mut flight = long(&mut talk, &alice, &handle);
    let gone = Refusal::new(RefusalKind::Failed, "the client disconnected");
    assert!(matches!(flight.abort(gone), Step::Fault { .. }));
    let counts = gated.house.pool.counts();
    assert_eq!((counts.queued, counts.cancelled), (0, 1));
    assert_eq!(talk.conversation.group().len(), 1, "the session continues");
    // The operation is reported with its messages.
    assert_eq!(flight.operation.name(), "nspi.QueryColumns");
    assert!(flight.operation.response.as_ref().unwrap().original().len() > 100_000);
}

#[test]
fn long_responses_wait_beyond_the_queue_of_deferred_work() {
    let gated = Gated::new();
    let callers = ["a", "b", "c", "d"].map(caller);
    let mut waiting = Vec::new();
    for who in &callers {
        let mut talk = gated.client();
        let handle = talk.bind(who, 1);
        waiting.extend((0..5).map(|_| long(&mut talk, who, &handle)));
    }
    let gated = gated.at_work();
    for _ in &waiting {
        gated.open.send(()).unwrap();
    }
    for mut flight in waiting {
        let next = resume(&mut flight);
        assert!(matches!(next, Step::Reply { .. }), "{next:?}");
    }
}

#[test]
fn a_long_response_is_refused_if_its_time_is_over() {
    let gated = Gated::new();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let mut flight = long(&mut talk, &alice, &handle);
    let Step::Fault { status, why, .. } = flight.resume_deferred() else { panic!("not refused") };
    assert_eq!(
        (status, why.as_str()),
        (engine::TIMED_OUT, "deferred the decoding of an operation exceeded deferred.seconds")
    );
    assert_eq!(gated.house.pool.counts().queued, 0);
}

/// Each response may take a quarter of the memory of all.
#[test]
fn long_responses_are_decoded_at_the_same_time_only_within_the_limit_on_their_memory() {
    let gated = Gated::new();
    let workers: Vec<_> = (0..8).map(|_| gated.worker()).collect();
    let count = 16 * 1024 * 1024 / 4 / 4;
    let mut waiting = Vec::new();
    for number in 0..8 {
        let who = caller(&number.to_string());
        let mut talk = gated.client();
        let handle = talk.bind(&who, 1);
        let (mut flight, _) = columns(&mut talk, &who, &handle);
        assert_eq!(flight.resume(answer(count - 6, Endian::Little)), Step::Defer { limit: PATIENCE });
        waiting.push(flight);
    }
    for _ in 0..4 {
        gated.begun.recv_timeout(PATIENCE).unwrap();
    }
    assert!(gated.begun.recv_timeout(Duration::from_millis(300)).is_err(), "a fifth is decoded");
    assert_eq!(gated.house.pool.counts().running, 4);
    for _ in &waiting {
        gated.open.send(()).unwrap();
    }
    for flight in &mut waiting {
        assert!(matches!(resume(flight), Step::Reply { .. }));
    }
    gated.house.pool.close();
    for worker in workers {
        worker.join().unwrap();
    }
}

#[test]
fn a_hook_that_does_not_return_delays_no_response_of_another_user_on_a_machine_with_one_processor() {
    let gated = Gated::new();
    let workers: Vec<_> =
        (0..Deferral::decoding_threads(NonZeroUsize::MIN).get()).map(|_| gated.worker()).collect();
    let (alice, bob) = (caller("a"), caller("b"));
    let (mut hers, mut his) = (gated.client(), gated.client());
    let (her_handle, his_handle) = (hers.bind(&alice, 1), his.bind(&bob, 2));
    let mut hangs = long(&mut hers, &alice, &her_handle);
    gated.begun.recv_timeout(PATIENCE).unwrap();
    let (mut flight, _) = columns(&mut his, &bob, &his_handle);
    assert_eq!(flight.resume(answer(PASSES, Endian::Little)), Step::Defer { limit: PATIENCE });
    gated.begun.recv_timeout(PATIENCE).expect("the response of the other user is decoded");
    let next = resume(&mut flight);
    assert!(matches!(next, Step::Reply { .. }), "{next:?}");
    gated.open.send(()).unwrap();
    wait(&mut hangs);
    gated.house.pool.close();
    for worker in workers {
        worker.join().unwrap();
    }
}

#[test]
fn a_hook_that_panics_on_a_thread_of_the_pool_ends_its_session() {
    let gated = Gated::new().at_work();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let (mut flight, _) = columns(&mut talk, &alice, &handle);
    let next = flight.resume(answer(PANICS, Endian::Little));
    assert!(matches!(next, Step::Defer { .. }), "{next:?}");
    let Step::Fault { status, why, .. } = resume(&mut flight) else { panic!("not refused") };
    assert_eq!((status, why.as_str()), (MISMATCH, "a hook of a module panicked; the session was ended"));
    assert_eq!((talk.conversation.group().len(), gated.ended.load(Ordering::SeqCst)), (0, 1));
}

#[test]
fn a_long_response_of_a_revoked_account_is_refused() {
    let gated = Gated::new();
    let (alice, mut talk) = (caller("a"), gated.client());
    let handle = talk.bind(&alice, 1);
    let mut flight = long(&mut talk, &alice, &handle);
    alice.revoke();
    gated.house.pool.close();
    gated.house.pool.work(|| Now::at(FileTime(0)));
    let next = flight.resume_deferred();
    assert!(matches!(next, Step::Fault { status: FaultStatus::ACCESS_DENIED, .. }), "{next:?}");
    assert!(gated.begun.try_recv().is_err(), "a module saw it");
}
