//! Sign-ins that pass through us: a client proves itself to the server, not to us.
//!
//! We cannot tell whether a password, a token or a response is right. The server can, and says so: it refuses a
//! request that comes without credentials (that it does is a [`Guarded`]), and takes the same request when it
//! comes with them. Nothing less makes a context here. What the client is called is read from its
//! credentials, where the server read it too.
//!
//! Two clients are one identity only where the server cannot but take them for one: the same name by the same
//! scheme, the same ticket, a token for the same account of the same issuer.

mod bearer;
mod scheme;
mod ticket;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use wire::{Decode as _, FileTime};
use zeroize::Zeroizing;

pub use self::scheme::Scheme;
use crate::authority::Authority;
use crate::context::{ActingLevel, Key, Principal, Proof, Proven, Registry, SecurityContext};
use crate::error::Refusal;
use crate::ntlm::{Authenticate, Challenge, NegotiateFlags, after};
use crate::spnego::{NegTokenInit, NegTokenResp};

/// The longest name that is taken from credentials, in bytes.
const LONGEST_NAME: usize = 512;

/// The longest token of a handshake, in bytes: Kerberos's tickets can be long.
const LONGEST_TOKEN: usize = 48 * 1024;

/// More legs than any handshake has.
const MOST_LEGS: u8 = 8;

/// Where sign-ins lead that pass through us.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the server is called in the identities that it vouches for.
    pub authority: Authority,
    /// How long a context lasts at most. `None`: as long as somebody holds it. That is the connection on
    /// which it was made, and each session and each piece of work that began under it, which may outlive the
    /// connection.
    pub lifetime: Option<Duration>,
    /// Where contexts are counted.
    pub registry: Arc<Registry>,
}

/// The server was seen to refuse a request that came without credentials. Without that, its taking one with
/// credentials would prove nothing.
#[derive(Debug, Clone, Copy)]
pub struct Guarded(());

impl Guarded {
    /// What the `status` of an answer to a request without credentials shows: only 401 asks for a sign-in.
    pub const fn by(status: u16) -> Option<Self> {
        if status == 401 { Some(Self(())) } else { None }
    }
}

/// A sign-in that waits for the client's next credentials.
pub struct SignIn {
    config: Arc<Config>,
    scheme: Scheme,
    said: Said,
}

/// A sign-in whose credentials were sent to the server, which has to answer.
pub struct Sent {
    sign_in: SignIn,
    /// The credentials themselves, where each request has them.
    credentials: Option<Zeroizing<Vec<u8>>>,
}

/// What was said so far, from which the name comes.
#[derive(Default)]
struct Said {
    legs: u8,
    /// The flags of an NTLM challenge, where that was the server's last token.
    challenged: Option<NegotiateFlags>,
    name: Option<Named>,
    /// A hash over the client's tokens.
    tokens: ticket::Fingerprint,
    /// The hash of the ticket in the only token.
    ticket: Option<ticket::Fingerprint>,
}

/// A name, by what it is told from others, who gave it, and until when it holds.
struct Named {
    principal: Principal,
    key: Key,
    by: String,
    expires: Option<FileTime>,
}

/// What the server says to credentials.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The answer's status.
    pub status: u16,
    /// The token behind the same scheme in `WWW-Authenticate`, decoded.
    pub token: Option<&'a [u8]>,
}

/// What became of a sign-in.
pub enum Outcome {
    /// The handshake goes on: the client is to answer the server's token.
    GoesOn(SignIn),
    /// The server took the credentials.
    Accepted(Accepted),
    /// The server refused them.
    Refused,
    /// The server leads elsewhere. So do those who answer a wrong password with a page to sign in on, so this
    /// proves nothing. Another request may.
    Redirected(Redirected),
    /// The answer does not say: the request failed for another reason, or whatever stands before the server
    /// gave the answer.
    Unclear,
}

/// A sign-in whose credentials the server neither refused nor took: it led elsewhere.
pub struct Redirected(Sent);

impl Redirected {
    /// The same credentials come with another request, which the server was seen to guard: each request has
    /// them itself, or, after a handshake, its connection does.
    pub fn again(self, _guarded: Guarded) -> Sent {
        self.0
    }
}

/// Who signed in, with the credentials that the server took, where each request has them.
pub struct Accepted {
    context: SecurityContext,
    credentials: Option<(Scheme, Zeroizing<Vec<u8>>)>,
}

impl Accepted {
    /// Who it is.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// Whether a request with these credentials is of the same person, and needs no new proof.
    pub fn covers(&self, scheme: Scheme, credentials: &[u8]) -> bool {
        let known = self.credentials.as_ref().filter(|(known, _)| *known == scheme);
        known.is_some_and(|(_, known)| known.as_slice().ct_eq(credentials).into())
    }
}

impl SignIn {
    /// A sign-in by `scheme` where the server is `guarded`.
    pub fn new(config: &Arc<Config>, scheme: Scheme, _guarded: Guarded) -> Self {
        Self { config: Arc::clone(config), scheme, said: Said::default() }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The client sends `credentials`, what stands behind the scheme in `Authorization`.
    ///
    /// # Errors
    /// When nobody can be named by them, or they are out of order. Then they must not reach the server.
    pub fn sent(mut self, credentials: &[u8]) -> Result<Sent, Refusal> {
        match self.scheme {
            Scheme::Basic => self.said.name = Some(basic(credentials)?),
            Scheme::Bearer => self.said.name = Some(bearer::name(credentials)?),
            Scheme::Ntlm | Scheme::Negotiate => {
                let token = STANDARD.decode(credentials).map_err(|_| Refusal::Unnamed("no base64"))?;
                self.said.client(self.scheme, &token)?;
            }
        }
        let kept = !self.scheme.is_handshake();
        let credentials = kept.then(|| Zeroizing::new(credentials.to_vec()));
        Ok(Sent { sign_in: self, credentials })
    }
}

impl Sent {
    /// The server answers.
    pub fn answered(mut self, answer: Answer<'_>, now: FileTime) -> Outcome {
        match (answer.status, answer.token) {
            (401, Some(token)) if self.sign_in.scheme.is_handshake() && !token.is_empty() => {
                self.sign_in.said.server(token);
                Outcome::GoesOn(self.sign_in)
            }
            (401, _) => Outcome::Refused,
            // What whoever reads requests before the server says of the credentials' size or shape is not among
            // these, nor is what fails.
            (200..=299 | 404 | 405 | 406 | 411 | 415, _) => self.accepted(now),
            (300..=399, _) => Outcome::Redirected(Redirected(self)),
            _ => Outcome::Unclear,
        }
    }

    fn accepted(self, now: FileTime) -> Outcome {
        let Self { sign_in: SignIn { config, scheme, said }, credentials } = self;
        let Named { principal, key, by, expires } = said.named();
        let ends = config.lifetime.map(|lifetime| after(now, lifetime));
        let proven = Proven {
            principal,
            proof: Proof::Relayed,
            level: ActingLevel::Impersonate,
            authority: config.authority.clone(),
            expires: ends.into_iter().chain(expires).min(),
            session_key: None,
        };
        let context = SecurityContext::known_by(key.known_by(&by), proven, &config.registry);
        Outcome::Accepted(Accepted { context, credentials: credentials.map(|kept| (scheme, kept)) })
    }
}

impl Said {
    /// Takes a token of the client's.
    fn client(&mut self, scheme: Scheme, token: &[u8]) -> Result<(), Refusal> {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(Refusal::Unnamed("no token, or one that is too long"));
        }
        self.legs = self.legs.saturating_add(1);
        if self.legs > MOST_LEGS {
            return Err(Refusal::OutOfOrder { expected: "the handshake's end" });
        }
        self.tokens = self.tokens.then(token);
        self.ticket = if self.legs == 1 { ticket::of(token) } else { None };
        let inner = inner(token);
        let message = if scheme == Scheme::Ntlm { Some(token) } else { inner.as_deref() };
        let challenged = std::mem::take(&mut self.challenged);
        let message = message.and_then(|message| Authenticate::from_bytes(message).ok());
        match (message, challenged) {
            // The one message with a name in it is an answer to a challenge, and there is no second.
            (Some(message), Some(flags)) if self.name.is_none() => {
                let unicode = NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE;
                if message.flags.contains(unicode) != flags.contains(unicode) {
                    return Err(Refusal::Unnamed("a name in another character set than was agreed upon"));
                }
                self.name = Some(named(&message.user()?, &message.domain()?, "NTLM")?);
                Ok(())
            }
            (Some(_), _) => Err(Refusal::OutOfOrder { expected: "another message" }),
            (None, Some(_)) => Err(Refusal::OutOfOrder { expected: "an authenticate message" }),
            (None, None) => Ok(()),
        }
    }

    /// Takes a token of the server's.
    fn server(&mut self, token: &[u8]) {
        let inner = inner(token);
        let message = inner.as_deref().unwrap_or(token);
        self.challenged = Challenge::from_bytes(message).ok().map(|challenge| challenge.flags);
    }

    fn named(self) -> Named {
        self.name.unwrap_or_else(|| {
            let (kind, print) = match self.ticket {
                Some(ticket) => ("Kerberos ticket", ticket),
                None => ("sign-in", self.tokens),
            };
            let principal = Principal::new(&format!("{kind} {print}"), "");
            Named { key: Key::name(&principal), principal, by: "Negotiate".to_owned(), expires: None }
        })
    }
}

/// What a Bearer token calls its owner, where it says; not proven.
pub(crate) fn owner_of_token(token: &[u8]) -> Option<String> {
    bearer::name(token).ok().map(|named| named.principal.to_string())
}

/// The mechanism's token within SPNEGO's.
pub(crate) fn inner(token: &[u8]) -> Option<Vec<u8>> {
    if token.starts_with(b"NTLMSSP\0") {
        return Some(token.to_vec());
    }
    match NegTokenInit::from_bytes(token) {
        Ok(init) => init.mech_token,
        Err(_) => NegTokenResp::from_bytes(token).ok()?.response_token,
    }
}

/// The name in Basic credentials, as it is sent.
fn basic(credentials: &[u8]) -> Result<Named, Refusal> {
    let text = Zeroizing::new(STANDARD.decode(credentials).map_err(|_| Refusal::Unnamed("no base64"))?);
    let name = text.split(|byte| *byte == b':').next().filter(|name| name.len() < text.len());
    let name = name.ok_or(Refusal::Unnamed("no colon behind the name"))?;
    // What other bytes than UTF-8 mean, the server alone knows.
    let name = std::str::from_utf8(name).map_err(|_| Refusal::Unnamed("a name that is not UTF-8"))?;
    let (domain, user) = name.split_once('\\').unwrap_or(("", name));
    named(user, domain, "Basic")
}

/// Whether a name can be shown.
fn fits(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

fn named(user: &str, domain: &str, by: &str) -> Result<Named, Refusal> {
    if user.is_empty() {
        return Err(Refusal::Anonymous);
    }
    if !fits(user) || !fits(domain) {
        return Err(Refusal::Unnamed("a name that is too long or has controls in it"));
    }
    let principal = Principal::new(user, domain);
    Ok(Named { key: Key::name(&principal), principal, by: by.to_owned(), expires: None })
}

#[cfg(test)]
mod tests;
