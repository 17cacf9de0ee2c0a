//! The mailbox store over RPC ([MS-OXCRPC] 3.1.4, 3.3.4).

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use mapi::ErrorCode;
use mapi::emsmdb::{
    AsyncRequest, AsyncResponse, EcDoAsyncConnectExResponse, EcDoAsyncWaitExResponse, EcDoConnectExResponse,
    EcDoConnectResponse, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDoRpcRequest,
    EcDoRpcResponse, EcDummyRpcResponse, MAX_RGB_AUX, MAX_RGB_OUT, NOTIFICATION_PENDING, OutBytes, Request,
    Response, RpcFlags, Version,
};
use net::{Call, Waiting};
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Ptr};
use tokio::time::timeout;

use crate::handles::Object;
use crate::service::{CallResult, Lab, bad_stub, encoded};
use crate::session::{MailboxSession, SESSION_INDEX, SharedSession};

/// The server's version: 15.0.1497.0.
const SERVER_VERSION: Version = Version([0x0f00, 0x85d9, 0]);
/// How often clients poll, and how they retry ([MS-OXCRPC] 3.1.4.1): milliseconds, times, milliseconds.
pub(crate) const POLLS: (u32, u32, u32) = (60_000, 6, 10_000);

/// How many handles for waits a session may have; it needs one.
const ASYNC_HANDLES: usize = 8;
/// The longest wait for notifications ([MS-OXCNOTIF] 3.1.5.3).
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(5);
/// `ecRejected`: the session waits for notifications already ([MS-OXCRPC] 3.3.4.1).
const REJECTED: ErrorCode = ErrorCode(0x0000_07ee);

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
                let subscriber = Arc::clone(&self.session(call, request.handle)?.subscriber);
                let object = Object::Notifications(request.handle.uuid, subscriber);
                let async_handle = self.handles.open(call, object, ASYNC_HANDLES);
                EcDoAsyncConnectExResponse { async_handle, return_value: ErrorCode::SUCCESS }.into()
            }
            _ => return Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        })
    }

    /// Waits for notifications, until there are some, five minutes are over or the session ends: then its next call
    /// fails ([MS-OXCRPC] 3.3.4.1).
    pub(crate) fn wait_for_notifications(&self, call: &Call) -> Waiting {
        let response = |flags, return_value| {
            let response = EcDoAsyncWaitExResponse { flags, return_value };
            encoded(AsyncResponse::EcDoAsyncWaitEx(response).encode())
        };
        let ended = |result: CallResult| {
            let at_stop = result.clone();
            Waiting { result: Box::pin(ready(result)), at_stop }
        };
        let request = AsyncRequest::decode(call.opnum, &call.stub, call.endian);
        let subscriber = match request.map_err(|error| bad_stub(&error)) {
            Ok((AsyncRequest::EcDoAsyncWaitEx(request), _)) => self.handles.find(call, request.async_handle),
            Err(status) => return ended(Err(status)),
        };
        let wait = match subscriber {
            Ok(Object::Notifications(_, subscriber)) => subscriber.begin_wait(),
            Ok(_) => return ended(Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH)),
            Err(status) => return ended(Err(status)),
        };
        let Some(wait) = wait else { return ended(response(0, REJECTED)) };
        let result = async move {
            let is_over = timeout(WAIT_MAX, wait.ready()).await.is_err();
            response(if is_over { 0 } else { NOTIFICATION_PENDING }, ErrorCode::SUCCESS)
        };
        Waiting { result: Box::pin(result), at_stop: response(0, ErrorCode::SUCCESS) }
    }

    fn session(&self, call: &Call, handle: ContextHandle) -> Result<Arc<SharedSession>, FaultStatus> {
        match self.handles.find(call, handle)? {
            Object::Store(session, _) => Ok(session),
            _ => Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH),
        }
    }

    /// Begins a session for the user `dn` ([MS-OXCRPC] 3.1.4.1).
    fn connect(&self, call: &Call, dn: &CharString, code_page: u32) -> Connected {
        let dn = dn.to_string_lossy();
        match MailboxSession::connect(&self.backend, &call.context, &dn, code_page) {
            Ok(connected) => {
                let person = connected.session.user;
                let display_name = connected.session.code_page.encode(&connected.display_name);
                let object = Object::Store(SharedSession::new(connected.session), person);
                Connected {
                    handle: self.handles.open(call, object, self.config.sessions_per_user),
                    dn_prefix: Ptr::new(CharString::new(connected.dn_prefix)),
                    display_name: Ptr::new(CharString::new(display_name)),
                    return_value: ErrorCode::SUCCESS,
                }
            }
            Err(return_value) => Connected {
                handle: ContextHandle::NULL,
                dn_prefix: Ptr::new(CharString::default()),
                display_name: Ptr::new(CharString::default()),
                return_value,
            },
        }
    }

    /// `EcDoRpc`, in the Exchange 2000 dialect.
    fn rpc(&self, call: &Call, request: &EcDoRpcRequest) -> Result<EcDoRpcResponse, FaultStatus> {
        let session = self.session(call, request.handle)?;
        let mut session = session.lock();
        let result = session.execute(&request.payload(), usize::from(request.max_length));
        let (payload, return_value) = match result {
            Ok(payload) => (payload, ErrorCode::SUCCESS),
            Err(return_value) => (Vec::new(), return_value),
        };
        let response = EcDoRpcResponse::new(request.handle, payload, request.max_length);
        let response = response.map(|response| EcDoRpcResponse { return_value, ..response });
        response.map_err(|error| bad_stub(&error))
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
        let out_max = usize::try_from(request.out_max).unwrap_or_default();
        let mut session = session.lock();
        let (rgb_out, return_value) = match session.execute_chain(&request.rgb_in.0, request.flags, out_max) {
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
            icxr: SESSION_INDEX,
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
