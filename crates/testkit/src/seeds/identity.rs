use std::sync::Arc;

use identity::accounts::{Account, AccountFile};
use identity::ntlm::{
    AcceptorConfig, AvId, AvPairs, Credentials, InitiatorConfig, Policy, Protection, ServerNames,
};
use identity::{Acceptor, ActingLevel, Initiator, Mechanism, NtHash, NtlmVersion, OsRandom, Registry, Step};
use wire::{Encode, FileTime};

use super::chosen;
use crate::input::put_block;

const NOW: FileTime = FileTime(134_000_000_000_000_000);

const ACCOUNTS: &str = "[[account]]\nuser = \"alice\"\ndomain = \"LAB\"\n\
                        nt_hash = \"0123456789abcdef0123456789abcdef\"\ndisabled = true\n";

/// The tokens of a handshake, the client's first.
fn conversation(mechanism: Mechanism) -> Vec<Vec<u8>> {
    let registry = Registry::new();
    let nt_hash = NtHash::from_bytes([0x11; 16]);
    let mut accounts = AccountFile::default();
    let (user, domain) = ("alice".to_owned(), "LAB".to_owned());
    let account =
        Account { user: user.clone(), domain: domain.clone(), nt_hash: nt_hash.clone(), disabled: false };
    accounts.set(account).expect("a name that may be");
    let names = ServerNames { nb_computer: "EXCH".into(), nb_domain: "LAB".into(), ..ServerNames::default() };
    let config = AcceptorConfig {
        accounts: Arc::new(accounts),
        policy: Policy::default(),
        names,
        authority: Arc::from("accounts"),
        registry: Arc::clone(&registry),
    };
    let mut acceptor = Acceptor::new(mechanism, Arc::new(config), None);
    let mut initiator = Initiator::new(
        mechanism,
        InitiatorConfig {
            credentials: Credentials::Account { user, domain, nt_hash },
            workstation: "WS".into(),
            target_name: "host/exch".into(),
            bindings: None,
            protection: Protection::Seal,
            level: ActingLevel::Impersonate,
            version: NtlmVersion::V2,
            allow_legacy: false,
            authority: Arc::from("upstream"),
            registry,
        },
    );
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for leg in 0..4 {
        let last = tokens.last().cloned().unwrap_or_default();
        let step = if leg % 2 == 0 {
            initiator.step(&last, NOW, &mut OsRandom)
        } else {
            acceptor.step(&last, NOW, &mut OsRandom)
        };
        match step.expect("two honest ends") {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => tokens.push(token),
            Step::Done { token: None, .. } => break,
        }
    }
    tokens
}

pub(super) fn tokens() -> Vec<Vec<u8>> {
    let (ntlm, spnego) = (conversation(Mechanism::Ntlm), conversation(Mechanism::Spnego));
    let mut seeds: Vec<_> = (0..).zip(&ntlm).map(|(kind, token)| chosen(&[kind], token)).collect();
    let mut pairs = AvPairs::default();
    pairs.push(AvId::MsvAvNbDomainName, *b"L\0A\0B\0");
    pairs.push(AvId::MsvAvFlags, [2, 0, 0, 0]);
    pairs.push(AvId::MsvAvTimestamp, [7; 8]);
    let pairs = pairs.to_bytes().expect("a seed can be written");
    seeds.push(chosen(&[3], &pairs));
    let fixed = [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[9; 16], &[0; 4]].concat();
    seeds.push(chosen(&[4], &[fixed, pairs].concat()));
    seeds.extend((0..).zip(&spnego).map(|(leg, token)| chosen(&[if leg == 0 { 5 } else { 6 }], token)));
    seeds.push(chosen(&[7], ACCOUNTS.as_bytes()));
    seeds
}

pub(super) fn handshake() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (mechanism, switch) in [(Mechanism::Ntlm, 0), (Mechanism::Spnego, 1)] {
        let tokens = conversation(mechanism);
        for policy in [0, 2, 4, 6] {
            for (end, first) in [(0, 0), (0x20, 1)] {
                let mut seed = vec![end | policy | switch];
                tokens.iter().skip(first).step_by(2).for_each(|token| put_block(&mut seed, token));
                seeds.push(seed);
            }
        }
        for protection in [0, 8, 16] {
            // Nothing is changed, then messages go both ways.
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
        // One bit of the answer is changed.
        seeds.push(vec![0x40 | switch | 16, 0, 0, 1, 100, 0, 1]);
    }
    seeds
}
