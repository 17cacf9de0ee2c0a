//! What is read of a response, or why no more of it comes.

use http1::{Framing, Piece, ResponseHead};

use crate::upstream_error::{Timeout, UpstreamError};

/// The next thing that happens while a response is waited for.
#[derive(Debug)]
pub(crate) enum ResponseEvent {
    /// The final head: neither an interim one nor a 401.
    Head(ResponseHead, Framing),
    /// The next piece of the body.
    Piece(Piece),
    /// The response is complete.
    End,
    /// It will not become complete.
    Failed(UpstreamError),
    /// Nothing came up to the given time.
    Deadline,
    /// The proxy takes no more requests, and the response is of a kind that ends then.
    Shutdown,
}

impl ResponseEvent {
    /// Why the response can't go on with this event, where it is not the one that was due.
    pub(crate) fn failure(self) -> UpstreamError {
        match self {
            Self::Failed(why) => why,
            Self::Deadline | Self::Shutdown => UpstreamError::Timeout(Timeout::Deadline),
            Self::Head(..) | Self::Piece(_) | Self::End => {
                UpstreamError::protocol("a response whose parts come out of order")
            }
        }
    }
}
