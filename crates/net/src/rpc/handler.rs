//! The request handler interface of RPC listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use identity::SecurityContext;
use rpc::pdu::{FaultStatus, SyntaxId};
use wire::{Endian, Guid};

use crate::rpc::association_group::{Group, Member};

/// A call of a client, and who makes it.
#[derive(Debug)]
pub struct Call {
    /// Its number, by which it is answered.
    pub id: u32,
    /// The interface that it is for.
    pub interface: SyntaxId,
    /// Its number there.
    pub opnum: u16,
    /// The object that it is for.
    pub object: Option<Guid>,
    /// Its request.
    pub stub: Bytes,
    /// The request's byte order.
    pub endian: Endian,
    /// Who makes it.
    pub context: SecurityContext,
    /// Where the client connects from.
    pub peer: SocketAddr,
    /// The call id of the client's bind.
    pub bind_call_id: Option<u32>,
    /// The association group of the connection and of who makes it.
    pub group: Arc<Group>,
}

/// What a client is answered.
#[derive(Debug)]
pub enum Reply {
    /// A response, little-endian.
    Response {
        /// The call.
        id: u32,
        /// The response.
        stub: Bytes,
    },
    /// A fault.
    Fault {
        /// The call.
        id: u32,
        /// Its status.
        status: FaultStatus,
    },
}

/// What stands behind one client connection and answers its calls, at once or later.
pub trait RequestHandler: Send {
    /// Takes a call. Answers that are ready go to `replies`.
    fn call(&mut self, call: Call, replies: &mut Vec<Reply>);

    /// Goes on with what waits; ready once there is something new in `replies`.
    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> Poll<()>;

    /// The proxy stops: calls that may end at any time are answered now. Their answers go to `replies`.
    fn stop(&mut self, replies: &mut Vec<Reply>) {
        let _ = replies;
    }

    /// The security contexts `revoked` of the connection were revoked: ends what was done under them. Calls of
    /// theirs that wait are answered in `replies`.
    fn revoked(&mut self, revoked: &[SecurityContext], replies: &mut Vec<Reply>) {
        let _ = (revoked, replies);
    }

    /// The connection is over, and with it the association groups `over`, of which it was the last one.
    fn end(&mut self, over: &[Arc<Group>]);
}

/// What stands behind a connection, and the group that it belongs to.
pub(crate) struct HandlerScope<B: RequestHandler> {
    pub(crate) handler: B,
    /// The groups that it is in: one for each identity that signed in.
    pub(crate) members: Vec<Member>,
}

impl<B: RequestHandler> Drop for HandlerScope<B> {
    /// Lets the handler end what is over, also where a hook panicked.
    fn drop(&mut self) {
        let over: Vec<Arc<Group>> = self.members.drain(..).filter_map(Member::leave).collect();
        self.handler.end(&over);
    }
}
