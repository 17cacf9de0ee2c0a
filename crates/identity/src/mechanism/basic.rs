//! Basic (RFC 7617): a name and a password in clear text. Both ends, and the name in credentials that pass through.
//!
//! The token is the name, a colon and the password, in base64.

use std::sync::Arc;

use subtle::{Choice, ConstantTimeEq as _};
use wire::{Error, ErrorKind, Now};

use crate::accounts::NtHash;
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::context::{ActingLevel, Expiry, Proof, Proven, SecurityContext};
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::handshake::{Acceptor, Initiator, Step};
use crate::message_security::Unprotected;
use crate::package::{Channel, Package, Scope};
use crate::pass_through::named_user::NamedUser;
use crate::pass_through::transcript::{SingleToken, Transcript};
use crate::principal::Principal;
use crate::random::Random;

/// The maximum size of name and password together, in bytes.
const MOST: usize = 768;

/// The mechanism.
pub(crate) struct Basic;

impl Package for Basic {
    fn name(&self) -> &'static str {
        "basic"
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Basic")
    }

    fn http_challenge(&self) -> Option<&'static str> {
        Some("Basic realm=\"MAPI\", charset=\"UTF-8\"")
    }

    fn scope(&self) -> Scope {
        Scope::Request
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn acceptor(&self, config: &Arc<AcceptorConfig>, _: Channel) -> Result<Box<dyn Acceptor>, AuthError> {
        Ok(Box::new(Server(Arc::clone(config))))
    }

    fn initiator(&self, config: &InitiatorConfig, _: Channel) -> Result<Box<dyn Initiator>, AuthError> {
        Ok(Box::new(Client(config.clone())))
    }

    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        let name = token.split(|byte| *byte == b':').next().filter(|name| name.len() < token.len())?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        Some(Box::new(SingleToken::new(name)))
    }

    fn invalid_token(&self, bytes: &[u8; 32]) -> Vec<u8> {
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let (name, password) = hex.split_at(hex.len() / 2);
        format!("mapiproxy-{name}:{password}").into_bytes()
    }
}

/// The server's end, of one token.
struct Server(Arc<AcceptorConfig>);

impl Acceptor for Server {
    /// Verifies name and password, which are UTF-8. The whole name is looked up, see [`crate::Accounts::find`]. An
    /// unknown name, a disabled account and a wrong password cause the same response and take the same time.
    fn step(&mut self, token: &[u8], now: Now, _: &mut dyn Random) -> Result<Step, AuthError> {
        let config = &self.0;
        let (name, password) = read(token)?;
        let found = config.accounts.find("", name);
        let hash = NtHash::from_password(password);
        let known = found.as_ref().map_or(NtHash::from_bytes([0; 16]), |account| account.nt_hash.clone());
        let admissible = Choice::from(u8::from(found.as_ref().is_some_and(|account| !account.disabled)));
        match found {
            Some(account) if bool::from(hash.expose().ct_eq(known.expose()) & admissible) => {
                let proven = Proven {
                    principal: Principal::new(&account.user, &account.domain),
                    proof: Proof::Mechanism("Basic"),
                    level: ActingLevel::Impersonate,
                    authority: config.authority.clone(),
                    expiry: Expiry::after(config.policy.lifetime, now),
                    session_key: None,
                    status: Some(account.status),
                };
                let context = SecurityContext::proven(proven, &config.contexts);
                Ok(Step::Done { token: None, context, security: Box::new(Unprotected) })
            }
            _ => Err(AuthError::InvalidCredentials),
        }
    }
}

/// The client's end, of one token.
struct Client(InitiatorConfig);

impl Initiator for Client {
    fn step(&mut self, token: &[u8], _: Now, _: &mut dyn Random) -> Result<Step, AuthError> {
        if !token.is_empty() {
            return Err(AuthError::OutOfOrder { expected: "an empty token" });
        }
        let config = &self.0;
        let unsuited = AuthError::UnsuitableCredentials("Basic needs a password");
        let Credentials::Account { user, domain, secret } = &config.credentials else { return Err(unsuited) };
        let password = secret.password().ok_or(unsuited)?.expose();
        let slash = if domain.is_empty() { "" } else { "\\" };
        let token = [domain, slash, user, ":", password].concat().into_bytes();
        let proven = Proven {
            principal: Principal::new(user, domain),
            proof: Proof::Mechanism("Basic"),
            level: config.level,
            authority: config.authority.clone(),
            expiry: Expiry::default(),
            session_key: None,
            status: None,
        };
        let context = SecurityContext::proven(proven, &config.contexts);
        Ok(Step::Done { token: Some(token), context, security: Box::new(Unprotected) })
    }
}

/// Name and password.
fn read(token: &[u8]) -> Result<(&str, &str), AuthError> {
    let malformed =
        |expected| AuthError::Malformed(Error::new(ErrorKind::Text { expected }, "Basic credentials", 0));
    if token.len() > MOST {
        return Err(malformed("at most 768 bytes"));
    }
    let text = std::str::from_utf8(token).map_err(|_| malformed("UTF-8"))?;
    text.split_once(':').ok_or_else(|| malformed("a colon after the name"))
}

/// The name in credentials that pass through, as sent.
fn name(token: &[u8]) -> Result<NamedUser, AuthError> {
    let name = token.split(|byte| *byte == b':').next().filter(|name| name.len() < token.len());
    let name = name.ok_or(AuthError::NoUserName("no colon after the name"))?;
    // Only the server knows the encoding of other bytes than UTF-8.
    let name = std::str::from_utf8(name).map_err(|_| AuthError::NoUserName("a name that is not UTF-8"))?;
    // The server may interpret `\user` differently from `user`, so that these are two identities.
    let parts = name.split_once('\\').filter(|(domain, _)| !domain.is_empty());
    let (domain, user) = parts.unwrap_or(("", name));
    if user.trim_start_matches('\\').is_empty() {
        return Err(AuthError::NoUserName("no user name"));
    }
    NamedUser::new(user, domain, "Basic")
}

#[cfg(test)]
mod tests {
    use wire::FileTime;

    use super::*;
    use crate::accounts::{Account, AccountFile, DomainNames};
    use crate::auth_config::Policy;
    use crate::authority::Authority;
    use crate::context_counters::ContextCounters;
    use crate::credentials::Secret;
    use crate::ntlm::tests::client;
    use crate::random::OsRandom;
    use crate::settings::Settings;

    fn accounts(disabled: bool) -> AccountFile {
        let mut file = AccountFile::default();
        let nt_hash = NtHash::from_password("pass:word");
        file.set(Account { disabled, ..Account::new("alice", "LAB", nt_hash.clone()) }).unwrap();
        file.set(Account::new("dora@lab.test", "", nt_hash)).unwrap();
        file.in_domain(DomainNames { netbios: "LAB".into(), dns: "lab.test".into() }).unwrap()
    }

    fn config(disabled: bool) -> Arc<AcceptorConfig> {
        Arc::new(AcceptorConfig {
            accounts: Arc::new(accounts(disabled)),
            policy: Policy::default(),
            authority: Authority::new("accounts"),
            contexts: ContextCounters::new(),
            settings: Settings::default(),
        })
    }

    fn basic(config: &Arc<AcceptorConfig>, text: &str) -> Result<SecurityContext, AuthError> {
        let mut acceptor = Basic.acceptor(config, Channel::http(None))?;
        match acceptor.step(text.as_bytes(), Now::at(FileTime(1)), &mut OsRandom)? {
            Step::Done { token: None, context, security } if !security.can_sign() => Ok(context),
            other => panic!("{other:?}"),
        }
    }

    fn sign_in(text: &str, disabled: bool) -> Result<String, AuthError> {
        let config = config(disabled);
        let context = basic(&config, text)?;
        assert_eq!((context.proof(), context.is_anonymous()), (Proof::Mechanism("Basic"), false));
        Ok(context.principal().to_string())
    }

    #[test]
    fn the_right_password_is_accepted_with_each_form_of_the_name() {
        for name in ["alice", "LAB\\alice", "lab\\alice", "alice@lab", "alice@lab.test"] {
            assert_eq!(sign_in(&format!("{name}:pass:word"), false).unwrap(), "LAB\\alice", "{name}");
        }
        for name in ["dora@lab.test", "Dora@LAB.test", "\\dora@lab.test"] {
            assert_eq!(sign_in(&format!("{name}:pass:word"), false).unwrap(), "dora@lab.test", "{name}");
        }
    }

    #[test]
    fn accounts_of_another_authority_of_the_same_name_are_other_users() {
        let by = |config: &Arc<AcceptorConfig>| basic(config, "LAB\\alice:pass:word").unwrap();
        // The other authority is made as any code in the process could make it, with equal names.
        let (one, other) = (config(false), config(false));
        assert_eq!(by(&one).identity(), by(&one.clone()).identity());
        assert_eq!(by(&one).authority(), by(&other).authority());
        assert_ne!(by(&one).identity(), by(&other).identity());
    }

    #[test]
    fn other_credentials_are_rejected_with_one_error() {
        for text in [
            "alice:password",
            "alice:",
            "bob:pass:word",
            "OTHER\\alice:pass:word",
            "alice@other.lab:pass:word",
            "alice@LAB.evil:pass:word",
            "LAB.evil\\alice:pass:word",
            "dora@lab.test:",
            ":pass:word",
        ] {
            assert_eq!(sign_in(text, false), Err(AuthError::InvalidCredentials), "{text}");
        }
        assert_eq!(sign_in("alice:pass:word", true), Err(AuthError::InvalidCredentials));
        assert!(matches!(sign_in("alice", false), Err(AuthError::Malformed(_))));
        assert!(matches!(sign_in(&"a".repeat(2000), false), Err(AuthError::Malformed(_))));
    }

    #[test]
    fn names_that_pass_through_are_compared_as_sent() {
        let key = |text: &str| {
            let named = name(text.as_bytes()).map(|named| (named.key.domain, named.key.user));
            named.unwrap_or_default()
        };
        assert_eq!(key("Alice:x"), key("alice:y"));
        assert_eq!(key("lab\\alice:x"), key("LAB\\alice:x"));
        assert_ne!(key("\\alice:x"), key("alice:x"));
        assert_ne!(key("\\\\alice:x"), key("\\alice:x"));
        assert_eq!(name(b"\\alice:x").unwrap().principal.to_string(), "\\alice");
        for without_user in [&b"LAB\\:x"[..], b"\\:x", b":x"] {
            assert_eq!(name(without_user).err(), Some(AuthError::NoUserName("no user name")));
        }
    }

    #[test]
    fn the_client_sends_what_the_server_accepts() {
        let config =
            InitiatorConfig { authority: Authority::new("there"), ..client("alice", "LAB", "pass:word") };
        let mut initiator = Basic.initiator(&config, Channel::http(None)).unwrap();
        let Step::Done { token: Some(token), .. } =
            initiator.step(&[], Now::at(FileTime(1)), &mut OsRandom).unwrap()
        else {
            panic!("Basic has one token")
        };
        assert_eq!(token, b"LAB\\alice:pass:word");
        assert_eq!(sign_in(std::str::from_utf8(&token).unwrap(), false).unwrap(), "LAB\\alice");
        let nt_hash = Secret::NtHash(NtHash::from_password("pass:word"));
        let credentials =
            Credentials::Account { user: "alice".into(), domain: String::new(), secret: nt_hash };
        let mut initiator =
            Basic.initiator(&InitiatorConfig { credentials, ..config }, Channel::http(None)).unwrap();
        assert!(matches!(
            initiator.step(&[], Now::at(FileTime(1)), &mut OsRandom),
            Err(AuthError::UnsuitableCredentials(_))
        ));
    }
}
