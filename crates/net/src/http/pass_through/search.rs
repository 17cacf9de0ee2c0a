//! The search for a protected resource: probes without credentials, until the server rejects one.

use std::sync::Arc;

use identity::pass_through::{ProofError, RejectedProbe};
use wire::Now;

use crate::http::downstream::auth::failure::AuthFailure;
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::AuthRequest;
use crate::http::pass_through::authenticator::{PassThroughAuth, probe_covers};
use crate::http::pass_through::pending::{
    ConnectionUse, PendingProbe, ProbeConnection, ProbeRequest, Purpose, Search, Step,
};
use crate::http::pass_through::probe::candidates;
use crate::http::pass_through::protected::{ProtectedResource, directory};
use crate::http::pass_through::response::ProbeResponse;

/// Searches for a protected resource among the candidates after the first `tried`.
///
/// # Errors
/// If there are no further candidates.
pub(super) fn search(
    request: &AuthRequest<'_>,
    mut tried: usize,
    purpose: Purpose,
) -> Result<Step, AuthFailure> {
    for probe in candidates(request.head, request.rules.mapi).skip(tried) {
        tried += 1;
        let Some(head) = probe.head(request, None) else { continue };
        // During a verification the upstream connection may be authenticated, and stays for the next probe.
        let connection = match &purpose {
            Purpose::Verify { .. } => ProbeConnection::Separate,
            Purpose::Challenge(_) | Purpose::Attempt { .. } => ProbeConnection::New,
        };
        let pending = PendingProbe::Search(Search { probe, tried, purpose });
        return Ok(Step::Probe(Box::new(ProbeRequest { connection, head, in_handshake: false }), pending));
    }
    Err(match purpose {
        Purpose::Challenge(_) | Purpose::Attempt { offered: None, .. } => {
            AuthFailure::NoAuthenticationRequired
        }
        Purpose::Attempt { mechanism, offered: Some(offered) } => {
            AuthFailure::SchemeNotOffered { mechanism, offered: offered.to_string() }
        }
        Purpose::Verify { .. } => ProofError::NotMapiHttp.into(),
    })
}

/// Completes authentication with `outcome`, once it is known which schemes the server offers.
pub(super) fn challenge(
    auth: &mut PassThroughAuth,
    request: &AuthRequest<'_>,
    outcome: AuthOutcome,
    connection: ConnectionUse,
    now: Now,
) -> Result<Step, AuthFailure> {
    match known_resource(auth, request, now) {
        Some(_) => Ok(Step::Done(outcome, connection)),
        None => search(request, 0, Purpose::Challenge(outcome)),
    }
}

/// The protected resource that was found recently for the directory of the request, if it proves enough for it. The
/// client is offered its schemes.
pub(super) fn known_resource(
    auth: &mut PassThroughAuth,
    request: &AuthRequest<'_>,
    now: Now,
) -> Option<Arc<ProtectedResource>> {
    let resource = auth.resources.find(request.head, now)?;
    if !probe_covers(resource.probe.kind(), request.rules.mapi) {
        return None;
    }
    auth.challenges.clone_from(&resource.challenges);
    Some(resource)
}

/// The conclusion from the response to a probe without credentials.
pub(super) enum Found {
    /// The server requires authentication for it.
    Protected(Arc<ProtectedResource>, Purpose),
    /// Nothing: the search continues.
    Next(Step),
}

impl Search {
    /// Takes the response to the probe that was sent last.
    pub(super) fn resume(
        self,
        auth: &mut PassThroughAuth,
        response: &ProbeResponse,
        request: &AuthRequest<'_>,
        now: Now,
    ) -> Result<Found, AuthFailure> {
        let Self { probe, tried, purpose } = self;
        let Some(rejection) = RejectedProbe::from_response(probe.kind(), &response.evidence(None), now)
        else {
            return search(request, tried, purpose).map(Found::Next);
        };
        auth.challenges.update(&response.head.fields);
        let (directory, challenges) = (directory(request.head), auth.challenges.clone());
        let resource = Arc::new(ProtectedResource { directory, rejection, probe, tried, challenges });
        if matches!(purpose, Purpose::Challenge(_) | Purpose::Attempt { offered: None, .. }) {
            auth.resources.insert(Arc::clone(&resource));
        }
        Ok(Found::Protected(resource, purpose))
    }
}
