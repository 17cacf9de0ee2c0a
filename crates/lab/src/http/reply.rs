//! Responses and their bodies.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use mapi::mapihttp::MetaTag;
use tokio::time::{Instant, Interval, interval_at};

/// A response.
pub(super) type Reply = Response<ReplyBody>;

/// Work whose result is the end of a body.
pub(super) type Work = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// The body of a response.
pub(super) enum ReplyBody {
    /// A body that is complete.
    Whole(Bytes),
    /// A body whose end is the result of work that is in progress. It is sent in chunks.
    InProgress(Progress),
}

/// A body in chunks: `PROCESSING`, then `PENDING` at an interval, then the result of the work ([MS-OXCMAPIHTTP]
/// 3.2.5.2).
pub(super) struct Progress {
    work: Work,
    keep_alive: Interval,
    is_begun: bool,
    is_done: bool,
}

impl ReplyBody {
    /// A body that ends with the result of `work`. The work is dropped if the client closes its connection.
    pub(super) fn of_work(work: Work, pending_period: Duration) -> Self {
        let first = Instant::now().checked_add(pending_period).unwrap_or_else(Instant::now);
        let keep_alive = interval_at(first, pending_period.max(Duration::from_millis(1)));
        Self::InProgress(Progress { work, keep_alive, is_begun: false, is_done: false })
    }
}

impl Progress {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.is_begun {
            self.is_begun = true;
            return Poll::Ready(Some(Bytes::from_static(MetaTag::Processing.line())));
        }
        if self.is_done {
            return Poll::Ready(None);
        }
        if let Poll::Ready(end) = self.work.as_mut().poll(context) {
            self.is_done = true;
            return Poll::Ready(Some(Bytes::from(end)));
        }
        let tick = self.keep_alive.poll_tick(context);
        tick.map(|_| Some(Bytes::from_static(MetaTag::Pending.line())))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::InProgress(progress) => {
                progress.poll_next(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::InProgress(progress) => progress.is_done,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::InProgress(_) => SizeHint::default(),
        }
    }
}

/// A complete response with this content.
pub(super) fn whole(status: StatusCode, content_type: &'static str, content: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(ReplyBody::Whole(content.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A response that has only a status, and its name as text for people.
pub(super) fn status(status: StatusCode) -> Reply {
    whole(status, "text/plain", format!("{status}\r\n"))
}

/// A response to a request with another method than the one that the resource has (RFC 9110 15.5.6).
pub(super) fn method_not_allowed(allowed: &'static str) -> Reply {
    let mut reply = status(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// A response with only a status, after which the connection is closed.
pub(super) fn closing(code: StatusCode) -> Reply {
    let mut reply = status(code);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}
