//! Replays RPC calls.

use std::collections::HashMap;

use bytes::Bytes;
use engine::{Body as _, HandleUse, handle_use};
use mapi::Interface;
use mapi::emsmdb::Request;
use wire::{Endian, Guid};

use super::mapped::Mapped;
use super::not_sent::NotSent;
use crate::analyze::Operation;
use crate::analyze::handles::{handle_at, opened};
use crate::call::{RpcCall, RpcOutcome, Stub};

/// An RPC call to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcStep {
    /// The interface.
    pub interface: Interface,
    /// The operation number.
    pub opnum: u16,
    /// The stub of the request, little-endian, with the current server's handles and ids.
    pub stub: Vec<u8>,
}

impl RpcStep {
    /// The call that was sent in place of `recorded`, with its outcome.
    pub(super) fn sent_call(&self, recorded: &RpcCall, outcome: RpcOutcome) -> RpcCall {
        let request = Stub::Plain(Bytes::copy_from_slice(&self.stub), Endian::Little);
        RpcCall { request, outcome, ..recorded.clone() }
    }
}

/// Maps the context handles of the recording to the current ones.
#[derive(Debug, Default)]
pub(super) struct ContextHandles(HashMap<Guid, Guid>);

impl ContextHandles {
    /// Prepares the call to send in place of a recorded one.
    pub(super) fn prepare(
        &self,
        mapped: &Mapped,
        operation: &Operation,
        rpc: &RpcCall,
    ) -> Result<RpcStep, NotSent> {
        let syntax = rpc.interface.ok_or(NotSent::NoBind)?;
        let interface = Interface::by_uuid(syntax.uuid).ok_or(NotSent::Interface)?;
        if interface == Interface::AsyncEmsmdb {
            return Err(NotSent::Notifications);
        }
        if rpc.outcome == RpcOutcome::None {
            return Err(NotSent::NoResponse);
        }
        let Stub::Plain(stub, endian) = &rpc.request else { return Err(NotSent::Sealed) };
        let key = (interface, rpc.opnum);
        let request = engine::Request::decode(key.into(), stub, *endian);
        let (request, _) = request.map_err(|_| NotSent::Malformed)?;
        let mut stub = match request {
            engine::Request::Emsmdb(request) => with_objects(mapped, request, operation.session).encode(),
            request => request.encode(),
        }
        .map_err(|_| NotSent::Unwritable)?;
        mapped.ids.replace_in(&mut stub);
        if let Some(session) = session(interface, rpc) {
            let current = self.0.get(&session).ok_or(NotSent::NoSession)?;
            if let Some(place) = stub.get_mut(4..20) {
                place.copy_from_slice(&current.to_le());
            }
        }
        Ok(RpcStep { interface, opnum: rpc.opnum, stub })
    }

    /// Maps a recorded context handle to the current one.
    pub(super) fn learn(&mut self, interface: Interface, recorded: &RpcCall, replayed: &RpcCall) {
        if matches!(handle_use(interface, recorded.opnum), HandleUse::Opens | HandleUse::Derives)
            && let (Some(recorded), Some(replayed)) =
                (opened(interface, &recorded.outcome), opened(interface, &replayed.outcome))
        {
            self.0.insert(recorded, replayed);
        }
    }
}

/// Replaces the server object handles in a request by the current ones.
fn with_objects(mapped: &Mapped, mut request: Request, session: u64) -> Request {
    let chain = |bytes: &mut Vec<u8>| {
        if let Some(chain) = mapped.chain(session, bytes) {
            *bytes = chain;
        }
    };
    match &mut request {
        Request::EcDoRpc(call) => {
            if let Some(payload) = mapped.buffer(session, &call.payload()) {
                // The new bytes are not longer than the old ones, so they fit.
                let _ = call.set_payload(payload);
            }
        }
        Request::EcDoRpcExt(call) => chain(&mut call.rgb_in.0),
        Request::EcDoRpcExt2(call) => chain(&mut call.rgb_in.0),
        _ => {}
    }
    request
}

/// The context handle in a recorded request.
fn session(interface: Interface, rpc: &RpcCall) -> Option<Guid> {
    match handle_use(interface, rpc.opnum) {
        HandleUse::Unknown | HandleUse::None | HandleUse::Opens => None,
        _ => handle_at(&rpc.request, 0),
    }
}
