//! The calls of an association whose responses have not been recorded yet.

use std::collections::HashMap;

use rpc::SyntaxId;
use rpc::pdu::{Header, PduType, PfcFlags, PresentationContext};
use wire::Reader;

use super::fragments::{Fragment, StubAssembly};
use crate::call::{Envelope, RpcCall, RpcOutcome};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of pending calls. The oldest one ends without a response if there are more.
const MAX_CALLS: usize = 256;

/// The maximum number of contexts that are followed, which is more than any association has.
pub(super) const MAX_CONTEXTS: usize = 1024;

/// A call that has ended, with the times of its request and of its response.
#[derive(Debug)]
pub(super) struct EndedRpcCall {
    pub(super) call: RpcCall,
    pub(super) requested: Timestamp,
    pub(super) responded: Option<Timestamp>,
}

/// The pending calls of an association, and the interfaces that they are for.
#[derive(Debug)]
pub(super) struct RpcCalls {
    envelope: Envelope,
    contexts: HashMap<u16, SyntaxId>,
    pending: HashMap<u32, PendingCall>,
    /// Whether a request was recorded.
    has_requests: bool,
    /// The number of responses to calls that were not recorded.
    unmatched: u64,
}

/// A call whose response has not been recorded yet.
#[derive(Debug)]
struct PendingCall {
    requested: Timestamp,
    context_id: u16,
    opnum: u16,
    request: StubAssembly,
    /// Whether the whole request was recorded.
    complete: bool,
    response: Option<StubAssembly>,
}

impl RpcCalls {
    pub(super) fn new(envelope: Envelope) -> Self {
        let (contexts, pending) = (HashMap::new(), HashMap::new());
        Self { envelope, contexts, pending, has_requests: false, unmatched: 0 }
    }

    /// The server has accepted a presentation context.
    pub(super) fn accept(&mut self, context: &PresentationContext) {
        if self.contexts.len() < MAX_CONTEXTS {
            self.contexts.insert(context.context_id, context.abstract_syntax);
        }
    }

    /// Whether the whole request of a call was recorded; `None` if the call is not pending.
    pub(super) fn is_complete(&self, call_id: u32) -> Option<bool> {
        self.pending.get(&call_id).map(|call| call.complete)
    }

    /// Takes a fragment of a request.
    pub(super) fn request(
        &mut self,
        time: Timestamp,
        header: &Header,
        (context_id, opnum): (u16, u16),
        fragment: &Fragment<'_>,
        ended: &mut Vec<EndedRpcCall>,
    ) {
        self.has_requests = true;
        let is_first = header.flags.contains(PfcFlags::FIRST_FRAG);
        let new = || PendingCall {
            requested: time,
            context_id,
            opnum,
            request: StubAssembly::default(),
            complete: false,
            response: None,
        };
        if is_first && let Some(old) = self.pending.insert(header.call_id, new()) {
            ended.push(self.end(old, RpcOutcome::None, None));
        }
        if self.pending.len() > MAX_CALLS {
            let oldest = self.pending.iter().min_by_key(|(_, call)| call.requested).map(|(id, _)| *id);
            if let Some(oldest) = oldest.and_then(|id| self.pending.remove(&id)) {
                ended.push(self.end(oldest, RpcOutcome::None, None));
            }
        }
        let is_known = self.pending.contains_key(&header.call_id);
        let call = self.pending.entry(header.call_id).or_insert_with(new);
        if !is_first && !is_known {
            call.request.set_incomplete();
        }
        call.request.push(fragment);
        call.requested = time;
        call.complete = header.flags.contains(PfcFlags::LAST_FRAG);
    }

    /// Takes a fragment of a response, or a fault.
    pub(super) fn response(
        &mut self,
        time: Timestamp,
        header: &Header,
        fragment: &Fragment<'_>,
        ended: &mut Vec<EndedRpcCall>,
    ) -> wire::Result<()> {
        // The status follows the fields of every response, and is encrypted if the fault is.
        let status = match header.ptype {
            PduType::FAULT => Some(Reader::with_endian(fragment.stub, fragment.endian).u32("status")?),
            _ => None,
        };
        let Some(call) = self.pending.get_mut(&header.call_id) else {
            self.unmatched = self.unmatched.saturating_add(1);
            return Ok(());
        };
        if status.is_none() {
            let is_first = header.flags.contains(PfcFlags::FIRST_FRAG);
            let begins = call.response.is_none();
            let response = call.response.get_or_insert_default();
            if begins != is_first {
                response.set_incomplete();
            }
            response.push(fragment);
        }
        let is_last = status.is_some() || header.flags.contains(PfcFlags::LAST_FRAG);
        if is_last && let Some(mut call) = self.pending.remove(&header.call_id) {
            let outcome = match status {
                Some(status) => RpcOutcome::Fault(rpc::FaultStatus(status)),
                None => RpcOutcome::Response(call.response.take().unwrap_or_default().finish(Side::Server)),
            };
            ended.push(self.end(call, outcome, Some(time)));
        }
        Ok(())
    }

    /// Bytes of one side are missing: the stubs that it has begun to send are incomplete.
    pub(super) fn gap(&mut self, side: Side) {
        match side {
            Side::Client => {
                for call in self.pending.values_mut().filter(|call| !call.complete) {
                    call.request.set_incomplete();
                    call.complete = true;
                }
            }
            Side::Server => {
                for response in self.pending.values_mut().filter_map(|call| call.response.as_mut()) {
                    response.set_incomplete();
                }
            }
        }
    }

    /// Ends all pending calls without a response. Returns the number of responses without any request, if no
    /// request was recorded at all.
    pub(super) fn finish(&mut self, ended: &mut Vec<EndedRpcCall>) -> Option<u64> {
        let mut pending: Vec<(u32, PendingCall)> = self.pending.drain().collect();
        pending.sort_by_key(|(call_id, _)| *call_id);
        for (_, call) in pending {
            ended.push(self.end(call, RpcOutcome::None, None));
        }
        (self.unmatched > 0 && !self.has_requests).then_some(self.unmatched)
    }

    fn end(&self, call: PendingCall, outcome: RpcOutcome, responded: Option<Timestamp>) -> EndedRpcCall {
        let requested = call.requested;
        let call = RpcCall {
            envelope: self.envelope,
            interface: self.contexts.get(&call.context_id).copied(),
            opnum: call.opnum,
            request: call.request.finish(Side::Client),
            outcome,
        };
        EndedRpcCall { call, requested, responded }
    }
}
