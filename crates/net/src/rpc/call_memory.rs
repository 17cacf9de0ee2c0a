//! The memory that a client connection holds for its calls, by the security contexts of the callers.
//!
//! A security context of a connection has one count in the budget of its user: the sum of what is in these places.
//!
//! | bytes | from | until |
//! |---|---|---|
//! | fragments of an incomplete request | their arrival | the request is complete or refused |
//! | a complete request | [`CallMemory::admit`] | the reply |
//! | fragments of an incomplete response | their arrival, counted by [`CallMemory::charge`] | the response is complete or refused |
//! | a complete response, while its operation waits for the work of a module or for a further request to the server | its arrival | the reply |
//! | output that the client does not read at once | [`CallMemory::charge_unread`] | the client has read it |
//!
//! A response is in one place at a time. The count is computed anew when it moves, and the sum is the same then: a
//! response that was within the limits as it arrived stays within them until the client has read it.
//!
//! # Limits
//!
//! A response makes progress by the server until it is complete, and by the client afterwards:
//!
//! - While the client has unread output, nothing is read from the servers of its connection. The output does not
//!   grow, further responses wait in the sockets, and the client has `clients.handshake_seconds` to read each piece of
//!   it. It is not refused: parts of its PDUs may have been sent.
//! - A response that is not complete may stop at any fragment until `upstream.call_seconds` have passed. If it makes
//!   the count exceed a limit, the longest incomplete request or response of the security context on the connection is
//!   refused, and what arrives of it later is discarded. Other calls continue. The fault of a request is
//!   `nca_s_server_too_busy` with `PFC_DID_NOT_EXECUTE` (C706 appendix E, 12.6.3.1); that of a response is
//!   `RPC_S_SERVER_TOO_BUSY` ([MS-ERREF] 2.2) without the flag, since the server may have executed the call.
//! - If output exceeds a limit that the response did not exceed before, the connection is closed.

use std::net::SocketAddr;
use std::sync::Arc;

use identity::{Principal, SecurityContext};
use rpc::pdu::FaultStatus;
use rpc::server::{RequestSecurity, ServerAssociation};

use crate::body_budget::{MemoryLimit, Share, UNCOUNTED_PER_CONNECTION};
use crate::rpc::config::RpcListenerConfig;
use crate::rpc::contexts::ClientContexts;
use crate::rpc::handler::{RequestHandler, RpcReply};

#[cfg(test)]
mod tests;

/// Responses that the client does not read take more memory than its account may use.
#[derive(Debug, thiserror::Error)]
#[error("client {account} left {bytes} bytes of responses unread, and {limit}")]
pub(crate) struct UnreadResponses {
    account: Principal,
    bytes: usize,
    limit: MemoryLimit,
}

/// The `auth_context_id` of a call; `None` for unauthenticated calls.
type ContextId = Option<u32>;

/// The memory that a connection holds, by its security contexts.
pub(super) struct CallMemory {
    config: Arc<RpcListenerConfig>,
    client: SocketAddr,
    active: Vec<ActiveCall>,
    /// The bytes of all responses that the handler held when they were counted last.
    counted_responses: usize,
    /// The responses in the output, in their order.
    output: Vec<Output>,
    /// What the client has not read of them.
    unread: Vec<Output>,
    shares: Vec<(ContextId, Share)>,
}

/// A call that the handler has not responded to.
pub(super) struct ActiveCall {
    /// The number of the call.
    id: u32,
    context: ContextId,
    caller: SecurityContext,
    /// The length of the request's stub.
    request: usize,
    /// The bytes of the response that were counted last.
    response: usize,
}

/// A part of the output.
struct Output {
    context: ContextId,
    caller: SecurityContext,
    bytes: usize,
}

/// A call that is to be admitted.
pub(super) struct NewCall<'a> {
    /// The number of the call.
    pub(super) id: u32,
    pub(super) security: Option<RequestSecurity>,
    pub(super) context: &'a SecurityContext,
    /// The name of the operation, for the log.
    pub(super) operation: &'a str,
    /// The length of the stub.
    pub(super) bytes: usize,
}

/// A request or response that may be refused.
struct Held {
    context: ContextId,
    caller: SecurityContext,
    bytes: usize,
    message: Message,
}

#[derive(Clone, Copy)]
enum Message {
    /// An incomplete request, with the call id of the client.
    Request(u32),
    /// A response that the handler holds, with the number of its call.
    Response(u32),
}

/// Why a call is not admitted: the client gets the fault of a server that is too busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client has more than {0} calls in progress on one connection, a fixed limit")]
struct TooManyCalls(usize);

/// The call is refused, which was logged.
#[derive(Debug)]
pub(super) struct TooBusy;

impl CallMemory {
    pub(super) const fn new(config: Arc<RpcListenerConfig>, client: SocketAddr) -> Self {
        Self {
            config,
            client,
            active: Vec::new(),
            counted_responses: 0,
            output: Vec::new(),
            unread: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// Admits a call, which is active from now on.
    ///
    /// # Errors
    /// When the client has too many active calls, or no memory is left for the stub. This is logged.
    pub(super) fn admit(
        &mut self,
        call: &NewCall<'_>,
        association: &ServerAssociation,
    ) -> Result<(), TooBusy> {
        let NewCall { id, security, context: caller, operation, bytes } = *call;
        let most = self.config.rpc.max_calls;
        if self.active.len() >= most {
            let user = caller.principal();
            self.config.log.too_busy(self.client, user, operation, &TooManyCalls(most));
            return Err(TooBusy);
        }
        let context = id_of(security);
        let more = unfinished(association, context).saturating_add(bytes);
        if let Err(full) = self.hold(context, caller, more) {
            self.log_full(caller, operation, full);
            return Err(TooBusy);
        }
        self.active.push(ActiveCall { id, context, caller: caller.clone(), request: bytes, response: 0 });
        Ok(())
    }

    /// Whether the responses that the handler holds, of `bytes` together, have grown so much that they must be counted
    /// again.
    pub(super) const fn is_outdated_by(&self, bytes: usize) -> bool {
        bytes.saturating_sub(self.counted_responses) > UNCOUNTED_PER_CONNECTION
    }

    /// Counts the memory of all calls after the client has read the output. If that exceeds a limit, refuses the
    /// longest of the incomplete requests and of the responses that `handler` holds. Their faults are sent, or go to
    /// `replies`.
    pub(super) fn charge<H: RequestHandler>(
        &mut self,
        association: &mut ServerAssociation,
        contexts: &mut ClientContexts,
        (handler, replies): (&mut H, &mut Vec<RpcReply>),
    ) {
        self.unread.clear();
        self.count_responses(handler, replies);
        if association.unfinished_bytes().saturating_add(self.bytes()) <= UNCOUNTED_PER_CONNECTION {
            // Too little for any of the security contexts to be counted.
            return self.shares.clear();
        }
        self.recount(association);
        let mut held = self.held(association, contexts, handler);
        held.sort_unstable_by_key(|held| held.bytes);
        while let Some(Held { context, caller, message, .. }) = held.pop() {
            let Err(full) = self.hold(context, &caller, unfinished(association, context)) else {
                held.retain(|other| other.context != context);
                continue;
            };
            match message {
                Message::Request(call_id) => {
                    self.log_full(&caller, "unfinished call", full);
                    association.refuse_unfinished(call_id, FaultStatus::NCA_S_SERVER_TOO_BUSY);
                }
                Message::Response(id) => {
                    // Released first, so that a growing response on another connection is not refused too.
                    self.active.iter_mut().filter(|call| call.id == id).for_each(|call| call.response = 0);
                    self.recount(association);
                    handler.refuse_response(id, full, replies);
                }
            }
        }
    }

    /// Counts the responses that `handler` holds, and those in `replies`, which it held before.
    fn count_responses<H: RequestHandler>(&mut self, handler: &H, replies: &[RpcReply]) {
        self.active.iter_mut().for_each(|call| call.response = 0);
        self.counted_responses = handler.response_bytes();
        if self.counted_responses > 0 {
            for (id, bytes) in handler.held_responses() {
                self.add_response(id, bytes);
            }
        }
        for reply in replies {
            if let RpcReply::Response { id, stub } = reply {
                self.add_response(*id, stub.len());
            }
        }
    }

    fn add_response(&mut self, id: u32, bytes: usize) {
        if let Some(call) = self.active.iter_mut().find(|call| call.id == id) {
            call.response = call.response.saturating_add(bytes);
        }
    }

    /// What may be refused to free memory.
    fn held<H: RequestHandler>(
        &self,
        association: &ServerAssociation,
        contexts: &mut ClientContexts,
        handler: &H,
    ) -> Vec<Held> {
        let requests = association.unfinished().filter_map(|call| {
            let (context, message) = (id_of(call.security), Message::Request(call.call_id));
            let caller = contexts.context_for(call.security)?;
            Some(Held { context, caller, bytes: call.bytes, message })
        });
        let mut held: Vec<Held> = requests.collect();
        held.extend(handler.held_responses().into_iter().filter_map(|(id, bytes)| {
            let ActiveCall { context, caller, .. } = self.active.iter().find(|call| call.id == id)?;
            Some(Held { context: *context, caller: caller.clone(), bytes, message: Message::Response(id) })
        }));
        held
    }

    /// Counts the last `unread` bytes of the output, which the client does not read at once, until the next
    /// [`charge`](Self::charge).
    ///
    /// # Errors
    /// When no memory is left for them.
    pub(super) fn charge_unread(
        &mut self,
        unread: usize,
        association: &ServerAssociation,
    ) -> Result<(), UnreadResponses> {
        if unread == 0 {
            self.output.clear();
            return Ok(());
        }
        let mut left = unread;
        // The client reads in order. What is left at the end has no call: faults and handshakes.
        for mut part in self.output.drain(..).rev() {
            part.bytes = part.bytes.min(left);
            left = left.saturating_sub(part.bytes);
            self.unread.push(part);
        }
        self.recount(association);
        for index in 0..self.unread.len() {
            let Some(Output { context, caller, .. }) = self.unread.get(index) else { break };
            let (context, caller) = (*context, caller.clone());
            if let Err(limit) = self.hold(context, &caller, unfinished(association, context)) {
                let account = caller.principal().clone();
                return Err(UnreadResponses { account, bytes: unread, limit });
            }
        }
        Ok(())
    }

    fn log_full(&self, context: &SecurityContext, operation: &str, full: MemoryLimit) {
        self.config.log.memory_limit(self.client, context.principal(), operation, &full.to_string());
    }

    /// Removes the call `id`, to which the handler has responded.
    pub(super) fn release(&mut self, id: u32) -> Option<ActiveCall> {
        let place = self.active.iter().position(|call| call.id == id)?;
        Some(self.active.swap_remove(place))
    }

    /// Adds `bytes` to the output, the response to a call.
    pub(super) fn add_output(&mut self, ActiveCall { context, caller, .. }: ActiveCall, bytes: usize) {
        self.output.push(Output { context, caller, bytes });
    }

    /// The bytes of all active calls.
    fn bytes(&self) -> usize {
        self.active.iter().map(ActiveCall::bytes).sum()
    }

    /// The bytes of the active calls and of the unread output of `context`.
    fn bytes_of(&self, context: ContextId) -> usize {
        let active = self.active.iter().filter(|call| call.context == context).map(ActiveCall::bytes);
        let unread = self.unread.iter().filter(|part| part.context == context).map(|part| part.bytes);
        active.chain(unread).sum()
    }

    /// Sets the count of `caller` under `context` to that of its active calls, unread output and `more` bytes.
    ///
    /// # Errors
    /// The limit that is reached. The earlier count is unchanged.
    fn hold(&mut self, context: ContextId, caller: &SecurityContext, more: usize) -> Result<(), MemoryLimit> {
        let bytes = self.bytes_of(context).saturating_add(more);
        if let Some((_, share)) = self.shares.iter_mut().find(|(other, _)| *other == context) {
            return share.set(bytes);
        }
        if bytes > UNCOUNTED_PER_CONNECTION {
            let mut share = self.config.bodies.share(caller.identity());
            share.set(bytes)?;
            self.shares.push((context, share));
        }
        Ok(())
    }

    /// Lowers the counts that are too high.
    fn recount(&mut self, association: &ServerAssociation) {
        let mut shares = std::mem::take(&mut self.shares);
        shares.retain_mut(|(context, share)| {
            let bytes = self.bytes_of(*context).saturating_add(unfinished(association, *context));
            if bytes < share.counted() {
                // A smaller count never exceeds a limit.
                let _ = share.set(bytes);
            }
            bytes > UNCOUNTED_PER_CONNECTION
        });
        self.shares = shares;
    }
}

impl ActiveCall {
    const fn bytes(&self) -> usize {
        self.request.saturating_add(self.response)
    }
}

/// The bytes of incomplete requests under `context`.
fn unfinished(association: &ServerAssociation, context: ContextId) -> usize {
    association.unfinished().filter(|call| id_of(call.security) == context).map(|call| call.bytes).sum()
}

/// The number of the security context of calls with `security`.
fn id_of(security: Option<RequestSecurity>) -> ContextId {
    security.map(|security| security.auth_context_id)
}
