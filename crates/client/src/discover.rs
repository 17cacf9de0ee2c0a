//! Autodiscover ([MS-OXDISCO], [MS-OXDSCLI]): finds the server of a user.

use std::path::Path;

use mapi::autodiscover::{PoxResponse, UrlParts};
use net::http::{TlsTrust, TlsVersion};
use net::{ErrorChain, ServiceCredentials};

use crate::config::{ClientConfig, HttpServer, Server};
use crate::error::{Error, Failure};
use crate::http::HttpRoad;

/// The operation, in errors.
const AUTODISCOVER: &str = "autodiscover";

/// The request target of Autodiscover in plain XML ([MS-OXDISCO] 3.1.5.3).
const TARGET: &str = "/autodiscover/autodiscover.xml";

/// The schema of the response that is requested ([MS-OXDSCLI] 2.2.3.1.1.1).
const SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
/// The schema of the request ([MS-OXDSCLI] 2.2.3).
const REQUEST_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";

/// What Autodiscover found.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The configuration of a client of the user's server, with the account that Autodiscover was used with.
    pub config: ClientConfig,
    /// The distinguished name of the user (`LegacyDN`), for [`crate::Client::mailbox`].
    pub user_dn: String,
}

/// Finds the server of MAPI over HTTP for the user with the address `email`, with `account`.
///
/// The Autodiscover service of `server` is used, or else those of `https://DOMAIN` and `https://autodiscover.DOMAIN`,
/// of which the first that responds with settings is used ([MS-OXDISCO] 3.1.5.3). Redirections are not followed. The
/// certificate of the server that is found is verified with the certificates in `ca_file` or else those of the system.
/// The server is used with the same account; without TLS it is refused, unless Autodiscover was reached without TLS.
///
/// # Errors
/// If no server responds with settings, or they cannot be used. The error is that of the last server.
pub async fn discover(
    email: &str,
    account: ServiceCredentials,
    server: Option<&HttpServer>,
    ca_file: Option<&Path>,
) -> Result<Discovered, Error> {
    // Its server is replaced by the one that is found.
    let config = &ClientConfig::http(HttpServer::without_tls("", 0)).with_account(account);
    let error = |failure| Error { operation: AUTODISCOVER, object: email.into(), failure };
    let (_, domain) = email.rsplit_once('@').ok_or(error(Failure::Unsupported("not an email address")))?;
    if let Some(server) = server {
        return at(server, email, config, ca_file).await.map_err(error);
    }
    let mut last = Failure::NotFound;
    for host in [domain.to_owned(), format!("autodiscover.{domain}")] {
        let found = match HttpServer::new(&host, 443, ca_file) {
            Ok(server) => at(&server, email, config, ca_file).await,
            Err(why) => Err(Failure::Unreachable(ErrorChain(&why).to_string())),
        };
        match found {
            Ok(found) => return Ok(found),
            Err(failure) => last = failure,
        }
    }
    Err(error(last))
}

/// Finds the server by the Autodiscover service of `server`.
async fn at(
    server: &HttpServer,
    email: &str,
    config: &ClientConfig,
    ca_file: Option<&Path>,
) -> Result<Discovered, Failure> {
    let fields = [("Content-Type", "text/xml; charset=utf-8"), ("X-MapiHttpCapability", "1")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{REQUEST_SCHEMA}\"><Request>\
         <EMailAddress>{}</EMailAddress><AcceptableResponseSchema>{SCHEMA}</AcceptableResponseSchema>\
         </Request></Autodiscover>",
        escaped(email)
    );
    let response = HttpRoad::new(server, config)?.post(TARGET, &fields, body.as_bytes()).await?;
    if response.head.status() != 200 {
        return Err(Failure::Status(response.head.status()));
    }
    let settings = PoxResponse::parse(&response.body);
    let settings = settings.map_err(|why| Failure::Autodiscover(why.to_string()))?;
    if let Some(message) = settings.message {
        return Err(Failure::Autodiscover(message));
    }
    let user_dn = settings.legacy_dn.ok_or(Failure::Missing("LegacyDN"))?;
    let (Some(mail_store), Some(address_book)) = (settings.mail_store, settings.address_book) else {
        return Err(Failure::Missing("settings of MAPI over HTTP"));
    };
    let found = found(server, &mail_store, &address_book, ca_file)?;
    Ok(Discovered { config: ClientConfig { server: Server::Http(found), ..config.clone() }, user_dn })
}

/// The server with these URLs, which must be of one host.
fn found(
    by: &HttpServer,
    mail_store: &str,
    address_book: &str,
    ca_file: Option<&Path>,
) -> Result<HttpServer, Failure> {
    let invalid = || Failure::Missing("usable URL of MAPI over HTTP");
    let (store, book) = (UrlParts::split(mail_store), UrlParts::split(address_book));
    let (store, book) = (store.ok_or_else(invalid)?, book.ok_or_else(invalid)?);
    let is_tls = store.scheme.eq_ignore_ascii_case("https");
    if !store.authority.eq_ignore_ascii_case(book.authority)
        || !store.scheme.eq_ignore_ascii_case(book.scheme)
    {
        return Err(Failure::Unsupported("the mailbox store and the address book have different servers"));
    }
    if !is_tls && by.tls.is_some() {
        return Err(Failure::Unsupported("the server that Autodiscover names does not use TLS"));
    }
    let host = store.host.trim_matches(['[', ']']);
    let port = store.port.unwrap_or(if is_tls { 443 } else { 80 });
    let trust = || TlsTrust::new(host, ca_file, TlsVersion::default());
    let tls = is_tls.then(trust).transpose();
    let tls = tls.map_err(|why| Failure::Unreachable(ErrorChain(&why).to_string()))?;
    let target = |rest: &str| if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    Ok(HttpServer {
        tls,
        emsmdb: target(store.rest),
        nspi: target(book.rest),
        ..HttpServer::without_tls(host, port)
    })
}

/// `text` as the content of an XML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_tls_is_refused_unless_autodiscover_had_none() {
        let (store, book) =
            ("http://mail.lab.test/mapi/emsmdb/?MailboxId=a", "http://mail.lab.test/mapi/nspi/");
        let plain = HttpServer::without_tls("lab.test", 80);
        let server = found(&plain, store, book, None).unwrap();
        assert_eq!((server.host.as_str(), server.port, server.tls.is_some()), ("mail.lab.test", 80, false));
        assert_eq!(
            (server.emsmdb.as_str(), server.nspi.as_str()),
            ("/mapi/emsmdb/?MailboxId=a", "/mapi/nspi/")
        );
        let by_tls = HttpServer::new("lab.test", 443, None).unwrap();
        assert!(matches!(found(&by_tls, store, book, None), Err(Failure::Unsupported(_))));
        let other = "http://other.test/mapi/nspi/";
        assert!(matches!(found(&plain, store, other, None), Err(Failure::Unsupported(_))));
        assert!(matches!(found(&plain, "ftp://a/", book, None), Err(Failure::Missing(_))));
    }

    #[test]
    fn an_address_cannot_add_elements_to_the_request() {
        assert_eq!(escaped("a<b>&c@lab.test"), "a&lt;b&gt;&amp;c@lab.test");
    }
}
