//! The upstream of the RPC relay, and connecting to it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Interface;
use identity::SecurityContext;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::gate::{AuthAttempt, Gate, UpstreamProtocol};
use crate::rpc::loop_marker::LoopMarker;
use crate::rpc::resolver::{Endpoints, syntax};
use crate::rpc::upstream_association::{AssociationConfig, UpstreamAssociation};
use crate::rpc::upstream_call::{Connected, UpstreamCall};
use crate::service_credentials::ServiceCredentials;
use crate::task::spawn_system;
use crate::upstream_error::UpstreamError;
use crate::upstream_identity::UpstreamIdentity;

/// The opnum of `EcDummyRpc` of EMSMDB.
const EC_DUMMY_RPC: u16 = 6;

/// The upstream of the RPC relay.
#[derive(Debug, Clone)]
pub struct RpcUpstream {
    /// How the endpoints of its services are found.
    pub endpoints: Arc<Endpoints>,
    /// The mode that determines the credentials of calls.
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

/// Connects to the endpoint of `interface` for `caller`, as soon as the gate of the upstream permits the connection,
/// and the gate of the account the authentication. Credentials that were replaced meanwhile are not used.
pub(super) async fn connect(
    upstream: RpcUpstream,
    interface: Interface,
    caller: SecurityContext,
) -> Result<Connected, UpstreamError> {
    let begun = Instant::now();
    let permit = Some(upstream.gate.permit(Some(caller.identity()))?);
    let identity = &upstream.identity;
    let probe = |attempt| {
        if let Some(account) = identity.for_caller(&caller).account() {
            spawn_system(probe(upstream.clone(), Arc::clone(account), attempt));
        }
    };
    let permitted =
        identity.permit(&caller, UpstreamProtocol::Rpc, interface.name(), upstream.timeout, probe);
    let attempt = permitted.await?;
    let stream = open(&upstream, interface, upstream.timeout.saturating_sub(begun.elapsed())).await?;
    Ok(Connected { stream, permit, sign_in: identity.for_caller(&caller).account().cloned().zip(attempt) })
}

/// Connects to the endpoint of `interface` within `limit`, as soon as the gate of the upstream permits that.
async fn open(
    upstream: &RpcUpstream,
    interface: Interface,
    limit: Duration,
) -> Result<TcpStream, UpstreamError> {
    let connecting = async {
        let late = |_| format!("cannot connect: no response within {} s", limit.as_secs());
        let connected = timeout(limit, upstream.endpoints.connect(interface)).await;
        connected.map_err(late).map_err(UpstreamError::connect)?.map_err(UpstreamError::connect)
    };
    upstream.gate.connect(UpstreamProtocol::Rpc, connecting).await
}

/// Probes whether the server accepts `account`, by a call that depends on no user: `EcDummyRpc` ([MS-OXCRPC] 3.1.4).
/// The association records the outcome of `attempt`.
async fn probe(upstream: RpcUpstream, account: Arc<ServiceCredentials>, attempt: AuthAttempt) {
    let timeout = upstream.timeout;
    let config = AssociationConfig {
        interface: syntax(Interface::Emsmdb),
        account: Some(Arc::clone(&account)),
        group: 0,
        bind_id: None,
        timeout,
    };
    let connecting = async move {
        let stream = open(&upstream, Interface::Emsmdb, timeout).await?;
        Ok(Connected { stream, permit: None, sign_in: Some((account, attempt)) })
    };
    let mut association = UpstreamAssociation::new(config, connecting);
    let mut ends = Vec::new();
    let mut call = Some((0, UpstreamCall { opnum: EC_DUMMY_RPC, object: None, stub: Bytes::new() }));
    association.call(0, &mut call, &mut ends);
    let ended = poll_fn(|task| association.poll(task, &mut call, &mut ends));
    let _ = tokio::time::timeout(timeout, ended).await;
}
