//! When the client of an operation is sent `PROCESSING` and `PENDING` ([MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2).

use std::time::Duration;

use engine::OperationKey;
use http1::Version;
use mapi::mapihttp::headers::{ERROR_CONTENT_TYPE, X_RESPONSE_CODE};
use mapi::mapihttp::{MetaTag, ResponseCode, prefix};
use tokio::time::Instant;

use crate::http::downstream::context::RequestContext;

/// When the clients of operations that take long are sent `PROCESSING` and `PENDING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// After how long for the first time: what is done sooner is answered as if it had taken no time.
    pub first: Duration,
    /// How often from then on.
    pub period: Duration,
}

impl Default for Pending {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), period: Duration::from_secs(15) }
    }
}

/// The keep-alive of one operation: which tags its client was sent by this proxy, and when the next one is due.
#[derive(Debug)]
pub(crate) struct PendingKeepAlive {
    pub(crate) period: Duration,
    /// Whether the client can be sent any: an older version has no chunks. Nor can one that opens a session, whose
    /// cookies stand in the head of the response.
    able: bool,
    next: Instant,
    /// The head of the response was sent, and it was made by this proxy.
    pub(crate) begun: bool,
    /// `PROCESSING` was sent.
    processing: bool,
}

impl PendingKeepAlive {
    pub(crate) fn new(pending: Pending, request: &RequestContext, key: OperationKey, since: Instant) -> Self {
        let opens = matches!(key, OperationKey::Http(_, kind) if kind.begins_session());
        let able = request.version() == Version::Http11 && !request.is_head && !opens;
        Self { period: pending.period, able, next: since + pending.first, begun: false, processing: false }
    }

    /// When something is to be done, `until` at the latest.
    pub(crate) fn due(&self, until: Instant) -> Instant {
        if self.able { self.next.min(until) } else { until }
    }

    /// Sends the tag that is due.
    pub(crate) fn send(&mut self, now: Instant, out: &mut Vec<u8>) {
        let processing = std::mem::replace(&mut self.processing, true);
        http1::chunk(out, if processing { MetaTag::Pending } else { MetaTag::Processing }.line());
        self.next = now + self.period;
    }

    /// The server's own `PROCESSING` was sent.
    pub(crate) const fn processing_sent(&mut self) {
        self.processing = true;
    }
}

/// Ends a body whose tags were sent: `DONE`, the server's headers behind it, and the payload.
pub(crate) fn end(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut last = prefix(&[MetaTag::Done], headers).unwrap_or_default();
    last.extend_from_slice(payload);
    http1::chunk(out, &last);
    out.extend_from_slice(http1::LAST_CHUNK);
}

/// The same where there is no payload but a refusal.
pub(crate) fn end_refused(out: &mut Vec<u8>, code: ResponseCode) {
    let number = code.0.to_string();
    end(out, &[(X_RESPONSE_CODE, number.as_str()), ("Content-Type", ERROR_CONTENT_TYPE)], b"");
}
