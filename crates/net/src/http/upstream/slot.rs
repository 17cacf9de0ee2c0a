//! The upstream connection of one client connection: kept between requests, reused for the same identity only.

use std::task::Context;

use identity::SecurityContext;

use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::upstream_error::UpstreamError;

/// Where a client connection keeps its upstream connection while no request is on it. There is at most one.
pub(crate) struct UpstreamSlot {
    pub(crate) connection: Option<Box<UpstreamConnection>>,
    /// The forwarding headers of the client's requests.
    pub(crate) forwarding: Forwarding,
}

impl UpstreamSlot {
    /// A slot without a connection.
    pub(crate) const fn new(forwarding: Forwarding) -> Self {
        Self { connection: None, forwarding }
    }

    /// Takes the connection out for a request of `context` for what is at `target`. One that may not carry it is
    /// closed: none then.
    ///
    /// # Errors
    /// When the account that each request signs in with is refused at present.
    pub(crate) async fn reuse(
        &mut self,
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Option<Box<UpstreamConnection>>, UpstreamError> {
        let Some(mut connection) = self.connection.take() else { return Ok(None) };
        let usable = connection.is_usable_by(context).await
            && connection.reauthenticate(upstream, context, target).await?;
        Ok(usable.then_some(connection))
    }

    /// Takes back a connection whose response is read to its end, where it may carry another request.
    pub(crate) fn put_back(&mut self, mut connection: Box<UpstreamConnection>) {
        if connection.end_response() {
            self.connection = Some(connection);
        }
    }

    /// Closes the connection, if there is one.
    pub(crate) fn close(&mut self) {
        self.connection = None;
    }

    /// Between requests: whatever comes from the server now, it closed the connection or breaks the protocol. So the
    /// next request finds out before it is sent.
    pub(crate) fn poll_idle(&mut self, task: &mut Context<'_>) {
        if self.connection.as_mut().is_some_and(|connection| connection.transport.poll_fill(task).is_ready())
        {
            self.close();
        }
    }
}
