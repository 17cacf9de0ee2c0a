//! The events of a response that is read from the server.

use http1::{Framing, Piece, ResponseHead};

use crate::body_budget::MemoryLimit;
use crate::upstream_error::{Timeout, UpstreamError};

/// What happens while the proxy waits for a response.
#[derive(Debug)]
pub(crate) enum ResponseEvent {
    /// The final head: neither an interim one nor a 401. In a box, since it is several times as large as the other
    /// events, which are moved more often.
    Head(Box<ResponseHead>, Framing),
    /// The next piece of the body.
    Piece(Piece),
    /// The response is complete.
    End,
    /// The response will not become complete.
    Failed(UpstreamError),
    /// There is no memory for the part that has been received.
    MemoryFull(MemoryLimit),
    /// The given time was reached.
    Deadline,
    /// The proxy stops, and the operation is one that ends then.
    Shutdown,
}

impl ResponseEvent {
    /// Why the response fails with this event, which was not expected. `limit` is the time limit of the response.
    pub(crate) fn failure(self, limit: Timeout) -> UpstreamError {
        match self {
            Self::Failed(why) => why,
            Self::MemoryFull(full) => full.into(),
            Self::Deadline => limit.into(),
            Self::Head(..) | Self::Piece(_) | Self::End | Self::Shutdown => {
                UpstreamError::protocol("response events out of order")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_at_most_a_cache_line() {
        // Each event is moved several times on its way to the operation.
        assert!(size_of::<ResponseEvent>() <= 64, "{}", size_of::<ResponseEvent>());
    }
}
