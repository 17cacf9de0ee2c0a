//! The limits of a client connection: its time, its security contexts, and the time to read a response.

use std::future::poll_fn;
use std::pin::pin;

use tokio::sync::watch;
use tokio::time::{interval, timeout_at};

use super::{Connection, RpcConnectionError};
use crate::rpc::deadlines::{ClientTimeout, check_interval};
use crate::rpc::handler::RequestHandler;
use crate::tcp::stream::{ClientStream, send};

impl<H: RequestHandler> Connection<H> {
    /// Sends what the client does not read at once. A client that does not read in time loses its connection: an
    /// authenticated client has that time for each piece, while one of its security contexts is valid.
    pub(super) async fn send_rest<S: ClientStream>(
        &mut self,
        stream: &mut S,
        unread: &[u8],
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<(), RpcConnectionError> {
        let limit = self.config.limits.handshake;
        let sent = send(stream, unread, limit, shutdown);
        if !self.is_authenticated() {
            let sent = timeout_at(self.deadlines.since() + limit, sent).await;
            return Ok(sent.map_err(|_| ClientTimeout::Unread)??);
        }
        let mut sent = pin!(sent);
        let mut tick = interval(check_interval(&self.config.limits));
        loop {
            tokio::select! {
                sent = &mut sent => return Ok(sent?),
                () = poll_fn(|task| self.permit.poll_displaced(task)) => return Err(self.displaced()),
                _ = tick.tick() => {
                    self.end_revoked();
                    if !self.contexts.has_valid() && !self.deadlines.is_anonymous() {
                        return Err(RpcConnectionError::SignInEnded);
                    }
                }
            }
        }
    }

    /// Checks the time limits, and ends what belongs to security contexts that were revoked.
    pub(super) fn check_limits(&mut self) -> Result<(), ClientTimeout> {
        self.deadlines.check(&self.config.limits, &self.association)?;
        self.end_revoked();
        if !self.contexts.has_valid() && self.association.active_calls() == 0 {
            self.deadlines.unusable();
        }
        Ok(())
    }

    /// Ends the sessions and calls of security contexts that were revoked.
    fn end_revoked(&mut self) {
        let revoked = self.contexts.take_revoked();
        if !revoked.is_empty() {
            self.scope.revoked(&revoked, &mut self.replies);
        }
    }

    /// Logs that the connection of another user displaced this one, which is to be closed.
    #[cold]
    pub(super) fn displaced(&self) -> RpcConnectionError {
        self.config.log.connection_displaced(self.client, self.contexts.user());
        RpcConnectionError::Displaced
    }
}
