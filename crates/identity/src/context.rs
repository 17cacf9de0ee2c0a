//! Security contexts: the proof that a principal has authenticated.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use thiserror::Error;
use wire::{FileTime, Now};

use crate::account_status::AccountStatus;
use crate::authority::Authority;
use crate::context_counters::ContextCounters;
use crate::principal::{Key, Principal};
use crate::secret::SessionKey;

/// How a principal was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// The proxy itself, without authentication.
    System,
    /// An anonymous caller, without authentication.
    Anonymous,
    /// By a mechanism, with its name for logs: `NTLMv2`, `SPNEGO with NTLMv2`.
    Mechanism(&'static str),
    /// By the server, which accepted the client's own credentials.
    PassThrough,
}

/// What the holder of a context may do for its principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActingLevel {
    /// Make decisions by the principal's identity, without acting as the principal.
    Identify,
    /// Act as the principal on this machine.
    Impersonate,
    /// Act as the principal at other servers, with the principal's own credentials.
    Delegate,
}

/// Why a context is no longer valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContextError {
    /// Its lifetime has ended.
    #[error("expired security context")]
    Expired,
    /// It was revoked: the server later refused the credentials or closed the connection that a handshake had
    /// authenticated (pass-through authentication), or the account was removed, disabled or given another password.
    #[error("revoked security context")]
    Revoked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    System,
    Anonymous,
    Person,
}

/// The key of a user, which all limits for one user are counted by: a principal at its authority, whatever the level
/// at which the client permits the proxy to act. What belongs to one session is bound to the full [`Identity`].
///
/// The authority is compared as the object that it is, not by its name: see [`Authority`].
///
/// Names are compared without regard to case, as directories compare them. Distinct letters with the same upper case
/// stay distinct. An identifier that an authority uses instead of a name is compared as it is spelled. In
/// pass-through authentication only the server knows which names are equal. Names that differ only in case, marks,
/// width or invisible characters, or in the kind of credentials, have one key there, and different
/// [identities](Identity).
///
/// A cheap handle, which is compared and hashed without reading the names in most cases.
#[derive(Clone)]
pub struct UserKey(Arc<HashedUser>);

/// A user, and the keyed hash of it.
struct HashedUser {
    user: User,
    hash: u64,
}

/// The parts of a [`UserKey`].
#[derive(PartialEq, Eq, Hash)]
struct User {
    kind: Kind,
    name: Box<str>,
    domain: Box<str>,
    authority: Authority,
    /// The scheme or issuer by which the authority identifies the user, if it has several.
    source: Box<str>,
}

impl UserKey {
    fn new(user: User) -> Self {
        // The key of the hash is random, so that clients cannot choose names with equal hashes.
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let hash = STATE.hash_one(&user);
        Self(Arc::new(HashedUser { user, hash }))
    }
}

impl PartialEq for UserKey {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        Arc::ptr_eq(one, other) || (one.hash == other.hash && one.user == other.user)
    }
}

impl Eq for UserKey {}

impl Hash for UserKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let User { name, domain, authority, source, .. } = &self.0.user;
        write!(f, "{domain}\\{name} by {}", authority.name_with(source))
    }
}

/// The key that two security contexts of one principal, one authority and one level share.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    user: UserKey,
    /// The names and their scheme, if the user's key does not distinguish them.
    sent: Option<Arc<SentName>>,
    level: ActingLevel,
}

/// The normalized names that a client sent to a server, and the scheme.
#[derive(PartialEq, Eq, Hash)]
struct SentName {
    user: Box<str>,
    domain: Box<str>,
    source: Box<str>,
}

impl Identity {
    /// The user, at whatever level: limits for one user are counted by this key.
    pub const fn user(&self) -> &UserKey {
        &self.user
    }

    /// Whether it is that of anonymous callers.
    pub fn is_anonymous(&self) -> bool {
        self.user.0.user.kind == Kind::Anonymous
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, level, .. } = self;
        write!(f, "Identity({user:?}, {level:?})")
    }
}

/// Proof of the caller's identity: a principal, how it was authenticated, and the level at which the proxy may act
/// for it. A cheap handle; all clones are one context, which closes with the last clone.
///
/// [`SecurityContext::system`] and [`SecurityContext::anonymous`] belong to no user. All other contexts are created
/// by a completed handshake or pass-through authentication.
#[derive(Clone)]
pub struct SecurityContext {
    inner: Arc<Inner>,
}

struct Inner {
    principal: Principal,
    identity: Identity,
    /// The name of the authority, with the scheme or issuer.
    authority_name: Arc<str>,
    proof: Proof,
    expiry: Expiry,
    session_key: Option<SessionKey>,
    /// That of the account; `None` if no directory of the proxy authenticated the principal.
    status: Option<AccountStatus>,
    revoked: AtomicBool,
    contexts: Arc<ContextCounters>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.contexts.note_closed();
    }
}

/// When a context expires; by default it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expiry {
    /// When its credentials expire, by the wall clock, as those who issued them state it.
    pub(crate) credentials: Option<FileTime>,
    /// When its lifetime ends, by the monotonic clock: a clock that is set neither ends nor prolongs it.
    pub(crate) lifetime: Option<Duration>,
}

impl Expiry {
    /// The end of a `lifetime` that begins at `now`.
    pub(crate) fn after(lifetime: Option<Duration>, now: Now) -> Self {
        Self { credentials: None, lifetime: lifetime.map(|lifetime| now.monotonic.saturating_add(lifetime)) }
    }

    fn is_over(self, now: impl FnOnce() -> Now) -> bool {
        let Self { credentials, lifetime } = self;
        if credentials.is_none() && lifetime.is_none() {
            return false;
        }
        let now = now();
        credentials.is_some_and(|end| now.wall >= end) || lifetime.is_some_and(|end| now.monotonic >= end)
    }
}

/// What is known of the caller of a new context.
pub(crate) struct Proven {
    pub(crate) principal: Principal,
    pub(crate) proof: Proof,
    pub(crate) level: ActingLevel,
    pub(crate) authority: Authority,
    pub(crate) expiry: Expiry,
    pub(crate) session_key: Option<SessionKey>,
    /// That of the account; `None` if no directory of the proxy authenticated the principal.
    pub(crate) status: Option<AccountStatus>,
}

impl SecurityContext {
    /// The context of the proxy's own work, which belongs to no user.
    pub fn system(contexts: &Arc<ContextCounters>) -> Self {
        Self::open(
            Kind::System,
            Proven {
                principal: Principal::new("SYSTEM", ""),
                proof: Proof::System,
                level: ActingLevel::Impersonate,
                authority: contexts.system().clone(),
                expiry: Expiry::default(),
                session_key: None,
                status: None,
            },
            contexts,
        )
    }

    /// The context of anonymous callers, if the configuration admits them.
    pub fn anonymous(contexts: &Arc<ContextCounters>, authority: &Authority) -> Self {
        Self::anonymous_with_key(contexts, authority, None)
    }

    pub(crate) fn anonymous_with_key(
        contexts: &Arc<ContextCounters>,
        authority: &Authority,
        session_key: Option<SessionKey>,
    ) -> Self {
        Self::open(
            Kind::Anonymous,
            Proven {
                principal: Principal::new("ANONYMOUS", ""),
                proof: Proof::Anonymous,
                level: ActingLevel::Identify,
                authority: authority.clone(),
                expiry: Expiry::default(),
                session_key,
                status: None,
            },
            contexts,
        )
    }

    pub(crate) fn proven(proven: Proven, contexts: &Arc<ContextCounters>) -> Self {
        Self::open(Kind::Person, proven, contexts)
    }

    /// The context of a user who is identified by `key`; the name is for display only.
    pub(crate) fn known_by(key: Key, proven: Proven, contexts: &Arc<ContextCounters>) -> Self {
        Self::keyed(Kind::Person, key, proven, contexts)
    }

    fn open(kind: Kind, proven: Proven, contexts: &Arc<ContextCounters>) -> Self {
        Self::keyed(kind, Key::name(&proven.principal), proven, contexts)
    }

    fn keyed(kind: Kind, key: Key, proven: Proven, contexts: &Arc<ContextCounters>) -> Self {
        let Proven { principal, proof, level, authority, expiry, session_key, status } = proven;
        let Key { user, domain, source, counted } = key;
        let authority_name = authority.name_with(&source);
        let (user, domain, source, sent) = match counted {
            None => (user, domain, source, None),
            Some([counted_user, counted_domain]) => {
                let sent = Some(Arc::new(SentName { user, domain, source }));
                (counted_user, counted_domain, Box::default(), sent)
            }
        };
        let user = UserKey::new(User { kind, name: user, domain, authority, source });
        let identity = Identity { user, sent, level };
        contexts.note_opened();
        let contexts = Arc::clone(contexts);
        let revoked = AtomicBool::new(false);
        Self {
            inner: Arc::new(Inner {
                principal,
                identity,
                authority_name,
                proof,
                expiry,
                session_key,
                status,
                revoked,
                contexts,
            }),
        }
    }

    /// The authenticated principal.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// The identity, to which sessions are bound.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// How the principal was authenticated.
    pub fn proof(&self) -> Proof {
        self.inner.proof
    }

    /// The level at which the client permits the proxy to act. The proxy serves clients at each level: see
    /// ARCHITECTURE.md, "Impersonation level".
    pub fn level(&self) -> ActingLevel {
        self.inner.identity.level
    }

    /// The name of the directory or server that authenticated the principal. Several may have the same name:
    /// identities are compared by the [`Authority`] itself.
    pub fn authority(&self) -> &str {
        &self.inner.authority_name
    }

    /// The session key of the handshake; `None` without a handshake.
    pub fn session_key(&self) -> Option<&SessionKey> {
        self.inner.session_key.as_ref()
    }

    /// Whether this is the proxy's own context.
    pub fn is_system(&self) -> bool {
        self.inner.identity.user.0.user.kind == Kind::System
    }

    /// Whether this is the context of an anonymous caller.
    pub fn is_anonymous(&self) -> bool {
        self.inner.identity.is_anonymous()
    }

    /// Whether both are clones of one context.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Succeeds while the context is valid. Work under an invalid context is refused, and never done with fewer
    /// rights.
    ///
    /// # Errors
    /// Once it has expired at `now`, which is read only if it can expire, or once it or its account was revoked.
    pub fn check(&self, now: impl FnOnce() -> Now) -> Result<(), ContextError> {
        if self.is_revoked() {
            return Err(ContextError::Revoked);
        }
        if self.inner.expiry.is_over(now) { Err(ContextError::Expired) } else { Ok(()) }
    }

    /// Whether the context was revoked, or its account removed, disabled or given another password.
    pub fn is_revoked(&self) -> bool {
        self.inner.revoked.load(Ordering::Acquire)
            || self.inner.status.as_ref().is_some_and(AccountStatus::is_revoked)
    }

    /// Revokes the context in all clones: [`SecurityContext::check`] fails from now on.
    pub fn revoke(&self) {
        self.inner.revoked.store(true, Ordering::Release);
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext")
            .field("principal", &self.inner.principal.to_string())
            .field("authority", &self.inner.authority_name)
            .field("proof", &self.inner.proof)
            .field("level", &self.inner.identity.level)
            .field("expiry", &self.inner.expiry)
            .field("session_key", &self.inner.session_key)
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
