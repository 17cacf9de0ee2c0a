//! Authenticates connections to the server with the service account, and records whether the server accepts it.

use std::sync::Arc;

use http1::{Fields, RequestHead};
use identity::{AuthError, Channel, Mechanism, OsRandom, SecurityContext, Step, http_auth};
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock;
use crate::gate::AuthGrant;
use crate::http::upstream::auth_error::ServiceAuthError;
use crate::http::upstream::config::{HttpUpstream, directory};
use crate::http::upstream::connection::{Reuse, ServiceHandshake, UpstreamConnection};
use crate::http::upstream::dial::NotOpened;
use crate::service_credentials::ServiceCredentials;
use crate::upstream_error::UpstreamError;

impl UpstreamConnection {
    /// A new connection for `context`, authenticated as far as that is possible without a request. `target` is what the
    /// first request is for. Connections for anonymous callers are not authenticated.
    pub(crate) async fn open(
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Box<Self>, UpstreamError> {
        let attempt = upstream.begin_auth(context, target).await?;
        let until = Instant::now() + upstream.timeout;
        let mut connection = Self::connect(upstream, Some(context.identity())).await?;
        connection.attempt = attempt;
        let authenticated = timeout_at(until, connection.authenticate(upstream, context, target)).await;
        let authenticated = authenticated.unwrap_or(Err(NotOpened::Timeout(upstream.timeout)));
        authenticated
            .map_err(UpstreamError::from)
            .inspect_err(|error| connection.record_auth_failure(error))?;
        Ok(connection)
    }

    /// Like [`Self::open`], in one attempt that disregards the gate and is not reported to it.
    pub(crate) async fn open_once(
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Box<Self>, NotOpened> {
        let all = async {
            let mut connection = Self::connect_once(upstream).await?;
            connection.authenticate(upstream, context, target).await?;
            Ok(connection)
        };
        timeout(upstream.timeout, all).await.map_err(|_| NotOpened::Timeout(upstream.timeout))?
    }

    /// When a further request of its owner for `target` may be sent on it. With Basic each request authenticates, which
    /// the gate has to permit, and requests with a replaced password must not be sent: the result is `None` then.
    pub(super) fn reuse_for(&self, target: &str) -> Option<Reuse> {
        let Some(held) = self.authenticates_requests() else { return Some(Reuse::AtOnce) };
        if held.is_replaced() {
            return None;
        }
        let is_granted = self.grant.as_ref().is_some_and(|grant| grant.allows(directory(target)));
        Some(if is_granted { Reuse::AtOnce } else { Reuse::AfterAuthentication })
    }

    /// Waits until the gate permits the authentication of a further request of its owner, `context`, for `target`.
    ///
    /// # Errors
    /// If the server refuses at present the account with which each request authenticates.
    pub(crate) async fn reauthenticate(
        &mut self,
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<(), UpstreamError> {
        self.grant = None;
        self.attempt = upstream.begin_auth(context, target).await?;
        Ok(())
    }

    /// The server responded with `status`, which is not 401. Only a status of success shows that the server accepted
    /// the authentication: it may send any other before it authenticates.
    pub(crate) fn record_response(&mut self, status: u16) {
        let attempt = self.attempt.take();
        let is_accepted =
            (200..300).contains(&status) && !matches!(self.handshake, ServiceHandshake::NotRequired(_));
        if is_accepted {
            self.handshake = ServiceHandshake::Settled;
        }
        let Some(attempt) = attempt else { return };
        if is_accepted {
            // After a handshake no further request authenticates.
            let grant = attempt.succeeded();
            self.grant = grant.filter(|_| self.authenticates_requests().is_some());
        } else {
            attempt.undecided();
        }
    }

    /// The authentication of the service account failed.
    pub(crate) fn record_auth_failure(&mut self, error: &UpstreamError) {
        let granted = self.grant.take().map(AuthGrant::into_attempt);
        match self.attempt.take().or(granted) {
            Some(attempt) if error.is_account() => attempt.failed(error),
            Some(attempt) => attempt.undecided(),
            None => {}
        }
    }

    /// The account that authenticates each request, instead of the connection.
    fn authenticates_requests(&self) -> Option<&Arc<ServiceCredentials>> {
        self.credentials.account().filter(|account| account.authorization().is_some())
    }

    /// Why the server refused the service account, by a response with these `fields`.
    pub(crate) fn auth_error(&self, fields: &Fields) -> ServiceAuthError {
        match (self.credentials.account(), self.handshake) {
            (Some(account), ServiceHandshake::NotRequired(status)) => {
                ServiceAuthError::NotChallenged { mechanism: account.mechanism, status }
            }
            (Some(account), _) => ServiceAuthError::unauthorized(account.mechanism, fields),
            (None, _) => ServiceAuthError::NoCredentials,
        }
    }

    /// Makes `context` the owner. If the service account authenticates with a handshake, carries that out but for its
    /// last token, which is sent with the next request ([MS-NTHT] 3.1).
    async fn authenticate(
        &mut self,
        upstream: &HttpUpstream,
        context: &SecurityContext,
        target: &str,
    ) -> Result<(), NotOpened> {
        self.set_owner(upstream, context);
        match self.credentials.account().filter(|account| account.authorization().is_none()) {
            Some(account) => self.handshake(upstream, &Arc::clone(account), target).await,
            None => Ok(()),
        }
    }

    async fn handshake(
        &mut self,
        upstream: &HttpUpstream,
        account: &ServiceCredentials,
        target: &str,
    ) -> Result<(), NotOpened> {
        let mechanism = account.mechanism;
        let initiator = mechanism.initiator(&account.config, Channel::http(self.bindings));
        let mut initiator = initiator.map_err(|error| handshake_failed(&error))?;
        let first = token(initiator.step(&[], clock::now(), &mut OsRandom))?;
        let mut head = RequestHead::new("POST", target).ok_or(NotOpened::Target)?;
        head.fields.push("Host", upstream.host_header());
        head.fields.push("Authorization", http_auth::header(mechanism, &first));
        head.fields.push("Content-Length", "0");
        let (response, stays) = self.probe(&head).await?;
        match (response.status(), challenge(&response.fields, mechanism)) {
            (401, Some(challenge)) if stays => {
                let last = token(initiator.step(&challenge, clock::now(), &mut OsRandom))?;
                self.last_token = Some(http_auth::header(mechanism, &last));
                self.handshake = ServiceHandshake::Unproven;
                Ok(())
            }
            (401, Some(_)) => Err(ServiceAuthError::ConnectionNotPersistent(mechanism).into()),
            (401, None) => Err(ServiceAuthError::unauthorized(mechanism, &response.fields).into()),
            (status, None) if stays && serves_anonymously(status) => {
                self.handshake = ServiceHandshake::NotRequired(status);
                Ok(())
            }
            // A server that accepts the first token authenticates itself with the last one.
            (status, last) => {
                let last = last.map(|last| initiator.step(&last, clock::now(), &mut OsRandom));
                match last {
                    Some(Ok(Step::Done { token: None, .. })) if stays => Ok(()),
                    _ => Err(ServiceAuthError::UnexpectedStatus { mechanism, status }.into()),
                }
            }
        }
    }
}

/// Whether a server that responds with `status` to the first token serves the target without authentication. The
/// request that carries the token is a POST, for which a server may not have the resource.
const fn serves_anonymously(status: u16) -> bool {
    matches!(status, 200..=399 | 404 | 405)
}

fn handshake_failed(error: &AuthError) -> UpstreamError {
    UpstreamError::protocol(format!("authentication at the server: {error}"))
}

fn token(step: Result<Step, AuthError>) -> Result<Vec<u8>, UpstreamError> {
    match step.map_err(|error| handshake_failed(&error))? {
        Step::Continue(token) | Step::Done { token: Some(token), .. } => Ok(token),
        Step::Done { token: None, .. } => {
            Err(UpstreamError::protocol("authentication at the server: no token to send"))
        }
    }
}

/// The server's token for `mechanism`.
fn challenge(fields: &Fields, mechanism: Mechanism) -> Option<Vec<u8>> {
    let challenges = fields.all("www-authenticate").flat_map(http_auth::challenges);
    challenges.into_iter().find_map(|challenge| challenge.token(mechanism))
}
