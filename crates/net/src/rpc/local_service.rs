//! RPC services that are answered locally.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::pdu::FaultStatus;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, Reply, RequestHandler};

/// A service that answers each call at once, as the lab does.
pub trait Service: Send + Sync + 'static {
    /// Answers a call with its response's stub, little-endian.
    ///
    /// # Errors
    /// With the status of the fault that the caller gets.
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus>;

    /// The last connection of an association group is gone: its context handles are run down.
    fn rundown(&self, group: &Arc<Group>) {
        let _ = group;
    }
}

/// The request handler of a [`Service`].
#[derive(Debug)]
pub struct Local<S>(Arc<S>);

impl<S: Service> Local<S> {
    /// The request handler of one connection to `service`.
    pub const fn new(service: Arc<S>) -> Self {
        Self(service)
    }
}

impl<S: Service> RequestHandler for Local<S> {
    fn call(&mut self, call: Call, replies: &mut Vec<Reply>) {
        let reply = match self.0.call(&call) {
            Ok(stub) => Reply::Response { id: call.id, stub },
            Err(status) => Reply::Fault { id: call.id, status },
        };
        replies.push(reply);
    }

    fn poll(&mut self, _task: &mut Context<'_>, _replies: &mut Vec<Reply>) -> Poll<()> {
        Poll::Pending
    }

    fn end(&mut self, over: &[Arc<Group>]) {
        for group in over {
            self.0.rundown(group);
        }
    }
}
