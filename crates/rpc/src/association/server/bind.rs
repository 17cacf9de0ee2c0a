//! Bind and `alter_context`: presentation contexts and bind time features.

use bytes::{Bytes, BytesMut};
use wire::Decode;

use super::config::Interface;
use super::event::CloseReason;
use super::pending::{PendingResponse, PresentedContext};
use super::state::ServerAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::framer::{MIN_AGREED_FRAGMENT, MIN_MAX_FRAGMENT};
use crate::pdu::{
    AuthVerifier, Bind, BindAck, BindTimeFeatures, Body, ContextResult, ContextResultCode, FaultStatus,
    Header, Pdu, PduType, PfcFlags, PresentationContext, ProviderReason, RejectReason, SecTrailer, SyntaxId,
};

/// The bind time features that this server supports ([MS-RPCE] 2.2.2.14).
const FEATURES: BindTimeFeatures =
    BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING.with(BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN);

impl ServerAssociation {
    pub(super) fn setup(&mut self, header: &Header, bytes: BytesMut) {
        if header.ptype == PduType::BIND && self.connection.phase == Phase::Bound {
            let why = CloseReason::Unacceptable("connection already bound");
            return self.reject_for(header.call_id, RejectReason::REASON_NOT_SPECIFIED, why);
        }
        let bytes = bytes.freeze();
        let pdu = match Pdu::from_bytes(&bytes) {
            Ok(pdu) => pdu,
            Err(_) if header.ptype == PduType::BIND && self.connection.phase == Phase::New => {
                return self.reject(header.call_id, RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
            }
            Err(error) => {
                let reason = CloseReason::Peer(PeerError::Malformed(error));
                // The status that Windows sends for a malformed auth3.
                let status = match header.ptype {
                    PduType::AUTH3 => FaultStatus::NCA_S_FAULT_REMOTE_NO_MEMORY,
                    _ => FaultStatus::NCA_S_PROTO_ERROR,
                };
                return self.refuse(header.call_id, status, reason);
            }
        };
        let token = |auth: &AuthVerifier<'_>| (auth.trailer, bytes.slice_ref(auth.token));
        let auth = pdu.auth.as_ref().map(token);
        match (&pdu.body, self.connection.phase) {
            (Body::Bind(bind), Phase::New) => self.bind(header, bind, auth),
            (Body::AlterContext(alter), Phase::Bound) => self.alter_context(header, alter, auth),
            (Body::Auth3(_), Phase::Bound) => self.auth3(header, auth),
            _ => self.protocol_error(header, "bind, alter_context or auth3 out of order"),
        }
    }

    fn bind(&mut self, header: &Header, bind: &Bind, auth: Option<(SecTrailer, Bytes)>) {
        self.bind_call_id = Some(header.call_id);
        if self.config.own_bind == Some(header.call_id) {
            return self.reject_for(header.call_id, RejectReason::REASON_NOT_SPECIFIED, CloseReason::Loop);
        }
        let none = bind.contexts.is_empty().then_some("bind without a presentation context");
        if let Some(why) = none.or_else(|| self.contradiction(&bind.contexts)) {
            let why = CloseReason::Unacceptable(why);
            return self.reject_for(header.call_id, RejectReason::REASON_NOT_SPECIFIED, why);
        }
        if let Err(closed) = auth.as_ref().map_or(Ok(()), |(trailer, _)| self.check_trailer(*trailer)) {
            let reason = match closed {
                CloseReason::Rejected(reason) => reason,
                _ => RejectReason::REASON_NOT_SPECIFIED,
            };
            return self.reject_for(header.call_id, reason, closed);
        }
        let Some(group) = self.enter_group(bind.assoc_group_id) else {
            return self.reject(header.call_id, RejectReason::REASON_NOT_SPECIFIED);
        };
        self.group = Some(group);
        let limit = self.config.fragment_limit();
        // One size for both directions, as on Windows. If the client names less than the required minimum,
        // the server chooses.
        let least = bind.max_xmit_frag.min(bind.max_recv_frag).max(MIN_AGREED_FRAGMENT);
        self.agreed_fragment = (least & !7).min(limit);
        self.connection.max_xmit = self.agreed_fragment.min(bind.max_recv_frag.max(MIN_MAX_FRAGMENT));
        self.connection.multiplexing = self.config.multiplexing && header.flags.contains(PfcFlags::CONC_MPX);
        self.bound_unauthenticated = auth.is_none();
        let mut flags = self.agree_header_signing(header);
        if self.connection.multiplexing {
            flags = flags | PfcFlags::CONC_MPX;
        }
        let ack = BindAck {
            max_xmit_frag: self.agreed_fragment,
            max_recv_frag: self.agreed_fragment,
            assoc_group_id: group,
            secondary_address: self.secondary_address(),
            results: self.present(&bind.contexts),
        };
        self.connection.set_max_fragment(limit);
        self.connection.phase = Phase::Binding;
        match auth {
            None => self.acknowledge(header.call_id, PendingResponse::BindAck(ack), flags, None),
            Some((trailer, token)) => {
                self.begin(trailer);
                self.next_leg(header.call_id, trailer, token, PendingResponse::BindAck(ack), flags);
            }
        }
    }

    fn alter_context(&mut self, header: &Header, alter: &Bind, auth: Option<(SecTrailer, Bytes)>) {
        let nothing = alter.contexts.is_empty() && auth.is_none();
        let nothing = nothing.then_some("alter_context without contexts and without a token");
        if let Some(what) = nothing.or_else(|| self.contradiction(&alter.contexts)) {
            return self.protocol_error(header, what);
        }
        if let Some((trailer, _)) = &auth
            && let Err((status, reason)) = self.admit(*trailer)
        {
            return self.refuse(header.call_id, status, reason);
        }
        let flags = self.agree_header_signing(header);
        let ack = BindAck {
            max_xmit_frag: self.agreed_fragment,
            max_recv_frag: self.agreed_fragment,
            assoc_group_id: self.group.unwrap_or(0),
            secondary_address: Vec::new(),
            results: self.present(&alter.contexts),
        };
        let response = PendingResponse::AlterContextResp(ack);
        match auth {
            None => self.acknowledge(header.call_id, response, flags, None),
            Some((trailer, token)) => self.next_leg(header.call_id, trailer, token, response, flags),
        }
    }

    /// How proposed contexts contradict themselves or the accepted contexts.
    fn contradiction(&self, proposed: &[PresentationContext]) -> Option<&'static str> {
        let features = |context: &&PresentationContext| offered_features(context).is_some();
        if proposed.iter().any(|context| context.transfer_syntaxes.is_empty()) {
            return Some("presentation context without a transfer syntax");
        }
        if proposed.iter().filter(features).count() > 1 {
            return Some("bind time features negotiated twice");
        }
        let taken = |context: &PresentationContext| {
            let known = self.contexts.iter().find(|known| known.id == context.context_id);
            known.is_some_and(|known| known.abstract_syntax != context.abstract_syntax)
        };
        let taken = proposed.iter().any(|context| offered_features(context).is_none() && taken(context));
        taken.then_some("presentation context id already used for another interface")
    }

    /// Signs headers from here on if the client offers it, which a later PDU cannot revoke. Returns the flag
    /// of the response, which only a PDU with the offer gets.
    fn agree_header_signing(&mut self, header: &Header) -> PfcFlags {
        let offered = header.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN);
        self.client_header_signing |= offered;
        self.connection.header_signing = self.config.header_signing && self.client_header_signing;
        if offered && self.connection.header_signing { PfcFlags::SUPPORT_HEADER_SIGN } else { PfcFlags::NONE }
    }

    pub(super) fn acknowledge(
        &mut self,
        call_id: u32,
        response: PendingResponse,
        flags: PfcFlags,
        auth: Option<AuthVerifier<'_>>,
    ) {
        let body = match response {
            PendingResponse::BindAck(ack) => Body::BindAck(ack),
            PendingResponse::AlterContextResp(ack) => Body::AlterContextResp(ack),
            PendingResponse::None => return,
        };
        self.connection.phase = Phase::Bound;
        if !self.send(&Pdu::new(call_id, body).with_flags(flags).with_auth(auth)) {
            self.refuse(call_id, FaultStatus::ACCESS_DENIED, CloseReason::AuthenticationFailed);
        }
    }

    fn enter_group(&self, requested: u32) -> Option<u32> {
        match requested {
            0 => self.groups.create(),
            known => self.groups.join(known).then_some(known),
        }
    }

    fn secondary_address(&self) -> Vec<u8> {
        let mut address = self.config.secondary_address.clone().into_bytes();
        address.push(0);
        address
    }

    /// The results of the proposed contexts. Accepted contexts are stored.
    fn present(&mut self, proposed: &[PresentationContext]) -> Vec<ContextResult> {
        proposed.iter().map(|context| self.present_one(context)).collect()
    }

    fn present_one(&mut self, proposed: &PresentationContext) -> ContextResult {
        if let Some(offered) = offered_features(proposed) {
            return self.negotiate_features(offered);
        }
        let served = |interface: &&Interface| interface.id.serves(&proposed.abstract_syntax);
        let Some(interface) = self.config.interfaces.iter().find(served).copied() else {
            return ContextResult::rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
        };
        if !proposed.transfer_syntaxes.contains(&SyntaxId::NDR) {
            return ContextResult::rejected(ProviderReason::PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED);
        }
        let abstract_syntax = proposed.abstract_syntax;
        match self.contexts.iter().find(|context| context.id == proposed.context_id) {
            Some(known) if known.abstract_syntax != abstract_syntax => {
                return ContextResult::rejected(ProviderReason::REASON_NOT_SPECIFIED);
            }
            Some(_) => {}
            None if self.contexts.len() >= self.config.max_contexts => {
                return ContextResult::rejected(ProviderReason::LOCAL_LIMIT_EXCEEDED);
            }
            None => {
                self.contexts.push(PresentedContext { id: proposed.context_id, abstract_syntax, interface });
            }
        }
        ContextResult {
            result: ContextResultCode::ACCEPTANCE,
            reason: ProviderReason::REASON_NOT_SPECIFIED,
            transfer_syntax: SyntaxId::NDR,
        }
    }

    fn negotiate_features(&mut self, offered: BindTimeFeatures) -> ContextResult {
        // Features are negotiated by the bind only ([MS-RPCE] 3.3.1.5.3).
        if self.connection.phase == Phase::New {
            self.features = offered & FEATURES;
        }
        let [low, high, ..] = self.features.0.to_le_bytes();
        ContextResult {
            result: ContextResultCode::NEGOTIATE_ACK,
            reason: ProviderReason(u16::from_le_bytes([low, high])),
            transfer_syntax: SyntaxId::NIL,
        }
    }
}

/// The bind time features that a context offers. As on Windows, only its first transfer syntax counts.
fn offered_features(context: &PresentationContext) -> Option<BindTimeFeatures> {
    context.transfer_syntaxes.first().and_then(BindTimeFeatures::from_syntax)
}
