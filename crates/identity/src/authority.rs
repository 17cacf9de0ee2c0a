//! Authorities: the directories and servers that authenticate principals.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The directory or server that authenticates principals.
///
/// An authority equals its clones, and differs from each other authority, even of the same name. The code that
/// configures authentication creates it once, at start. Security contexts and identities do not expose it, so that
/// code without a clone of it cannot create an equal identity.
///
/// ```
/// # use identity::Authority;
/// let accounts = Authority::new("accounts");
/// assert_eq!(accounts, accounts.clone());
/// assert_ne!(accounts, Authority::new("accounts"));
/// ```
#[derive(Clone)]
pub struct Authority(Arc<Name>);

/// A separate type, so that each authority has its own allocation.
struct Name(Arc<str>);

impl Authority {
    /// Creates an authority. `name` is for logs only.
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Name(name.into())))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// Its name together with `source`, the scheme or issuer by which it identifies principals; `source` is empty if it
    /// has one.
    pub(crate) fn name_with(&self, source: &str) -> Arc<str> {
        if source.is_empty() { Arc::clone(&self.0.0) } else { format!("{self} by {source}").into() }
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Authority {}

impl Hash for Authority {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.name())
    }
}
