//! The account by which the proxy authenticates at a server.

use std::sync::Arc;

use identity::{
    ActingLevel, Authority, Credentials, InitiatorConfig, Mechanism, NtlmVersion, Protection, Registry,
    SecurityContext,
};
use rpc::pdu::AuthLevel;

/// The account with which the proxy authenticates at a server.
#[derive(Debug, Clone)]
pub struct Account {
    /// The credentials and options of the handshake.
    pub config: InitiatorConfig,
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The protection of calls.
    pub level: AuthLevel,
}

impl Account {
    /// An account that authenticates with `credentials`, by `mechanism`, at the server or directory `authority`; calls are
    /// protected as `level` says. Its security contexts are counted in `registry`.
    pub fn new(
        credentials: Credentials,
        mechanism: Mechanism,
        level: AuthLevel,
        authority: &str,
        registry: &Arc<Registry>,
    ) -> Self {
        let protection = match level {
            AuthLevel::PKT_PRIVACY => Protection::Seal,
            // A call's level is that of its packets on a connection ([MS-RPCE] 2.2.1.1.8).
            AuthLevel::PKT_INTEGRITY | AuthLevel::PKT | AuthLevel::CALL => Protection::Sign,
            _ => Protection::None,
        };
        let config = InitiatorConfig {
            credentials,
            workstation: String::new(),
            target_name: String::new(),
            protection,
            level: ActingLevel::Impersonate,
            version: NtlmVersion::V2,
            allow_legacy: false,
            authority: Authority::new(authority),
            registry: Arc::clone(registry),
        };
        Self { config, mechanism, level }
    }

    /// The same account, which authenticates for the service principal name `target` alone ([MS-NLMP] 2.2.2.1,
    /// `MsvAvTargetName`): a server of another name that checks it refuses the handshake.
    #[must_use]
    pub fn meaning(mut self, target: String) -> Self {
        self.config.target_name = target;
        self
    }
}

/// The upstream credentials that requests of `caller` may use, of those that are `held`: none for anonymous callers. RPC
/// and HTTP get credentials by this function only.
pub(crate) fn credentials_for<T>(caller: &SecurityContext, held: T) -> Option<T> {
    if caller.is_anonymous() { None } else { Some(held) }
}
