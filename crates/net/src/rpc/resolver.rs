//! Caches where the upstream's RPC interfaces are served.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::Interface;
use rpc::pdu::SyntaxId;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::rpc::mapper_query::{MapperError, query_endpoint_mapper};
use crate::tcp::connect::{ConnectError, ResolveError, connect, resolve};

/// How long a response of an endpoint mapper is cached.
const CACHED: Duration = Duration::from_mins(1);

/// Why a service cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The server's name cannot be resolved.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The server's endpoint mapper does not return its endpoint.
    #[error(transparent)]
    Mapper(#[from] MapperError),
    /// The endpoint does not accept a connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// How a server's services are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// By its endpoint mapper.
    Mapper {
        /// The server's name or address.
        host: String,
        /// The endpoint mapper's port.
        port: u16,
    },
    /// All at one port.
    Fixed {
        /// The server's name or address.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Location {
    /// The server's name or address, and the port of the first connection.
    pub(crate) fn first(&self) -> (&str, u16) {
        match self {
            Self::Mapper { host, port } | Self::Fixed { host, port } => (host, *port),
        }
    }
}

/// Finds the endpoints of a server's services. All connections share the responses of its endpoint mapper, which are
/// cached for a minute.
#[derive(Debug)]
pub struct Endpoints {
    location: Location,
    known: Mutex<HashMap<Interface, (SocketAddr, Instant)>>,
}

impl Endpoints {
    /// Finds services at `location`.
    pub fn new(location: Location) -> Self {
        Self { location, known: Mutex::default() }
    }

    /// How services are found.
    pub(crate) const fn location(&self) -> &Location {
        &self.location
    }

    /// The server's name or address, as configured.
    pub fn host(&self) -> &str {
        match &self.location {
            Location::Mapper { host, .. } | Location::Fixed { host, .. } => host,
        }
    }

    /// The addresses at which `interface` is served, in the order in which they should be tried.
    ///
    /// # Errors
    /// When the server's name cannot be resolved, or its endpoint mapper returns no endpoint.
    pub async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, EndpointError> {
        match self.cached(interface) {
            Some(address) => Ok(vec![address]),
            None => self.look_up(interface).await,
        }
    }

    /// Connects to the endpoint of `interface`. An upstream that was restarted may serve the interface at another
    /// port: if the cached endpoint does not accept a connection, the endpoint mapper is queried again.
    ///
    /// # Errors
    /// When the endpoint cannot be found, or does not accept a connection.
    pub async fn connect(&self, interface: Interface) -> Result<TcpStream, EndpointError> {
        connect(self.cached(interface), self.look_up(interface)).await
    }

    /// The endpoint of `interface` that the endpoint mapper returned within the last minute.
    fn cached(&self, interface: Interface) -> Option<SocketAddr> {
        let (address, since) = self.lock().get(&interface).copied()?;
        (since.elapsed() < CACHED).then_some(address)
    }

    /// Finds the endpoint of `interface` without the cache, and caches the result.
    async fn look_up(&self, interface: Interface) -> Result<Vec<SocketAddr>, EndpointError> {
        self.forget(interface);
        match &self.location {
            Location::Fixed { host, port } => Ok(resolve(host, *port).await?),
            Location::Mapper { host, port } => {
                let address = query_endpoint_mapper(&resolve(host, *port).await?, syntax(interface)).await?;
                self.lock().insert(interface, (address, Instant::now()));
                Ok(vec![address])
            }
        }
    }

    /// Removes the endpoint of `interface` from the cache.
    pub fn forget(&self, interface: Interface) {
        self.lock().remove(&interface);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Interface, (SocketAddr, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of an operation of `ExchangeRPC`, for the log.
pub(crate) fn operation_name(interface: SyntaxId, opnum: u16) -> &'static str {
    Interface::by_uuid(interface.uuid).and_then(|interface| interface.operation(opnum)).unwrap_or("unknown")
}

/// The interface's name on the wire.
pub const fn syntax(interface: Interface) -> SyntaxId {
    let (major, minor) = interface.version();
    SyntaxId::new(interface.uuid(), major, minor)
}
