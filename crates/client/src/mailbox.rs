//! The mailbox client: sessions of the store and ROPs by EMSMDB.

use mapi::compress::{ExtendedBuffer, Limits, decode_chain, encode_chain};
use mapi::emsmdb::{
    EcDoConnectExRequest, EcDoConnectRequest, EcDoDisconnectRequest, EcDoRpcExt2Request, EcDoRpcRequest,
    InBytes, MAX_RGB_AUX, MAX_RGB_OUT, NO_OBJECT, RopBuffer, RpcFlags, Version,
};
use mapi::rop::logon::{LogonFlags, OpenFlags, PrivateLogon, RopLogonRequest, RopLogonResponse};
use mapi::rop::{Bytes16, RequestBody, ResponseBody, ResponseMatcher, RopRequest, RopResponse};
use mapi::{ErrorCode, Interface};
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Ptr};
use wire::{Decode as _, Encode as _};

use crate::client::Client;
use crate::connection::{Connection, ask};
use crate::error::{Error, Failure, check};

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
const ROP_LOGON_NAME: &str = "RopLogon";

/// The EMSMDB dialect of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `EcDoConnect` and `EcDoRpc`, as in Exchange 2000.
    Legacy,
    /// `EcDoConnectEx` and `EcDoRpcExt2`.
    Extended,
}

/// A session with the mailbox store.
#[derive(Debug)]
pub struct Mailbox {
    connection: Connection,
    handle: ContextHandle,
    dialect: Dialect,
    user_dn: String,
    /// The display name of the connected user, from the server.
    pub display_name: String,
    /// The prefix of the distinguished names of the server's organisation.
    pub dn_prefix: String,
    /// The server's version.
    pub server_version: Version,
}

/// The parts that both responses to a connect have.
struct Connected {
    handle: ContextHandle,
    display_name: Ptr<CharString>,
    dn_prefix: Ptr<CharString>,
    server_version: Version,
}

impl Client {
    /// Connects the user `user_dn` to the store with `EcDoConnectEx`, or with `EcDoConnect` if the server
    /// does not have that operation.
    ///
    /// # Errors
    /// If a call fails or the server refuses.
    pub async fn mailbox(&self, user_dn: &str) -> Result<Mailbox, Error> {
        let mut connection = self.open(Interface::Emsmdb).await?;
        match connect_extended(&mut connection, user_dn).await {
            Ok(connected) => Ok(mailbox(connection, Dialect::Extended, user_dn, connected)),
            Err(Error { failure: Failure::Fault(FaultStatus::NCA_S_OP_RNG_ERROR), .. }) => {
                let connected = connect_legacy(&mut connection, user_dn).await?;
                Ok(mailbox(connection, Dialect::Legacy, user_dn, connected))
            }
            Err(error) => Err(error),
        }
    }

    /// Connects the user `user_dn` to the store with `EcDoConnect`.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn mailbox_legacy(&self, user_dn: &str) -> Result<Mailbox, Error> {
        let mut connection = self.open(Interface::Emsmdb).await?;
        let connected = connect_legacy(&mut connection, user_dn).await?;
        Ok(mailbox(connection, Dialect::Legacy, user_dn, connected))
    }
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
        check_store(operation, response.return_value)?;
        Ok(Connected {
            handle: response.handle,
            display_name: response.display_name,
            dn_prefix: response.dn_prefix,
            server_version: response.server_version,
        })
    }};
}

async fn connect_extended(connection: &mut Connection, user_dn: &str) -> Result<Connected, Error> {
    connect!(
        connection,
        user_dn,
        EcDoConnectEx,
        EcDoConnectExRequest { aux_in: InBytes::default(), aux_out_max: MAX_RGB_AUX }
    )
}

async fn connect_legacy(connection: &mut Connection, user_dn: &str) -> Result<Connected, Error> {
    connect!(connection, user_dn, EcDoConnect, EcDoConnectRequest {})
}

fn mailbox(connection: Connection, dialect: Dialect, user_dn: &str, connected: Connected) -> Mailbox {
    let text = |text: Ptr<CharString>| text.get().map(CharString::to_string_lossy).unwrap_or_default();
    Mailbox {
        connection,
        handle: connected.handle,
        dialect,
        user_dn: user_dn.to_owned(),
        display_name: text(connected.display_name),
        dn_prefix: text(connected.dn_prefix),
        server_version: connected.server_version,
    }
}

/// EMSMDB's own error codes are small numbers: only zero is success.
fn check_store(operation: &'static str, returned: ErrorCode) -> Result<(), Error> {
    match returned {
        ErrorCode::SUCCESS => check(operation, returned),
        _ => Err(Error { operation, failure: Failure::Returned(returned) }),
    }
}

impl Mailbox {
    /// The dialect of the session.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Logs on to the user's own mailbox (`RopLogon`).
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn logon(&mut self) -> Result<PrivateLogon, Error> {
        let error = |failure| Error { operation: ROP_LOGON_NAME, failure };
        let mut logon = RopLogonRequest {
            logon_flags: LogonFlags::PRIVATE,
            open_flags: OpenFlags::HOME_LOGON | OpenFlags::TAKE_OWNERSHIP | OpenFlags::NO_MAIL,
            store_state: 0,
            essdn: Bytes16::default(),
        };
        logon.set_dn(self.user_dn.as_bytes());
        let request = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopLogon(logon) };
        let rops = request.to_bytes().map_err(|fault| error(Failure::Request(fault)))?;
        let response = self.execute(RopBuffer::new(rops, vec![NO_OBJECT])).await?;
        if response.rops.is_empty() {
            return Err(error(Failure::Missing("RopLogon response")));
        }
        let requests = [request];
        let mut responses = ResponseMatcher::new(&requests, &[], &());
        let first = responses.next(&mut wire::Reader::new(&response.rops));
        let RopResponse::Reply(reply) =
            first.map_err(|fault| error(Failure::MalformedResponse(fault)))?.response
        else {
            return Err(error(Failure::Missing("RopLogon response")));
        };
        match reply.body {
            ResponseBody::RopLogon(RopLogonResponse::Private(logon)) => Ok(*logon),
            ResponseBody::RopLogon(RopLogonResponse::Public(_)) => {
                Err(error(Failure::Missing("private mailbox")))
            }
            _ => Err(error(Failure::Returned(reply.return_value))),
        }
    }

    /// Sends ROPs and returns their responses.
    ///
    /// # Errors
    /// If the call fails or the server returns an error.
    pub async fn execute(&mut self, buffer: RopBuffer) -> Result<RopBuffer, Error> {
        match self.dialect {
            Dialect::Legacy => self.execute_legacy(&buffer).await,
            Dialect::Extended => self.execute_extended(&buffer).await,
        }
    }

    async fn execute_legacy(&mut self, buffer: &RopBuffer) -> Result<RopBuffer, Error> {
        let operation = "emsmdb.EcDoRpc";
        let request =
            buffer.to_bytes().and_then(|payload| EcDoRpcRequest::new(self.handle, payload, LEGACY_OUT));
        let request = request.map_err(|error| Error { operation, failure: Failure::Request(error) })?;
        let (operation, response) = ask!(self.connection, emsmdb, EcDoRpc, request)?;
        check_store(operation, response.return_value)?;
        RopBuffer::from_bytes(&response.payload())
            .map_err(|error| Error { operation, failure: Failure::MalformedResponse(error) })
    }

    async fn execute_extended(&mut self, buffer: &RopBuffer) -> Result<RopBuffer, Error> {
        let operation = "emsmdb.EcDoRpcExt2";
        let rgb_in = buffer.to_bytes().and_then(|payload| encode_chain(&[ExtendedBuffer::plain(payload)]));
        let rgb_in = rgb_in.map_err(|error| Error { operation, failure: Failure::Request(error) })?;
        let request = EcDoRpcExt2Request {
            handle: self.handle,
            flags: RpcFlags::NONE,
            rgb_in: InBytes(rgb_in),
            out_max: MAX_RGB_OUT,
            aux_in: InBytes::default(),
            aux_out_max: MAX_RGB_AUX,
        };
        let (operation, response) = ask!(self.connection, emsmdb, EcDoRpcExt2, request)?;
        check_store(operation, response.return_value)?;
        let malformed = |error| Error { operation, failure: Failure::MalformedResponse(error) };
        let chain = decode_chain(response.rgb_out.as_slice(), Limits::default()).map_err(malformed)?;
        let first = chain.first().ok_or(Error { operation, failure: Failure::Missing("ROP buffer") })?;
        RopBuffer::from_bytes(&first.payload).map_err(malformed)
    }

    /// Ends the session (`EcDoDisconnect`).
    ///
    /// # Errors
    /// If the call fails or the server does not know the session.
    pub async fn disconnect(mut self) -> Result<(), Error> {
        let request = EcDoDisconnectRequest { handle: self.handle };
        let (operation, response) = ask!(self.connection, emsmdb, EcDoDisconnect, request)?;
        check_store(operation, response.return_value)
    }
}
