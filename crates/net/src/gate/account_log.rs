//! Logs failures of the service account.

use identity::Principal;

use super::delay::MIN_AUTH_BACKOFF;
use super::lockout::LockoutLimits;
use super::service::Service;
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

/// Logs that the account fails for all users, or for the first one since the password was set.
pub(super) fn log_failing(service: &Service, error: &UpstreamError, limits: LockoutLimits) {
    if !error.is_password() {
        tracing::warn!(
            key = service.protocol.key(),
            service = %service.name,
            "upstream: the service account cannot authenticate: {}; requests fail until the server is changed, or the \
             configuration is changed and the proxy restarted",
            ErrorChain(error)
        );
        return;
    }
    tracing::warn!(
        key = service.protocol.key(),
        service = %service.name,
        "upstream does not accept the service account: {}; correct the account or its password file, and send \
         SIGHUP. After {} failures in a row the proxy makes no attempt for {} s, so that the domain does not lock the \
         account; meanwhile requests fail",
        ErrorChain(error),
        limits.attempts,
        limits.pause.as_secs()
    );
}

/// Logs that the account fails in requests of `user`.
pub(super) fn log_suspended(service: &Service, user: &Principal, error: &UpstreamError, suppressed: u64) {
    tracing::warn!(
        key = service.protocol.key(),
        service = %service.name,
        %user,
        suppressed,
        "upstream does not accept the service account in requests of this user, but accepted it before: {}; requests \
         of this user fail until the next attempt in {} s, requests of other users continue",
        ErrorChain(error),
        MIN_AUTH_BACKOFF.as_secs()
    );
}
