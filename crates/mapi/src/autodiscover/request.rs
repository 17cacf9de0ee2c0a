//! Autodiscover requests of all dialects.

use super::error::Error;
use super::pox::PoxRequest;
use super::soap::SoapRequest;

/// How a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// In plain XML.
    Pox,
    /// In SOAP.
    Soap,
    /// In a URL; answered in JSON.
    Json,
}

impl Dialect {
    /// The dialect of requests to `target`, a path with or without a query, in whatever case.
    pub fn of_target(target: &str) -> Option<Self> {
        let path = target.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        match path.strip_prefix("/autodiscover/autodiscover.")? {
            "xml" | "xml/" => Some(Self::Pox),
            "svc" => Some(Self::Soap),
            rest if rest.starts_with("svc/") => Some(Self::Soap),
            "json" => Some(Self::Json),
            rest if rest.starts_with("json/") => Some(Self::Json),
            _ => None,
        }
    }
}

/// What a client asks in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonRequest {
    /// Whose settings it wants, by address.
    pub email: Option<String>,
    /// The protocol that it wants to speak, as `Ews` or `AutodiscoverV1`.
    pub protocol: Option<String>,
    /// How often it was sent elsewhere before.
    pub redirect_count: Option<u32>,
}

impl JsonRequest {
    /// Takes a request's target apart: `/autodiscover/autodiscover.json?Email=…&Protocol=…`, or with a version
    /// and the address in the path.
    pub fn parse(target: &str) -> Self {
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut this = Self { email: path.split('/').nth(4).and_then(decoded), ..Self::default() };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            if name.eq_ignore_ascii_case("Email") {
                this.email = value.or(this.email);
            } else if name.eq_ignore_ascii_case("Protocol") {
                this.protocol = value.or(this.protocol);
            } else if name.eq_ignore_ascii_case("RedirectCount") {
                this.redirect_count = value.and_then(|value| value.parse().ok());
            }
        }
        this
    }
}

/// A part of a URL without its percent signs; none if it is empty or no text. A plus sign stays: it is common
/// in addresses, and clients do not write spaces so.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let escaped = behind.split_first_chunk::<2>().and_then(|(digits, behind)| {
            let digits = std::str::from_utf8(digits).ok().filter(|_| *byte == b'%')?;
            let digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)?;
            Some((u8::from_str_radix(digits, 16).ok()?, behind))
        });
        match escaped {
            Some((decoded, behind)) => {
                out.push(decoded);
                rest = behind;
            }
            None => out.push(*byte),
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.is_empty())
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// In plain XML.
    Pox(PoxRequest),
    /// In SOAP.
    Soap(SoapRequest),
    /// In a URL.
    Json(JsonRequest),
}

impl Request {
    /// Reads a request to `target` with this body; none where `target` belongs to no Autodiscover dialect.
    ///
    /// # Errors
    /// When the body is not what the dialect asks for.
    pub fn parse(target: &str, body: &[u8]) -> Option<Result<Self, Error>> {
        Some(match Dialect::of_target(target)? {
            Dialect::Pox => PoxRequest::parse(body).map(Self::Pox),
            Dialect::Soap => SoapRequest::parse(body).map(Self::Soap),
            Dialect::Json => Ok(Self::Json(JsonRequest::parse(target))),
        })
    }

    /// The users that the request is about: addresses, or distinguished names if there are no addresses.
    pub fn subjects(&self) -> Vec<&str> {
        match self {
            Self::Pox(request) => {
                let known = request.email_address.as_deref().or(request.legacy_dn.as_deref());
                known.into_iter().collect()
            }
            Self::Soap(request) => request.mailboxes.iter().map(String::as_str).collect(),
            Self::Json(request) => request.email.as_deref().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_known_in_any_case() {
        for (target, dialect) in [
            ("/Autodiscover/Autodiscover.xml", Some(Dialect::Pox)),
            ("/autodiscover/AUTODISCOVER.XML?x=1", Some(Dialect::Pox)),
            ("/autodiscover/autodiscover.svc", Some(Dialect::Soap)),
            ("/autodiscover/autodiscover.svc/wssecurity", Some(Dialect::Soap)),
            ("/autodiscover/autodiscover.json/v1.0/a@b?Protocol=Ews", Some(Dialect::Json)),
            ("/autodiscover/autodiscover.jsonx", None),
            ("/autodiscover/", None),
        ] {
            assert_eq!(Dialect::of_target(target), dialect, "{target}");
        }
    }

    #[test]
    fn urls_say_what_is_asked() {
        let asked = JsonRequest::parse(
            "/autodiscover/autodiscover.json?email=a%2Bb%40c&PROTOCOL=Ews&RedirectCount=2",
        );
        assert_eq!(asked.email.as_deref(), Some("a+b@c"));
        assert_eq!((asked.protocol.as_deref(), asked.redirect_count), (Some("Ews"), Some(2)));
        let asked = JsonRequest::parse("/autodiscover/autodiscover.json/v1.0/a+b@c?Protocol=%zz");
        assert_eq!((asked.email.as_deref(), asked.protocol.as_deref()), (Some("a+b@c"), Some("%zz")));
        assert_eq!(JsonRequest::parse("/autodiscover/autodiscover.json?Email="), JsonRequest::default());
    }
}
