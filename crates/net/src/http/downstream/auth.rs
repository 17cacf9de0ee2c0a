//! Who sends an HTTP request: Basic, and NTLM or Negotiate on the connection ([MS-NTHT], RFC 4559).

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http1::{Fields, ResponseHead};
use identity::passthrough;
use identity::{
    Acceptor, AcceptorConfig, ChannelBindings, ClaimedName, Mechanism, OsRandom, SecurityContext, Step,
    Unusable,
};
use zeroize::Zeroizing;

use crate::clock;
use crate::upstream_error::UpstreamError;

/// How clients may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schemes {
    /// By Basic.
    pub basic: bool,
    /// By Basic where others can read it too: on a connection without TLS.
    pub basic_unprotected: bool,
    /// By NTLM.
    pub ntlm: bool,
    /// By Negotiate, with NTLM inside.
    pub negotiate: bool,
}

/// How clients sign in, for all of a listener's connections.
#[derive(Clone)]
pub struct HttpSignIn {
    config: Arc<AcceptorConfig>,
    schemes: Schemes,
}

impl std::fmt::Debug for HttpSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSignIn").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}

impl HttpSignIn {
    /// Sign-in by `schemes`, against what `config` knows.
    pub fn new(config: Arc<AcceptorConfig>, schemes: Schemes) -> Self {
        Self { config, schemes }
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
        protected || self.schemes.basic_unprotected
    }
}

/// The sign-in of one connection.
///
/// NTLM and Negotiate authenticate the connection, so that they hold for every request on it. A connection of a
/// front server that sends requests of several clients has neither: no address that it names, or does not name,
/// tells one client from another. Basic authenticates the one request.
pub(crate) struct Connection {
    sign_in: HttpSignIn,
    bindings: Option<ChannelBindings>,
    protected: bool,
    /// Requests of several clients come on it.
    shared: bool,
    state: State,
    /// The last Basic credentials that were good, and whose they are.
    basic: Option<(Zeroizing<Vec<u8>>, SecurityContext)>,
}

enum State {
    Nobody,
    Handshake { acceptor: Box<Acceptor>, scheme: Scheme, peer: SocketAddr },
    Somebody { context: SecurityContext, peer: SocketAddr },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Ntlm,
    Negotiate,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }
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
    /// Whoever signed in on the connection may not act on it any more; why. Signing in anew is all that helps.
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
        Self { sign_in: sign_in.clone(), bindings, protected, shared, state: State::Nobody, basic: None }
    }

    fn takes(&self, scheme: Scheme) -> bool {
        let schemes = &self.sign_in.schemes;
        match scheme {
            Scheme::Basic => schemes.basic && self.sign_in.is_safe(self.protected),
            Scheme::Ntlm => schemes.ntlm && !self.shared,
            Scheme::Negotiate => schemes.negotiate && !self.shared,
        }
    }

    /// Who sends a request with these `fields` for the client `peer`, where that was proven with an earlier one; none
    /// where there is something to prove.
    pub(crate) fn known(&self, fields: &Fields, peer: SocketAddr) -> Option<SecurityContext> {
        let mut sent = fields.all("authorization");
        let context = match (sent.next(), sent.next(), &self.state) {
            (Some(credentials), None, _) => {
                let (token, context) = self.basic.as_ref()?;
                let (scheme, sent) = split(credentials)?;
                (scheme == Scheme::Basic && token.as_slice() == sent).then_some(context)?
            }
            (None, _, State::Somebody { context, peer: bound }) if *bound == peer => context,
            _ => return None,
        };
        context.check(clock::now()).is_ok().then(|| context.clone())
    }

    /// The account whose password a request with these `fields` has to prove; none where there is nothing to prove.
    pub(crate) fn unproven(&self, fields: &Fields) -> Option<ClaimedName> {
        let mut sent = fields.all("authorization");
        let (Some(credentials), None) = (sent.next(), sent.next()) else { return None };
        let (scheme, token) = split(credentials).filter(|(scheme, _)| self.takes(*scheme))?;
        let known = self.basic.as_ref().filter(|(known, context)| {
            scheme == Scheme::Basic && known.as_slice() == token && context.check(clock::now()).is_ok()
        });
        let scheme = match scheme {
            Scheme::Basic if known.is_some() => return None,
            Scheme::Basic => passthrough::Scheme::Basic,
            Scheme::Ntlm | Scheme::Negotiate => passthrough::Scheme::Negotiate,
        };
        ClaimedName::in_header(scheme, token)
    }

    /// Who sends a request with these `fields`, which is for the client `peer`.
    pub(crate) fn step(&mut self, fields: &Fields, peer: SocketAddr) -> SignedIn {
        let mut sent = fields.all("authorization");
        let credentials = match (sent.next(), sent.next()) {
            (Some(credentials), None) => credentials,
            (None, _) => return self.without(peer),
            (Some(_), Some(_)) => return SignedIn::Refused("several Authorization headers".to_owned()),
        };
        let Some((scheme, token)) = split(credentials) else {
            return SignedIn::Refused("an unknown kind of credentials".to_owned());
        };
        if !self.takes(scheme) {
            return SignedIn::Refused(format!("{} is not taken here", scheme.name()));
        }
        match scheme {
            Scheme::Basic => self.basic(token),
            Scheme::Ntlm | Scheme::Negotiate => self.handshake(scheme, token, peer),
        }
    }

    /// Who it is without credentials: whoever signed in on the connection.
    fn without(&mut self, peer: SocketAddr) -> SignedIn {
        match &self.state {
            State::Somebody { context, peer: bound } if *bound == peer => match context.check(clock::now()) {
                Ok(()) => SignedIn::As { context: context.clone(), fresh: false, token: None },
                Err(why) => SignedIn::Over(context.clone(), why),
            },
            _ => {
                self.state = State::Nobody;
                SignedIn::Anonymous
            }
        }
    }

    fn basic(&mut self, token: &[u8]) -> SignedIn {
        let now = clock::now();
        if let Some((known, context)) = &self.basic
            && known.as_slice() == token
            && context.check(now).is_ok()
        {
            return SignedIn::As { context: context.clone(), fresh: false, token: None };
        }
        match identity::basic(&self.sign_in.config, token, now) {
            Ok(context) => {
                self.basic = Some((Zeroizing::new(token.to_vec()), context.clone()));
                SignedIn::As { context, fresh: true, token: None }
            }
            Err(refusal) => SignedIn::Refused(refusal.to_string()),
        }
    }

    fn handshake(&mut self, scheme: Scheme, token: &[u8], peer: SocketAddr) -> SignedIn {
        let Ok(token) = STANDARD.decode(token) else {
            self.state = State::Nobody;
            return SignedIn::Refused("a token that is no base64".to_owned());
        };
        let mut acceptor = match std::mem::replace(&mut self.state, State::Nobody) {
            State::Handshake { acceptor, scheme: begun, peer: bound } if begun == scheme && bound == peer => {
                acceptor
            }
            _ => Box::new(self.acceptor(scheme, &token)),
        };
        match acceptor.step(&token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => {
                self.state = State::Handshake { acceptor, scheme, peer };
                SignedIn::GoOn(format!("{} {}", scheme.name(), STANDARD.encode(token)))
            }
            Ok(Step::Done { token, context, .. }) => {
                self.state = State::Somebody { context: context.clone(), peer };
                let token = token.map(|token| format!("{} {}", scheme.name(), STANDARD.encode(token)));
                SignedIn::As { context, fresh: true, token }
            }
            Err(refusal) => SignedIn::Refused(refusal.to_string()),
        }
    }

    /// Under the name of Negotiate some clients send NTLM as it is, without SPNEGO around it ([MS-NTHT] 2.1).
    fn acceptor(&self, scheme: Scheme, token: &[u8]) -> Acceptor {
        let bare = scheme == Scheme::Ntlm || token.starts_with(b"NTLMSSP\0");
        let mechanism = if bare { Mechanism::Ntlm } else { Mechanism::Spnego };
        Acceptor::new(mechanism, Arc::clone(&self.sign_in.config), self.bindings)
    }

    /// Adds to `head` what a client may sign in with.
    pub(crate) fn offer(&self, head: &mut ResponseHead) {
        for scheme in [Scheme::Negotiate, Scheme::Ntlm].into_iter().filter(|scheme| self.takes(*scheme)) {
            head.fields.push("WWW-Authenticate", scheme.name());
        }
        if self.takes(Scheme::Basic) {
            head.fields.push("WWW-Authenticate", "Basic realm=\"MAPI\", charset=\"UTF-8\"");
        }
    }
}

/// The scheme that a header names, whose case does not matter, and what stands behind it.
fn split(credentials: &[u8]) -> Option<(Scheme, &[u8])> {
    let at = credentials.iter().position(|byte| *byte == b' ').unwrap_or(credentials.len());
    let (name, rest) = credentials.split_at(at);
    let scheme = [Scheme::Basic, Scheme::Ntlm, Scheme::Negotiate]
        .into_iter()
        .find(|scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes()))?;
    Some((scheme, rest.trim_ascii()))
}
