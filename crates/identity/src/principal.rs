//! Names of principals, and the keys by which principals are compared.

use std::fmt;

use crate::accounts::fold_case;
use crate::counting_name::counting_form;
use crate::shown_name::write_name;

/// A user or service, with the name as its authority spells it or, in pass-through authentication, as the client sent
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    user: Box<str>,
    domain: Box<str>,
    /// The issuer of the token that has the name, empty if it is unknown; `None` if a directory has it.
    issuer: Option<Box<str>>,
}

impl Principal {
    /// A principal with these names. Only a [`SecurityContext`](crate::SecurityContext) proves that it authenticated.
    pub fn new(user: &str, domain: &str) -> Self {
        Self { user: user.into(), domain: domain.into(), issuer: None }
    }

    /// The owner of a token, whose name its `issuer` chose; the issuer is empty if it is unknown.
    pub(crate) fn of_token(user: &str, issuer: &str) -> Self {
        Self { issuer: Some(issuer.into()), ..Self::new(user, "") }
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
    /// The name as one word of one line: `DOMAIN\user`, or `token:user:issuer` for the owner of a token. A name with
    /// characters that are unusual in names, such as blanks and colons, is in quotes, with those that could be
    /// misleading escaped, so that no name looks like a field of the line, or like that of another principal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(issuer) = &self.issuer else {
            let separator = if self.domain.is_empty() { "" } else { "\\" };
            return write_name(f, &[&self.domain, separator, &self.user]);
        };
        f.write_str("token:")?;
        write_name(f, &[&self.user])?;
        if issuer.is_empty() {
            return Ok(());
        }
        f.write_str(":")?;
        write_name(f, &[issuer])
    }
}

/// The normalized key of an identity, by which principals of one authority are compared.
pub(crate) struct Key {
    pub(crate) user: Box<str>,
    pub(crate) domain: Box<str>,
    /// The scheme or issuer by which the authority identifies the user; empty if it has one.
    pub(crate) source: Box<str>,
    /// The forms of user and domain by which limits are counted, if they are not those above.
    pub(crate) counted: Option<[Box<str>; 2]>,
}

impl Key {
    /// The key of a principal's names.
    pub(crate) fn name(principal: &Principal) -> Self {
        Self {
            user: without_case(&principal.user),
            domain: without_case(&principal.domain),
            source: Box::default(),
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
        Self { user: identifier.into(), domain: place.into(), source: Box::default(), counted: None }
    }

    /// The same key, limited to one scheme or issuer of the authority.
    pub(crate) fn known_by(self, source: &str) -> Self {
        Self { source: source.into(), ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_shown_as_one_word_that_no_other_has() {
        let named = |user: &str, domain: &str| Principal::new(user, domain).to_string();
        let in_token = |user: &str, issuer: &str| Principal::of_token(user, issuer).to_string();
        assert_eq!(named("alice", "LAB"), r"LAB\alice");
        assert_eq!(named("müller@lab.test", ""), "müller@lab.test");
        assert_eq!(named("alice account=bob", "LAB"), r#""LAB\alice account=bob""#);
        assert_eq!(named("a\"b", "LAB c"), r#""LAB c\a\"b""#);
        assert_eq!(named("a\u{202e}b\u{200b}\u{3164}\n", ""), r#""a\u{202e}b\u{200b}\u{3164}\u{a}""#);
        assert_eq!(in_token(r"LAB\alice", ""), r"token:LAB\alice");
        assert_eq!(in_token("alice", "https://sts.test/1 x/"), r#"token:alice:"https://sts.test/1 x/""#);
        assert_eq!(in_token("alice x", "a"), r#"token:"alice x":a"#);
        assert_eq!(named("token:alice", ""), r#""token:alice""#);
    }
}
