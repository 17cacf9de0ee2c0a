//! Clients who sign in at the server, through us: their credentials go there, its word comes back.
//!
//! Modules see an operation before the server does, and must know whose it is. So credentials are proven first,
//! with a request that changes nothing, on the connection that will carry the operation.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Fields, RequestHead, ResponseHead};
use identity::SecurityContext;
use identity::relayed::{Accepted, Answer, Config, Guarded, Outcome, Scheme, SignIn};
use mapi::http::headers::{X_CLIENT_APPLICATION, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE};

use super::offers::Offers;
use super::sign_in::SignedIn;
use super::upstream::{HttpUpstream, Link, challenge};
use crate::clock;

/// The sign-in of one client's connection at the server.
pub(super) struct Relayed {
    config: Arc<Config>,
    /// Whether passwords and tokens are safe on the client's connection.
    protected: bool,
    /// Whether a front server has requests of several clients on it. Then a handshake, which is of a connection,
    /// would be of them all.
    shared: bool,
    guard: Option<Guard>,
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
    /// A handshake is under way on the connection to the server.
    Handshake(SignIn),
    /// Who shook hands on it.
    Somebody(SecurityContext),
}

/// A request without credentials that the server refused.
struct Guard {
    guarded: Guarded,
    probe: Probe,
}

/// A request that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Probe {
    mapi: bool,
    target: String,
}

/// What a probe takes over from the client's request: front servers of some installations choose by it.
const TAKEN_OVER: [&str; 4] = ["user-agent", X_REQUEST_ID, X_CLIENT_INFO, X_CLIENT_APPLICATION];

impl Probe {
    /// One like the request `head`.
    fn like(head: &RequestHead, mapi: bool) -> Self {
        Self { mapi, target: head.target().to_owned() }
    }

    /// Those that servers with MAPI over HTTP know: some of them the endpoint alone, which is then that of whoever
    /// asks, some only with a mailbox, whichever it is.
    fn pings() -> [Self; 2] {
        const NO_MAILBOX: &str = "?MailboxId=00000000-0000-0000-0000-000000000000@mapiproxy.invalid";
        ["", NO_MAILBOX].map(|query| Self { mapi: true, target: format!("/mapi/emsmdb/{query}") })
    }

    /// Whether it is about the same directory as the request `head`.
    fn covers(&self, head: &RequestHead) -> bool {
        let directory =
            |target: &str| target.split(['/', '?']).nth(1).unwrap_or_default().to_ascii_lowercase();
        directory(&self.target) == directory(head.target())
    }

    /// Its head, with the credentials `authorization`.
    fn head(
        &self,
        upstream: &HttpUpstream,
        like: &RequestHead,
        authorization: Option<&[u8]>,
    ) -> Option<RequestHead> {
        let mut head = RequestHead::new(if self.mapi { "POST" } else { "HEAD" }, &self.target)?;
        head.fields.push("Host", upstream.host_header());
        for name in TAKEN_OVER {
            if let Some(value) = like.fields.get(name) {
                head.fields.push(name, value.to_vec());
            }
        }
        if self.mapi {
            head.fields.push(X_REQUEST_TYPE, "PING");
            head.fields.push("Content-Length", "0");
        }
        if let Some(value) = authorization {
            head.fields.push("Authorization", value.to_vec());
        }
        Some(head)
    }
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
            guard: None,
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

    /// The server answered a request with 401, or the connection is gone that somebody signed in on: they have to
    /// do so again.
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
            Err(failed) => failed,
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
            Err(failed) => failed,
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
            State::Handshake(sign_in) if sign_in.scheme() == scheme => {
                let stays = match request.link {
                    Some(link) => link.is_in_handshake().await,
                    None => false,
                };
                if !stays {
                    return self.refuse(request, "the server closed its connection in mid handshake").await;
                }
                Some(sign_in)
            }
            State::Nobody => None,
            State::Handshake(_) | State::Somebody(_) => {
                self.forget(request.link);
                None
            }
        };
        let begins = begun.is_none();
        let sign_in = match begun {
            Some(sign_in) => sign_in,
            None => match self.guard(request).await {
                Ok(guarded) => SignIn::new(&self.config, scheme, guarded),
                Err(failed) => return failed,
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
        sign_in: SignIn,
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
        let probe = self.guard.as_ref().map(|guard| &guard.probe).ok_or("no probe")?;
        let head = probe.head(request.upstream, request.head, Some(value)).ok_or("no probe")?;
        let (answer, stays) = link.probe(&head).await?;
        let token = challenge(&answer.fields, scheme.name());
        let said = Answer { status: answer.status(), token: token.as_deref() };
        let token = token.as_ref().map(|token| format!("{} {}", scheme.name(), STANDARD.encode(token)));
        match (sent.answered(said, clock::now()), token) {
            (Outcome::GoesOn(sign_in), Some(token)) if stays => {
                self.state = State::Handshake(sign_in);
                Ok(SignedIn::GoOn(token))
            }
            (Outcome::Accepted(accepted), token) => {
                let context = accepted.context().clone();
                link.belongs_to(&context);
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
                Ok(SignedIn::As { context, fresh: true, token })
            }
            (Outcome::GoesOn(_), _) => Err("the server closes its connection in mid handshake".to_owned()),
            (Outcome::Refused, _) => {
                self.forget(request.link);
                Ok(SignedIn::Refused(format!("the server refuses the client's {}", scheme.name())))
            }
            (Outcome::Unclear, _) => {
                self.forget(request.link);
                let status = answer.status();
                let why = format!("the server answers {status} to the client's {}", scheme.name());
                Ok(SignedIn::Failed(if (400..500).contains(&status) { status } else { 502 }, why))
            }
        }
    }

    /// Sees to it that the server was seen to refuse who comes without credentials to where the request goes, and
    /// that it is known what it wants.
    async fn guard(&mut self, request: &mut Request<'_>) -> Result<Guarded, SignedIn> {
        if let Some(guard) = self.guard.as_ref().filter(|guard| guard.probe.covers(request.head)) {
            return Ok(guard.guarded);
        }
        self.guard = None;
        let failed = |why: String| SignedIn::Failed(502, why);
        let like = Probe::like(request.head, request.mapi);
        for probe in [like].into_iter().chain(Probe::pings()) {
            *request.link = None;
            blank(request).await.map_err(failed)?;
            let link = request.link.as_mut().ok_or_else(|| failed("lost".to_owned()))?;
            let Some(head) = probe.head(request.upstream, request.head, None) else { continue };
            let (answer, stays) = link.probe(&head).await.map_err(failed)?;
            if !stays {
                *request.link = None;
            }
            if let Some(guarded) = Guarded::by(answer.status()) {
                self.offers.learn(&answer.fields);
                self.guard = Some(Guard { guarded, probe });
                return Ok(guarded);
            }
        }
        *request.link = None;
        Err(failed("the server does not ask for a sign-in".to_owned()))
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
