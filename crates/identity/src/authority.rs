//! Authorities: the directory or server that vouches for principals.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The directory or server that vouches for principals.
///
/// An authority is itself and its clones, and equals no other one: not even one of the same name. It is made
/// once, at start, by what configures the sign-in. No security context and no identity gives it out, so
/// that code which is not handed it cannot make an identity that equals one of its.
///
/// ```
/// # use identity::Authority;
/// let accounts = Authority::new("accounts");
/// assert_eq!(accounts, accounts.clone());
/// assert_ne!(accounts, Authority::new("accounts"));
/// ```
#[derive(Clone)]
pub struct Authority(Arc<Name>);

/// A type of its own, so that each is an allocation of its own.
struct Name(Arc<str>);

impl Authority {
    /// A new authority, which is called `name` in logs.
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Name(name.into())))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// What it is called where it knows people in this `way` of several; empty where there is one.
    pub(crate) fn by(&self, way: &str) -> Arc<str> {
        if way.is_empty() { Arc::clone(&self.0.0) } else { format!("{self} by {way}").into() }
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
