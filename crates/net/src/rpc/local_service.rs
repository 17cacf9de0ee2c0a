//! RPC services within this process.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use identity::{Job, PendingJob, Pool};
use rpc::pdu::FaultStatus;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, RequestHandler, RpcReply};

/// A service that executes each call by itself, for example the lab.
pub trait Service: Send + Sync + 'static {
    /// Executes a call. Returns the stub of the response, little-endian.
    ///
    /// # Errors
    /// The status of the fault that the caller gets.
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus>;

    /// Whether `call` may block its thread, for example by access to a disk. Such calls of a connection are executed
    /// one after the other, in the handler's pool; all others at once, in the connection's task.
    fn may_block(&self, call: &Call) -> bool {
        let _ = call;
        false
    }

    /// The last connection of an association group has ended: runs down its context handles. A call that may block can
    /// end later, and must open no context handle.
    fn rundown(&self, group: &Arc<Group>) {
        let _ = group;
    }
}

/// The request handler of a [`Service`].
#[derive(Debug)]
pub struct ServiceHandler<S> {
    service: Arc<S>,
    pool: Option<Pool>,
    /// Calls that may block, in the order in which they are to be executed. Their number is limited by that of the
    /// connection's calls ([`rpc::server::ServerConfig::max_calls`]).
    waiting: VecDeque<Call>,
    /// The call that is executed in the pool, and its id.
    running: Option<(u32, PendingJob<RpcReply>)>,
}

impl<S: Service> ServiceHandler<S> {
    /// The request handler of one connection to `service`. Calls that may block are executed in `pool`; without one, in
    /// the connection's task.
    pub const fn new(service: Arc<S>, pool: Option<Pool>) -> Self {
        Self { service, pool, waiting: VecDeque::new(), running: None }
    }

    /// Begins the next call, if none is executed in the pool. The pool may refuse it.
    fn begin(&mut self, pool: &Pool) -> Option<RpcReply> {
        if self.running.is_some() {
            return None;
        }
        let call = self.waiting.pop_front()?;
        let (id, service) = (call.id, Arc::clone(&self.service));
        let job = Job::new(call.context.clone(), move |_| execute(&*service, &call));
        match pool.submit(job) {
            Ok(pending) => {
                self.running = Some((id, pending));
                None
            }
            Err(error) => {
                tracing::warn!("lab: an RPC call was refused: {error}");
                Some(RpcReply::Fault {
                    id,
                    status: FaultStatus::RPC_S_SERVER_TOO_BUSY,
                    did_not_execute: true,
                })
            }
        }
    }
}

fn execute<S: Service>(service: &S, call: &Call) -> RpcReply {
    match service.call(call) {
        Ok(stub) => RpcReply::Response { id: call.id, stub },
        Err(status) => RpcReply::Fault { id: call.id, status, did_not_execute: false },
    }
}

impl<S: Service> RequestHandler for ServiceHandler<S> {
    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>) {
        if self.pool.is_some() && self.service.may_block(&call) {
            self.waiting.push_back(call);
        } else {
            replies.push(execute(&*self.service, &call));
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<RpcReply>) -> Poll<()> {
        let Some(pool) = self.pool.clone() else { return Poll::Pending };
        if let Some(refused) = self.begin(&pool) {
            replies.push(refused);
            return Poll::Ready(());
        }
        let Some((id, pending)) = &mut self.running else { return Poll::Pending };
        let Poll::Ready(ended) = Pin::new(pending).poll(task) else { return Poll::Pending };
        replies.push(ended.unwrap_or_else(|error| {
            tracing::error!("lab: an RPC call ended without a response: {error}");
            RpcReply::Fault { id: *id, status: FaultStatus::RPC_S_CALL_FAILED_DNE, did_not_execute: false }
        }));
        self.running = None;
        Poll::Ready(())
    }

    fn end(&mut self, closed_groups: &[Arc<Group>]) {
        for group in closed_groups {
            self.service.rundown(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::num::NonZeroUsize;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use identity::{Authority, ContextCounters, SecurityContext};
    use wire::Endian;

    use super::*;

    /// Blocks in calls of the operation 1 until it receives something.
    struct Blocking(Mutex<Receiver<()>>);

    impl Service for Blocking {
        fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
            if self.may_block(call) {
                self.0.lock().unwrap().recv().unwrap();
            }
            Ok(Bytes::new())
        }

        fn may_block(&self, call: &Call) -> bool {
            call.opnum == 1
        }
    }

    fn call(id: u32, opnum: u16) -> Call {
        Call {
            id,
            interface: rpc::epm::INTERFACE,
            opnum,
            object: None,
            stub: Bytes::new(),
            endian: Endian::Little,
            context: SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("here")),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::default(),
        }
    }

    fn ids(replies: &[RpcReply]) -> Vec<u32> {
        let id = |reply: &RpcReply| match reply {
            RpcReply::Response { id, .. } | RpcReply::Fault { id, .. } => *id,
        };
        replies.iter().map(id).collect()
    }

    #[tokio::test]
    async fn a_call_that_blocks_delays_only_those_that_may_block_too() {
        let pool = Pool::new(NonZeroUsize::new(2).unwrap());
        crate::task::spawn_workers(&pool, NonZeroUsize::new(2).unwrap()).unwrap();
        let (unblock, blocked) = channel();
        let service = Arc::new(Blocking(Mutex::new(blocked)));
        let (mut handler, mut replies) = (ServiceHandler::new(service, Some(pool.clone())), Vec::new());
        for (id, opnum) in [(1, 1), (2, 1), (3, 0)] {
            handler.call(call(id, opnum), &mut replies);
        }
        assert_eq!(ids(&replies), [3]);
        for expected in [1, 2] {
            unblock.send(()).unwrap();
            replies.clear();
            poll_fn(|task| handler.poll(task, &mut replies)).await;
            assert_eq!(ids(&replies), [expected]);
        }
        pool.close();
    }
}
