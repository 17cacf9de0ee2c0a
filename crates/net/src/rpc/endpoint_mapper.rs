//! The endpoint mapper service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use rpc::epm::{self, EndpointMap, EndpointMapper, Tower};
use rpc::mgmt::{self, Management};
use rpc::pdu::{AuthLevel, SyntaxId};
use rpc::server::Interface;

use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, RequestHandler, RpcReply};

/// The address and the protocol of services.
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

/// The endpoint map, shared by the connections to the endpoint mapper.
#[derive(Debug, Clone)]
pub struct EndpointMapperService {
    map: Arc<EndpointMap>,
    management: Arc<Management>,
}

/// The interfaces of an endpoint mapper, which unauthenticated clients may call.
pub fn mapper_interfaces() -> Vec<Interface> {
    [epm::INTERFACE, mgmt::INTERFACE]
        .into_iter()
        .map(|id| Interface { id, minimum_level: AuthLevel::NONE })
        .collect()
}

impl EndpointMapperService {
    /// Maps `services` to each of `endpoints`. If an address is not a single IPv4 address, the response contains no
    /// address, and clients use that of the endpoint mapper.
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
    pub fn connection(&self) -> EndpointMapperConnection {
        let management = Arc::clone(&self.management);
        EndpointMapperConnection { mapper: EndpointMapper::new(Arc::clone(&self.map)), management }
    }
}

/// One connection to the endpoint mapper, with its lookups in progress.
#[derive(Debug)]
pub struct EndpointMapperConnection {
    mapper: EndpointMapper,
    management: Arc<Management>,
}

impl RequestHandler for EndpointMapperConnection {
    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>) {
        let result = if call.interface == epm::INTERFACE {
            self.mapper.call(call.opnum, &call.stub, call.endian)
        } else {
            self.management.call(call.opnum, &call.stub, call.endian)
        };
        replies.push(RpcReply::from_result(call.id, result));
    }

    fn poll(&mut self, _task: &mut Context<'_>, _replies: &mut Vec<RpcReply>) -> Poll<()> {
        Poll::Pending
    }

    fn end(&mut self, _over: &[Arc<Group>]) {}
}
