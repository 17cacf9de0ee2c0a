//! Clients who sign in at the server, through us: their credentials go there, its word comes back.
//!
//! Modules see an operation before the server does, and must know whose it is. So credentials are proven first,
//! with a request that changes nothing, on the connection that will carry the operation.

use std::sync::Arc;

use http1::{Fields, RequestHead, ResponseHead};
use identity::http_auth::Authorization;
use identity::passthrough::{Accepted, Config, Probe as Kind, SignIn, Unproven};
use identity::{ClaimedName, Mechanism, Refusal, Scope, SecurityContext};

use crate::clock;
use crate::http::downstream::auth::local::SignedIn;
use crate::http::passthrough::challenges::Offers;
use crate::http::passthrough::probe::{Guard, Guards, Probe};
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::upstream_error::UpstreamError;

/// Why credentials were not proven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProven {
    /// They are refused before they reach the server.
    #[error("{0}")]
    Credentials(Refusal),
    /// The server refuses them.
    #[error("the server refuses the client's {0}")]
    Refused(Mechanism),
    /// The server does not offer the scheme.
    #[error("the server does not offer {mechanism}; it offers {offers}")]
    NotOffered { mechanism: Mechanism, offers: String },
    /// The server answers otherwise.
    #[error("the server answers {status} to the client's {mechanism}")]
    Unclear { mechanism: Mechanism, status: u16 },
    /// No request was found that shows anything.
    #[error(
        "the server does not ask for a sign-in: no request is refused with 401, or none shows its answer"
    )]
    Unguarded,
    /// The server's connection does not last as long as its sign-in.
    #[error("the server closes its connection after {0}")]
    Closes(Mechanism),
    /// What the server took proves nothing.
    #[error(transparent)]
    Nothing(#[from] Unproven),
    /// The connection to the server failed.
    #[error(transparent)]
    UpstreamConnection(#[from] UpstreamError),
}

/// The sign-in of one client's connection at the server.
pub(crate) struct Relayed {
    pub(super) config: Arc<Config>,
    /// Whether passwords and tokens are safe on the client's connection.
    protected: bool,
    /// Whether a front server has requests of several clients on it. Then a handshake, which is of a
    /// connection, would be of them all.
    shared: bool,
    pub(super) guards: Guards,
    /// What the server wants to be signed in with.
    pub(super) offers: Offers,
    pub(super) state: State,
    /// The last credentials of those which each request has that the server took.
    pub(super) taken: Option<Accepted>,
    /// Whose request the last one was.
    last: Option<SecurityContext>,
}

pub(super) enum State {
    Unauthenticated,
    /// A handshake is in progress on the connection to the server, by the request that is seen to be guarded.
    Handshake(Box<SignIn>, Arc<Guard>),
    /// Who shook hands on it, and by which request that was proven.
    Authenticated(SecurityContext, Kind),
}

/// Whether what was proven by a request of this `kind` holds for operations of MAPI too, where `mapi` says that one is
/// asked for. Whatever stands before the server may have answered what was asked of an address, and the modules would
/// see the operation before the server refuses it.
fn holds(kind: Kind, mapi: bool) -> bool {
    !mapi || kind == Kind::Ping
}

/// What a sign-in works with: the server, the connection there, and the client's request.
pub(crate) struct Request<'a> {
    pub(crate) upstream: &'a HttpUpstream,
    pub(crate) link: &'a mut Option<Box<UpstreamConnection>>,
    pub(crate) head: &'a RequestHead,
    /// Whether it is for an endpoint of MAPI.
    pub(crate) mapi: bool,
    /// Whether it may be anonymous.
    pub(crate) anonymous: bool,
    /// What is said of where it comes from.
    pub(crate) forwarding: &'a Forwarding,
}

impl Request<'_> {
    /// The head of `probe` on behalf of the request, with the credentials `authorization`; none where it can't be
    /// written.
    pub(super) fn probe(&self, probe: &Probe, authorization: Option<&[u8]>) -> Option<RequestHead> {
        probe.head(self.upstream, self.head, self.forwarding, authorization)
    }
}

impl Relayed {
    /// The sign-in of a connection on which passwords are safe or not, and which is `shared` by several clients
    /// or not.
    pub(crate) fn new(config: &Arc<Config>, protected: bool, shared: bool) -> Self {
        Self {
            config: Arc::clone(config),
            protected,
            shared,
            guards: Guards::default(),
            offers: Offers::default(),
            state: State::Unauthenticated,
            taken: None,
            last: None,
        }
    }

    fn takes(&self, mechanism: Mechanism) -> bool {
        match mechanism.scope() {
            Scope::Connection => !self.shared,
            Scope::Request => self.protected,
        }
    }

    /// The account whose credentials a request with these `fields` has to prove at the server, which may be for an
    /// endpoint of MAPI; none where there is nothing to prove.
    pub(crate) fn unproven(&self, fields: &Fields, mapi: bool) -> Option<ClaimedName> {
        let mut sent = fields.all("authorization");
        let (Some(value), None) = (sent.next(), sent.next()) else { return None };
        let authorization = Authorization::read(value);
        let mechanism = authorization.mechanism().filter(|mechanism| self.takes(*mechanism))?;
        let credentials = authorization.credentials;
        let known = self.taken.as_ref().filter(|taken| taken.covers(mechanism, credentials));
        let known = known.filter(|taken| holds(taken.probe(), mapi));
        if known.is_some_and(|known| known.context().check(clock::now()).is_ok()) {
            return None;
        }
        ClaimedName::in_header(mechanism, credentials)
    }

    /// Who sends a request.
    pub(crate) async fn step(&mut self, mut request: Request<'_>) -> SignedIn {
        self.last = None;
        let mut sent = request.head.fields.all("authorization");
        let signed_in = match (sent.next(), sent.next()) {
            (None, _) => self.without(&mut request).await,
            (Some(value), None) => self.with(value, &mut request).await,
            (Some(_), Some(_)) => self.refuse(&mut request, "several Authorization headers").await,
        };
        if let SignedIn::As { context, .. } = &signed_in {
            self.last = Some(context.clone());
        }
        signed_in
    }

    /// Adds to `head` what the server wants to be signed in with, as far as we pass it on.
    pub(crate) fn offer(&self, head: &mut ResponseHead) {
        self.offers.add_to(head, |mechanism| self.takes(mechanism));
    }

    /// Whether `context` is of a handshake, so that it ends with the connection that it was made on.
    pub(crate) fn is_pinned(&self, context: &SecurityContext) -> bool {
        matches!(&self.state, State::Authenticated(somebody, _) if somebody.is_same(context))
    }

    /// The server answered a request with 401, or the connection is gone that somebody signed in on: they
    /// have to do so again.
    pub(crate) fn deny(&mut self, answer: Option<&Fields>) {
        if let Some(fields) = answer {
            self.offers.learn(fields);
        }
        if let Some(context) = self.last.take() {
            context.revoke();
            if self.is_pinned(&context) {
                self.state = State::Unauthenticated;
            }
            self.taken = self.taken.take().filter(|taken| !taken.context().is_same(&context));
        }
    }

    /// Resets the upstream connection to unauthenticated, and abandons a handshake in progress.
    pub(super) fn forget(&mut self, link: &mut Option<Box<UpstreamConnection>>) {
        self.state = State::Unauthenticated;
        *link = None;
    }

    pub(super) async fn refuse(&mut self, request: &mut Request<'_>, why: &str) -> SignedIn {
        self.forget(request.link);
        match self.guard(request).await {
            Ok(_) => SignedIn::Refused(why.to_owned()),
            Err(why) => failed(why),
        }
    }

    async fn without(&mut self, request: &mut Request<'_>) -> SignedIn {
        if let State::Authenticated(context, kind) = &self.state
            && holds(*kind, request.mapi)
            && context.check(clock::now()).is_ok()
            && let Some(link) = request.link
            && link.serves(context).await
        {
            return SignedIn::As { context: context.clone(), fresh: false, token: None };
        }
        if !matches!(self.state, State::Unauthenticated) {
            self.forget(request.link);
        }
        if request.anonymous {
            return SignedIn::Anonymous;
        }
        match self.guard(request).await {
            Ok(_) => SignedIn::Anonymous,
            Err(why) => failed(why),
        }
    }

    async fn with(&mut self, value: &[u8], request: &mut Request<'_>) -> SignedIn {
        let authorization = Authorization::read(value);
        let credentials = authorization.credentials;
        let Some(mechanism) = authorization.mechanism() else {
            return self.refuse(request, "an unknown kind of credentials").await;
        };
        if !self.takes(mechanism) {
            return self.refuse(request, &format!("{mechanism} is not relayed here")).await;
        }
        if let Some(taken) = self.taken.as_ref().filter(|taken| taken.covers(mechanism, credentials))
            && holds(taken.probe(), request.mapi)
            && taken.context().check(clock::now()).is_ok()
        {
            let context = taken.context().clone();
            if !matches!(self.state, State::Unauthenticated) {
                self.forget(request.link);
            }
            return SignedIn::As { context, fresh: false, token: None };
        }
        let begun = match std::mem::replace(&mut self.state, State::Unauthenticated) {
            State::Handshake(sign_in, guard) if sign_in.mechanism() == mechanism => {
                let stays = match request.link {
                    Some(link) => link.is_in_handshake().await,
                    None => false,
                };
                if !stays {
                    return self.lost(request).await;
                }
                Some((sign_in, guard))
            }
            State::Unauthenticated => None,
            State::Handshake(..) | State::Authenticated(..) => {
                self.forget(request.link);
                None
            }
        };
        let begins = begun.is_none();
        let begun = match begun {
            Some(begun) => begun,
            None => match self.begin(mechanism, request).await {
                Ok(begun) => begun,
                Err(why) => return self.not_proven(why, request),
            },
        };
        match self.leg(begun, credentials, begins, value, request).await {
            Ok(signed_in) => signed_in,
            Err(why) => self.not_proven(why, request),
        }
    }

    /// What the client gets where its credentials were not proven.
    fn not_proven(&mut self, why: NotProven, request: &mut Request<'_>) -> SignedIn {
        self.forget(request.link);
        match why {
            NotProven::Refused(_) | NotProven::Credentials(_) | NotProven::NotOffered { .. } => {
                SignedIn::Refused(why.to_string())
            }
            NotProven::Nothing(_) => {
                self.guards.clear();
                SignedIn::Failed(502, why.to_string())
            }
            NotProven::Unclear { status, .. } => SignedIn::Failed(passed_on(status), why.to_string()),
            why => failed(why),
        }
    }
}

/// What the client gets where the server could not be asked, or did not answer as it should.
fn failed(why: NotProven) -> SignedIn {
    match why {
        NotProven::UpstreamConnection(error) => SignedIn::NoServer(error),
        why => SignedIn::Failed(502, why.to_string()),
    }
}

/// The status with which a client is answered where the server's says nothing of its credentials.
const fn passed_on(status: u16) -> u16 {
    match status {
        // Said of what was asked for, which is not what the client asked for.
        404 | 405 | 406 | 411 | 415 => 502,
        400..=499 => status,
        _ => 502,
    }
}
