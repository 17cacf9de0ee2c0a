//! Binding, further contexts, and handshakes.

use bytes::{Bytes, BytesMut};
use wire::Decode;

use super::{AnswerError, AuthOutcome, CloseReason, Event, Phase, ServerAssociation};
use crate::framer::{MIN_AGREED_FRAGMENT, MIN_MAX_FRAGMENT};
use crate::pdu::{
    AuthLevel, AuthType, AuthVerifier, Bind, BindAck, BindTimeFeatures, Body, ContextResult,
    ContextResultCode, FaultStatus, Header, Pdu, PduType, PfcFlags, PresentationContext, ProviderReason,
    RejectReason, SecTrailer, SyntaxId,
};
use crate::security::Protection;

/// What we can agree on at bind time.
const FEATURES: BindTimeFeatures =
    BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING.with(BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN);

/// An accepted presentation context.
#[derive(Debug, Clone, Copy)]
pub(super) struct PresentedContext {
    pub(super) id: u16,
    /// The interface as the client named it.
    pub(super) asked: SyntaxId,
    pub(super) interface: super::Interface,
}

/// A security context of the association.
pub(super) struct SecurityContext {
    pub(super) id: u32,
    pub(super) auth_type: AuthType,
    /// As the client wrote it.
    asked_level: AuthLevel,
    /// As it is in force.
    pub(super) level: AuthLevel,
    pub(super) state: HandshakeState,
}

pub(super) enum HandshakeState {
    /// So many tokens came.
    Running(u32),
    /// The caller is known.
    Established(Option<Box<dyn Protection>>),
    /// The caller was not let in.
    Refused,
}

/// A token that waits for the driver's answer.
pub(super) struct PendingAuth {
    auth_context_id: u32,
    call_id: u32,
    answer: PendingAnswer,
    /// The answer's flags.
    flags: PfcFlags,
}

enum PendingAnswer {
    BindAck(BindAck),
    AlterContextResp(BindAck),
    None,
}

impl ServerAssociation {
    pub(super) fn setup(&mut self, header: &Header, unit: BytesMut) {
        if header.ptype == PduType::BIND && self.phase == Phase::Bound {
            let why = CloseReason::Unacceptable("the connection is bound already");
            return self.reject_for(header.call_id, RejectReason::REASON_NOT_SPECIFIED, why);
        }
        let unit = unit.freeze();
        let pdu = match Pdu::from_bytes(&unit) {
            Ok(pdu) => pdu,
            Err(_) if header.ptype == PduType::BIND && self.phase == Phase::New => {
                return self.reject(header.call_id, RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
            }
            Err(error) => {
                let reason = CloseReason::Malformed(error);
                // What Windows says to the last leg of a handshake.
                let status = match header.ptype {
                    PduType::AUTH3 => FaultStatus::NCA_S_FAULT_REMOTE_NO_MEMORY,
                    _ => FaultStatus::NCA_S_PROTO_ERROR,
                };
                return self.refuse(header.call_id, status, reason);
            }
        };
        let token = |auth: &AuthVerifier<'_>| (auth.trailer, unit.slice_ref(auth.token));
        let auth = pdu.auth.as_ref().map(token);
        match (&pdu.body, self.phase) {
            (Body::Bind(bind), Phase::New) => self.bind(header, bind, auth),
            (Body::AlterContext(alter), Phase::Bound) => self.alter_context(header, alter, auth),
            (Body::Auth3(_), Phase::Bound) => self.auth3(header, auth),
            _ => self.protocol_error(header, "a bind, alter_context or auth3 out of order"),
        }
    }

    fn bind(&mut self, header: &Header, bind: &Bind, auth: Option<(SecTrailer, Bytes)>) {
        self.bind_call_id = Some(header.call_id);
        if self.config.own_bind == Some(header.call_id) {
            return self.reject_for(header.call_id, RejectReason::REASON_NOT_SPECIFIED, CloseReason::LedBack);
        }
        let none = bind.contexts.is_empty().then_some("it names no presentation context");
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
        // One size for both directions, as Windows names it. Less than everybody must take is a client that leaves the
        // choice to us.
        let least = bind.max_xmit_frag.min(bind.max_recv_frag).max(MIN_AGREED_FRAGMENT);
        self.agreed_fragment = (least & !7).min(limit);
        self.max_xmit = self.agreed_fragment.min(bind.max_recv_frag.max(MIN_MAX_FRAGMENT));
        self.multiplexing = self.config.multiplexing && header.flags.contains(PfcFlags::CONC_MPX);
        self.bound_unauthenticated = auth.is_none();
        let mut flags = self.agree_header_signing(header);
        if self.multiplexing {
            flags = flags | PfcFlags::CONC_MPX;
        }
        let ack = BindAck {
            max_xmit_frag: self.agreed_fragment,
            max_recv_frag: self.agreed_fragment,
            assoc_group_id: group,
            secondary_address: self.secondary_address(),
            results: self.present(&bind.contexts),
        };
        self.framer.set_max_fragment(limit);
        self.phase = Phase::Binding;
        match auth {
            None => self.acknowledge(header.call_id, PendingAnswer::BindAck(ack), flags, None),
            Some((trailer, token)) => {
                self.begin(trailer);
                self.next_leg(header.call_id, trailer, token, PendingAnswer::BindAck(ack), flags);
            }
        }
    }

    fn alter_context(&mut self, header: &Header, alter: &Bind, auth: Option<(SecTrailer, Bytes)>) {
        let nothing = alter.contexts.is_empty() && auth.is_none();
        let nothing = nothing.then_some("an alter_context that proposes nothing");
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
        let answer = PendingAnswer::AlterContextResp(ack);
        match auth {
            None => self.acknowledge(header.call_id, answer, flags, None),
            Some((trailer, token)) => self.next_leg(header.call_id, trailer, token, answer, flags),
        }
    }

    fn auth3(&mut self, header: &Header, auth: Option<(SecTrailer, Bytes)>) {
        let running = |trailer: SecTrailer| {
            let context = self.security.iter().find(|context| context.id == trailer.auth_context_id);
            context.is_some_and(|context| context.accepts(trailer))
        };
        match auth {
            Some((trailer, token)) if running(trailer) => {
                self.next_leg(header.call_id, trailer, token, PendingAnswer::None, PfcFlags::NONE);
            }
            _ => self.protocol_error(header, "an auth3 without a handshake that waits for it"),
        }
    }

    /// Whether an `alter_context` may go on with, or begin, the handshake that it brings a token of.
    fn admit(&mut self, trailer: SecTrailer) -> Result<(), (FaultStatus, CloseReason)> {
        let denied = |reason| (FaultStatus::ACCESS_DENIED, reason);
        if let Some(context) = self.security.iter().find(|context| context.id == trailer.auth_context_id) {
            return match context.state {
                _ if context.accepts(trailer) => Ok(()),
                HandshakeState::Running(_)
                    if trailer.auth_type != AuthType::NONE && trailer.auth_type != context.auth_type =>
                {
                    let reason = CloseReason::Protocol("a token of another security package");
                    Err((FaultStatus::RPC_S_SEC_PKG_ERROR, reason))
                }
                HandshakeState::Running(_) => Err(denied(CloseReason::Protocol("a token of another level"))),
                _ => Err(denied(CloseReason::Protocol("a token for a finished handshake"))),
            };
        }
        // As on Windows, a connection that was bound without a sign-in can have several later, without having agreed on
        // it with the bind.
        let several = self.bound_unauthenticated
            || self.features.contains(BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING);
        let limit = if several { self.config.max_security_contexts } else { 1 };
        if self.security.len() >= limit {
            let reason = CloseReason::Protocol("more security contexts than agreed on");
            return Err((FaultStatus::NCA_S_PROTO_ERROR, reason));
        }
        self.check_trailer(trailer).map_err(denied)?;
        self.begin(trailer);
        Ok(())
    }

    /// What is wrong with proposed contexts in themselves, or beside those that there are.
    fn contradiction(&self, proposed: &[PresentationContext]) -> Option<&'static str> {
        let features = |context: &&PresentationContext| offered_features(context).is_some();
        if proposed.iter().any(|context| context.transfer_syntaxes.is_empty()) {
            return Some("a presentation context names no transfer syntax");
        }
        if proposed.iter().filter(features).count() > 1 {
            return Some("it negotiates bind time features twice");
        }
        let taken = |context: &PresentationContext| {
            let known = self.contexts.iter().find(|known| known.id == context.context_id);
            known.is_some_and(|known| known.asked != context.abstract_syntax)
        };
        let taken = proposed.iter().any(|context| offered_features(context).is_none() && taken(context));
        taken.then_some("a presentation context's number stands for another interface")
    }

    fn check_trailer(&self, trailer: SecTrailer) -> Result<(), CloseReason> {
        match trailer.auth_level {
            AuthLevel::NONE => return Err(CloseReason::Unacceptable("it signs in at the level none")),
            // What stands for the default has no meaning on the wire.
            AuthLevel::DEFAULT => return Err(CloseReason::Unacceptable("it signs in at no level")),
            level if level.effective().is_none() => {
                return Err(CloseReason::Unacceptable("its authentication level is none that there is"));
            }
            _ => {}
        }
        if !self.config.auth_types.contains(&trailer.auth_type) {
            return Err(CloseReason::Rejected(RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED));
        }
        // Over connections clients raise it to the packet level before they send it ([MS-RPCE] 2.2.1.1.8).
        if trailer.auth_level == AuthLevel::CALL {
            return Err(CloseReason::Rejected(RejectReason::INVALID_CHECKSUM));
        }
        Ok(())
    }

    /// Signs headers from here on where the client offers it, which cannot be taken back; returns the flag of the
    /// answer, which a unit without the offer does not get.
    fn agree_header_signing(&mut self, header: &Header) -> PfcFlags {
        let offered = header.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN);
        self.client_header_signing |= offered;
        self.header_signing = self.config.header_signing && self.client_header_signing;
        if offered && self.header_signing { PfcFlags::SUPPORT_HEADER_SIGN } else { PfcFlags::NONE }
    }

    fn begin(&mut self, trailer: SecTrailer) {
        self.security.push(SecurityContext {
            id: trailer.auth_context_id,
            auth_type: trailer.auth_type,
            asked_level: trailer.auth_level,
            level: trailer.auth_level.effective().unwrap_or(AuthLevel::CONNECT),
            state: HandshakeState::Running(0),
        });
    }

    /// Passes a token on to the driver; nothing more is read until it answers.
    fn next_leg(
        &mut self,
        call_id: u32,
        trailer: SecTrailer,
        token: Bytes,
        answer: PendingAnswer,
        flags: PfcFlags,
    ) {
        let auth_context_id = trailer.auth_context_id;
        let Some(context) = self.security.iter_mut().find(|context| context.id == auth_context_id) else {
            return;
        };
        let HandshakeState::Running(legs) = &mut context.state else { return };
        let leg = *legs;
        *legs = legs.saturating_add(1);
        let event = Event::Authenticate {
            auth_context_id,
            auth_type: context.auth_type,
            level: context.level,
            token,
            leg,
            last: matches!(answer, PendingAnswer::None),
        };
        self.pending = Some(PendingAuth { auth_context_id, call_id, answer, flags });
        if leg < self.config.max_auth_legs {
            self.events.push_back(event);
        } else if let Some(pending) = self.pending.take() {
            self.refuse_handshake(pending, FaultStatus::ACCESS_DENIED);
        }
    }

    /// Answers [`Event::Authenticate`] for the security context `auth_context_id`.
    ///
    /// # Errors
    /// When no token of that context waits for an answer, or the token does not fit.
    pub fn auth_reply(&mut self, auth_context_id: u32, outcome: AuthOutcome) -> Result<(), AnswerError> {
        let matching = |pending: &mut PendingAuth| pending.auth_context_id == auth_context_id;
        let pending = self.pending.take_if(matching).ok_or(AnswerError::UnknownHandshake)?;
        let context = self.security.iter_mut().find(|context| context.id == auth_context_id);
        let context = context.ok_or(AnswerError::UnknownHandshake)?;
        let token = match outcome {
            AuthOutcome::Continue { token } if !matches!(pending.answer, PendingAnswer::None) => Some(token),
            // A package that has yet to say something to the client cannot end with an auth3.
            AuthOutcome::Done { token: Some(token), .. }
                if !token.is_empty() && matches!(pending.answer, PendingAnswer::None) =>
            {
                self.refuse_handshake(pending, FaultStatus::ACCESS_DENIED);
                return Ok(());
            }
            AuthOutcome::Done { token, protection } if protection.is_some() || !context.level.protects() => {
                context.state = HandshakeState::Established(protection);
                token
            }
            AuthOutcome::TooWeak => {
                self.refuse_handshake(pending, FaultStatus::RPC_S_SEC_PKG_ERROR);
                return Ok(());
            }
            _ => {
                self.refuse_handshake(pending, FaultStatus::ACCESS_DENIED);
                return Ok(());
            }
        };
        let trailer = SecTrailer {
            auth_type: context.auth_type,
            auth_level: context.asked_level,
            auth_pad_length: 0,
            auth_reserved: 0,
            auth_context_id,
        };
        let token = token.unwrap_or_default();
        // The answer to a last token has a trailer of no token, as on Windows.
        let trailing = matches!(pending.answer, PendingAnswer::AlterContextResp(_));
        let auth = (trailing || !token.is_empty()).then_some(AuthVerifier { trailer, token: &token });
        self.acknowledge(pending.call_id, pending.answer, pending.flags, auth);
        if self.phase == Phase::Closed { Err(AnswerError::TokenTooLong) } else { Ok(()) }
    }

    /// Refuses a token; `status` says why where the answer is a fault.
    fn refuse_handshake(&mut self, pending: PendingAuth, status: FaultStatus) {
        let PendingAuth { auth_context_id, call_id, answer, .. } = pending;
        match answer {
            PendingAnswer::BindAck(_) => {
                self.reject(call_id, RejectReason::INVALID_CHECKSUM);
            }
            PendingAnswer::AlterContextResp(_) => {
                self.refuse(call_id, status, CloseReason::AuthenticationRefused);
            }
            // An auth3 has no answer: the first call under the context gets the fault.
            PendingAnswer::None => {
                if let Some(context) = self.security.iter_mut().find(|c| c.id == auth_context_id) {
                    context.state = HandshakeState::Refused;
                }
            }
        }
    }

    fn acknowledge(
        &mut self,
        call_id: u32,
        answer: PendingAnswer,
        flags: PfcFlags,
        auth: Option<AuthVerifier<'_>>,
    ) {
        let body = match answer {
            PendingAnswer::BindAck(ack) => Body::BindAck(ack),
            PendingAnswer::AlterContextResp(ack) => Body::AlterContextResp(ack),
            PendingAnswer::None => return,
        };
        self.phase = Phase::Bound;
        if !self.send(&Pdu::new(call_id, body).with_flags(flags).with_auth(auth)) {
            self.refuse(call_id, FaultStatus::ACCESS_DENIED, CloseReason::AuthenticationRefused);
        }
    }

    fn enter_group(&self, asked: u32) -> Option<u32> {
        match asked {
            0 => self.groups.create(),
            known => self.groups.join(known).then_some(known),
        }
    }

    fn secondary_address(&self) -> Vec<u8> {
        let mut address = self.config.secondary_address.clone().into_bytes();
        address.push(0);
        address
    }

    /// Judges the proposed contexts, and remembers those that are accepted.
    fn present(&mut self, proposed: &[PresentationContext]) -> Vec<ContextResult> {
        proposed.iter().map(|context| self.present_one(context)).collect()
    }

    fn present_one(&mut self, proposed: &PresentationContext) -> ContextResult {
        if let Some(offered) = offered_features(proposed) {
            return self.negotiate_features(offered);
        }
        let served = |interface: &&super::Interface| interface.id.serves(&proposed.abstract_syntax);
        let Some(interface) = self.config.interfaces.iter().find(served).copied() else {
            return ContextResult::rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
        };
        if !proposed.transfer_syntaxes.contains(&SyntaxId::NDR) {
            return ContextResult::rejected(ProviderReason::PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED);
        }
        let asked = proposed.abstract_syntax;
        match self.contexts.iter().find(|context| context.id == proposed.context_id) {
            Some(known) if known.asked != asked => {
                return ContextResult::rejected(ProviderReason::REASON_NOT_SPECIFIED);
            }
            Some(_) => {}
            None if self.contexts.len() >= self.config.max_contexts => {
                return ContextResult::rejected(ProviderReason::LOCAL_LIMIT_EXCEEDED);
            }
            None => self.contexts.push(PresentedContext { id: proposed.context_id, asked, interface }),
        }
        ContextResult {
            result: ContextResultCode::ACCEPTANCE,
            reason: ProviderReason::REASON_NOT_SPECIFIED,
            transfer_syntax: SyntaxId::NDR,
        }
    }

    fn negotiate_features(&mut self, offered: BindTimeFeatures) -> ContextResult {
        // Features are agreed on with the bind alone ([MS-RPCE] 3.3.1.5.3).
        if self.phase == Phase::New {
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

/// What a context offers that stands for bind time features: its first transfer syntax decides, as on Windows.
fn offered_features(context: &PresentationContext) -> Option<BindTimeFeatures> {
    context.transfer_syntaxes.first().and_then(BindTimeFeatures::from_syntax)
}

impl SecurityContext {
    /// Whether another token with `trailer` may come.
    fn accepts(&self, trailer: SecTrailer) -> bool {
        matches!(self.state, HandshakeState::Running(_))
            && self.auth_type == trailer.auth_type
            && self.asked_level == trailer.auth_level
    }
}
