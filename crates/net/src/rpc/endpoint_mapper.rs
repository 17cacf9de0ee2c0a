//! The endpoint mapper service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::epm::{self, EndpointMap, EndpointMapper, Tower};
use rpc::mgmt::{self, Management};
use rpc::pdu::{AuthLevel, FaultStatus, SyntaxId};
use rpc::server::Interface;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, Reply, RequestHandler};

/// An address at which services are, and its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Tcp(SocketAddr),
    /// RPC over HTTP: the address that a proxy of RPC over HTTP connects to.
    Http(SocketAddr),
}

impl Endpoint {
    fn tower(&self, service: &SyntaxId) -> Tower {
        let host = |address: &SocketAddr| match address.ip() {
            IpAddr::V4(host) => host,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        match self {
            Self::Tcp(address) => Tower::ncacn_ip_tcp(service, host(address), address.port()),
            Self::Http(address) => Tower::ncacn_http(service, host(address), address.port()),
        }
    }
}

/// The map of an endpoint mapper, shared by the connections to it.
#[derive(Debug, Clone)]
pub struct Mapper {
    map: Arc<EndpointMap>,
    management: Arc<Management>,
}

/// The interfaces of an endpoint mapper, which also unauthenticated clients are served.
pub fn mapper_interfaces() -> Vec<Interface> {
    [epm::INTERFACE, mgmt::INTERFACE]
        .into_iter()
        .map(|id| Interface { id, minimum_level: AuthLevel::NONE })
        .collect()
}

impl Mapper {
    /// Maps `services` to each of `endpoints`. Where an address is no single IPv4 address, the answer contains none, and
    /// clients use the address of the endpoint mapper.
    pub fn new(services: &[SyntaxId], endpoints: &[Endpoint]) -> Self {
        let mut map = EndpointMap::new();
        for service in services {
            for endpoint in endpoints {
                map.register(endpoint.tower(service), "MAPIProxy");
            }
        }
        let interfaces = mapper_interfaces().iter().map(|interface| interface.id).collect();
        Self { map: Arc::new(map), management: Arc::new(Management { interfaces, ..Management::default() }) }
    }

    /// The request handler of one connection.
    pub fn connection(&self) -> MapperConnection {
        let management = Arc::clone(&self.management);
        MapperConnection { mapper: EndpointMapper::new(Arc::clone(&self.map)), management }
    }
}

/// One connection to the endpoint mapper, with its lookups in progress.
#[derive(Debug)]
pub struct MapperConnection {
    mapper: EndpointMapper,
    management: Arc<Management>,
}

impl RequestHandler for MapperConnection {
    fn call(&mut self, call: Call, replies: &mut Vec<Reply>) {
        let answer = if call.interface == epm::INTERFACE {
            self.mapper.call(call.opnum, &call.stub, call.endian)
        } else {
            self.management.call(call.opnum, &call.stub, call.endian)
        };
        replies.push(reply(call.id, answer));
    }

    fn poll(&mut self, _task: &mut Context<'_>, _replies: &mut Vec<Reply>) -> Poll<()> {
        Poll::Pending
    }

    fn end(&mut self, _over: &[Arc<Group>]) {}
}

pub(crate) fn reply(id: u32, answer: Result<Vec<u8>, FaultStatus>) -> Reply {
    match answer {
        Ok(stub) => Reply::Response { id, stub: Bytes::from(stub) },
        Err(status) => Reply::Fault { id, status },
    }
}
