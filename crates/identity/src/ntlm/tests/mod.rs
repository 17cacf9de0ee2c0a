//! Tests of NTLM, with the accounts and clients that they share.

mod codec;
mod conversations;
mod forgeries;
mod messages;
mod passive;
mod vectors;

use std::sync::Arc;
use std::time::Duration;

use wire::{FileTime, Now};

pub(crate) use super::acceptor::Acceptor;
use super::flags::NegotiateFlags as F;
pub(crate) use super::initiator::Initiator;
use super::*;
use crate::accounts::{Account, AccountFile, DomainNames, NtHash};
pub(super) use crate::auth_config::*;
use crate::authority::Authority;
pub(super) use crate::channel_bindings::ChannelBindings;
use crate::context::{ActingLevel, Proof, SecurityContext};
use crate::context_counters::ContextCounters;
pub(super) use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::handshake::{Acceptor as _, Initiator as _, Step};
pub(super) use crate::message_security::MessageSecurity;
pub(super) use crate::ntlm::config::*;
use crate::package::Channel;
use crate::random::{Random, RandomError};
pub(super) use crate::settings::Settings;

pub(crate) const NOW: Now = Now::at(FileTime(0x01d9_0000_0000_0000));

/// Gives out the bytes that it holds, then a sequence that never repeats.
#[derive(Default)]
pub(crate) struct Script(pub(crate) Vec<u8>, pub(crate) u64);

impl Random for Script {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            if self.0.is_empty() {
                self.1 =
                    self.1.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = self.1.to_be_bytes()[0];
            } else {
                *byte = self.0.remove(0);
            }
        }
        Ok(())
    }
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    assert!(digits.len().is_multiple_of(2));
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn accounts() -> Arc<AccountFile> {
    let mut file = AccountFile::default();
    for (user, domain, password, disabled) in [
        ("User", "Domain", "Password", false),
        ("alice", "LAB", "wonderland", false),
        ("carol", "LAB", "gone", true),
    ] {
        let (user, domain) = (user.to_owned(), domain.to_owned());
        let nt_hash = NtHash::from_password(password);
        file.set(Account { disabled, ..Account::new(user, domain, nt_hash) }).unwrap();
    }
    Arc::new(file)
}

/// The rules of a server: those of all mechanisms, and NTLM's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    pub(crate) ntlm: NtlmAcceptorConfig,
}

impl From<Policy> for Rules {
    fn from(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }
}

impl From<NtlmAcceptorConfig> for Rules {
    fn from(ntlm: NtlmAcceptorConfig) -> Self {
        Self { ntlm, ..Self::default() }
    }
}

pub(crate) fn server(rules: impl Into<Rules>) -> AcceptorConfig {
    let Rules { policy, ntlm } = rules.into();
    let names = ServerNames {
        nb_computer: "PROXY".into(),
        nb_domain: "LAB".into(),
        dns_computer: "proxy.lab.test".into(),
        dns_domain: "lab.test".into(),
    };
    AcceptorConfig {
        accounts: accounts(),
        policy,
        authority: Authority::new("accounts"),
        contexts: ContextCounters::new(),
        settings: Settings::of(NtlmAcceptorConfig { names, ..ntlm }),
    }
}

/// The flags that a client may request besides a character set.
const BITS: [F; 10] = [
    F::NTLMSSP_NEGOTIATE_SIGN,
    F::NTLMSSP_NEGOTIATE_SEAL,
    F::NTLMSSP_NEGOTIATE_KEY_EXCH,
    F::NTLMSSP_NEGOTIATE_128,
    F::NTLMSSP_NEGOTIATE_56,
    F::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY,
    F::NTLMSSP_NEGOTIATE_ALWAYS_SIGN,
    F::NTLMSSP_NEGOTIATE_IDENTIFY,
    F::NTLMSSP_NEGOTIATE_VERSION,
    F::NTLMSSP_REQUEST_TARGET,
];

/// Every combination of these.
fn combinations() -> impl Iterator<Item = F> {
    (0..1 << BITS.len()).map(|mask: u32| {
        let base = F::NTLMSSP_NEGOTIATE_UNICODE | F::NTLMSSP_NEGOTIATE_NTLM;
        BITS.iter().enumerate().fold(
            base,
            |flags, (bit, flag)| {
                if mask & (1 << bit) != 0 { flags | *flag } else { flags }
            },
        )
    })
}

/// The server's end without a channel.
fn acceptor(rules: impl Into<Rules>) -> Acceptor {
    Acceptor::new(Arc::new(server(rules)), Channel::http(None))
}

/// The settings of clients.
pub(crate) fn initiator() -> NtlmInitiatorConfig {
    NtlmInitiatorConfig { workstation: "WS".into(), ..NtlmInitiatorConfig::default() }
}

pub(crate) fn client(user: &str, domain: &str, password: &str) -> InitiatorConfig {
    InitiatorConfig {
        credentials: Credentials::password(user, domain, &crate::Password::new(password)),
        target_name: String::new(),
        protection: Protection::Seal,
        level: ActingLevel::Impersonate,
        authority: Authority::new("proxy.lab.test"),
        contexts: ContextCounters::new(),
        settings: Settings::of(initiator()),
    }
}

pub(crate) fn token(step: Result<Step, AuthError>) -> Vec<u8> {
    match step {
        Ok(Step::Continue(token) | Step::Done { token: Some(token), .. }) => token,
        other => panic!("no token: {other:?}"),
    }
}

pub(crate) type Side = (SecurityContext, Box<dyn MessageSecurity>);

/// A complete handshake: the client's end, and the server's or its error.
pub(crate) fn shake(initiator: &mut Initiator, acceptor: &mut Acceptor) -> Result<(Side, Side), AuthError> {
    let mut random = Script::default();
    let negotiate = token(initiator.step(&[], NOW, &mut random));
    shake_from(initiator, acceptor, &negotiate)
}

pub(crate) fn shake_from(
    initiator: &mut Initiator,
    acceptor: &mut Acceptor,
    negotiate: &[u8],
) -> Result<(Side, Side), AuthError> {
    let mut random = Script(Vec::new(), 7);
    let Step::Continue(challenge) = acceptor.step(negotiate, NOW, &mut random)? else { panic!("too soon") };
    let Step::Done { token: Some(authenticate), context, security } =
        initiator.step(&challenge, NOW, &mut random)?
    else {
        panic!("not done")
    };
    let client = (context, security);
    match acceptor.step(&authenticate, NOW, &mut random)? {
        Step::Done { token: None, context, security } => Ok((client, (context, security))),
        other => panic!("unexpected {other:?}"),
    }
}

/// Sends messages both ways.
pub(crate) fn converse(a: &mut Box<dyn MessageSecurity>, b: &mut Box<dyn MessageSecurity>) {
    for round in 0..5u8 {
        exchange(a, b, round);
        exchange(b, a, round);
    }
}

fn exchange(from: &mut Box<dyn MessageSecurity>, to: &mut Box<dyn MessageSecurity>, round: u8) {
    let plain = vec![round; usize::from(round) * 7];
    if from.can_seal() {
        let mut body = plain.clone();
        let signature = from.seal(b"header", &mut body, b"trailer").unwrap();
        if body.len() > 7 {
            assert_ne!(body, plain);
        }
        to.unseal(b"header", &mut body, b"trailer", &signature).unwrap();
        assert_eq!(body, plain);
    }
    if from.can_sign() {
        let signature = from.sign(b"header", &plain, b"trailer").unwrap();
        to.verify(b"header", &plain, b"trailer", &signature).unwrap();
    }
}

/// What NTLM of this version proves by, without SPNEGO around it.
fn proof(version: NtlmVersion) -> Proof {
    Proof::Mechanism(match version {
        NtlmVersion::V1 => "NTLMv1",
        NtlmVersion::V2 => "NTLMv2",
    })
}

pub(crate) fn lenient() -> NtlmAcceptorConfig {
    NtlmAcceptorConfig {
        allow_legacy: true,
        require_128: false,
        max_skew: Duration::MAX,
        ..NtlmAcceptorConfig::default()
    }
}
