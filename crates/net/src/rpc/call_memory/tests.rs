//! The counts of a connection with two callers.

use std::task::{Context, Poll};

use bytes::Bytes;
use identity::{Authority, ContextCounters};
use rpc::pdu::AuthLevel;
use rpc::server::GroupTable;

use super::*;
use crate::body_budget::BodyBudget;
use crate::rpc::association_group::Group;
use crate::rpc::connection::tests::listener_config;
use crate::rpc::handler::Call;
use crate::tcp::admission::Limits;

const STEP: usize = UNCOUNTED_PER_CONNECTION;

/// The limit for each user.
const LIMIT: usize = 10 * STEP;

/// A handler that holds responses: the ids of their calls, and the bytes of each.
#[derive(Default)]
struct Holder(Vec<(u32, usize)>);

impl RequestHandler for Holder {
    fn call(&mut self, _: Call, _: &mut Vec<RpcReply>) {}

    fn poll(&mut self, _: &mut Context<'_>, _: &mut Vec<RpcReply>) -> Poll<()> {
        Poll::Pending
    }

    fn response_bytes(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes).sum()
    }

    fn held_responses(&self) -> Vec<(u32, usize)> {
        self.0.clone()
    }

    fn refuse_response(&mut self, id: u32, _: MemoryLimit, replies: &mut Vec<RpcReply>) {
        self.0.retain(|(other, _)| *other != id);
        let status = FaultStatus::RPC_S_SERVER_TOO_BUSY;
        replies.push(RpcReply::Fault { id, status, did_not_execute: false });
    }

    fn end(&mut self, _: &[Arc<Group>]) {}
}

/// A connection with a handler, on which Alice (context 1) and Bob (context 2) have made calls.
struct Connection {
    config: Arc<RpcListenerConfig>,
    memory: CallMemory,
    association: ServerAssociation,
    contexts: ClientContexts,
    callers: [SecurityContext; 2],
    handler: Holder,
    replies: Vec<RpcReply>,
}

impl Connection {
    /// Each caller has two active calls: Alice 1 and 2, Bob 3 and 4.
    fn new() -> Self {
        let limits = Limits { request_bytes_per_user: LIMIT, ..Limits::default() };
        let config = RpcListenerConfig {
            bodies: BodyBudget::new(&limits),
            ..Arc::into_inner(listener_config()).unwrap()
        };
        let (config, client) = (Arc::new(config), ([127, 0, 0, 1], 1).into());
        let counters = ContextCounters::new();
        let caller = || SecurityContext::anonymous(&counters, &Authority::new("test"));
        let mut connection = Self {
            memory: CallMemory::new(Arc::clone(&config), client),
            association: ServerAssociation::new(Arc::clone(&config.rpc), Arc::new(GroupTable::new())),
            contexts: ClientContexts::new(Arc::clone(&config), client),
            config,
            callers: [caller(), caller()],
            handler: Holder::default(),
            replies: Vec::new(),
        };
        for id in 1..=4_u32 {
            let auth_context_id = id.div_ceil(2);
            let security = Some(RequestSecurity { auth_context_id, level: AuthLevel::CONNECT });
            let context = &connection.callers[usize::try_from(auth_context_id - 1).unwrap()];
            let call = NewCall { id, security, context, operation: "test", bytes: 0 };
            connection.memory.admit(&call, &connection.association).unwrap();
        }
        connection
    }

    fn charge(&mut self) {
        let handler = (&mut self.handler, &mut self.replies);
        self.memory.charge(&mut self.association, &mut self.contexts, handler);
    }

    /// Passes the replies to the output.
    fn send_replies(&mut self) {
        for reply in self.replies.drain(..) {
            let (id, bytes) = match reply {
                RpcReply::Response { id, stub } => (id, stub.len()),
                RpcReply::Fault { id, .. } => (id, 32),
            };
            let call = self.memory.release(id).unwrap();
            self.memory.add_output(call, bytes);
        }
    }

    /// How many bytes of Alice and of Bob are counted.
    fn counted(&self) -> [usize; 2] {
        [&self.callers[0], &self.callers[1]].map(|caller| {
            let mut rest = self.config.bodies.share(caller.identity());
            let left = (0..=LIMIT / STEP).rev().find(|steps| rest.set(steps * STEP).is_ok()).unwrap();
            // One step alone is not counted, and always succeeds.
            LIMIT - if left > 1 { left * STEP } else { 0 }
        })
    }
}

#[test]
fn a_response_is_counted_once_on_its_way_from_the_server_to_the_client() {
    let mut connection = Connection::new();
    for arrived in [3, 6, 7] {
        connection.handler.0 = vec![(1, arrived * STEP)];
        connection.charge();
        assert_eq!(connection.counted(), [arrived * STEP, 0]);
    }
    connection.handler.0.clear();
    connection.replies.push(RpcReply::Response { id: 1, stub: Bytes::from(vec![0; 7 * STEP]) });
    connection.charge();
    assert_eq!(connection.counted(), [7 * STEP, 0]);
    connection.send_replies();
    connection.memory.charge_unread(5 * STEP, &connection.association).unwrap();
    assert_eq!(connection.counted(), [5 * STEP, 0]);
    connection.charge();
    assert_eq!(connection.counted(), [0, 0]);
}

#[test]
fn unread_output_is_counted_for_the_callers_whose_responses_are_in_it() {
    let mut connection = Connection::new();
    for (id, steps) in [(1, 3), (3, 2), (2, 1), (4, 4)] {
        connection.replies.push(RpcReply::Response { id, stub: Bytes::from(vec![0; steps * STEP]) });
    }
    connection.send_replies();
    connection.memory.charge_unread(9 * STEP, &connection.association).unwrap();
    assert_eq!(connection.counted(), [3 * STEP, 6 * STEP]);
}

#[test]
fn the_longest_response_of_a_caller_over_the_limit_is_refused() {
    let mut connection = Connection::new();
    connection.handler.0 = vec![(1, 5 * STEP), (2, 6 * STEP), (3, 9 * STEP), (4, STEP)];
    connection.charge();
    let [RpcReply::Fault { id: 2, .. }] = connection.replies[..] else { panic!("{:?}", connection.replies) };
    assert_eq!(connection.counted(), [5 * STEP, 10 * STEP]);
}

#[test]
fn an_unread_response_without_memory_ends_the_connection() {
    let mut connection = Connection::new();
    let mut other = connection.config.bodies.share(connection.callers[0].identity());
    other.set(9 * STEP).unwrap();
    connection.replies.push(RpcReply::Response { id: 1, stub: Bytes::from(vec![0; 2 * STEP]) });
    connection.charge();
    connection.send_replies();
    let exceeded = connection.memory.charge_unread(2 * STEP, &connection.association).unwrap_err();
    assert_eq!(exceeded.limit, MemoryLimit::User);
}

#[test]
fn growing_responses_are_counted_again_after_each_64_kib() {
    let mut connection = Connection::new();
    assert!(!connection.memory.is_outdated_by(STEP) && connection.memory.is_outdated_by(STEP + 1));
    connection.handler.0 = vec![(1, 3 * STEP)];
    connection.charge();
    assert!(!connection.memory.is_outdated_by(4 * STEP) && connection.memory.is_outdated_by(4 * STEP + 1));
}
