//! Checks the request targets of Autodiscover, and the query parameters of each.
//!
//! An Exchange front end takes the mailbox from the URL of a request, removes it, and requests the remaining URL from
//! the back end. A crafted URL can therefore lead out of Autodiscover to any other directory of the server
//! (CVE-2021-34473, CVE-2022-41040). Targets and parameters that are not listed here are refused.

use std::fmt;

use super::request::Dialect;
use super::request::decoded;

/// The maximum length of an email address, in bytes (RFC5321 4.5.3.1: a local part of 64, a domain of 255).
const LONGEST_ADDRESS: usize = 64 + 1 + 255;

/// The maximum length of other values, in bytes: that of a host name (RFC1035 2.3.4).
const LONGEST_VALUE: usize = 255;

/// The reason why a request target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// Autodiscover has no such resource.
    Resource,
    /// The path does not contain a valid email address.
    Address,
    /// A query parameter is unknown.
    Parameter,
    /// A query parameter occurs twice.
    Repeated,
    /// The value of a query parameter is invalid; holds the parameter's name.
    Value(&'static str),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource => f.write_str("Autodiscover has no such resource"),
            Self::Address => f.write_str("the path does not contain a valid email address"),
            Self::Parameter => f.write_str("an unknown query parameter"),
            Self::Repeated => f.write_str("a query parameter occurs twice"),
            Self::Value(name) => write!(f, "an invalid value of the query parameter {name}"),
        }
    }
}

impl std::error::Error for TargetError {}

/// The form of a parameter's value.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// An email address.
    Address,
    /// Letters and digits.
    Word,
    /// At most three digits.
    Number,
    /// A host name.
    Host,
    /// The parameter has no value.
    Nothing,
}

type Parameters = &'static [(&'static str, Kind)];

/// The parameters of [`Dialect::Json`].
const JSON: Parameters = &[
    ("Email", Kind::Address),
    ("Protocol", Kind::Word),
    ("RedirectCount", Kind::Number),
    ("HostNameHint", Kind::Host),
];

/// The parameters of [`Dialect::Soap`], with which clients read its WSDL description.
const SOAP: Parameters = &[("wsdl", Kind::Nothing), ("singleWsdl", Kind::Nothing)];

/// The paths after `autodiscover.svc/`, which select how messages are protected ([MS-OXWSADISC] 2.1).
const SECURITY: [&str; 4] = ["", "wssecurity", "wssecurity/symmetrickey", "wssecurity/x509cert"];

/// Checks `target`, a path with or without a query, in any letter case, and returns its dialect.
///
/// # Errors
/// Fails if Autodiscover has no such resource, or the resource does not accept the query.
pub fn check_target(target: &str) -> Result<Dialect, TargetError> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let lower = path.to_ascii_lowercase();
    let resource = lower.strip_prefix("/autodiscover/autodiscover.").ok_or(TargetError::Resource)?;
    let (dialect, parameters) = match resource.split_once('/').unwrap_or((resource, "")) {
        ("xml", "") => (Dialect::Pox, &[][..]),
        ("svc", rest) if SECURITY.contains(&rest) => (Dialect::Soap, SOAP),
        ("json", "") => (Dialect::Json, JSON),
        ("json", rest) => {
            let address = rest.strip_prefix("v1.0/").ok_or(TargetError::Resource)?;
            is_value(address, Kind::Address).then_some((Dialect::Json, JSON)).ok_or(TargetError::Address)?
        }
        _ => return Err(TargetError::Resource),
    };
    check_query(query.unwrap_or_default(), parameters).map(|()| dialect)
}

fn check_query(query: &str, parameters: Parameters) -> Result<(), TargetError> {
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (name, kind) = known.ok_or(TargetError::Parameter)?;
        if seen.contains(name) {
            return Err(TargetError::Repeated);
        }
        seen.push(name);
        if !value.is_empty() && !is_value(value, *kind) {
            return Err(TargetError::Value(name));
        }
    }
    Ok(())
}

/// Whether `encoded`, decoded once, is a value of this kind. A value that was encoded twice is not accepted.
fn is_value(encoded: &str, kind: Kind) -> bool {
    let Some(value) = decoded(encoded) else { return false };
    let all = |fits: fn(u8) -> bool| value.len() <= LONGEST_VALUE && value.bytes().all(fits);
    match kind {
        Kind::Address => is_address(&value),
        Kind::Word => all(|byte| byte.is_ascii_alphanumeric()),
        Kind::Number => value.len() <= 3 && all(|byte| byte.is_ascii_digit()),
        Kind::Host => all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
        Kind::Nothing => false,
    }
}

/// Whether the text is an email address without quotes (RFC5321 4.1.2, RFC6531 3.3). It contains no character that ends
/// a path, a query or a parameter.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || "!$'*+-.=^_`{|}~".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c) || !c.is_ascii())
    };
    text.len() <= LONGEST_ADDRESS
        && !local.is_empty()
        && text.chars().filter(|c| *c != '@').all(fits)
        && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_clients_are_accepted_in_any_letter_case() {
        for (target, dialect) in [
            ("/autodiscover/autodiscover.xml", Dialect::Pox),
            ("/Autodiscover/AUTODISCOVER.xml/", Dialect::Pox),
            ("/autodiscover/autodiscover.xml?", Dialect::Pox),
            ("/autodiscover/autodiscover.svc", Dialect::Soap),
            ("/autodiscover/autodiscover.svc?WSDL", Dialect::Soap),
            ("/autodiscover/Autodiscover.svc/WSSecurity/SymmetricKey", Dialect::Soap),
            ("/autodiscover/autodiscover.json", Dialect::Json),
            (
                "/autodiscover/autodiscover.json?Email=a%40b.c&Protocol=Autodiscoverv1&RedirectCount=1",
                Dialect::Json,
            ),
            ("/autodiscover/autodiscover.json?email=a+b@c&PROTOCOL=Ews", Dialect::Json),
            ("/autodiscover/autodiscover.json?Email=powershell.owa%40mapi.nspi&Protocol=", Dialect::Json),
            ("/autodiscover/autodiscover.json?Email=d%C3%B6rte@m%C3%BCller.test", Dialect::Json),
            (
                "/autodiscover/autodiscover.json/V1.0/o'neil@b.c?Protocol=Ews&HostNameHint=mail.b.c",
                Dialect::Json,
            ),
        ] {
            assert_eq!(check_target(target), Ok(dialect), "{target}");
        }
    }

    #[test]
    fn targets_that_lead_out_of_autodiscover_are_refused() {
        use TargetError::{Address, Parameter, Repeated, Resource, Value};
        let json = "/autodiscover/autodiscover.json";
        for (rest, error) in [
            (
                "?@evil.test/powershell/?X-Rps-CAT=x&Email=autodiscover/autodiscover.json%3F@evil.test",
                Parameter,
            ),
            ("?a=a@evil.test/owa/&Email=autodiscover/autodiscover.json?a=a@evil.test", Parameter),
            ("?Email=autodiscover/autodiscover.json%3F@evil.test", Value("Email")),
            ("?Email=autodiscover%2Fautodiscover.json%253F@evil.test", Value("Email")),
            ("?Email=a@b.c%00", Value("Email")),
            ("?Email=a@b@c", Value("Email")),
            ("?Email=a@b.c%26Protocol=x", Value("Email")),
            ("?Email=a@b%EF%BC%8Fowa", Value("Email")),
            ("?Email=a%C0%AFb@c", Value("Email")),
            ("?Email=a@b..c", Value("Email")),
            ("?Email=@b.c", Value("Email")),
            ("?Email=a@b;Protocol=x", Value("Email")),
            ("?Email=a@b.c&email=d@e.f", Repeated),
            ("?Protocol=Ews/../owa", Value("Protocol")),
            ("?Protocol=Ews%2F", Value("Protocol")),
            ("?RedirectCount=-1", Value("RedirectCount")),
            ("?RedirectCount=1000", Value("RedirectCount")),
            ("?HostNameHint=a/b", Value("HostNameHint")),
            ("?X-Rps-CAT=x", Parameter),
            ("?%45mail=a@b.c", Parameter),
            ("?Email=a@b.c&", Parameter),
            ("/v1.0/a@b.c/owa", Address),
            ("/v1.0/a@b.c/", Address),
            ("/v1.0/", Address),
            ("/v1.0/owa", Address),
            ("/v1.0/a%2540b", Address),
            ("/v2.0/a@b.c", Resource),
            ("/owa/a@b.c", Resource),
            ("x", Resource),
        ] {
            assert_eq!(check_target(&format!("{json}{rest}")), Err(error), "{rest}");
        }
        let long = format!("{json}?Email={}@b.c", "a".repeat(LONGEST_ADDRESS));
        assert_eq!(check_target(&long), Err(Value("Email")));
        for (target, error) in [
            ("/autodiscover/", Resource),
            ("/autodiscover", Resource),
            ("/autodiscover/autodiscover.xml/owa", Resource),
            ("/autodiscover/autodiscover.svc/owa", Resource),
            ("/autodiscover/autodiscover%2exml", Resource),
            ("/autodiscover/autodiscover.xml?@x/owa/", Parameter),
            ("/autodiscover/autodiscover.svc?Email=a@b.c", Parameter),
            ("/autodiscover/autodiscover.svc?wsdl=/owa", Value("wsdl")),
            ("/autodiscover/metadata/json/1", Resource),
            ("/x/autodiscover/autodiscover.xml", Resource),
        ] {
            assert_eq!(check_target(target), Err(error), "{target}");
        }
    }
}
