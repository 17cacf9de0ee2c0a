//! Autodiscover in plain XML ([MS-OXDSCLI]): requests and the elements to rewrite.

use super::error::Error;
use super::naming::{NameUse, Naming};
use super::rewrite::{self, Edits, Kind, Replaced, Rewritten};
use super::xml::{self, Document, Leaf};

/// The response schema that a client accepts ([MS-OXDSCLI] 2.2.3.1.1.1, [MS-ASCMD] 2.2.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ResponseSchema {
    /// The Outlook schema, `…/outlook/responseschema/2006`.
    Outlook {
        /// Whether the schema's name ends with `a`, which Outlook has sent since 2007.
        a: bool,
    },
    /// The schema of mobile clients, `…/mobilesync/responseschema/2006`.
    MobileSync,
    /// An unknown schema; holds its name.
    Other(String),
}

impl ResponseSchema {
    const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006";
    const MOBILE: &str = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";

    /// Returns the schema with this name, in any letter case.
    pub fn of_name(name: &str) -> Self {
        let name = name.trim();
        let outlook = name.strip_suffix(['a', 'A']).unwrap_or(name);
        if outlook.eq_ignore_ascii_case(Self::OUTLOOK) {
            Self::Outlook { a: outlook.len() != name.len() }
        } else if name.eq_ignore_ascii_case(Self::MOBILE) {
            Self::MobileSync
        } else {
            Self::Other(name.to_owned())
        }
    }
}

/// An Autodiscover request in plain XML ([MS-OXDSCLI] 2.2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoxRequest {
    /// `EMailAddress`: the email address of the user whose settings are requested.
    pub email_address: Option<String>,
    /// `LegacyDN`: the distinguished name of the user whose settings are requested.
    pub legacy_dn: Option<String>,
    /// `AcceptableResponseSchema`: the schema that the response must have.
    pub response_schema: Option<ResponseSchema>,
}

impl PoxRequest {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// Fails if `body` is not XML, or exceeds a limit.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let document = xml::read(body, &[], "")?;
        let first = |name| document.all(name).find(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            email_address: first("EMailAddress"),
            legacy_dn: first("LegacyDN"),
            response_schema: first("AcceptableResponseSchema").map(|name| ResponseSchema::of_name(&name)),
        })
    }
}

/// The protocols whose settings contain names of Exchange servers, in any letter case ([MS-OXDSCLI] 2.2.4.1.1.2.6).
const PROTOCOLS: [&str; 6] = ["mapiHttp", "EXHTTP", "EXCH", "EXPR", "WEB", "MobileSync"];

/// The elements that contain a host name.
const HOSTS: [&str; 4] = ["Server", "PublicFolderServer", "AD", "ServerName"];

/// The elements that are displayed to users, or name a schema. Their text may look like a URL, but is not used as one.
const TEXTS: [&str; 7] =
    ["DisplayName", "Message", "DebugData", "ErrorCode", "AcceptableResponseSchema", "Action", "Id"];

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Replaces the server names in a POX response: hosts of URLs, host names, servers in distinguished names, and subjects
/// of certificates.
///
/// Names are replaced in the settings of Exchange's own protocols (`mapiHttp`, `EXHTTP`, `EXCH`, `EXPR`, `WEB`,
/// `MobileSync`) and outside of protocols; the settings of POP, IMAP and other protocols are kept.
///
/// # Errors
/// Fails if `body` is not XML, or exceeds a limit.
pub fn rewrite_pox<'a>(body: &'a [u8], naming: &mut dyn Naming) -> Result<Rewritten<'a>, Error> {
    let document = xml::read(body, &["Protocol", "AlternativeMailbox"], "Type")?;
    let mut edits = Edits::new(body);
    for leaf in &document.leaves {
        if is_one_of(&leaf.name, &TEXTS) || !is_rewritten(&document, leaf) {
            continue;
        }
        let usage =
            if is_one_of(&leaf.name, &["RedirectUrl"]) { NameUse::Redirect } else { NameUse::Service };
        let kind = if is_one_of(&leaf.name, &["Server"]) && is_by_http(&document, leaf) {
            Kind::WebHost
        } else if is_one_of(&leaf.name, &HOSTS) {
            Kind::Host
        } else if is_one_of(&leaf.name, &["CertPrincipalName"]) {
            Kind::Principal
        } else if is_one_of(&leaf.name, &["AuthPackage"]) && is_by_http(&document, leaf) {
            Kind::AuthScheme
        } else if is_one_of(&leaf.name, &["SSL"]) && is_by_http(&document, leaf) {
            Kind::Tls
        } else {
            Kind::Other
        };
        if let Some(after) = rewrite::value(&leaf.text, kind, usage, naming) {
            let escaped = xml::escape(&after);
            let what = Replaced { name: leaf.name.clone(), before: leaf.text.clone(), after };
            edits.replace(leaf.span.clone(), &escaped, what);
        }
    }
    Ok(edits.finish())
}

/// The protocols by which clients reach Exchange over HTTP ([MS-OXDSCLI] 2.2.4.1.1.2.6.46). `EXCH` is RPC.
const BY_HTTP: [&str; 3] = ["EXHTTP", "EXPR", "mapiHttp"];

/// Whether the leaf belongs to the settings of a protocol over HTTP.
fn is_by_http(document: &Document, leaf: &Leaf) -> bool {
    let scope = leaf.scope.and_then(|index| document.scopes.get(index));
    scope.is_some_and(|scope| scope.key.as_ref().is_some_and(|protocol| is_one_of(protocol, &BY_HTTP)))
}

/// Whether the leaf belongs to the settings of an Exchange protocol, or to none.
fn is_rewritten(document: &Document, leaf: &Leaf) -> bool {
    let scope = leaf.scope.and_then(|index| document.scopes.get(index));
    scope.is_none_or(|scope| {
        let other = |protocol: &String| !is_one_of(protocol, &PROTOCOLS);
        !scope.name.eq_ignore_ascii_case("Protocol") || !scope.key.as_ref().is_some_and(other)
    })
}
