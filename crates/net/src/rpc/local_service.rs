//! RPC services within this process.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::pdu::FaultStatus;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, RequestHandler, RpcReply};

/// A service that responds to each call at once, for example the lab.
pub trait Service: Send + Sync + 'static {
    /// Executes a call. Returns the stub of the response, little-endian.
    ///
    /// # Errors
    /// The status of the fault that the caller gets.
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus>;

    /// The last connection of an association group has ended: runs down its context handles.
    fn rundown(&self, group: &Arc<Group>) {
        let _ = group;
    }
}

/// The request handler of a [`Service`].
#[derive(Debug)]
pub struct ServiceHandler<S>(Arc<S>);

impl<S: Service> ServiceHandler<S> {
    /// The request handler of one connection to `service`.
    pub const fn new(service: Arc<S>) -> Self {
        Self(service)
    }
}

impl<S: Service> RequestHandler for ServiceHandler<S> {
    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>) {
        let reply = match self.0.call(&call) {
            Ok(stub) => RpcReply::Response { id: call.id, stub },
            Err(status) => RpcReply::Fault { id: call.id, status },
        };
        replies.push(reply);
    }

    fn poll(&mut self, _task: &mut Context<'_>, _replies: &mut Vec<RpcReply>) -> Poll<()> {
        Poll::Pending
    }

    fn end(&mut self, closed_groups: &[Arc<Group>]) {
        for group in closed_groups {
            self.0.rundown(group);
        }
    }
}
