//! Authenticates HTTP requests against our accounts, by a handshake on the connection or by credentials in each request.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{Fields, ResponseHead};
use identity::http_auth::{self, Authorization};
use identity::{
    Acceptor, AcceptorConfig, Channel, ChannelBindings, ClaimedName, Mechanism, OsRandom, Refusal, Scope,
    SecurityContext, Step, Unusable,
};
use zeroize::Zeroizing;

use crate::clock;
use crate::upstream_error::UpstreamError;

/// How clients sign in, for all of a listener's connections.
#[derive(Clone)]
pub struct HttpSignIn {
    config: Arc<AcceptorConfig>,
    mechanisms: Arc<[Mechanism]>,
    unprotected: bool,
}

impl std::fmt::Debug for HttpSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSignIn").field("mechanisms", &self.mechanisms).finish_non_exhaustive()
    }
}

impl HttpSignIn {
    /// Sign-in by one of `mechanisms`, against what `config` knows. Those whose every request carries all that it takes
    /// are taken `unprotected` by TLS, too, where that is said.
    pub fn new(
        config: Arc<AcceptorConfig>,
        mechanisms: impl IntoIterator<Item = Mechanism>,
        unprotected: bool,
    ) -> Self {
        let mut mechanisms: Vec<_> =
            mechanisms.into_iter().filter(|mechanism| mechanism.has_ends()).collect();
        mechanisms
            .sort_by_key(|one| Mechanism::ALL.iter().position(|other| other == one).unwrap_or(usize::MAX));
        Self { config, mechanisms: mechanisms.into(), unprotected }
    }

    /// The context of a client who is served without signing in.
    pub(crate) fn anonymous(&self) -> SecurityContext {
        SecurityContext::anonymous(&self.config.registry, &self.config.authority)
    }

    /// How often security contexts of clients were revoked.
    pub(crate) fn revocations(&self) -> u64 {
        self.config.registry.revocations()
    }

    /// Whether passwords may come on a connection that is `protected` by TLS or not.
    pub(crate) const fn is_safe(&self, protected: bool) -> bool {
        protected || self.unprotected
    }
}

/// The sign-in of one connection.
///
/// A handshake authenticates the connection, so that it holds for every request on it. A connection of a front server
/// that sends requests of several clients has none: no address that it names, or does not name, tells one client from
/// another. Other mechanisms authenticate the one request.
pub(crate) struct Connection {
    sign_in: HttpSignIn,
    bindings: Option<ChannelBindings>,
    protected: bool,
    /// Requests of several clients come on it.
    shared: bool,
    state: State,
    /// The last credentials of one request that were good.
    last: Option<Credentials>,
}

/// Credentials that each request carries, and whose they are.
struct Credentials {
    mechanism: Mechanism,
    sent: Zeroizing<Vec<u8>>,
    context: SecurityContext,
}

impl Credentials {
    /// Whose they are, where they are those of `authorization` and may be used still.
    fn covers(&self, authorization: &Authorization<'_>) -> Option<&SecurityContext> {
        let same = self.mechanism.is_scheme(authorization.scheme)
            && self.sent.as_slice() == authorization.credentials;
        (same && self.context.check(clock::now()).is_ok()).then_some(&self.context)
    }
}

enum State {
    Unauthenticated,
    Handshake { acceptor: Box<dyn Acceptor>, mechanism: Mechanism, peer: SocketAddr },
    Authenticated { context: SecurityContext, peer: SocketAddr },
}

/// What a request's credentials come to.
pub(crate) enum SignedIn {
    /// The request is this person's. `fresh` says that they signed in with it; a last token may be for the
    /// answer.
    As { context: SecurityContext, fresh: bool, token: Option<String> },
    /// The handshake goes on with this `WWW-Authenticate`.
    GoOn(String),
    /// Credentials are missing: the answer names the schemes.
    Anonymous,
    /// The user authenticated on the connection may not act on it any more; why. The client must authenticate again.
    Over(SecurityContext, Unusable),
    /// They are no good; why, for the operator.
    Refused(String),
    /// It can not be decided: the status to answer with, and why.
    Failed(u16, String),
    /// The server could not be asked.
    NoServer(UpstreamError),
}

impl Connection {
    /// The sign-in of a connection; `bindings` are those of its TLS, where it is `protected` by TLS. It may be
    /// `shared` by several clients behind a front server.
    pub(crate) fn new(
        sign_in: &HttpSignIn,
        protected: bool,
        shared: bool,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        Self {
            sign_in: sign_in.clone(),
            bindings,
            protected,
            shared,
            state: State::Unauthenticated,
            last: None,
        }
    }

    fn takes(&self, mechanism: Mechanism) -> bool {
        let here = match mechanism.scope() {
            Scope::Request => self.sign_in.is_safe(self.protected),
            Scope::Connection => !self.shared,
        };
        here && self.sign_in.mechanisms.contains(&mechanism)
    }

    /// The mechanism of a request's credentials, of those that we know.
    fn mechanism(&self, authorization: &Authorization<'_>) -> Option<Mechanism> {
        authorization.among(&self.sign_in.mechanisms).or_else(|| authorization.mechanism())
    }

    /// Who sends a request with these `fields` for the client `peer`, where that was proven with an earlier one; none
    /// where there is something to prove.
    pub(crate) fn known(&self, fields: &Fields, peer: SocketAddr) -> Option<SecurityContext> {
        let mut sent = fields.all("authorization");
        match (sent.next(), sent.next(), &self.state) {
            (Some(value), None, _) => self.last.as_ref()?.covers(&Authorization::read(value)).cloned(),
            (None, _, State::Authenticated { context, peer: bound }) if *bound == peer => {
                context.check(clock::now()).is_ok().then(|| context.clone())
            }
            _ => None,
        }
    }

    /// The account whose password a request with these `fields` has to prove; none where there is nothing to prove.
    pub(crate) fn unproven(&self, fields: &Fields) -> Option<ClaimedName> {
        let mut sent = fields.all("authorization");
        let (Some(value), None) = (sent.next(), sent.next()) else { return None };
        let authorization = Authorization::read(value);
        let mechanism = self.mechanism(&authorization).filter(|mechanism| self.takes(*mechanism))?;
        let known = self.last.as_ref().and_then(|last| last.covers(&authorization));
        if known.is_some() {
            return None;
        }
        ClaimedName::in_header(mechanism, authorization.credentials)
    }

    /// Who sends a request with these `fields`, which is for the client `peer`.
    pub(crate) fn step(&mut self, fields: &Fields, peer: SocketAddr) -> SignedIn {
        let mut sent = fields.all("authorization");
        let value = match (sent.next(), sent.next()) {
            (Some(value), None) => value,
            (None, _) => return self.without(peer),
            (Some(_), Some(_)) => return SignedIn::Refused("several Authorization headers".to_owned()),
        };
        let authorization = Authorization::read(value);
        let Some(mechanism) = self.mechanism(&authorization) else {
            return SignedIn::Refused("an unknown kind of credentials".to_owned());
        };
        if !self.takes(mechanism) {
            return SignedIn::Refused(format!("{mechanism} is not taken here"));
        }
        let stepped = match mechanism.scope() {
            Scope::Request => self.request(mechanism, &authorization),
            Scope::Connection => self.handshake(mechanism, &authorization, peer),
        };
        stepped.unwrap_or_else(|refusal| SignedIn::Refused(refusal.to_string()))
    }

    /// The context of a request without credentials: that of the user authenticated on the connection.
    fn without(&mut self, peer: SocketAddr) -> SignedIn {
        match &self.state {
            State::Authenticated { context, peer: bound } if *bound == peer => {
                match context.check(clock::now()) {
                    Ok(()) => SignedIn::As { context: context.clone(), fresh: false, token: None },
                    Err(why) => SignedIn::Over(context.clone(), why),
                }
            }
            _ => {
                self.state = State::Unauthenticated;
                SignedIn::Anonymous
            }
        }
    }

    /// Credentials that each request carries.
    fn request(
        &mut self,
        mechanism: Mechanism,
        authorization: &Authorization<'_>,
    ) -> Result<SignedIn, Refusal> {
        if let Some(context) = self.last.as_ref().and_then(|last| last.covers(authorization)) {
            return Ok(SignedIn::As { context: context.clone(), fresh: false, token: None });
        }
        let mut acceptor = self.acceptor(mechanism)?;
        match acceptor.step(&authorization.token(mechanism)?, clock::now(), &mut OsRandom)? {
            Step::Done { token, context, .. } => {
                let sent = Zeroizing::new(authorization.credentials.to_vec());
                self.last = Some(Credentials { mechanism, sent, context: context.clone() });
                let token = token.map(|token| http_auth::header(mechanism, &token));
                Ok(SignedIn::As { context, fresh: true, token })
            }
            Step::Continue(_) => Err(Refusal::OutOfOrder { expected: "all that the request takes" }),
        }
    }

    /// A leg of a handshake.
    fn handshake(
        &mut self,
        mechanism: Mechanism,
        authorization: &Authorization<'_>,
        peer: SocketAddr,
    ) -> Result<SignedIn, Refusal> {
        let state = std::mem::replace(&mut self.state, State::Unauthenticated);
        let token = authorization.token(mechanism)?;
        let mut acceptor = match state {
            State::Handshake { acceptor, mechanism: begun, peer: bound }
                if begun == mechanism && bound == peer =>
            {
                acceptor
            }
            _ => self.acceptor(mechanism)?,
        };
        Ok(match acceptor.step(&token, clock::now(), &mut OsRandom)? {
            Step::Continue(token) => {
                self.state = State::Handshake { acceptor, mechanism, peer };
                SignedIn::GoOn(http_auth::header(mechanism, &token))
            }
            Step::Done { token, context, .. } => {
                self.state = State::Authenticated { context: context.clone(), peer };
                let token = token.map(|token| http_auth::header(mechanism, &token));
                SignedIn::As { context, fresh: true, token }
            }
        })
    }

    fn acceptor(&self, mechanism: Mechanism) -> Result<Box<dyn Acceptor>, Refusal> {
        mechanism.acceptor(&self.sign_in.config, Channel::http(self.bindings))
    }

    /// Adds to `head` what a client may sign in with.
    pub(crate) fn offer(&self, head: &mut ResponseHead) {
        let taken = self.sign_in.mechanisms.iter().filter(|mechanism| self.takes(**mechanism));
        for challenge in taken.filter_map(|mechanism| mechanism.http_challenge()) {
            head.fields.push("WWW-Authenticate", challenge);
        }
    }
}
