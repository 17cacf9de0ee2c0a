//! What a server wants to be signed in with, as its `WWW-Authenticate` says (RFC 9110 11.6.1).

use http1::{Fields, ResponseHead};
use identity::{Mechanism, http_auth};

use crate::upstream_error::{AuthError, UpstreamError};

/// More offers than any server makes.
const MOST: usize = 8;

/// The longest name of a scheme that is shown, in bytes.
const LONGEST_SCHEME: usize = 32;

/// The longest offer, in bytes.
const LONGEST: usize = 4096;

/// A server's offers, of the schemes that we know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offers(Vec<(Mechanism, String)>);

impl Offers {
    /// Takes those of an answer instead, if it makes any.
    pub(crate) fn learn(&mut self, fields: &Fields) {
        let offers: Vec<_> = fields
            .all("www-authenticate")
            .flat_map(http_auth::challenges)
            .filter(|offer| offer.as_str().len() <= LONGEST)
            .filter_map(|offer| Some((offer.mechanism()?, offer.as_str().to_owned())))
            .take(MOST)
            .collect();
        if !offers.is_empty() {
            self.0 = offers;
        }
    }

    /// The mechanisms that are offered.
    pub(crate) fn mechanisms(&self) -> Vec<Mechanism> {
        self.0.iter().map(|(mechanism, _)| *mechanism).collect()
    }

    /// Adds them to `head`, but for those that are not taken here.
    pub(crate) fn add_to(&self, head: &mut ResponseHead, takes: impl Fn(Mechanism) -> bool) {
        for (_, offer) in self.0.iter().filter(|(mechanism, _)| takes(*mechanism)) {
            head.fields.push("WWW-Authenticate", offer.clone());
        }
    }
}

/// The names of the schemes that an answer offers, as an operator reads them, also of those that we don't know.
pub(crate) fn named(fields: &Fields) -> String {
    let known = names(fields);
    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
}

/// The names of the schemes that an answer offers, each once.
pub(crate) fn names(fields: &Fields) -> Vec<&str> {
    let offers = fields.all("www-authenticate").flat_map(http_auth::challenges);
    let names = offers.map(|offer| offer.scheme());
    let is_name = |name: &&str| {
        let fits = (1..=LONGEST_SCHEME).contains(&name.len());
        fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let mut known: Vec<&str> = Vec::new();
    for name in names.filter(is_name).take(MOST) {
        if !known.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            known.push(name);
        }
    }
    known
}

/// Why our own sign-in at the server failed.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// It does not offer the scheme that is configured.
    #[error("the server does not offer {mechanism}, it offers {offered}: {}", advice(.offered))]
    NotOffered {
        /// The mechanism that is configured.
        mechanism: Mechanism,
        /// Those that it offers.
        offered: String,
    },
    /// It offers the scheme, and refuses our token or password.
    #[error(
        "the server offers {0} and refuses our sign-in by it: check the account and its password in \
         [upstream.credentials]"
    )]
    Refused(Mechanism),
    /// It answers otherwise than by going on or refusing.
    #[error("the server answers {status} to our sign-in by {mechanism}")]
    Status {
        /// The mechanism that is configured.
        mechanism: Mechanism,
        /// The answer's status.
        status: u16,
    },
    /// It leaves no connection to sign in on.
    #[error("the server closes its connection during our sign-in by {0}")]
    Closed(Mechanism),
    /// It refuses a request that no credentials of ours go with.
    #[error("the server refuses the request")]
    Anonymous,
}

impl From<NotSignedIn> for UpstreamError {
    fn from(error: NotSignedIn) -> Self {
        let why = error.to_string();
        match error {
            NotSignedIn::NotOffered { .. } => AuthError::NotOffered(why).into(),
            NotSignedIn::Refused(_) => AuthError::Refused(why).into(),
            NotSignedIn::Status { .. } | NotSignedIn::Anonymous => Self::Protocol(why),
            NotSignedIn::Closed(_) => Self::closed(why),
        }
    }
}

impl NotSignedIn {
    /// Why, as an answer of 401 with these `fields` says of a sign-in by `mechanism`.
    pub(crate) fn by(mechanism: Mechanism, fields: &Fields) -> Self {
        let offered = named(fields);
        if offered.split(", ").any(|offer| mechanism.is_scheme(offer.as_bytes())) {
            Self::Refused(mechanism)
        } else {
            Self::NotOffered { mechanism, offered }
        }
    }
}

/// What to do where the scheme that is configured is not among those `offered`.
fn advice(offered: &str) -> String {
    let is_offered =
        |mechanism: &Mechanism| offered.split(", ").any(|offer| mechanism.is_scheme(offer.as_bytes()));
    let ours = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.has_ends());
    let usable = ours.filter(is_offered).map(|mechanism| format!("\"{mechanism}\"").to_ascii_lowercase());
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() {
        "none of these is one that the proxy can sign in by".to_owned()
    } else {
        format!("set upstream.http_authentication to {}", usable.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use identity::Scope;

    use super::*;

    #[test]
    fn a_scheme_that_is_not_offered_is_told_apart_from_one_that_is_refused() {
        let mut fields = Fields::default();
        fields.push("WWW-Authenticate", "Negotiate, Basic realm=\"x\"");
        fields.push("WWW-Authenticate", "basic realm=\"y\"");
        fields.push("WWW-Authenticate", "X-Made\u{1}Up");
        assert_eq!(
            NotSignedIn::by(Mechanism::NTLM, &fields).to_string(),
            "the server does not offer NTLM, it offers Negotiate, Basic: set upstream.http_authentication to \
             \"negotiate\" or \"basic\""
        );
        let refused = NotSignedIn::by(Mechanism::BASIC, &fields).to_string();
        assert!(refused.starts_with("the server offers Basic and refuses our sign-in by it"), "{refused}");
        let mut bearer = Fields::default();
        bearer.push("WWW-Authenticate", "Bearer");
        let why = NotSignedIn::by(Mechanism::BASIC, &bearer).to_string();
        assert!(
            why.ends_with("it offers Bearer: none of these is one that the proxy can sign in by"),
            "{why}"
        );
        let nothing = NotSignedIn::by(Mechanism::BASIC, &Fields::default()).to_string();
        assert!(nothing.contains("it offers nothing"), "{nothing}");
    }

    #[test]
    fn each_offer_is_passed_on_in_a_line_of_its_own() {
        let mut fields = Fields::default();
        fields.push(
            "WWW-Authenticate",
            "Negotiate, NTLM,Basic realm=\"a, NTLM b\", charset=\"UTF-8\", Digest x=1",
        );
        fields.push("www-authenticate", "bearer client_id=\"1\", trusted_issuers=\"2\"");
        fields.push("WWW-Authenticate", format!("Basic realm=\"{}\"", "x".repeat(LONGEST)));
        let mut offers = Offers::default();
        offers.learn(&fields);
        offers.learn(&Fields::default());
        let said = |takes: fn(Mechanism) -> bool| {
            let mut head = ResponseHead::new(401, "").unwrap();
            offers.add_to(&mut head, takes);
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            head.fields.all("www-authenticate").map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            said(|_| true),
            [
                "Negotiate",
                "NTLM",
                "Basic realm=\"a, NTLM b\", charset=\"UTF-8\"",
                "bearer client_id=\"1\", trusted_issuers=\"2\""
            ]
        );
        assert_eq!(said(|mechanism| mechanism.scope() == Scope::Connection), ["Negotiate", "NTLM"]);
        let mut many = Fields::default();
        for _ in 0..20 {
            many.push("WWW-Authenticate", "NTLM");
        }
        offers.learn(&many);
        assert_eq!(offers.0.len(), MOST);
    }
}
