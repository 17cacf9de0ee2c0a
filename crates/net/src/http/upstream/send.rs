//! Sends requests to the server, each until it is complete or the server responds.

use std::task::{Context, Poll};
use std::time::Duration;

use http1::{Event, Head as _, RequestHead, ResponseHead};

use crate::http::transport::FramedTransport;
use crate::http::upstream::connection::{CurrentRequest, UpstreamConnection};
use crate::tcp::stream::SendError;
use crate::upstream_error::{RequestProgress, Timeout, UpstreamError};

impl UpstreamConnection {
    /// Begins a request with `head`. Its body follows in the output of the transport.
    pub(crate) fn begin_request(&mut self, head: &RequestHead, is_head: bool) {
        head.write(&mut self.transport.out.bytes);
        self.transport.decoder.expect(is_head);
        self.request = CurrentRequest { is_in_progress: true, is_head, ..CurrentRequest::default() };
    }

    /// Sends as much of the output as the socket's buffer takes now. Returns whether it was all; otherwise
    /// [`Self::flush`] is to be called, which returns the error if there is one.
    pub(crate) async fn flush_now(&mut self) -> bool {
        let before = self.transport.out.len();
        let is_sent = matches!(self.transport.flush_now().await, Ok(true));
        self.request.is_begun |= is_sent || self.transport.out.len() < before;
        is_sent
    }

    /// Sends the output, unless the server responds meanwhile ([`Self::has_responded`]). The server has `limit`, which
    /// is `clients.handshake_seconds`, to read each part. Returns whether all was sent.
    ///
    /// # Errors
    /// When the server does not read, and when the connection fails before it accepted anything of the request
    /// ([`RequestProgress::NotSent`]).
    pub(crate) async fn flush(&mut self, limit: Duration) -> Result<bool, UpstreamError> {
        let before = self.transport.out.len();
        let early = &mut self.request.early;
        let sent =
            self.transport.flush_unless(limit, |transport, task| has_responded(transport, task, early)).await;
        self.request.is_incomplete |= !matches!(sent, Ok(true));
        self.request.is_begun |= self.transport.out.len() < before;
        match sent {
            Err(SendError::NotRead) => Err(Timeout::NotRead(limit).into()),
            // Bytes that can still be read are not a response to this request.
            Err(SendError::Io(error)) if !self.request.is_begun => {
                Err(UpstreamError::lost(error, RequestProgress::NotSent))
            }
            Ok(false) if !self.request.is_begun => {
                let why = "the server responded before the request";
                Err(UpstreamError::lost(why, RequestProgress::NotSent))
            }
            sent => Ok(sent.unwrap_or(false)),
        }
    }

    /// Whether the server has sent a final response, or closed the connection, before the request is complete. The rest
    /// of the request must not be sent then: a server that does not read it as such takes it for the next request
    /// (RFC 9112 9.3, 9.5). For the same reason the connection does not carry another request. Does not wait.
    pub(crate) fn has_responded(&mut self, task: &mut Context<'_>) -> bool {
        let has_responded = has_responded(&mut self.transport, task, &mut self.request.early);
        self.request.is_incomplete |= has_responded;
        has_responded
    }
}

/// Whether the server has responded to a request that is not complete; the response's head is `early` then. Nothing
/// after the head is read.
fn has_responded(
    transport: &mut FramedTransport<ResponseHead>,
    task: &mut Context<'_>,
    early: &mut Option<Event<ResponseHead>>,
) -> bool {
    while early.is_none() {
        match transport.ready() {
            Ok(Some(Event::Head { head, framing })) if head.status() >= 200 => {
                *early = Some(Event::Head { head, framing });
            }
            // Interim responses, of which there is a limited number.
            Ok(Some(_)) => {}
            Ok(None) => match transport.poll_fill(task) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Pending => return false,
                // The next read of the response returns the same.
                Poll::Ready(_) => return true,
            },
            Err(_) => return true,
        }
    }
    true
}
