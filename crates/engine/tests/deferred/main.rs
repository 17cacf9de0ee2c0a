//! Deferred work: executed under the caller's context, applied in the session, bounded, and refused if it fails.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::{
    CALL_FAILED, Decision, Deferral, Delivery, Engine, FaultStatus, Interface, Module, Operation, Refusal,
    RefusalKind, SecurityContext, Session, Stack, TIMED_OUT, Work,
};
use identity::Authority;
use identity::Pool;
use testkit::{Counter, RpcClient, Step, TestFlight, caller};
use wire::{FileTime, Now};

mod cookies;
mod long;

const PATIENCE: Duration = Duration::from_secs(30);

type Decide = Box<dyn Fn(&mut Operation, &mut Session) -> Decision + Send + Sync>;
type Deliver = Box<dyn Fn(&mut Operation, &mut Session) -> Delivery + Send + Sync>;

/// A module that decides as the test determines.
struct Decider(Decide, Deliver);

impl Module for Decider {
    fn name(&self) -> &'static str {
        "decider"
    }
    fn description(&self) -> &'static str {
        "Decides as the test wants it."
    }
    fn dispatch(&self, operation: &mut Operation, session: &mut Session) -> Decision {
        (self.0)(operation, session)
    }
    fn deliver(&self, operation: &mut Operation, session: &mut Session) -> Delivery {
        (self.1)(operation, session)
    }
}

/// An engine with a thread of the pool.
struct House {
    engine: Engine,
    pool: Pool,
    worker: Option<JoinHandle<()>>,
}

impl House {
    fn new(
        queue: usize,
        decide: impl Fn(&mut Operation, &mut Session) -> Decision + Send + Sync + 'static,
        deliver: impl Fn(&mut Operation, &mut Session) -> Delivery + Send + Sync + 'static,
    ) -> Self {
        let pool = Pool::new(NonZeroUsize::new(queue).unwrap());
        let modules: Vec<Box<dyn Module>> = vec![Box::new(Decider(Box::new(decide), Box::new(deliver)))];
        let deferral = Deferral { pool: pool.clone(), decodings: pool.clone(), time_limit: PATIENCE };
        let engine = Engine::new(Stack::new(modules)).with_deferral(deferral);
        Self { engine, pool, worker: None }
    }

    fn deciding(decide: impl Fn(&mut Operation, &mut Session) -> Decision + Send + Sync + 'static) -> Self {
        Self::new(8, decide, |_, _| Delivery::Pass).at_work()
    }

    #[allow(clippy::disallowed_methods, reason = "the pool's thread")]
    fn at_work(mut self) -> Self {
        let pool = self.pool.clone();
        self.worker = Some(std::thread::spawn(move || pool.work(|| Now::at(FileTime(0)))));
        self
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.pool.close();
        if let Some(worker) = self.worker.take() {
            worker.join().unwrap();
        }
    }
}

/// Waits until the work of `flight` is done.
fn wait(flight: &mut TestFlight) {
    let began = std::time::Instant::now();
    while flight.poll_work(&mut Context::from_waker(Waker::noop())).is_pending() {
        assert!(began.elapsed() < PATIENCE, "the work is never done");
        std::thread::yield_now();
    }
}

fn columns(talk: &mut RpcClient<'_>, who: &SecurityContext, handle: &[u8; 20]) -> (TestFlight, Step) {
    let stub = [&handle[..], &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
    talk.send(testkit::incoming(who, (Interface::Nspi, 16), stub)).unwrap()
}

fn resume(flight: &mut TestFlight) -> Step {
    wait(flight);
    flight.resume_deferred()
}

const fn is_bind(operation: &Operation) -> bool {
    operation.opnum() == 0
}

/// Work that reports when it begins, and continues at a signal.
fn held<D: Send + 'static>(then: fn() -> D) -> (Work<D>, Receiver<()>, Sender<()>) {
    let (begins, begun) = channel();
    let (go, gone) = channel::<()>();
    let work = Work::new(
        move |_| {
            begins.send(()).unwrap();
            let _ = gone.recv();
        },
        move |(), _, _| then(),
    );
    (work, begun, go)
}

#[test]
fn work_runs_as_the_caller_and_its_decision_is_applied() {
    let house = House::deciding(|operation, _| match operation {
        operation if is_bind(operation) => Decision::Forward,
        _ => Decision::Defer(Work::new(
            |caller: &SecurityContext| caller.authority().to_owned(),
            |authority, operation, session| {
                assert_eq!(session.context().authority(), authority);
                session.module_state::<Counter>().0 += 1;
                operation.note("decider", authority);
                Decision::Forward
            },
        )),
    });
    for who in ["a", "b"] {
        let mut talk = RpcClient::new(&house.engine, &Arc::default());
        let caller = caller(who);
        let ours = talk.bind(&caller, 0xee);
        let (mut flight, next) = columns(&mut talk, &caller, &ours);
        assert_eq!(next, Step::Defer { limit: PATIENCE });
        let Step::Relay { stub, .. } = resume(&mut flight) else { panic!("not forwarded") };
        assert_eq!(stub[4..20], [0xee; 16]);
        assert_eq!(flight.operation.notes().last().unwrap().text, who);
        assert_eq!(talk.delivered(&mut flight, vec![0, 0, 0, 0, 4, 0, 0, 0])[4], 4);
    }
}

#[test]
fn a_session_is_not_locked_while_deferred_work_runs() {
    let (works, work) = channel();
    let works = Mutex::new(Some(works));
    let house = House::deciding(move |operation, session| {
        session.module_state::<Counter>().0 += 1;
        match works.lock().unwrap().take().filter(|_| !is_bind(operation)) {
            Some(works) => {
                let (work, begun, go) = held(|| Decision::Forward);
                works.send((begun, go)).unwrap();
                Decision::Defer(work)
            }
            None => Decision::Forward,
        }
    });
    let (alice, mut talk) = (caller("a"), RpcClient::new(&house.engine, &Arc::default()));
    // The first call takes the sender.
    let (mut flight, next) = {
        let stub = [0; 8].to_vec();
        talk.send(testkit::incoming(&alice, (Interface::Rfr, 1), stub)).unwrap()
    };
    assert!(matches!(next, Step::Defer { .. }), "{next:?}");
    let (begun, go) = work.recv_timeout(PATIENCE).unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    // The session is not locked: another of its operations passes the stack.
    let (other, next) = talk.send(testkit::incoming(&alice, (Interface::Rfr, 0), vec![0; 8])).unwrap();
    assert!(matches!(next, Step::Relay { .. }));
    assert_eq!(other.session_id(), flight.session_id());
    go.send(()).unwrap();
    assert!(matches!(resume(&mut flight), Step::Relay { .. }));
}

#[test]
fn an_operation_whose_deferred_work_fails_is_refused() {
    let status = |house: &House, wait_for_it: bool| {
        let mut talk = RpcClient::new(&house.engine, &Arc::default());
        let alice = caller("a");
        let ours = talk.bind(&alice, 1);
        let (mut flight, next) = columns(&mut talk, &alice, &ours);
        let next = match next {
            Step::Defer { .. } if wait_for_it => resume(&mut flight),
            Step::Defer { .. } => flight.resume_deferred(),
            next => next,
        };
        assert_eq!(talk.conversation.group().len(), 1, "the session continues");
        let Step::Fault { status, .. } = next else { panic!("{next:?}") };
        status
    };
    let deferring = |work: fn() -> Work<Decision>| {
        move |operation: &mut Operation, _: &mut Session| {
            if is_bind(operation) { Decision::Forward } else { Decision::Defer(work()) }
        }
    };
    let panics = || Work::new(|_| panic!("as the test wants it"), |(), _, _| Decision::Forward);
    assert_eq!(status(&House::deciding(deferring(panics)), true), CALL_FAILED);
    let refuses = || {
        let refusal = |()| Decision::Refuse(Refusal::new(RefusalKind::AccessDenied, "a virus"));
        Work::new(|_| (), move |(), _, _| refusal(()))
    };
    assert_eq!(status(&House::deciding(deferring(refuses)), true), FaultStatus::ACCESS_DENIED);
    let revokes = || {
        Work::new(SecurityContext::revoke, |(), _, _| {
            Decision::Defer(Work::new(
                |_| unreachable!("the context is revoked"),
                |(), _, _| Decision::Forward,
            ))
        })
    };
    let house = House::deciding(deferring(revokes));
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (mut flight, _) = columns(&mut talk, &alice, &ours);
    assert_eq!(resume(&mut flight), Step::Defer { limit: PATIENCE });
    let next = resume(&mut flight);
    assert!(matches!(next, Step::Fault { status: FaultStatus::ACCESS_DENIED, .. }), "{next:?}");

    let idle = || {
        House::new(1, deferring(|| Work::new(|_| (), |(), _, _| Decision::Forward)), |_, _| Delivery::Pass)
    };
    // No thread executes the work, so its time limit is exceeded.
    assert_eq!(status(&idle(), false), TIMED_OUT);
    // An aborted job leaves the queue.
    let house = idle();
    assert_eq!(status(&house, false), TIMED_OUT);
    assert_eq!(house.pool.counts().queued, 0);
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let ours = talk.bind(&alice_again(), 1);
    let _first = columns(&mut talk, &alice_again(), &ours);
    assert_eq!(status(&house, false), FaultStatus::RPC_S_SERVER_TOO_BUSY);
    house.pool.close();
    assert_eq!(status(&house, false), CALL_FAILED);
    let without = Engine::new(Stack::new(vec![Box::new(Decider(
        Box::new(deferring(|| Work::new(|_| (), |(), _, _| Decision::Forward))),
        Box::new(|_, _| Delivery::Pass),
    ))]));
    let mut talk = RpcClient::new(&without, &Arc::default());
    let alice = alice_again();
    let ours = talk.bind(&alice, 1);
    assert!(matches!(columns(&mut talk, &alice, &ours).1, Step::Fault { status: CALL_FAILED, .. }));
}

fn alice_again() -> SecurityContext {
    use std::sync::OnceLock;
    static ALICE: OnceLock<SecurityContext> = OnceLock::new();
    ALICE.get_or_init(|| caller("a")).clone()
}

#[test]
fn a_module_that_always_defers_is_refused_after_a_limit() {
    fn again() -> Decision {
        Decision::Defer(Work::new(|_| (), |(), _, _| again()))
    }
    let house = House::deciding(|operation, _| if is_bind(operation) { Decision::Forward } else { again() });
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (mut flight, mut next) = columns(&mut talk, &alice, &ours);
    let mut rounds = 0;
    while let Step::Defer { .. } = next {
        next = resume(&mut flight);
        rounds += 1;
        assert!(rounds < 100, "without end");
    }
    assert!(matches!(next, Step::Fault { status: CALL_FAILED, .. }));
}

#[test]
fn a_deferred_response_is_changed_or_refused_by_the_work() {
    for refuses in [false, true] {
        let house = House::new(
            8,
            |_, _| Decision::Forward,
            move |operation, _| {
                if is_bind(operation) {
                    return Delivery::Pass;
                }
                Delivery::Defer(Work::new(
                    |caller: &SecurityContext| caller.authority().len(),
                    move |length, operation: &mut Operation, _: &mut Session| {
                        let bytes = vec![0, 0, 0, 0, u8::try_from(length).unwrap(), 0, 0, 0];
                        operation.response.as_mut().unwrap().replace_bytes(bytes.into());
                        let refusal = Refusal::new(RefusalKind::AccessDenied, "a virus");
                        if refuses { Delivery::Refuse(refusal) } else { Delivery::Pass }
                    },
                ))
            },
        )
        .at_work();
        let mut talk = RpcClient::new(&house.engine, &Arc::default());
        let alice = caller("abcdefg");
        let ours = talk.bind(&alice, 1);
        let (mut flight, _) = columns(&mut talk, &alice, &ours);
        let next = talk.respond(&mut flight, vec![0, 0, 0, 0, 4, 0, 0, 0]);
        assert!(matches!(next, Step::Defer { .. }), "{next:?}");
        match resume(&mut flight) {
            Step::Reply { stub } => assert_eq!((refuses, stub[4]), (false, 7)),
            next => {
                assert!(refuses && matches!(next, Step::Fault { status: FaultStatus::ACCESS_DENIED, .. }));
            }
        }
    }
}

#[test]
fn a_disconnect_cancels_deferred_work_and_ends_the_session_being_opened() {
    let house = House::new(
        8,
        |_, _| Decision::Defer(Work::new(|_| (), |(), _, _| unreachable!("the client is gone"))),
        |_, _| Delivery::Pass,
    );
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let contexts = identity::ContextCounters::new();
    let alice = SecurityContext::anonymous(&contexts, &Authority::new("a"));
    let bind = testkit::incoming(&alice, (Interface::Nspi, 0), testkit::bind_request());
    let (flight, next) = talk.send(bind).unwrap();
    assert!(matches!(next, Step::Defer { .. }));
    assert_eq!(house.pool.counts().queued, 1);
    drop((flight, alice));
    assert_eq!((house.pool.counts().queued, contexts.open()), (0, 0));
}

#[test]
fn an_operation_is_refused_if_its_session_ends_while_its_work_is_deferred() {
    let house = House::deciding(|operation, _| match operation.opnum() {
        16 => Decision::Defer(Work::new(|_| (), |(), _, _| unreachable!("the session is over"))),
        _ => Decision::Forward,
    });
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (mut flight, _) = columns(&mut talk, &alice, &ours);
    house.engine.end(&mut talk.conversation, true);
    let next = resume(&mut flight);
    assert!(
        matches!(next, Step::Fault { status: FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, .. }),
        "{next:?}"
    );
}

#[test]
fn deferrals_of_a_request_and_of_its_response_count_towards_one_limit() {
    fn defer_request(times: usize) -> Decision {
        match times {
            0 => Decision::Forward,
            _ => Decision::Defer(Work::new(|_| (), move |(), _, _| defer_request(times - 1))),
        }
    }
    fn defer_response(times: usize) -> Delivery {
        match times {
            0 => Delivery::Pass,
            _ => Delivery::Defer(Work::new(|_| (), move |(), _, _| defer_response(times - 1))),
        }
    }
    for (request, response, is_refused) in
        [(32, 0, false), (31, 1, false), (30, 2, false), (32, 1, true), (31, 2, true)]
    {
        let house = House::new(
            8,
            move |operation, _| if is_bind(operation) { Decision::Forward } else { defer_request(request) },
            move |operation, _| if is_bind(operation) { Delivery::Pass } else { defer_response(response) },
        )
        .at_work();
        let mut talk = RpcClient::new(&house.engine, &Arc::default());
        let alice = caller("a");
        let ours = talk.bind(&alice, 1);
        let (mut flight, mut next) = columns(&mut talk, &alice, &ours);
        while let Step::Defer { .. } = next {
            next = resume(&mut flight);
        }
        assert!(matches!(next, Step::Relay { .. }), "{next:?}");
        next = talk.respond(&mut flight, vec![0, 0, 0, 0, 4, 0, 0, 0]);
        while let Step::Defer { .. } = next {
            next = resume(&mut flight);
        }
        let Step::Fault { why, .. } = next else {
            assert!(!is_refused && matches!(next, Step::Reply { .. }), "{request} {response}: {next:?}");
            continue;
        };
        assert!(is_refused, "{request} {response}: {why}");
        let expected =
            "the operation reached the limit of 32 requests ahead and deferrals, at the module decider";
        assert_eq!(why, expected);
    }
}

#[test]
fn a_disconnect_orphans_the_session_that_was_opened_by_a_deferred_response() {
    let unreachable = || Work::new(|_| (), |(), _, _| unreachable!("the client is gone"));
    let house = House::new(8, |_, _| Decision::Forward, move |_, _| Delivery::Defer(unreachable()));
    let mut talk = RpcClient::new(&house.engine, &Arc::default());
    let contexts = identity::ContextCounters::new();
    let alice = SecurityContext::anonymous(&contexts, &Authority::new("a"));
    let bind = testkit::incoming(&alice, (Interface::Nspi, 0), testkit::bind_request());
    let (mut flight, _) = talk.send(bind).unwrap();
    let next = talk.respond(&mut flight, testkit::bind_response([1; 16]));
    assert!(matches!(next, Step::Defer { .. }));
    assert_eq!(talk.conversation.group().len(), 1);
    drop((flight, alice));
    let orphaned = talk.conversation.group().take_orphaned();
    assert_eq!((talk.conversation.group().len(), orphaned.len()), (0, 1));
    drop(orphaned);
    assert_eq!(contexts.open(), 0);
}
