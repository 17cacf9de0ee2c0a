//! Sends the probes of pass-through authentication.

use crate::http::pass_through::authenticator::ExpectedConnection;
use crate::http::pass_through::pending::{ProbeConnection, ProbeRequest};
use crate::http::pass_through::response::{ProbeError, ProbeResponse, ProbeResult};
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::upstream_error::UpstreamError;

/// The upstream connection of a client connection, if there is one.
pub(crate) type Slot = Option<Box<UpstreamConnection>>;

/// Whether the upstream connection is in the `expected` state, open, and without a request.
pub(crate) async fn is_as_expected(slot: &mut Slot, expected: ExpectedConnection<'_>) -> bool {
    let Some(connection) = slot else { return false };
    match expected {
        ExpectedConnection::InHandshake => connection.is_in_handshake().await,
        ExpectedConnection::OwnedBy(context) => connection.is_usable_by(context).await,
    }
}

/// Sends a probe, and returns its response.
pub(crate) async fn send(probe: &ProbeRequest, slot: &mut Slot, upstream: &HttpUpstream) -> ProbeResult {
    let not_closed = |why| ProbeError { why, closed: false };
    match probe.connection {
        ProbeConnection::Separate => {
            let mut connection = UpstreamConnection::connect(upstream, None).await.map_err(not_closed)?;
            let (head, persistent) = connection.probe(&probe.head).await.map_err(not_closed)?;
            return Ok(ProbeResponse::new(*head, persistent));
        }
        ProbeConnection::New => *slot = None,
        ProbeConnection::Unauthenticated => {
            let is_unowned = match slot {
                Some(connection) => connection.is_unowned().await,
                None => false,
            };
            if !is_unowned {
                *slot = None;
            }
        }
        ProbeConnection::Current => {}
    }
    if slot.is_none() && probe.connection != ProbeConnection::Current {
        *slot = Some(UpstreamConnection::connect(upstream, None).await.map_err(not_closed)?);
    }
    let Some(connection) = slot else {
        return Err(ProbeError { why: UpstreamError::closed("no connection to the server"), closed: true });
    };
    if probe.in_handshake {
        connection.pin();
    }
    match connection.probe(&probe.head).await {
        Ok((head, persistent)) => {
            if !persistent {
                *slot = None;
            }
            Ok(ProbeResponse::new(*head, persistent))
        }
        Err(why) => {
            let closed = connection.transport.is_stale().await;
            Err(ProbeError { why, closed })
        }
    }
}
