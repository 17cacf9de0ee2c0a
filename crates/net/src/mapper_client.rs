use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rpc::epm::{self, EptMapRequest, EptMapResponse, LookupHandle, Tower};
use rpc::pdu::SyntaxId;
use wire::{Decode, Encode, Reader};

use crate::link::LinkConfig;
use crate::rpc_client::RpcClient;

/// Asks the endpoint mapper at `mapper` for the TCP port at which `interface` is served.
///
/// # Errors
/// Says why there is no answer, or what the answer was.
pub async fn ask(mapper: SocketAddr, interface: SyntaxId) -> Result<u16, String> {
    let config =
        LinkConfig { interface: epm::INTERFACE, account: None, group: 0, timeout: Duration::from_secs(10) };
    let request = EptMapRequest {
        object: None,
        map_tower: Some(Tower::ncacn_ip_tcp(&interface, Ipv4Addr::UNSPECIFIED, 0)),
        entry_handle: LookupHandle::default(),
        max_towers: 4,
    };
    let stub = request.to_bytes().map_err(|error| error.to_string())?;
    let mut client = RpcClient::new(mapper, config);
    let answered = tokio::time::timeout(Duration::from_secs(15), client.call(epm::OPNUM_EPT_MAP, stub)).await;
    let answered = answered.map_err(|_| format!("the endpoint mapper at {mapper} does not answer"))?;
    let (stub, endian) = answered.map_err(|error| format!("endpoint mapper: {error}"))?;
    let response = EptMapResponse::decode(&mut Reader::with_endian(&stub, endian))
        .map_err(|error| format!("the endpoint mapper's answer: {error}"))?;
    let port = response.towers.iter().flatten().find_map(Tower::port);
    port.ok_or_else(|| format!("the endpoint mapper at {mapper} knows no {interface}"))
}
