//! Remote procedure calls, made once more.

use bytes::Bytes;
use engine::{Body as _, HandleUse, handle_use};
use mapi::Interface;
use mapi::emsmdb::Request;
use wire::{Endian, Guid};

use super::Replay;
use crate::analyze::Operation;
use crate::analyze::handles::{handle_at, opened};
use crate::call::{RpcAnswer, RpcCall, Stub};

/// A remote procedure call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcStep {
    /// The interface.
    pub interface: Interface,
    /// The call's number there.
    pub opnum: u16,
    /// Its request, little-endian, with what belongs to the server that is asked now.
    pub stub: Vec<u8>,
}

impl RpcStep {
    /// The call as it was made in the place of `recorded`.
    pub(super) fn made(&self, recorded: &RpcCall, answer: RpcAnswer) -> RpcCall {
        let request = Stub::Plain(Bytes::copy_from_slice(&self.stub), Endian::Little);
        RpcCall { request, answer, ..recorded.clone() }
    }
}

impl Replay {
    pub(super) fn prepare_rpc(&self, operation: &Operation, rpc: &RpcCall) -> Result<RpcStep, &'static str> {
        let interface = rpc.interface.and_then(|syntax| Interface::by_uuid(syntax.uuid));
        let interface = interface.ok_or("its interface is not one of Exchange's")?;
        if interface == Interface::AsyncEmsmdb {
            return Err("it waits for notifications");
        }
        if rpc.answer == RpcAnswer::None {
            return Err("its answer was not recorded");
        }
        let Stub::Plain(stub, endian) = &rpc.request else { return Err("it is sealed") };
        let key = (interface, rpc.opnum);
        let request = engine::Request::decode(key.into(), stub, *endian);
        let (request, _) = request.map_err(|_| "it can't be read")?;
        let mut stub = match request {
            engine::Request::Emsmdb(request) => self.with_objects(request, operation.session).encode(),
            request => request.encode(),
        }
        .map_err(|_| "it can't be written")?;
        self.mapped.ids.put_in(&mut stub);
        if let Some(session) = session(interface, rpc) {
            let now = self.handles.get(&session).ok_or("its session was not begun")?;
            if let Some(place) = stub.get_mut(4..20) {
                place.copy_from_slice(&now.to_le());
            }
        }
        Ok(RpcStep { interface, opnum: rpc.opnum, stub })
    }

    /// A request with the server object handles of now.
    fn with_objects(&self, mut request: Request, session: u64) -> Request {
        let chain = |bytes: &mut Vec<u8>| {
            if let Some(mapped) = self.mapped.chain(session, bytes) {
                *bytes = mapped;
            }
        };
        match &mut request {
            Request::EcDoRpc(call) => {
                if let Some(payload) = self.mapped.buffer(session, &call.payload()) {
                    // What is no longer than before fits.
                    let _ = call.set_payload(payload);
                }
            }
            Request::EcDoRpcExt(call) => chain(&mut call.rgb_in.0),
            Request::EcDoRpcExt2(call) => chain(&mut call.rgb_in.0),
            _ => {}
        }
        request
    }

    pub(super) fn learn_handles(&mut self, interface: Interface, recorded: &RpcCall, now: &RpcCall) {
        if matches!(handle_use(interface, recorded.opnum), HandleUse::Opens | HandleUse::Derives)
            && let (Some(then), Some(now)) =
                (opened(interface, &recorded.answer), opened(interface, &now.answer))
        {
            self.handles.insert(then, now);
        }
    }
}

/// The context handle that a recorded request names.
fn session(interface: Interface, rpc: &RpcCall) -> Option<Guid> {
    match handle_use(interface, rpc.opnum) {
        HandleUse::None | HandleUse::Opens => None,
        _ => handle_at(&rpc.request, 0),
    }
}
