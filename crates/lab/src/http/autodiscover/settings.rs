//! What clients need to know of a mailbox.

use mapi::mapihttp::Endpoint;

use crate::directory::{ALL_USERS, Entry};
use crate::http::server::elsewhere_origin;
use crate::service::Lab;

/// The person with this mail address, in any letter case.
fn by_address<'a>(lab: &'a Lab, address: &str) -> Option<&'a Entry> {
    let people = lab.directory.container(ALL_USERS)?;
    let mut entries = people.rows.iter().filter_map(|mid| lab.directory.entry(*mid));
    entries.find(|entry| entry.smtp().is_some_and(|smtp| smtp.eq_ignore_ascii_case(address.trim())))
}

/// The mailbox of a person, as clients name it.
pub(super) struct Mailbox<'a> {
    pub(super) entry: &'a Entry,
    /// The mail address.
    pub(super) address: &'a str,
    /// The name that identifies the mailbox within URLs: its GUID, and the domain of its addresses.
    id: String,
    pub(super) server_host: &'a str,
    pub(super) server_dn: String,
    pub(super) database_dn: &'a str,
    /// The scheme and host of its URLs, if it is not of this lab.
    origin: Option<String>,
}

impl<'a> Mailbox<'a> {
    pub(super) fn of(lab: &'a Lab, entry: &'a Entry) -> Option<Self> {
        let person = entry.person()?;
        let config = lab.config();
        let database_dn = person.database.as_str();
        let server = config.all_servers().find(|server| config.database_dn(&server.name) == database_dn)?;
        Some(Self {
            entry,
            address: &person.smtp,
            id: format!("{}@{}", entry.guid, config.domain),
            server_host: &server.host,
            server_dn: config.server_dn(&server.name),
            database_dn,
            origin: elsewhere_origin(lab, entry),
        })
    }

    pub(super) fn with_address(lab: &'a Lab, address: &str) -> Option<Self> {
        Self::of(lab, by_address(lab, address)?)
    }

    pub(super) fn url(&self, origin: &str, endpoint: Endpoint) -> String {
        let origin = self.origin.as_deref().unwrap_or(origin);
        format!("{origin}{}/?MailboxId={}", endpoint.path(), self.id)
    }
}

/// `text` within an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An element with text.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}
