//! The protocol that carries the ROPs of a session: EMSMDB over RPC ([MS-OXCRPC]), or MAPI over HTTP
//! ([MS-OXCMAPIHTTP] 2.2.4).

use bytes::Bytes;
use mapi::ErrorCode;
use mapi::Interface;
use mapi::compress::{ExtendedBuffer, Limits, decode_shared_chain, encode_chain};
use mapi::emsmdb::{
    EcDoAsyncConnectExRequest, EcDoAsyncWaitExRequest, EcDoConnectExRequest, EcDoConnectRequest,
    EcDoDisconnectRequest, EcDoRpcExt2Request, EcDoRpcRequest, InBytes, MAX_RGB_AUX, MAX_RGB_OUT,
    NOTIFICATION_PENDING, RopBuffer, RpcFlags, Version,
};
use mapi::mapihttp::emsmdb::{
    ConnectRequest, DisconnectRequest, ExecuteRequest, NotificationWaitRequest, NotificationWaitResponse,
};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, SizedBytes, String8};
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Ptr};
use wire::{Decode as _, Encode as _};

use crate::client::Client;
use crate::connection::{Connection, ask};
use crate::error::{Error, Failure};
use crate::http::{HttpSession, post};

/// The code page for 8-bit strings.
const CODE_PAGE: u32 = 1252;
/// The locale: English, United States.
const LOCALE: u32 = 0x0409;
/// No session to link with.
const NO_LINK: u32 = 0xffff_ffff;
/// The version that the client reports: that of Outlook 2010.
const CLIENT_VERSION: Version = Version([14 << 8, 0x9789, 1000]);
/// The most bytes of a response to `EcDoRpc`.
const LEGACY_OUT: u16 = 0x7fff;
/// No auxiliary blocks.
const AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

/// The protocol of a session with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `EcDoConnect` and `EcDoRpc`, as in Exchange 2000.
    Legacy,
    /// `EcDoConnectEx` and `EcDoRpcExt2`.
    Extended,
    /// MAPI over HTTP.
    Http,
}

/// A session with the store, by the protocol that carries it.
#[derive(Debug)]
pub(crate) enum StoreRoad {
    Rpc(Box<RpcStore>),
    Http(Box<HttpSession>),
}

/// A session over RPC.
#[derive(Debug)]
pub(crate) struct RpcStore {
    connection: Connection,
    handle: ContextHandle,
    dialect: Dialect,
}

/// Waits for notifications, beside the other operations of a session.
#[derive(Debug)]
pub(crate) enum Waiter {
    Rpc { connection: Box<Connection>, handle: ContextHandle },
    Http(Box<HttpSession>),
}

/// What the server returned when the session began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connected {
    pub(crate) display_name: String,
    pub(crate) dn_prefix: String,
    pub(crate) server_version: String,
}

/// Connects with `$method`. The requests of both dialects share their fields but for `$more`, and so do the responses.
macro_rules! connect {
    ($connection:expr, $user_dn:expr, $method:ident, $request:ident { $($more:tt)* }) => {{
        let request = $request {
            user_dn: CharString::new($user_dn),
            flags: 0,
            connection_mod: 0,
            limit: 0,
            code_page: CODE_PAGE,
            lcid_string: LOCALE,
            lcid_sort: LOCALE,
            icxr_link: NO_LINK,
            can_convert_code_pages: 1,
            client_version: CLIENT_VERSION,
            time_stamp: 0,
            $($more)*
        };
        let (operation, response) = ask!($connection, emsmdb, $method, request)?;
        check(operation, response.return_value)?;
        let text = |text: Ptr<CharString>| text.get().map(CharString::to_string_lossy).unwrap_or_default();
        let connected = Connected {
            display_name: text(response.display_name),
            dn_prefix: text(response.dn_prefix),
            server_version: response.server_version.to_string(),
        };
        Ok((response.handle, connected))
    }};
}

async fn extended(connection: &mut Connection, user_dn: &str) -> Result<(ContextHandle, Connected), Error> {
    connect!(
        connection,
        user_dn,
        EcDoConnectEx,
        EcDoConnectExRequest { aux_in: InBytes::default(), aux_out_max: MAX_RGB_AUX }
    )
}

async fn legacy(connection: &mut Connection, user_dn: &str) -> Result<(ContextHandle, Connected), Error> {
    connect!(connection, user_dn, EcDoConnect, EcDoConnectRequest {})
}

/// Succeeds if the store did. EMSMDB's own error codes are small numbers: only zero is success.
fn check(operation: &'static str, returned: ErrorCode) -> Result<(), Error> {
    if returned == ErrorCode::SUCCESS {
        return Ok(());
    }
    Err(Error::new(operation, Failure::Returned(returned)))
}

impl StoreRoad {
    /// Connects the user `user_dn`: over RPC with `EcDoConnectEx`, or with `EcDoConnect` if the server does not have
    /// that operation or `is_legacy`.
    pub(crate) async fn connect(
        client: &Client,
        user_dn: &str,
        is_legacy: bool,
    ) -> Result<(Self, Connected), Error> {
        const CONNECT: &str = "emsmdb.Connect";
        if let Some(road) = client.road().http(CONNECT)?.filter(|_| !is_legacy) {
            let session = road.session(Endpoint::Emsmdb);
            return by_http(session.map_err(|failure| Error::new(CONNECT, failure))?, user_dn).await;
        }
        let mut connection = client.rpc("emsmdb.EcDoConnect")?.open(Interface::Emsmdb).await?;
        let (dialect, (handle, connected)) = if is_legacy {
            (Dialect::Legacy, legacy(&mut connection, user_dn).await?)
        } else {
            match extended(&mut connection, user_dn).await {
                Ok(connected) => (Dialect::Extended, connected),
                Err(Error { failure: Failure::Fault(FaultStatus::NCA_S_OP_RNG_ERROR), .. }) => {
                    (Dialect::Legacy, legacy(&mut connection, user_dn).await?)
                }
                Err(error) => return Err(error),
            }
        };
        let store = RpcStore { connection, handle, dialect };
        Ok((Self::Rpc(Box::new(store)), connected))
    }

    /// The protocol of the session.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Rpc(store) => store.dialect,
            Self::Http(_) => Dialect::Http,
        }
    }

    /// Sends ROPs and returns their responses.
    pub(crate) async fn execute(&mut self, buffer: &RopBuffer) -> Result<RopBuffer, Error> {
        match self {
            Self::Rpc(store) if store.dialect == Dialect::Legacy => store.execute_legacy(buffer).await,
            Self::Rpc(store) => store.execute(buffer).await,
            Self::Http(session) => {
                let rop_buffer = chain("emsmdb.Execute", buffer)?;
                let request = ExecuteRequest {
                    flags: RpcFlags::NONE,
                    rop_buffer: SizedBytes(rop_buffer.into()),
                    max_rop_out: MAX_RGB_OUT,
                    aux: AUX,
                };
                let (operation, response) = post!(session, emsmdb, Execute, request)?;
                check(operation, response.error_code)?;
                first(operation, &response.rop_buffer.0)
            }
        }
    }

    /// A further connection of the session that waits for notifications.
    pub(crate) async fn waiter(&mut self) -> Result<Waiter, Error> {
        match self {
            Self::Rpc(store) => {
                let request = EcDoAsyncConnectExRequest { handle: store.handle };
                let (operation, response) = ask!(store.connection, emsmdb, EcDoAsyncConnectEx, request)?;
                check(operation, response.return_value)?;
                let connection = Box::new(store.connection.beside(Interface::AsyncEmsmdb));
                Ok(Waiter::Rpc { connection, handle: response.async_handle })
            }
            Self::Http(session) => {
                let beside = session.beside();
                let beside = beside.map_err(|failure| Error::new("emsmdb.NotificationWait", failure))?;
                Ok(Waiter::Http(Box::new(beside)))
            }
        }
    }

    /// Ends the session.
    pub(crate) async fn disconnect(&mut self) -> Result<(), Error> {
        match self {
            Self::Rpc(store) => {
                let request = EcDoDisconnectRequest { handle: store.handle };
                let (operation, response) = ask!(store.connection, emsmdb, EcDoDisconnect, request)?;
                check(operation, response.return_value)
            }
            Self::Http(session) => {
                let (operation, response) =
                    post!(session, emsmdb, Disconnect, DisconnectRequest { aux: AUX })?;
                check(operation, response.error_code)
            }
        }
    }
}

/// Connects over HTTP.
async fn by_http(mut session: HttpSession, user_dn: &str) -> Result<(StoreRoad, Connected), Error> {
    let request = ConnectRequest {
        user_dn: String8::from(user_dn),
        flags: 0,
        default_code_page: CODE_PAGE,
        lcid_sort: LOCALE,
        lcid_string: LOCALE,
        aux: AUX,
    };
    let (operation, response) = post!(session, emsmdb, Connect, request)?;
    check(operation, response.error_code)?;
    let connected = Connected {
        display_name: response.display_name.to_string_lossy(),
        dn_prefix: String::from_utf8_lossy(&response.dn_prefix.0).into_owned(),
        server_version: session.server_application().to_owned(),
    };
    Ok((StoreRoad::Http(Box::new(session)), connected))
}

impl RpcStore {
    async fn execute_legacy(&mut self, buffer: &RopBuffer) -> Result<RopBuffer, Error> {
        let operation = "emsmdb.EcDoRpc";
        let request =
            buffer.to_bytes().and_then(|payload| EcDoRpcRequest::new(self.handle, payload, LEGACY_OUT));
        let request = request.map_err(|error| Error::new(operation, Failure::Request(error)))?;
        let (operation, response) = ask!(self.connection, emsmdb, EcDoRpc, request)?;
        check(operation, response.return_value)?;
        RopBuffer::from_bytes(&response.payload())
            .map_err(|error| Error::new(operation, Failure::MalformedResponse(error)))
    }

    async fn execute(&mut self, buffer: &RopBuffer) -> Result<RopBuffer, Error> {
        let request = EcDoRpcExt2Request {
            handle: self.handle,
            flags: RpcFlags::NONE,
            rgb_in: InBytes(chain("emsmdb.EcDoRpcExt2", buffer)?),
            out_max: MAX_RGB_OUT,
            aux_in: InBytes::default(),
            aux_out_max: MAX_RGB_AUX,
        };
        let (operation, response) = ask!(self.connection, emsmdb, EcDoRpcExt2, request)?;
        check(operation, response.return_value)?;
        first(operation, &Bytes::copy_from_slice(response.rgb_out.as_slice()))
    }
}

/// A chain of one extended buffer with `buffer`.
fn chain(operation: &'static str, buffer: &RopBuffer) -> Result<Vec<u8>, Error> {
    let chain = buffer.to_bytes().and_then(|payload| encode_chain(&[ExtendedBuffer::plain(payload)]));
    chain.map_err(|error| Error::new(operation, Failure::Request(error)))
}

/// The ROP buffer in the first extended buffer of `chain`. The requests do not allow the server to send several.
fn first(operation: &'static str, chain: &Bytes) -> Result<RopBuffer, Error> {
    let malformed = |error| Error::new(operation, Failure::MalformedResponse(error));
    let chain = decode_shared_chain(chain, Limits::default()).map_err(malformed)?;
    let first = chain.first().ok_or(Error::new(operation, Failure::Missing("ROP buffer")))?;
    RopBuffer::from_bytes(&first.payload).map_err(malformed)
}

impl Waiter {
    /// Waits until notifications are pending (true), or the server ends the wait (false), which is usual after five
    /// minutes at most ([MS-OXCRPC] 3.3.4.1, [MS-OXCMAPIHTTP] 2.2.4.4).
    pub(crate) async fn wait(&mut self) -> Result<bool, Error> {
        match self {
            Self::Rpc { connection, handle } => {
                let request = EcDoAsyncWaitExRequest { async_handle: *handle, flags: 0 };
                let (operation, response) =
                    ask!(connection, emsmdb, AsyncRequest, AsyncResponse, EcDoAsyncWaitEx, request)?;
                check(operation, response.return_value)?;
                Ok(response.flags & NOTIFICATION_PENDING != 0)
            }
            Self::Http(session) => {
                let request = NotificationWaitRequest { flags: 0, aux: AUX };
                let (operation, response) = post!(session, emsmdb, NotificationWait, request)?;
                check(operation, response.error_code)?;
                Ok(response.event_pending & NotificationWaitResponse::PENDING != 0)
            }
        }
    }
}
