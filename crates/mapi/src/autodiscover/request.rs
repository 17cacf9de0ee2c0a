//! Autodiscover requests of all dialects.

use super::error::Error;
use super::pox::PoxRequest;
use super::soap::SoapRequest;

/// The protocol variant of an Autodiscover request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Plain XML: `/autodiscover/autodiscover.xml`.
    Pox,
    /// SOAP: `/autodiscover/autodiscover.svc`.
    Soap,
    /// A URL with a query, whose response is JSON: `/autodiscover/autodiscover.json`.
    Json,
}

impl Dialect {
    /// Returns the dialect of requests to `target`, a path with or without a query, in any letter case.
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

/// An Autodiscover request whose parameters are in its URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonRequest {
    /// The address of the user whose settings are requested.
    pub email: Option<String>,
    /// The protocol whose URL is requested, such as `Ews` or `AutodiscoverV1`.
    pub protocol: Option<String>,
    /// How often the client was redirected before this request.
    pub redirect_count: Option<u32>,
}

impl JsonRequest {
    /// Parses a request's target: `/autodiscover/autodiscover.json?Email=…&Protocol=…`, or with a version and the
    /// address in the path.
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
                let digits = value.filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
                this.redirect_count = digits.and_then(|digits| digits.parse().ok());
            }
        }
        this
    }
}

/// Decodes the percent-encoding of a part of a URL; returns `None` if the result is empty or not UTF-8. A plus sign is
/// kept: it is common in addresses, and clients do not encode spaces as plus signs.
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

/// An Autodiscover request in any dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A request in plain XML.
    Pox(PoxRequest),
    /// A SOAP request.
    Soap(SoapRequest),
    /// A request whose parameters are in its URL.
    Json(JsonRequest),
}

impl Request {
    /// Parses a request to `target` with this body; returns `None` if `target` belongs to no Autodiscover dialect.
    ///
    /// # Errors
    /// Fails if the body is not valid in the dialect.
    pub fn parse(target: &str, body: &[u8]) -> Option<Result<Self, Error>> {
        Some(match Dialect::of_target(target)? {
            Dialect::Pox => PoxRequest::parse(body).map(Self::Pox),
            Dialect::Soap => SoapRequest::parse(body).map(Self::Soap),
            Dialect::Json => Ok(Self::Json(JsonRequest::parse(target))),
        })
    }

    /// Returns the users whose settings are requested: addresses, or a distinguished name if there is no address.
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
    fn targets_are_recognized_in_any_letter_case() {
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
    fn requests_are_parsed_from_urls() {
        let request = JsonRequest::parse(
            "/autodiscover/autodiscover.json?email=a%2Bb%40c&PROTOCOL=Ews&RedirectCount=2",
        );
        assert_eq!(request.email.as_deref(), Some("a+b@c"));
        assert_eq!((request.protocol.as_deref(), request.redirect_count), (Some("Ews"), Some(2)));
        let request = JsonRequest::parse("/autodiscover/autodiscover.json/v1.0/a+b@c?Protocol=%zz");
        assert_eq!((request.email.as_deref(), request.protocol.as_deref()), (Some("a+b@c"), Some("%zz")));
        assert_eq!(JsonRequest::parse("/autodiscover/autodiscover.json?Email="), JsonRequest::default());
        assert_eq!(
            JsonRequest::parse("/autodiscover/autodiscover.json?RedirectCount=+2").redirect_count,
            None
        );
    }
}
