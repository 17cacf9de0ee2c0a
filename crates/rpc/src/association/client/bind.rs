//! Bind and `alter_context`, and the tokens of handshakes.

use bytes::{Bytes, BytesMut};
use wire::Decode;

use super::event::{CallError, CloseReason, Credentials, Event, HandshakeReply};
use super::outgoing::{Accepted, Proposed};
use super::state::ClientAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::association::core::security_context::{HandshakeState, SecurityContext};
use crate::framer::MIN_MAX_FRAGMENT;
use crate::pdu::{
    AuthVerifier, Bind, BindAck, BindTimeFeatures, Body, ContextResultCode, Header, Pdu, PfcFlags,
    PresentationContext, SecTrailer, SyntaxId,
};

impl ClientAssociation {
    /// Proposes presentation contexts, each with its number and interface, and begins a handshake if
    /// `credentials` are given. [`Event::Bound`] follows.
    ///
    /// # Errors
    /// When a bind was sent before, the authentication level is unknown, or the bind does not fit into a PDU.
    pub fn bind(
        &mut self,
        contexts: &[(u16, SyntaxId)],
        credentials: Option<Credentials>,
    ) -> Result<(), CallError> {
        if self.connection.phase != Phase::New {
            return Err(CallError::InvalidPhase);
        }
        let token = match credentials {
            None => None,
            Some(Credentials { auth_type, level: auth_level, auth_context_id, token }) => {
                let level = auth_level.effective().ok_or(CallError::Protection)?;
                let trailer = SecTrailer {
                    auth_type,
                    auth_level,
                    auth_pad_length: 0,
                    auth_reserved: 0,
                    auth_context_id,
                };
                self.security = Some(SecurityContext::new(trailer, level));
                Some(token)
            }
        };
        self.propose(contexts, token.as_deref(), true)?;
        self.connection.phase = Phase::Binding;
        Ok(())
    }

    /// Proposes further presentation contexts. [`Event::ContextsAltered`] follows.
    ///
    /// # Errors
    /// When the association is not bound, or another proposal is pending.
    pub fn alter_context(&mut self, contexts: &[(u16, SyntaxId)]) -> Result<(), CallError> {
        if !self.is_bound() || self.proposed.is_some() {
            return Err(CallError::InvalidPhase);
        }
        self.propose(contexts, None, false)
    }

    fn propose(
        &mut self,
        contexts: &[(u16, SyntaxId)],
        token: Option<&[u8]>,
        binding: bool,
    ) -> Result<(), CallError> {
        let call_id = self.next_call_id();
        let features = binding && self.config.features != BindTimeFeatures::NONE;
        let mut elements: Vec<_> =
            contexts.iter().map(|(id, syntax)| element(*id, *syntax, SyntaxId::NDR)).collect();
        if let Some((_, first)) = contexts.first().filter(|_| features) {
            let free = contexts.iter().map(|(id, _)| *id).max().unwrap_or(0).wrapping_add(1);
            elements.push(element(free, *first, self.config.features.to_syntax()));
        }
        self.send_proposal(call_id, elements, token, binding)?;
        let contexts = contexts.to_vec();
        self.proposed = Some(Proposed { call_id, contexts, features, results: Vec::new(), binding });
        Ok(())
    }

    fn send_proposal(
        &mut self,
        call_id: u32,
        contexts: Vec<PresentationContext>,
        token: Option<&[u8]>,
        binding: bool,
    ) -> Result<(), CallError> {
        let limit = self.config.fragment_limit();
        let assoc_group_id = if binding { self.config.assoc_group_id } else { self.group };
        let bind = Bind { max_xmit_frag: limit, max_recv_frag: limit, assoc_group_id, contexts };
        let mut flags = PfcFlags::NONE;
        if self.config.header_signing && self.security.is_some() {
            flags = flags | PfcFlags::SUPPORT_HEADER_SIGN;
        }
        if self.config.multiplexing {
            flags = flags | PfcFlags::CONC_MPX;
        }
        let trailer = self.security.as_ref().map(SecurityContext::trailer);
        let auth = trailer.zip(token).map(|(trailer, token)| AuthVerifier { trailer, token });
        let body = if binding { Body::Bind(bind) } else { Body::AlterContext(bind) };
        self.send(&Pdu::new(call_id, body).with_flags(flags).with_auth(auth))
    }

    pub(super) fn setup(&mut self, header: &Header, bytes: BytesMut) {
        let bytes = bytes.freeze();
        let pdu = match Pdu::from_bytes(&bytes) {
            Ok(pdu) => pdu,
            Err(error) => return self.close(CloseReason::Peer(PeerError::Malformed(error))),
        };
        let expected = self.proposed.as_ref().map(|proposed| (proposed.call_id, self.connection.phase));
        let token = pdu.auth.as_ref().map(|auth| (auth.trailer, bytes.slice_ref(auth.token)));
        match (&pdu.body, expected) {
            (Body::BindNak(nak), Some((_, Phase::Binding))) => self.close(CloseReason::Rejected(nak.reason)),
            (Body::BindAck(ack), Some((id, Phase::Binding))) if id == header.call_id => {
                self.connection.phase = Phase::Bound;
                self.group = ack.assoc_group_id;
                self.connection.max_xmit =
                    ack.max_recv_frag.clamp(MIN_MAX_FRAGMENT, self.config.fragment_limit());
                self.connection.multiplexing =
                    self.config.multiplexing && header.flags.contains(PfcFlags::CONC_MPX);
                self.connection.header_signing = self.config.header_signing
                    && self.security.is_some()
                    && header.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN);
                self.proposal_acknowledged(ack, token);
            }
            (Body::AlterContextResp(ack), Some((id, Phase::Bound))) if id == header.call_id => {
                self.proposal_acknowledged(ack, token);
            }
            _ => self.protocol_error("bind_ack, bind_nak or alter_context_resp without a request"),
        }
    }

    /// Processes the response to the proposal, or to a later token of its handshake.
    fn proposal_acknowledged(&mut self, ack: &BindAck, token: Option<(SecTrailer, Bytes)>) {
        let Some(proposed) = &mut self.proposed else { return };
        let expected = proposed.contexts.len().saturating_add(usize::from(proposed.features));
        // Responses to later tokens have no results. The results of the first response count.
        if proposed.results.is_empty() {
            if ack.results.len() != expected {
                return self.protocol_error("bind_ack with another number of results than contexts");
            }
            let pairs = proposed.contexts.iter().zip(&ack.results);
            proposed.results = pairs.clone().map(|((id, _), result)| (*id, *result)).collect();
            for ((id, interface), result) in pairs {
                if result.result != ContextResultCode::ACCEPTANCE {
                    continue;
                }
                if result.transfer_syntax.uuid != SyntaxId::NDR.uuid {
                    return self.protocol_error("transfer syntax that was not proposed");
                }
                self.contexts.push(Accepted { id: *id, interface: *interface });
            }
        }
        match &self.security {
            Some(security) if !security.is_established() => {
                let right = |trailer: &SecTrailer| {
                    trailer.auth_type == security.auth_type && trailer.auth_context_id == security.id
                };
                if token.as_ref().is_some_and(|(trailer, _)| !right(trailer)) {
                    return self.protocol_error("authentication token of another handshake");
                }
                self.pending_token = true;
                let token = token.map(|(_, token)| token).unwrap_or_default();
                self.connection.push_event(Event::AuthToken { token });
            }
            _ => self.proposal_done(),
        }
    }

    /// Ends the proposal: the server responded, and no handshake is in progress.
    fn proposal_done(&mut self) {
        let Some(proposed) = self.proposed.take() else { return };
        let results = proposed.results;
        self.connection.push_event(if proposed.binding {
            Event::Bound { assoc_group_id: self.group, results }
        } else {
            Event::ContextsAltered { results }
        });
    }

    /// Continues the handshake after [`Event::AuthToken`].
    ///
    /// # Errors
    /// When no token is pending, the next token does not fit into a PDU, or the level needs a protection that
    /// is missing.
    pub fn resume_handshake(&mut self, reply: HandshakeReply) -> Result<(), CallError> {
        let waits = std::mem::take(&mut self.pending_token);
        let (Some(security), true) = (&mut self.security, waits) else {
            return Err(CallError::UnknownHandshake);
        };
        let protects = security.level.protects();
        match reply {
            HandshakeReply::AlterContext { token } => {
                let contexts = self.proposed.as_ref().map(|proposed| proposed.contexts.clone());
                let elements = contexts.into_iter().flatten().map(|(id, s)| element(id, s, SyntaxId::NDR));
                let call_id = self.next_call_id();
                let sent = self.send_proposal(call_id, elements.collect(), Some(&token), false);
                if let Err(error) = sent {
                    self.close(CloseReason::AuthenticationFailed);
                    return Err(error);
                }
                if let Some(proposed) = &mut self.proposed {
                    proposed.call_id = call_id;
                }
                Ok(())
            }
            HandshakeReply::Auth3 { protection: None, .. } | HandshakeReply::Done { protection: None }
                if protects =>
            {
                self.close(CloseReason::AuthenticationFailed);
                Err(CallError::Protection)
            }
            HandshakeReply::Auth3 { token, protection } => {
                security.state = HandshakeState::Established(protection);
                let auth = Some(AuthVerifier { trailer: security.trailer(), token: &token });
                let call_id = self.proposed.as_ref().map_or(1, |proposed| proposed.call_id);
                let pdu = Pdu::new(call_id, Body::Auth3([0; 4])).with_auth(auth);
                let sent = self.send(&pdu);
                if let Err(error) = sent {
                    self.close(CloseReason::AuthenticationFailed);
                    return Err(error);
                }
                self.proposal_done();
                Ok(())
            }
            HandshakeReply::Done { protection } => {
                security.state = HandshakeState::Established(protection);
                self.proposal_done();
                Ok(())
            }
            HandshakeReply::Failed => {
                self.close(CloseReason::AuthenticationFailed);
                Ok(())
            }
        }
    }
}

fn element(context_id: u16, abstract_syntax: SyntaxId, transfer_syntax: SyntaxId) -> PresentationContext {
    PresentationContext { context_id, abstract_syntax, transfer_syntaxes: vec![transfer_syntax] }
}
