//! Tests with encoded calls and responses.

mod copies;
mod folders;
mod mail;
mod mailbox;
mod messages;
mod notifications;
mod nspi;
mod others;
mod out_of_office;
mod properties;
mod public_folders;
mod quotas;
mod receipts;
mod recipients;
mod redirects;
mod rules;
mod searches;
mod streams;
mod submission;
mod sync;
mod tables;
mod trees;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use identity::accounts::{Account, AccountFile};
use identity::{
    AcceptorConfig, ActingLevel, Authority, Channel, ContextCounters, Credentials, InitiatorConfig,
    Mechanism, NtHash, NtlmAcceptorConfig, NtlmInitiatorConfig, OsRandom, Protection, SecurityContext,
    Settings, Step,
};
use mapi::Interface;
use net::{Call, Group, Service as _, syntax};
use rpc::FaultStatus;
use rpc::ndr::ContextHandle;
use wire::{Endian, FileTime, Now};

use crate::{Lab, LabConfig};

/// A caller.
pub(crate) struct Caller {
    pub(crate) lab: Arc<Lab>,
    context: SecurityContext,
    pub(crate) group: Arc<Group>,
}

impl Caller {
    /// The proxy's service account, which may act as everyone.
    pub(crate) fn new() -> Self {
        Self::named("svcproxy")
    }

    /// The account `name` of a new lab.
    pub(crate) fn named(name: &str) -> Self {
        let lab = Arc::new(Lab::new(LabConfig::two_servers()).unwrap());
        Self { lab, context: authenticated(name), group: Arc::default() }
    }

    /// The same lab, called by the account `name`.
    pub(crate) fn by(&self, name: &str) -> Self {
        Self { lab: Arc::clone(&self.lab), context: authenticated(name), group: Arc::default() }
    }

    /// The same lab, called by a client that did not authenticate.
    pub(crate) fn anonymous(&self) -> Self {
        let context = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("lab"));
        Self { lab: Arc::clone(&self.lab), context, group: Arc::default() }
    }

    /// The same lab, called from another connection by another caller.
    pub(crate) fn other_identity(&self) -> Self {
        Self { group: Arc::clone(&self.group), ..self.by("svcproxy") }
    }

    /// The same caller in another association group.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { lab: Arc::clone(&self.lab), context: self.context.clone(), group: Arc::default() }
    }

    pub(crate) fn raw(&self, interface: Interface, opnum: u16, stub: &[u8]) -> Result<Bytes, FaultStatus> {
        self.lab.call(&self.request(interface, opnum, stub))
    }

    /// A call of an operation.
    pub(crate) fn request(&self, interface: Interface, opnum: u16, stub: &[u8]) -> Call {
        Call {
            id: 1,
            interface: syntax(interface),
            opnum,
            object: None,
            stub: Bytes::copy_from_slice(stub),
            endian: Endian::Little,
            context: self.context.clone(),
            peer: SocketAddr::from(([127, 0, 0, 1], 4)),
            group: Arc::clone(&self.group),
        }
    }
}

/// The context of an account that authenticated by NTLM. Each context has its own authority, so that no two are of the
/// same identity.
fn authenticated(name: &str) -> SecurityContext {
    let (hash, contexts, now) =
        (NtHash::from_password("Password"), ContextCounters::new(), Now::at(FileTime(0)));
    let mut accounts = AccountFile::default();
    accounts.set(Account::new(name, "LAB", hash.clone())).unwrap();
    let server = AcceptorConfig {
        settings: Settings::of(NtlmAcceptorConfig::default()),
        ..AcceptorConfig::new(Arc::new(accounts), Authority::new("lab"), Arc::clone(&contexts))
    };
    let mut server = Mechanism::NTLM.acceptor(&Arc::new(server), Channel::RPC).unwrap();
    let client = InitiatorConfig {
        credentials: Credentials::nt_hash(name, "LAB", hash),
        target_name: String::new(),
        protection: Protection::None,
        level: ActingLevel::Impersonate,
        authority: Authority::new("lab"),
        contexts,
        settings: Settings::of(NtlmInitiatorConfig::default()),
    };
    let mut client = Mechanism::NTLM.initiator(&client, Channel::RPC).unwrap();
    let (mut token, mut random) = (Vec::new(), OsRandom);
    loop {
        token = match client.step(&token, now, &mut random).unwrap() {
            Step::Continue(token) => token,
            Step::Done { token, .. } => token.unwrap(),
        };
        match server.step(&token, now, &mut random).unwrap() {
            Step::Continue(next) => token = next,
            Step::Done { context, .. } => return context,
        }
    }
}

/// A handle that the lab never issued.
pub(crate) fn made_up() -> ContextHandle {
    ContextHandle::new("00112233-4455-6677-8899-aabbccddeeff".parse().unwrap())
}

#[test]
fn an_unknown_or_malformed_call_gets_a_fault() {
    let caller = Caller::new();
    for interface in Interface::ALL {
        let after_last = u16::try_from(interface.operations().len()).unwrap();
        assert_eq!(caller.raw(interface, after_last, &[]), Err(FaultStatus::NCA_S_OP_RNG_ERROR));
    }
    for (interface, opnum) in [(Interface::Rfr, 0), (Interface::Nspi, 0), (Interface::Emsmdb, 10)] {
        assert_eq!(caller.raw(interface, opnum, &[0; 3]), Err(FaultStatus::RPC_X_BAD_STUB_DATA));
    }
    for opnum in [3, 4, 5, 7, 8, 9, 12, 13] {
        assert!(caller.raw(Interface::Emsmdb, opnum, &[0; 64]).is_err());
    }
}
