//! The memory that a client connection holds: stubs of incomplete and active calls, and responses that the client
//! does not read.

use std::net::SocketAddr;
use std::sync::Arc;

use identity::{Identity, Principal, SecurityContext};
use rpc::pdu::FaultStatus;
use rpc::server::{RequestSecurity, ServerAssociation, Unfinished};

use crate::body_budget::{MemoryLimit, Share, UNCOUNTED_PER_CONNECTION};
use crate::rpc::config::RpcListenerConfig;
use crate::rpc::contexts::ClientContexts;

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
    shares: Vec<(ContextId, Share)>,
}

/// A call that the handler has not responded to.
struct ActiveCall {
    /// The number of the call.
    id: u32,
    context: ContextId,
    /// The length of the stub.
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

/// Why a call is not admitted: the client gets the fault of a server that is too busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client has more than {0} calls in progress on one connection")]
struct TooManyCalls(usize);

/// The call is refused, which was logged.
#[derive(Debug)]
pub(super) struct TooBusy;

impl CallMemory {
    pub(super) const fn new(config: Arc<RpcListenerConfig>, client: SocketAddr) -> Self {
        Self { config, client, active: Vec::new(), shares: Vec::new() }
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
        let NewCall { id, security, context, operation, bytes } = *call;
        let most = self.config.rpc.max_calls;
        if self.active.len() >= most {
            let user = context.principal();
            self.config.log.too_busy(self.client, user, operation, &TooManyCalls(most));
            return Err(TooBusy);
        }
        let held = id_of(security);
        let unfinished = association.unfinished().filter(|call| id_of(call.security) == held);
        let more = unfinished.map(|call| call.bytes).sum::<usize>().saturating_add(bytes);
        if let Err(full) = self.hold(held, context.identity(), more) {
            self.log_full(context, operation, full);
            return Err(TooBusy);
        }
        self.active.push(ActiveCall { id, context: held, bytes });
        Ok(())
    }

    /// Counts the memory of calls that have not arrived completely. Refuses the longest if that exceeds the limit of
    /// the caller.
    pub(super) fn charge_unfinished(
        &mut self,
        association: &mut ServerAssociation,
        contexts: &mut ClientContexts,
    ) {
        if association.unfinished_bytes().saturating_add(self.bytes()) <= UNCOUNTED_PER_CONNECTION {
            // Too little for any of the security contexts to be counted.
            return self.shares.clear();
        }
        let mut calls: Vec<Unfinished> = association.unfinished().collect();
        calls.sort_unstable_by_key(|call| call.bytes);
        self.shrink(|context| calls.iter().any(|call| id_of(call.security) == context));
        while let Some(call) = calls.last().copied() {
            let id = id_of(call.security);
            let bytes = calls.iter().filter(|other| id_of(other.security) == id).map(|call| call.bytes).sum();
            let Some(context) = contexts.context_for(call.security) else {
                calls.pop();
                continue;
            };
            if let Err(full) = self.hold(id, context.identity(), bytes) {
                self.log_full(&context, "unfinished call", full);
                association.refuse_unfinished(call.call_id, FaultStatus::NCA_S_SERVER_TOO_BUSY);
                calls.pop();
            } else {
                calls.retain(|other| id_of(other.security) != id);
            }
        }
    }

    /// Counts `bytes` of responses that the client does not read at once, until the share is dropped.
    ///
    /// # Errors
    /// When no memory is left for them.
    pub(super) fn charge_unread(
        &self,
        bytes: usize,
        context: Option<&SecurityContext>,
    ) -> Result<Option<Share>, UnreadResponses> {
        let Some(context) = context.filter(|_| bytes > UNCOUNTED_PER_CONNECTION) else { return Ok(None) };
        let mut share = self.config.bodies.share(context.identity());
        match share.set(bytes) {
            Ok(()) => Ok(Some(share)),
            Err(limit) => Err(UnreadResponses { account: context.principal().clone(), bytes, limit }),
        }
    }

    fn log_full(&self, context: &SecurityContext, operation: &str, full: MemoryLimit) {
        self.config.log.memory_limit(self.client, context.principal(), operation, &full.to_string());
    }

    /// The bytes of all active calls.
    fn bytes(&self) -> usize {
        self.active.iter().map(|call| call.bytes).sum()
    }

    /// Releases the memory of the call `id`, to which the handler has responded.
    pub(super) fn release(&mut self, id: u32) {
        if let Some(place) = self.active.iter().position(|call| call.id == id) {
            self.active.swap_remove(place);
        }
    }

    /// Sets the memory of `identity` under `context` to that of its active calls and `more` bytes.
    ///
    /// # Errors
    /// The limit that is reached. The earlier count is unchanged.
    fn hold(&mut self, context: ContextId, identity: &Identity, more: usize) -> Result<(), MemoryLimit> {
        let own = self.active.iter().filter(|call| call.context == context);
        let bytes = own.map(|call| call.bytes).sum::<usize>().saturating_add(more);
        if let Some((_, share)) = self.shares.iter_mut().find(|(other, _)| *other == context) {
            return share.set(bytes);
        }
        if bytes > UNCOUNTED_PER_CONNECTION {
            let mut share = self.config.bodies.share(identity);
            share.set(bytes)?;
            self.shares.push((context, share));
        }
        Ok(())
    }

    /// Recounts the memory of security contexts without `unfinished` calls.
    fn shrink(&mut self, unfinished: impl Fn(ContextId) -> bool) {
        let Self { active, shares, .. } = self;
        shares.retain_mut(|(context, share)| {
            let own = active.iter().filter(|call| call.context == *context);
            let bytes = own.map(|call| call.bytes).sum();
            // A share that shrinks stays within the limits, and `hold` has counted each active call.
            unfinished(*context) || (bytes > UNCOUNTED_PER_CONNECTION && share.set(bytes).is_ok())
        });
    }
}

/// The number of the security context of calls with `security`.
fn id_of(security: Option<RequestSecurity>) -> ContextId {
    security.map(|security| security.auth_context_id)
}
