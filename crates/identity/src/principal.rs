//! Names of principals, and the keys by which principals are compared.

use std::fmt;

use crate::accounts::fold_case;
use crate::counting_name::counting_form;

/// A user or service, with the name as its authority spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    user: Box<str>,
    domain: Box<str>,
}

impl Principal {
    /// A principal with these names. Only a [`SecurityContext`](crate::SecurityContext) proves that it authenticated.
    pub fn new(user: &str, domain: &str) -> Self {
        Self { user: user.into(), domain: domain.into() }
    }

    /// The account's name in its domain.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The domain's name; may be empty.
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

/// The normalized key of an identity, by which principals of one authority are compared.
pub(crate) struct Key {
    pub(crate) user: Box<str>,
    pub(crate) domain: Box<str>,
    pub(crate) way: Box<str>,
    /// The forms of user and domain by which limits are counted, if they are not those above.
    pub(crate) counted: Option<[Box<str>; 2]>,
}

impl Key {
    /// The key of a principal's names.
    pub(crate) fn name(principal: &Principal) -> Self {
        Self {
            user: without_case(&principal.user),
            domain: without_case(&principal.domain),
            way: Box::default(),
            counted: None,
        }
    }

    /// The key of the names that a client sent to a server, which may equate more names than the proxy does. Limits are
    /// counted by a form that such names share; identities are compared by the names.
    pub(crate) fn sent(principal: &Principal) -> Self {
        let user = counting_form(&principal.user).trim_start_matches('\\').into();
        let counted = Some([user, counting_form(&principal.domain).into()]);
        Self { counted, ..Self::name(principal) }
    }

    /// The key of an identifier within `place`, such as a tenant. Both are compared as they are spelled.
    pub(crate) fn identifier(identifier: &str, place: &str) -> Self {
        Self { user: identifier.into(), domain: place.into(), way: Box::default(), counted: None }
    }

    /// The same key, limited to one scheme or issuer of the authority.
    pub(crate) fn known_by(self, way: &str) -> Self {
        Self { way: way.into(), ..self }
    }
}

/// A name in the form in which names are compared: in upper case, except for letters whose upper case is also that of
/// another letter. For example `ı` stays, since `i` becomes `I`.
pub(crate) fn without_case(name: &str) -> Box<str> {
    let upper = fold_case(name);
    let folded = name.chars().zip(upper.chars()).map(|(given, upper)| {
        let leads_back = upper == given || upper.to_lowercase().eq([given]);
        if leads_back { upper } else { given }
    });
    folded.collect::<String>().into()
}
