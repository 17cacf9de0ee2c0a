//! The server that calls are relayed to, and how connections there begin.

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

/// The server that we relay to, and as whom.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where it is.
    pub endpoints: Arc<Endpoints>,
    /// The account that stands for every client who signed in (*specified*) on connections that are opened from
    /// now on; none for unauthenticated calls. Calls of anonymous clients are always unauthenticated.
    pub account: Option<Reloadable<Account>>,
    /// How long connecting and signing in may take.
    pub timeout: Duration,
    /// How long an answer may take.
    pub call_limit: Duration,
    /// By what a call that leads back here is known.
    pub loop_marker: Arc<LoopMarker>,
    /// What all connections there know of it together.
    pub gate: Arc<Gate>,
}

/// Connects to where `interface` is served for `caller`, as soon as the gate of the upstream permits it, and a sign-in
/// with `account`. The account is the one that is in use then.
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
