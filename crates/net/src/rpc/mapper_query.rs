//! Queries the upstream's endpoint mapper.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rpc::epm::{self, EptMapRequest, EptMapResponse, LookupHandle, Tower};
use rpc::pdu::SyntaxId;
use wire::{Decode, Encode, Reader};

use crate::rpc::client::RpcClient;
use crate::rpc::upstream::LinkConfig;
use crate::tcp::connect::connect_any;

/// Asks the endpoint mapper, which has the addresses `mapper`, where over TCP `interface` is served: on the
/// machine that answers.
///
/// # Errors
/// Says why there is no answer, or what the answer was.
pub async fn ask(mapper: &[SocketAddr], interface: SyntaxId) -> Result<SocketAddr, String> {
    let answered = tokio::time::timeout(Duration::from_secs(15), ask_anyhow(mapper, interface)).await;
    answered.unwrap_or_else(|_| Err("it does not answer".to_owned())).map_err(|why| {
        let name = mapper.first().map(SocketAddr::to_string).unwrap_or_default();
        format!("the endpoint mapper at {name}: {why}")
    })
}

async fn ask_anyhow(mapper: &[SocketAddr], interface: SyntaxId) -> Result<SocketAddr, String> {
    let config = LinkConfig {
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
    let stub = request.to_bytes().map_err(|error| error.to_string())?;
    let stream = connect_any(mapper).await?;
    let host = stream.peer_addr().map_err(|error| error.to_string())?.ip();
    let mut client = RpcClient::over(stream, config);
    let answered = client.call(epm::OPNUM_EPT_MAP, stub).await;
    let (stub, endian) = answered.map_err(|error| error.to_string())?;
    let response = EptMapResponse::decode(&mut Reader::with_endian(&stub, endian))
        .map_err(|error| format!("its answer: {error}"))?;
    let port = response.towers.iter().flatten().find_map(Tower::port);
    port.map(|port| SocketAddr::new(host, port)).ok_or_else(|| format!("it knows no {interface}"))
}
