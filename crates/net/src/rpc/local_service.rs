//! RPC services within this process.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use identity::{Job, PendingJob, Pool};
use rpc::pdu::FaultStatus;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, RequestHandler, RpcReply};

/// A call that waits for an event and occupies no thread meanwhile.
pub struct Waiting {
    /// Its result: the stub of the response, or the status of the fault.
    pub result: Pin<Box<dyn Future<Output = Result<Bytes, FaultStatus>> + Send>>,
    /// Its result if the server stops before.
    pub at_stop: Result<Bytes, FaultStatus>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("at_stop", &self.at_stop).finish_non_exhaustive()
    }
}

/// A service that executes each call by itself, for example the lab.
pub trait Service: Send + Sync + 'static {
    /// Executes a call. Returns the stub of the response, little-endian.
    ///
    /// # Errors
    /// The status of the fault that the caller gets.
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus>;

    /// Begins `call` if it waits for an event; `None` if [`call`](Self::call) executes it. The wait ends with its
    /// connection, and when the client gives the call up.
    fn wait(&self, call: &Call) -> Option<Waiting> {
        let _ = call;
        None
    }

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
    /// Calls that wait for an event, and their ids. Their number is limited as that of `waiting`.
    events: Vec<(u32, Waiting)>,
}

impl<S: Service> ServiceHandler<S> {
    /// The request handler of one connection to `service`. Calls that may block are executed in `pool`; without one, in
    /// the connection's task.
    pub const fn new(service: Arc<S>, pool: Option<Pool>) -> Self {
        Self { service, pool, waiting: VecDeque::new(), running: None, events: Vec::new() }
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
    reply(call.id, service.call(call))
}

fn reply(id: u32, result: Result<Bytes, FaultStatus>) -> RpcReply {
    match result {
        Ok(stub) => RpcReply::Response { id, stub },
        Err(status) => RpcReply::Fault { id, status, did_not_execute: false },
    }
}

impl<S: Service> RequestHandler for ServiceHandler<S> {
    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>) {
        if let Some(waiting) = self.service.wait(&call) {
            self.events.push((call.id, waiting));
        } else if self.pool.is_some() && self.service.may_block(&call) {
            self.waiting.push_back(call);
        } else {
            replies.push(execute(&*self.service, &call));
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<RpcReply>) -> Poll<()> {
        let before = replies.len();
        self.events.retain_mut(|(id, waiting)| match waiting.result.as_mut().poll(task) {
            Poll::Ready(result) => {
                replies.push(reply(*id, result));
                false
            }
            Poll::Pending => true,
        });
        if replies.len() > before {
            return Poll::Ready(());
        }
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

    fn orphaned(&mut self, id: u32, replies: &mut Vec<RpcReply>) {
        let orphaned = self.events.extract_if(.., |(event, _)| *event == id);
        replies.extend(orphaned.map(|(id, _)| reply(id, Err(FaultStatus::NCA_S_FAULT_CANCEL))));
    }

    fn shut_down(&mut self, replies: &mut Vec<RpcReply>) {
        replies.extend(self.events.drain(..).map(|(id, waiting)| reply(id, waiting.at_stop)));
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
    use tokio::sync::Notify;
    use wire::Endian;

    use super::*;

    /// Waits in calls of the operation 2 until it is notified.
    struct Notifying(Arc<Notify>);

    impl Service for Notifying {
        fn call(&self, _: &Call) -> Result<Bytes, FaultStatus> {
            Ok(Bytes::new())
        }

        fn wait(&self, call: &Call) -> Option<Waiting> {
            let event = Arc::clone(&self.0);
            let result = Box::pin(async move {
                event.notified().await;
                Ok(Bytes::from_static(b"event"))
            });
            (call.opnum == 2).then(|| Waiting { result, at_stop: Ok(Bytes::from_static(b"stop")) })
        }
    }

    #[tokio::test]
    async fn a_call_that_waits_for_an_event_delays_no_other_and_ends_with_the_server() {
        let event = Arc::new(Notify::new());
        let mut handler = ServiceHandler::new(Arc::new(Notifying(Arc::clone(&event))), None);
        let mut replies = Vec::new();
        for (id, opnum) in [(4, 2), (1, 2), (2, 2), (3, 0)] {
            handler.call(call(id, opnum), &mut replies);
        }
        handler.orphaned(4, &mut replies);
        assert_eq!(ids(&replies), [3, 4], "the client has given it up");
        replies.pop();
        let pending = poll_fn(|task| Poll::Ready(handler.poll(task, &mut replies))).await;
        assert_eq!((ids(&replies), pending), (vec![3], Poll::Pending));
        replies.clear();
        event.notify_one();
        poll_fn(|task| handler.poll(task, &mut replies)).await;
        let stub = |reply: &RpcReply| match reply {
            RpcReply::Response { id, stub } => (*id, stub.clone()),
            fault @ RpcReply::Fault { .. } => panic!("{fault:?}"),
        };
        assert_eq!(stub(&replies[0]), (1, Bytes::from_static(b"event")));
        replies.clear();
        handler.shut_down(&mut replies);
        assert_eq!(stub(&replies[0]), (2, Bytes::from_static(b"stop")));
        assert_eq!(replies.len(), 1);
    }

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
