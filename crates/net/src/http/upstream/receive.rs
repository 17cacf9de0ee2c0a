//! Reads the server's responses.

use std::error::Error;

use http1::{Event, Framing, RequestHead, ResponseHead};
use tokio::time::{Instant, timeout};

use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::hop_by_hop::keep_alive;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::{Timeout, UpstreamError};

/// The most bytes of a body that are read to keep the connection of a probe.
const MAX_DRAINED: usize = 1 << 20;

impl UpstreamConnection {
    /// Sends a request that changes nothing, without a body, and reads the response. Returns its head, and whether the
    /// connection may be used again.
    pub(crate) async fn probe(
        &mut self,
        head: &RequestHead,
    ) -> Result<(Box<ResponseHead>, bool), UpstreamError> {
        let limit = self.timeout;
        let mut head = head.clone();
        self.via.add_to(&mut head.fields);
        let all = async {
            self.begin_request(&head, head.method() == "HEAD");
            self.transport.flush().await.map_err(UpstreamError::closed)?;
            let (response, _) = self.final_head().await?;
            let stays = self.drain().await? && self.end_response();
            Ok((response, stays))
        };
        timeout(limit, all).await.map_err(|_| Timeout::Auth(limit))?
    }

    /// Waits for the final head of the response, and skips interim ones.
    pub(crate) async fn final_head(&mut self) -> Result<(Box<ResponseHead>, Framing), UpstreamError> {
        loop {
            match self.transport.event().await? {
                Event::Head { head, framing } if head.status() >= 200 => {
                    self.begin_response(&head, framing);
                    return Ok((head, framing));
                }
                Event::Head { .. } | Event::Body(_) | Event::End => {}
            }
        }
    }

    /// Reads the response to its end, and drops it. Returns false if it is too long for that, so that the connection
    /// cannot be used again.
    async fn drain(&mut self) -> Result<bool, UpstreamError> {
        let mut left = MAX_DRAINED;
        loop {
            match self.transport.event().await? {
                Event::End => return Ok(true),
                Event::Body(piece) => match left.checked_sub(piece.wire().len()) {
                    Some(rest) => left = rest,
                    None => return Ok(false),
                },
                Event::Head { .. } => {}
            }
        }
    }

    /// The next event of the response that has been received; none if more has to be read first. Skips interim heads.
    pub(crate) fn received_event(&mut self) -> Option<ResponseEvent> {
        loop {
            let event = match self.request.early.take() {
                Some(early) => early,
                None => match self.transport.ready() {
                    Ok(Some(event)) => event,
                    // The end of a response that ends with the connection has been returned by now.
                    Ok(None) if self.transport.has_ended() => {
                        return Some(closed("the server closed the connection"));
                    }
                    Ok(None) => return None,
                    Err(error @ http1::Error::CutOff) => return Some(closed(error)),
                    Err(error) => return Some(ResponseEvent::Failed(UpstreamError::protocol(error))),
                },
            };
            match event {
                Event::Head { head, framing } if head.status() >= 200 => {
                    self.begin_response(&head, framing);
                    return Some(ResponseEvent::Head(head, framing));
                }
                Event::Body(piece) if self.request.reusable.is_some() => {
                    return Some(ResponseEvent::Piece(piece));
                }
                Event::End if self.request.reusable.is_some() => return Some(ResponseEvent::End),
                Event::Head { .. } | Event::Body(_) | Event::End => {}
            }
        }
    }

    /// Waits for the final head of a response whose request was sent. `None` if the head was returned earlier, will not
    /// be received, or has the status 401, so that the request was not executed.
    pub(crate) async fn late_head(&mut self) -> Option<ResponseHead> {
        if self.request.reusable.is_some() {
            return None;
        }
        loop {
            match self.received_event() {
                Some(ResponseEvent::Head(head, _)) if head.status() != 401 => {
                    self.record_response(head.status());
                    return Some(*head);
                }
                Some(_) => return None,
                None => drop(self.transport.fill().await.ok()?),
            }
        }
    }

    /// Records what the final head of a response says about the connection.
    fn begin_response(&mut self, head: &ResponseHead, framing: Framing) {
        if let Some(limit) = keep_alive(&head.fields) {
            self.keep_alive = Some(limit);
        }
        let is_delimited = !(self.request.is_head || head.status() == 304) || announces_no_body(head);
        self.request.reusable = Some(head.keeps_alive() && framing != Framing::UntilClose && is_delimited);
    }

    /// Records that the response was read to its end. Returns whether the connection may carry another request.
    pub(crate) fn end_response(&mut self) -> bool {
        self.request.is_in_progress = false;
        self.last_used = Instant::now();
        self.transport.decoder.release_buffer();
        // Bytes after the response would be read as the response to the next request.
        let is_idle = self.transport.decoder.is_between_messages();
        self.request.reusable.take() == Some(true) && !self.request.is_incomplete && is_idle
    }
}

/// Whether a response that has no body, to a HEAD request or with 304, announces none. Some servers send the body that
/// they announce, so that the beginning of the next response cannot be determined.
fn announces_no_body(head: &ResponseHead) -> bool {
    let length = head.fields.text("content-length").map(str::trim);
    !head.fields.has("transfer-encoding") && length.is_none_or(|length| length == "0")
}

fn closed(why: impl Into<Box<dyn Error + Send + Sync>>) -> ResponseEvent {
    ResponseEvent::Failed(UpstreamError::closed(why))
}
