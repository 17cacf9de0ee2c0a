//! Mailbox sessions through the engine: batches of ROPs and their responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::{Engine, Interface, SecurityContext};
use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, Limits, decode_chain, encode_chain};
use mapi::emsmdb::{
    self, EcDoConnectExRequest, EcDoConnectExResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, InBytes,
    OutBytes, RopBuffer, RpcFlags, Version,
};
use mapi::ndr::{CharString, ContextHandle, Ptr};
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};
use wire::{Decode as _, Encode as _, Endian, Guid, Writer};

use crate::flight::{Step, TestFlight};
use crate::rpc_client::{RpcClient, caller, incoming};

/// A handle of the upstream for a session. Each is unique.
fn upstream_handle() -> ContextHandle {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ContextHandle { attributes: 0, uuid: Guid::new(number, 0x0707, 0x0707, [7; 8]) }
}

/// One client with a session at its mailbox server.
#[derive(Debug)]
pub struct Mailbox<'a> {
    talk: RpcClient<'a>,
    context: SecurityContext,
    handle: ContextHandle,
    upstream: ContextHandle,
}

/// The outcome of a batch.
#[derive(Debug)]
pub enum Sent {
    /// The batch is sent to the upstream, with this maximum size of the response.
    Relayed(Box<TestFlight>, RopBuffer, u32),
    /// The client receives this response at once.
    Replied(RopBuffer),
}

/// A request for a session of the mailbox `dn`, which is linked with no other.
pub fn connect_ex(dn: &str) -> EcDoConnectExRequest {
    EcDoConnectExRequest {
        user_dn: CharString::new(dn),
        flags: 0,
        connection_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version::default(),
        time_stamp: 0,
        aux_in: InBytes(Vec::new()),
        aux_out_max: 0,
    }
}

/// The response to [`connect_ex`] that opens a session with this handle and this index.
pub fn connect_ex_response(handle: ContextHandle, icxr: u16) -> EcDoConnectExResponse {
    EcDoConnectExResponse {
        handle,
        polls_max: 0,
        retry: 0,
        retry_delay: 0,
        icxr,
        dn_prefix: Ptr::NULL,
        display_name: Ptr::NULL,
        server_version: Version::default(),
        best_version: Version::default(),
        time_stamp: 0,
        aux_out: OutBytes::new(Vec::new()),
        return_value: ErrorCode::SUCCESS,
    }
}

impl<'a> Mailbox<'a> {
    /// A session of the user of `authority`.
    ///
    /// # Panics
    /// If it can't be opened.
    #[track_caller]
    pub fn open(engine: &'a Engine, authority: &str) -> Self {
        let mut talk = RpcClient::new(engine, &Arc::default());
        let context = caller(authority);
        let connect = connect_ex("/o=O/ou=G/cn=Recipients/cn=a");
        let connect = emsmdb::Request::EcDoConnectEx(connect).encode().expect("constants fit");
        let (mut flight, _) = talk.relayed(incoming(&context, (Interface::Emsmdb, 10), connect));
        let upstream = upstream_handle();
        let response = connect_ex_response(upstream, 0);
        let stub = emsmdb::Response::EcDoConnectEx(response).encode().expect("constants fit");
        let stub = talk.delivered(&mut flight, stub);
        match emsmdb::Response::decode(10, &stub, Endian::Little) {
            Ok((emsmdb::Response::EcDoConnectEx(EcDoConnectExResponse { handle, .. }), _)) => {
                Self { talk, context, handle, upstream }
            }
            other => panic!("no response to EcDoConnectEx: {other:?}"),
        }
    }

    /// Sends batches that are packed together, with `room` bytes for the response; the server executes the first
    /// one.
    ///
    /// # Panics
    /// If the call is refused.
    #[track_caller]
    pub fn send(&mut self, batches: &[RopBuffer], room: u32) -> Sent {
        let request = emsmdb::Request::EcDoRpcExt2(EcDoRpcExt2Request {
            handle: self.handle,
            flags: RpcFlags::NONE,
            rgb_in: InBytes(packed(batches)),
            out_max: room,
            aux_in: InBytes(Vec::new()),
            aux_out_max: 0,
        });
        let stub = request.encode().expect("a batch fits");
        let call = incoming(&self.context, (Interface::Emsmdb, 11), stub);
        match self.talk.send(call) {
            Ok((flight, Step::Relay { stub, .. })) => {
                let (buffer, room) = request_of(&stub);
                Sent::Relayed(Box::new(flight), buffer, room)
            }
            Ok((_, Step::Reply { stub })) => Sent::Replied(response_of(&stub)),
            other => panic!("refused: {other:?}"),
        }
    }

    /// Sends a batch, and returns the one that the upstream receives.
    ///
    /// # Panics
    /// If the call is not forwarded.
    #[track_caller]
    pub fn relayed(&mut self, batch: &RopBuffer) -> (TestFlight, RopBuffer) {
        match self.send(std::slice::from_ref(batch), 0x8000) {
            Sent::Relayed(flight, buffer, _) => (*flight, buffer),
            Sent::Replied(buffer) => panic!("response: {buffer:?}"),
        }
    }

    /// Lets the upstream respond with `batches`, packed together; returns the first one that the client receives.
    ///
    /// # Panics
    /// If the client gets no response.
    #[track_caller]
    pub fn delivered(&mut self, flight: &mut TestFlight, batches: &[RopBuffer]) -> RopBuffer {
        match self.respond(flight, batches) {
            Step::Reply { stub } => response_of(&stub),
            other => panic!("no response: {other:?}"),
        }
    }

    /// Lets the upstream respond with `batches`, packed together.
    ///
    /// # Panics
    /// If they don't fit.
    pub fn respond(&mut self, flight: &mut TestFlight, batches: &[RopBuffer]) -> Step {
        self.respond_bytes(flight, packed(batches))
    }

    /// Lets the upstream respond with this chain of extended buffers, which may be invalid.
    ///
    /// # Panics
    /// If it doesn't fit.
    pub fn respond_bytes(&mut self, flight: &mut TestFlight, chain: Vec<u8>) -> Step {
        let response = emsmdb::Response::EcDoRpcExt2(EcDoRpcExt2Response {
            handle: self.upstream,
            flags: RpcFlags::NONE,
            rgb_out: OutBytes::new(chain),
            aux_out: OutBytes::new(Vec::new()),
            trans_time: 0,
            return_value: ErrorCode::SUCCESS,
        });
        self.talk.respond(flight, response.encode().expect("a batch fits"))
    }
}

/// A batch of ROPs, each with its logon and the slot that it acts on.
///
/// # Panics
/// If one can't be encoded.
pub fn batch(rops: Vec<(u8, u8, RequestBody)>, handles: &[u32]) -> RopBuffer {
    let mut w = Writer::new();
    for (logon_id, handle_index, body) in rops {
        RopRequest { logon_id, handle_index, body }.encode(&mut w).expect("a ROP that fits");
    }
    RopBuffer::new(w.into_vec(), handles.to_vec())
}

/// Responses to a batch, all successful except `failed`, each with the slot of its object.
///
/// # Panics
/// If one can't be encoded.
pub fn replies(replies: Vec<(u8, ResponseBody)>, handles: &[u32]) -> RopBuffer {
    let mut w = Writer::new();
    for (handle_index, body) in replies {
        let failed = matches!(body, ResponseBody::Failed(_));
        let return_value = if failed { ErrorCode(0x8007_0005) } else { ErrorCode::SUCCESS };
        let reply = RopReply { handle_index, return_value, body };
        reply.encode(&mut w).expect("a response that fits");
    }
    RopBuffer::new(w.into_vec(), handles.to_vec())
}

fn packed(batches: &[RopBuffer]) -> Vec<u8> {
    let buffers = batches.iter().map(|batch| ExtendedBuffer::plain(batch.to_bytes().expect("a batch fits")));
    encode_chain(&buffers.collect::<Vec<_>>()).expect("a batch fits")
}

fn first(chain: &[u8]) -> RopBuffer {
    let chain = decode_chain(chain, Limits::default()).expect("a chain of extended buffers");
    RopBuffer::from_bytes(&chain.first().expect("a buffer").payload).expect("a ROP buffer")
}

#[track_caller]
fn request_of(stub: &[u8]) -> (RopBuffer, u32) {
    match emsmdb::Request::decode(11, stub, Endian::Little) {
        Ok((emsmdb::Request::EcDoRpcExt2(call), _)) => (first(&call.rgb_in.0), call.out_max),
        other => panic!("not EcDoRpcExt2: {other:?}"),
    }
}

#[track_caller]
fn response_of(stub: &[u8]) -> RopBuffer {
    match emsmdb::Response::decode(11, stub, Endian::Little) {
        Ok((emsmdb::Response::EcDoRpcExt2(answer), _)) => first(answer.rgb_out.as_slice()),
        other => panic!("no response to EcDoRpcExt2: {other:?}"),
    }
}
