//! Logs failures of the service account.

use identity::Principal;

use super::delay::MIN_AUTH_BACKOFF;
use super::lockout::LockoutLimits;
use super::protocol::UpstreamProtocol;
use super::service::Service;
use crate::error_chain::ErrorChain;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// Logs that the account fails for all users, or for the first one since the password was set.
pub(super) fn log_failing(service: &Service, error: &UpstreamError, limits: LockoutLimits) {
    if !error.is_password() {
        tracing::warn!(
            key = service.protocol.key(),
            service = %service.name,
            "upstream: the service account cannot authenticate: {}; requests fail until the server is changed, or {} and \
             the proxy is restarted",
            ErrorChain(error),
            match service.protocol {
                UpstreamProtocol::Http => {
                    "upstream.http_authentication is set to a supported scheme that the server offers"
                }
                UpstreamProtocol::Rpc => "upstream.authentication or upstream.level is changed",
            }
        );
        return;
    }
    let or_restart = match error {
        UpstreamError::Auth(UpstreamAuthError::AssociationRejected(_)) => {
            ", or set upstream.authentication or upstream.level to what the server accepts and restart the proxy"
        }
        _ => "",
    };
    tracing::warn!(
        key = service.protocol.key(),
        service = %service.name,
        "upstream does not accept the service account: {}; correct the account or its password file, and send \
         SIGHUP{or_restart}. After {} failures in a row the proxy makes no attempt for {} s, so that the domain does not \
         lock the account; meanwhile requests fail",
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
         of this user fail until the next attempt in {} s, requests of other users continue; if it happens again, check \
         the server's log for requests of this user, and what is before the server",
        ErrorChain(error),
        MIN_AUTH_BACKOFF.as_secs()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_log::tests::logged;
    use crate::upstream_error::cause;

    #[test]
    fn the_line_about_a_failure_of_the_account_names_the_keys_of_its_protocol_and_cause() {
        let line = |protocol, error: UpstreamAuthError| {
            let service = Service { protocol, name: "mapi".into() };
            let lines = logged(|| log_failing(&service, &error.into(), LockoutLimits::default()));
            assert_eq!(lines.len(), 1);
            lines.concat()
        };
        let not_offered = || UpstreamAuthError::SchemeNotOffered(cause("not offered"));
        let http = line(UpstreamProtocol::Http, not_offered());
        assert!(http.contains("or upstream.http_authentication is set to a supported scheme"), "{http}");
        let rpc = line(UpstreamProtocol::Rpc, not_offered());
        assert!(rpc.contains("or upstream.authentication or upstream.level is changed"), "{rpc}");
        let rejected = line(UpstreamProtocol::Rpc, UpstreamAuthError::AssociationRejected(cause("rejected")));
        assert!(
            rejected.contains("send SIGHUP, or set upstream.authentication or upstream.level"),
            "{rejected}"
        );
        let password = line(UpstreamProtocol::Rpc, UpstreamAuthError::invalid_credentials("access denied"));
        assert!(password.contains("and send SIGHUP. After 3 failures"), "{password}");
    }
}
