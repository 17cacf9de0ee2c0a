//! A client of one server: the addresses of its services, and the account.

use std::net::SocketAddr;
use std::sync::Arc;

use mapi::Interface;
use net::{AssociationConfig, Endpoints, ErrorChain, syntax};

use crate::config::ClientConfig;
use crate::connection::Connection;
use crate::error::{Error, Failure};

/// A client of one server, as one account.
#[derive(Debug)]
pub struct Client {
    endpoints: Endpoints,
    account: Option<Arc<net::ServiceCredentials>>,
    timeout: std::time::Duration,
    pub(crate) referral: Option<Connection>,
}

impl Client {
    /// A client for `config`. It connects and authenticates with the first call.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            endpoints: Endpoints::new(config.location),
            account: config.account.map(Arc::new),
            timeout: config.timeout,
            referral: None,
        }
    }

    /// A client for `config` whose server was found to serve the referral, the address book and the store.
    ///
    /// # Errors
    /// If the server cannot be reached, or does not serve one of these.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        let client = Self::new(config);
        for interface in [Interface::Rfr, Interface::Nspi, Interface::Emsmdb] {
            client.find(interface).await?;
        }
        Ok(client)
    }

    /// The addresses at which the server serves `interface`: from its endpoint mapper, if configured.
    ///
    /// # Errors
    /// If the server cannot be reached, or does not serve the interface.
    pub async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, Error> {
        let found = self.endpoints.find(interface).await;
        found.map_err(|why| Error {
            operation: "endpoint",
            failure: Failure::Unreachable(ErrorChain(&why).to_string()),
        })
    }

    /// A connection to `interface`, which authenticates with the first call.
    pub(crate) async fn open(&self, interface: Interface) -> Result<Connection, Error> {
        let config = AssociationConfig {
            interface: syntax(interface),
            account: self.account.clone(),
            group: 0,
            bind_id: None,
            timeout: self.timeout,
        };
        Ok(Connection::new(self.find(interface).await?, config, interface))
    }
}
