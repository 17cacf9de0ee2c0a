//! Accepts connections, and serves each within its limits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use identity::{AcceptorConfig, Pool};
use net::ListenError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::http::authenticate::{AuthConfig, ConnectionAuth};
use crate::http::config::HttpServer;
use crate::http::server::Server;
use crate::http::service::{self, Connection};
use crate::http::sessions::Sessions;
use crate::service::Lab;

/// The time that connections have to end after the server was told to stop.
const STOPPING: Duration = Duration::from_secs(10);

/// The HTTP side of a lab, which listens.
pub(crate) struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    config: HttpServer,
}

impl HttpListener {
    /// Listens on the address of `config`.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) async fn bind(config: HttpServer) -> Result<Self, ListenError> {
        let listener = net::listen(config.address).await?;
        let address =
            listener.local_addr().map_err(|source| ListenError { address: config.address, source })?;
        Ok(Self { listener, address, config })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves clients until `stop` turns true and the connections have ended. ROPs are executed in `pool`.
    pub(crate) async fn run(
        self,
        lab: Arc<Lab>,
        acceptor: Arc<AcceptorConfig>,
        pool: Pool,
        mut stop: watch::Receiver<bool>,
    ) {
        let Self { listener, address, config } = self;
        let scheme = if config.certificate.is_some() { "https" } else { "http" };
        let origin = config.origin.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let bindings = config.certificate.as_ref().map(|certificate| certificate.bindings);
        let basic = config.certificate.is_some() || config.basic_without_tls;
        let auth = AuthConfig::new(acceptor, bindings, basic);
        let permits = Arc::new(Semaphore::new(config.limits.connections));
        let server = Arc::new(Server {
            lab,
            origin,
            sessions: Sessions::new(config.limits),
            limits: config.limits,
            pool,
            stop: stop.clone(),
        });
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next() => continue,
                accepted = next => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("lab: cannot accept an HTTP connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // A response is written in parts. The later ones must not wait until the client acknowledged the first.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, "lab: the HTTP connection was closed: {error}");
                continue;
            }
            let (server, auth, stop) = (Arc::clone(&server), auth.clone(), stop.clone());
            let certificate = config.certificate.clone();
            connections.spawn(async move {
                let connection = Arc::new(Connection::new(server, ConnectionAuth::new(auth), peer));
                match certificate {
                    None => serve(stream, connection, stop).await,
                    Some(certificate) => {
                        let limit = connection.server.limits.sign_in;
                        let shaken = timeout(limit, certificate.acceptor.accept(stream)).await;
                        match shaken {
                            Ok(Ok(stream)) => serve(stream, connection, stop).await,
                            Ok(Err(error)) => tracing::debug!(%peer, "lab: TLS handshake failed: {error}"),
                            Err(_) => tracing::debug!(%peer, "lab: TLS handshake took too long"),
                        }
                    }
                }
                drop(permit);
            });
        }
        drop(listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(STOPPING, ended).await.is_err() {
            tracing::debug!("lab: HTTP connections are closed with requests in progress");
        }
    }
}

/// Serves the requests of one connection.
async fn serve<S>(stream: S, connection: Arc<Connection>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let limits = connection.server.limits;
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let service = {
        let connection = Arc::clone(&connection);
        service_fn(move |request| {
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(service::respond(&connection, request).await) }
        })
    };
    let mut serving = pin!(
        http1::Builder::new()
            // As Exchange writes them: Microsoft's protocol tests compare the names of headers with case.
            .title_case_headers(true)
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(limits.head_size)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
    );
    let mut deadline = pin!(sleep(limits.sign_in));
    let (mut is_stopping, mut is_authenticated) = (false, false);
    loop {
        tokio::select! {
            served = serving.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(peer = %connection.peer, "lab: HTTP connection ended: {error}");
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
            () = deadline.as_mut(), if !is_authenticated => {
                is_authenticated = connection.was_authenticated();
                if !is_authenticated {
                    tracing::debug!(peer = %connection.peer, "lab: client did not authenticate in time");
                    return;
                }
            }
        }
    }
}
