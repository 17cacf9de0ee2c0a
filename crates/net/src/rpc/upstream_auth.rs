//! Authentication of an upstream association: the handshake with the account of the proxy, and which errors mean that
//! the upstream rejects the account.

use std::error::Error;
use std::sync::Arc;

use identity::{AuthError, Channel, Initiator, OsRandom, SecurityContext, Step};
use rpc::client::{CloseReason, Credentials, HandshakeReply};
use rpc::pdu::{AuthLevel, AuthType, FaultStatus, RejectReason};

use crate::clock;
use crate::gate::AuthAttempt;
use crate::rpc::auth::{protection, strongest};
use crate::service_credentials::ServiceCredentials;
use crate::upstream_error::{UpstreamAuthError, UpstreamError, cause};

/// The reasons of a `bind_nak` that are about authentication (C706 12.6.3.1, [MS-RPCE] 2.2.2.5).
const REFUSES_PACKAGE: [RejectReason; 2] =
    [RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED, RejectReason::INVALID_CHECKSUM];

/// The authentication of one upstream association. Called in this order: [`begin`](Self::begin), [`step`](Self::step)
/// for each token, [`on_response`](Self::on_response) or [`on_fault`](Self::on_fault) for each response, and
/// [`end`](Self::end).
pub(super) struct UpstreamAuth {
    /// The account to authenticate with; `None` for unauthenticated calls.
    account: Option<Arc<ServiceCredentials>>,
    initiator: Option<Box<dyn Initiator>>,
    /// The security context of the proxy at the upstream, which is counted as open while the connection lasts.
    context: Option<SecurityContext>,
    /// The attempt to authenticate, while its outcome is unknown.
    attempt: Option<AuthAttempt>,
    /// A token was sent in response to a token of the upstream.
    sent_response_token: bool,
}

impl UpstreamAuth {
    /// Authentication with `account`.
    pub(super) const fn new(account: Option<Arc<ServiceCredentials>>) -> Self {
        Self { account, initiator: None, context: None, attempt: None, sent_response_token: false }
    }

    /// Authentication with `account`, whose outcome `attempt` records.
    pub(super) fn counted(account: Arc<ServiceCredentials>, attempt: AuthAttempt) -> Self {
        Self { attempt: Some(attempt), ..Self::new(Some(account)) }
    }

    /// Whether there is an account.
    pub(super) const fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// Begins the handshake. Returns the credentials of the bind.
    pub(super) fn begin(&mut self) -> Result<Option<Credentials>, UpstreamError> {
        let Some(account) = &self.account else { return Ok(None) };
        let initiator = account.mechanism.initiator(&account.config, Channel::RPC);
        let mut initiator = initiator.map_err(UpstreamError::protocol)?;
        let auth_type = account
            .mechanism
            .rpc_auth_type()
            .ok_or_else(|| UpstreamError::protocol(AuthError::NoMechanism))?;
        let first = initiator.step(&[], clock::now(), &mut OsRandom);
        let Step::Continue(token) = first.map_err(UpstreamError::protocol)? else {
            return Err(UpstreamError::protocol("the handshake ended before its first token"));
        };
        self.initiator = Some(initiator);
        Ok(Some(Credentials {
            auth_type: AuthType(auth_type),
            level: account.level,
            auth_context_id: 0,
            token,
        }))
    }

    /// Continues the handshake with the upstream's `token`.
    pub(super) fn step(&mut self, token: &[u8]) -> Result<HandshakeReply, UpstreamError> {
        let initiator =
            self.initiator.as_mut().ok_or_else(|| UpstreamError::protocol("an unexpected token"))?;
        let next = match initiator.step(token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => HandshakeReply::AlterContext { token },
            Ok(Step::Done { token, context, security }) => {
                let level = self.account.as_ref().map_or(AuthLevel::CONNECT, |account| account.level);
                if level.effective() > Some(strongest(&*security)) {
                    let why = format!(
                        "the handshake negotiated less protection than the authentication level {level} needs"
                    );
                    return Err(UpstreamAuthError::SchemeNotOffered(cause(why)).into());
                }
                self.context.replace(context);
                self.initiator = None;
                let protection = Some(protection(security, level));
                match token {
                    Some(token) => HandshakeReply::Auth3 { token, protection },
                    None => HandshakeReply::Done { protection },
                }
            }
            Err(error) => return Err(invalid_credentials(error)),
        };
        self.sent_response_token = true;
        if let Some(attempt) = &mut self.attempt {
            attempt.sent();
        }
        Ok(next)
    }

    /// The upstream responded to a call: it accepts the account.
    pub(super) fn on_response(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.succeeded();
        }
    }

    /// The upstream responded to a call with a fault. A handshake that ends with AUTH3 has no response, so that the
    /// fault of the first call may reject the account.
    pub(super) fn on_fault(&mut self, status: FaultStatus) -> Result<(), UpstreamError> {
        if self.attempt.is_some() && rejects_account(status) {
            return Err(invalid_credentials(fault(status)));
        }
        self.on_response();
        Ok(())
    }

    /// The error of an association that was closed for `reason`, if the reason is about authentication.
    pub(super) fn closed_by(&self, reason: &CloseReason) -> Option<UpstreamError> {
        Some(match reason {
            CloseReason::SetupFault(status) if self.initiator.is_some() && rejects_account(*status) => {
                invalid_credentials(fault(*status))
            }
            CloseReason::SetupFault(status) if is_denial(*status) => {
                UpstreamAuthError::AccessDenied(cause(reason.to_string())).into()
            }
            CloseReason::AuthenticationFailed => {
                UpstreamAuthError::AccessDenied(cause(reason.to_string())).into()
            }
            CloseReason::Rejected(reason) if REFUSES_PACKAGE.contains(reason) => {
                UpstreamAuthError::AssociationRejected(cause(reason.to_string())).into()
            }
            _ => return None,
        })
    }

    /// The connection failed because of `error`. Some servers reject an account by closing the connection; the returned
    /// error reports that.
    pub(super) fn end(&mut self, error: UpstreamError) -> UpstreamError {
        self.context.take();
        let Some(attempt) = self.attempt.take() else { return error };
        let by_closing = self.sent_response_token && matches!(error, UpstreamError::Closed { .. });
        let error = if by_closing { invalid_credentials(error) } else { error };
        if error.is_account() {
            attempt.failed(&error);
        }
        error
    }
}

/// Whether a fault means that the caller is not authorized.
pub(super) const fn is_denial(status: FaultStatus) -> bool {
    rejects_account(status)
        || matches!(status, FaultStatus::NCA_S_UNSUPPORTED_AUTHN_LEVEL | FaultStatus::NCA_S_INVALID_CHECKSUM)
}

/// Whether the fault `status` of the first call means that the upstream rejects the account.
pub(super) const fn rejects_account(status: FaultStatus) -> bool {
    matches!(status, FaultStatus::ACCESS_DENIED | FaultStatus::RPC_S_SEC_PKG_ERROR)
}

/// The description of a fault as a cause.
pub(super) fn fault(status: FaultStatus) -> String {
    format!("fault {status}")
}

fn invalid_credentials(error: impl Into<Box<dyn Error + Send + Sync>>) -> UpstreamError {
    UpstreamAuthError::invalid_credentials(error).into()
}
