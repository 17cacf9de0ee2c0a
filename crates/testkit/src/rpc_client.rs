//! An RPC client whose calls pass through an engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use engine::{
    Engine, Envelope, HandleTable, Incoming, Interface, OperationKey, Refusal, RpcSessions, SecurityContext,
};
use identity::{Authority, ContextCounters};
use mapi::ndr::Ptr;
use mapi::nspi;
use wire::{Endian, FileTime, Now};

use crate::flight::{Step, TestFlight};

/// The context of a caller of `authority`. Two contexts of one authority have the same identity; those of two
/// authorities have different ones.
pub fn caller(authority: &str) -> SecurityContext {
    static KNOWN: Mutex<BTreeMap<String, Authority>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let authority = known.entry(authority.to_owned()).or_insert_with(|| Authority::new(authority));
    SecurityContext::anonymous(&ContextCounters::new(), authority)
}

/// A call of `context`, little-endian.
pub fn incoming(context: &SecurityContext, key: impl Into<OperationKey>, stub: impl Into<Bytes>) -> Incoming {
    Incoming {
        envelope: Envelope::RPC_TCP,
        key: key.into(),
        stub: stub.into(),
        endian: Endian::Little,
        context: context.clone(),
        peer: ([127, 0, 0, 1], 1).into(),
        at: Now::at(FileTime(0)),
    }
}

/// The stub of an `NspiBind`.
///
/// # Panics
/// If it can't be encoded.
pub fn bind_request() -> Vec<u8> {
    let request = nspi::BindRequest { flags: 0, stat: nspi::Stat::default(), server_guid: Ptr::NULL };
    nspi::Request::Bind(request).encode().expect("a bind of constants fits")
}

/// The stub of an upstream's response to an `NspiBind`: no GUID, `handle`, success.
pub fn bind_response(handle: [u8; 16]) -> Vec<u8> {
    [&[0; 8][..], &handle, &[0; 4]].concat()
}

/// A client with its own connection, and the engine through which its calls pass.
#[derive(Debug)]
pub struct RpcClient<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The handles of the connection.
    pub conversation: RpcSessions,
}

impl<'a> RpcClient<'a> {
    /// A connection in the association group whose handles are in `group`.
    pub fn new(engine: &'a Engine, group: &Arc<HandleTable>) -> Self {
        Self { engine, conversation: RpcSessions::new(Arc::clone(group)) }
    }

    /// Sends a call.
    ///
    /// # Errors
    /// If the call does not become an operation.
    pub fn send(&mut self, incoming: Incoming) -> Result<(TestFlight, Step), Refusal> {
        self.engine.begin(&mut self.conversation, incoming).map(TestFlight::new)
    }

    /// Sends a call and returns the stub that the upstream receives.
    ///
    /// # Panics
    /// If the call is not forwarded.
    #[track_caller]
    pub fn relayed(&mut self, incoming: Incoming) -> (TestFlight, Bytes) {
        match self.send(incoming) {
            Ok((flight, Step::Relay { stub, .. })) => (flight, stub),
            other => panic!("not relayed: {other:?}"),
        }
    }

    /// Continues `flight`, to which the upstream responds with `stub`.
    pub fn respond(&mut self, flight: &mut TestFlight, stub: impl Into<Bytes>) -> Step {
        flight.respond(stub)
    }

    /// Continues `flight`, to which the upstream responds with `stub`, and returns the response to the client.
    ///
    /// # Panics
    /// If the client does not get a response.
    #[track_caller]
    pub fn delivered(&mut self, flight: &mut TestFlight, stub: impl Into<Bytes>) -> Bytes {
        match self.respond(flight, stub) {
            Step::Reply { stub } => stub,
            next => panic!("no response: {next:?}"),
        }
    }

    /// Opens an address book as `context`; the upstream's handle is `upstream`. Returns the client's handle.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn bind(&mut self, context: &SecurityContext, upstream: u8) -> [u8; 20] {
        let (mut flight, _) = self.relayed(incoming(context, (Interface::Nspi, 0), bind_request()));
        let reply = self.delivered(&mut flight, bind_response([upstream; 16]));
        *reply.get(4..).and_then(|rest| rest.first_chunk()).expect("a response to a bind has a handle")
    }
}
