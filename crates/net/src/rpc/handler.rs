//! The request handler interface of RPC listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use identity::{Identity, SecurityContext};
use rpc::pdu::{FaultStatus, SyntaxId};
use wire::{Endian, Guid};

use crate::rpc::association_group::{Group, Groups, Member};

/// A client's call, and the security context that it is made under.
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
    /// The caller.
    pub context: SecurityContext,
    /// Where the client connects from.
    pub peer: SocketAddr,
    /// The association group of the connection and the caller.
    pub group: Arc<Group>,
}

/// The answer to a call.
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

/// Answers the calls of one client connection, at once or later.
///
/// Called in this order: [`bound`](Self::bound) once, then [`call`](Self::call) for each call and
/// [`poll`](Self::poll) whenever the connection's task runs, and [`end`](Self::end) once.
pub trait RequestHandler: Send {
    /// The client's first bind had the call id `bind_call_id`.
    fn bound(&mut self, bind_call_id: Option<u32>) {
        let _ = bind_call_id;
    }

    /// Takes a call. Answers that are ready go to `replies`.
    fn call(&mut self, call: Call, replies: &mut Vec<Reply>);

    /// Continues what waits; ready once there is something new in `replies`.
    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> Poll<()>;

    /// The proxy shuts down: calls that may end at any time are answered now. Their answers go to `replies`.
    fn stop(&mut self, replies: &mut Vec<Reply>) {
        let _ = replies;
    }

    /// The security contexts `revoked` of the connection were revoked: ends what was done under them. Calls of theirs
    /// that wait are answered in `replies`.
    fn revoked(&mut self, revoked: &[SecurityContext], replies: &mut Vec<Reply>) {
        let _ = (revoked, replies);
    }

    /// The connection has ended, and with it the association groups `over`, of which it was the last one.
    fn end(&mut self, over: &[Arc<Group>]);
}

/// The request handler of a connection, and the association groups that the connection is in.
pub(crate) struct HandlerScope<H: RequestHandler> {
    pub(crate) handler: H,
    groups: Arc<Groups>,
    /// One for each identity that authenticated on the connection.
    members: Vec<Member>,
}

impl<H: RequestHandler> HandlerScope<H> {
    pub(crate) const fn new(handler: H, groups: Arc<Groups>) -> Self {
        Self { handler, groups, members: Vec::new() }
    }

    /// The group of `identity` with the number `id`, which is none before the bind. It is joined once the identity has
    /// authenticated, not before.
    pub(crate) fn group(&mut self, id: Option<u32>, identity: &Identity) -> Option<Arc<Group>> {
        if let Some(member) = self.members.iter().find(|member| member.identity() == identity) {
            return Some(Arc::clone(member.group()));
        }
        let member = self.groups.enter(id?, identity);
        let group = Arc::clone(member.group());
        self.members.push(member);
        Some(group)
    }
}

impl<H: RequestHandler> Drop for HandlerScope<H> {
    /// Lets the handler end what is over, also where a hook panicked.
    fn drop(&mut self) {
        let over: Vec<Arc<Group>> = self.members.drain(..).filter_map(Member::leave).collect();
        self.handler.end(&over);
    }
}
