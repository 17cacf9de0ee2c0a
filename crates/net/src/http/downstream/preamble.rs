//! What precedes the first request on a connection: a PROXY header, and a TLS handshake.

use std::net::SocketAddr;

use identity::ChannelBindings;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::http::config::HttpListenerConfig;
use crate::http::tls::TlsIdentity;
use crate::http::tls_failure::ClientTlsFailure;
use crate::http::transport::Stream;
use crate::http::trusted_proxies::PeerAddresses;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::proxy_protocol::{ClientError, HeaderError, client_address, speaks_proxy};

/// The work of a TLS handshake, in the unit of [`ConnectionPermit::count_work`]: about one millisecond.
const TLS_HANDSHAKE: u32 = 10_000;

/// A connection that is ready for requests.
pub(crate) struct AcceptedConnection {
    pub(crate) peer: PeerAddresses,
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
    let client = client_address(&mut stream, peer, &mut permit, load_balancers).await?;
    let bindings = tls.as_ref().map(|tls| tls.bindings);
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            // The health check of a load balancer ends after a header that names no client.
            if speaks_proxy(load_balancers, peer.ip()) && stream.peek(&mut [0]).await.unwrap_or(0) == 0 {
                return Err(ClientError::from(HeaderError::Nothing).into());
            }
            let accepted = accept_tls(&tls.acceptor, stream, &mut permit).await;
            Stream::Tls(Box::new(accepted.map_err(PreambleError::Tls)?.into()))
        }
    };
    let peer = PeerAddresses { socket: peer, client };
    Ok(AcceptedConnection { peer, permit, bindings, stream })
}

/// Completes a TLS handshake, whose work counts for the client's address until the client authenticates. If the address
/// has caused too much work, the handshake is delayed.
async fn accept_tls<S: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    stream: S,
    permit: &mut ConnectionPermit,
) -> Result<TlsStream<S>, ClientTlsFailure> {
    let delay = permit.count_work(TLS_HANDSHAKE, Instant::now());
    if !delay.is_zero() {
        sleep(delay).await;
    }
    acceptor.accept(stream).await.map_err(|error| ClientTlsFailure::of(&error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::ServerConfig;
    use rustls::server::ResolvesServerCertUsingSni;

    use super::*;
    use crate::tcp::admission::{Admission, Limits};

    #[tokio::test(start_paused = true)]
    async fn tls_handshakes_of_an_unauthenticated_address_are_limited() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(
            config.with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new())),
        ));
        let admission = Admission::new(Limits::default(), Vec::new());
        let mut delays = Vec::new();
        for _ in 0..120 {
            let mut permit = admission.admit([198, 51, 100, 7].into()).unwrap().permit;
            let begin = Instant::now();
            // The client closes the connection at once.
            let (stream, _) = tokio::io::duplex(1);
            assert!(accept_tls(&acceptor, stream, &mut permit).await.is_err());
            delays.push(begin.elapsed());
        }
        let (at_once, later) = delays.split_at(99);
        assert!(at_once.iter().all(Duration::is_zero), "{delays:?}");
        assert!(later.iter().all(|delay| *delay >= Duration::from_millis(100)), "{delays:?}");
    }
}
