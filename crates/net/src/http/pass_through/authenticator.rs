//! The state of pass-through authentication of one client connection.

use std::sync::Arc;

use http1::{Fields, RequestHead, ResponseHead};
use identity::pass_through::{AuthAttempt, Authenticated, Config, Probe as ProbeKind};
use identity::{ClaimedName, Mechanism, Scope, SecurityContext};
use wire::Now;

use crate::http::downstream::auth::request::Credentials;
use crate::http::pass_through::challenges::Challenges;
use crate::http::pass_through::protected::{ProtectedResource, ProtectedResources};

/// The pass-through authentication of one client connection.
pub(crate) struct PassThroughAuth {
    pub(super) config: Arc<Config>,
    /// Whether the client connection may carry passwords and tokens.
    accepts_secrets: bool,
    /// Whether a trusted reverse proxy sends the requests of several clients on it. A handshake authenticates a
    /// connection, and would authenticate all of them.
    shared: bool,
    pub(super) resources: ProtectedResources,
    /// The schemes that the server offered last.
    pub(super) challenges: Challenges,
    pub(super) state: State,
    /// The credentials of a request that the server accepted last.
    pub(super) accepted: Option<Authenticated>,
    /// The context of the latest request.
    pub(super) latest: Option<SecurityContext>,
}

/// The state of the upstream connection, as far as authentication determines it.
pub(super) enum State {
    /// No handshake is in progress or was completed on it.
    Unauthenticated,
    /// A handshake is in progress on it, with probes for this resource.
    Handshake(Box<AuthAttempt>, Arc<ProtectedResource>),
    /// A handshake authenticated it, which a probe of this kind proved.
    Authenticated(SecurityContext, ProbeKind),
}

/// The state in which the upstream connection has to be for the next request.
#[derive(Clone, Copy)]
pub(crate) enum ExpectedConnection<'a> {
    /// A handshake is in progress on it.
    InHandshake,
    /// It carries the requests of this context.
    OwnedBy(&'a SecurityContext),
}

/// Whether a probe of this kind proves an identity for an operation of MAPI, if `mapi`, or for another request. A
/// gateway can imitate the response to a [`ProbeKind::Get`], and the modules would process the operation before
/// the server rejects it.
pub(super) fn probe_covers(kind: ProbeKind, mapi: bool) -> bool {
    !mapi || kind == ProbeKind::Ping
}

impl PassThroughAuth {
    /// The state of a new client connection.
    pub(crate) fn new(config: &Arc<Config>, accepts_secrets: bool, shared: bool) -> Self {
        Self {
            config: Arc::clone(config),
            accepts_secrets,
            shared,
            resources: ProtectedResources::default(),
            challenges: Challenges::default(),
            state: State::Unauthenticated,
            accepted: None,
            latest: None,
        }
    }

    pub(super) fn accepts_mechanism(&self, mechanism: Mechanism) -> bool {
        match mechanism.scope() {
            Scope::Connection => !self.shared,
            Scope::Request => self.accepts_secrets,
        }
    }

    /// The context of credentials that the server accepted with an earlier request, for an operation of MAPI, if
    /// `mapi`.
    pub(super) fn accepted_context(
        &self,
        mechanism: Mechanism,
        credentials: &[u8],
        mapi: bool,
        now: Now,
    ) -> Option<&SecurityContext> {
        let accepted = self.accepted.as_ref()?;
        let covers = accepted.covers(mechanism, credentials) && probe_covers(accepted.probe(), mapi);
        (covers && accepted.context().check(|| now).is_ok()).then(|| accepted.context())
    }

    /// The account whose password the credentials of a request are to prove; `None` if there is nothing to verify.
    pub(crate) fn account_to_verify(&self, head: &RequestHead, mapi: bool, now: Now) -> Option<ClaimedName> {
        let authorization = Credentials::of(head).authorization()?;
        let mechanism = authorization.mechanism().filter(|mechanism| self.accepts_mechanism(*mechanism))?;
        let credentials = authorization.credentials;
        if self.accepted_context(mechanism, credentials, mapi, now).is_some() {
            return None;
        }
        ClaimedName::in_header(mechanism, credentials)
    }

    /// The state in which the upstream connection has to be for the next request, if that matters.
    pub(crate) const fn expected_connection(&self) -> Option<ExpectedConnection<'_>> {
        match &self.state {
            State::Unauthenticated => None,
            State::Handshake(..) => Some(ExpectedConnection::InHandshake),
            State::Authenticated(context, _) => Some(ExpectedConnection::OwnedBy(context)),
        }
    }

    /// Adds the challenges of the server that the client connection accepts to `head`.
    pub(crate) fn add_challenges(&self, head: &mut ResponseHead) {
        self.challenges.add_to(head, |mechanism| self.accepts_mechanism(mechanism));
    }

    /// Whether a handshake authenticated `context`, so that it ends with the upstream connection.
    pub(crate) fn is_pinned(&self, context: &SecurityContext) -> bool {
        matches!(&self.state, State::Authenticated(authenticated, _) if authenticated.is_same(context))
    }

    /// Revokes the context of the latest request: the server responded to it with 401 and these `fields`, or the
    /// connection that a handshake had authenticated was closed.
    pub(crate) fn end_authentication(&mut self, fields: Option<&Fields>) {
        if let Some(fields) = fields {
            self.challenges.update(fields);
        }
        if let Some(context) = self.latest.take() {
            context.revoke();
            if self.is_pinned(&context) {
                self.state = State::Unauthenticated;
            }
            self.accepted = self.accepted.take().filter(|accepted| !accepted.context().is_same(&context));
        }
    }
}
