//! The notifications of a session, which follow the responses to its ROPs ([MS-OXCNOTIF] 3.1.5.6, 3.1.5.7).

use std::collections::BTreeSet;

use mapi::emsmdb::RopBuffer;
use mapi::notification::NotificationData;
use mapi::rop::RopResponse;
use mapi::rop::response_only::{RopNotifyResponse, RopPendingResponse};
use store::ObjectId;
use wire::{Encode as _, Writer};

use super::{MailboxSession, SESSION_INDEX};
use crate::notify::subscriber::{ChangedRows, Pending, Queued};
use crate::notify::visible::Visible;
use crate::rops::{forget_table, row_events, table_changed};

/// The size of `RopPending` ([MS-OXCROPS] 2.2.14.3.1).
const PENDING_SIZE: usize = 3;
/// How many tables are listed anew for one response at most. The client reads further ones again.
const TABLES_MAX: usize = 8;

/// The notifications of a response, which have at most `room` further bytes.
struct Output {
    rops: Writer,
    room: usize,
}

impl Output {
    /// Adds the notifications of one object. Returns whether all of them fit; otherwise none is added.
    fn add(&mut self, handle: u32, logon_id: u8, notifications: &[NotificationData]) -> bool {
        let mut encoded = Writer::new();
        for data in notifications {
            let notify =
                RopNotifyResponse { notification_handle: handle, logon_id, notification_data: data.clone() };
            if let Err(error) = RopResponse::Notify(notify).encode(&mut encoded) {
                tracing::error!("lab: a notification cannot be encoded: {error}");
                return true;
            }
        }
        let Some(room) = self.room.checked_sub(encoded.len()) else { return false };
        self.room = room;
        self.rops.bytes(encoded.as_slice());
        true
    }
}

impl MailboxSession {
    /// Appends the notifications that wait to `buffer`, as many as have at most `room` bytes, and `RopPending` if there
    /// are more.
    pub(super) fn append_notifications(&mut self, buffer: &mut RopBuffer, room: usize) {
        let Some(room) = room.checked_sub(PENDING_SIZE).filter(|_| self.subscriber.is_pending()) else {
            return;
        };
        let mut output = Output { rops: Writer::new(), room };
        output.rops.bytes(&buffer.rops);
        let mut pending = self.subscriber.take();
        self.log_dropped(&mut pending);
        while let Some(queued) = pending.queue.pop_front() {
            let is_sent = !self.may_send(&queued)
                || output.add(queued.handle, queued.logon_id, std::slice::from_ref(&queued.data));
            if !is_sent {
                pending.queue.push_front(queued);
                break;
            }
        }
        if pending.queue.is_empty() {
            self.append_tables(&mut output, &mut pending);
        }
        if !pending.is_empty() {
            let more = RopResponse::Pending(RopPendingResponse { session_index: SESSION_INDEX });
            // It has a fixed size, for which there is room.
            let _ = more.encode(&mut output.rops);
            self.subscriber.put_back(pending);
        }
        buffer.rops = output.rops.into_vec().into();
    }

    fn log_dropped(&self, pending: &mut Pending) {
        let dropped = std::mem::take(&mut pending.dropped);
        if dropped > 0 {
            let user = self.backend.directory.entry(self.user).map_or("", |user| &user.alias);
            tracing::info!(%user, dropped, "lab: notifications were dropped, since the client did not fetch them");
        }
    }

    /// Whether the user may see what a notification is about, as the permissions are now.
    fn may_send(&self, queued: &Queued) -> bool {
        if queued.logon.is_owner() {
            return true;
        }
        let seen = self.backend.read(|view| {
            let visible = Visible::new(view, &queued.logon);
            let objects = [Some(queued.object), queued.before];
            objects
                .into_iter()
                .flatten()
                .try_fold(true, |seen, object| Ok(seen && visible.still_sees(object)?))
        });
        seen.unwrap_or_else(|error: store::Error| {
            tracing::error!("lab: a notification was dropped: {error}");
            false
        })
    }

    /// Appends the notifications of tables, and leaves those in `pending` that do not fit.
    fn append_tables(&mut self, output: &mut Output, pending: &mut Pending) {
        let mut listed = 0_usize;
        for (handle, rows) in std::mem::take(&mut pending.tables) {
            let Some(logon_id) = self.subscriber.logon_id(handle) else { continue };
            let events = match rows {
                ChangedRows::Of(modified) if listed < TABLES_MAX => {
                    listed = listed.saturating_add(1);
                    self.row_events(handle, &modified)
                }
                _ => None,
            };
            if events.is_some_and(|events| output.add(handle, logon_id, &events)) {
                continue;
            }
            let Some(changed) = table_changed(self, handle) else { continue };
            if output.add(handle, logon_id, &[changed]) {
                forget_table(self, handle);
            } else {
                pending.tables.insert(handle, ChangedRows::All);
            }
        }
    }

    /// The notifications of a table; none if the user may no longer read it. `None` if the client has to read the table
    /// again.
    fn row_events(&mut self, handle: u32, modified: &BTreeSet<ObjectId>) -> Option<Vec<NotificationData>> {
        row_events(self, handle, modified).unwrap_or_else(|refusal| {
            tracing::debug!("lab: a table has no notifications: {}", refusal.0);
            Some(Vec::new())
        })
    }
}
