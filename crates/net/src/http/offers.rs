//! What a server wants to be signed in with, as its `WWW-Authenticate` says (RFC 9110 11.6.1).

use http::{Fields, ResponseHead};
use identity::relayed::Scheme;

/// More offers than any server makes.
const MOST: usize = 8;

/// The longest offer, in bytes.
const LONGEST: usize = 4096;

/// A server's offers, of the schemes that we know.
#[derive(Debug, Clone, Default)]
pub(super) struct Offers(Vec<(Scheme, String)>);

impl Offers {
    /// Takes those of an answer instead, if it makes any.
    pub(super) fn learn(&mut self, fields: &Fields) {
        let offers: Vec<_> = fields
            .all("www-authenticate")
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(challenges)
            .filter(|offer| offer.len() <= LONGEST)
            .filter_map(|offer| Some((Scheme::split(offer.as_bytes())?.0, offer.to_owned())))
            .take(MOST)
            .collect();
        if !offers.is_empty() {
            self.0 = offers;
        }
    }

    /// The schemes that are offered.
    pub(super) fn schemes(&self) -> Vec<Scheme> {
        self.0.iter().map(|(scheme, _)| *scheme).collect()
    }

    /// Adds them to `head`, but for those that are not taken here.
    pub(super) fn add_to(&self, head: &mut ResponseHead, takes: impl Fn(Scheme) -> bool) {
        for (_, offer) in self.0.iter().filter(|(scheme, _)| takes(*scheme)) {
            head.fields.push("WWW-Authenticate", offer.clone());
        }
    }
}

/// The challenges in one header's value: a comma stands between two of them, and between two parameters of one.
fn challenges(value: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut quoted = false;
    for (at, character) in value.char_indices() {
        quoted ^= character == '"';
        if character == ',' && !quoted {
            let rest = value.get(at + 1..).unwrap_or_default();
            let word = rest.trim_start().split([' ', ',']).next().unwrap_or_default();
            if !word.is_empty() && !word.contains('=') {
                starts.push(at + 1);
            }
        }
    }
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([value.len()]);
    let parts = starts.iter().zip(ends).filter_map(|(start, end)| value.get(*start..end));
    parts.map(|part| part.trim().trim_end_matches(',').trim_end()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let said = |takes: fn(Scheme) -> bool| {
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
        assert_eq!(said(Scheme::is_handshake), ["Negotiate", "NTLM"]);
        let mut many = Fields::default();
        for _ in 0..20 {
            many.push("WWW-Authenticate", "NTLM");
        }
        offers.learn(&many);
        assert_eq!(offers.0.len(), MOST);
    }
}
