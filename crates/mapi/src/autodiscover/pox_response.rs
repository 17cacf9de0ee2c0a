//! Autodiscover responses in plain XML ([MS-OXDSCLI] 2.2.4): the settings that a MAPI client needs.

use super::error::Error;
use super::xml::{self, Document};

/// The settings of a response to a client that supports MAPI over HTTP ([MS-OXDSCLI] 2.2.4.1). Missing and empty ones
/// are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoxResponse {
    /// `LegacyDN`: the distinguished name of the user.
    pub legacy_dn: Option<String>,
    /// The URL of the mailbox store: the `ExternalUrl`, or else the `InternalUrl`, of `MailStore`.
    pub mail_store: Option<String>,
    /// The URL of the address book: the `ExternalUrl`, or else the `InternalUrl`, of `AddressBook`.
    pub address_book: Option<String>,
    /// `RedirectAddr`: the email address whose settings are to be requested instead.
    pub redirect_address: Option<String>,
    /// `RedirectUrl`: the URL at which settings are to be requested instead.
    pub redirect_url: Option<String>,
    /// `Message` of an error, why there are no settings.
    pub message: Option<String>,
}

impl PoxResponse {
    /// Parses the body of a response.
    ///
    /// # Errors
    /// Fails if `body` is not XML, or exceeds a limit.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let document = xml::read(body, &["MailStore", "AddressBook"], "Type")?;
        let first = |name| document.all(name).find(|text| !text.is_empty()).map(str::to_owned);
        let url = |scope| {
            let of = |name| text_in(&document, scope, name);
            of("ExternalUrl").or_else(|| of("InternalUrl"))
        };
        Ok(Self {
            legacy_dn: first("LegacyDN"),
            mail_store: url("MailStore"),
            address_book: url("AddressBook"),
            redirect_address: first("RedirectAddr"),
            redirect_url: first("RedirectUrl"),
            message: first("Message"),
        })
    }
}

/// The text of the first leaf `name` that is not empty in an element `scope`.
fn text_in(document: &Document, scope: &str, name: &str) -> Option<String> {
    let is_in = |index: Option<usize>| {
        let found = index.and_then(|index| document.scopes.get(index));
        found.is_some_and(|found| found.name.eq_ignore_ascii_case(scope))
    };
    let mut named = document.leaves.iter().filter(|leaf| leaf.name.eq_ignore_ascii_case(name));
    let found = named.find(|leaf| is_in(leaf.scope) && !leaf.text.trim().is_empty())?;
    Some(found.text.trim().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_urls_of_each_service_are_found() {
        let body = br#"<?xml version="1.0"?><Autodiscover xmlns="a"><Response xmlns="b"><User><LegacyDN>/o=x</LegacyDN>
            </User><Account><Action>settings</Action><Protocol Type="mapiHttp" Version="1"><MailStore><InternalUrl>
            https://in/mapi/emsmdb/?MailboxId=1&amp;a=b</InternalUrl><ExternalUrl>https://out/mapi/emsmdb/</ExternalUrl>
            </MailStore><AddressBook><ExternalUrl></ExternalUrl><InternalUrl>https://in/mapi/nspi/?x=1&amp;y=2
            </InternalUrl></AddressBook></Protocol><Protocol><ExternalUrl>https://web</ExternalUrl></Protocol>
            </Account></Response></Autodiscover>"#;
        let response = PoxResponse::parse(body).unwrap();
        assert_eq!(response.legacy_dn.as_deref(), Some("/o=x"));
        assert_eq!(response.mail_store.as_deref(), Some("https://out/mapi/emsmdb/"));
        assert_eq!(response.address_book.as_deref(), Some("https://in/mapi/nspi/?x=1&y=2"));
        assert_eq!((response.redirect_url, response.message), (None, None));
    }

    #[test]
    fn an_error_has_a_message_and_no_urls() {
        let body =
            b"<Autodiscover><Response><Error><ErrorCode>500</ErrorCode><Message>unknown</Message></Error>\
            </Response></Autodiscover>";
        let expected = PoxResponse { message: Some("unknown".to_owned()), ..PoxResponse::default() };
        assert_eq!(PoxResponse::parse(body), Ok(expected));
        assert!(PoxResponse::parse(b"<a>").is_err());
    }
}
