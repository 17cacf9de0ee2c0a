//! Which sessions are notified of changes of which mailbox.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mapi::data::Text;
use mapi::notification::NewMail;
use mapi::property::PropTag;
use store::{Change, Event, EventKind, EventObject, MailboxId, MessageFilter, ObjectId, View};
use wire::Utf16;

use crate::notify::subscriber::{Pending, Subscriber};
use crate::notify::subscription::{Details, Watch};
use crate::values::flags::flags;

/// The sessions that are notified, by mailbox.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<Subscribers>);

type Subscribers = HashMap<MailboxId, Vec<Weak<Subscriber>>>;

/// The notifications of a change that is not on disk yet. No session begins to be notified meanwhile.
pub(crate) struct Prepared<'a> {
    notices: Vec<(Arc<Subscriber>, Pending)>,
    _subscribers: MutexGuard<'a, Subscribers>,
}

impl Prepared<'_> {
    /// Notifies the sessions: the change is on disk.
    pub(crate) fn deliver(self) {
        for (subscriber, notices) in self.notices {
            subscriber.deliver(notices);
        }
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies an object of a session from now on: of all changes that are made after this returns.
    pub(crate) fn watch(&self, subscriber: &Arc<Subscriber>, handle: u32, watch: Watch) {
        let mut mailboxes = self.lock();
        let known = mailboxes.entry(watch.logon.mailbox.id).or_default();
        known.retain(|other| other.strong_count() > 0);
        if !known.iter().any(|other| std::ptr::eq(other.as_ptr(), Arc::as_ptr(subscriber))) {
            known.push(Arc::downgrade(subscriber));
        }
        subscriber.watch(handle, watch);
    }

    /// The notifications of what `change` did.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn prepare(&self, change: &Change<'_>) -> store::Result<Prepared<'_>> {
        let mut mailboxes = self.lock();
        let mut by_mailbox: BTreeMap<MailboxId, Vec<Event>> = BTreeMap::new();
        for event in change.take_events()? {
            by_mailbox.entry(event.mailbox).or_default().push(event);
        }
        let mut prepared = Vec::new();
        for (mailbox, events) in by_mailbox {
            let Some(known) = mailboxes.get_mut(&mailbox) else { continue };
            known.retain(|one| one.upgrade().is_some_and(|one| one.watches(mailbox)));
            if known.is_empty() {
                mailboxes.remove(&mailbox);
                continue;
            }
            let described =
                |event| Ok((details(change, &event)?, event)).map(|(details, event)| (event, details));
            let events = events.into_iter().map(described);
            let events = events.collect::<store::Result<Vec<_>>>()?;
            for subscriber in known.iter().filter_map(Weak::upgrade) {
                let notices = subscriber.notices(change, mailbox, &events)?;
                if !notices.is_empty() || notices.dropped > 0 {
                    prepared.push((subscriber, notices));
                }
            }
        }
        Ok(Prepared { notices: prepared, _subscribers: mailboxes })
    }
}

fn details(view: &View<'_>, event: &Event) -> store::Result<Details> {
    let mut details = Details::default();
    match (&event.kind, event.object) {
        (EventKind::ContentsModified, EventObject::Folder { id, .. }) => {
            let counts = view.count_messages(event.mailbox, id, MessageFilter::default())?;
            details.counts = Some(counts);
        }
        (EventKind::Delivered, EventObject::Message { id, .. }) => {
            details.new_mail = Some(new_mail(view, event.mailbox, id)?);
        }
        _ => {}
    }
    Ok(details)
}

/// What is notified of a message that was delivered. The class is in Unicode: whether the client is in cached mode, for
/// which it would not be, is not known ([MS-OXCNOTIF] 2.2.1.4.1.2, `UnicodeFlag`).
fn new_mail(view: &View<'_>, mailbox: MailboxId, id: ObjectId) -> store::Result<NewMail> {
    let message = view.message(mailbox, id)?;
    let properties = view.content(message.content)?.properties;
    let class = properties.text(PropTag::PidTagMessageClass).unwrap_or_default();
    Ok(NewMail {
        message_flags: flags(&properties, message.read, message.associated).cast_unsigned(),
        message_class: Text::Unicode(Utf16::new(&class)),
    })
}
