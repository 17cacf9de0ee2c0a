//! Client authentication: the accepted mechanisms, and handshakes in progress.

use std::fmt;
use std::sync::Arc;

use identity::{
    Acceptor, AcceptorConfig, AuthError, Channel, ClaimedName, Mechanism, Message, MessageSecurity,
    Protection, Random, SecurityContext, Step,
};
use rpc::pdu::{AuthLevel, AuthType};
use rpc::security::{self, PduParts, ProtectionError};
use wire::Now;

/// The mechanisms and accounts by which clients authenticate.
#[derive(Clone)]
pub struct ClientAuth {
    config: Arc<AcceptorConfig>,
    mechanisms: Arc<[Mechanism]>,
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientAuth({})", self.config.authority)
    }
}

/// Why a handshake cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHandshake {
    /// The security package is not configured.
    #[error("security package {0} not accepted")]
    Package(AuthType),
    /// The mechanism cannot accept clients.
    #[error("cannot accept clients by {mechanism}")]
    Mechanism {
        /// The mechanism.
        mechanism: Mechanism,
        /// Why not.
        source: AuthError,
    },
}

/// A client's handshake in progress.
pub(crate) struct Handshake {
    mechanism: Mechanism,
    acceptor: Box<dyn Acceptor>,
}

impl ClientAuth {
    /// Authentication with `config`, by each mechanism that DCE/RPC has.
    pub fn new(config: impl Into<Arc<AcceptorConfig>>) -> Self {
        Self::by(config, Mechanism::ALL)
    }

    /// Authentication with `config`, by those of `mechanisms` that DCE/RPC has.
    pub fn by(
        config: impl Into<Arc<AcceptorConfig>>,
        mechanisms: impl IntoIterator<Item = Mechanism>,
    ) -> Self {
        let supported = |mechanism: &Mechanism| mechanism.has_ends() && mechanism.rpc_auth_type().is_some();
        Self { config: config.into(), mechanisms: mechanisms.into_iter().filter(supported).collect() }
    }

    /// The security packages that are accepted.
    pub fn auth_types(&self) -> Vec<AuthType> {
        self.mechanisms.iter().filter_map(|mechanism| mechanism.rpc_auth_type()).map(AuthType).collect()
    }

    /// Begins a handshake of the security package `auth_type`.
    ///
    /// # Errors
    /// When the package is not accepted, or its mechanism cannot begin a handshake.
    pub(crate) fn accept(&self, auth_type: AuthType) -> Result<Handshake, NoHandshake> {
        let mut mechanisms = self.mechanisms.iter().copied();
        let mechanism = mechanisms.find(|mechanism| mechanism.rpc_auth_type() == Some(auth_type.0));
        let mechanism = mechanism.ok_or(NoHandshake::Package(auth_type))?;
        let acceptor = mechanism.acceptor(&self.config, Channel::RPC);
        let acceptor = acceptor.map_err(|source| NoHandshake::Mechanism { mechanism, source })?;
        Ok(Handshake { mechanism, acceptor })
    }

    /// The security context of unauthenticated calls.
    pub(crate) fn anonymous(&self) -> SecurityContext {
        SecurityContext::anonymous(&self.config.contexts, &self.config.authority)
    }
}

impl Handshake {
    /// The account name that the client claims in `token`.
    pub(crate) fn claimed(&self, token: &[u8]) -> Option<ClaimedName> {
        ClaimedName::in_token(self.mechanism, token)
    }

    pub(crate) fn step(
        &mut self,
        token: &[u8],
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Step, AuthError> {
        self.acceptor.step(token, now, random)
    }
}

/// The highest authentication level that a handshake negotiated enough protection for.
pub(crate) fn strongest(security: &dyn MessageSecurity) -> AuthLevel {
    match security.strongest() {
        Protection::Seal => AuthLevel::PKT_PRIVACY,
        Protection::Sign => AuthLevel::PKT_INTEGRITY,
        Protection::None => AuthLevel::CONNECT,
    }
}

/// The protection of PDUs at `level` by `security`, the result of a handshake.
pub(crate) fn protection(
    security: Box<dyn MessageSecurity>,
    level: AuthLevel,
) -> Box<dyn security::Protection> {
    let signature_len = security.signature_len(protection_at(level));
    Box::new(Protected { security, signature_len })
}

fn protection_at(level: AuthLevel) -> Protection {
    if level == AuthLevel::PKT_PRIVACY { Protection::Seal } else { Protection::Sign }
}

const fn message_of(pdu: PduParts<'_>) -> Message<'_> {
    let PduParts { before, body, after, header_signing } = pdu;
    Message { before, body, after, header_signing }
}

struct Protected {
    security: Box<dyn MessageSecurity>,
    signature_len: usize,
}

impl security::Protection for Protected {
    fn signature_len(&self) -> usize {
        self.signature_len
    }

    fn protect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &mut [u8],
    ) -> Result<(), ProtectionError> {
        let message = message_of(pdu);
        self.security.protect(protection_at(level), message, signature).map_err(|_| ProtectionError)
    }

    fn unprotect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &[u8],
    ) -> Result<(), ProtectionError> {
        let message = message_of(pdu);
        self.security.unprotect(protection_at(level), message, signature).map_err(|_| ProtectionError)
    }
}

#[cfg(test)]
mod tests {
    use identity::Credentials;
    use identity::accounts::Account;
    use identity::{Accounts, Authority, ContextCounters, NtHash, OsRandom};

    use super::*;

    #[derive(Debug)]
    struct Alice;

    impl Accounts for Alice {
        fn find(&self, domain: &str, user: &str) -> Option<Account> {
            let nt_hash = NtHash::from_password("pw");
            (user == "alice").then(|| Account::new(user, domain, nt_hash))
        }
    }

    #[test]
    fn a_security_package_that_is_not_configured_begins_no_handshake() {
        let config = AcceptorConfig::new(Arc::new(Alice), Authority::new("here"), ContextCounters::new());
        let auth = ClientAuth::by(config, [Mechanism::NTLM]);
        assert!(auth.accept(AuthType::WINNT).is_ok());
        let refused = auth.accept(AuthType(0x44)).map(drop).unwrap_err();
        assert!(matches!(refused, NoHandshake::Package(AuthType(0x44))), "{refused}");
    }

    #[test]
    fn the_negotiated_protection_limits_the_authentication_level() {
        for level in [AuthLevel::CONNECT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
            let contexts = ContextCounters::new();
            let (accounts, authority) = (Arc::new(Alice), Authority::new("here"));
            let sign_in = ClientAuth::new(AcceptorConfig::new(accounts, authority, Arc::clone(&contexts)));
            let credentials = Credentials::nt_hash("alice", "LAB", NtHash::from_password("pw"));
            let account = crate::service_credentials::ServiceCredentials::new(
                credentials,
                Mechanism::NTLM,
                level,
                "there",
                &contexts,
            );
            let mut client = account.mechanism.initiator(&account.config, Channel::RPC).unwrap();
            let now = crate::clock::now();
            let mut server = sign_in.accept(AuthType::WINNT).unwrap();
            let mut token = Vec::new();
            let done = loop {
                token = match client.step(&token, now, &mut OsRandom).unwrap() {
                    Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
                    Step::Done { token: None, .. } => panic!("the client has no more tokens"),
                };
                match server.step(&token, now, &mut OsRandom).unwrap() {
                    Step::Continue(answer) => token = answer,
                    Step::Done { security, .. } => break strongest(&*security),
                }
            };
            assert_eq!(done, level);
        }
    }
}
