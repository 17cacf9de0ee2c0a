//! What comes on a connection before its first request: a PROXY header, a TLS handshake.

use std::net::SocketAddr;

use identity::ChannelBindings;
use tokio::net::TcpStream;

use crate::http::config::HttpListenerConfig;
use crate::http::tls::TlsIdentity;
use crate::http::tls_failure::ClientTlsFailure;
use crate::http::transport::Stream;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::proxy_protocol::{ClientError, HeaderError, client_address, speaks_proxy};

/// A connection that requests can come on.
pub(crate) struct Begun {
    /// Whom it is for: a front server may have said so.
    pub(crate) client: SocketAddr,
    pub(crate) place: ConnectionPermit,
    /// What sign-ins on it may be bound to.
    pub(crate) bindings: Option<ChannelBindings>,
    pub(crate) stream: Stream,
}

/// Why no request can come on a connection.
pub(crate) enum NotBegun {
    Client(ClientError),
    Tls(ClientTlsFailure),
}

impl From<ClientError> for NotBegun {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl NotBegun {
    /// Logs it for the connection from `peer`.
    pub(crate) fn report(&self, peer: SocketAddr, config: &HttpListenerConfig) {
        match self {
            Self::Client(error) => error.report(peer, &config.log, &*config.observer),
            Self::Tls(failure) => config.log.client_error(peer, &failure.to_string()),
        }
    }
}

/// Reads the PROXY header of a connection from a front server, and shakes hands where it is within TLS.
///
/// # Errors
/// When either fails, or the client has too many connections.
pub(crate) async fn begin(
    config: &HttpListenerConfig,
    tls: Option<TlsIdentity>,
    mut stream: TcpStream,
    peer: SocketAddr,
    mut place: ConnectionPermit,
) -> Result<Begun, NotBegun> {
    let fronts = &config.peers.proxy_protocol;
    let client = client_address(&mut stream, peer, &mut place, fronts).await?;
    let bindings = tls.as_ref().map(|tls| tls.bindings);
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            // A front server checks whether we listen, with a header that names no client.
            if speaks_proxy(fronts, peer.ip()) && stream.peek(&mut [0]).await.unwrap_or(0) == 0 {
                return Err(ClientError::from(HeaderError::Nothing).into());
            }
            let accepted = tls.acceptor.accept(stream).await;
            Stream::Tls(Box::new(
                accepted.map_err(|error| NotBegun::Tls(ClientTlsFailure::of(&error)))?.into(),
            ))
        }
    };
    Ok(Begun { client, place, bindings, stream })
}
