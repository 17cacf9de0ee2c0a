//! Calls and their answers.

use bytes::{Bytes, BytesMut};
use wire::{Decode, Guid, Reader};

use super::bind::HandshakeState;
use super::{CallError, ClientAssociation, CloseReason, Event, Phase, Response};
use crate::association::core::fragment::{Assembly, FragmentHead, Seal, Sealed, append_fragments, cut_stub};
use crate::pdu::{
    Body, DataRepresentation, Fault, HEADER_SIZE, Header, Pdu, PduType, PfcFlags, REQUEST_HEADER_SIZE,
    SyntaxId,
};
use crate::verification::{CLIENT_SUPPORT_HEADER_SIGNING, Header2, VerificationTrailer};

/// How many given-up calls are remembered, so that their late answers are passed over.
const REMEMBERED_ORPHANS: usize = 256;

/// A call whose answer has not come yet.
#[derive(Default)]
pub(super) struct Outstanding {
    answer: Option<(DataRepresentation, Assembly)>,
}

/// A call that waits for its turn.
pub(super) struct Waiting {
    call_id: u32,
    context_id: u16,
    opnum: u16,
    object: Option<Guid>,
    stub: Bytes,
}

impl ClientAssociation {
    /// Calls operation `opnum` of the interface that was accepted as `context_id`, and returns the call's
    /// number. Where the server takes one call at a time, the call waits for its turn.
    ///
    /// # Errors
    /// When there is no association, the context was not accepted, too many calls wait, or the call cannot be
    /// protected; in the last case the association is over.
    pub fn call(
        &mut self,
        context_id: u16,
        opnum: u16,
        object: Option<Guid>,
        stub: Bytes,
    ) -> Result<u32, CallError> {
        if !self.is_bound() {
            return Err(CallError::NotBound);
        }
        if !self.contexts.iter().any(|context| context.id == context_id) {
            return Err(CallError::UnknownContext);
        }
        if self.calls() >= self.config.max_calls {
            return Err(CallError::TooManyCalls);
        }
        let call_id = self.next_call_id();
        let call = Waiting { call_id, context_id, opnum, object, stub };
        if self.multiplexing || self.outstanding.is_empty() {
            self.send_call(&call)?;
        } else {
            self.waiting.push_back(call);
        }
        Ok(call_id)
    }

    fn send_call(&mut self, call: &Waiting) -> Result<(), CallError> {
        let tail = self.verification_tail(call)?;
        let head = FragmentHead {
            ptype: PduType::REQUEST,
            flags: if self.multiplexing { PfcFlags::CONC_MPX } else { PfcFlags::NONE },
            call_id: call.call_id,
            context_id: call.context_id,
            opnum: call.opnum,
            object: call.object,
        };
        let mut seal = match &mut self.security {
            Some(security) if security.level.protects() => {
                let HandshakeState::Established(Some(protection)) = &mut security.state else {
                    return Err(CallError::Protection);
                };
                Some(Seal {
                    protection: protection.as_mut(),
                    auth_type: security.auth_type,
                    level: security.level,
                    context_id: security.id,
                    header_signing: self.header_signing,
                })
            }
            _ => None,
        };
        let stub = (&*call.stub, &*tail);
        let sent = append_fragments(&mut self.output, &head, stub, self.max_xmit, seal.as_mut());
        if sent.is_err() {
            self.close(CloseReason::BadSignature);
            return Err(CallError::Protection);
        }
        self.outstanding.insert(call.call_id, Outstanding::default());
        Ok(())
    }

    fn verification_tail(&self, call: &Waiting) -> Result<Vec<u8>, CallError> {
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

    /// Asks the server to end a call early. It still gets an answer. A call that waits for its turn is given
    /// up instead. Says whether there is such a call.
    pub fn cancel(&mut self, call_id: u32) -> bool {
        if self.outstanding.contains_key(&call_id) {
            return self.send(&Pdu::new(call_id, Body::CoCancel)).is_ok();
        }
        self.forget_waiting(call_id)
    }

    /// Gives a call up: there will be no event for it. Says whether there is such a call.
    pub fn orphan(&mut self, call_id: u32) -> bool {
        let Some(outstanding) = self.outstanding.remove(&call_id) else {
            return self.forget_waiting(call_id);
        };
        self.release(&outstanding);
        if self.orphaned.len() >= REMEMBERED_ORPHANS {
            self.orphaned.pop_front();
        }
        self.orphaned.push_back(call_id);
        let sent = self.send(&Pdu::new(call_id, Body::Orphaned)).is_ok();
        self.next_turn();
        sent
    }

    fn forget_waiting(&mut self, call_id: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|call| call.call_id != call_id);
        self.waiting.len() != before
    }

    fn release(&mut self, outstanding: &Outstanding) {
        if let Some((_, assembly)) = &outstanding.answer {
            self.assembling = self.assembling.saturating_sub(assembly.len());
        }
    }

    /// Makes the next call that waits, where the server takes one at a time.
    fn next_turn(&mut self) {
        if self.outstanding.is_empty()
            && let Some(call) = self.waiting.pop_front()
            && self.send_call(&call).is_err()
        {
            self.close(CloseReason::BadSignature);
        }
    }

    pub(super) fn response(&mut self, header: &Header, mut unit: BytesMut) {
        if self.phase != Phase::Bound {
            return self.protocol_error("an answer before a bind");
        }
        let end = match self.open(header, &mut unit) {
            Ok(end) => end,
            Err(reason) => return self.close(reason),
        };
        if unit.len() < REQUEST_HEADER_SIZE {
            return self.protocol_error("an answer without its fields");
        }
        let hint = alloc_hint(header, &unit);
        let stub = cut_stub(unit, REQUEST_HEADER_SIZE, end);
        let limit = self.config.max_stub;
        let Some(outstanding) = self.outstanding.get_mut(&header.call_id) else {
            if !self.orphaned.contains(&header.call_id) {
                self.protocol_error("an answer to no call of ours");
            }
            return;
        };
        if stub.len().saturating_add(self.assembling) > limit {
            return self.close(CloseReason::StubTooLong);
        }
        self.assembling = self.assembling.saturating_add(stub.len());
        let first = header.flags.contains(PfcFlags::FIRST_FRAG);
        match &mut outstanding.answer {
            none @ None if first => *none = Some((header.drep, Assembly::new(stub))),
            Some((drep, assembly)) if !first && *drep == header.drep => assembly.push(&stub, hint, limit),
            _ => return self.protocol_error("a fragment of an answer out of order"),
        }
        if header.flags.contains(PfcFlags::LAST_FRAG) {
            self.answered(header.call_id);
        }
    }

    fn answered(&mut self, call_id: u32) {
        let Some(outstanding) = self.outstanding.remove(&call_id) else { return };
        self.release(&outstanding);
        if let Some((drep, assembly)) = outstanding.answer {
            let endian = drep.endian().unwrap_or_default();
            self.events.push_back(Event::Response(Response { call_id, stub: assembly.finish(), endian }));
        }
        self.next_turn();
    }

    pub(super) fn fault(&mut self, header: &Header, mut unit: BytesMut) {
        // Windows and Samba send faults unprotected; one that is protected must be so rightly.
        let end = if header.auth_length == 0 { Ok(unit.len()) } else { self.open(header, &mut unit) };
        let end = match end {
            Ok(end) => end,
            Err(reason) => return self.close(reason),
        };
        let fields = cut_stub(unit, HEADER_SIZE, end);
        let endian = header.drep.endian().unwrap_or_default();
        let fault = match read_fault(&fields, endian) {
            Ok(fault) => fault,
            Err(error) => return self.close(CloseReason::Malformed(error)),
        };
        let call_id = header.call_id;
        if let Some(outstanding) = self.outstanding.remove(&call_id) {
            self.release(&outstanding);
            let did_not_execute = header.flags.contains(PfcFlags::DID_NOT_EXECUTE);
            self.events.push_back(Event::Fault { call_id, status: fault.status, did_not_execute });
            self.next_turn();
        } else if self.proposed.is_some() || self.phase != Phase::Bound {
            self.close(CloseReason::SetupFault(fault.status));
        } else if !self.orphaned.contains(&call_id) {
            self.protocol_error("a fault for no call of ours");
        }
    }

    /// Checks a unit's protection and unseals it in place. Returns where its stub ends.
    fn open(&mut self, header: &Header, unit: &mut BytesMut) -> Result<usize, CloseReason> {
        let sealed = Sealed::find(header, unit, REQUEST_HEADER_SIZE).map_err(CloseReason::Malformed)?;
        let Some(security) = &mut self.security else {
            return sealed.map_or(Ok(unit.len()), |_| Err(CloseReason::NotProtected));
        };
        let HandshakeState::Established(protection) = &mut security.state else {
            return Err(CloseReason::NotProtected);
        };
        let Some(sealed) = sealed else {
            return if security.level.protects() { Err(CloseReason::NotProtected) } else { Ok(unit.len()) };
        };
        let trailer = sealed.trailer;
        if trailer.auth_type != security.auth_type
            || trailer.auth_context_id != security.id
            || trailer.auth_level.effective() != Some(security.level)
        {
            return Err(CloseReason::NotProtected);
        }
        if security.level.protects() {
            let protection = protection.as_mut().ok_or(CloseReason::NotProtected)?;
            sealed
                .open(unit, protection.as_mut(), security.level, self.header_signing)
                .map_err(|_| CloseReason::BadSignature)?;
        }
        Ok(sealed.stub_end())
    }
}

fn alloc_hint(header: &Header, unit: &[u8]) -> usize {
    let endian = header.drep.endian().unwrap_or_default();
    let mut r = Reader::with_endian(unit.get(HEADER_SIZE..).unwrap_or_default(), endian);
    r.u32("alloc_hint").ok().and_then(|hint| usize::try_from(hint).ok()).unwrap_or(0)
}

fn read_fault(fields: &[u8], endian: wire::Endian) -> Result<Fault<'_>, wire::Error> {
    Fault::decode(&mut Reader::with_endian(fields, endian).at_offset(HEADER_SIZE))
}
