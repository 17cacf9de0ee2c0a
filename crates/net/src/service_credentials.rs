//! The credentials of the service account, with which the proxy authenticates at a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use identity::{
    ActingLevel, AuthError, Authority, Channel, ContextCounters, Credentials, InitiatorConfig, Mechanism,
    OsRandom, Protection, Scope, Settings, Step, http_auth,
};
use rpc::pdu::AuthLevel;
use zeroize::Zeroizing;

use crate::clock;

/// The credentials with which the proxy authenticates at a server, and how it uses them.
#[derive(Debug, Clone)]
pub struct ServiceCredentials {
    /// The credentials and options of the handshake.
    pub config: InitiatorConfig,
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The protection of calls.
    pub level: AuthLevel,
    /// The value of `Authorization` for each request, if the mechanism authenticates requests instead of connections.
    authorization: Option<Authorization>,
    /// Whether another account has replaced this one, such as the same account with a changed password.
    replaced: Replaced,
}

/// Whether an account was replaced by another. A clone is a separate account, which was not.
#[derive(Debug, Default)]
struct Replaced(AtomicBool);

impl Clone for Replaced {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A header's value with credentials, zeroized when the last request that uses it is dropped.
#[derive(Clone)]
struct Authorization(Bytes);

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl ServiceCredentials {
    /// An account that authenticates with `credentials`, by `mechanism`, at the server or directory `authority`; calls
    /// are protected at `level`. Its security contexts are counted in `contexts`.
    pub fn new(
        credentials: Credentials,
        mechanism: Mechanism,
        level: AuthLevel,
        authority: &str,
        contexts: &Arc<ContextCounters>,
    ) -> Self {
        let protection = match level {
            AuthLevel::PKT_PRIVACY => Protection::Seal,
            // A call's level is that of its packets on a connection ([MS-RPCE] 2.2.1.1.8).
            AuthLevel::PKT_INTEGRITY | AuthLevel::PKT | AuthLevel::CALL => Protection::Sign,
            _ => Protection::None,
        };
        let config = InitiatorConfig {
            credentials,
            target_name: String::new(),
            protection,
            level: ActingLevel::Impersonate,
            authority: Authority::new(authority),
            contexts: Arc::clone(contexts),
            settings: Settings::default(),
        };
        Self { config, mechanism, level, authorization: None, replaced: Replaced::default() }
    }

    /// The same account, which authenticates for the service principal name `target` alone ([MS-NLMP] 2.2.2.1,
    /// `MsvAvTargetName`): a server of another name that checks it refuses the handshake.
    #[must_use]
    pub fn meaning(mut self, target: String) -> Self {
        self.config.target_name = target;
        self
    }

    /// The same account for HTTP: computes the header that each request carries if the mechanism authenticates
    /// requests.
    ///
    /// # Errors
    /// If HTTP does not have the mechanism, or the mechanism cannot authenticate with the account's credentials.
    pub fn for_http(mut self) -> Result<Self, AuthError> {
        self.mechanism.http_scheme().ok_or(AuthError::NoMechanism)?;
        if self.mechanism.scope() == Scope::Connection {
            return Ok(self);
        }
        let mut initiator = self.mechanism.initiator(&self.config, Channel::http(None))?;
        let (Step::Continue(token) | Step::Done { token: Some(token), .. }) =
            initiator.step(&[], clock::now(), &mut OsRandom)?
        else {
            return Err(AuthError::OutOfOrder { expected: "a first token" });
        };
        let header = Zeroizing::new(http_auth::header(self.mechanism, &Zeroizing::new(token)));
        self.authorization = Some(Authorization(Bytes::from_owner(header)));
        Ok(self)
    }

    /// The value of `Authorization` for each request; `None` if connections are authenticated by a handshake.
    pub(crate) fn authorization(&self) -> Option<&Bytes> {
        self.authorization.as_ref().map(|authorization| &authorization.0)
    }

    /// From now on another account is used in place of this one.
    pub(crate) fn set_replaced(&self) {
        self.replaced.0.store(true, Ordering::Release);
    }

    /// Whether another account is used in place of this one, so that no further request must authenticate with it.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.0.load(Ordering::Acquire)
    }
}
