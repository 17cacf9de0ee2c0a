//! Clients who sign in at the server, through us: their credentials go there, its word comes back.
//!
//! Modules see an operation before the server does, and must know whose it is. So credentials are proven first,
//! with a request that changes nothing, on the connection that will carry the operation.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Fields, RequestHead, ResponseHead};
use identity::relayed::{Accepted, Answer, Config, Guarded, Outcome, Scheme, SignIn};
use identity::{ClaimedName, SecurityContext};

use super::offers::Offers;
use super::probes::{Guard, Guards, candidates, directory};
use super::sign_in::SignedIn;
use super::upstream::{HttpUpstream, Link, challenge};
use crate::clock;

/// The sign-in of one client's connection at the server.
pub(super) struct Relayed {
    config: Arc<Config>,
    /// Whether passwords and tokens are safe on the client's connection.
    protected: bool,
    /// Whether a front server has requests of several clients on it. Then a handshake, which is of a
    /// connection, would be of them all.
    shared: bool,
    guards: Guards,
    /// What the server wants to be signed in with.
    offers: Offers,
    state: State,
    /// The last credentials of those which each request has that the server took.
    taken: Option<Accepted>,
    /// Whose request the last one was.
    last: Option<SecurityContext>,
    /// The server wants a new sign-in, which the client is to be told.
    denied: bool,
}

enum State {
    Nobody,
    /// A handshake is under way on the connection to the server, by the request that is seen to be guarded.
    Handshake(SignIn, Arc<Guard>),
    /// Who shook hands on it.
    Somebody(SecurityContext),
}

/// What the server said of credentials.
struct Said {
    scheme: Scheme,
    outcome: Outcome,
    status: u16,
    /// Whether the connection stays.
    stays: bool,
    /// The request that it was said of.
    guard: Arc<Guard>,
}

/// What a sign-in works with: the server, the connection there, and the client's request.
pub(super) struct Request<'a> {
    pub(super) upstream: &'a HttpUpstream,
    pub(super) link: &'a mut Option<Box<Link>>,
    pub(super) head: &'a RequestHead,
    /// Whether it is for an endpoint of MAPI.
    pub(super) mapi: bool,
    /// Whether it may be nobody's.
    pub(super) nobody: bool,
}

impl Relayed {
    /// The sign-in of a connection on which passwords are safe or not, and which is `shared` by several clients
    /// or not.
    pub(super) fn new(config: &Arc<Config>, protected: bool, shared: bool) -> Self {
        Self {
            config: Arc::clone(config),
            protected,
            shared,
            guards: Guards::default(),
            offers: Offers::default(),
            state: State::Nobody,
            taken: None,
            last: None,
            denied: false,
        }
    }

    fn takes(&self, scheme: Scheme) -> bool {
        if scheme.is_handshake() { !self.shared } else { self.protected }
    }

    /// The account whose credentials a request with these `fields` has to prove at the server; none where there is
    /// nothing to prove.
    pub(super) fn unproven(&self, fields: &Fields) -> Option<ClaimedName> {
        let mut sent = fields.all("authorization");
        let (Some(value), None) = (sent.next(), sent.next()) else { return None };
        let (scheme, credentials) = Scheme::split(value).filter(|(scheme, _)| self.takes(*scheme))?;
        let known = self.taken.as_ref().filter(|taken| taken.covers(scheme, credentials));
        if known.is_some_and(|known| known.context().check(clock::now()).is_ok()) {
            return None;
        }
        ClaimedName::in_header(scheme, credentials)
    }

    /// Who sends a request.
    pub(super) async fn step(&mut self, mut request: Request<'_>) -> SignedIn {
        self.last = None;
        self.denied = false;
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
    pub(super) fn offer(&self, head: &mut ResponseHead) {
        self.offers.add_to(head, |scheme| self.takes(scheme));
    }

    /// Whether `context` is of a handshake, so that it ends with the connection that it was made on.
    pub(super) fn is_pinned(&self, context: &SecurityContext) -> bool {
        matches!(&self.state, State::Somebody(somebody) if somebody.is_same(context))
    }

    /// The server answered a request with 401, or the connection is gone that somebody signed in on: they
    /// have to do so again.
    pub(super) fn deny(&mut self, answer: Option<&Fields>) {
        self.denied = true;
        if let Some(fields) = answer {
            self.offers.learn(fields);
        }
        if let Some(context) = self.last.take() {
            context.revoke();
            if self.is_pinned(&context) {
                self.state = State::Nobody;
            }
            self.taken = self.taken.take().filter(|taken| !taken.context().is_same(&context));
        }
    }

    /// Whether the client is to be told to sign in anew.
    pub(super) fn take_denied(&mut self) -> bool {
        std::mem::take(&mut self.denied)
    }

    /// Nobody is signed in on the connection to the server any more, nor signs in there.
    fn forget(&mut self, link: &mut Option<Box<Link>>) {
        self.state = State::Nobody;
        *link = None;
    }

    async fn refuse(&mut self, request: &mut Request<'_>, why: &str) -> SignedIn {
        self.forget(request.link);
        match self.guard(request).await {
            Ok(_) => SignedIn::Refused(why.to_owned()),
            Err(why) => SignedIn::Failed(502, why),
        }
    }

    async fn without(&mut self, request: &mut Request<'_>) -> SignedIn {
        if let State::Somebody(context) = &self.state
            && context.check(clock::now()).is_ok()
            && let Some(link) = request.link
            && link.serves(context).await
        {
            return SignedIn::As { context: context.clone(), fresh: false, token: None };
        }
        if !matches!(self.state, State::Nobody) {
            self.forget(request.link);
        }
        if request.nobody {
            return SignedIn::Nobody;
        }
        match self.guard(request).await {
            Ok(_) => SignedIn::Nobody,
            Err(why) => SignedIn::Failed(502, why),
        }
    }

    async fn with(&mut self, value: &[u8], request: &mut Request<'_>) -> SignedIn {
        let Some((scheme, credentials)) = Scheme::split(value) else {
            return self.refuse(request, "an unknown kind of credentials").await;
        };
        if !self.takes(scheme) {
            return self.refuse(request, &format!("{} is not relayed here", scheme.name())).await;
        }
        if let Some(taken) = self.taken.as_ref().filter(|taken| taken.covers(scheme, credentials))
            && taken.context().check(clock::now()).is_ok()
        {
            let context = taken.context().clone();
            if !matches!(self.state, State::Nobody) {
                self.forget(request.link);
            }
            return SignedIn::As { context, fresh: false, token: None };
        }
        let begun = match std::mem::replace(&mut self.state, State::Nobody) {
            State::Handshake(sign_in, guard) if sign_in.scheme() == scheme => {
                let stays = match request.link {
                    Some(link) => link.is_in_handshake().await,
                    None => false,
                };
                if !stays {
                    return self.lost(request).await;
                }
                Some((sign_in, guard))
            }
            State::Nobody => None,
            State::Handshake(..) | State::Somebody(_) => {
                self.forget(request.link);
                None
            }
        };
        let begins = begun.is_none();
        let sign_in = match begun {
            Some(sign_in) => sign_in,
            None => match self.guard(request).await {
                Ok(guard) => (SignIn::new(&self.config, scheme, guard.guarded), guard),
                Err(why) => return SignedIn::Failed(502, why),
            },
        };
        match self.leg(sign_in, credentials, begins, value, request).await {
            Ok(signed_in) => signed_in,
            Err(why) => {
                self.forget(request.link);
                SignedIn::Failed(502, why)
            }
        }
    }

    /// Sends credentials to the server; says what it makes of them.
    async fn leg(
        &mut self,
        (sign_in, guard): (SignIn, Arc<Guard>),
        credentials: &[u8],
        begins: bool,
        value: &[u8],
        request: &mut Request<'_>,
    ) -> Result<SignedIn, String> {
        let scheme = sign_in.scheme();
        let sent = match sign_in.sent(credentials) {
            Ok(sent) => sent,
            Err(refusal) => {
                self.forget(request.link);
                return Ok(SignedIn::Refused(refusal.to_string()));
            }
        };
        if begins {
            blank(request).await?;
        }
        let link = request.link.as_mut().ok_or("lost")?;
        if scheme.is_handshake() {
            link.pin();
        }
        let head = guard.probe.head(request.upstream, request.head, Some(value)).ok_or("no probe")?;
        let (answer, stays) = match link.probe(&head).await {
            // Only the client can shake hands on another one.
            Err(_) if !begins && link.wire.is_stale().await => return Ok(self.lost(request).await),
            probed => probed?,
        };
        let token = challenge(&answer.fields, scheme.name());
        let status = answer.status();
        let outcome = sent.answered(Answer { status, token: token.as_deref() }, clock::now());
        let token = token.map(|token| format!("{} {}", scheme.name(), STANDARD.encode(token)));
        let said = Said { scheme, outcome, status, stays, guard };
        let said = self.behind_redirects(said, value, request).await?;
        self.come_to(said, token, request)
    }

    /// Has the same credentials, which are sent as `value`, proven by other requests as long as the server
    /// answers by leading elsewhere.
    async fn behind_redirects(
        &mut self,
        mut said: Said,
        value: &[u8],
        request: &mut Request<'_>,
    ) -> Result<Said, String> {
        while let Outcome::Redirected(redirected) = said.outcome {
            let scheme = said.scheme;
            let guard = self.guard_behind(&said.guard, request).await?;
            if !said.stays {
                self.again(scheme, request).await?;
            }
            let sent = redirected.again(guard.guarded);
            // Who shook hands is known by the connection.
            let value = Some(value).filter(|_| !scheme.is_handshake());
            let head = guard.probe.head(request.upstream, request.head, value).ok_or("no probe")?;
            let (answer, stays) = request.link.as_mut().ok_or("lost")?.probe(&head).await?;
            let status = answer.status();
            let outcome = sent.answered(Answer { status, token: None }, clock::now());
            said = Said { scheme, outcome, status, stays, guard };
        }
        Ok(said)
    }

    /// What the client is told of what the server said; `token` is what the server answered it with.
    fn come_to(
        &mut self,
        said: Said,
        token: Option<String>,
        request: &mut Request<'_>,
    ) -> Result<SignedIn, String> {
        let Said { scheme, outcome, status, stays, guard } = said;
        match (outcome, token) {
            (Outcome::GoesOn(sign_in), Some(token)) if stays => {
                self.state = State::Handshake(sign_in, guard);
                Ok(SignedIn::GoOn(token))
            }
            (Outcome::Accepted(accepted), token) => {
                let context = self.accept(accepted, scheme, stays, request)?;
                Ok(SignedIn::As { context, fresh: true, token })
            }
            (Outcome::GoesOn(_), _) => Err("the server closes its connection in mid handshake".to_owned()),
            (Outcome::Refused, _) => {
                self.forget(request.link);
                Ok(SignedIn::Refused(format!("the server refuses the client's {}", scheme.name())))
            }
            (Outcome::Unclear | Outcome::Redirected(_), _) => {
                self.forget(request.link);
                let why = format!("the server answers {status} to the client's {}", scheme.name());
                Ok(SignedIn::Failed(if (400..500).contains(&status) { status } else { 502 }, why))
            }
        }
    }

    /// Has another connection ready for the same credentials.
    async fn again(&mut self, scheme: Scheme, request: &mut Request<'_>) -> Result<(), String> {
        if scheme.is_handshake() {
            return Err(format!("the server closes its connection after {}", scheme.name()));
        }
        *request.link = None;
        blank(request).await
    }

    /// The server took the credentials: from now on the connection is of whoever sent them.
    fn accept(
        &mut self,
        accepted: Accepted,
        scheme: Scheme,
        stays: bool,
        request: &mut Request<'_>,
    ) -> Result<SecurityContext, String> {
        let context = accepted.context().clone();
        request.link.as_mut().ok_or("lost")?.belongs_to(&context);
        if !scheme.is_handshake() {
            self.taken = Some(accepted);
        } else if stays {
            self.state = State::Somebody(context.clone());
        } else {
            return Err(format!("the server closes its connection after {}", scheme.name()));
        }
        if !stays {
            *request.link = None;
        }
        Ok(context)
    }

    /// The connection is gone on which a handshake was under way.
    async fn lost(&mut self, request: &mut Request<'_>) -> SignedIn {
        self.refuse(request, "the server closed its connection in mid handshake").await
    }

    /// Sees to it that the server was seen to refuse who comes without credentials to where the request goes,
    /// and that it is known what it wants.
    async fn guard(&mut self, request: &mut Request<'_>) -> Result<Arc<Guard>, String> {
        if let Some(guard) = self.guards.of(request.head) {
            self.offers = guard.offers.clone();
            return Ok(guard);
        }
        *request.link = None;
        self.seek(0, request).await
    }

    /// The same by another request than that of `guard`, which the server answers to somebody by leading
    /// elsewhere. The client's connection to the server stays.
    async fn guard_behind(&mut self, guard: &Guard, request: &mut Request<'_>) -> Result<Arc<Guard>, String> {
        let mut aside = None;
        let Request { upstream, head, mapi, nobody, .. } = *request;
        self.seek(guard.tried, &mut Request { upstream, head, mapi, nobody, link: &mut aside }).await
    }

    /// Tries requests, but for the first `tried`, until the server refuses one.
    async fn seek(&mut self, mut tried: usize, request: &mut Request<'_>) -> Result<Arc<Guard>, String> {
        for probe in candidates(request.head, request.mapi).skip(tried) {
            tried += 1;
            blank(request).await?;
            let link = request.link.as_mut().ok_or("lost")?;
            let Some(head) = probe.head(request.upstream, request.head, None) else { continue };
            let (answer, stays) = link.probe(&head).await?;
            let guarded = Guarded::by(answer.status());
            if !stays || guarded.is_none() {
                *request.link = None;
            }
            if let Some(guarded) = guarded {
                self.offers.learn(&answer.fields);
                let (directory, offers) = (directory(request.head), self.offers.clone());
                let guard = Arc::new(Guard { directory, guarded, probe, tried, offers });
                self.guards.keep(Arc::clone(&guard));
                return Ok(guard);
            }
        }
        *request.link = None;
        Err("the server does not ask for a sign-in".to_owned())
    }
}

/// Has a connection to the server ready that is nobody's.
async fn blank(request: &mut Request<'_>) -> Result<(), String> {
    let stands = match request.link {
        Some(link) => link.is_blank().await,
        None => false,
    };
    if !stands {
        *request.link = None;
        *request.link = Some(Link::blank(request.upstream).await?);
    }
    Ok(())
}
