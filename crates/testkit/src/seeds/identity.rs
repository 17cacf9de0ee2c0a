//! Seeds for fuzzing authentication.

use std::sync::Arc;

use identity::accounts::{Account, AccountFile};
use identity::ntlm::{Authenticate, AvId, AvPairs, ClientChallenge, Field, NegotiateFlags};
use identity::{
    AcceptorConfig, ActingLevel, Authority, Channel, ContextCounters, Credentials, InitiatorConfig,
    Mechanism, NtHash, NtlmAcceptorConfig, NtlmInitiatorConfig, Policy, Protection, ServerNames, Settings,
    Step,
};
use wire::{Encode, FileTime, Now, utf16le_bytes};

use crate::input::{Counted, chosen, put_block};

const NOW: Now = Now::at(FileTime(134_000_000_000_000_000));

const USER: &str = "alice";
const DOMAIN: &str = "LAB";
const HASH: [u8; 16] = [0x11; 16];

const ACCOUNTS: &str = "[[account]]\nuser = \"alice\"\ndomain = \"LAB\"\n\
                        nt_hash = \"0123456789abcdef0123456789abcdef\"\ndisabled = true\n";

/// The tokens of a handshake of alice, the client's first.
fn conversation(mechanism: Mechanism) -> Vec<Vec<u8>> {
    tokens_of(mechanism, Credentials::nt_hash(USER, DOMAIN, NtHash::from_bytes(HASH)))
}

/// The tokens of a handshake, the client's first.
fn tokens_of(mechanism: Mechanism, credentials: Credentials) -> Vec<Vec<u8>> {
    let contexts = ContextCounters::new();
    let mut accounts = AccountFile::default();
    let account = Account::new(USER, DOMAIN, NtHash::from_bytes(HASH));
    accounts.set(account).expect("a name that may be");
    let names = ServerNames { nb_computer: "EXCH".into(), nb_domain: "LAB".into(), ..ServerNames::default() };
    let config = AcceptorConfig {
        accounts: Arc::new(accounts),
        policy: Policy { allow_anonymous: true, ..Policy::default() },
        authority: Authority::new("accounts"),
        contexts: Arc::clone(&contexts),
        settings: Settings::of(NtlmAcceptorConfig { names, ..NtlmAcceptorConfig::default() }),
    };
    let mut acceptor = mechanism.acceptor(&Arc::new(config), Channel::RPC).expect("both ends");
    let mut initiator = mechanism
        .initiator(
            &InitiatorConfig {
                credentials,
                target_name: "host/exch".into(),
                protection: Protection::Seal,
                level: ActingLevel::Impersonate,
                authority: Authority::new("upstream"),
                contexts,
                settings: Settings::of(NtlmInitiatorConfig {
                    workstation: "WS".into(),
                    ..NtlmInitiatorConfig::default()
                }),
            },
            Channel::RPC,
        )
        .expect("both ends");
    let mut random = Counted(3);
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for leg in 0..4 {
        let last = tokens.last().cloned().unwrap_or_default();
        let step = if leg % 2 == 0 {
            initiator.step(&last, NOW, &mut random)
        } else {
            acceptor.step(&last, NOW, &mut random)
        };
        match step.expect("two honest ends") {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => tokens.push(token),
            Step::Done { token: None, .. } => break,
        }
    }
    tokens
}

pub(super) fn tokens() -> Vec<Vec<u8>> {
    let (ntlm, spnego) = (conversation(Mechanism::NTLM), conversation(Mechanism::SPNEGO));
    let mut seeds: Vec<_> = (0..).zip(&ntlm).map(|(kind, token)| chosen(&[kind], token)).collect();
    let mut pairs = AvPairs::default();
    pairs.push(AvId::MsvAvNbDomainName, *b"L\0A\0B\0");
    pairs.push(AvId::MsvAvFlags, [2, 0, 0, 0]);
    pairs.push(AvId::MsvAvTimestamp, [7; 8]);
    let pairs = pairs.to_bytes().expect("a seed can be written");
    seeds.push(chosen(&[3], &pairs));
    let fixed = [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[9; 16], &[0; 4]].concat();
    seeds.push(chosen(&[4], &[fixed, pairs].concat()));
    for small in [&[0xa1, 2, 0x30, 0][..], &[0xa1, 7, 0x30, 5, 0xa0, 3, 10, 1, 1]] {
        seeds.push(chosen(&[6], small));
    }
    seeds.extend((0..).zip(&spnego).map(|(leg, token)| chosen(&[if leg == 0 { 5 } else { 6 }], token)));
    seeds.push(chosen(&[7], ACCOUNTS.as_bytes()));
    seeds
}

/// A response to a challenge, without an integrity code and with an invalid proof.
fn unproven() -> Vec<u8> {
    let claims = ClientChallenge {
        reserved1: 0,
        reserved2: 0,
        timestamp: NOW.wall,
        challenge_from_client: [5; 8],
        reserved3: 0,
        av_pairs: AvPairs::default(),
    };
    let response = [&[6; 16][..], &claims.to_bytes().expect("a seed can be written")].concat();
    let parts = [utf16le_bytes(DOMAIN), utf16le_bytes(USER), response];
    let mut offset = 64;
    let [domain, user, nt_response] = parts.each_ref().map(|part| {
        let length = u16::try_from(part.len()).expect("a short part");
        let field = Field { length, maximum: length, offset };
        offset += u32::from(length);
        field
    });
    let flags = NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE
        | NegotiateFlags::NTLMSSP_NEGOTIATE_NTLM
        | NegotiateFlags::NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY;
    let none = Field::default();
    let message = Authenticate {
        lm_response: none,
        nt_response,
        domain,
        user,
        workstation: none,
        session_key: none,
        flags,
        version: None,
        mic: None,
        payload: parts.concat(),
    };
    message.to_bytes().expect("a seed can be written")
}

pub(super) fn handshake() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut seed = vec![0];
    put_block(&mut seed, &conversation(Mechanism::NTLM)[0]);
    put_block(&mut seed, &unproven());
    seeds.push(seed);
    for policy in [0, 4] {
        for (mechanism, switch) in [(Mechanism::NTLM, 0), (Mechanism::SPNEGO, 1)] {
            let mut seed = vec![policy | switch];
            let tokens = tokens_of(mechanism, Credentials::Anonymous);
            tokens.iter().step_by(2).for_each(|token| put_block(&mut seed, token));
            seeds.push(seed);
        }
    }
    for (mechanism, switch) in [(Mechanism::NTLM, 0), (Mechanism::SPNEGO, 1)] {
        let tokens = conversation(mechanism);
        for policy in [0, 2, 4, 6] {
            for (end, first) in [(0, 0), (0x20, 1)] {
                let mut seed = vec![end | policy | switch];
                tokens.iter().skip(first).step_by(2).for_each(|token| put_block(&mut seed, token));
                seeds.push(seed);
            }
        }
        for protection in [0, 8, 16, 128 | 2 | 16] {
            // Nothing is changed; then both sides send messages.
            let mut seed = vec![0x40 | switch | protection, 0, 0, 0];
            if switch == 1 {
                seed.push(0);
            }
            for choice in [0, 1, 2, 3, 4] {
                seed.push(choice);
                put_block(&mut seed, b"a message");
            }
            seeds.push(seed);
        }
        // The client's offer of extended session security is removed.
        let mut seed = vec![0x40 | 128 | 2 | 16 | switch, 1, if switch == 0 { 14 } else { 48 }, 0, 8, 0, 0];
        for choice in [0, 1, 2, 3, 4] {
            seed.push(choice);
            put_block(&mut seed, b"a message");
        }
        seeds.push(seed);
        // One bit of the response is changed.
        seeds.push(vec![0x40 | switch | 16, 0, 0, 1, 100, 0, 1]);
    }
    seeds
}

pub(super) fn relayed() -> Vec<Vec<u8>> {
    let leg = |seed: &mut Vec<u8>, sent: &[u8], status: u8, answer: &[u8]| {
        put_block(seed, sent);
        seed.push(status);
        put_block(seed, answer);
    };
    let mut seeds = Vec::new();
    for (scheme, mechanism) in [(0, Mechanism::SPNEGO), (1, Mechanism::NTLM)] {
        let mut seed = vec![scheme, 0];
        for pair in conversation(mechanism).chunks(2) {
            let answer = pair.get(1).map_or(&b""[..], Vec::as_slice);
            leg(&mut seed, &pair[0], u8::from(answer.is_empty()), answer);
        }
        // The same request on the connection is carried out, and refused on another.
        seed.extend([0x81, 0]);
        seeds.push(seed);
    }
    // {"alg":"RS256"}, {"iss":"a","upn":"alice"}, and a signature; LAB\\alice and a password.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwidXBuIjoiYWxpY2UifQ.c2ln";
    for (scheme, credentials) in [(2, token), (2, "opaque"), (3, "TEFCXGFsaWNlOnB3")] {
        for (kind, status) in [(0, 0x81), (0x40, 1)] {
            let mut seed = vec![scheme, kind];
            leg(&mut seed, credentials.as_bytes(), status, b"");
            seed.extend([0, 0]);
            seeds.push(seed);
        }
    }
    seeds
}
