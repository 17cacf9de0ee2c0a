//! The keep-alive of pending operations: `PROCESSING` and `PENDING` ([MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2).

use std::time::Duration;

use engine::OperationKey;
use http1::Version;
use mapi::mapihttp::headers::{ERROR_CONTENT_TYPE, X_RESPONSE_CODE};
use mapi::mapihttp::{MetaTag, ResponseCode, prefix};
use tokio::time::Instant;

use crate::http::downstream::context::RequestContext;

/// When the proxy sends `PROCESSING` and `PENDING` to the client of a pending operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The time from the start of an operation to its first keep-alive. An operation that ends sooner gets a response
    /// without one.
    pub first: Duration,
    /// The time between two keep-alive messages.
    pub period: Duration,
}

impl Default for Pending {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), period: Duration::from_secs(15) }
    }
}

/// The keep-alive of one operation: which tags the proxy has sent, and when the next one is due.
#[derive(Debug)]
pub(crate) struct PendingKeepAlive {
    pub(crate) period: Duration,
    /// Whether keep-alive messages can be sent to the client. HTTP/1.0 has no chunks, and a request that opens a
    /// session needs the cookies in the head of the server's response.
    is_possible: bool,
    next: Instant,
    /// Whether the proxy has sent a response head of its own.
    pub(crate) begun: bool,
    /// Whether `PROCESSING` was sent.
    processing: bool,
}

impl PendingKeepAlive {
    pub(crate) fn new(pending: Pending, request: &RequestContext, key: OperationKey, since: Instant) -> Self {
        let opens = matches!(key, OperationKey::Http(_, kind) if kind.begins_session());
        let is_possible = request.version() == Version::Http11 && !request.is_head && !opens;
        Self {
            period: pending.period,
            is_possible,
            next: since + pending.first,
            begun: false,
            processing: false,
        }
    }

    /// When the next tag is due, `until` at the latest.
    pub(crate) fn due(&self, until: Instant) -> Instant {
        if self.is_possible { self.next.min(until) } else { until }
    }

    /// Sends the tag that is due.
    pub(crate) fn send(&mut self, now: Instant, out: &mut Vec<u8>) {
        let processing = std::mem::replace(&mut self.processing, true);
        http1::write_chunk(out, if processing { MetaTag::Pending } else { MetaTag::Processing }.line());
        self.next = now + self.period;
    }

    /// The `PROCESSING` of the server was sent.
    pub(crate) const fn processing_sent(&mut self) {
        self.processing = true;
    }
}

/// Ends a body with `DONE`, the server's trailing headers, and the payload.
pub(crate) fn end(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut last = prefix(&[MetaTag::Done], headers).unwrap_or_default();
    last.extend_from_slice(payload);
    http1::write_chunk(out, &last);
    out.extend_from_slice(http1::LAST_CHUNK);
}

/// Ends a body with `DONE` and a refusal.
pub(crate) fn end_refused(out: &mut Vec<u8>, code: ResponseCode) {
    let number = code.0.to_string();
    end(out, &[(X_RESPONSE_CODE, number.as_str()), ("Content-Type", ERROR_CONTENT_TYPE)], b"");
}
