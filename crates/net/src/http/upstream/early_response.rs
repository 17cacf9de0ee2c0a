//! Answers that begin before their request was sent: a server may refuse one by its head, and read no more of it.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use http1::{Event, ResponseHead};

use crate::http::transport::FramedTransport;
use crate::http::upstream::connection::UpstreamConnection;
use crate::upstream_error::{Received, UpstreamError};

impl UpstreamConnection {
    /// Sends what is to be sent of a request. Says whether the server took all of it: one that does not may have answered
    /// already that it is too much, or whom it wants to sign in.
    pub(crate) async fn flush(&mut self, limit: Duration) -> Result<bool, UpstreamError> {
        let before = self.transport.out.len();
        if let Ok(true) = self.transport.flush_now().await {
            self.begun = true;
            return Ok(true);
        }
        let early = &mut self.early;
        let sent =
            self.transport.flush_unless(limit, |transport, task| refused_early(transport, task, early)).await;
        self.cut |= !matches!(sent, Ok(true));
        self.begun |= self.transport.out.len() < before;
        match sent {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(UpstreamError::closed(error)),
            // What can still be read is no response to this request.
            Err(error) if !self.begun => Err(UpstreamError::lost(error, Received::Nothing)),
            sent => Ok(sent.unwrap_or(false)),
        }
    }
}

/// Whether the server has refused a request that it takes no more of; the answer's head is `early` then. An answer that
/// refuses nothing may need the rest of the request. No more is read behind either.
fn refused_early(
    transport: &mut FramedTransport<ResponseHead>,
    task: &mut Context<'_>,
    early: &mut Option<Event<ResponseHead>>,
) -> bool {
    while early.is_none() && matches!(transport.poll_fill(task), Poll::Ready(Ok(1..))) {
        while early.is_none() {
            match transport.ready() {
                Ok(Some(Event::Head { head, framing })) if head.status() >= 200 => {
                    *early = Some(Event::Head { head, framing });
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                // The next read of the answer returns the same error.
                Err(_) => return true,
            }
        }
    }
    matches!(early, Some(Event::Head { head, .. }) if head.status() >= 300)
}
