//! The subscriptions of one session, and the notifications that wait for its next request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapi::notification::{NotificationData, NotificationType};
use store::{Event, EventKind, EventObject, MailboxId, ObjectId, View};
use tokio::sync::watch;

use crate::notify::subscription::{Details, Interest, Notice, Watch, notification};
use crate::notify::visible::Visible;
use crate::session::logon::Logon;

/// How many notifications of a session wait at most. Further ones are dropped. Of one change, no more events are
/// matched.
const QUEUE_MAX: usize = 1000;
/// How many changed rows of a table are kept at most. With more of them the client reads the table again.
const ROWS_MAX: usize = 32;

/// Whether a session has notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It has no notifications.
    Quiet,
    /// Its next request returns notifications.
    Pending,
    /// The session has ended.
    Ended,
}

/// The subscriptions of one session, and its notifications.
#[derive(Debug)]
pub(crate) struct Subscriber {
    state: Mutex<State>,
    signal: watch::Sender<Signal>,
    /// Whether the client waits for notifications over RPC.
    is_waiting: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// What the objects of the session are notified of, by handle.
    watches: BTreeMap<u32, Watch>,
    pending: Pending,
}

/// The notifications of a session that wait.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Those of subscriptions, in the order of the events.
    pub(crate) queue: VecDeque<Queued>,
    /// The tables whose rows have changed, by handle.
    pub(crate) tables: BTreeMap<u32, ChangedRows>,
    /// How many notifications were dropped.
    pub(crate) dropped: u64,
}

/// A notification that waits.
#[derive(Debug)]
pub(crate) struct Queued {
    /// The handle of the subscription.
    pub(crate) handle: u32,
    pub(crate) logon_id: u8,
    pub(crate) logon: Arc<Logon>,
    /// The object of the event, and what it was before it was moved or copied.
    pub(crate) object: EventObject,
    pub(crate) before: Option<EventObject>,
    pub(crate) data: NotificationData,
}

impl Queued {
    fn new(handle: u32, watch: &Watch, event: &Event, data: NotificationData) -> Self {
        let before = match event.kind {
            EventKind::Moved { from } | EventKind::Copied { from } => Some(from),
            _ => None,
        };
        let (logon_id, logon) = (watch.logon_id, Arc::clone(&watch.logon));
        Self { handle, logon_id, logon, object: event.object, before, data }
    }
}

/// The rows of a table that have other values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChangedRows {
    /// Those of these objects.
    Of(BTreeSet<ObjectId>),
    /// Too many to list.
    All,
}

impl Default for ChangedRows {
    fn default() -> Self {
        Self::Of(BTreeSet::new())
    }
}

impl ChangedRows {
    fn add(&mut self, row: Option<ObjectId>) {
        if let (Self::Of(rows), Some(row)) = (&mut *self, row) {
            rows.insert(row);
            if rows.len() > ROWS_MAX {
                *self = Self::All;
            }
        }
    }
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.tables.is_empty()
    }

    /// Adds a notification, unless there are too many. A change of an object that has changed before replaces the
    /// earlier one.
    fn push(&mut self, queued: Queued) {
        let changed = |queued: &Queued| queued.data.notification_type() == NotificationType::ObjectModified;
        let is_change = changed(&queued);
        let same = |other: &&mut Queued| {
            other.handle == queued.handle && other.object == queued.object && changed(other)
        };
        if is_change && let Some(earlier) = self.queue.iter_mut().find(same) {
            // One that has no counts does not take those of the other away.
            if queued.data.total_message_count.is_some() || earlier.data.total_message_count.is_none() {
                earlier.data = queued.data;
            }
        } else if self.queue.len() < QUEUE_MAX {
            self.queue.push_back(queued);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Adds what came later.
    fn append(&mut self, later: Self) {
        for queued in later.queue {
            self.push(queued);
        }
        for (handle, rows) in later.tables {
            let table = self.tables.entry(handle).or_default();
            match rows {
                ChangedRows::All => *table = ChangedRows::All,
                ChangedRows::Of(rows) => rows.into_iter().for_each(|row| table.add(Some(row))),
            }
        }
        self.dropped = self.dropped.saturating_add(later.dropped);
    }
}

impl Subscriber {
    pub(crate) fn new() -> Self {
        let (state, signal) = (Mutex::default(), watch::Sender::new(Signal::Quiet));
        Self { state, signal, is_waiting: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies the object with the handle `handle` from now on. Use [`Hub::watch`](super::hub::Hub::watch).
    pub(super) fn watch(&self, handle: u32, watch: Watch) {
        self.lock().watches.insert(handle, watch);
    }

    /// Ends the notifications of the objects that `is_open` does not name.
    pub(crate) fn retain(&self, is_open: impl Fn(u32) -> bool) {
        let mut state = self.lock();
        state.watches.retain(|handle, _| is_open(*handle));
        state.pending.queue.retain(|queued| is_open(queued.handle));
        state.pending.tables.retain(|handle, _| is_open(*handle));
        self.update(&state);
    }

    /// The logon of an object that is notified.
    pub(crate) fn logon_id(&self, handle: u32) -> Option<u8> {
        self.lock().watches.get(&handle).map(|watch| watch.logon_id)
    }

    /// Whether an object is notified of changes of this mailbox.
    pub(super) fn watches(&self, mailbox: MailboxId) -> bool {
        self.lock().watches.values().any(|watch| watch.logon.mailbox.id == mailbox)
    }

    /// What the objects of the session are notified of about `events`, which are of `mailbox`.
    pub(super) fn notices(
        &self,
        view: &View<'_>,
        mailbox: MailboxId,
        events: &[(Event, Details)],
    ) -> store::Result<Pending> {
        let (state, mut pending) = (self.lock(), Pending::default());
        let watches = state.watches.iter().filter(|(_, watch)| watch.logon.mailbox.id == mailbox);
        let watches: Vec<(&u32, &Watch)> = watches.collect();
        let Some((_, first)) = watches.first() else { return Ok(pending) };
        // All logons of a session are of its user.
        let visible = Visible::new(view, &first.logon);
        for (event, details) in events.iter().take(QUEUE_MAX) {
            let Some(event) = visible.event(event)? else { continue };
            for (handle, watch) in &watches {
                match watch.notice(&event, &visible)? {
                    Some(Notice::Object) => {
                        pending.push(Queued::new(**handle, watch, &event, notification(&event, details)));
                    }
                    Some(Notice::Rows(row)) => pending.tables.entry(**handle).or_default().add(row),
                    None => {}
                }
            }
        }
        // Further events are not matched, so that a change holds others up for a limited time.
        let rest = events.get(QUEUE_MAX..).unwrap_or_default();
        let mut sees_more = false;
        for (event, _) in rest {
            sees_more |= visible.event(event)?.is_some();
        }
        if sees_more {
            pending.dropped = pending.dropped.saturating_add(u64::try_from(rest.len()).unwrap_or(u64::MAX));
            for (handle, watch) in &watches {
                if !matches!(watch.interest, Interest::Objects { .. }) {
                    pending.tables.insert(**handle, ChangedRows::All);
                }
            }
        }
        Ok(pending)
    }

    /// Adds what [`Subscriber::notices`] returned.
    pub(super) fn deliver(&self, notices: Pending) {
        let mut state = self.lock();
        state.pending.append(notices);
        self.update(&state);
    }

    /// What waits for the session; nothing waits then.
    pub(crate) fn take(&self) -> Pending {
        let mut state = self.lock();
        let pending = std::mem::take(&mut state.pending);
        self.update(&state);
        pending
    }

    /// Puts back what did not fit into a response, before what has been added since.
    pub(crate) fn put_back(&self, rest: Pending) {
        let mut state = self.lock();
        let since = std::mem::replace(&mut state.pending, rest);
        state.pending.append(since);
        self.update(&state);
    }

    fn update(&self, state: &State) {
        let wanted = if state.pending.is_empty() { Signal::Quiet } else { Signal::Pending };
        self.signal.send_if_modified(|signal| {
            let is_other = *signal != wanted && *signal != Signal::Ended;
            if is_other {
                *signal = wanted;
            }
            is_other
        });
    }

    /// Whether notifications wait.
    pub(crate) fn is_pending(&self) -> bool {
        *self.signal.borrow() == Signal::Pending
    }

    /// Completes once notifications wait, or the session has ended.
    pub(crate) async fn ready(&self) -> Signal {
        let mut signal = self.signal.subscribe();
        let ready = signal.wait_for(|signal| *signal != Signal::Quiet).await;
        ready.map_or(Signal::Ended, |signal| *signal)
    }

    /// Begins a wait over RPC; `None` if there is one ([MS-OXCRPC] 3.3.4.1).
    pub(crate) fn begin_wait(self: &Arc<Self>) -> Option<OnlyWait> {
        let is_first = !self.is_waiting.swap(true, Ordering::AcqRel);
        is_first.then(|| OnlyWait(Arc::clone(self)))
    }

    /// The session has ended.
    pub(crate) fn end(&self) {
        self.signal.send_replace(Signal::Ended);
    }
}

/// The only wait of a session over RPC. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct OnlyWait(Arc<Subscriber>);

impl OnlyWait {
    pub(crate) async fn ready(&self) -> Signal {
        self.0.ready().await
    }
}

impl Drop for OnlyWait {
    fn drop(&mut self) {
        self.0.is_waiting.store(false, Ordering::Release);
    }
}
