//! The interface between a client connection and the handler of its calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use identity::{Identity, SecurityContext};
use rpc::pdu::{FaultStatus, SyntaxId};
use wire::{Endian, Guid};

use crate::body_budget::MemoryLimit;
use crate::rpc::association_group::{Group, Groups, Member};

/// A client's call, and its security context.
#[derive(Debug)]
pub struct Call {
    /// The id of the call, which the reply repeats.
    pub id: u32,
    /// The interface.
    pub interface: SyntaxId,
    /// The operation number.
    pub opnum: u16,
    /// The object UUID of the call.
    pub object: Option<Guid>,
    /// The request.
    pub stub: Bytes,
    /// The request's byte order.
    pub endian: Endian,
    /// The security context of the caller.
    pub context: SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The association group of the connection and the caller.
    pub group: Arc<Group>,
}

/// The reply of a handler to a call: a response or a fault PDU (C706 12.6.4.10, 12.6.4.7).
#[derive(Debug)]
pub enum RpcReply {
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
        /// Whether the call was certainly not executed, so that the client may send it again (C706 12.6.3.1
        /// `PFC_DID_NOT_EXECUTE`).
        did_not_execute: bool,
    },
}

impl RpcReply {
    /// The reply to the call `id` whose result is a stub or the status of a fault.
    pub(crate) fn from_result(id: u32, result: Result<Vec<u8>, FaultStatus>) -> Self {
        match result {
            Ok(stub) => Self::Response { id, stub: Bytes::from(stub) },
            Err(status) => Self::Fault { id, status, did_not_execute: false },
        }
    }
}

/// Handles the calls of one client connection. Each call gets a reply, at once or later.
///
/// Called in this order: [`bound`](Self::bound) once, then [`call`](Self::call) for each call and
/// [`poll`](Self::poll) whenever the connection's task runs, and [`end`](Self::end) once.
pub trait RequestHandler: Send {
    /// The client has bound; `bind_call_id` is the call id of its first bind.
    fn bound(&mut self, bind_call_id: Option<u32>) {
        let _ = bind_call_id;
    }

    /// Takes a call. Replies that are ready go to `replies`. The connection polls afterwards.
    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>);

    /// Continues pending calls; ready once `replies` has new entries.
    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<RpcReply>) -> Poll<()>;

    /// The client has given up the call `id` (C706 12.6.4.8). Its reply, if there is one now, goes to `replies`; it is
    /// not sent, but ends the call.
    fn orphaned(&mut self, id: u32, replies: &mut Vec<RpcReply>) {
        let _ = (id, replies);
    }

    /// The work of decoding calls since the last call of this function, in units of
    /// [`rpc::server::ServerAssociation::set_quota`].
    fn take_work(&mut self) -> u64 {
        0
    }

    /// How many bytes of responses the handler holds: incomplete ones, and those that wait for the work of a module.
    fn response_bytes(&self) -> usize {
        0
    }

    /// The responses of [`response_bytes`](Self::response_bytes): the ids of their calls, and the bytes of each.
    fn held_responses(&self) -> Vec<(u32, usize)> {
        Vec::new()
    }

    /// Ends the call `id`, whose response is among [`held_responses`](Self::held_responses) and exceeds `limit`. Its
    /// reply goes to `replies`.
    fn refuse_response(&mut self, id: u32, limit: MemoryLimit, replies: &mut Vec<RpcReply>) {
        let _ = (id, limit, replies);
    }

    /// The proxy shuts down: ends calls that may end at any time. Their replies go to `replies`.
    fn shut_down(&mut self, replies: &mut Vec<RpcReply>) {
        let _ = replies;
    }

    /// The security contexts `revoked` of the connection were revoked: ends their sessions and pending calls, and
    /// releases their handles in `groups`, the connection's association groups of these identities. The replies go to
    /// `replies`.
    fn revoked(&mut self, revoked: &[SecurityContext], groups: &[Arc<Group>], replies: &mut Vec<RpcReply>) {
        let _ = (revoked, groups, replies);
    }

    /// The connection has ended, and with it the association groups `closed_groups`, whose last connection it was.
    fn end(&mut self, closed_groups: &[Arc<Group>]);
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

    /// The group of `identity` with the number `id`, which is `None` before the bind. The connection joins the group
    /// when the identity has authenticated.
    pub(crate) fn group(&mut self, id: Option<u32>, identity: &Identity) -> Option<Arc<Group>> {
        if let Some(member) = self.members.iter().find(|member| member.identity() == identity) {
            return Some(Arc::clone(member.group()));
        }
        let member = self.groups.enter(id?, identity);
        let group = Arc::clone(member.group());
        self.members.push(member);
        Some(group)
    }

    /// The security contexts `revoked` of the connection were revoked. Their groups are ended here too: the
    /// connection may be the only one of a group, and have made no call.
    pub(crate) fn revoked(&mut self, revoked: &[SecurityContext], replies: &mut Vec<RpcReply>) {
        let is_revoked =
            |member: &&Member| revoked.iter().any(|context| context.identity() == member.identity());
        let groups = self.members.iter().filter(is_revoked).map(|member| Arc::clone(member.group()));
        let groups: Vec<Arc<Group>> = groups.collect();
        self.handler.revoked(revoked, &groups, replies);
    }
}

impl<H: RequestHandler> Drop for HandlerScope<H> {
    /// Ends the sessions of the connection, also if a hook panicked.
    fn drop(&mut self) {
        let over: Vec<Arc<Group>> = self.members.drain(..).filter_map(Member::leave).collect();
        self.handler.end(&over);
    }
}
