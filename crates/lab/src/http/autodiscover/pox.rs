//! Autodiscover in plain XML ([MS-OXDSCLI]).

use mapi::autodiscover::{PoxRequest, ResponseSchema};
use mapi::mapihttp::Endpoint;

use super::settings::{Mailbox, element};
use crate::http::server::Server;

const AUTODISCOVER: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// Why there are no settings: the `ErrorCode` and the `Message` ([MS-OXDSCLI] 2.2.4.1.2).
type Refusal = (u32, &'static str);

/// The response to a request with this body. `by_http` is whether the client supports MAPI over HTTP, as its header
/// `X-MapiHttpCapability` states ([MS-OXDSCLI] 2.2.2.1).
pub(super) fn respond(server: &Server, body: &[u8], by_http: bool) -> String {
    let response = settings(server, body, by_http).unwrap_or_else(|(code, message)| {
        let error = element("ErrorCode", &code.to_string()) + &element("Message", message);
        format!(r#"<Response><Error Time="00:00:00" Id="0">{error}<DebugData/></Error></Response>"#)
    });
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{AUTODISCOVER}">{response}</Autodiscover>"#
    )
}

fn settings(server: &Server, body: &[u8], by_http: bool) -> Result<String, Refusal> {
    let request = PoxRequest::parse(body).map_err(|_| (600, "Invalid Request"))?;
    let lab = &server.lab;
    let mailbox = match (&request.email_address, &request.legacy_dn) {
        (Some(address), _) => Mailbox::with_address(lab, address),
        (None, Some(dn)) => lab.directory.by_dn(dn).and_then(|entry| Mailbox::of(lab, entry)),
        (None, None) => return Err((600, "Invalid Request")),
    };
    if !matches!(request.response_schema, Some(ResponseSchema::Outlook { .. })) {
        return Err((601, "Provider is not available"));
    }
    let mailbox = mailbox.ok_or((500, "The email address can't be found."))?;
    let user = element("DisplayName", &mailbox.entry.display_name)
        + &element("LegacyDN", &mailbox.entry.dn)
        + &element("AutoDiscoverSMTPAddress", mailbox.address)
        + &element("DeploymentId", &lab.directory.guid.guid().to_string());
    let protocol = if by_http { map_http(server, &mailbox) } else { exch(&mailbox) };
    let account = element("AccountType", "email") + &element("Action", "settings") + &protocol;
    Ok(format!(r#"<Response xmlns="{OUTLOOK}"><User>{user}</User><Account>{account}</Account></Response>"#))
}

/// MAPI over HTTP ([MS-OXDSCLI] 2.2.4.1.1.2.6).
fn map_http(server: &Server, mailbox: &Mailbox<'_>) -> String {
    let urls = |endpoint| {
        let url = mailbox.url(&server.origin, endpoint);
        element("InternalUrl", &url) + &element("ExternalUrl", &url)
    };
    format!(
        r#"<Protocol Type="mapiHttp" Version="1"><MailStore>{}</MailStore><AddressBook>{}</AddressBook></Protocol>"#,
        urls(Endpoint::Emsmdb),
        urls(Endpoint::Nspi)
    )
}

/// RPC over TCP.
fn exch(mailbox: &Mailbox<'_>) -> String {
    let settings = element("Type", "EXCH")
        + &element("Server", mailbox.server_host)
        + &element("ServerDN", &mailbox.server_dn)
        + &element("MdbDN", mailbox.database_dn);
    format!("<Protocol>{settings}</Protocol>")
}
