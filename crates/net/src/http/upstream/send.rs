//! Sends requests to the server. A server may refuse a request by the head of its response, and read no more of it.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use http1::{Event, Head as _, RequestHead, ResponseHead};

use crate::http::transport::FramedTransport;
use crate::http::upstream::connection::{CurrentRequest, UpstreamConnection};
use crate::upstream_error::{RequestProgress, UpstreamError};

impl UpstreamConnection {
    /// Begins a request with `head`. Its body follows in the output of the transport.
    pub(crate) fn begin_request(&mut self, head: &RequestHead, is_head: bool) {
        head.write(&mut self.transport.out.bytes);
        self.transport.decoder.expect(is_head);
        self.request = CurrentRequest { is_in_progress: true, is_head, ..CurrentRequest::default() };
    }

    /// Sends the output. Returns whether the server accepted all of it: one that does not may have responded already,
    /// that it is too much, or that the client has to authenticate.
    ///
    /// # Errors
    /// When the server does not read, and when the connection fails before it accepted anything of the request
    /// ([`RequestProgress::NotSent`]).
    pub(crate) async fn flush(&mut self, limit: Duration) -> Result<bool, UpstreamError> {
        let before = self.transport.out.len();
        if let Ok(true) = self.transport.flush_now().await {
            self.request.is_begun = true;
            return Ok(true);
        }
        let early = &mut self.request.early;
        let sent =
            self.transport.flush_unless(limit, |transport, task| refused_early(transport, task, early)).await;
        self.request.is_incomplete |= !matches!(sent, Ok(true));
        self.request.is_begun |= self.transport.out.len() < before;
        match sent {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(UpstreamError::closed(error)),
            // What can still be read is no response to this request.
            Err(error) if !self.request.is_begun => Err(UpstreamError::lost(error, RequestProgress::NotSent)),
            sent => Ok(sent.unwrap_or(false)),
        }
    }
}

/// Whether the server has refused a request that it does not read on; the response's head is `early` then. A server
/// that refuses nothing may need the rest of the request. Nothing behind the head is read.
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
                // The next read of the response returns the same error.
                Err(_) => return true,
            }
        }
    }
    matches!(early, Some(Event::Head { head, .. }) if head.status() >= 300)
}
