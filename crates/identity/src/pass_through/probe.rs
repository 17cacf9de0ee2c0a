//! Probes, and what the server's responses to them show.

use std::time::Duration;

use wire::Now;

use crate::mechanism::Mechanism;

/// How long a [`RejectedProbe`] is valid. After that the server is probed again.
pub const REJECTED_PROBE_VALID_FOR: Duration = Duration::from_mins(1);

/// The request by which the server's responses are tested, and which response shows that the server executed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A PING of MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.6). A server that executed it responds with status 200, the
    /// request type in `X-RequestType` (2.2.3.3.1), and 0 in `X-ResponseCode` (2.2.3.3.3). Gateways, load balancers
    /// and firewalls respond otherwise.
    Ping,
    /// A GET of a URL. Any 2xx response counts as executed. A gateway can produce such a response, so the server must
    /// also reject invalid credentials.
    Get,
}

impl Probe {
    /// Whether the response is that of a server that executed the request.
    pub(super) fn is_executed(self, response: &Response<'_>) -> bool {
        let is = |field: Option<&[u8]>, value: &[u8]| {
            field.is_some_and(|field| field.trim_ascii().eq_ignore_ascii_case(value))
        };
        match self {
            Self::Ping => {
                response.status == 200
                    && is(response.request_type, b"PING")
                    && is(response.response_code, b"0")
            }
            Self::Get => (200..=299).contains(&response.status),
        }
    }
}

/// The fields of a response's head that pass-through authentication reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The token of the attempt's mechanism in `WWW-Authenticate`, decoded.
    pub token: Option<&'a [u8]>,
    /// `X-RequestType`.
    pub request_type: Option<&'a [u8]>,
    /// `X-ResponseCode`.
    pub response_code: Option<&'a [u8]>,
    /// The mechanisms that `WWW-Authenticate` offers.
    pub offers: &'a [Mechanism],
}

impl Response<'_> {
    /// Whether the response requires authentication.
    pub(super) const fn is_unauthorized(&self) -> bool {
        self.status == 401
    }
}

/// Evidence that the server rejects one request without credentials. Without it, the server's execution of the same
/// request with credentials would prove nothing.
///
/// It is made from a response, is valid for [`REJECTED_PROBE_VALID_FOR`], and belongs to that one request: an attempt
/// that began with it ends with it.
#[derive(Debug)]
pub struct RejectedProbe {
    pub(super) probe: Probe,
    offers: Vec<Mechanism>,
    /// When the server rejected the request, by the monotonic clock.
    since: Duration,
}

impl RejectedProbe {
    /// Evaluates the response, received at `now`, to `probe` without credentials. `None` unless its status is 401.
    pub fn from_response(probe: Probe, response: &Response<'_>, now: Now) -> Option<Self> {
        response.is_unauthorized().then(|| Self {
            probe,
            offers: response.offers.to_vec(),
            since: now.monotonic,
        })
    }

    /// Whether the evidence is still valid at `now`.
    pub fn is_valid(&self, now: Now) -> bool {
        now.monotonic.checked_sub(self.since).is_some_and(|age| age < REJECTED_PROBE_VALID_FOR)
    }

    /// Whether the server offers `mechanism`, or may accept it without having offered it.
    pub fn offers(&self, mechanism: Mechanism) -> bool {
        mechanism.accepted_unoffered() || self.offers.contains(&mechanism)
    }
}
