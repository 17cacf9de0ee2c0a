//! Oracle: handshakes with altered tokens authenticate only the right user.

use std::sync::Arc;

use identity::accounts::{Account, AccountFile};
use identity::ntlm::{NegotiateFlags, NtlmSecurity};
use identity::{
    Acceptor, AcceptorConfig, ActingLevel, AuthError, Authority, Channel, ContextCounters, Credentials,
    Initiator, InitiatorConfig, Mechanism, MessageSecurity, NtHash, NtlmAcceptorConfig, NtlmInitiatorConfig,
    NtlmVersion, Policy, Protection, SecurityContext, ServerNames, Settings, Step,
};
use wire::{FileTime, Now};

use crate::input::{Counted, Input};

/// A hash that no input can contain: no account has its password, and a response to a challenge does not reveal
/// it.
const ALICE: [u8; 16] = *b"\x8e\x13\xd2\x4f\x90\x77\x0c\xba\x15\xe6\x3a\x01\xfd\x5b\xc8\x62";

/// The time of all handshakes.
const NOW: Now = Now::at(FileTime(134_000_000_000_000_000));

/// The most changes to one token.
const MAX_CHANGES: u8 = 8;

/// Handshakes of an acceptor and an initiator.
///
/// The first byte is a set of flags: 1 SPNEGO instead of NTLM, 2 `NTLMv1` is accepted, 4 anonymous clients are
/// accepted, 8 the client signs, 16 it seals, 128 it uses `NTLMv1` if that is accepted. The other two bits select
/// the rest: 0 tokens for an acceptor, 1 tokens for an initiator, 2 and 3 changes to the tokens of a conversation
/// between a correct initiator and a correct acceptor, each with its offset. For all input:
///
/// - no client authenticates without the hash, except as anonymous if that is accepted;
/// - a conversation in which a byte was changed never succeeds with NTLMv2; with `NTLMv1` and SPNEGO, which do
///   not protect all of it, it can only authenticate the account that began it;
/// - an unchanged conversation succeeds, both ends have the same keys, and no changed message is accepted;
/// - after the end no further token is accepted, and every context that was opened is closed.
///
/// # Panics
/// If one of these properties is violated.
pub fn handshake(data: &[u8]) {
    let mut input = Input::new(data);
    let ends = Ends::new(input.byte());
    let contexts = Arc::clone(&ends.contexts);
    match ends.switches >> 5 & 3 {
        0 => ends.accept(&mut input),
        1 => ends.initiate(&mut input),
        _ => ends.converse(&mut input),
    }
    drop(ends);
    assert_eq!(contexts.open(), 0, "contexts are closed");
}

struct Ends {
    switches: u8,
    contexts: Arc<ContextCounters>,
}

impl Ends {
    fn new(switches: u8) -> Self {
        Self { switches, contexts: ContextCounters::new() }
    }

    const fn has(&self, switch: u8) -> bool {
        self.switches & switch != 0
    }

    /// Whether the client uses `NTLMv1`.
    const fn is_old(&self) -> bool {
        self.has(2) && self.has(128)
    }

    const fn mechanism(&self) -> Mechanism {
        if self.has(1) { Mechanism::SPNEGO } else { Mechanism::NTLM }
    }

    fn acceptor(&self) -> Box<dyn Acceptor> {
        let mut accounts = AccountFile::default();
        let account = Account::new("alice", "LAB", NtHash::from_bytes(ALICE));
        accounts.set(account).expect("a name that may be");
        let config = AcceptorConfig {
            accounts: Arc::new(accounts),
            policy: Policy { allow_anonymous: self.has(4), ..Policy::default() },
            authority: Authority::new("accounts"),
            contexts: Arc::clone(&self.contexts),
            settings: Settings::of(NtlmAcceptorConfig {
                names: ServerNames {
                    nb_computer: "EXCH".to_owned(),
                    nb_domain: "LAB".to_owned(),
                    dns_computer: "exch.lab.test".to_owned(),
                    dns_domain: "lab.test".to_owned(),
                },
                allow_legacy: self.has(2),
                ..NtlmAcceptorConfig::default()
            }),
        };
        self.mechanism().acceptor(&Arc::new(config), Channel::RPC).expect("a mechanism with both ends")
    }

    fn initiator(&self) -> Box<dyn Initiator> {
        let protection = match (self.has(8), self.has(16)) {
            (_, true) => Protection::Seal,
            (true, _) => Protection::Sign,
            _ => Protection::None,
        };
        let config = InitiatorConfig {
            credentials: Credentials::nt_hash("alice", "LAB", NtHash::from_bytes(ALICE)),
            target_name: String::new(),
            protection,
            level: ActingLevel::Impersonate,
            authority: Authority::new("upstream"),
            contexts: Arc::clone(&self.contexts),
            settings: Settings::of(NtlmInitiatorConfig {
                workstation: "WS".to_owned(),
                version: if self.is_old() { NtlmVersion::V1 } else { NtlmVersion::V2 },
                allow_legacy: self.has(2),
            }),
        };
        self.mechanism().initiator(&config, Channel::RPC).expect("a mechanism with both ends")
    }

    /// Arbitrary tokens authenticate no user.
    fn accept(&self, input: &mut Input<'_>) {
        let (mut acceptor, mut random) = (self.acceptor(), Counted(7));
        let mut over = false;
        for _ in 0..5 {
            match acceptor.step(input.block(), NOW, &mut random) {
                Ok(Step::Continue(_)) => assert!(!over, "nothing is taken after the end"),
                Ok(Step::Done { context, .. }) => {
                    assert!(!over, "nothing is taken after the end");
                    assert!(self.has(4) && context.is_anonymous(), "the hash is secret: {context:?}");
                    over = true;
                }
                Err(refusal) => {
                    assert!(!over || matches!(refusal, AuthError::Ended), "{refusal}");
                    over = true;
                }
            }
        }
    }

    /// A server that sends arbitrary tokens.
    fn initiate(&self, input: &mut Input<'_>) {
        let (mut initiator, mut random) = (self.initiator(), Counted(9));
        initiator.step(&[], NOW, &mut random).expect("a first token");
        let mut over = false;
        for _ in 0..4 {
            match initiator.step(input.block(), NOW, &mut random) {
                Ok(Step::Continue(_)) => assert!(!over, "nothing is taken after the end"),
                Ok(Step::Done { context, .. }) => {
                    assert!(!over, "nothing is taken after the end");
                    is_alice(&context);
                    over = true;
                }
                Err(refusal) => {
                    assert!(!over || matches!(refusal, AuthError::Ended), "{refusal}");
                    over = true;
                }
            }
        }
    }

    /// A correct initiator and a correct acceptor, with an attacker between them.
    fn converse(&self, input: &mut Input<'_>) {
        let (mut client, mut server) = (self.initiator(), self.acceptor());
        let (mut at_client, mut at_server) = (Counted(1), Counted(2));
        let (mut client_end, mut server_end) = (None, None);
        let mut changed = false;
        let mut token = Vec::new();
        for _ in 0..4 {
            if client_end.is_none() {
                match client.step(&token, NOW, &mut at_client) {
                    Ok(Step::Continue(next)) => token = next,
                    Ok(Step::Done { token: last, context, security }) => {
                        is_alice(&context);
                        client_end = Some(security);
                        let Some(last) = last else { break };
                        token = last;
                    }
                    Err(refusal) => return assert!(changed, "an honest server is refused: {refusal}"),
                }
            }
            changed |= change(&mut token, input);
            match server.step(&token, NOW, &mut at_server) {
                Ok(Step::Continue(next)) => token = next,
                Ok(Step::Done { token: last, context, security }) => {
                    assert!(!changed || self.has(1) || self.is_old(), "a changed conversation ends");
                    is_alice(&context);
                    server_end = Some(security);
                    let Some(last) = last else { break };
                    token = last;
                }
                Err(refusal) => return assert!(changed, "an honest client is refused: {refusal}"),
            }
            changed |= change(&mut token, input);
        }
        match (client_end, server_end) {
            (Some(client), Some(server)) => {
                let trust = match (changed, self.is_old()) {
                    (false, _) => Trust::Honest,
                    (true, false) => Trust::Keys,
                    (true, true) => Trust::None,
                };
                messages(client, server, trust, input);
            }
            _ => assert!(changed, "an honest conversation ends"),
        }
    }
}

fn is_alice(context: &SecurityContext) {
    assert!(!context.is_anonymous() && !context.is_system());
    assert_eq!((context.principal().user(), context.principal().domain()), ("alice", "LAB"));
}

/// Changes the bytes of a token that the input selects. Returns whether a byte differs.
fn change(token: &mut Vec<u8>, input: &mut Input<'_>) -> bool {
    let before = token.clone();
    let count = input.byte();
    for _ in 0..count.min(MAX_CHANGES) {
        let (place, bits) = (usize::from(input.short()), input.byte());
        if let Some(byte) = token.get_mut(place) {
            *byte ^= bits;
        }
    }
    if count == u8::MAX {
        token.truncate(usize::from(input.short()));
    }
    *token != before
}

/// The properties that a finished conversation must have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Trust {
    /// None: `NTLMv1` does not protect the negotiation.
    None,
    /// Both ends have the same keys and flags. The `mechListMIC` of SPNEGO may have been removed, after which the
    /// sequence numbers of the ends may differ.
    Keys,
    /// All properties.
    Honest,
}

/// Sends messages in both directions. With keys, a changed message is rejected; between correct ends an unchanged
/// one is accepted.
fn messages(
    mut client: Box<dyn MessageSecurity>,
    mut server: Box<dyn MessageSecurity>,
    trust: Trust,
    input: &mut Input<'_>,
) {
    assert!(trust == Trust::None || flags(&*client) == flags(&*server), "both agreed on the same");
    while !input.is_empty() {
        let (choice, body) = (input.byte(), input.block());
        let (from, to) =
            if choice & 1 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let mut message = body.to_vec();
        let sealed = choice & 2 != 0 && from.can_seal();
        let signature = if sealed {
            from.seal(b"head", &mut message, b"tail")
        } else {
            from.sign(b"head", &message, b"tail")
        };
        let Ok(mut signature) = signature else {
            assert!(!from.can_sign() || trust == Trust::None, "what can be signed is signed");
            return;
        };
        let changed = choice & 4 != 0;
        if changed {
            let place = usize::from(choice >> 3) % signature.len();
            signature[place] ^= 0x40;
        }
        let verdict = if sealed {
            to.unseal(b"head", &mut message, b"tail", &signature)
        } else {
            to.verify(b"head", &message, b"tail", &signature)
        };
        if trust >= Trust::Keys {
            assert!(verdict.is_err() || (!changed && message == body), "what was changed is refused");
        }
        if trust == Trust::Honest {
            assert_eq!(verdict.is_err(), changed, "what was not changed is taken");
        }
        if verdict.is_err() {
            return;
        }
    }
}

/// What was negotiated by NTLM.
fn flags(security: &dyn MessageSecurity) -> NegotiateFlags {
    let any: &dyn std::any::Any = security;
    any.downcast_ref::<NtlmSecurity>().expect("NTLM alone protects messages").flags()
}
