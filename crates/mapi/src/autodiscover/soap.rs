//! Autodiscover by SOAP ([MS-OXWSADISC]): requests and the elements to rewrite.

use super::error::Error;
use super::naming::{NameUse, Naming};
use super::rewrite::{self, Edits, Kind, Replaced, Rewritten};
use super::xml::{self, Document, Leaf};

/// An Autodiscover operation in SOAP ([MS-OXWSADISC] 3.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SoapOperation {
    /// `GetUserSettings`: returns the settings of users.
    GetUserSettings,
    /// `GetDomainSettings`: returns the settings of domains.
    GetDomainSettings,
    /// `GetFederationInformation`: returns the federation trust of a domain.
    GetFederationInformation,
    /// `GetOrganizationRelationshipSettings`: returns what an organization shares with another.
    GetOrganizationRelationshipSettings,
    /// An unknown operation; holds the name of the message's element.
    Other(String),
}

impl SoapOperation {
    fn of_message(name: &str) -> Self {
        let known = [
            ("GetUserSettingsRequestMessage", Self::GetUserSettings),
            ("GetDomainSettingsRequestMessage", Self::GetDomainSettings),
            ("GetFederationInformationRequestMessage", Self::GetFederationInformation),
            ("GetOrganizationRelationshipSettingsRequestMessage", Self::GetOrganizationRelationshipSettings),
        ];
        let found = known.into_iter().find(|(message, _)| message.eq_ignore_ascii_case(name));
        found.map_or_else(|| Self::Other(name.to_owned()), |(_, operation)| operation)
    }
}

/// An Autodiscover request in SOAP ([MS-OXWSADISC] 3.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoapRequest {
    /// The requested operation.
    pub operation: SoapOperation,
    /// The addresses of the users whose settings are requested.
    pub mailboxes: Vec<String>,
    /// The domains whose settings are requested.
    pub domains: Vec<String>,
    /// The names of the requested settings, such as `ExternalEwsUrl`.
    pub settings: Vec<String>,
}

impl SoapRequest {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// Fails if `body` is not XML, exceeds a limit, or has no message in a SOAP body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let document = xml::read(body, &["Body"], "")?;
        // The message is the element in the body.
        let message = document.scopes.iter().find_map(|scope| scope.first.as_deref());
        let message = message.ok_or_else(|| Error::malformed(body.len(), "no message in a SOAP body"))?;
        let all = |name| document.all(name).map(str::to_owned).collect();
        Ok(Self {
            operation: SoapOperation::of_message(message),
            mailboxes: all("Mailbox"),
            domains: all("Domain"),
            settings: all("Setting"),
        })
    }
}

/// The elements that contain a setting, and the elements within settings that have names and values themselves.
const SCOPES: [&str; 4] = ["UserSetting", "DomainSetting", "AlternateMailbox", "ProtocolConnection"];

/// The settings that contain a host name ([MS-OXWSADISC] 3.1.4.3.4.1).
const HOSTS: [&str; 4] =
    ["ActiveDirectoryServer", "InternalMailboxServer", "InternalRpcClientServer", "PublicFolderServer"];

/// The settings that contain the name of a host to which clients connect by HTTP.
const WEB_HOSTS: [&str; 3] = ["ExternalMailboxServer", "InternalRpcHttpServer", "ExternalRpcHttpServer"];

/// Replaces the upstream's names by the proxy's in a SOAP response: in the values of settings and in redirects. Names
/// of SMTP, POP and IMAP servers are kept.
///
/// # Errors
/// Fails if `body` is not XML, or exceeds a limit.
pub fn rewrite_soap<'a>(body: &'a [u8], naming: &mut dyn Naming) -> Result<Rewritten<'a>, Error> {
    let document = xml::read(body, &SCOPES, "Name")?;
    let mut edits = Edits::new(body);
    for leaf in &document.leaves {
        let Some((name, kind, usage)) = usage_of(&document, leaf) else { continue };
        if let Some(after) = rewrite::value(&leaf.text, kind, usage, naming) {
            let escaped = xml::escape(&after);
            let what = Replaced { name: name.to_owned(), before: leaf.text.clone(), after };
            edits.replace(leaf.span.clone(), &escaped, what);
        }
    }
    Ok(edits.finish())
}

/// Returns the name of the setting whose value the leaf is, and the kind and use of the value; `None` if the leaf is
/// not the value of a setting.
fn usage_of<'a>(document: &'a Document, leaf: &'a Leaf) -> Option<(&'a str, Kind, NameUse)> {
    let is = |name: &str| leaf.name.eq_ignore_ascii_case(name);
    if is("RedirectTarget") {
        return Some((&leaf.name, Kind::Other, NameUse::Redirect));
    }
    let scope = document.scopes.get(leaf.scope?)?;
    if scope.name.eq_ignore_ascii_case("AlternateMailbox") {
        let kind = if is("Server") { Kind::Host } else { Kind::Other };
        return (!is("DisplayName")).then_some((&leaf.name, kind, NameUse::Service));
    }
    if scope.name.eq_ignore_ascii_case("ProtocolConnection") || is("Name") {
        return None;
    }
    let setting = scope.key.as_deref()?;
    let known = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(setting));
    let kind = if is("Value") && known(&WEB_HOSTS) {
        Kind::WebHost
    } else if is("Value") && known(&HOSTS) {
        Kind::Host
    } else if is("Value") && known(&["CertPrincipalName"]) {
        Kind::Principal
    } else if is("Value") && known(&["ExternalMailboxServerAuthenticationMethods"]) {
        Kind::AuthScheme
    } else if is("Value") && known(&["ExternalMailboxServerRequiresSSL"]) {
        Kind::Tls
    } else {
        Kind::Other
    };
    (!known(&["UserDisplayName"])).then_some((setting, kind, NameUse::Service))
}
