//! Whose credentials requests have at the upstream. Each upstream mode is a file here, and an [`UpstreamMode`].
//!
//! Connections to the upstream, of RPC and of HTTP, ask an [`UpstreamIdentity`] in this order: `permit` before they
//! connect, and `for_caller` for the credentials once the attempt is permitted.

mod pass_through;
mod service_account;
mod unauthenticated;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use identity::{SecurityContext, passthrough};

pub use self::pass_through::PassThrough;
pub use self::service_account::ServiceAccount;
pub use self::unauthenticated::Unauthenticated;
use crate::account::Account;
use crate::gate::{AccountGate, Road, SignInAttempt};
use crate::upstream_error::UpstreamError;

/// An upstream mode: with which credentials the requests of clients reach the upstream.
pub trait UpstreamMode: fmt::Debug + Send + Sync {
    /// The credentials for requests of `caller`, for connections that are opened from now on. Not called for anonymous
    /// callers, whose requests are unauthenticated in every mode.
    fn credentials(&self, caller: &SecurityContext) -> UpstreamCredentials;

    /// Whether the proxy can end a session at the upstream after its client has left.
    fn ends_sessions(&self) -> bool;

    /// How clients authenticate at the upstream through the proxy. `None` if the proxy authenticates clients itself.
    fn pass_through(&self) -> Option<&Arc<passthrough::Config>> {
        None
    }
}

/// The credentials of upstream connections for one caller.
#[derive(Debug, Clone)]
pub enum UpstreamCredentials {
    /// None: requests are unauthenticated, and credentials that they carry are removed.
    Unauthenticated,
    /// Those of an account that the proxy holds.
    Account {
        /// The account.
        account: Arc<Account>,
        /// Which attempts to authenticate with the account are permitted.
        gate: Arc<AccountGate>,
    },
    /// The client's own, which are forwarded.
    PassThrough,
}

impl UpstreamCredentials {
    /// The account, if the proxy authenticates with one.
    pub(crate) const fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Account { account, .. } => Some(account),
            Self::Unauthenticated | Self::PassThrough => None,
        }
    }
}

/// The upstream mode that is configured for one upstream. Clones share it.
#[derive(Debug, Clone)]
pub struct UpstreamIdentity(Arc<dyn UpstreamMode>);

impl UpstreamIdentity {
    /// Uses `mode`.
    pub fn new(mode: impl UpstreamMode + 'static) -> Self {
        Self(Arc::new(mode))
    }

    /// The credentials for requests of `caller`. RPC and HTTP get credentials by this function only: anonymous callers
    /// never use the proxy's.
    pub(crate) fn for_caller(&self, caller: &SecurityContext) -> UpstreamCredentials {
        if caller.is_anonymous() { UpstreamCredentials::Unauthenticated } else { self.0.credentials(caller) }
    }

    /// Permits an authentication at `service` of the upstream by `road` for a request of `caller`, within `limit`. `None`
    /// if the proxy does not authenticate with an account.
    pub(crate) async fn permit(
        &self,
        caller: &SecurityContext,
        road: Road,
        service: &str,
        limit: Duration,
    ) -> Result<Option<SignInAttempt>, UpstreamError> {
        match self.for_caller(caller) {
            UpstreamCredentials::Account { gate, .. } => {
                gate.sign_in(road, service, caller, limit).await.map(Some)
            }
            UpstreamCredentials::Unauthenticated | UpstreamCredentials::PassThrough => Ok(None),
        }
    }

    /// Whether the proxy authenticates with an account for requests of `caller`.
    pub fn has_account(&self, caller: &SecurityContext) -> bool {
        self.for_caller(caller).account().is_some()
    }

    /// How clients authenticate at the upstream through the proxy, if they do.
    pub fn pass_through(&self) -> Option<&Arc<passthrough::Config>> {
        self.0.pass_through()
    }

    /// Whether the proxy can end a session at the upstream after its client has left.
    pub fn ends_sessions(&self) -> bool {
        self.0.ends_sessions()
    }
}

#[cfg(test)]
mod tests {
    use identity::{Authority, Credentials, Mechanism, Password, Registry};
    use rpc::pdu::AuthLevel;

    use super::*;

    fn service_account(registry: &Arc<Registry>) -> ServiceAccount {
        let credentials = Credentials::password("svcproxy", "LAB", &Password::new("secret"));
        let account = Account::new(credentials, Mechanism::NTLM, AuthLevel::NONE, "server", registry);
        ServiceAccount::new(account, &AccountGate::new())
    }

    #[tokio::test]
    async fn anonymous_callers_never_use_the_credentials_of_the_proxy() {
        let registry = Registry::new();
        let anonymous = SecurityContext::anonymous(&registry, &Authority::new("accounts"));
        let authenticated = SecurityContext::system(&registry);
        let identity = UpstreamIdentity::new(service_account(&registry));
        assert!(identity.for_caller(&authenticated).account().is_some());
        assert!(matches!(identity.for_caller(&anonymous), UpstreamCredentials::Unauthenticated));
        let permit = |caller| identity.permit(caller, Road::Http, "mapi", Duration::from_secs(1));
        assert!(permit(&authenticated).await.unwrap().is_some());
        assert!(permit(&anonymous).await.unwrap().is_none());
    }

    #[test]
    fn a_replaced_account_is_used_from_then_on() {
        let registry = Registry::new();
        let mode = service_account(&registry);
        let (identity, caller) = (UpstreamIdentity::new(mode.clone()), SecurityContext::system(&registry));
        let before = identity.for_caller(&caller);
        let same = identity.for_caller(&caller);
        assert!(Arc::ptr_eq(before.account().unwrap(), same.account().unwrap()));
        mode.replace(Account::clone(before.account().unwrap()));
        let after = identity.for_caller(&caller);
        assert!(!Arc::ptr_eq(before.account().unwrap(), after.account().unwrap()));
    }

    #[test]
    fn only_the_mode_with_an_account_ends_sessions_at_the_upstream() {
        let registry = Registry::new();
        let config = passthrough::Config {
            authority: Authority::new("server"),
            lifetime: None,
            registry: Arc::clone(&registry),
        };
        let pass_through = UpstreamIdentity::new(PassThrough::new(config));
        assert!(pass_through.pass_through().is_some() && !pass_through.ends_sessions());
        let account = UpstreamIdentity::new(service_account(&registry));
        assert!(account.pass_through().is_none() && account.ends_sessions());
        let unauthenticated = UpstreamIdentity::new(Unauthenticated);
        assert!(unauthenticated.for_caller(&SecurityContext::system(&registry)).account().is_none());
    }
}
