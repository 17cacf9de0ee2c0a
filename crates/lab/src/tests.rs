//! Tests with encoded calls and responses.

mod nspi;
mod others;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use identity::{Authority, ContextCounters, SecurityContext};
use mapi::Interface;
use net::{Call, Group, Service as _, syntax};
use rpc::FaultStatus;
use rpc::ndr::ContextHandle;
use wire::Endian;

use crate::{Lab, LabConfig};

/// A caller.
pub(crate) struct Caller {
    pub(crate) lab: Arc<Lab>,
    context: SecurityContext,
    pub(crate) group: Arc<Group>,
}

impl Caller {
    pub(crate) fn new() -> Self {
        let lab = Arc::new(Lab::new(LabConfig::two_servers()));
        Self { lab, context: person("lab"), group: Arc::default() }
    }

    /// The same lab, called from another connection by another caller.
    pub(crate) fn other_identity(&self) -> Self {
        Self { lab: Arc::clone(&self.lab), context: person("elsewhere"), group: Arc::clone(&self.group) }
    }

    /// The same caller in another association group.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { lab: Arc::clone(&self.lab), context: self.context.clone(), group: Arc::default() }
    }

    pub(crate) fn raw(&self, interface: Interface, opnum: u16, stub: &[u8]) -> Result<Bytes, FaultStatus> {
        self.lab.call(&Call {
            id: 1,
            interface: syntax(interface),
            opnum,
            object: None,
            stub: Bytes::copy_from_slice(stub),
            endian: Endian::Little,
            context: self.context.clone(),
            peer: SocketAddr::from(([127, 0, 0, 1], 4)),
            group: Arc::clone(&self.group),
        })
    }
}

/// A context; callers of different authorities are different people.
fn person(authority: &str) -> SecurityContext {
    SecurityContext::anonymous(&ContextCounters::new(), &Authority::new(authority))
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
