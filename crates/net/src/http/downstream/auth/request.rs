//! The inputs of authentication: the request, the time and randomness.

use std::net::SocketAddr;

use http1::RequestHead;
use identity::http_auth::Authorization;
use identity::{OsRandom, Random};
use tokio::time::Instant;
use wire::Now;

use crate::clock;
use crate::http::downstream::request_rules::RequestRules;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::forwarding::Forwarding;

/// A request to be authenticated.
#[derive(Clone, Copy)]
pub(crate) struct AuthRequest<'a> {
    pub(crate) head: &'a RequestHead,
    /// The client that sent it, which may be behind a trusted reverse proxy.
    pub(crate) peer: SocketAddr,
    /// The rules of its service.
    pub(crate) rules: RequestRules,
    /// The forwarding headers of requests for this client.
    pub(crate) forwarding: &'a Forwarding,
    /// The server, which the `Host` field of a probe names.
    pub(crate) upstream: &'a HttpUpstream,
}

/// The `Authorization` of a request.
pub(crate) enum Credentials<'a> {
    /// There is no such header.
    Absent,
    /// The value of the only one.
    One(&'a [u8]),
    /// There are several.
    Several,
}

impl<'a> Credentials<'a> {
    /// Reads them from the head of a request.
    pub(crate) fn of(head: &'a RequestHead) -> Self {
        let mut values = head.fields.all("authorization");
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    /// Scheme and credentials, if there is exactly one header.
    pub(crate) fn authorization(&self) -> Option<Authorization<'a>> {
        match self {
            Self::One(value) => Some(Authorization::read(value)),
            Self::Absent | Self::Several => None,
        }
    }
}

/// The inputs of a step besides its request: the time, and randomness.
pub(crate) struct Env<'a> {
    /// For contexts and tokens, which expire.
    pub(crate) now: Now,
    /// For the back-off.
    pub(crate) instant: Instant,
    pub(crate) random: &'a mut dyn Random,
}

impl<'a> Env<'a> {
    /// The present time, with randomness of the operating system.
    pub(crate) fn current(random: &'a mut OsRandom) -> Self {
        Self { now: clock::now(), instant: Instant::now(), random }
    }
}
