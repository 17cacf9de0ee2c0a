//! Caches where the upstream's RPC interfaces are served.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::Interface;
use rpc::pdu::SyntaxId;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::rpc::mapper_query::{MapperError, ask};
use crate::tcp::connect::{ConnectError, ResolveError, connect, resolve};

/// How long an answer of an endpoint mapper is cached.
const CACHED: Duration = Duration::from_mins(1);

/// Why there is no connection to a service.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The server's name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The server's endpoint mapper does not return its endpoint.
    #[error(transparent)]
    Mapper(#[from] MapperError),
    /// There is no connection to its endpoint.
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

/// Finds a server's services. The answers of its endpoint mapper are cached for a minute, for all connections.
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

    /// How they are found.
    pub(crate) const fn location(&self) -> &Location {
        &self.location
    }

    /// The server's name or address, as it was given.
    pub fn host(&self) -> &str {
        match &self.location {
            Location::Mapper { host, .. } | Location::Fixed { host, .. } => host,
        }
    }

    /// The addresses at which `interface` is served, in the order in which they should be tried.
    ///
    /// # Errors
    /// Says why they can't be found.
    pub async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, EndpointError> {
        match self.cached(interface) {
            Some(address) => Ok(vec![address]),
            None => self.look_up(interface).await,
        }
    }

    /// A connection to where `interface` is served. An upstream that was restarted may serve it at another port: where
    /// the known one takes no connection, it is asked again.
    ///
    /// # Errors
    /// Says why there is none.
    pub async fn connect(&self, interface: Interface) -> Result<TcpStream, EndpointError> {
        connect(self.cached(interface), self.look_up(interface)).await
    }

    /// What the endpoint mapper said of `interface` within the last minute.
    fn cached(&self, interface: Interface) -> Option<SocketAddr> {
        let (address, since) = self.lock().get(&interface).copied()?;
        (since.elapsed() < CACHED).then_some(address)
    }

    /// Asks where `interface` is served. What was known of it is forgotten.
    async fn look_up(&self, interface: Interface) -> Result<Vec<SocketAddr>, EndpointError> {
        self.forget(interface);
        match &self.location {
            Location::Fixed { host, port } => Ok(resolve(host, *port).await?),
            Location::Mapper { host, port } => {
                let address = ask(&resolve(host, *port).await?, syntax(interface)).await?;
                self.lock().insert(interface, (address, Instant::now()));
                Ok(vec![address])
            }
        }
    }

    /// Forgets where `interface` is served.
    pub fn forget(&self, interface: Interface) {
        self.lock().remove(&interface);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Interface, (SocketAddr, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The interface's name on the wire.
pub const fn syntax(interface: Interface) -> SyntaxId {
    let (major, minor) = interface.version();
    SyntaxId::new(interface.uuid(), major, minor)
}
