//! What the server's answers show: that it refuses a request without credentials, that it took the same request
//! with them, and that it goes on refusing it without.

use std::time::Duration;

use wire::FileTime;

use crate::mechanism::Mechanism;

/// How long a server that was seen to refuse is believed to go on doing so, before it is asked once more.
pub const GUARDED_FOR: Duration = Duration::from_mins(1);

/// Which request asks, and so what in its answer shows that the server itself carried it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A PING of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.6). A server that carried it out answers with 200, the
    /// request's type in `X-RequestType` (2.2.3.3.1), and 0 in `X-ResponseCode` (2.2.3.3.3). What stands before
    /// it, a balancer or a firewall, answers otherwise.
    Ping,
    /// A GET of an address. Only a 2xx shows anything, and less than a PING does: whatever stands before the
    /// server can answer so, which is why made-up credentials have to be refused here too.
    Address,
}

impl Probe {
    /// Whether an answer is that of a server which carried the request out.
    pub(super) fn carried_out(self, answer: &Answer<'_>) -> bool {
        let is = |field: Option<&[u8]>, value: &[u8]| {
            field.is_some_and(|field| field.trim_ascii().eq_ignore_ascii_case(value))
        };
        match self {
            Self::Ping => {
                answer.status == 200 && is(answer.request_type, b"PING") && is(answer.response_code, b"0")
            }
            Self::Address => (200..=299).contains(&answer.status),
        }
    }
}

/// What is read of the head of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The token of the sign-in's mechanism in `WWW-Authenticate`, decoded.
    pub token: Option<&'a [u8]>,
    /// `X-RequestType`.
    pub request_type: Option<&'a [u8]>,
    /// `X-ResponseCode`.
    pub response_code: Option<&'a [u8]>,
    /// The mechanisms that `WWW-Authenticate` offers.
    pub offers: &'a [Mechanism],
}

/// The server was seen to refuse one request that came without credentials. Without that, its taking the same
/// request with credentials would prove nothing.
///
/// It is made from an answer, is not believed for longer than [`GUARDED_FOR`], and belongs to that one request:
/// a sign-in that began with it ends with it.
#[derive(Debug)]
pub struct Guarded {
    pub(super) probe: Probe,
    offers: Vec<Mechanism>,
    since: FileTime,
}

impl Guarded {
    /// What the answer to a request without credentials shows, at `now`: only 401 asks for a sign-in.
    pub fn seen(probe: Probe, answer: &Answer<'_>, now: FileTime) -> Option<Self> {
        refuses(answer).then(|| Self { probe, offers: answer.offers.to_vec(), since: now })
    }

    /// Whether it is believed at `now`.
    pub fn holds(&self, now: FileTime) -> bool {
        self.since <= now && now < self.since.after(GUARDED_FOR)
    }

    /// Whether the server offers `mechanism`, or may take it all the same.
    pub fn offers(&self, mechanism: Mechanism) -> bool {
        mechanism.may_be_unoffered() || self.offers.contains(&mechanism)
    }
}

/// Whether an answer asks for a sign-in.
pub(super) const fn refuses(answer: &Answer<'_>) -> bool {
    answer.status == 401
}
