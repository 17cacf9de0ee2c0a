//! Names of principals, and the keys that they are compared by.

use std::fmt;

use crate::accounts::fold_case;

/// Somebody, as the authority that vouches for them spells the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    user: Box<str>,
    domain: Box<str>,
}

impl Principal {
    /// A principal's names. A name proves nothing: only a [`SecurityContext`](crate::SecurityContext) does.
    pub fn new(user: &str, domain: &str) -> Self {
        Self { user: user.into(), domain: domain.into() }
    }

    /// The account's name in its domain.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The domain's name; empty where there is none.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}\\", self.domain)?;
        }
        f.write_str(&self.user)
    }
}

/// The normalized key of an identity: what two principals of one authority are compared by.
pub(crate) struct Key {
    pub(crate) user: Box<str>,
    pub(crate) domain: Box<str>,
    pub(crate) way: Box<str>,
}

impl Key {
    /// By the names.
    pub(crate) fn name(principal: &Principal) -> Self {
        Self {
            user: without_case(&principal.user),
            domain: without_case(&principal.domain),
            way: Box::default(),
        }
    }

    /// By an identifier in a place: neither is a name, so each is compared as it is spelled.
    pub(crate) fn identifier(identifier: &str, place: &str) -> Self {
        Self { user: identifier.into(), domain: place.into(), way: Box::default() }
    }

    /// The same, as the authority knows it in one of several ways, such as by a scheme.
    pub(crate) fn known_by(self, way: &str) -> Self {
        Self { way: way.into(), ..self }
    }
}

/// A name in the form in which names are compared: in upper case, except for letters whose upper case is also that of another
/// letter. For example `ı` stays, since `i` becomes `I`.
pub(crate) fn without_case(name: &str) -> Box<str> {
    let upper = fold_case(name);
    let folded = name.chars().zip(upper.chars()).map(|(given, upper)| {
        let leads_back = upper == given || upper.to_lowercase().eq([given]);
        if leads_back { upper } else { given }
    });
    folded.collect::<String>().into()
}
