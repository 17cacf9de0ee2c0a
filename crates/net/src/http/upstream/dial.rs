//! Connects to the server, and why that fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use identity::ChannelBindings;

use crate::http::tls::end_point;
use crate::http::tls_failure::TlsFailure;
use crate::http::transport::Stream;
use crate::http::upstream::auth_error::ServiceAuthError;
use crate::http::upstream::config::HttpUpstream;
use crate::tcp::connect::{ConnectError, ResolveError, connect, resolve};
use crate::upstream_error::{Timeout, UpstreamError, cause};

/// Why there is no connection to the server.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    /// Its name has no address.
    #[error(transparent)]
    Unresolved(#[from] ResolveError),
    /// None of its addresses accepts a connection.
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    /// The TLS handshake failed.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    /// The time limit was exceeded.
    #[error("not connected within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// Why there is no authenticated connection to the server.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] NotConnected),
    /// The server does not accept the account.
    #[error(transparent)]
    Auth(#[from] ServiceAuthError),
    /// The time limit was exceeded.
    #[error("not connected and authenticated within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The target is not valid in HTTP.
    #[error("invalid target")]
    Target,
    /// The connection failed, or the response is invalid.
    #[error(transparent)]
    Broken(#[from] UpstreamError),
}

impl From<NotConnected> for UpstreamError {
    fn from(error: NotConnected) -> Self {
        match error {
            NotConnected::Tls(_) => Self::Tls(cause(error)),
            NotConnected::Unresolved(_) | NotConnected::Unreachable(_) | NotConnected::Timeout(_) => {
                Self::connect(error)
            }
        }
    }
}

impl From<NotOpened> for UpstreamError {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Connect(error) => error.into(),
            NotOpened::Auth(error) => error.into(),
            NotOpened::Timeout(limit) => Timeout::Auth(limit).into(),
            NotOpened::Target => Self::protocol(error),
            NotOpened::Broken(error) => error,
        }
    }
}

impl HttpUpstream {
    /// Connects. Returns the channel bindings of the connection too if it has TLS (RFC 5929 4).
    /// Sets `within_tls` once the connection is made and the TLS handshake begins.
    pub(crate) async fn connect(
        &self,
        within_tls: &AtomicBool,
    ) -> Result<(Stream, Option<ChannelBindings>), NotConnected> {
        #[cfg(test)]
        if let Some(server) = &self.memory {
            let unreachable = NotConnected::Timeout(Duration::ZERO);
            return server.connect().map(|stream| (Stream::Memory(stream), None)).ok_or(unreachable);
        }
        let lookup = async { Ok::<_, NotConnected>(resolve(&self.host, self.port).await?) };
        let stream = connect(None, lookup).await?;
        let Some(trust) = &self.tls else { return Ok((Stream::Plain(stream), None)) };
        within_tls.store(true, Ordering::Relaxed);
        let connected = trust.connector.connect(trust.name.clone(), stream).await;
        let connected = connected.map_err(|error| TlsFailure::of(&error))?;
        let shown = connected.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let bindings = shown.map(end_point);
        Ok((Stream::Tls(Box::new(connected.into())), bindings))
    }

    /// The error if [`connect`](Self::connect) exceeded the time limit.
    pub(crate) fn not_connected_in_time(&self, within_tls: &AtomicBool) -> NotConnected {
        if within_tls.load(Ordering::Relaxed) {
            return TlsFailure::Silent(self.timeout).into();
        }
        NotConnected::Timeout(self.timeout)
    }
}
