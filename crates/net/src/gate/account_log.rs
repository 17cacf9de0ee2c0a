//! The log lines about failures of the service account.

use identity::Principal;

use super::delay::MIN_AUTH_BACKOFF;
use super::service::Service;
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

/// Logs that the account fails for all users at a service, or for the first one at a service that has never accepted
/// it.
pub(super) fn log_failing(service: &Service, error: &UpstreamError) {
    tracing::warn!(
        key = service.protocol.key(),
        service = %service.name,
        "upstream does not accept the service account: {}; correct the account or its password file, and send \
         SIGHUP; the next authentication is attempted in {} s, and requests until then fail",
        ErrorChain(error),
        MIN_AUTH_BACKOFF.as_secs()
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
