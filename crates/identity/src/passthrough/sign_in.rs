//! The course of one sign-in: credentials go to the server, its answers come back, and a context is made of them
//! or not.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use thiserror::Error;
use wire::FileTime;
use zeroize::Zeroizing;

use super::config::Config;
use super::named::Named;
use super::proof::{Answer, Guarded, Probe, refuses};
use super::transcript::Transcript;
use crate::context::{ActingLevel, Proof, Proven, SecurityContext};
use crate::error::Refusal;
use crate::http_auth;
use crate::mechanism::Mechanism;
use crate::package::Scope;
use crate::random::{Random, RandomError};

/// A sign-in that waits for the client's next credentials.
pub struct SignIn {
    config: Arc<Config>,
    mechanism: Mechanism,
    probe: Probe,
    transcript: Box<dyn Transcript>,
}

/// A sign-in whose request was sent to the server, which has to answer.
pub struct Sent {
    sign_in: SignIn,
    /// The credentials themselves, where each request has them.
    credentials: Option<Zeroizing<Vec<u8>>>,
    /// Whether a handshake came to its end on the connection, so that its requests need no credentials.
    signed_in: bool,
}

/// What became of a sign-in.
pub enum Outcome {
    /// The handshake goes on: the client is to answer the server's token.
    GoesOn(SignIn),
    /// The handshake is over. Whether the server took it shows the same request on its connection.
    Again(Again),
    /// The answer does not show that the server carried the request out: it leads elsewhere, or is of what stands
    /// before the server. Another request may show it.
    Elsewhere(Elsewhere),
    /// The server carried the request out. That it does so for these credentials alone is to be seen still.
    Taken(Taken),
    /// The server refused the credentials, or they are of no use; why.
    Refused(Refusal),
    /// The answer does not say: the request failed for another reason, or whatever stands before the server
    /// gave the answer.
    Unclear,
}

/// A handshake that is over, so far as the client's tokens go.
pub struct Again(Sent);

impl Again {
    /// The same request comes on the handshake's connection, without credentials.
    pub fn sent(self) -> Sent {
        self.0
    }
}

/// A sign-in whose request the server neither refused nor was seen to carry out.
pub struct Elsewhere(Sent);

impl Elsewhere {
    /// Whether the handshake's connection is signed in, so that the next request comes without credentials.
    pub const fn is_signed_in(&self) -> bool {
        self.0.signed_in
    }

    /// The same credentials come with another request, which the server is seen to guard: each request has
    /// them itself, or, after a handshake, its connection does.
    ///
    /// # Errors
    /// When the server guards a PING and the other request is none: an answer to a PING without its headers is
    /// that of a gateway, which would answer a GET as well.
    pub fn by(self, guarded: &Guarded) -> Result<Sent, Unproven> {
        let Self(sent) = self;
        if sent.sign_in.probe != guarded.probe {
            return Err(Unproven::Silent);
        }
        Ok(sent)
    }
}

/// Credentials with which the server carried a request out.
pub struct Taken {
    name: Named,
    config: Arc<Config>,
    mechanism: Mechanism,
    probe: Probe,
    credentials: Option<Zeroizing<Vec<u8>>>,
}

/// What shows whether the server took credentials, or whatever came.
pub enum Checked {
    /// Who signed in.
    Accepted(Accepted),
    /// Something is to be seen still: that the server refuses credentials which are made up.
    Control(Box<Control>),
}

/// Made-up credentials, which the server has to refuse with the same request.
pub struct Control {
    taken: Taken,
    value: Zeroizing<String>,
}

/// Why the server's taking credentials proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unproven {
    /// A request without credentials is answered otherwise than by 401, after one was refused.
    #[error(
        "a request without credentials, which was refused before, is answered with status {0}: the server or a \
         gateway before it is changing, or shares connections between clients"
    )]
    Open(u16),
    /// Made-up credentials are answered otherwise than by 401.
    #[error(
        "made-up credentials are answered with status {0} instead of 401: a gateway before the server answers \
         without asking it"
    )]
    Indifferent(u16),
    /// No PING with the credentials is answered as MAPI over HTTP has it.
    #[error(
        "a PING with the client's credentials is not answered with the headers of MAPI over HTTP, so that it can't \
         be told whether the server or a gateway before it gave the answer"
    )]
    Silent,
    /// There is no randomness to make credentials up from.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl SignIn {
    /// A sign-in by `mechanism` where the server is `guarded`.
    ///
    /// # Errors
    /// When the server does not offer the mechanism, or we do not pass it through, or the server was seen to be guarded too long ago.
    pub fn new(
        config: &Arc<Config>,
        mechanism: Mechanism,
        guarded: &Guarded,
        now: FileTime,
    ) -> Result<Self, Refusal> {
        let scheme = mechanism.http_scheme().ok_or(Refusal::NoMechanism)?;
        if !guarded.offers(mechanism) {
            return Err(Refusal::NotOffered(scheme));
        }
        if !guarded.holds(now) {
            return Err(Refusal::OutOfOrder { expected: "a request without credentials" });
        }
        let (config, probe) = (Arc::clone(config), guarded.probe);
        let transcript = mechanism.transcript().ok_or(Refusal::NoMechanism)?;
        Ok(Self { config, mechanism, probe, transcript })
    }

    /// The mechanism.
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The client sends `credentials`, what stands behind the scheme in `Authorization`.
    ///
    /// # Errors
    /// When no user can be read from them, or they are out of order. Then they must not reach the server.
    pub fn sent(mut self, credentials: &[u8]) -> Result<Sent, Refusal> {
        self.transcript.client(&self.mechanism.read_http(credentials)?)?;
        let kept = self.mechanism.scope() == Scope::Request;
        let credentials = kept.then(|| Zeroizing::new(credentials.to_vec()));
        Ok(Sent { sign_in: self, credentials, signed_in: false })
    }
}

impl Sent {
    /// The server answers.
    pub fn answered(mut self, answer: &Answer<'_>, now: FileTime) -> Outcome {
        let in_handshake = self.sign_in.mechanism.scope() == Scope::Connection && !self.signed_in;
        match answer.status {
            401 => match answer.token.filter(|token| in_handshake && !token.is_empty()) {
                Some(token) if self.sign_in.transcript.server(token) => Outcome::GoesOn(self.sign_in),
                _ => Outcome::Refused(Refusal::Rejected),
            },
            200..=399 | 404 | 405 | 406 | 411 | 415 if in_handshake => self.ended(answer),
            _ if self.sign_in.probe.carried_out(answer) => self.taken(now),
            // Statuses by which a gateway rejects the size or the syntax of credentials are not among these, nor are
            // server errors.
            200..=399 | 404 | 405 | 406 | 411 | 415 => Outcome::Elsewhere(Elsewhere(self)),
            _ => Outcome::Unclear,
        }
    }

    /// The server answers a leg of a handshake by something else than 401.
    fn ended(mut self, answer: &Answer<'_>) -> Outcome {
        if !self.sign_in.transcript.allows(answer.token) {
            return Outcome::Refused(Refusal::Rejected);
        }
        if !self.sign_in.transcript.is_named() {
            // The server accepted a handshake without a user name, or a gateway did that read none of it.
            return Outcome::Unclear;
        }
        self.signed_in = true;
        Outcome::Again(Again(self))
    }

    fn taken(self, now: FileTime) -> Outcome {
        let Self { sign_in: SignIn { config, mechanism, probe, transcript }, credentials, .. } = self;
        let Some(name) = transcript.named() else { return Outcome::Unclear };
        if name.expires.is_some_and(|expires| expires <= now) {
            return Outcome::Refused(Refusal::Unnamed("a token that has expired"));
        }
        Outcome::Taken(Taken { name, config, mechanism, probe, credentials })
    }
}

impl Taken {
    /// The server answers the same request, which came without credentials on a fresh connection.
    ///
    /// # Errors
    /// When it does not refuse it.
    pub fn refused_again(
        self,
        answer: &Answer<'_>,
        now: FileTime,
        random: &mut dyn Random,
    ) -> Result<Checked, Unproven> {
        if !refuses(answer) {
            return Err(Unproven::Open(answer.status));
        }
        if self.probe == Probe::Ping {
            return Ok(Checked::Accepted(self.accepted(now)));
        }
        let value = made_up(self.mechanism, random)?;
        Ok(Checked::Control(Box::new(Control { taken: self, value })))
    }

    fn accepted(self, now: FileTime) -> Accepted {
        let Self { name: Named { principal, key, by, expires }, config, mechanism, probe, credentials } =
            self;
        let ends = config.lifetime.map(|lifetime| now.after(lifetime));
        let proven = Proven {
            principal,
            proof: Proof::Relayed,
            level: ActingLevel::Impersonate,
            authority: config.authority.clone(),
            expires: ends.into_iter().chain(expires).min(),
            session_key: None,
            standing: None,
        };
        let context = SecurityContext::known_by(key.known_by(&by), proven, &config.registry);
        Accepted { context, probe, credentials: credentials.map(|kept| (mechanism, kept)) }
    }
}

impl Control {
    /// What stands in `Authorization`.
    pub fn authorization(&self) -> &str {
        &self.value
    }

    /// The server answers the request that came with them.
    ///
    /// # Errors
    /// When it does not refuse it. A token that is none of its mechanism's may be refused as a bad request, too.
    pub fn answered(self, answer: &Answer<'_>, now: FileTime) -> Result<Accepted, Unproven> {
        let is_handshake = self.taken.mechanism.scope() == Scope::Connection;
        let refused = refuses(answer) || (is_handshake && answer.status >= 400);
        if refused { Ok(self.taken.accepted(now)) } else { Err(Unproven::Indifferent(answer.status)) }
    }
}

/// A value of `Authorization` with random credentials, which no account has.
fn made_up(mechanism: Mechanism, random: &mut dyn Random) -> Result<Zeroizing<String>, RandomError> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(Zeroizing::new(http_auth::header(mechanism, &mechanism.made_up(&bytes))))
}

/// Who signed in, with the credentials that the server took, where each request has them.
pub struct Accepted {
    context: SecurityContext,
    probe: Probe,
    credentials: Option<(Mechanism, Zeroizing<Vec<u8>>)>,
}

impl Accepted {
    /// Who it is.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// By which request they were seen to be taken.
    pub const fn probe(&self) -> Probe {
        self.probe
    }

    /// Whether a request with these credentials is of the same person, and needs no new proof.
    pub fn covers(&self, mechanism: Mechanism, credentials: &[u8]) -> bool {
        let known = self.credentials.as_ref().filter(|(known, _)| *known == mechanism);
        known.is_some_and(|(_, known)| known.as_slice().ct_eq(credentials).into())
    }
}
