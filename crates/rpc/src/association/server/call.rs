//! Requests: checks their order and protection, and assembles their stubs.

use bytes::BytesMut;

use super::event::{CloseReason, Event, Request, RequestSecurity};
use super::incoming::{Active, CallHead, Partial, Unfinished};
use super::state::ServerAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::association::core::fragment::{Assembly, Sealed, cut_stub, head_size, is_idle};
use crate::association::core::security_context::{HandshakeState, UnsealError};
use crate::pdu::{AuthLevel, FaultStatus, HEADER_SIZE, Header, PduType, PfcFlags, SyntaxId};
use crate::verification::{Expected, Header2, VerificationTrailer};

/// The least length of a fragment's stub, in bytes, that counts as activity of an unauthenticated call. A fragment
/// before the last of a call has more: the least fragment size is 1432 bytes (C706 12.6.3.1
/// `MustRecvFragSize`).
const SHORT_FRAGMENT: usize = 1024;

/// Why a PDU is refused.
struct Refusal {
    status: FaultStatus,
    reason: CloseReason,
    /// The PDU is too early: the fault states that its call was not executed.
    early: bool,
}

impl Refusal {
    const fn new(status: FaultStatus, reason: CloseReason) -> Self {
        Self { status, reason, early: false }
    }

    const fn denied() -> Self {
        Self::new(FaultStatus::ACCESS_DENIED, CloseReason::Peer(PeerError::NotProtected))
    }

    const fn malformed(error: wire::Error) -> Self {
        Self::new(FaultStatus::NCA_S_PROTO_ERROR, CloseReason::Peer(PeerError::Malformed(error)))
    }

    const fn protocol(what: &'static str) -> Self {
        Self::new(FaultStatus::NCA_S_PROTO_ERROR, CloseReason::Peer(PeerError::Protocol(what)))
    }

    /// The refusal of a PDU whose protection is not accepted.
    const fn sealed(error: UnsealError) -> Self {
        match error {
            UnsealError::Running => Self::early(),
            UnsealError::Failed | UnsealError::Unprotected => Self::denied(),
            UnsealError::Signature => {
                Self::new(FaultStatus::RPC_S_SEC_PKG_ERROR, CloseReason::Peer(PeerError::BadSignature))
            }
        }
    }

    const fn early() -> Self {
        Self { early: true, ..Self::protocol("request before the end of its handshake") }
    }
}

impl ServerAssociation {
    pub(super) fn request(&mut self, header: &Header, mut bytes: BytesMut) {
        if self.connection.phase != Phase::Bound {
            return self.protocol_error(header, "request before a bind");
        }
        let mut head = match CallHead::read(header, &bytes) {
            Ok(head) => head,
            Err(error) => return self.refuse_request(header.call_id, 0, Refusal::malformed(error)),
        };
        if let Some((call_id, context_id, refusal)) = self.out_of_order(header) {
            return self.refuse_request(call_id, context_id, refusal);
        }
        let first = header.flags.contains(PfcFlags::FIRST_FRAG);
        // In requests, the bit of header signing is `PFC_PENDING_CANCEL` (C706 12.6.3.1).
        if first && header.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) {
            let reason = CloseReason::Peer(PeerError::Protocol("request with a pending cancel"));
            return self.refuse(header.call_id, FaultStatus::RPC_S_NO_CALL_ACTIVE, reason);
        }
        let begun = self.partial.get(&header.call_id).map(|partial| partial.head.security);
        let opened = match begun {
            Some(begun) if !first => self.open_next(header, &mut bytes, begun).map(|end| (begun, end)),
            _ => self.open(header, &mut bytes, head_size(header)),
        };
        let (security, end) = match opened {
            Ok(opened) => opened,
            Err(refusal) => {
                let begun = self.partial.get(&header.call_id).filter(|_| !first);
                let context_id = begun.map_or(head.context_id, |partial| partial.head.context_id);
                return self.refuse_request(header.call_id, context_id, refusal);
            }
        };
        head.security = security;
        let stub = cut_stub(bytes, head_size(header), end);
        if self.connection.is_stalled_by(is_idle(header, &stub)) {
            return self.stalled(header.call_id);
        }
        if first {
            self.first_fragment(header, head, stub);
        } else {
            self.next_fragment(header, &head, &stub);
        }
    }

    /// Why a fragment is out of order, and the call and context of the fault. A client sends all fragments of
    /// a call before it begins another, even if concurrent calls are negotiated ([MS-RPCE] 3.3.1.5.8).
    fn out_of_order(&self, header: &Header) -> Option<(u32, u16, Refusal)> {
        let mut unfinished = self.partial.iter().filter(|(_, partial)| partial.stub.is_some());
        let unfinished = unfinished.next().map(|(id, partial)| (*id, partial.head.context_id));
        let first = header.flags.contains(PfcFlags::FIRST_FRAG);
        let known = self.partial.contains_key(&header.call_id);
        let what = match unfinished {
            Some(_) if first => "request before the last fragment of another",
            None if first => return None,
            _ if known => return None,
            // The verifier is checked first.
            None if self.connection.multiplexing => return None,
            _ => "request fragment without a first fragment",
        };
        let (call_id, context_id) = match unfinished {
            // Without concurrent calls, the incomplete call fails.
            Some(unfinished) if !self.connection.multiplexing => unfinished,
            Some(same) if same.0 == header.call_id => same,
            _ => (header.call_id, 0),
        };
        Some((call_id, context_id, Refusal::protocol(what)))
    }

    fn refuse_request(&mut self, call_id: u32, context_id: u16, refusal: Refusal) {
        let Refusal { status, reason, early } = refusal;
        if early {
            return self.refuse(call_id, status, reason);
        }
        self.refuse_call(call_id, context_id, status, reason);
    }

    fn first_fragment(&mut self, header: &Header, head: CallHead, stub: BytesMut) {
        let call_id = header.call_id;
        if self.active.contains_key(&call_id) || self.partial.contains_key(&call_id) {
            let refusal = Refusal::protocol("call id already in use");
            return self.refuse_request(call_id, head.context_id, refusal);
        }
        let calls = self.active.len().saturating_add(self.partial.len());
        if calls > 0 && !self.connection.multiplexing {
            let refusal = Refusal::protocol("concurrent request without negotiated multiplexing");
            return self.refuse_request(call_id, head.context_id, refusal);
        }
        let last = header.flags.contains(PfcFlags::LAST_FRAG);
        if let Err(status) = self.admit_call(&head, calls) {
            // An unknown presentation context has no number for the fault.
            let context_id = if status == FaultStatus::NCA_S_UNK_IF { 0 } else { head.context_id };
            self.send_fault(call_id, context_id, status, true);
            // Later fragments of the call are discarded. Beyond the limit of calls, nothing of a call is
            // kept.
            if !last && calls < self.config.max_calls {
                self.partial.insert(call_id, Partial { head, stub: None });
            } else if !last {
                self.close(CloseReason::Peer(PeerError::Protocol("more concurrent requests than the limit")));
            }
            return;
        }
        if stub.len().saturating_add(self.connection.assembling) > self.stub_limit(&head) {
            return self.stub_too_long(call_id, head.context_id);
        }
        self.count_fragment(&head, stub.len());
        if last {
            return self.complete(call_id, head, Assembly::new(stub));
        }
        self.connection.assembling = self.connection.assembling.saturating_add(stub.len());
        self.partial.insert(call_id, Partial { head, stub: Some(Assembly::new(stub)) });
    }

    fn next_fragment(&mut self, header: &Header, head: &CallHead, stub: &[u8]) {
        let limit = self.stub_limit(head);
        let Some(partial) = self.partial.get_mut(&header.call_id) else {
            let refusal = Refusal::protocol("request fragment without a first fragment");
            return self.refuse_request(header.call_id, head.context_id, refusal);
        };
        let context_id = partial.head.context_id;
        if partial.head.drep != head.drep {
            let refusal = Refusal::protocol("request fragment in another byte order than the first");
            return self.refuse_request(header.call_id, context_id, refusal);
        }
        if let Some(assembly) = &mut partial.stub {
            if stub.len().saturating_add(self.connection.assembling) > limit {
                return self.stub_too_long(header.call_id, context_id);
            }
            let hint = usize::try_from(partial.head.alloc_hint).unwrap_or(usize::MAX);
            assembly.push(stub, hint, limit);
            self.connection.assembling = self.connection.assembling.saturating_add(stub.len());
            self.count_fragment(head, stub.len());
        }
        if header.flags.contains(PfcFlags::LAST_FRAG)
            && let Some(Partial { head, stub: Some(stub) }) = self.partial.remove(&header.call_id)
        {
            self.connection.assembling = self.connection.assembling.saturating_sub(stub.len());
            self.complete(header.call_id, head, stub);
        }
    }

    /// The incomplete calls.
    pub fn unfinished(&self) -> impl Iterator<Item = Unfinished> {
        self.partial.iter().filter_map(|(call_id, partial)| {
            let bytes = partial.stub.as_ref()?.len();
            Some(Unfinished { call_id: *call_id, security: partial.head.security, bytes })
        })
    }

    /// The length of the stubs of all incomplete calls, in bytes.
    pub const fn unfinished_bytes(&self) -> usize {
        self.connection.assembling
    }

    /// Responds to an incomplete call with the fault `status`. Its stub is dropped, and further fragments are
    /// discarded.
    pub fn refuse_unfinished(&mut self, call_id: u32, status: FaultStatus) {
        let Some(partial) = self.partial.get_mut(&call_id) else { return };
        let Some(stub) = partial.stub.take() else { return };
        self.connection.assembling = self.connection.assembling.saturating_sub(stub.len());
        let context_id = partial.head.context_id;
        self.send_fault(call_id, context_id, status, true);
    }

    fn count_fragment(&mut self, head: &CallHead, stub: usize) {
        if head.security.is_some() || stub >= SHORT_FRAGMENT {
            self.fragments = self.fragments.saturating_add(1);
        }
    }

    /// The limit of the stubs of incomplete calls, in bytes, for a call with `head`.
    fn stub_limit(&self, head: &CallHead) -> usize {
        let limit = self.config.max_stub;
        if head.security.is_some() { limit } else { limit.min(self.config.max_anonymous_stub) }
    }

    fn stub_too_long(&mut self, call_id: u32, context_id: u16) {
        let status = FaultStatus::NCA_S_FAULT_REMOTE_NO_MEMORY;
        self.refuse_call(call_id, context_id, status, CloseReason::Peer(PeerError::StubTooLong));
    }

    /// Checks the presentation context and the authentication level of a call.
    fn admit_call(&self, head: &CallHead, calls: usize) -> Result<(), FaultStatus> {
        if calls >= self.config.max_calls {
            return Err(FaultStatus::NCA_S_SERVER_TOO_BUSY);
        }
        let context = self.contexts.iter().find(|context| context.id == head.context_id);
        let context = context.ok_or(FaultStatus::NCA_S_UNK_IF)?;
        let level = head.security.map_or(AuthLevel::NONE, |security| security.level);
        let minimum = context.interface.minimum_level.effective().unwrap_or(AuthLevel::PKT_PRIVACY);
        if level < minimum { Err(FaultStatus::ACCESS_DENIED) } else { Ok(()) }
    }

    fn complete(&mut self, call_id: u32, head: CallHead, stub: Assembly) {
        let mut stub = stub.finish();
        let Some(context) = self.contexts.iter().find(|context| context.id == head.context_id) else {
            return;
        };
        // Some clients append a trailer to unprotected calls as well.
        if let Some((start, trailer)) = VerificationTrailer::find(&stub, head.endian) {
            let expected = Expected {
                bind_header_signing: self.client_header_signing,
                pcontext: (context.abstract_syntax, SyntaxId::NDR),
                header2: Header2 {
                    ptype: PduType::REQUEST,
                    drep: head.drep,
                    call_id,
                    context_id: head.context_id,
                    opnum: head.opnum,
                },
            };
            if !trailer.matches(&expected) {
                let status = FaultStatus::ACCESS_DENIED;
                return self.refuse_call(
                    call_id,
                    head.context_id,
                    status,
                    CloseReason::Peer(PeerError::BadSignature),
                );
            }
            stub.truncate(start);
        }
        let interface = context.interface.id;
        self.active.insert(call_id, Active { context_id: head.context_id, security: head.security });
        self.connection.push_event(Event::Request(Request {
            call_id,
            context_id: head.context_id,
            interface,
            opnum: head.opnum,
            object: head.object,
            stub,
            endian: head.endian,
            security: head.security,
            alloc_hint: head.alloc_hint,
        }));
    }

    /// Finds the security context of a PDU, checks its signature and unseals it in place. Returns the
    /// context, and the offset of the end of the stub.
    fn open(
        &mut self,
        header: &Header,
        bytes: &mut BytesMut,
        head_size: usize,
    ) -> Result<(Option<RequestSecurity>, usize), Refusal> {
        let Some(sealed) = Sealed::find(header, bytes, head_size).map_err(Refusal::malformed)? else {
            let security = self.unprotected()?;
            return Ok((security, bytes.len()));
        };
        let trailer = sealed.trailer;
        let context = self.security.iter_mut().find(|context| context.id == trailer.auth_context_id);
        let context = context.ok_or(Refusal::denied())?;
        if !context.is_named_by(trailer) {
            return Err(Refusal::denied());
        }
        context.unseal(&sealed, bytes, self.connection.header_signing).map_err(Refusal::sealed)?;
        let security = RequestSecurity { auth_context_id: context.id, level: context.level };
        Ok((Some(security), sealed.stub_end()))
    }

    /// Checks and unseals a fragment of a call that began under the context `begun`. Returns the offset of the end of
    /// the stub. All fragments of a call belong to one security context (C706 13.2.6, [MS-RPCE] 3.3.1.5.4): at levels
    /// with a signature the signature of that context decides, as on Windows, and at the level connect the name in the
    /// verifier.
    fn open_next(
        &mut self,
        header: &Header,
        bytes: &mut BytesMut,
        begun: Option<RequestSecurity>,
    ) -> Result<usize, Refusal> {
        let sealed = Sealed::find(header, bytes, head_size(header)).map_err(Refusal::malformed)?;
        match (sealed, begun) {
            (None, None) => Ok(bytes.len()),
            // A fragment without a verifier belongs to the context that a whole call without one would have.
            (None, Some(begun)) if !begun.level.protects() && self.unprotected()? == Some(begun) => {
                Ok(bytes.len())
            }
            (Some(sealed), Some(begun)) => {
                let id = begun.auth_context_id;
                let context = self.security.iter_mut().find(|context| context.id == id);
                let context = context.ok_or(Refusal::denied())?;
                if !begun.level.protects() && !context.is_named_by(sealed.trailer) {
                    return Err(Refusal::denied());
                }
                context.unseal(&sealed, bytes, self.connection.header_signing).map_err(Refusal::sealed)?;
                Ok(sealed.stub_end())
            }
            _ => Err(Refusal::protocol("request with a verifier on only some fragments")),
        }
    }

    /// The security context of a PDU without a verifier: none if the bind had no verifier, else the only
    /// context if its level is connect.
    fn unprotected(&self) -> Result<Option<RequestSecurity>, Refusal> {
        match self.security.as_slice() {
            [] => Ok(None),
            [only] if !only.level.protects() && matches!(only.state, HandshakeState::Established(_)) => {
                Ok(Some(RequestSecurity { auth_context_id: only.id, level: only.level }))
            }
            _ if self.bound_unauthenticated => Ok(None),
            [only] if matches!(only.state, HandshakeState::Running(_)) => Err(Refusal::early()),
            _ => Err(Refusal::denied()),
        }
    }

    pub(super) fn cancel(&mut self, header: &Header, mut bytes: BytesMut) {
        if self.connection.phase != Phase::Bound {
            return self.protocol_error(header, "cancel before a bind");
        }
        // A verifier advances the sequence numbers of the security package, so that it must be checked.
        if header.auth_length != 0
            && let Err(refusal) = self.open(header, &mut bytes, HEADER_SIZE)
        {
            return self.refuse_request(header.call_id, 0, refusal);
        }
        let call_id = header.call_id;
        if header.ptype == PduType::CO_CANCEL {
            if self.active.contains_key(&call_id) {
                self.connection.push_event(Event::Cancel { call_id });
            }
            return;
        }
        if let Some(Partial { stub: Some(stub), .. }) = self.partial.remove(&call_id) {
            self.connection.assembling = self.connection.assembling.saturating_sub(stub.len());
        }
        if self.active.remove(&call_id).is_some() {
            self.connection.push_event(Event::Orphaned { call_id });
        }
    }
}
