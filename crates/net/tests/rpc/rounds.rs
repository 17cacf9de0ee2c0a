//! Responses that take long to decode: this counts as work of the connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{
    Engine, Envelope, FaultStatus, Interface, Module, Operation, Refusal, SecurityContext, Session, Stack,
};
use identity::{Authority, ContextCounters};
use net::{Call, NoopObserver, RequestHandler as _, RpcRelay, RpcReply, Service, syntax};
use tokio::time::{sleep, timeout};
use wire::Endian;

use crate::LIMIT;
use crate::groups::{serve, upstream};

/// `NspiBind` and `NspiQueryColumns` ([MS-OXNSPI] 3.1.4.1).
const BIND: u16 = 0;
const QUERY_COLUMNS: u16 = 16;

/// More columns than are decoded in one round.
const COLUMNS: u32 = 10_000;

const CALLS: usize = 8;

/// Responds to `NspiBind` with a context handle, and to `NspiQueryColumns` with many columns. Counts the latter.
#[derive(Default)]
struct Columns(AtomicUsize);

impl Service for Columns {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        if call.opnum == BIND {
            return Ok([&[0; 8][..], &[7; 16], &[0; 4]].concat().into());
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        let count = COLUMNS.to_le_bytes();
        let tags = [3, 0, 1, 0x30].repeat(COLUMNS.try_into().unwrap());
        Ok([&[1, 0, 0, 0][..], &count, &count, &[0; 4], &count, &tags, &[0; 4]].concat().into())
    }
}

/// Reads the responses.
struct Reads;

impl Module for Reads {
    fn name(&self) -> &'static str {
        "reads"
    }
    fn description(&self) -> &'static str {
        "Reads all responses."
    }
    fn response(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        let opnum = operation.opnum();
        let response = operation.response.as_mut().unwrap().view().unwrap();
        assert!(opnum == BIND || response.columns().is_some());
        Ok(())
    }
}

#[tokio::test]
async fn the_decoding_of_responses_counts_as_work_of_the_connection() {
    let server = Arc::<Columns>::default();
    let (address, _stop) = serve(&server, Interface::Nspi).await;
    let engine = Arc::new(Engine::new(Stack::new(vec![Box::new(Reads)])));
    let relay = RpcRelay::new("proxy.lab.test", engine, upstream(address), Arc::new(NoopObserver));
    let mut connection = relay.connection(Envelope::RPC_TCP);
    let caller = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("a"));
    let group = Arc::default();
    let call = |id: usize, opnum, stub: Vec<u8>| Call {
        id: id.try_into().unwrap(),
        interface: syntax(Interface::Nspi),
        opnum,
        object: None,
        stub: stub.into(),
        endian: Endian::Little,
        context: caller.clone(),
        peer: ([127, 0, 0, 1], 1).into(),
        group: Arc::clone(&group),
    };
    let mut replies = Vec::new();
    connection.call(call(0, BIND, vec![0; 48]), &mut replies);
    let bound = poll_fn(|task| {
        while connection.poll(task, &mut replies).is_ready() {}
        if replies.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    });
    timeout(LIMIT, bound).await.unwrap();
    let Some(RpcReply::Response { stub, .. }) = replies.pop() else { panic!("no response") };
    for id in 1..=CALLS {
        connection.call(call(id, QUERY_COLUMNS, [&stub[4..24], &[0; 8]].concat()), &mut replies);
    }
    let mut task = Context::from_waker(Waker::noop());
    let _ = connection.poll(&mut task, &mut replies);
    // The server has executed all calls before the responses are read.
    let begin = Instant::now();
    while server.0.load(Ordering::Relaxed) < CALLS {
        sleep(Duration::from_millis(1)).await;
        assert!(begin.elapsed() < LIMIT, "{} of {CALLS} calls", server.0.load(Ordering::Relaxed));
    }
    while replies.len() < CALLS {
        let before = replies.len();
        let _ = connection.poll(&mut task, &mut replies);
        // At least a round for each response.
        let responses = u64::try_from(replies.len() - before).unwrap();
        assert!(connection.take_work() >= responses * 32);
        sleep(Duration::from_millis(1)).await;
        assert!(begin.elapsed() < LIMIT, "{} of {CALLS} responses", replies.len());
    }
}
