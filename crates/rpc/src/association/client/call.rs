//! Requests: sends, cancels and orphans calls.

use bytes::Bytes;
use wire::Guid;

use super::event::{CallError, CloseReason};
use super::outgoing::{Orphan, Outgoing, Outstanding};
use super::state::ClientAssociation;
use crate::association::core::fragment::{FragmentHead, append_fragments};
use crate::pdu::{Body, DataRepresentation, Pdu, PduType, PfcFlags, SyntaxId};
use crate::verification::{CLIENT_SUPPORT_HEADER_SIGNING, Header2, VerificationTrailer};

/// How many orphaned calls are remembered, so that their late responses are discarded.
const REMEMBERED_ORPHANS: usize = 256;

impl ClientAssociation {
    /// Whether the association is bound, and the server takes a call now: it takes several at a time, or has responded
    /// to the one before (C706 12.6.3.1 `PFC_CONC_MPX`).
    pub fn accepts_call(&self) -> bool {
        self.is_bound() && self.takes_another_call()
    }

    fn takes_another_call(&self) -> bool {
        self.connection.multiplexing || self.outstanding.is_empty()
    }

    /// Calls operation `opnum` of the interface that was accepted as `context_id`. Returns the call id.
    ///
    /// # Errors
    /// When the association is not bound, the context was not accepted, too many calls are pending, the server takes
    /// one call at a time and another is pending, or the call cannot be protected, which ends the association.
    pub fn call(
        &mut self,
        context_id: u16,
        opnum: u16,
        object: Option<Guid>,
        stub: Bytes,
    ) -> Result<u32, CallError> {
        if !self.is_bound() {
            return Err(CallError::InvalidPhase);
        }
        if !self.contexts.iter().any(|context| context.id == context_id) {
            return Err(CallError::UnknownContext);
        }
        if self.calls() >= self.config.max_calls || !self.takes_another_call() {
            return Err(CallError::TooManyCalls);
        }
        let call_id = self.next_call_id();
        self.send_call(&Outgoing { call_id, context_id, opnum, object, stub })?;
        Ok(call_id)
    }

    fn send_call(&mut self, call: &Outgoing) -> Result<(), CallError> {
        let tail = self.verification_tail(call)?;
        let head = FragmentHead {
            ptype: PduType::REQUEST,
            flags: if self.connection.multiplexing { PfcFlags::CONC_MPX } else { PfcFlags::NONE },
            call_id: call.call_id,
            context_id: call.context_id,
            opnum: call.opnum,
            object: call.object,
        };
        let (header_signing, max_xmit) = (self.connection.header_signing, self.connection.max_xmit);
        let mut seal = match &mut self.security {
            Some(security) if security.level.protects() => {
                Some(security.seal(header_signing).ok_or(CallError::Protection)?)
            }
            _ => None,
        };
        let stub = (&*call.stub, &*tail);
        let sent = append_fragments(self.connection.output(), &head, stub, max_xmit, seal.as_mut());
        if sent.is_err() {
            self.close(CloseReason::ProtectionFailed);
            return Err(CallError::Protection);
        }
        self.outstanding.insert(call.call_id, Outstanding::default());
        Ok(())
    }

    fn verification_tail(&self, call: &Outgoing) -> Result<Vec<u8>, CallError> {
        let protects = self.security.as_ref().is_some_and(|security| security.level.protects());
        let context = self.contexts.iter().find(|context| context.id == call.context_id);
        let Some(context) = context.filter(|_| protects && self.config.verification_trailer) else {
            return Ok(Vec::new());
        };
        let trailer = VerificationTrailer {
            bitmask: self.config.header_signing.then_some(CLIENT_SUPPORT_HEADER_SIGNING),
            pcontext: Some((context.interface, SyntaxId::NDR)),
            header2: Some(Header2 {
                ptype: PduType::REQUEST,
                drep: DataRepresentation::LITTLE,
                call_id: call.call_id,
                context_id: call.context_id,
                opnum: call.opnum,
            }),
            unknown_must_process: false,
        };
        trailer.to_tail(call.stub.len()).map_err(|_| CallError::TooLong)
    }

    /// Requests that the server end a call early. The call still gets a response. False if the call is unknown.
    pub fn cancel(&mut self, call_id: u32) -> bool {
        self.outstanding.contains_key(&call_id) && self.send(&Pdu::new(call_id, Body::CoCancel)).is_ok()
    }

    /// Gives a call up: no event follows. What arrives of its response is discarded; if that is more than a response
    /// may have, the association ends. False if the call is unknown.
    pub fn orphan(&mut self, call_id: u32) -> bool {
        let Some(outstanding) = self.outstanding.remove(&call_id) else { return false };
        self.release(&outstanding);
        if self.orphaned.len() >= REMEMBERED_ORPHANS {
            self.orphaned.pop_front();
        }
        let received = outstanding.response.map_or(0, |(_, assembly)| assembly.len());
        self.orphaned.push_back(Orphan { call_id, received });
        self.send(&Pdu::new(call_id, Body::Orphaned)).is_ok()
    }

    pub(super) fn release(&mut self, outstanding: &Outstanding) {
        if let Some((_, assembly)) = &outstanding.response {
            self.connection.assembling = self.connection.assembling.saturating_sub(assembly.len());
        }
    }
}
