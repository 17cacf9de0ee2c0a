//! The lab as an RPC service: dispatches calls to the interfaces.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use net::{Call, Group, Service, Waiting};
use rpc::FaultStatus;
use rpc::ndr::ContextHandle;

use crate::backend::{Backend, LabError};
use crate::config::LabConfig;
use crate::handles::{Handles, Object};

/// A small Exchange server.
#[derive(Debug)]
pub struct Lab {
    pub(crate) backend: Arc<Backend>,
    pub(crate) handles: Handles,
}

/// The number of sessions of an administrator with the address book, which do not name the person: as many as Exchange
/// permits accounts with administrative privileges.
const ADMINISTRATOR_SESSIONS: usize = 64_000;

/// The result of a call: the response's stub, or a fault.
pub(crate) type CallResult = Result<Bytes, FaultStatus>;

impl Lab {
    /// The lab that `config` describes.
    ///
    /// # Errors
    /// If the mailbox store cannot be opened, or `quotas` or `elsewhere` names a person who does not exist.
    pub fn new(config: LabConfig) -> Result<Self, LabError> {
        let handles = Handles::new(config.seed);
        Ok(Self { backend: Arc::new(Backend::new(config)?), handles })
    }

    /// The configuration of the lab.
    pub fn config(&self) -> &LabConfig {
        &self.config
    }

    /// The aliases of all people, in the order of their names: each has a mailbox.
    pub fn aliases(&self) -> Vec<String> {
        let people = self.directory.container(crate::directory::ALL_USERS);
        let entries = people.into_iter().flat_map(|people| &people.rows);
        entries.filter_map(|mid| self.directory.entry(*mid)).map(|entry| entry.alias.clone()).collect()
    }

    /// The number of open context handles.
    pub fn open_handles(&self) -> usize {
        self.handles.count()
    }

    /// How many sessions with the address book the user of `context` may have, if users may have `most`.
    pub(crate) fn address_book_sessions(&self, context: &SecurityContext, most: usize) -> usize {
        if self.backend.is_administrator(context) { ADMINISTRATOR_SESSIONS } else { most }
    }

    /// Checks that `handle` is a session with the address book that the caller of `call` may use.
    pub(crate) fn check_address_book(&self, call: &Call, handle: ContextHandle) -> Result<(), FaultStatus> {
        match self.handles.find(call, handle)? {
            Object::AddressBook => Ok(()),
            _ => Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH),
        }
    }
}

impl Deref for Lab {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.backend
    }
}

impl Service for Lab {
    fn call(&self, call: &Call) -> CallResult {
        let interface = Interface::by_uuid(call.interface.uuid).ok_or(FaultStatus::NCA_S_UNK_IF)?;
        let operation = interface.operation(call.opnum).ok_or(FaultStatus::NCA_S_OP_RNG_ERROR)?;
        let answer = match interface {
            Interface::Rfr => self.rfr(call),
            Interface::Nspi => self.nspi(call),
            Interface::Emsmdb => self.emsmdb(call),
            // All of its operations wait.
            Interface::AsyncEmsmdb => Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        };
        if let Err(status) = &answer {
            tracing::debug!(operation, user = %call.context.principal(), "lab: fault {status}");
        }
        answer
    }

    fn wait(&self, call: &Call) -> Option<Waiting> {
        let is_async = Interface::by_uuid(call.interface.uuid) == Some(Interface::AsyncEmsmdb);
        let is_wait = is_async && Interface::AsyncEmsmdb.operation(call.opnum).is_some();
        is_wait.then(|| self.wait_for_notifications(call))
    }

    fn may_block(&self, call: &Call) -> bool {
        // EcDoRpc and EcDoRpcExt2 execute ROPs, and so may wait for the disk or for another call of the session.
        Interface::by_uuid(call.interface.uuid) == Some(Interface::Emsmdb) && matches!(call.opnum, 2 | 11)
    }

    fn rundown(&self, group: &Arc<Group>) {
        self.handles.rundown(group);
    }
}

/// The fault for a stub that cannot be decoded.
pub(crate) fn bad_stub(error: &wire::Error) -> FaultStatus {
    tracing::debug!("lab: {error}");
    FaultStatus::RPC_X_BAD_STUB_DATA
}

/// A response as a stub.
pub(crate) fn encoded(stub: wire::Result<Vec<u8>>) -> CallResult {
    stub.map(Bytes::from).map_err(|error| {
        tracing::error!("lab: a response does not fit: {error}");
        FaultStatus::NCA_S_OUT_ARGS_TOO_BIG
    })
}
