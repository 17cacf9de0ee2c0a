//! The steps of pass-through authentication as data: the next probe, and what waits for its response.

use std::sync::Arc;

use http1::RequestHead;
use identity::Mechanism;
use identity::pass_through::{AwaitsResponse, ControlRequest, CredentialsAccepted, OtherProbe};

use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::pass_through::challenges::Challenges;
use crate::http::pass_through::probe::Probe;
use crate::http::pass_through::protected::ProtectedResource;

/// What is to be done next.
pub(crate) enum Step {
    /// Send the probe, and continue with its response.
    Probe(Box<ProbeRequest>, PendingProbe),
    /// Authentication of the request is complete.
    Done(AuthOutcome, ConnectionUse),
}

/// A probe to be sent.
pub(crate) struct ProbeRequest {
    pub(crate) connection: ProbeConnection,
    pub(crate) head: RequestHead,
    /// Whether it carries a token of a handshake, so that its connection must not carry other credentials.
    pub(crate) in_handshake: bool,
}

/// The connection that a probe is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeConnection {
    /// The upstream connection as it is.
    Current,
    /// The upstream connection if it has carried no credentials, otherwise a new one in its place.
    Unauthenticated,
    /// A new upstream connection in place of the present one.
    New,
    /// Another connection, which is closed after the response.
    Separate,
}

/// What happens to the upstream connection after authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// It stays as it is.
    Keep,
    /// It is closed.
    Close,
    /// It belongs to the authenticated context from now on.
    Own,
}

/// The authentication of a request, which waits for the response to a probe.
pub(crate) enum PendingProbe {
    /// A probe without credentials, to find a protected resource.
    Search(Search),
    /// A probe with the client's credentials.
    Credentials {
        sent: AwaitsResponse,
        verification: Box<Verification>,
        /// Whether these are the first credentials of the attempt.
        first: bool,
    },
    /// A probe on the connection that a handshake authenticated, or with the credentials for another resource.
    Confirmation { sent: AwaitsResponse, verification: Box<Verification> },
    /// A probe without credentials, after the one with them succeeded.
    WithoutCredentials { taken: CredentialsAccepted, verification: Box<Verification> },
    /// A probe with random credentials, after the one with the client's succeeded.
    RandomCredentials { control: Box<ControlRequest>, verification: Box<Verification> },
}

/// A search for a protected resource.
pub(crate) struct Search {
    /// The probe that was sent last.
    pub(super) probe: Probe,
    /// How many candidates were sent.
    pub(super) tried: usize,
    pub(super) purpose: Purpose,
}

/// What a protected resource is searched for.
pub(crate) enum Purpose {
    /// To know which schemes the server offers, before this outcome.
    Challenge(AuthOutcome),
    /// To begin an attempt with it. `offered` are the challenges of the first resource that was found, if that did not
    /// offer the mechanism.
    Attempt { mechanism: Mechanism, offered: Option<Challenges> },
    /// To verify credentials with it, about which the response to an earlier probe was inconclusive.
    Verify { inconclusive: OtherProbe, verification: Box<Verification> },
}

/// The verification of a client's credentials.
pub(crate) struct Verification {
    pub(super) mechanism: Mechanism,
    pub(super) resource: Arc<ProtectedResource>,
    /// The server's token for the client.
    pub(super) token: Option<Vec<u8>>,
    /// Whether the upstream connection remained open.
    pub(super) persistent: bool,
}
