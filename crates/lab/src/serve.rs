//! Serves a lab on sockets: endpoint mapper, listeners and accounts.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use identity::{
    AcceptorConfig, Accounts, Authority, ContextCounters, NtlmAcceptorConfig, Pool, ServerNames, Settings,
};
use mapi::Interface;
use net::{
    Admission, ClientAuth, Endpoint, EndpointMapperService, EventLog, Groups, Limits, ListenError,
    NoopObserver, RpcListenerConfig, ServiceHandler, Workers, listen, mapper_interfaces, syntax,
};
use rpc::AuthLevel;
use rpc::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::ServerName;
use crate::http::{HttpListener, HttpServer};
use crate::service::Lab;

/// The threads that execute calls to the mailbox store, which block while they access the disk.
const THREADS: NonZeroUsize = NonZeroUsize::new(4).unwrap();
/// How many calls may wait for a thread. A proxy's service account has half of them.
const QUEUE: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// The addresses of a lab and the accounts that it accepts.
#[derive(Clone)]
pub struct LabServer {
    /// The address of the endpoint mapper; `None` for no endpoint mapper.
    pub endpoint_mapper: Option<SocketAddr>,
    /// The address of the services. With port 0 the system chooses a port.
    pub rpc: SocketAddr,
    /// MAPI over HTTP and Autodiscover; `None` for RPC only.
    pub http: Option<HttpServer>,
    /// The accounts of clients.
    pub accounts: Arc<dyn Accounts>,
    /// The level below which calls get the fault `ACCESS_DENIED`; [`AuthLevel::NONE`] admits all.
    pub minimum_level: AuthLevel,
    /// The NetBIOS name of the accounts' domain.
    pub domain: String,
    /// The limits on clients.
    pub limits: Limits,
}

impl LabServer {
    /// A server on a port of this machine that the system chooses, with an endpoint mapper on another, for
    /// `accounts` of the domain `LAB`, which must seal their calls.
    pub fn local(accounts: Arc<dyn Accounts>) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            endpoint_mapper: Some(any),
            rpc: any,
            http: None,
            accounts,
            minimum_level: AuthLevel::PKT_PRIVACY,
            domain: "LAB".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// A lab that listens. It serves while [`Listening::run`] runs.
pub struct Listening {
    mapper: Option<(TcpListener, SocketAddr)>,
    services: TcpListener,
    address: SocketAddr,
    http: Option<HttpListener>,
    lab: Arc<Lab>,
    server: LabServer,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("endpoint_mapper", &self.endpoint_mapper())
            .field("rpc", &self.address)
            .field("http", &self.http())
            .finish_non_exhaustive()
    }
}

/// Listens on the addresses of `server` for `lab`.
///
/// # Errors
/// If it cannot listen on an address.
pub async fn start(lab: Arc<Lab>, mut server: LabServer) -> Result<Listening, ListenError> {
    let (services, address) = bound(server.rpc).await?;
    let mapper = match server.endpoint_mapper {
        Some(address) => Some(bound(address).await?),
        None => None,
    };
    let http = match server.http.take() {
        Some(http) => Some(HttpListener::bind(http).await?),
        None => None,
    };
    Ok(Listening { mapper, services, address, http, lab, server })
}

/// Serves `lab` on the addresses of `server` until `stop` turns true and the calls in flight have responses.
///
/// # Errors
/// If it cannot listen on an address.
pub async fn serve(lab: Arc<Lab>, server: LabServer, stop: watch::Receiver<bool>) -> Result<(), ListenError> {
    start(lab, server).await?.run(stop).await;
    Ok(())
}

async fn bound(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let listener = listen(address).await?;
    let taken = listener.local_addr().map_err(|source| ListenError { address, source })?;
    Ok((listener, taken))
}

impl Listening {
    /// The address of the endpoint mapper.
    pub fn endpoint_mapper(&self) -> Option<SocketAddr> {
        self.mapper.as_ref().map(|(_, address)| *address)
    }

    /// The address of the services.
    pub const fn rpc(&self) -> SocketAddr {
        self.address
    }

    /// The address of MAPI over HTTP and Autodiscover.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(HttpListener::address)
    }

    /// Serves until `stop` turns true and the calls in flight have responses.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let Self { mapper, services, address, http, lab, server } = self;
        let acceptor = acceptor_config(&lab, &server);
        let admission = Admission::new(server.limits, Vec::new());
        let auth = ClientAuth::new(acceptor.clone());
        let interfaces = Interface::ALL.map(syntax);
        let offered = interfaces.map(|id| rpc::server::Interface { id, minimum_level: server.minimum_level });
        let config = listener_config(offered.to_vec(), address, auth.clone(), server.limits);
        let pool = Pool::new(QUEUE);
        if let Err(error) = net::spawn_workers(&pool, THREADS) {
            tracing::error!("lab: cannot start threads for the mailbox store: {error}");
            return;
        }
        let _closing = Closing(pool.clone());
        let by_http = http
            .map(|http| http.run(Arc::clone(&lab), Arc::new(acceptor.clone()), pool.clone(), stop.clone()));
        let by_http = async {
            if let Some(by_http) = by_http {
                by_http.await;
            }
        };
        let backend = move || ServiceHandler::new(Arc::clone(&lab), Some(pool.clone()));
        let serving =
            net::run_rpc(services, config, Arc::clone(&admission), Workers::here(), backend, stop.clone());
        let Some((listener, own)) = mapper else {
            tokio::join!(serving, by_http);
            return;
        };
        let mapper = EndpointMapperService::new(&interfaces, &[Endpoint::Tcp(address)]);
        let config = mapper_config(own, auth, server.limits);
        let mapping =
            net::run_rpc(listener, config, admission, Workers::here(), move || mapper.connection(), stop);
        tokio::join!(serving, mapping, by_http);
    }
}

/// Closes the pool when it is dropped, which ends its threads.
struct Closing(Pool);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// How clients authenticate, whatever the protocol.
fn acceptor_config(lab: &Lab, server: &LabServer) -> AcceptorConfig {
    let unknown = ServerName { name: String::new(), host: String::new() };
    let name = lab.config().servers.first().unwrap_or(&unknown);
    let dns_domain = name.host.split_once('.').map(|(_, domain)| domain).unwrap_or_default();
    let names = ServerNames {
        nb_computer: name.name.clone(),
        nb_domain: server.domain.clone(),
        dns_computer: name.host.clone(),
        dns_domain: dns_domain.to_owned(),
    };
    let accounts = Arc::clone(&server.accounts);
    AcceptorConfig {
        settings: Settings::of(NtlmAcceptorConfig { names, ..NtlmAcceptorConfig::default() }),
        ..AcceptorConfig::new(accounts, Authority::new("lab"), ContextCounters::new())
    }
}

fn mapper_config(address: SocketAddr, auth: ClientAuth, limits: Limits) -> Arc<RpcListenerConfig> {
    listener_config(mapper_interfaces(), address, auth, limits)
}

fn listener_config(
    interfaces: Vec<rpc::server::Interface>,
    address: SocketAddr,
    auth: ClientAuth,
    limits: Limits,
) -> Arc<RpcListenerConfig> {
    let secondary_address = address.port().to_string();
    Arc::new(RpcListenerConfig {
        auth_limiter: Arc::default(),
        log: EventLog::default(),
        proxy_protocol: Vec::new(),
        loop_marker: None,
        greeting: b"",
        rpc: Arc::new(ServerConfig {
            interfaces,
            auth_types: auth.auth_types(),
            secondary_address,
            ..ServerConfig::default()
        }),
        groups: Arc::new(Groups::default()),
        auth,
        bodies: net::BodyBudget::new(&limits),
        limits,
        observer: Arc::new(NoopObserver),
    })
}
