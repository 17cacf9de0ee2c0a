//! The acts of the demo: what alice and bob do through the proxy.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use client::{
    Client, ClientConfig, HttpServer, Mailbox, Message, Recipient, RecipientKind, Resolution, WellKnown,
    http_account,
};
use console::Flow;
use identity::{Mechanism, Password};
use lab::LabConfig;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::notification::NotificationTypes;
use rpc::AuthLevel;
use tokio::io::AsyncReadExt as _;

use super::place::{Place, SERVICE};
use super::screen::Screen;
use crate::failure::Outcome;

/// How long bob waits for the notification.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long no further operation must finish until those of an act are printed.
const SETTLED: Duration = Duration::from_millis(100);

/// The lines of the attachment.
const LINE: &str = "Tea at four, as usual.\n";
const LINES: usize = 2000;

/// The servers, and the operations that finished in the proxy.
#[derive(Debug)]
pub(super) struct Acts<'a> {
    pub(super) screen: &'a Screen,
    pub(super) place: &'a Place,
    /// The proxy's endpoint mapper and its address for HTTPS.
    pub(super) proxy: (SocketAddr, SocketAddr),
    /// The test server's address for HTTPS.
    pub(super) lab: SocketAddr,
    pub(super) flows: Receiver<Flow>,
}

impl Acts<'_> {
    /// All acts, one after the other.
    pub(super) async fn play(&self) -> Outcome {
        let bob = self.rpc("bob", &self.place.bob).mailbox(&dn("bob")).await?;
        Box::pin(self.send(&bob)).await?;
        Box::pin(self.read(&bob)).await?;
        bob.disconnect().await?;
        self.settled().await;
        Box::pin(self.refuse()).await?;
        Box::pin(self.names()).await
    }

    async fn send(&self, bob: &Mailbox) -> Outcome {
        self.screen.heading("1. Alice writes to Bob over MAPI over HTTP")?;
        let subscription = bob.subscribe(NotificationTypes::NEW_MAIL, None).await?;
        let sending = async {
            let alice = self.https("alice", &self.place.alice, self.proxy.1)?.mailbox(&dn("alice")).await?;
            let outbox = alice.folder(WellKnown::Outbox).await?;
            write(outbox.create_message().await?).await?;
            drop(outbox);
            Ok::<_, Box<dyn Error>>(alice.disconnect().await?)
        };
        let notified = async {
            let waited = tokio::time::timeout(PATIENCE, bob.next_notification()).await;
            waited.map_err(|_| "bob received no notification of the new message")??;
            Ok::<_, Box<dyn Error>>(())
        };
        tokio::try_join!(sending, notified)?;
        drop(subscription);
        self.screen.text(&format!(
            "Alice signed in to the proxy within TLS, and sent \"Tea?\" with an attachment of {} bytes. The proxy \
             decoded each of her requests into its ROPs, the operations of MAPI:",
            LINE.len() * LINES
        ))?;
        self.operations().await
    }

    async fn read(&self, bob: &Mailbox) -> Outcome {
        self.screen.heading("2. Bob is notified over ExchangeRPC, and reads the message")?;
        let inbox = bob.folder(WellKnown::Inbox).await?;
        let newest = inbox.messages().sort(PropTag::PidTagMessageDeliveryTime, true).all().await?;
        let id = newest.first().and_then(client::Properties::message_id);
        let message = inbox.open_message(id.ok_or("bob's inbox has no message")?).await?;
        let texts = message.get(&[PropTag::PidTagSubject, PropTag::PidTagBody]).await?;
        let text = |tag| texts.text(tag).unwrap_or_default();
        let infos = message.attachments().await?;
        let attached = infos.first().ok_or("the message has no attachment")?;
        let mut bytes = Vec::new();
        message.open_attachment(attached.number).await?.reader().await?.read_to_end(&mut bytes).await?;
        let state = if bytes == LINE.repeat(LINES).as_bytes() { "unchanged" } else { "CHANGED" };
        self.screen.text(&format!(
            "Bob signed in with his own account, by another protocol. The server notified him, and he read \"{}\": \
             \"{}\" and the attachment {}, {} bytes, {state}:",
            text(PropTag::PidTagSubject),
            text(PropTag::PidTagBody),
            attached.name,
            bytes.len()
        ))?;
        drop((message, inbox));
        self.operations().await
    }

    async fn refuse(&self) -> Outcome {
        self.screen.heading("3. Alice tries to read Bob's mailbox")?;
        let as_bob = self.https("bob", &self.place.alice, self.proxy.1)?.mailbox(&dn("bob")).await;
        let refused = as_bob.err().ok_or("alice's password was accepted for bob")?;
        self.screen.text(&format!(
            "She signs in as Bob with her own password. The proxy refuses her, and the server receives nothing: \
             {}.",
            refused.failure
        ))?;
        let mailbox = self.https("alice", &self.place.alice, self.proxy.1)?;
        let mailbox = mailbox.mailbox_of(&dn("alice"), &dn("bob")).await;
        let refused = match mailbox {
            Ok(mailbox) => {
                let opened = mailbox.folder(WellKnown::Inbox).await;
                let listed = match opened {
                    Ok(inbox) => inbox.messages().all().await.err(),
                    Err(error) => Some(error),
                };
                mailbox.disconnect().await?;
                listed
            }
            Err(error) => Some(error),
        };
        let refused = refused.ok_or("alice could read bob's inbox")?;
        self.screen.text(&format!(
            "Then she signs in as herself and opens Bob's inbox. Bob has not permitted it, and the server refuses: \
             {} {}.",
            refused.operation, refused.failure
        ))?;
        self.operations().await
    }

    async fn names(&self) -> Outcome {
        self.screen.heading("4. The proxy hides the server's name")?;
        let at_server = home_server(self.https(SERVICE, &self.place.service, self.lab)?).await?;
        let at_proxy = home_server(self.https("alice", &self.place.alice, self.proxy.1)?).await?;
        self.screen.text(&format!(
            "In the server's own address book, Bob's mailbox is on {at_server}. Alice, who is connected through the \
             proxy, received {at_proxy}. The module `names` replaces the name in both directions, so that clients \
             always connect to the proxy:"
        ))?;
        self.operations().await
    }

    /// Prints the operations since those that were printed last.
    async fn operations(&self) -> Outcome {
        Ok(self.screen.operations(&self.settled().await)?)
    }

    /// The operations since the last call.
    async fn settled(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        loop {
            tokio::time::sleep(SETTLED).await;
            let before = flows.len();
            flows.extend(self.flows.try_iter());
            if flows.len() == before {
                return flows;
            }
        }
    }

    fn rpc(&self, user: &str, password: &Password) -> Client {
        let account = client::account(user, "LAB", password, Mechanism::NTLM, AuthLevel::PKT_PRIVACY);
        let (host, port) = (self.proxy.0.ip().to_string(), self.proxy.0.port());
        Client::new(ClientConfig::mapper(&host, port).with_account(account))
    }

    fn https(&self, user: &str, password: &Password, at: SocketAddr) -> Result<Client, Box<dyn Error>> {
        let account = http_account(user, "LAB", password, Mechanism::NTLM)?;
        let server = HttpServer::new(&at.ip().to_string(), at.port(), Some(&self.place.certificate()))?;
        Ok(Client::new(ClientConfig::http(server).with_account(account)))
    }
}

fn dn(user: &str) -> String {
    LabConfig::default().user_dn(user)
}

/// Writes the message to bob with its attachment, and submits it.
async fn write(message: Message) -> Outcome {
    let text = |tag, text: &str| TaggedValue::new(tag, PropertyValue::from(text));
    message
        .set(vec![
            text(PropTag::PidTagMessageClass, "IPM.Note"),
            text(PropTag::PidTagSubject, "Tea?"),
            text(PropTag::PidTagBody, "At four."),
        ])
        .await?;
    message.set_recipients(&[Recipient::smtp(RecipientKind::To, "Bob", "bob@lab.test")]).await?;
    message.attach("tea.txt", LINE.repeat(LINES).as_bytes()).await?;
    Ok(message.submit().await?)
}

/// The name of the server of bob's mailbox, as `client` finds it in the address book.
async fn home_server(client: Client) -> Result<String, Box<dyn Error>> {
    let mut book = client.address_book().await?;
    let resolved = book.resolve_names(&["bob"]).await?;
    book.unbind().await?;
    let bob = resolved.into_iter().find_map(Resolution::person).ok_or("the address book has no bob")?;
    let name = bob.home_database.split("/cn=Servers/cn=").nth(1).and_then(|rest| rest.split('/').next());
    Ok(name.ok_or("bob's mailbox has no server")?.to_owned())
}
