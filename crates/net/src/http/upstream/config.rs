//! The server that HTTP is relayed to, and as whom.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use identity::{Channel, Mechanism, OsRandom, Refusal, Scope, SecurityContext, Step, http_auth};
use zeroize::Zeroizing;

use crate::account::{Account, credentials_for};
use crate::clock;
use crate::gate::{Gate, Road, SignInAttempt};
use crate::http::tls::TlsTrust;
use crate::http::upstream::forwarding::Via;
use crate::reloadable::Reloadable;
use crate::upstream_error::UpstreamError;

/// As whom we act towards the server.
#[derive(Clone)]
pub enum HttpCredentials {
    /// As one account for all, whose credentials each request carries.
    EachRequest {
        /// By which mechanism.
        mechanism: Mechanism,
        /// The header that says so, which is wiped when the last one forgets it.
        authorization: Bytes,
    },
    /// As one account for all, by a handshake on each connection.
    Handshake(Arc<Account>),
    /// As each client itself, who signs in there through us.
    Relayed,
}

impl HttpCredentials {
    /// As `account`, by its mechanism.
    ///
    /// # Errors
    /// When the mechanism is none of HTTP, or the account's credentials are not ones that it can sign in with.
    pub fn account(account: Account) -> Result<Self, Refusal> {
        let mechanism = account.mechanism;
        mechanism.http_scheme().ok_or(Refusal::NoMechanism)?;
        if mechanism.scope() == Scope::Connection {
            return Ok(Self::Handshake(Arc::new(account)));
        }
        let mut initiator = mechanism.initiator(&account.config, Channel::http(None))?;
        match initiator.step(&[], clock::now(), &mut OsRandom)? {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => {
                let header = Zeroizing::new(http_auth::header(mechanism, &Zeroizing::new(token)));
                Ok(Self::EachRequest { mechanism, authorization: Bytes::from_owner(header) })
            }
            Step::Done { token: None, .. } => Err(Refusal::OutOfOrder { expected: "a first token" }),
        }
    }
}

impl std::fmt::Debug for HttpCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EachRequest { mechanism, .. } => write!(f, "{mechanism}([redacted])"),
            Self::Handshake(_) => f.write_str("Handshake([redacted])"),
            Self::Relayed => f.write_str("Relayed"),
        }
    }
}

/// The server that HTTP is relayed to.
#[derive(Debug, Clone)]
pub struct HttpUpstream {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How we know it, where we speak TLS with it.
    pub tls: Option<TlsTrust>,
    /// As whom we act there, on connections that are opened from now on.
    pub credentials: Reloadable<HttpCredentials>,
    /// How long connecting and signing in may take.
    pub timeout: Duration,
    /// How long an answer may take.
    pub call_limit: Duration,
    /// The name under which we stand in the requests that go there.
    pub via: Via,
    /// What all connections there know of it together.
    pub gate: Arc<Gate>,
}

impl HttpUpstream {
    /// What its `Host` header says.
    pub(crate) fn host_header(&self) -> String {
        let usual = if self.tls.is_some() { 443 } else { 80 };
        // An IPv6 address stands in brackets (RFC 3986 3.2.2).
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Permits a sign-in on behalf of `context` for what is at `target`; none where the service account does not
    /// sign in: for anonymous callers, and for clients who sign in there themselves.
    pub(crate) async fn sign_in(
        &self,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Option<SignInAttempt>, UpstreamError> {
        match credentials_for(context, self.credentials.get()).as_deref() {
            None | Some(HttpCredentials::Relayed) => Ok(None),
            Some(HttpCredentials::EachRequest { .. } | HttpCredentials::Handshake(_)) => {
                self.gate.sign_in(Road::Http, directory(target), context, self.timeout).await.map(Some)
            }
        }
    }
}

/// The directory of what is at `target`, for which servers configure authentication.
pub(crate) fn directory(target: &str) -> &str {
    target.split(['/', '?']).nth(1).unwrap_or_default()
}
