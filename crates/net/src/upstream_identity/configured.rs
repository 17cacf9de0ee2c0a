//! [`UpstreamIdentity`]: the configured mode, with the checks that apply to each.

use std::sync::Arc;
use std::time::Duration;

use identity::{SecurityContext, pass_through};

use super::mode::{UpstreamCredentials, UpstreamMode};
use crate::gate::{AuthAttempt, UpstreamProtocol};
use crate::upstream_error::UpstreamError;

/// The upstream mode that is configured for one upstream. Clones share it.
#[derive(Debug, Clone)]
pub struct UpstreamIdentity(Arc<dyn UpstreamMode>);

impl UpstreamIdentity {
    /// Uses `mode`.
    pub fn new(mode: impl UpstreamMode + 'static) -> Self {
        Self(Arc::new(mode))
    }

    /// The credentials for requests of `caller`. RPC and HTTP get credentials from this function only, so that
    /// anonymous callers never use the proxy's.
    pub(crate) fn for_caller(&self, caller: &SecurityContext) -> UpstreamCredentials {
        if caller.is_anonymous() { UpstreamCredentials::Unauthenticated } else { self.0.credentials(caller) }
    }

    /// Permits an authentication at `service` of the upstream by `protocol` for a request of `caller`, within `limit`.
    /// `None` if the proxy does not authenticate with an account. `probe` is called with an attempt of the proxy's own
    /// if the proxy has to find out first whether the server accepts the account.
    pub(crate) async fn permit(
        &self,
        caller: &SecurityContext,
        protocol: UpstreamProtocol,
        service: &str,
        limit: Duration,
        probe: impl Fn(AuthAttempt) + Send,
    ) -> Result<Option<AuthAttempt>, UpstreamError> {
        match self.for_caller(caller) {
            UpstreamCredentials::Account { gate, .. } => {
                gate.begin_auth(protocol, service, caller, limit, probe).await.map(Some)
            }
            UpstreamCredentials::Unauthenticated | UpstreamCredentials::PassThrough => Ok(None),
        }
    }

    /// Whether the proxy authenticates with an account for requests of `caller`.
    pub fn has_account(&self, caller: &SecurityContext) -> bool {
        self.for_caller(caller).account().is_some()
    }

    /// The configuration of pass-through authentication, if that is the mode.
    pub fn pass_through(&self) -> Option<&Arc<pass_through::Config>> {
        self.0.pass_through()
    }

    /// Whether the proxy can end a session at the upstream after its client has left.
    pub fn ends_sessions(&self) -> bool {
        self.0.ends_sessions()
    }
}

#[cfg(test)]
mod tests {
    use identity::{Authority, ContextCounters, Credentials, Mechanism, Password};
    use rpc::pdu::AuthLevel;

    use super::super::{PassThrough, ServiceAccount, Unauthenticated};
    use super::*;
    use crate::gate::AccountGate;
    use crate::service_credentials::ServiceCredentials;

    fn service_account(contexts: &Arc<ContextCounters>) -> ServiceAccount {
        let credentials = Credentials::password("svcproxy", "LAB", &Password::new("secret"));
        let account =
            ServiceCredentials::new(credentials, Mechanism::NTLM, AuthLevel::NONE, "server", contexts);
        ServiceAccount::new(account, &AccountGate::new())
    }

    #[tokio::test]
    async fn anonymous_callers_never_use_the_credentials_of_the_proxy() {
        let contexts = ContextCounters::new();
        let anonymous = SecurityContext::anonymous(&contexts, &Authority::new("accounts"));
        let authenticated = SecurityContext::system(&contexts);
        let identity = UpstreamIdentity::new(service_account(&contexts));
        assert!(identity.for_caller(&authenticated).account().is_some());
        assert!(matches!(identity.for_caller(&anonymous), UpstreamCredentials::Unauthenticated));
        let permit =
            |caller| identity.permit(caller, UpstreamProtocol::Http, "mapi", Duration::from_secs(1), drop);
        assert!(permit(&authenticated).await.unwrap().is_some());
        assert!(permit(&anonymous).await.unwrap().is_none());
    }

    #[test]
    fn a_replaced_account_is_used_from_then_on() {
        let contexts = ContextCounters::new();
        let mode = service_account(&contexts);
        let (identity, caller) = (UpstreamIdentity::new(mode.clone()), SecurityContext::system(&contexts));
        let before = identity.for_caller(&caller);
        let same = identity.for_caller(&caller);
        assert!(Arc::ptr_eq(before.account().unwrap(), same.account().unwrap()));
        assert!(!same.account().unwrap().is_replaced());
        mode.replace(ServiceCredentials::clone(before.account().unwrap()));
        let after = identity.for_caller(&caller);
        assert!(!Arc::ptr_eq(before.account().unwrap(), after.account().unwrap()));
        assert!(before.account().unwrap().is_replaced() && !after.account().unwrap().is_replaced());
    }

    #[test]
    fn only_the_mode_with_an_account_ends_sessions_at_the_upstream() {
        let contexts = ContextCounters::new();
        let config = pass_through::Config {
            authority: Authority::new("server"),
            lifetime: None,
            contexts: Arc::clone(&contexts),
        };
        let pass_through = UpstreamIdentity::new(PassThrough::new(config));
        assert!(pass_through.pass_through().is_some() && !pass_through.ends_sessions());
        let account = UpstreamIdentity::new(service_account(&contexts));
        assert!(account.pass_through().is_none() && account.ends_sessions());
        let unauthenticated = UpstreamIdentity::new(Unauthenticated);
        assert!(unauthenticated.for_caller(&SecurityContext::system(&contexts)).account().is_none());
    }
}
