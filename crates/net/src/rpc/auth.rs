//! Client authentication: the accepted mechanisms and handshakes in progress.

use std::fmt;
use std::sync::Arc;

use identity::ntlm::SIGNATURE_SIZE;
use identity::{
    Acceptor, AcceptorConfig, Mechanism, MessageSecurity, Random, Refusal, SecurityContext, Step,
};
use rpc::pdu::{AuthLevel, AuthType};
use rpc::security::{Protection, ProtectionError};
use wire::FileTime;

/// How clients prove themselves.
#[derive(Clone)]
pub struct ClientAuth(Arc<AcceptorConfig>);

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientAuth({})", self.0.authority)
    }
}

/// A client's handshake under way.
pub(crate) struct Handshake(Acceptor);

/// How a client's handshake goes on.
pub(crate) enum Progress {
    Continue(Vec<u8>),
    Done {
        token: Option<Vec<u8>>,
        context: SecurityContext,
        /// The best level for which enough was negotiated.
        strongest: AuthLevel,
        protection: Box<dyn Protection>,
    },
}

impl ClientAuth {
    /// Sign-in by `config`.
    pub fn new(config: impl Into<Arc<AcceptorConfig>>) -> Self {
        Self(config.into())
    }

    /// A handshake of the security package `auth_type`, where it is one of ours.
    pub(crate) fn accept(&self, auth_type: AuthType) -> Option<Handshake> {
        let mechanism = Mechanism::from_auth_type(auth_type.0)?;
        Some(Handshake(Acceptor::new(mechanism, Arc::clone(&self.0), None)))
    }

    /// The context of a client who did not sign in.
    pub(crate) fn anonymous(&self) -> SecurityContext {
        SecurityContext::anonymous(&self.0.registry, &self.0.authority)
    }
}

impl Handshake {
    pub(crate) fn step(
        &mut self,
        token: &[u8],
        now: FileTime,
        random: &mut dyn Random,
    ) -> Result<Progress, Refusal> {
        Ok(match self.0.step(token, now, random)? {
            Step::Continue(token) => Progress::Continue(token),
            Step::Done { token, context, security } => {
                let strongest = strongest(&security);
                Progress::Done { token, context, strongest, protection: protection(security) }
            }
        })
    }
}

/// The best level for which a handshake negotiated enough ([MS-NLMP] 2.2.2.5: SEAL and SIGN).
pub(crate) const fn strongest(security: &MessageSecurity) -> AuthLevel {
    if security.can_seal() {
        AuthLevel::PKT_PRIVACY
    } else if security.can_sign() {
        AuthLevel::PKT_INTEGRITY
    } else {
        AuthLevel::CONNECT
    }
}

/// NTLM's message security as DCE/RPC wants it.
pub(crate) fn protection(security: MessageSecurity) -> Box<dyn Protection> {
    Box::new(Ntlm(security))
}

struct Ntlm(MessageSecurity);

impl Protection for Ntlm {
    fn signature_len(&self) -> usize {
        SIGNATURE_SIZE
    }

    fn protect(
        &mut self,
        level: AuthLevel,
        _header_signing: bool,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &mut [u8],
    ) -> Result<(), ProtectionError> {
        let made = if level == AuthLevel::PKT_PRIVACY {
            self.0.seal(before, body, after)
        } else {
            self.0.sign(before, body, after)
        };
        let made = made.map_err(|_| ProtectionError)?;
        let place = signature.first_chunk_mut::<SIGNATURE_SIZE>().ok_or(ProtectionError)?;
        *place = made;
        Ok(())
    }

    fn unprotect(
        &mut self,
        level: AuthLevel,
        _header_signing: bool,
        before: &[u8],
        body: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), ProtectionError> {
        let signature = signature.try_into().map_err(|_| ProtectionError)?;
        let checked = if level == AuthLevel::PKT_PRIVACY {
            self.0.unseal(before, body, after, signature)
        } else {
            self.0.verify(before, body, after, signature)
        };
        checked.map_err(|_| ProtectionError)
    }
}

#[cfg(test)]
mod tests {
    use identity::accounts::Account;
    use identity::{Accounts, Authority, Initiator, NtHash, OsRandom, Registry};
    use identity::{Credentials, Policy, ServerNames};

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
    fn what_was_not_negotiated_is_no_protection_that_a_level_can_have() {
        for level in [AuthLevel::CONNECT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
            let registry = Registry::new();
            let sign_in = ClientAuth::new(AcceptorConfig {
                accounts: Arc::new(Alice),
                policy: Policy::default(),
                names: ServerNames::default(),
                authority: Authority::new("here"),
                registry: Arc::clone(&registry),
            });
            let credentials = Credentials::Account {
                user: "alice".to_owned(),
                domain: "LAB".to_owned(),
                nt_hash: NtHash::from_password("pw"),
            };
            let account =
                crate::account::Account::new(credentials, Mechanism::Ntlm, level, "there", &registry);
            let mut client = Initiator::new(account.mechanism, account.config);
            let now = crate::clock::now();
            let mut server = sign_in.accept(AuthType::WINNT).unwrap();
            let mut token = Vec::new();
            let done = loop {
                token = match client.step(&token, now, &mut OsRandom).unwrap() {
                    Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
                    Step::Done { token: None, .. } => panic!("the client has nothing more to say"),
                };
                match server.step(&token, now, &mut OsRandom).unwrap() {
                    Progress::Continue(answer) => token = answer,
                    Progress::Done { strongest, .. } => break strongest,
                }
            };
            assert_eq!(done, level);
        }
    }
}
