//! What precedes the first request on a connection: a PROXY header, and a TLS handshake.

use std::net::SocketAddr;

use identity::ChannelBindings;
use tokio::net::TcpStream;

use crate::http::config::HttpListenerConfig;
use crate::http::tls::TlsIdentity;
use crate::http::tls_failure::ClientTlsFailure;
use crate::http::transport::Stream;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::proxy_protocol::{ClientError, HeaderError, client_address, speaks_proxy};

/// A connection that is ready for requests.
pub(crate) struct AcceptedConnection {
    /// The address of the client: that of the PROXY header, if there is one.
    pub(crate) client_addr: SocketAddr,
    pub(crate) permit: ConnectionPermit,
    /// The channel bindings of its TLS (RFC 5929).
    pub(crate) bindings: Option<ChannelBindings>,
    pub(crate) stream: Stream,
}

/// Why a connection is closed before its first request.
pub(crate) enum PreambleError {
    /// The PROXY header is invalid, or the client has too many connections.
    Client(ClientError),
    /// The TLS handshake failed.
    Tls(ClientTlsFailure),
}

impl From<ClientError> for PreambleError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl PreambleError {
    /// Logs the error for the connection from `peer`.
    pub(crate) fn report(&self, peer: SocketAddr, config: &HttpListenerConfig) {
        match self {
            Self::Client(error) => error.report(peer, &config.log, &*config.observer),
            Self::Tls(failure) => config.log.client_error(peer, &failure.to_string()),
        }
    }
}

/// Reads the PROXY header of a connection from a load balancer, and completes the TLS handshake if there is `tls`.
///
/// # Errors
/// If either fails, or the client has too many connections.
pub(crate) async fn read_preamble(
    config: &HttpListenerConfig,
    tls: Option<TlsIdentity>,
    mut stream: TcpStream,
    peer: SocketAddr,
    mut permit: ConnectionPermit,
) -> Result<AcceptedConnection, PreambleError> {
    let load_balancers = &config.trusted_proxies.proxy_protocol;
    let client_addr = client_address(&mut stream, peer, &mut permit, load_balancers).await?;
    let bindings = tls.as_ref().map(|tls| tls.bindings);
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            // The health check of a load balancer ends after a header that names no client.
            if speaks_proxy(load_balancers, peer.ip()) && stream.peek(&mut [0]).await.unwrap_or(0) == 0 {
                return Err(ClientError::from(HeaderError::Nothing).into());
            }
            let accepted = tls.acceptor.accept(stream).await;
            Stream::Tls(Box::new(
                accepted.map_err(|error| PreambleError::Tls(ClientTlsFailure::of(&error)))?.into(),
            ))
        }
    };
    Ok(AcceptedConnection { client_addr, permit, bindings, stream })
}
