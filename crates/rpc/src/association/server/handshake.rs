//! Handshakes: the tokens of binds, `alter_context` and auth3 PDUs, and the responses to them.

use bytes::Bytes;

use super::event::{AuthOutcome, CloseReason, Event, ResponseError};
use super::pending::{PendingAuth, PendingResponse};
use super::state::ServerAssociation;
use crate::association::PeerError;
use crate::association::core::connection::Phase;
use crate::association::core::security_context::{HandshakeState, SecurityContext};
use crate::pdu::{
    AuthLevel, AuthType, AuthVerifier, BindTimeFeatures, FaultStatus, Header, PfcFlags, RejectReason,
    SecTrailer,
};

impl ServerAssociation {
    pub(super) fn auth3(&mut self, header: &Header, auth: Option<(SecTrailer, Bytes)>) {
        let running = |trailer: SecTrailer| {
            let context = self.security.iter().find(|context| context.id == trailer.auth_context_id);
            context.is_some_and(|context| accepts(context, trailer))
        };
        match auth {
            Some((trailer, token)) if running(trailer) => {
                self.next_leg(header.call_id, trailer, token, PendingResponse::None, PfcFlags::NONE);
            }
            _ => self.protocol_error(header, "auth3 without a handshake in progress"),
        }
    }

    /// Checks that an `alter_context` may continue, or begin, the handshake of its token.
    pub(super) fn admit(&mut self, trailer: SecTrailer) -> Result<(), (FaultStatus, CloseReason)> {
        let denied = |reason| (FaultStatus::ACCESS_DENIED, reason);
        if let Some(context) = self.security.iter().find(|context| context.id == trailer.auth_context_id) {
            return match context.state {
                _ if accepts(context, trailer) => Ok(()),
                HandshakeState::Running(_)
                    if trailer.auth_type != AuthType::NONE && trailer.auth_type != context.auth_type =>
                {
                    let reason = CloseReason::Peer(PeerError::Protocol(
                        "authentication token of another security package",
                    ));
                    Err((FaultStatus::RPC_S_SEC_PKG_ERROR, reason))
                }
                HandshakeState::Running(_) => Err(denied(CloseReason::Peer(PeerError::Protocol(
                    "authentication token for another authentication level",
                )))),
                _ => Err(denied(CloseReason::Peer(PeerError::Protocol(
                    "authentication token for a completed handshake",
                )))),
            };
        }
        // As on Windows, an association that was bound without authentication can have several security
        // contexts without having negotiated it.
        let several = self.bound_unauthenticated
            || self.features.contains(BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING);
        let limit = if several { self.config.max_security_contexts } else { 1 };
        if self.security.len() >= limit {
            let reason = CloseReason::Peer(PeerError::Protocol("more security contexts than negotiated"));
            return Err((FaultStatus::NCA_S_PROTO_ERROR, reason));
        }
        self.check_trailer(trailer).map_err(denied)?;
        self.begin(trailer);
        Ok(())
    }

    pub(super) fn check_trailer(&self, trailer: SecTrailer) -> Result<(), CloseReason> {
        match trailer.auth_level {
            AuthLevel::NONE => return Err(CloseReason::Unacceptable("authentication level none")),
            // The value for the default level has no meaning on the wire.
            AuthLevel::DEFAULT => return Err(CloseReason::Unacceptable("authentication level default")),
            level if level.effective().is_none() => {
                return Err(CloseReason::Unacceptable("unknown authentication level"));
            }
            _ => {}
        }
        if !self.config.auth_types.contains(&trailer.auth_type) {
            return Err(CloseReason::Rejected(RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED));
        }
        // Over connections, clients raise the call level to the packet level before they send it ([MS-RPCE]
        // 2.2.1.1.8).
        if trailer.auth_level == AuthLevel::CALL {
            return Err(CloseReason::Rejected(RejectReason::INVALID_CHECKSUM));
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, trailer: SecTrailer) {
        let level = trailer.auth_level.effective().unwrap_or(AuthLevel::CONNECT);
        self.security.push(SecurityContext::new(trailer, level));
    }

    /// Hands a token to the caller. Nothing more is read until [`resume_handshake`](Self::resume_handshake).
    pub(super) fn next_leg(
        &mut self,
        call_id: u32,
        trailer: SecTrailer,
        token: Bytes,
        response: PendingResponse,
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
            last: matches!(response, PendingResponse::None),
        };
        self.pending = Some(PendingAuth { auth_context_id, call_id, response, flags });
        if leg < self.config.max_auth_legs {
            self.connection.push_event(event);
        } else if let Some(pending) = self.pending.take() {
            self.fail_handshake(pending, FaultStatus::ACCESS_DENIED);
        }
    }

    /// Continues the handshake of the security context `auth_context_id` after [`Event::Authenticate`].
    ///
    /// # Errors
    /// When no token of that context is pending, or the token does not fit into a PDU.
    pub fn resume_handshake(
        &mut self,
        auth_context_id: u32,
        outcome: AuthOutcome,
    ) -> Result<(), ResponseError> {
        let matching = |pending: &mut PendingAuth| pending.auth_context_id == auth_context_id;
        let pending = self.pending.take_if(matching).ok_or(ResponseError::UnknownHandshake)?;
        let context = self.security.iter_mut().find(|context| context.id == auth_context_id);
        let context = context.ok_or(ResponseError::UnknownHandshake)?;
        let token = match outcome {
            AuthOutcome::Continue { token } if !matches!(pending.response, PendingResponse::None) => {
                Some(token)
            }
            // An auth3 has no response, so that a handshake with another token for the client cannot end with
            // it.
            AuthOutcome::Done { token: Some(token), .. }
                if !token.is_empty() && matches!(pending.response, PendingResponse::None) =>
            {
                self.fail_handshake(pending, FaultStatus::ACCESS_DENIED);
                return Ok(());
            }
            AuthOutcome::Done { token, protection } if protection.is_some() || !context.level.protects() => {
                context.state = HandshakeState::Established(protection);
                token
            }
            AuthOutcome::TooWeak => {
                self.fail_handshake(pending, FaultStatus::RPC_S_SEC_PKG_ERROR);
                return Ok(());
            }
            _ => {
                self.fail_handshake(pending, FaultStatus::ACCESS_DENIED);
                return Ok(());
            }
        };
        let trailer = context.trailer();
        let token = token.unwrap_or_default();
        // The response to the last token has a trailer without a token, as on Windows.
        let trailing = matches!(pending.response, PendingResponse::AlterContextResp(_));
        let auth = (trailing || !token.is_empty()).then_some(AuthVerifier { trailer, token: &token });
        self.acknowledge(pending.call_id, pending.response, pending.flags, auth);
        if self.connection.phase == Phase::Closed { Err(ResponseError::TokenTooLong) } else { Ok(()) }
    }

    /// Ends a failed handshake. `status` is the status if the response is a fault.
    fn fail_handshake(&mut self, pending: PendingAuth, status: FaultStatus) {
        let PendingAuth { auth_context_id, call_id, response, .. } = pending;
        match response {
            PendingResponse::BindAck(_) => {
                self.reject(call_id, RejectReason::INVALID_CHECKSUM);
            }
            PendingResponse::AlterContextResp(_) => {
                self.refuse(call_id, status, CloseReason::AuthenticationFailed);
            }
            // An auth3 has no response: the first call under the context gets the fault.
            PendingResponse::None => {
                if let Some(context) = self.security.iter_mut().find(|c| c.id == auth_context_id) {
                    context.state = HandshakeState::Failed;
                }
            }
        }
    }
}

/// Whether `context` accepts another token with `trailer`.
fn accepts(context: &SecurityContext, trailer: SecTrailer) -> bool {
    matches!(context.state, HandshakeState::Running(_))
        && context.auth_type == trailer.auth_type
        && context.requested_level == trailer.auth_level
}
