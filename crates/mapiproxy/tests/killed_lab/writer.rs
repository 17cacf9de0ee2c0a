//! A user who writes until the server is gone, and what that user may then find.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use client::{
    Client, ClientConfig, Error, Folder, HttpServer, Mailbox, Message, Recipient, RecipientKind, WellKnown,
    account, http_account,
};
use identity::{Mechanism, Password};
use lab::LabConfig;
use mapi::data::MessageId;
use mapi::property::PropTag;
use rpc::AuthLevel;
use tokio::io::AsyncReadExt as _;

use crate::server::{PASSWORD, Server};

/// The size of attachments.
const ATTACHED: usize = 100 << 10;

/// The folders in which a message is found, sorted; none for a message that does not exist.
type Places = Vec<&'static str>;

/// A user who writes.
pub(crate) struct Writer {
    user: &'static str,
    by_http: bool,
    /// The number of operations that the server reported as done.
    pub(crate) done: u64,
    next: u64,
    /// Where each message may be, by its subject: one possibility, or several if an operation was interrupted.
    expected: BTreeMap<String, BTreeSet<Places>>,
}

impl Writer {
    pub(crate) fn new(user: &'static str, by_http: bool) -> Self {
        Self { user, by_http, done: 0, next: 0, expected: BTreeMap::new() }
    }

    /// Saves, moves, deletes and sends messages, until the connection is lost.
    pub(crate) async fn write_until_lost(&mut self, addresses: (SocketAddr, SocketAddr)) {
        let lost = async {
            let mailbox = open(self.user, self.by_http, addresses).await?;
            let inbox = mailbox.folder(WellKnown::Inbox).await?;
            let outbox = mailbox.folder(WellKnown::Outbox).await?;
            let deleted = mailbox.folder(WellKnown::DeletedItems).await?;
            loop {
                self.next += 1;
                let subject = format!("{} {}", self.user, self.next);
                if self.next.is_multiple_of(4) {
                    let message = compose(&outbox, &subject).await?;
                    send_later(&mailbox, &message).await?;
                    self.begin(&subject, &[vec![], vec!["bob's inbox", "sent"]]);
                    message.submit().await?;
                    self.end(&subject, vec!["bob's inbox", "sent"]);
                    continue;
                }
                let mut message = compose(&inbox, &subject).await?;
                self.begin(&subject, &[vec![], vec!["inbox"]]);
                let id = message.save().await?;
                self.end(&subject, vec!["inbox"]);
                drop(message);
                match self.next % 4 {
                    1 => {
                        self.begin(&subject, &[vec!["inbox"], vec!["deleted"]]);
                        inbox.move_messages(&[id], &deleted).await?;
                        self.end(&subject, vec!["deleted"]);
                    }
                    2 => {
                        self.begin(&subject, &[vec!["inbox"], vec![]]);
                        inbox.delete_messages(&[id]).await?;
                        self.end(&subject, vec![]);
                    }
                    _ => {}
                }
            }
        };
        let lost: Result<std::convert::Infallible, Error> = lost.await;
        let Err(error) = lost;
        // What the server refuses would not be the loss of the connection.
        assert_eq!(error.code(), None, "{error}");
    }

    /// An operation begins, after which one of these possibilities applies.
    fn begin(&mut self, subject: &str, possible: &[Places]) {
        self.expected.insert(subject.to_owned(), possible.iter().cloned().collect());
    }

    /// The operation was reported as done.
    fn end(&mut self, subject: &str, places: Places) {
        self.expected.insert(subject.to_owned(), BTreeSet::from([places]));
        self.done += 1;
    }

    /// Asserts that each message is where it may be, and is whole.
    pub(crate) async fn expect(&self, server: &Server) {
        let addresses = (server.rpc, server.http);
        let own = open(self.user, self.by_http, addresses).await.unwrap();
        let bob = open("bob", false, addresses).await.unwrap();
        let mut found: BTreeMap<String, Places> = BTreeMap::new();
        for (mailbox, place, folder) in [
            (&bob, "bob's inbox", WellKnown::Inbox),
            (&own, "deleted", WellKnown::DeletedItems),
            (&own, "inbox", WellKnown::Inbox),
            (&own, "outbox", WellKnown::Outbox),
            (&own, "sent", WellKnown::SentItems),
        ] {
            let folder = mailbox.folder(folder).await.unwrap();
            for row in folder.messages().all().await.unwrap() {
                let subject = row.text(PropTag::PidTagSubject).unwrap_or_default();
                if subject.split(' ').next() == Some(self.user) {
                    expect_whole(&folder, row.message_id().unwrap(), &subject).await;
                    found.entry(subject).or_default().push(place);
                }
            }
        }
        for (subject, possible) in &self.expected {
            let places = found.remove(subject).unwrap_or_default();
            assert!(possible.contains(&places), "{subject:?} is in {places:?}, expected one of {possible:?}");
        }
        assert!(found.is_empty(), "messages that were never saved: {found:?}");
        own.disconnect().await.unwrap();
        bob.disconnect().await.unwrap();
    }
}

async fn open(user: &str, by_http: bool, (rpc, http): (SocketAddr, SocketAddr)) -> Result<Mailbox, Error> {
    let password = Password::new(PASSWORD);
    let config = if by_http {
        let server = HttpServer::without_tls(&http.ip().to_string(), http.port());
        let account = http_account(user, "LAB", &password, Mechanism::NTLM).unwrap();
        ClientConfig::http(server).with_account(account)
    } else {
        let account = account(user, "LAB", &password, Mechanism::NTLM, AuthLevel::PKT_PRIVACY);
        ClientConfig::fixed(&rpc.ip().to_string(), rpc.port()).with_account(account)
    };
    Client::new(config).mailbox(&LabConfig::default().user_dn(user)).await
}

/// The bytes of the attachment of a message.
fn attached(subject: &str) -> Vec<u8> {
    subject.bytes().cycle().take(ATTACHED).collect()
}

/// A message with an attachment, not saved.
async fn compose(folder: &Folder, subject: &str) -> Result<Message, Error> {
    let message = folder.create_message().await?;
    message.set_text(PropTag::PidTagSubject, subject).await?;
    message.set_text(PropTag::PidTagBody, &format!("body of {subject}")).await?;
    message.attach("file", &attached(subject)).await?;
    Ok(message)
}

/// Addresses the message to bob, with a copy in the sent items.
async fn send_later(mailbox: &Mailbox, message: &Message) -> Result<(), Error> {
    message.set(vec![mailbox.sent_items_entry()]).await?;
    message.set_recipients(&[Recipient::smtp(RecipientKind::To, "bob", "bob@lab.test")]).await
}

/// Asserts that a message has its body and its attachment.
async fn expect_whole(folder: &Folder, id: MessageId, subject: &str) {
    let message = folder.open_message(id).await.unwrap();
    let body = message.get(&[PropTag::PidTagBody]).await.unwrap().text(PropTag::PidTagBody);
    assert_eq!(body, Some(format!("body of {subject}")));
    let attachments = message.attachments().await.unwrap();
    assert_eq!(attachments.len(), 1, "{subject}");
    let mut bytes = Vec::new();
    let attachment = message.open_attachment(attachments[0].number).await.unwrap();
    attachment.reader().await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert!(bytes == attached(subject), "the attachment of {subject}: {} bytes", bytes.len());
}
