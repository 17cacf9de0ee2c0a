//! A client of one server: how its services are reached, and the account.

use std::net::SocketAddr;
use std::sync::Arc;

use mapi::Interface;
use net::{AssociationConfig, Endpoints, ErrorChain, syntax};
use tokio::sync::{Mutex, OnceCell};

use crate::config::{ClientConfig, Server};
use crate::connection::Connection;
use crate::error::{Error, Failure};
use crate::http::HttpRoad;

/// A client of one server, as one account. Several tasks can share it.
#[derive(Debug)]
pub struct Client {
    road: Road,
    /// The connection to the referral service, for one call at a time.
    pub(crate) referral: OnceCell<Mutex<Connection>>,
}

/// How the server's services are reached.
#[derive(Debug)]
pub(crate) enum Road {
    /// By RPC over TCP.
    Rpc(RpcRoad),
    /// By MAPI over HTTP; or why it cannot be used.
    Http(Result<Box<HttpRoad>, Failure>),
}

/// The access to a server's RPC interfaces.
#[derive(Debug)]
pub(crate) struct RpcRoad {
    endpoints: Endpoints,
    account: Option<Arc<net::ServiceCredentials>>,
    timeout: std::time::Duration,
}

impl RpcRoad {
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

    async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, Error> {
        let found = self.endpoints.find(interface).await;
        found.map_err(|why| Error::new("endpoint", Failure::Unreachable(ErrorChain(&why).to_string())))
    }
}

impl Client {
    /// A client for `config`. It connects and authenticates with the first call.
    pub fn new(config: ClientConfig) -> Self {
        let road = match &config.server {
            Server::Http(server) => Road::Http(HttpRoad::new(server, &config).map(Box::new)),
            Server::Rpc(location) => Road::Rpc(RpcRoad {
                endpoints: Endpoints::new(location.clone()),
                account: config.account.map(Arc::new),
                timeout: config.timeout,
            }),
        };
        Self { road, referral: OnceCell::new() }
    }

    /// A client for `config` whose server was found to serve the referral, the address book and the store.
    ///
    /// # Errors
    /// If the server cannot be reached, or does not serve one of these.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        let client = Self::new(config);
        match &client.road {
            Road::Rpc(road) => {
                for interface in [Interface::Rfr, Interface::Nspi, Interface::Emsmdb] {
                    road.find(interface).await?;
                }
            }
            Road::Http(_) => client.address_book().await?.unbind().await?,
        }
        Ok(client)
    }

    /// The addresses at which an RPC server serves `interface`: from its endpoint mapper, if configured.
    ///
    /// # Errors
    /// If the server cannot be reached, does not serve the interface, or is a server of MAPI over HTTP.
    pub async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, Error> {
        self.rpc("endpoint")?.find(interface).await
    }

    /// How the server is reached.
    pub(crate) const fn road(&self) -> &Road {
        &self.road
    }

    /// The access to the RPC interfaces for `operation`, which exists over RPC only.
    pub(crate) fn rpc(&self, operation: &'static str) -> Result<&RpcRoad, Error> {
        match &self.road {
            Road::Rpc(road) => Ok(road),
            Road::Http(_) => {
                Err(Error::new(operation, Failure::Unsupported("the operation exists over RPC only")))
            }
        }
    }
}

impl Road {
    /// The access by HTTP for `operation`, if the server is reached by HTTP.
    pub(crate) fn http(&self, operation: &'static str) -> Result<Option<&HttpRoad>, Error> {
        match self {
            Self::Rpc(_) => Ok(None),
            Self::Http(Ok(road)) => Ok(Some(road)),
            Self::Http(Err(failure)) => Err(Error::new(operation, failure.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type BoxedFuture<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

    #[test]
    fn a_client_can_be_shared_by_tasks_on_several_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        fn sent<T: Send>(_: &T) {}
        let client = Client::new(ClientConfig::mapper("127.0.0.1", 135));
        shared(&client);
        sent(&client.mailbox("/o=Lab/cn=alice"));
        sent(&client.address_book());
        sent(&client.rfr_new_dsa("/o=Lab/cn=alice"));
        let boxed: BoxedFuture<'_> = Box::pin(async {
            let mailbox = client.mailbox("/o=Lab/cn=alice").await?;
            let folder = mailbox.find_folder("inbox").await?;
            folder.messages().all().await.map(drop)
        });
        sent(&boxed);
    }
}
