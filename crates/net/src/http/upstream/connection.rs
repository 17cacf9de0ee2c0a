//! Connections to the server: each belongs to one client connection and one identity.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http1::{Event, Fields, Framing, Head, Limits, RequestHead, ResponseDecoder, ResponseHead};
use identity::{
    AuthError, Channel, ChannelBindings, Identity, Mechanism, OsRandom, SecurityContext, Step, http_auth,
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::account::Account;
use crate::clock;
use crate::gate::{AuthAttempt, AuthGrant, UpstreamProtocol};
use crate::http::transport::{FramedTransport, Stream};
use crate::http::upstream::auth_error::ServiceAuthError;
use crate::http::upstream::config::{HttpUpstream, directory};
use crate::http::upstream::dial::{NotConnected, NotOpened};
use crate::http::upstream::forwarding::Via;
use crate::http::upstream::headers::keep_alive;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::{Timeout, UpstreamError};
use crate::upstream_identity::UpstreamCredentials;

/// One connection to the server.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    pub(crate) transport: FramedTransport<ResponseHead>,
    /// The identity whose requests it carries, and only these. None as long as it carried no credentials.
    owner: Option<Identity>,
    /// Whether its owner signs in, or signed in, with a handshake on it.
    pub(super) pinned: bool,
    /// The credentials of its owner's requests; none as long as it has no owner.
    pub(super) credentials: UpstreamCredentials,
    /// What its requests' `Host` header says.
    pub(super) host: Bytes,
    /// What binds a handshake to it.
    bindings: Option<ChannelBindings>,
    /// Until when the server leaves it open, as far as it says.
    lasts: Option<Duration>,
    used: Instant,
    /// A request is on it whose answer is not read to its end.
    busy: bool,
    /// Whether that is a HEAD.
    bodiless: bool,
    /// Whether it may carry another request after the response whose final head came; none as long as that has not.
    reusable: Option<bool>,
    /// The head of an answer that came before its request was sent.
    pub(crate) early: Option<Event<ResponseHead>>,
    /// Something of the last request was sent.
    pub(super) begun: bool,
    /// A request was not sent to its end.
    pub(crate) cut: bool,
    /// The header of the sign-in's last leg, to be sent with the next request.
    pub(super) token: Option<String>,
    /// The sign-in of the service account whose outcome the next response shows.
    attempt: Option<AuthAttempt>,
    /// The last one that was accepted.
    accepted: Option<AuthGrant>,
    limit: Duration,
    pub(super) via: Via,
}

impl UpstreamConnection {
    /// A new connection without an owner.
    pub(crate) async fn blank(upstream: &HttpUpstream) -> Result<Box<Self>, UpstreamError> {
        let connecting = async { Ok(upstream.connect().await?) };
        let connected = upstream.gate.connect(UpstreamProtocol::Http, upstream.timeout, connecting).await?;
        Ok(Self::over(upstream, connected))
    }

    /// The same by one attempt that is made whatever is known of the server, and that nothing is learned from.
    pub(crate) async fn blank_once(upstream: &HttpUpstream) -> Result<Box<Self>, NotConnected> {
        let late = |_| NotConnected::Late(upstream.timeout);
        let connected = timeout(upstream.timeout, upstream.connect()).await.map_err(late)??;
        Ok(Self::over(upstream, connected))
    }

    fn over(upstream: &HttpUpstream, (stream, bindings): (Stream, Option<ChannelBindings>)) -> Box<Self> {
        Box::new(Self {
            transport: FramedTransport::new(stream, ResponseDecoder::new(Limits::default())),
            owner: None,
            pinned: false,
            credentials: UpstreamCredentials::Unauthenticated,
            host: upstream.host_header().into(),
            bindings,
            lasts: None,
            used: Instant::now(),
            busy: false,
            bodiless: false,
            reusable: None,
            early: None,
            begun: false,
            cut: false,
            token: None,
            attempt: None,
            accepted: None,
            limit: upstream.timeout,
            via: upstream.via.clone(),
        })
    }

    /// A new connection for `context`, signed in as far as that goes without a request. `target` is what will
    /// be asked for. For anonymous callers it is not signed in.
    pub(crate) async fn open(
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Box<Self>, UpstreamError> {
        let attempt = upstream.begin_auth(context, target).await?;
        let until = Instant::now() + upstream.timeout;
        let mut connection = Self::blank(upstream).await?;
        connection.attempt = attempt;
        let signed_in = timeout_at(until, connection.sign_in(upstream, context, target)).await;
        let signed_in = signed_in.unwrap_or(Err(NotOpened::Late(upstream.timeout)));
        signed_in.map_err(UpstreamError::from).inspect_err(|error| connection.not_signed_in(error))?;
        Ok(connection)
    }

    /// The same by one attempt that is made whatever is known of the server and the account, and that nothing is
    /// learned from.
    pub(crate) async fn open_once(
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Box<Self>, NotOpened> {
        let all = async {
            let mut connection = Self::blank_once(upstream).await?;
            connection.sign_in(upstream, context, target).await?;
            Ok(connection)
        };
        timeout(upstream.timeout, all).await.map_err(|_| NotOpened::Late(upstream.timeout))?
    }

    /// Whether a further request of `context` for what is at `target` may go on it, where it is known to serve
    /// them: with Basic each request signs in, and none goes with a password that was replaced.
    pub(crate) async fn signs_in_again(
        &mut self,
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<bool, UpstreamError> {
        let Some(held) = self.authenticates_requests() else { return Ok(true) };
        let current = upstream.identity.for_caller(context);
        if !current.account().is_some_and(|current| Arc::ptr_eq(held, current)) {
            return Ok(false);
        }
        if self.accepted.as_ref().is_some_and(|accepted| accepted.allows(directory(target))) {
            return Ok(true);
        }
        self.accepted = None;
        self.attempt = Box::pin(upstream.begin_auth(context, target)).await?;
        Ok(true)
    }

    /// The server answered a request with `status`, which is not 401: it accepted the sign-in, as far as that
    /// shows.
    pub(crate) fn answered_with(&mut self, status: u16) {
        if let Some(attempt) = self.attempt.take()
            && status < 500
        {
            // With a handshake no further request signs in.
            let accepted = attempt.succeeded();
            self.accepted = accepted.filter(|_| self.authenticates_requests().is_some());
        }
    }

    /// The account that authenticates each request, instead of the connection.
    fn authenticates_requests(&self) -> Option<&Arc<Account>> {
        self.credentials.account().filter(|account| account.authorization().is_some())
    }

    /// The service account's sign-in on it failed.
    pub(crate) fn not_signed_in(&mut self, error: &UpstreamError) {
        let accepted = self.accepted.take().map(AuthGrant::into_attempt);
        if let Some(attempt) = self.attempt.take().or(accepted)
            && error.is_account()
        {
            attempt.failed(error);
        }
    }

    /// Whether it may carry a request of `context`: it is theirs, nothing is under way, and the server has
    /// neither closed it nor sent a 408 or the like. What it finds out costs no waiting.
    pub(crate) async fn serves(&mut self, context: &SecurityContext) -> bool {
        self.owner.as_ref() == Some(context.identity()) && self.is_usable().await
    }

    /// Whether it has no owner, so that a client may sign in on it.
    pub(crate) async fn is_blank(&mut self) -> bool {
        self.owner.is_none() && !self.pinned && self.is_usable().await
    }

    /// Whether a handshake that began on it may go on.
    pub(crate) async fn is_in_handshake(&mut self) -> bool {
        self.owner.is_none() && self.pinned && self.is_usable().await
    }

    /// Whether nothing is under way on it, and the server has left it open.
    async fn is_usable(&mut self) -> bool {
        let in_time = self.lasts.is_none_or(|lasts| self.used.elapsed() < lasts);
        !self.busy && in_time && !self.transport.is_stale().await
    }

    /// Whether it carries anonymous requests.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.owner.as_ref().is_some_and(Identity::is_anonymous)
    }

    /// A handshake begins on it: from now on no other credentials are sent on it.
    pub(crate) const fn pin(&mut self) {
        self.pinned = true;
    }

    /// `context` signed in on it, and owns it from now on.
    pub(crate) fn belongs_to(&mut self, upstream: &HttpUpstream, context: &SecurityContext) {
        self.owner = Some(context.identity().clone());
        self.credentials = upstream.identity.for_caller(context);
    }

    /// Asks something that changes nothing, without a body. The answer's body is thrown away; says whether the
    /// connection may be used again.
    pub(crate) async fn probe(&mut self, head: &RequestHead) -> Result<(ResponseHead, bool), UpstreamError> {
        let limit = self.limit;
        let mut head = head.clone();
        self.via.add_to(&mut head.fields);
        let all = async {
            self.ask(&head, head.method() == "HEAD");
            self.transport.flush(limit).await.map_err(UpstreamError::closed)?;
            let (answer, _) = self.head().await?;
            let stays = self.drain().await? && self.end_response();
            Ok((answer, stays))
        };
        timeout(limit, all).await.map_err(|_| UpstreamError::Timeout(Timeout::Deadline))?
    }

    /// From now on it is of `context`. Where the service account signs in with a handshake, shakes hands up to the
    /// last leg, which goes with the next request ([MS-NTHT] 3.1).
    async fn sign_in(
        &mut self,
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<(), NotOpened> {
        self.belongs_to(upstream, context);
        match self.credentials.account().filter(|account| account.authorization().is_none()) {
            Some(account) => self.shake_hands(upstream, &Arc::clone(account), target).await,
            None => Ok(()),
        }
    }

    async fn shake_hands(
        &mut self,
        upstream: &HttpUpstream,
        account: &Account,
        target: &str,
    ) -> Result<(), NotOpened> {
        let mechanism = account.mechanism;
        let initiator = mechanism.initiator(&account.config, Channel::http(self.bindings));
        let mut initiator = initiator.map_err(|refusal| not_signed_in(&refusal))?;
        let first = token(initiator.step(&[], clock::now(), &mut OsRandom))?;
        let mut head = RequestHead::new("POST", target).ok_or(NotOpened::Target)?;
        head.fields.push("Host", upstream.host_header());
        head.fields.push("Authorization", http_auth::header(mechanism, &first));
        head.fields.push("Content-Length", "0");
        let (answer, stays) = self.probe(&head).await?;
        let answered = challenge(&answer.fields, mechanism);
        match (answer.status(), answered) {
            (401, Some(challenge)) if stays => {
                let last = token(initiator.step(&challenge, clock::now(), &mut OsRandom))?;
                self.token = Some(http_auth::header(mechanism, &last));
                Ok(())
            }
            (401, Some(_)) => Err(ServiceAuthError::ConnectionNotPersistent(mechanism).into()),
            (401, None) => Err(ServiceAuthError::unauthorized(mechanism, &answer.fields).into()),
            // A server that takes the first token proves itself with the last one.
            (status, last) => {
                let last = last.map(|last| initiator.step(&last, clock::now(), &mut OsRandom));
                match last {
                    Some(Ok(Step::Done { token: None, .. })) if stays => Ok(()),
                    _ => Err(ServiceAuthError::UnexpectedStatus { mechanism, status }.into()),
                }
            }
        }
    }

    /// Why the server refused what we sent with our account's credentials, by an answer with these `fields`.
    pub(crate) fn refused(&self, fields: &Fields) -> ServiceAuthError {
        match self.credentials.account() {
            Some(account) => ServiceAuthError::unauthorized(account.mechanism, fields),
            None => ServiceAuthError::NoCredentials,
        }
    }

    /// Puts a request's head where it will be sent from. The body follows it into the transport's output.
    pub(crate) fn ask(&mut self, head: &RequestHead, bodiless: bool) {
        head.write(&mut self.transport.out.bytes);
        self.transport.decoder.expect(bodiless);
        self.busy = true;
        self.bodiless = bodiless;
        self.reusable = None;
        self.begun = false;
    }

    /// The response's final head; those of interim responses are passed over.
    pub(crate) async fn head(&mut self) -> Result<(ResponseHead, Framing), UpstreamError> {
        loop {
            match self.transport.event().await? {
                Event::Head { head, framing } if head.status() >= 200 => {
                    self.begin_response(&head, framing);
                    return Ok((head, framing));
                }
                Event::Head { .. } | Event::Body(_) | Event::End => {}
            }
        }
    }

    /// Reads the answer to its end, and throws it away; false where it is too long for that, so that the
    /// connection is of no more use.
    async fn drain(&mut self) -> Result<bool, UpstreamError> {
        let mut left = DRAINED;
        loop {
            match self.transport.event().await? {
                Event::End => return Ok(true),
                Event::Body(piece) => match left.checked_sub(piece.wire().len()) {
                    Some(rest) => left = rest,
                    None => return Ok(false),
                },
                Event::Head { .. } => {}
            }
        }
    }

    /// The next event of the response as far as it is here; none where more has to come first. Interim heads are
    /// passed over.
    pub(crate) fn ready(&mut self) -> Option<ResponseEvent> {
        loop {
            let event = match self.early.take() {
                Some(early) => early,
                None => match self.transport.ready() {
                    Ok(Some(event)) => event,
                    // A response that the connection's end ends has its end by now.
                    Ok(None) if self.transport.has_ended() => {
                        return Some(closed("the server closed the connection"));
                    }
                    Ok(None) => return None,
                    Err(error @ http1::Error::CutOff) => return Some(closed(error)),
                    Err(error) => {
                        return Some(ResponseEvent::Failed(UpstreamError::protocol(error)));
                    }
                },
            };
            match event {
                Event::Head { head, framing } if head.status() >= 200 => {
                    self.begin_response(&head, framing);
                    return Some(ResponseEvent::Head(head, framing));
                }
                Event::Body(piece) if self.reusable.is_some() => return Some(ResponseEvent::Piece(piece)),
                Event::End if self.reusable.is_some() => return Some(ResponseEvent::End),
                Event::Head { .. } | Event::Body(_) | Event::End => {}
            }
        }
    }

    /// Notes what the final head of a response says of the connection.
    fn begin_response(&mut self, head: &ResponseHead, framing: Framing) {
        if let Some(lasts) = keep_alive(&head.fields) {
            self.lasts = Some(lasts);
        }
        let outlives = !self.bodiless || outlives_head(head);
        self.reusable = Some(head.keeps_alive() && framing != Framing::UntilClose && outlives);
    }

    /// The response is read to its end. Says whether the connection may carry another request.
    pub(crate) fn end_response(&mut self) -> bool {
        self.busy = false;
        self.used = Instant::now();
        self.transport.decoder.release();
        self.reusable.take() == Some(true) && !self.cut
    }
}

/// Whether a connection may carry another request behind a HEAD that was answered with `head`: some servers send the
/// body that it announces, and where the next response begins cannot be determined then.
fn outlives_head(head: &ResponseHead) -> bool {
    let length = head.fields.text("content-length").map(str::trim);
    let announces = head.fields.has("transfer-encoding") || length.is_some_and(|length| length != "0");
    !announces
}

fn closed(why: impl Into<Box<dyn Error + Send + Sync>>) -> ResponseEvent {
    ResponseEvent::Failed(UpstreamError::closed(why))
}

/// So much of a refusal is read to keep the connection.
const DRAINED: usize = 1 << 20;

fn not_signed_in(refusal: &AuthError) -> UpstreamError {
    UpstreamError::protocol(format!("signing in: {refusal}"))
}

fn token(step: Result<Step, AuthError>) -> Result<Vec<u8>, UpstreamError> {
    match step.map_err(|refusal| not_signed_in(&refusal))? {
        Step::Continue(token) | Step::Done { token: Some(token), .. } => Ok(token),
        Step::Done { token: None, .. } => Err(UpstreamError::protocol("the handshake ended too early")),
    }
}

/// The token of `mechanism` that the server answers with.
pub(crate) fn challenge(fields: &Fields, mechanism: Mechanism) -> Option<Vec<u8>> {
    let challenges = fields.all("www-authenticate").flat_map(http_auth::challenges);
    challenges.into_iter().find_map(|challenge| challenge.token(mechanism))
}
