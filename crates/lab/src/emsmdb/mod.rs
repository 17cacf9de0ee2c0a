//! The mailbox store ([MS-OXCRPC] 3.1.4, 3.3.4).

mod rops;
pub(crate) mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, ExtendedFlags, Limits, decode_chain, encode_chain};
use mapi::emsmdb::{
    AsyncRequest, AsyncResponse, EcDoAsyncConnectExResponse, EcDoAsyncWaitExResponse, EcDoConnectExResponse,
    EcDoConnectResponse, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDoRpcRequest,
    EcDoRpcResponse, EcDummyRpcResponse, MAX_RGB_AUX, MAX_RGB_OUT, OutBytes, Request, Response, RopBuffer,
    RpcFlags, Version,
};
use net::Call;
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Ptr};
use wire::{Decode as _, Encode as _};

use self::session::Session;
use crate::directory::Entry;
use crate::handles::Object;
use crate::service::{CallResult, Lab, bad_stub, encoded};

/// `ecBufferTooSmall`.
const BUFFER_TOO_SMALL: ErrorCode = ErrorCode(0x0000_047d);
/// `ecRpcFormat`: the call does not carry a ROP buffer.
const RPC_FORMAT: ErrorCode = ErrorCode(0x0000_04b6);
/// The server's version: 15.0.1497.0.
const SERVER_VERSION: Version = Version([0x0f00, 0x85d9, 0]);
/// How often clients poll, and how they retry ([MS-OXCRPC] 3.1.4.1): milliseconds, times, milliseconds.
const POLLS: (u32, u32, u32) = (60_000, 6, 10_000);

/// The parts that both responses to a connect have.
struct Connected {
    handle: ContextHandle,
    dn_prefix: Ptr<CharString>,
    display_name: Ptr<CharString>,
    return_value: ErrorCode,
}

impl Lab {
    /// Executes a call to the store.
    pub(crate) fn emsmdb(&self, call: &Call) -> CallResult {
        let (request, _) =
            Request::decode(call.opnum, &call.stub, call.endian).map_err(|error| bad_stub(&error))?;
        encoded(self.store_response(call, request)?.encode())
    }

    fn store_response(&self, call: &Call, request: Request) -> Result<Response, FaultStatus> {
        Ok(match request {
            Request::EcDoConnect(request) => {
                let connected = self.connect(call, &request.user_dn, request.code_page);
                connect_response(connected, request.client_version).into()
            }
            Request::EcDoConnectEx(request) => {
                if request.aux_out_max > MAX_RGB_AUX {
                    return Err(FaultStatus::RPC_X_BAD_STUB_DATA);
                }
                let connected = self.connect(call, &request.user_dn, request.code_page);
                connect_ex_response(connected, request.client_version).into()
            }
            Request::EcDoDisconnect(request) => {
                self.session(call, request.handle)?;
                self.handles.close(request.handle);
                let (handle, return_value) = (ContextHandle::NULL, ErrorCode::SUCCESS);
                EcDoDisconnectResponse { handle, return_value }.into()
            }
            Request::EcDoRpc(request) => self.rpc(call, &request)?.into(),
            Request::EcDoRpcExt2(request) => self.rpc_ext2(call, &request)?.into(),
            Request::EcDummyRpc(_) => EcDummyRpcResponse { return_value: ErrorCode::SUCCESS }.into(),
            Request::EcDoAsyncConnectEx(request) => {
                self.session(call, request.handle)?;
                let async_handle = self.handles.open(call, Object::Notifications(request.handle.uuid));
                EcDoAsyncConnectExResponse { async_handle, return_value: ErrorCode::SUCCESS }.into()
            }
            _ => return Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        })
    }

    /// Responds to a wait for notifications at once, without a notification.
    pub(crate) fn async_emsmdb(&self, call: &Call) -> CallResult {
        let (request, _) =
            AsyncRequest::decode(call.opnum, &call.stub, call.endian).map_err(|error| bad_stub(&error))?;
        let AsyncRequest::EcDoAsyncWaitEx(request) = request;
        match self.handles.find(call, request.async_handle)? {
            Object::Notifications(_) => {
                encoded(AsyncResponse::EcDoAsyncWaitEx(EcDoAsyncWaitExResponse::default()).encode())
            }
            _ => Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH),
        }
    }

    fn session(&self, call: &Call, handle: ContextHandle) -> Result<Arc<Mutex<Session>>, FaultStatus> {
        match self.handles.find(call, handle)? {
            Object::Store(session) => Ok(session),
            _ => Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH),
        }
    }

    /// The person with this distinguished name and a mailbox.
    pub(crate) fn mailbox(&self, dn: &str) -> Option<&Entry> {
        self.directory.by_dn(dn).filter(|entry| entry.person().is_some())
    }

    /// Begins a session for the user `dn` ([MS-OXCRPC] 3.1.4.1).
    fn connect(&self, call: &Call, dn: &CharString, code_page: u32) -> Connected {
        let Some(entry) = self.mailbox(&dn.to_string_lossy()) else {
            let (dn_prefix, display_name) =
                (Ptr::new(CharString::default()), Ptr::new(CharString::default()));
            return Connected {
                handle: ContextHandle::NULL,
                dn_prefix,
                display_name,
                return_value: ErrorCode::EC_UNKNOWN_USER,
            };
        };
        let session = Session { user: entry.mid, objects: HashMap::new(), last: 0 };
        let code_page = crate::codepage::CodePage::new(code_page).unwrap_or(crate::codepage::CodePage::UTF8);
        Connected {
            handle: self.handles.open(call, Object::Store(Arc::new(Mutex::new(session)))),
            dn_prefix: Ptr::new(CharString::new(self.config.recipients())),
            display_name: Ptr::new(CharString::new(code_page.encode(&entry.display_name))),
            return_value: ErrorCode::SUCCESS,
        }
    }

    /// `EcDoRpc`, in the Exchange 2000 dialect.
    fn rpc(&self, call: &Call, request: &EcDoRpcRequest) -> Result<EcDoRpcResponse, FaultStatus> {
        let session = self.session(call, request.handle)?;
        let failed = |return_value| {
            let response = EcDoRpcResponse::new(request.handle, Vec::new(), request.max_length);
            response.map(|response| EcDoRpcResponse { return_value, ..response })
        };
        let Ok(buffer) = RopBuffer::from_bytes(&request.payload()) else {
            return failed(RPC_FORMAT).map_err(|error| bad_stub(&error));
        };
        let answer = self.execute(&session, &buffer).to_bytes().map_err(|error| bad_stub(&error))?;
        if answer.len() > usize::from(request.max_length) {
            return failed(BUFFER_TOO_SMALL).map_err(|error| bad_stub(&error));
        }
        EcDoRpcResponse::new(request.handle, answer, request.max_length).map_err(|error| bad_stub(&error))
    }

    /// `EcDoRpcExt2` ([MS-OXCRPC] 3.1.4.2).
    fn rpc_ext2(
        &self,
        call: &Call,
        request: &EcDoRpcExt2Request,
    ) -> Result<EcDoRpcExt2Response, FaultStatus> {
        let session = self.session(call, request.handle)?;
        if request.out_max > MAX_RGB_OUT || request.aux_out_max > MAX_RGB_AUX {
            return Err(FaultStatus::RPC_X_BAD_STUB_DATA);
        }
        let (rgb_out, return_value) = match self.extended(&session, request) {
            Ok(rgb_out) => (rgb_out, ErrorCode::SUCCESS),
            Err(return_value) => (Vec::new(), return_value),
        };
        Ok(EcDoRpcExt2Response {
            handle: request.handle,
            flags: RpcFlags::NONE,
            rgb_out: OutBytes::new(rgb_out),
            aux_out: OutBytes::default(),
            trans_time: 0,
            return_value,
        })
    }

    /// Executes the ROPs of a chain of extended buffers, and packs the responses as the request demands.
    fn extended(&self, session: &Mutex<Session>, request: &EcDoRpcExt2Request) -> Result<Vec<u8>, ErrorCode> {
        let chain = decode_chain(&request.rgb_in.0, Limits::default()).map_err(|_| RPC_FORMAT)?;
        let mut flags = ExtendedFlags::NONE;
        if !request.flags.contains(RpcFlags::NO_COMPRESSION) {
            flags = flags | ExtendedFlags::COMPRESSED;
        }
        if !request.flags.contains(RpcFlags::NO_XOR_MAGIC) {
            flags = flags | ExtendedFlags::XOR_MAGIC;
        }
        let mut answers = Vec::with_capacity(chain.len());
        for buffer in &chain {
            let rops = RopBuffer::from_bytes(&buffer.payload).map_err(|_| RPC_FORMAT)?;
            let answer = self.execute(session, &rops).to_bytes().map_err(|_| BUFFER_TOO_SMALL)?;
            answers.push(ExtendedBuffer { flags, payload: answer.into() });
        }
        let packed = encode_chain(&answers).map_err(|_| BUFFER_TOO_SMALL)?;
        let room = usize::try_from(request.out_max).unwrap_or_default();
        if packed.len() > room { Err(BUFFER_TOO_SMALL) } else { Ok(packed) }
    }

    fn execute(&self, session: &Mutex<Session>, buffer: &RopBuffer) -> RopBuffer {
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        rops::execute(self, &mut session, buffer)
    }
}

/// The response to a connect. Both dialects share their fields but for `$more`.
macro_rules! connect_response {
    ($response:ident, $connected:expr, $client:expr, { $($more:tt)* }) => {{
        let (polls_max, retry, retry_delay) = POLLS;
        let connected: Connected = $connected;
        $response {
            handle: connected.handle,
            polls_max,
            retry,
            retry_delay,
            icxr: 1,
            dn_prefix: connected.dn_prefix,
            display_name: connected.display_name,
            server_version: SERVER_VERSION,
            best_version: $client,
            time_stamp: 0,
            return_value: connected.return_value,
            $($more)*
        }
    }};
}

fn connect_response(connected: Connected, client: Version) -> EcDoConnectResponse {
    connect_response!(EcDoConnectResponse, connected, client, {})
}

fn connect_ex_response(connected: Connected, client: Version) -> EcDoConnectExResponse {
    connect_response!(EcDoConnectExResponse, connected, client, { aux_out: OutBytes::default() })
}
