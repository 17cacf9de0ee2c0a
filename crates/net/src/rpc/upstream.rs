//! The upstream of the RPC relay, and connecting to it.

use std::sync::Arc;
use std::time::Duration;

use engine::Interface;
use identity::SecurityContext;
use tokio::time::Instant;

use crate::gate::{Gate, UpstreamProtocol};
use crate::rpc::loop_marker::LoopMarker;
use crate::rpc::resolver::Endpoints;
use crate::rpc::upstream_call::Connected;
use crate::upstream_error::UpstreamError;
use crate::upstream_identity::UpstreamIdentity;

/// The upstream of the RPC relay.
#[derive(Debug, Clone)]
pub struct RpcUpstream {
    /// How the endpoints of its services are found.
    pub endpoints: Arc<Endpoints>,
    /// Whose credentials calls have there.
    pub identity: UpstreamIdentity,
    /// How long connecting and authenticating may take.
    pub timeout: Duration,
    /// How long a response may take.
    pub call_limit: Duration,
    /// Detects request loops.
    pub loop_marker: Arc<LoopMarker>,
    /// The shared state of its availability.
    pub gate: Arc<Gate>,
}

/// Connects to the endpoint of `interface` for `caller`, as soon as the gate of the upstream permits that, and the
/// gate of the account the authentication. Credentials that were replaced meanwhile are not used.
pub(super) async fn connect(
    upstream: RpcUpstream,
    interface: Interface,
    caller: SecurityContext,
) -> Result<Connected, UpstreamError> {
    let RpcUpstream { endpoints, identity, timeout, gate, .. } = upstream;
    let begun = Instant::now();
    let attempt = identity.permit(&caller, UpstreamProtocol::Rpc, interface.name(), timeout).await?;
    let connecting = async {
        let connected = endpoints.connect(interface).await;
        connected.map_err(UpstreamError::connect)
    };
    let left = timeout.saturating_sub(begun.elapsed());
    let stream = gate.connect(UpstreamProtocol::Rpc, left, connecting).await?;
    Ok(Connected { stream, sign_in: identity.for_caller(&caller).account().cloned().zip(attempt) })
}
