//! The upstream connection of one client connection: kept between requests, reused for the same identity only.

use std::task::Context;

use identity::SecurityContext;

use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::upstream_error::UpstreamError;

/// Where a client connection keeps its idle upstream connection. There is at most one.
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

    /// Takes the connection out for a request of `context` for `target`. Returns none, and closes the connection, if
    /// it may not carry the request.
    ///
    /// # Errors
    /// If the server refuses at present the account with which each request authenticates.
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

    /// Takes a connection back whose response is read to its end, if it may carry another request.
    pub(crate) fn put_back(&mut self, mut connection: Box<UpstreamConnection>) {
        if connection.end_response() && connection.may_be_kept() {
            self.connection = Some(connection);
        }
    }

    /// Closes the connection, if there is one.
    pub(crate) fn close(&mut self) {
        self.connection = None;
    }

    /// Closes the connection if the server closes it or sends anything between requests, so that the next request is
    /// sent on a new one.
    pub(crate) fn poll_idle(&mut self, task: &mut Context<'_>) {
        if self.connection.as_mut().is_some_and(|connection| connection.transport.poll_fill(task).is_ready())
        {
            self.close();
        }
    }
}
