//! Autodiscover by SOAP ([MS-OXWSADISC]): requests and the elements to rewrite.

use super::error::Error;
use super::naming::{Naming, Place};
use super::rewrite::{self, Edits, Kind, Replaced, Rewritten};
use super::xml::{self, Document, Leaf};

/// What a client asks for in SOAP ([MS-OXWSADISC] 3.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SoapOperation {
    /// Settings of users.
    GetUserSettings,
    /// Settings of domains.
    GetDomainSettings,
    /// Federation trusts of a domain.
    GetFederationInformation,
    /// How an organization shares with others.
    GetOrganizationRelationshipSettings,
    /// Something else, by the name of its message.
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

/// What a client asks in SOAP ([MS-OXWSADISC] 3.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoapRequest {
    /// The operation.
    pub operation: SoapOperation,
    /// The addresses of the users whose settings it wants.
    pub mailboxes: Vec<String>,
    /// The domains whose settings it wants.
    pub domains: Vec<String>,
    /// The settings that it wants.
    pub settings: Vec<String>,
}

impl SoapRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is no XML that is taken, or no message.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let document = xml::read(body, &["Body"], "")?;
        // The message is the element in the body.
        let message = document.scopes.iter().find_map(|scope| scope.first.as_deref());
        let message = message.ok_or_else(|| Error::malformed(body.len(), "no message in a body"))?;
        let all = |name| document.all(name).map(str::to_owned).collect();
        Ok(Self {
            operation: SoapOperation::of_message(message),
            mailboxes: all("Mailbox"),
            domains: all("Domain"),
            settings: all("Setting"),
        })
    }
}

/// The elements that hold settings, and those within them that have names of their own.
const SCOPES: [&str; 4] = ["UserSetting", "DomainSetting", "AlternateMailbox", "ProtocolConnection"];

/// The settings that hold a host's name ([MS-OXWSADISC] 3.1.4.3.4.1).
const HOSTS: [&str; 4] =
    ["ActiveDirectoryServer", "InternalMailboxServer", "InternalRpcClientServer", "PublicFolderServer"];

/// The settings that hold the name of a host which clients connect to by HTTP.
const WEB_HOSTS: [&str; 3] = ["ExternalMailboxServer", "InternalRpcHttpServer", "ExternalRpcHttpServer"];

/// Replaces the upstream's names by the proxy's in a SOAP response: in the values of settings and in redirects. The
/// servers of SMTP, POP and IMAP stay.
///
/// # Errors
/// If `body` is not XML, or exceeds a limit.
pub fn rewrite_soap<'a>(body: &'a [u8], naming: &mut dyn Naming) -> Result<Rewritten<'a>, Error> {
    let document = xml::read(body, &SCOPES, "Name")?;
    let mut edits = Edits::new(body);
    for leaf in &document.leaves {
        let Some((name, kind, place)) = place_of(&document, leaf) else { continue };
        if let Some(after) = rewrite::value(&leaf.text, kind, place, naming) {
            let escaped = xml::escape(&after);
            let what = Replaced { name: name.to_owned(), before: leaf.text.clone(), after };
            edits.replace(leaf.span.clone(), &escaped, what);
        }
    }
    Ok(edits.finish())
}

/// The name of the setting that a leaf is the value of, and what kind of name the value is; `None` if the
/// leaf is not such a value.
fn place_of<'a>(document: &'a Document, leaf: &'a Leaf) -> Option<(&'a str, Kind, Place)> {
    let is = |name: &str| leaf.name.eq_ignore_ascii_case(name);
    if is("RedirectTarget") {
        return Some((&leaf.name, Kind::Other, Place::Redirect));
    }
    let scope = document.scopes.get(leaf.scope?)?;
    if scope.name.eq_ignore_ascii_case("AlternateMailbox") {
        let kind = if is("Server") { Kind::Host } else { Kind::Other };
        return (!is("DisplayName")).then_some((&leaf.name, kind, Place::Service));
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
        Kind::SignIn
    } else if is("Value") && known(&["ExternalMailboxServerRequiresSSL"]) {
        Kind::Tls
    } else {
        Kind::Other
    };
    (!known(&["UserDisplayName"])).then_some((setting, kind, Place::Service))
}
