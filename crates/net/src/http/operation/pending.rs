//! When the client of an operation is sent `PROCESSING` and `PENDING` ([MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2).

use std::time::Duration;

use engine::OperationKey;
use http1::Version;
use mapi::mapihttp::headers::{ERROR_CONTENT_TYPE, X_RESPONSE_CODE};
use mapi::mapihttp::{MetaTag, ResponseCode, prefix};
use tokio::time::Instant;

use crate::http::downstream::context::RequestContext;

/// When clients are told that we are at work.
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

/// What the client of an operation was told while we took time.
#[derive(Debug)]
pub(crate) struct PendingKeepAlive {
    pub(crate) pending: Pending,
    /// Whether it can be told anything: an older version has no chunks. Nor is who opens a session, whose
    /// cookies stand in the head of the answer.
    able: bool,
    next: Instant,
    /// The head of the answer was sent, and it was ours.
    pub(crate) begun: bool,
    processing: bool,
}

impl PendingKeepAlive {
    pub(crate) fn new(pending: Pending, request: &RequestContext, key: OperationKey, since: Instant) -> Self {
        let opens = matches!(key, OperationKey::Http(_, kind) if kind.begins_session());
        let able = request.version == Version::Http11 && !request.is_head && !opens;
        Self { pending, able, next: since + pending.first, begun: false, processing: false }
    }

    /// When something is to be done, `until` at the latest.
    pub(crate) fn due(&self, until: Instant) -> Instant {
        if self.able { self.next.min(until) } else { until }
    }

    /// Says that we are at work.
    pub(crate) fn tag(&mut self, out: &mut Vec<u8>) {
        let said = std::mem::replace(&mut self.processing, true);
        http1::chunk(out, if said { MetaTag::Pending } else { MetaTag::Processing }.line());
        self.next = Instant::now() + self.pending.period;
    }

    /// The server said that it is at work.
    pub(crate) fn was_said(&mut self) {
        self.processing = true;
    }
}

/// What stands behind tags that were sent: `DONE`, what the server says in headers behind it, and the payload.
pub(crate) fn end(out: &mut Vec<u8>, late: &[(&str, &str)], payload: &[u8]) {
    let mut last = prefix(&[MetaTag::Done], late).unwrap_or_default();
    last.extend_from_slice(payload);
    http1::chunk(out, &last);
    out.extend_from_slice(http1::LAST_CHUNK);
}

/// The same where there is no payload but a refusal.
pub(crate) fn refuse(out: &mut Vec<u8>, code: ResponseCode) {
    let number = code.0.to_string();
    end(out, &[(X_RESPONSE_CODE, number.as_str()), ("Content-Type", ERROR_CONTENT_TYPE)], b"");
}
