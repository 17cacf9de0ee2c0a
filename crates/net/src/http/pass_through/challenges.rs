//! The authentication schemes that a server offers in `WWW-Authenticate` (RFC 9110 11.6.1).

use std::fmt;

use http1::{Fields, ResponseHead};
use identity::{Mechanism, http_auth};

/// The most challenges that are read.
const MAX_CHALLENGES: usize = 8;

/// The longest name of a scheme that is logged, in bytes.
const MAX_SCHEME: usize = 32;

/// The longest challenge, in bytes.
const MAX_CHALLENGE: usize = 4096;

/// The challenges of a server whose mechanisms are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Challenges(Vec<(Mechanism, String)>);

impl Challenges {
    /// Replaces the challenges by those of a response, if it has any.
    pub(crate) fn update(&mut self, fields: &Fields) {
        let challenges: Vec<_> = fields
            .all("www-authenticate")
            .flat_map(http_auth::challenges)
            .filter(|challenge| challenge.as_str().len() <= MAX_CHALLENGE)
            .filter_map(|challenge| Some((challenge.mechanism()?, challenge.as_str().to_owned())))
            .take(MAX_CHALLENGES)
            .collect();
        if !challenges.is_empty() {
            self.0 = challenges;
        }
    }

    /// The mechanisms of the challenges.
    pub(crate) fn mechanisms(&self) -> Vec<Mechanism> {
        self.0.iter().map(|(mechanism, _)| *mechanism).collect()
    }

    /// Adds the challenges whose mechanism `accepts` accepts to `head`.
    pub(crate) fn add_to(&self, head: &mut ResponseHead, accepts: impl Fn(Mechanism) -> bool) {
        for (_, challenge) in self.0.iter().filter(|(mechanism, _)| accepts(*mechanism)) {
            head.fields.push("WWW-Authenticate", challenge.clone());
        }
    }
}

impl fmt::Display for Challenges {
    /// The names of the mechanisms, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|(mechanism, _)| mechanism.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

/// The names of the schemes that a response offers, known or not, each once.
pub(crate) fn schemes(fields: &Fields) -> Vec<&str> {
    let challenges = fields.all("www-authenticate").flat_map(http_auth::challenges);
    let names = challenges.map(|challenge| challenge.scheme());
    let is_name = |name: &&str| {
        let fits = (1..=MAX_SCHEME).contains(&name.len());
        fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let mut known: Vec<&str> = Vec::new();
    for name in names.filter(is_name).take(MAX_CHALLENGES) {
        if !known.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            known.push(name);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use identity::Scope;

    use super::*;

    #[test]
    fn each_challenge_is_forwarded_in_a_header_of_its_own() {
        let mut fields = Fields::default();
        fields.push(
            "WWW-Authenticate",
            "Negotiate, NTLM,Basic realm=\"a, NTLM b\", charset=\"UTF-8\", Digest x=1",
        );
        fields.push("www-authenticate", "bearer client_id=\"1\", trusted_issuers=\"2\"");
        fields.push("WWW-Authenticate", format!("Basic realm=\"{}\"", "x".repeat(MAX_CHALLENGE)));
        let mut challenges = Challenges::default();
        challenges.update(&fields);
        challenges.update(&Fields::default());
        let forwarded = |accepts: fn(Mechanism) -> bool| {
            let mut head = ResponseHead::new(401, "").unwrap();
            challenges.add_to(&mut head, accepts);
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            head.fields.all("www-authenticate").map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            forwarded(|_| true),
            [
                "Negotiate",
                "NTLM",
                "Basic realm=\"a, NTLM b\", charset=\"UTF-8\"",
                "bearer client_id=\"1\", trusted_issuers=\"2\""
            ]
        );
        assert_eq!(forwarded(|mechanism| mechanism.scope() == Scope::Connection), ["Negotiate", "NTLM"]);
        let mut many = Fields::default();
        for _ in 0..20 {
            many.push("WWW-Authenticate", "NTLM");
        }
        challenges.update(&many);
        assert_eq!(challenges.0.len(), MAX_CHALLENGES);
    }
}
