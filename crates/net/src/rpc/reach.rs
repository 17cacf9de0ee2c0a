//! Checks whether the upstream serves an interface, for `mapiproxy check --online`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use engine::Interface;
use identity::SecurityContext;
use rpc::pdu::FaultStatus;
use tokio::time::timeout;

use crate::error_chain::ErrorChain;
use crate::rpc::client::{CallFailure, RpcClient};
use crate::rpc::resolver::{EndpointError, Location, syntax};
use crate::rpc::upstream::RpcUpstream;
use crate::rpc::upstream_association::AssociationConfig;
use crate::rpc::upstream_auth::is_denial;
use crate::tcp::connect::{ConnectError, ResolveError, connect_any, resolve};
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// An operation number that does not exist, so that the server responds with a fault only (C706
/// `nca_s_op_rng_error`).
const NO_OPERATION: u16 = 0x0fff;

/// Why the upstream does not serve an interface.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// The server's name cannot be resolved.
    #[error("{0}")]
    Unresolved(ResolveError),
    /// The configured address does not accept a connection.
    #[error("{0}")]
    Unreachable(ConnectError),
    /// The endpoint mapper does not return the endpoint of the interface.
    #[error("{0}")]
    Mapper(EndpointError),
    /// The endpoint that the endpoint mapper returns does not accept a connection.
    #[error("endpoint {address} of the endpoint mapper not reachable: {why}")]
    Elsewhere {
        /// The endpoint.
        address: SocketAddr,
        /// Why it does not.
        why: ConnectError,
    },
    /// The server rejects the bind.
    #[error("{0}")]
    Rejected(String),
    /// The server rejects the account, or unauthenticated calls.
    #[error("{0}")]
    AccessDenied(String),
    /// The server does not serve this interface.
    #[error("{0}")]
    NotThere(String),
    /// The server closed the connection after the bind or the handshake.
    #[error("{0}")]
    Closed(String),
    /// The connection failed otherwise.
    #[error("{0}")]
    Broken(String),
    /// The server did not respond in time.
    #[error("no response within {} s (upstream.connect_seconds)", .0.as_secs())]
    Timeout(Duration),
}

impl RpcUpstream {
    /// Connects to the endpoint of `interface`, authenticates as for a call of `context`, and makes a call that does
    /// nothing, in one attempt. Returns the endpoint.
    ///
    /// # Errors
    /// When the interface is not served there.
    pub async fn reach(
        &self,
        interface: Interface,
        context: &SecurityContext,
    ) -> Result<SocketAddr, NotServed> {
        let all = async {
            let addresses = self.find(interface).await?;
            let connected = connect_any(&addresses).await;
            let stream = connected.map_err(|why| match (self.endpoints.location(), addresses.first()) {
                (Location::Mapper { .. }, Some(address)) => NotServed::Elsewhere { address: *address, why },
                _ => NotServed::Unreachable(why),
            })?;
            let address = stream.peer_addr().map_err(|error| NotServed::Broken(error.to_string()))?;
            let config = AssociationConfig {
                interface: syntax(interface),
                account: self.identity.for_caller(context).account().cloned(),
                group: 0,
                bind_id: Some(self.loop_marker.bind_id(None)),
                timeout: self.timeout,
            };
            let mut client = RpcClient::over(stream, config);
            match client.call(NO_OPERATION, Bytes::new()).await {
                Ok(_) => Ok(address),
                Err(failure) => judge(&failure).map(|()| address),
            }
        };
        timeout(self.timeout, all).await.map_err(|_| NotServed::Timeout(self.timeout))?
    }

    /// The addresses at which `interface` is served.
    async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, NotServed> {
        let (host, port) = self.endpoints.location().first();
        let addresses = resolve(host, port).await.map_err(NotServed::Unresolved)?;
        if let Location::Fixed { .. } = self.endpoints.location() {
            return Ok(addresses);
        }
        drop(connect_any(&addresses).await.map_err(NotServed::Unreachable)?);
        self.endpoints.find(interface).await.map_err(NotServed::Mapper)
    }
}

/// What `failure` of a call to an operation that does not exist means: nothing if the server authorized the call.
fn judge(failure: &CallFailure) -> Result<(), NotServed> {
    let text = ErrorChain(failure).to_string();
    match failure {
        CallFailure::Fault(status) if is_denial(*status) => Err(NotServed::AccessDenied(text)),
        CallFailure::Fault(FaultStatus::NCA_S_UNK_IF) => Err(NotServed::NotThere(text)),
        CallFailure::Fault(_) => Ok(()),
        CallFailure::Lost { why, .. } => Err(match why {
            UpstreamError::Auth(
                UpstreamAuthError::InvalidCredentials(_) | UpstreamAuthError::AccessDenied(_),
            ) => NotServed::AccessDenied(text),
            UpstreamError::Auth(
                UpstreamAuthError::AssociationRejected(_) | UpstreamAuthError::SchemeNotOffered(_),
            )
            | UpstreamError::Rejected { .. }
            | UpstreamError::Loop => NotServed::Rejected(text),
            UpstreamError::NotServed(_) => NotServed::NotThere(text),
            UpstreamError::Closed { .. } => NotServed::Closed(text),
            _ => NotServed::Broken(text),
        }),
    }
}
