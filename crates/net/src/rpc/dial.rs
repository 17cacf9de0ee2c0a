//! The upstream of the RPC relay, and how connections to it are made.

use std::sync::Arc;
use std::time::Duration;

use engine::Interface;
use identity::SecurityContext;
use tokio::time::Instant;

use crate::account::Account;
use crate::gate::{Gate, Road};
use crate::reloadable::Reloadable;
use crate::rpc::call::Connected;
use crate::rpc::loop_marker::LoopMarker;
use crate::rpc::resolver::Endpoints;
use crate::upstream_error::UpstreamError;

/// The upstream of the RPC relay.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// How its services are found.
    pub endpoints: Arc<Endpoints>,
    /// The service account for connections that are opened from now on; none for unauthenticated calls. Calls of anonymous
    /// clients are always unauthenticated.
    pub account: Option<Reloadable<Account>>,
    /// How long connecting and authenticating may take.
    pub timeout: Duration,
    /// How long an answer may take.
    pub call_limit: Duration,
    /// Detects calls that lead back to this proxy.
    pub loop_marker: Arc<LoopMarker>,
    /// Its shared state.
    pub gate: Arc<Gate>,
}

/// Connects to the endpoint of `interface` for `caller`, as soon as the gate of the upstream permits that, and the
/// authentication with `account`. Credentials that were replaced meanwhile are not used.
pub(super) async fn connect(
    upstream: Upstream,
    account: Option<Reloadable<Account>>,
    interface: Interface,
    caller: SecurityContext,
) -> Result<Connected, UpstreamError> {
    let Upstream { endpoints, timeout, gate, .. } = upstream;
    let begun = Instant::now();
    let attempt = match &account {
        Some(_) => Some(gate.sign_in(Road::Rpc, interface.name(), &caller, timeout).await?),
        None => None,
    };
    let connecting = async {
        let connected = endpoints.connect(interface).await;
        connected.map_err(|error| UpstreamError::Connect(error.to_string()))
    };
    let left = timeout.saturating_sub(begun.elapsed());
    let stream = gate.connect(Road::Rpc, left, connecting).await?;
    Ok(Connected { stream, sign_in: account.map(|account| account.get()).zip(attempt) })
}
