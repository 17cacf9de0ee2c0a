//! How credentials are proven: one request that changes nothing, refused without them, carried out with them, and
//! refused without them again.

use std::sync::Arc;

use http1::{RequestHead, ResponseHead};
use identity::passthrough::{Accepted, Answer, Checked, Guarded, Outcome, SignIn, Taken, Unproven};
use identity::{Mechanism, OsRandom, Refusal, Scope, http_auth};
use mapi::mapihttp::headers::{X_REQUEST_TYPE, X_RESPONSE_CODE};

use crate::clock;
use crate::http::downstream::auth::local::SignedIn;
use crate::http::passthrough::authenticator::{NotProven, Relayed, Request, State};
use crate::http::passthrough::challenges::Offers;
use crate::http::passthrough::probe::{Guard, candidates, directory};
use crate::http::upstream::connection::{UpstreamConnection, challenge};
use crate::upstream_error::UpstreamError;

/// What the server answered to a probe.
struct Probed {
    head: ResponseHead,
    offers: Vec<Mechanism>,
    token: Option<Vec<u8>>,
    /// Whether the connection stays.
    stays: bool,
}

impl Probed {
    fn new((head, stays): (ResponseHead, bool), mechanism: Option<Mechanism>) -> Self {
        let mut offers = Offers::default();
        offers.learn(&head.fields);
        let token = mechanism.and_then(|mechanism| challenge(&head.fields, mechanism));
        Self { offers: offers.mechanisms(), token, stays, head }
    }

    fn status(&self) -> u16 {
        self.head.status()
    }

    fn answer(&self) -> Answer<'_> {
        let Self { head, offers, token, .. } = self;
        Answer {
            status: head.status(),
            token: token.as_deref(),
            request_type: only(head, X_REQUEST_TYPE),
            response_code: only(head, X_RESPONSE_CODE),
            offers,
        }
    }
}

/// The value of the header `name`, where there is one: what comes twice says nothing.
fn only<'a>(head: &'a ResponseHead, name: &'a str) -> Option<&'a [u8]> {
    let mut values = head.fields.all(name);
    values.next().filter(|_| values.next().is_none())
}

/// Credentials that the server has to answer, and by what they are asked about.
struct Leg<'a> {
    mechanism: Mechanism,
    /// What stands in `Authorization`.
    value: &'a [u8],
    guard: Arc<Guard>,
}

/// What came of them.
enum Proven {
    /// The server has a token for the client, and the connection stays.
    GoesOn(Box<SignIn>, Option<Vec<u8>>),
    /// The server took them. Whether the connection stays, and its last token.
    Accepted(Accepted, bool, Option<Vec<u8>>),
}

impl Relayed {
    /// Begins a sign-in: what the server guards is known, and by a request for which it offers the mechanism.
    pub(crate) async fn begin(
        &mut self,
        mechanism: Mechanism,
        request: &mut Request<'_>,
    ) -> Result<(Box<SignIn>, Arc<Guard>), NotProven> {
        let mut guard = self.guard(request).await?;
        let offers = guard.offers.clone();
        while !guard.serves(mechanism, clock::now()) {
            *request.link = None;
            guard = match self.seek(guard.tried, request).await {
                Ok(guard) => guard,
                Err(NotProven::Unguarded) => {
                    let names = offers.mechanisms().iter().map(Mechanism::to_string).collect::<Vec<_>>();
                    return Err(NotProven::NotOffered { mechanism, offers: names.join(", ") });
                }
                Err(why) => return Err(why),
            };
        }
        let sign_in = SignIn::new(&self.config, mechanism, &guard.guarded, clock::now());
        Ok((Box::new(sign_in.map_err(NotProven::Credentials)?), guard))
    }

    /// Sends credentials to the server; says what it makes of them.
    pub(crate) async fn leg(
        &mut self,
        (sign_in, guard): (Box<SignIn>, Arc<Guard>),
        credentials: &[u8],
        begins: bool,
        value: &[u8],
        request: &mut Request<'_>,
    ) -> Result<SignedIn, NotProven> {
        let mechanism = sign_in.mechanism();
        let sent = sign_in.sent(credentials).map_err(NotProven::Credentials)?;
        if begins {
            blank(request).await?;
        }
        let head = request.probe(&guard.probe, Some(value)).ok_or_else(lost)?;
        let link = request.link.as_mut().ok_or_else(lost)?;
        if mechanism.scope() == Scope::Connection {
            link.pin();
        }
        let probed = match link.probe(&head).await {
            // Only the client can shake hands on another one.
            Err(_) if !begins && link.transport.is_stale().await => return Ok(self.lost(request).await),
            probed => Probed::new(probed?, Some(mechanism)),
        };
        let outcome = sent.answered(&probed.answer(), clock::now());
        let mut leg = Leg { mechanism, value, guard };
        match self.prove(&mut leg, outcome, probed, request).await? {
            Proven::GoesOn(sign_in, token) => {
                self.state = State::Handshake(sign_in, leg.guard);
                Ok(SignedIn::GoOn(header(mechanism, token).unwrap_or_default()))
            }
            Proven::Accepted(accepted, stays, token) => {
                let context = self.accept(accepted, mechanism, stays, request)?;
                Ok(SignedIn::As { context, fresh: true, token: header(mechanism, token) })
            }
        }
    }

    /// Follows a sign-in to its end, or to where the client has to go on.
    async fn prove(
        &mut self,
        leg: &mut Leg<'_>,
        mut outcome: Outcome,
        mut probed: Probed,
        request: &mut Request<'_>,
    ) -> Result<Proven, NotProven> {
        let mechanism = leg.mechanism;
        let token = probed.token.take();
        loop {
            let status = probed.status();
            (outcome, probed) = match outcome {
                Outcome::GoesOn(sign_in) if probed.stays => {
                    return Ok(Proven::GoesOn(Box::new(sign_in), token));
                }
                Outcome::Again(again) if probed.stays => {
                    // Who shook hands is known by the connection.
                    let probed = self.ask(&leg.guard, None, request).await?;
                    (again.sent().answered(&probed.answer(), clock::now()), probed)
                }
                Outcome::GoesOn(_) | Outcome::Again(_) => return Err(NotProven::Closes(mechanism)),
                Outcome::Elsewhere(elsewhere) => {
                    leg.guard = self.guard_behind(&leg.guard, mechanism, request).await?;
                    if !probed.stays {
                        again(mechanism, request).await?;
                    }
                    let sent = elsewhere.by(&leg.guard.guarded)?;
                    let value = Some(leg.value).filter(|_| mechanism.scope() == Scope::Request);
                    let probed = self.ask(&leg.guard, value, request).await?;
                    (sent.answered(&probed.answer(), clock::now()), probed)
                }
                Outcome::Taken(taken) => {
                    let accepted = settle(taken, &leg.guard, request).await?;
                    return Ok(Proven::Accepted(accepted, probed.stays, token));
                }
                Outcome::Refused(Refusal::Rejected) => return Err(NotProven::Refused(mechanism)),
                Outcome::Refused(refusal) => return Err(NotProven::Credentials(refusal)),
                Outcome::Unclear => return Err(NotProven::Unclear { mechanism, status }),
            };
        }
    }

    /// Asks what `guard` stands for on the connection to the server.
    async fn ask(
        &mut self,
        guard: &Guard,
        value: Option<&[u8]>,
        request: &mut Request<'_>,
    ) -> Result<Probed, NotProven> {
        let head = request.probe(&guard.probe, value).ok_or_else(lost)?;
        Ok(Probed::new(request.link.as_mut().ok_or_else(lost)?.probe(&head).await?, None))
    }

    /// The server took the credentials: from now on the connection belongs to the client that sent them.
    fn accept(
        &mut self,
        accepted: Accepted,
        mechanism: Mechanism,
        stays: bool,
        request: &mut Request<'_>,
    ) -> Result<identity::SecurityContext, NotProven> {
        let (context, probe) = (accepted.context().clone(), accepted.probe());
        if mechanism.scope() == Scope::Connection {
            if !stays {
                return Err(NotProven::Closes(mechanism));
            }
            self.state = State::Authenticated(context.clone(), probe);
        } else {
            self.taken = Some(accepted);
        }
        request.link.as_mut().ok_or_else(lost)?.belongs_to(request.upstream, &context);
        if !stays {
            *request.link = None;
        }
        Ok(context)
    }

    /// The connection is gone on which a handshake was in progress.
    pub(crate) async fn lost(&mut self, request: &mut Request<'_>) -> SignedIn {
        self.refuse(request, "the server closed its connection during the handshake").await
    }

    /// Sees to it that the server was seen to refuse a request without credentials for where the request goes,
    /// and that it is known what it wants.
    pub(crate) async fn guard(&mut self, request: &mut Request<'_>) -> Result<Arc<Guard>, NotProven> {
        if let Some(guard) = self.guards.of(request.head, clock::now()) {
            self.offers = guard.offers.clone();
            return Ok(guard);
        }
        *request.link = None;
        let guard = self.seek(0, request).await?;
        self.guards.keep(Arc::clone(&guard));
        Ok(guard)
    }

    /// The same by another request than that of `guard`, whose answer to these credentials shows nothing. The
    /// client's connection to the server stays.
    async fn guard_behind(
        &mut self,
        guard: &Guard,
        mechanism: Mechanism,
        request: &mut Request<'_>,
    ) -> Result<Arc<Guard>, NotProven> {
        let mut tried = guard.tried;
        loop {
            let mut aside = None;
            let Request { upstream, head, mapi, anonymous, forwarding, .. } = *request;
            let mut beside = Request { upstream, head, mapi, anonymous, forwarding, link: &mut aside };
            let found = match self.seek(tried, &mut beside).await {
                Err(NotProven::Unguarded) => return Err(Unproven::Silent.into()),
                found => found?,
            };
            if found.serves(mechanism, clock::now()) {
                return Ok(found);
            }
            tried = found.tried;
        }
    }

    /// Tries requests, but for the first `tried`, until the server refuses one.
    async fn seek(&mut self, mut tried: usize, request: &mut Request<'_>) -> Result<Arc<Guard>, NotProven> {
        for probe in candidates(request.head, request.mapi).skip(tried) {
            tried += 1;
            blank(request).await?;
            let Some(head) = request.probe(&probe, None) else { continue };
            let link = request.link.as_mut().ok_or_else(lost)?;
            let probed = Probed::new(link.probe(&head).await?, None);
            let guarded = Guarded::seen(probe.kind(), &probed.answer(), clock::now());
            if !probed.stays || guarded.is_none() {
                *request.link = None;
            }
            if let Some(guarded) = guarded {
                self.offers.learn(&probed.head.fields);
                let (directory, offers) = (directory(request.head), self.offers.clone());
                return Ok(Arc::new(Guard { directory, guarded, probe, tried, offers }));
            }
        }
        *request.link = None;
        Err(NotProven::Unguarded)
    }
}

/// The connection is gone, or there is nothing to ask.
fn lost() -> NotProven {
    UpstreamError::closed("no connection to the server").into()
}

/// The header's value by which `mechanism` goes on.
fn header(mechanism: Mechanism, token: Option<Vec<u8>>) -> Option<String> {
    token.map(|token| http_auth::header(mechanism, &token))
}

/// Sees to it that the server took these credentials and not whatever came: on a fresh connection it refuses the
/// same request without them.
async fn settle(taken: Taken, guard: &Guard, request: &Request<'_>) -> Result<Accepted, NotProven> {
    let ask = |value: Option<&[u8]>| request.probe(&guard.probe, value).ok_or_else(lost);
    let fresh = |head: RequestHead| async move {
        let mut link = UpstreamConnection::blank(request.upstream).await?;
        Ok::<_, NotProven>(Probed::new(link.probe(&head).await?, None))
    };
    let without = fresh(ask(None)?).await?;
    match taken.refused_again(&without.answer(), clock::now(), &mut OsRandom)? {
        Checked::Accepted(accepted) => Ok(accepted),
        Checked::Control(control) => {
            let made_up = fresh(ask(Some(control.authorization().as_bytes()))?).await?;
            Ok(control.answered(&made_up.answer(), clock::now())?)
        }
    }
}

/// Has another connection ready for the same credentials.
async fn again(mechanism: Mechanism, request: &mut Request<'_>) -> Result<(), NotProven> {
    if mechanism.scope() == Scope::Connection {
        return Err(NotProven::Closes(mechanism));
    }
    *request.link = None;
    blank(request).await
}

/// Has a connection to the server ready that carried no credentials.
async fn blank(request: &mut Request<'_>) -> Result<(), NotProven> {
    let stands = match request.link {
        Some(link) => link.is_blank().await,
        None => false,
    };
    if !stands {
        *request.link = None;
        *request.link = Some(UpstreamConnection::blank(request.upstream).await?);
    }
    Ok(())
}
