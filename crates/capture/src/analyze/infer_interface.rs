//! Infers the interface of calls whose bind is missing in the recording.

use std::collections::HashMap;

use engine::Body as _;
use mapi::Interface;
use wire::Endian;

use crate::call::{RpcCall, RpcOutcome, Stub};

/// The largest number of connections whose interface is remembered.
const MAX_CONNECTIONS: usize = 65_536;

/// The largest number of padding bytes after the last parameter.
const MAX_REST: usize = 3;

/// The interfaces of connections without a bind, inferred from the stubs of their calls.
#[derive(Debug, Default)]
pub(super) struct InferredInterfaces {
    known: HashMap<u64, Interface>,
}

impl InferredInterfaces {
    /// The interface of a call: the only one as which both stubs can be decoded. If there are several, the
    /// one that was inferred for another call of the connection.
    pub(super) fn interface(&mut self, connection: u64, call: &RpcCall) -> Option<Interface> {
        let mut fitting = Interface::ALL.into_iter().filter(|interface| fits(*interface, call));
        if let Some(known) = self.known.get(&connection) {
            return fitting.find(|interface| interface == known);
        }
        let only = fitting.next().filter(|_| fitting.next().is_none())?;
        // A request alone can be decoded as several interfaces.
        if !matches!(call.outcome, RpcOutcome::Response(_)) {
            return None;
        }
        if self.known.len() >= MAX_CONNECTIONS {
            self.known.clear();
        }
        self.known.insert(connection, only);
        Some(only)
    }
}

/// Whether the stubs of a call can be decoded as those of `interface`.
fn fits(interface: Interface, call: &RpcCall) -> bool {
    let key = (interface, call.opnum);
    let whole = |decoded: wire::Result<usize>| decoded.is_ok_and(|rest| rest <= MAX_REST);
    let request = |bytes: &[u8], endian: Endian| {
        engine::Request::decode(key.into(), bytes, endian).map(|(_, rest)| rest.len())
    };
    let response = |bytes: &[u8], endian: Endian| {
        engine::Response::decode(key.into(), bytes, endian).map(|(_, rest)| rest.len())
    };
    let Stub::Plain(bytes, endian) = &call.request else { return false };
    whole(request(bytes, *endian))
        && match &call.outcome {
            RpcOutcome::Response(Stub::Plain(bytes, endian)) => whole(response(bytes, *endian)),
            RpcOutcome::Response(_) => false,
            RpcOutcome::Fault(_) | RpcOutcome::None => true,
        }
}
