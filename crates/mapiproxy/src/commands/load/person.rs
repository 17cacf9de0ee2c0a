//! What one user does: starts the client, and then reads, sends, looks things up and waits.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{
    Client, ClientConfig, Error, Mailbox, Person as Entry, Recipient, RecipientKind, Resolution, WellKnown,
};
use mapi::data::MessageId;
use mapi::property::{FuzzyLevel, PropTag, PropertyValue, Restriction, TaggedValue};
use mapi::rop::notification::NotificationTypes;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::figures::Figures;
use super::random::Random;

/// The time limit for an operation.
const PATIENCE: Duration = Duration::from_mins(1);

/// The beginning of the subjects of all messages that are sent.
pub(super) const SUBJECT: &str = "mapiproxy load";

/// The most rows that a user reads of a table.
const ROWS: u16 = 50;

/// The most bytes of an attachment that is sent.
const MAX_ATTACHMENT: usize = 200 << 10;

/// What users do, with shares of what they do.
const ACTIONS: [(Action, usize); 6] = [
    (Action::Read, 40),
    (Action::List, 15),
    (Action::Send, 12),
    (Action::Search, 10),
    (Action::Calendar, 10),
    (Action::Wait, 13),
];

#[derive(Debug, Clone, Copy)]
enum Action {
    Read,
    List,
    Send,
    Search,
    Calendar,
    Wait,
}

/// Why an operation failed: the failed step and the reason, without the object, so that equal failures of several users
/// are counted together.
struct Failed(String);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(format!("{}: {}", error.operation, error.failure))
    }
}

/// The error of a reader, which contains that of the client.
impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => error.into(),
            Err(error) => Self(error.to_string()),
        }
    }
}

/// An operation. As a trait object, since the compiler does not recognize that the futures of the functions below can
/// be sent to other threads.
type Operation<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send + 'a>>;

/// A user.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) config: ClientConfig,
    /// The names of all users, to whom messages are sent.
    pub(super) users: Arc<Vec<String>>,
    pub(super) figures: Arc<Figures>,
    pub(super) random: Random,
    /// The mean time between two actions.
    pub(super) think: Duration,
}

impl Person {
    /// Works until this is dropped.
    pub(super) async fn work(mut self) {
        // Users do not all start at the same instant.
        let pause = self.random.pause(self.think);
        tokio::time::sleep(pause.min(self.think)).await;
        loop {
            // A failure of the session was counted. The client starts again.
            let _ = self.session().await;
            self.think().await;
        }
    }

    async fn think(&mut self) {
        let pause = self.random.pause(self.think);
        tokio::time::sleep(pause).await;
    }

    /// Measures an operation.
    async fn measured<T>(figures: &Figures, name: &'static str, operation: Operation<'_, T>) -> Option<T> {
        let begin = Instant::now();
        let (value, failure) = match timeout(PATIENCE, operation).await {
            Ok(Ok(value)) => (Some(value), None),
            Ok(Err(error)) => (None, Some(format!("{name}: {}", error.0))),
            Err(_) => (None, Some(format!("{name}: no response within {} s", PATIENCE.as_secs()))),
        };
        figures.count(name, begin.elapsed(), failure);
        value
    }

    /// Starts the client and works until an operation fails.
    async fn session(&mut self) -> Option<()> {
        let figures = Arc::clone(&self.figures);
        let client = Client::new(self.config.clone());
        let own =
            Self::measured(&figures, "address book", Box::pin(look_up(&client, self.name.clone()))).await?;
        let own_dn = own?.legacy_dn;
        let mailbox =
            Self::measured(&figures, "logon", Box::pin(async { Ok(client.mailbox(&own_dn).await?) })).await?;
        Self::measured(&figures, "folders", Box::pin(async { Ok(mailbox.folders().await?) })).await?;
        Self::measured(&figures, "list", Box::pin(list(&mailbox))).await?;
        loop {
            self.think().await;
            let done = match self.action() {
                Action::Read => {
                    let chance = self.random.below(usize::from(ROWS));
                    Self::measured(&figures, "read", Box::pin(read(&mailbox, chance))).await
                }
                Action::List => Self::measured(&figures, "list", Box::pin(list(&mailbox))).await.map(drop),
                Action::Send => self.send(&client, &mailbox).await,
                Action::Search => {
                    let user = self.some_user();
                    Self::measured(&figures, "address book", Box::pin(look_up(&client, user))).await.map(drop)
                }
                Action::Calendar => Self::measured(&figures, "calendar", Box::pin(calendar(&mailbox))).await,
                Action::Wait => {
                    let pause = self.random.pause(self.think);
                    wait(&figures, &mailbox, pause).await
                }
            };
            done?;
        }
    }

    fn action(&mut self) -> Action {
        let total = ACTIONS.iter().map(|(_, share)| share).sum();
        let mut number = self.random.below(total);
        for (action, share) in ACTIONS {
            match number.checked_sub(share) {
                Some(rest) => number = rest,
                None => return action,
            }
        }
        Action::Read
    }

    fn some_user(&mut self) -> String {
        self.random.choice(&self.users).cloned().unwrap_or_default()
    }

    /// Sends a message to one of the users, every fourth with an attachment.
    async fn send(&mut self, client: &Client, mailbox: &Mailbox) -> Option<()> {
        let figures = Arc::clone(&self.figures);
        let to = self.some_user();
        let to = Self::measured(&figures, "address book", Box::pin(look_up(client, to))).await??;
        let length = if self.random.below(4) == 0 { 1 + self.random.below(MAX_ATTACHMENT) } else { 0 };
        let name = if length == 0 { "send" } else { "send attachment" };
        Self::measured(&figures, name, Box::pin(send(mailbox, &to, length))).await
    }
}

/// The user whom the address book resolves `name` to; `None` if it does not have one.
async fn look_up(client: &Client, name: String) -> Result<Option<Entry>, Failed> {
    let mut book = client.address_book().await?;
    let found = book.resolve_names(&[&name]).await?;
    book.unbind().await?;
    Ok(found.into_iter().find_map(Resolution::person))
}

/// The newest messages of the inbox, as a client shows them.
async fn list(mailbox: &Mailbox) -> Result<Vec<MessageId>, Failed> {
    let inbox = mailbox.folder(WellKnown::Inbox).await?;
    let newest = inbox.messages().sort(PropTag::PidTagMessageDeliveryTime, true).page(ROWS);
    let mut newest = newest.open().await?;
    let mut ids = Vec::new();
    while ids.len() < usize::from(ROWS)
        && let Some(row) = newest.next().await?
    {
        ids.extend(row.message_id());
    }
    Ok(ids)
}

/// Opens one of the newest messages, reads it with its attachments, and marks it as read.
async fn read(mailbox: &Mailbox, chance: usize) -> Result<(), Failed> {
    let ids = list(mailbox).await?;
    let index = chance.checked_rem(ids.len()).unwrap_or_default();
    let Some(id) = ids.get(index) else { return Ok(()) };
    let inbox = mailbox.folder(WellKnown::Inbox).await?;
    let message = inbox.open_message(*id).await?;
    message.get(&[PropTag::PidTagSubject, PropTag::PidTagSenderName, PropTag::PidTagBody]).await?;
    message.recipients().await?;
    for info in message.attachments().await?.iter().filter(|info| !info.is_message) {
        let attachment = message.open_attachment(info.number).await?;
        let mut reader = attachment.reader().await?;
        let mut piece = vec![0; 32 << 10];
        while reader.read(&mut piece).await? > 0 {}
    }
    drop(message);
    Ok(inbox.set_read(&[*id], true).await?)
}

/// The appointments in the calendar.
async fn calendar(mailbox: &Mailbox) -> Result<(), Failed> {
    let calendar = mailbox.find_folder("Calendar").await?;
    let is_appointment = Restriction::Content {
        fuzzy_level: FuzzyLevel::FL_PREFIX,
        tag: PropTag::PidTagMessageClass,
        value: TaggedValue::new(PropTag::PidTagMessageClass, PropertyValue::from("IPM.Appointment")),
    };
    calendar.messages().restriction(is_appointment).page(ROWS).all().await?;
    Ok(())
}

/// Waits for new mail, at most for `pause`. Only a wait that fails is counted.
async fn wait(figures: &Figures, mailbox: &Mailbox, pause: Duration) -> Option<()> {
    let subscription = async { Ok(mailbox.subscribe(NotificationTypes::NEW_MAIL, None).await?) };
    let subscription = Box::pin(subscription);
    let subscription = Person::measured(figures, "subscribe", subscription).await?;
    if let Ok(Err(error)) = timeout(pause, mailbox.next_notification()).await {
        figures.count("wait", Duration::ZERO, Some(format!("wait: {}", Failed::from(error).0)));
        return None;
    }
    drop(subscription);
    Some(())
}

/// Sends a message, with an attachment of `length` bytes unless that is zero.
async fn send(mailbox: &Mailbox, to: &Entry, length: usize) -> Result<(), Failed> {
    let outbox = mailbox.folder(WellKnown::Outbox).await?;
    let message = outbox.create_message().await?;
    let text = |tag, text: &str| TaggedValue::new(tag, PropertyValue::from(text));
    message
        .set(vec![
            text(PropTag::PidTagMessageClass, "IPM.Note"),
            text(PropTag::PidTagSubject, SUBJECT),
            text(PropTag::PidTagBody, &"This message was sent to measure the server. ".repeat(40)),
            mailbox.sent_items_entry(),
        ])
        .await?;
    message.set_recipients(&[Recipient::smtp(RecipientKind::To, &to.display_name, &to.smtp)]).await?;
    if length > 0 {
        message.attach("load.bin", &vec![b'x'; length]).await?;
    }
    Ok(message.submit().await?)
}
