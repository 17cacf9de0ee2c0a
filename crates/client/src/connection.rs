//! A connection to one RPC interface of the server.

use std::net::SocketAddr;

use bytes::Bytes;
use mapi::Interface;
use net::{AssociationConfig, RpcClient};
use wire::Endian;

use crate::error::{Error, Failure};

/// A connection to one of the server's interfaces.
#[derive(Debug)]
pub(crate) struct Connection {
    rpc: RpcClient,
    interface: Interface,
    /// How it was opened, for further connections of its association group.
    config: AssociationConfig,
    addresses: Vec<SocketAddr>,
}

impl Connection {
    /// A connection for `config` to the addresses at which the server serves `interface`.
    pub(crate) fn new(addresses: Vec<SocketAddr>, config: AssociationConfig, interface: Interface) -> Self {
        Self { rpc: RpcClient::new(addresses.clone(), config.clone()), interface, config, addresses }
    }

    /// A further connection in the association group of this one, to another interface at the same address.
    pub(crate) fn beside(&self, interface: Interface) -> Self {
        let group = self.rpc.group();
        let config = AssociationConfig { interface: net::syntax(interface), group, ..self.config.clone() };
        Self::new(self.addresses.clone(), config, interface)
    }

    /// The name of the operation `opnum`.
    fn operation(&self, opnum: u16) -> &'static str {
        self.interface.operation(opnum).unwrap_or(self.interface.name())
    }

    /// Makes a call and waits for the response's stub.
    pub(crate) async fn call(
        &mut self,
        opnum: u16,
        stub: wire::Result<Vec<u8>>,
    ) -> Result<(Bytes, Endian), Error> {
        let operation = self.operation(opnum);
        let stub = stub.map_err(|error| Error::new(operation, Failure::Request(error)))?;
        let answered = self.rpc.call(opnum, stub).await;
        answered.map_err(|failure| Error::new(operation, failure.into()))
    }
}

/// Makes the call of a request, and decodes the response of the same operation.
macro_rules! ask {
    ($connection:expr, $interface:ident, $operation:ident, $request:expr) => {
        $crate::connection::ask!($connection, $interface, Request, Response, $operation, $request)
    };
    ($connection:expr, $interface:ident, $requests:ident, $responses:ident, $operation:ident, $request:expr) => {{
        let request = mapi::$interface::$requests::$operation($request);
        let (opnum, operation) = (request.opnum(), request.name());
        let (stub, endian) = $connection.call(opnum, request.encode()).await?;
        #[allow(unreachable_patterns, reason = "an interface may have one operation")]
        match mapi::$interface::$responses::decode(opnum, &stub, endian) {
            Ok((mapi::$interface::$responses::$operation(response), _)) => Ok((operation, response)),
            Ok(_) => Err($crate::error::Error::new(operation, $crate::error::Failure::Missing("answer"))),
            Err(error) => {
                Err($crate::error::Error::new(operation, $crate::error::Failure::MalformedResponse(error)))
            }
        }
    }};
}

pub(crate) use ask;
