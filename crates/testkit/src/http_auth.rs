//! Both ends of authentication by HTTP: a client's handshake, and a server's first response in one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::accounts::Account;
use identity::{
    Acceptor, AcceptorConfig, Accounts, ActingLevel, Authority, Channel, ContextCounters, Credentials,
    Initiator, InitiatorConfig, Mechanism, NtHash, NtlmAcceptorConfig, OsRandom, Password, Protection,
    SecurityContext, ServerNames, Settings, Step,
};
use wire::{FileTime, Now};

/// The time of a handshake's tokens, in 2026.
pub const NOW: Now = Now::at(FileTime(134_100_000_000_000_000));

/// Accounts for all users: the password of each is the name with `pw1` appended.
#[derive(Debug, Clone, Copy)]
pub struct AnyUser;

impl Accounts for AnyUser {
    fn find(&self, _domain: &str, user: &str) -> Option<Account> {
        Some(Account::new(user, "LAB", NtHash::from_password(&format!("{user}pw1"))))
    }
}

/// The `Authorization` by which `user` authenticates with Basic.
pub fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{user}pw1")))
}

/// A client's end of a handshake.
pub struct Handshake {
    scheme: String,
    initiator: Box<dyn Initiator>,
}

impl Handshake {
    /// A handshake of `mechanism` by `user`, whose tokens follow the name `scheme`.
    ///
    /// # Panics
    /// If the mechanism has no initiator.
    pub fn new(scheme: &str, mechanism: Mechanism, user: &str) -> Self {
        Self::at_level(ActingLevel::Impersonate, scheme, mechanism, user)
    }

    /// The same at the impersonation level `level`.
    ///
    /// # Panics
    /// If the mechanism has no initiator.
    pub fn at_level(level: ActingLevel, scheme: &str, mechanism: Mechanism, user: &str) -> Self {
        let config = InitiatorConfig {
            credentials: Credentials::password(user, "LAB", &Password::new(format!("{user}pw1"))),
            target_name: String::new(),
            protection: Protection::None,
            level,
            authority: Authority::new("server"),
            contexts: ContextCounters::new(),
            settings: Settings::default(),
        };
        let initiator = mechanism.initiator(&config, Channel::http(None));
        Self { scheme: scheme.to_owned(), initiator: initiator.expect("a mechanism with an initiator") }
    }

    /// A handshake of NTLM by `user`.
    pub fn ntlm(user: &str) -> Self {
        Self::new("NTLM", Mechanism::NTLM, user)
    }

    /// The `Authorization` with the next token, after the server responded with this `WWW-Authenticate`.
    ///
    /// # Panics
    /// If the challenge has no valid token, or the handshake is complete.
    pub fn next(&mut self, challenge: Option<&str>) -> String {
        let token = challenge.map(|challenge| {
            let (_, token) = challenge.split_once(' ').expect("a challenge with a token");
            STANDARD.decode(token.trim()).expect("base64")
        });
        match self.initiator.step(&token.unwrap_or_default(), NOW, &mut OsRandom).expect("a valid token") {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => {
                format!("{} {}", self.scheme, STANDARD.encode(token))
            }
            Step::Done { token: None, .. } => panic!("the handshake has no further token"),
        }
    }
}

/// A server's end of NTLM, with the accounts of [`AnyUser`].
///
/// # Panics
/// Never, unless NTLM refuses its own configuration.
pub fn ntlm_acceptor() -> Box<dyn Acceptor> {
    acceptor(&acceptor_config())
}

fn acceptor_config() -> Arc<AcceptorConfig> {
    let names = ServerNames { nb_computer: "EXCH".into(), nb_domain: "LAB".into(), ..ServerNames::default() };
    Arc::new(AcceptorConfig {
        settings: Settings::of(NtlmAcceptorConfig { names, ..NtlmAcceptorConfig::default() }),
        ..AcceptorConfig::new(Arc::new(AnyUser), Authority::new("accounts"), ContextCounters::new())
    })
}

fn acceptor(config: &Arc<AcceptorConfig>) -> Box<dyn Acceptor> {
    Mechanism::NTLM.acceptor(config, Channel::http(None)).expect("an acceptor of NTLM")
}

/// The contexts of one user who authenticates to one server by NTLM at the levels identify and impersonate.
///
/// # Panics
/// Never, unless NTLM refuses its own messages.
pub fn contexts_at_both_levels(user: &str) -> [SecurityContext; 2] {
    let config = acceptor_config();
    [ActingLevel::Identify, ActingLevel::Impersonate].map(|level| {
        let mut client = Handshake::at_level(level, "NTLM", Mechanism::NTLM, user);
        let mut server = acceptor(&config);
        let mut challenge = None;
        loop {
            let authorization = client.next(challenge.as_deref());
            let token = STANDARD.decode(authorization.trim_start_matches("NTLM ")).expect("base64");
            match server.step(&token, NOW, &mut OsRandom).expect("a valid token") {
                Step::Continue(token) => challenge = Some(format!("NTLM {}", STANDARD.encode(token))),
                Step::Done { context, .. } => return context,
            }
        }
    })
}

/// The `WWW-Authenticate` header with a server's challenge, if `authorization` has the first message of NTLM.
pub fn ntlm_challenge(authorization: &str) -> Option<String> {
    let token = STANDARD.decode(authorization.strip_prefix("NTLM ")?).ok()?;
    match ntlm_acceptor().step(&token, NOW, &mut OsRandom) {
        Ok(Step::Continue(token)) => Some(format!("WWW-Authenticate: NTLM {}\r\n", STANDARD.encode(token))),
        _ => None,
    }
}
