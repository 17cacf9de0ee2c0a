//! Queries an endpoint mapper.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rpc::epm::{self, EptMapRequest, EptMapResponse, LookupHandle, Tower};
use rpc::pdu::SyntaxId;
use wire::{Decode, Encode, Reader};

use crate::rpc::client::{CallFailure, RpcClient};
use crate::rpc::upstream_association::AssociationConfig;
use crate::tcp::connect::{ConnectError, connect_any};

/// The time limit of a query.
const LIMIT: Duration = Duration::from_secs(15);

/// Why an endpoint mapper does not return the endpoint of a service.
#[derive(Debug, thiserror::Error)]
#[error("endpoint mapper {}: {why}", .address.map(|address| address.to_string()).unwrap_or_default())]
pub struct MapperError {
    /// The first address of the endpoint mapper.
    address: Option<SocketAddr>,
    why: QueryError,
}

#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("no response within {} s", LIMIT.as_secs())]
    Timeout,
    #[error("{0}")]
    Request(wire::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] io::Error),
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error("malformed response: {0}")]
    Response(wire::Error),
    #[error("interface {0} not registered")]
    Unregistered(SyntaxId),
}

/// Queries the endpoint mapper at the addresses `mapper` for the TCP endpoint of `interface`. The endpoint is on the
/// host that responds.
///
/// # Errors
/// When the endpoint mapper cannot be reached, or does not return an endpoint.
pub async fn query_endpoint_mapper(
    mapper: &[SocketAddr],
    interface: SyntaxId,
) -> Result<SocketAddr, MapperError> {
    let queried = tokio::time::timeout(LIMIT, query(mapper, interface)).await;
    let queried = queried.unwrap_or(Err(QueryError::Timeout));
    queried.map_err(|why| MapperError { address: mapper.first().copied(), why })
}

async fn query(mapper: &[SocketAddr], interface: SyntaxId) -> Result<SocketAddr, QueryError> {
    let config = AssociationConfig {
        interface: epm::INTERFACE,
        account: None,
        group: 0,
        bind_id: None,
        timeout: Duration::from_secs(10),
    };
    let request = EptMapRequest {
        object: None,
        map_tower: Some(Tower::ncacn_ip_tcp(&interface, Ipv4Addr::UNSPECIFIED, 0)),
        entry_handle: LookupHandle::default(),
        max_towers: 4,
    };
    let stub = request.to_bytes().map_err(QueryError::Request)?;
    let stream = connect_any(mapper).await?;
    let host = stream.peer_addr()?.ip();
    let mut client = RpcClient::over(stream, config);
    let (stub, endian) = client.call(epm::OPNUM_EPT_MAP, stub).await?;
    let response =
        EptMapResponse::decode(&mut Reader::with_endian(&stub, endian)).map_err(QueryError::Response)?;
    let port = response.towers.iter().flatten().find_map(Tower::port);
    port.map(|port| SocketAddr::new(host, port)).ok_or(QueryError::Unregistered(interface))
}
