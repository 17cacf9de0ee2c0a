//! Responses to probes.

use http1::ResponseHead;
use identity::Mechanism;
use identity::http_auth::challenges;
use identity::pass_through::Response;
use mapi::mapihttp::headers::{X_REQUEST_TYPE, X_RESPONSE_CODE};

use crate::http::pass_through::challenges::Challenges;
use crate::upstream_error::UpstreamError;

/// The response to a probe, whose body was discarded.
pub(crate) struct ProbeResponse {
    pub(crate) head: ResponseHead,
    offered: Vec<Mechanism>,
    /// Whether its connection remains open.
    pub(crate) persistent: bool,
}

/// Why there is no response to a probe.
#[derive(Debug)]
pub(crate) struct ProbeError {
    pub(crate) why: UpstreamError,
    /// Whether the server closed the connection.
    pub(crate) closed: bool,
}

/// The result of a probe.
pub(crate) type ProbeResult = Result<ProbeResponse, ProbeError>;

impl ProbeResponse {
    /// The response with this `head`, on a connection that is `persistent` or was closed.
    pub(crate) fn new(head: ResponseHead, persistent: bool) -> Self {
        let mut challenges = Challenges::default();
        challenges.update(&head.fields);
        Self { offered: challenges.mechanisms(), persistent, head }
    }

    /// The token of `mechanism` in its challenges.
    pub(super) fn token(&self, mechanism: Mechanism) -> Option<Vec<u8>> {
        let challenges = self.head.fields.all("www-authenticate").flat_map(challenges);
        challenges.into_iter().find_map(|challenge| challenge.token(mechanism))
    }

    /// The parts of the response that serve as evidence, with the `token` of a handshake.
    pub(super) fn evidence<'a>(&'a self, token: Option<&'a [u8]>) -> Response<'a> {
        Response {
            status: self.head.status(),
            token,
            request_type: self.unique(X_REQUEST_TYPE),
            response_code: self.unique(X_RESPONSE_CODE),
            offers: &self.offered,
        }
    }

    /// The value of the header `name`, unless there are several.
    fn unique(&self, name: &'static str) -> Option<&[u8]> {
        let mut values = self.head.fields.all(name);
        values.next().filter(|_| values.next().is_none())
    }
}
