//! Reads and writes `Authorization` and `WWW-Authenticate` (RFC 9110 11).

use zeroize::Zeroizing;

use crate::error::AuthError;
use crate::mechanism::Mechanism;

/// The value of an `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The scheme's name, in the client's letter case.
    pub scheme: &'a [u8],
    /// The credentials after the scheme.
    pub credentials: &'a [u8],
}

impl<'a> Authorization<'a> {
    /// Reads a header's value.
    pub fn read(value: &'a [u8]) -> Self {
        let at = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(at).unwrap_or((value, &[]));
        Self { scheme, credentials: rest.trim_ascii() }
    }

    /// The mechanism of its scheme among `mechanisms`.
    pub fn among(&self, mechanisms: &[Mechanism]) -> Option<Mechanism> {
        mechanisms.iter().copied().find(|mechanism| mechanism.is_scheme(self.scheme))
    }

    /// The mechanism of its scheme; `None` if unknown.
    pub fn mechanism(&self) -> Option<Mechanism> {
        Mechanism::by_scheme(self.scheme)
    }

    /// The token in the credentials, which are of `mechanism`.
    ///
    /// # Errors
    /// If they are not encoded as the mechanism requires.
    pub fn token(&self, mechanism: Mechanism) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        mechanism.read_http(self.credentials)
    }
}

/// A header's value that carries a token of `mechanism`: in `Authorization`, or in `WWW-Authenticate`.
pub fn header(mechanism: Mechanism, token: &[u8]) -> String {
    let scheme = mechanism.http_scheme().unwrap_or_default();
    let token = mechanism.write_http(token);
    // Allocated with its full capacity, so that growing leaves no copy of a secret in memory.
    let mut value = String::with_capacity(scheme.len().saturating_add(1).saturating_add(token.len()));
    value.push_str(scheme);
    value.push(' ');
    value.push_str(&token);
    value
}

/// One challenge of a `WWW-Authenticate`: a scheme, and a token or parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'a>(&'a str);

impl<'a> Challenge<'a> {
    /// The challenge as received.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The scheme's name, in the server's letter case.
    pub fn scheme(&self) -> &'a str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// The mechanism of its scheme; `None` if unknown.
    pub fn mechanism(&self) -> Option<Mechanism> {
        Mechanism::by_scheme(self.scheme().as_bytes())
    }

    /// The token of `mechanism` that it carries, if any.
    pub fn token(&self, mechanism: Mechanism) -> Option<Vec<u8>> {
        let token = self.0.get(self.scheme().len()..)?.trim();
        if token.is_empty() || !mechanism.is_scheme(self.scheme().as_bytes()) {
            return None;
        }
        mechanism.read_http(token.as_bytes()).ok().map(|token| token.to_vec())
    }
}

/// The challenges in a header's value. Commas separate both challenges and the parameters of one challenge.
pub fn challenges(value: &[u8]) -> Vec<Challenge<'_>> {
    let Ok(value) = std::str::from_utf8(value) else { return Vec::new() };
    let mut starts = vec![0_usize];
    let mut quoted = false;
    for (at, character) in value.char_indices() {
        quoted ^= character == '"';
        if character == ',' && !quoted {
            let after = at.saturating_add(1);
            let rest = value.get(after..).unwrap_or_default();
            let word = rest.trim_start().split([' ', ',']).next().unwrap_or_default();
            if !word.is_empty() && !word.contains('=') {
                starts.push(after);
            }
        }
    }
    let ends = starts.iter().skip(1).map(|start| start.saturating_sub(1)).chain([value.len()]);
    let parts = starts.iter().zip(ends).filter_map(|(start, end)| value.get(*start..end));
    parts.map(|part| Challenge(part.trim().trim_end_matches(',').trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_known_in_any_case_and_its_token_read_as_the_mechanism_writes_it() {
        let read = Authorization::read(b"nTLM  YWJj ");
        assert_eq!((read.scheme, read.credentials), (&b"nTLM"[..], &b"YWJj"[..]));
        let ntlm = read.mechanism().unwrap();
        assert_eq!(ntlm, Mechanism::NTLM);
        assert_eq!(read.token(ntlm).unwrap().as_slice(), b"abc");
        assert_eq!(header(ntlm, b"abc"), "NTLM YWJj");
        let bearer = Authorization::read(b"Bearer a.b-c");
        assert_eq!(bearer.token(Mechanism::BEARER).unwrap().as_slice(), b"a.b-c");
        assert_eq!(header(Mechanism::BEARER, b"a.b-c"), "Bearer a.b-c");
        assert_eq!(Authorization::read(b"Digest x").mechanism(), None);
        assert_eq!(read.among(&[Mechanism::BASIC]), None);
        assert_eq!(Authorization::read(b"NTLM").credentials, b"");
        assert_eq!(Authorization::read(b"NTLM *").token(ntlm).unwrap_err(), AuthError::NotBase64);
    }

    #[test]
    fn commas_separate_challenges_and_parameters() {
        let value = b"Negotiate, NTLM YWJj,Basic realm=\"a, NTLM b\", charset=\"UTF-8\", Digest x=1";
        let read = challenges(value);
        let texts: Vec<&str> = read.iter().map(Challenge::as_str).collect();
        let basic = "Basic realm=\"a, NTLM b\", charset=\"UTF-8\"";
        assert_eq!(texts, ["Negotiate", "NTLM YWJj", basic, "Digest x=1"]);
        let tokens: Vec<_> = read.iter().map(|challenge| challenge.token(Mechanism::NTLM)).collect();
        assert_eq!(tokens, [None, Some(b"abc".to_vec()), None, None]);
        assert_eq!((read[3].mechanism(), read[3].scheme()), (None, "Digest"));
        assert!(challenges(b"\xff").is_empty());
    }
}
