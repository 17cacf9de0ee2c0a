//! The columns of tables and of recipients of messages: how ROPs change them, and how they are tracked through a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::body::{RequestBody, ResponseBody};
use super::request::RopRequest;
use super::response::RopReply;
use crate::emsmdb::NO_OBJECT;
use crate::property::PropTag;

/// Provides the columns of the tables in a session, and those of the recipients of its messages.
pub trait Columns {
    /// The columns of the table or message `handle`, if they are known.
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>>;
}

/// Provides no columns.
impl Columns for () {
    fn columns(&self, _handle: u32) -> Option<&Arc<[PropTag]>> {
        None
    }
}

/// How a successful ROP changes the columns of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnChange<'q, 's> {
    /// The columns do not change.
    None,
    /// The columns are not known any more.
    Unknown,
    /// The object on which the ROP acted has the columns of the request.
    FromRequest(&'q [PropTag]),
    /// The columns of the request are added to those of the object on which the ROP acted, see [`add_columns`].
    Added(&'q [PropTag]),
    /// The object that the ROP opened, or else the one on which it acted, has the columns of the response.
    FromResponse(&'s [PropTag]),
}

/// The maximum number of columns of recipients that a client may add to one after the other (`RopModifyRecipients`).
/// The columns of a message that would have more are not known any more. Clients use a few dozen.
pub const MAX_ADDED_COLUMNS: usize = 512;

/// Returns `known` with those of `more` that it does not contain; `None` if these would be more than
/// [`MAX_ADDED_COLUMNS`].
///
/// The columns are copied only if there are further ones. Otherwise the work depends on the length of `more`, and not
/// on that of `known`: a client may send thousands of ROPs of a few bytes in one batch.
pub fn add_columns(known: &Arc<[PropTag]>, more: &[PropTag]) -> Option<Arc<[PropTag]>> {
    let mut added: Vec<PropTag> = Vec::new();
    for column in more {
        if known.len() > MAX_ADDED_COLUMNS {
            return None;
        }
        if !known.contains(column) && !added.contains(column) {
            if known.len().saturating_add(added.len()) >= MAX_ADDED_COLUMNS {
                return None;
            }
            added.push(*column);
        }
    }
    Some(if added.is_empty() { Arc::clone(known) } else { known.iter().chain(&added).copied().collect() })
}

impl RopRequest {
    /// How the request changes the columns of an object if it succeeded with the response `body`.
    pub fn columns_after<'q, 's>(&'q self, body: &'s ResponseBody) -> ColumnChange<'q, 's> {
        match (&self.body, body) {
            (RequestBody::RopSetColumns(request), _) => ColumnChange::FromRequest(&request.property_tags.0),
            (RequestBody::RopResetTable(_), _) => ColumnChange::Unknown,
            (RequestBody::RopCreateMessage(_), _) => ColumnChange::FromResponse(&[]),
            (RequestBody::RopModifyRecipients(request), _) => ColumnChange::Added(&request.recipient_columns),
            (_, ResponseBody::RopOpenMessage(opened) | ResponseBody::RopReloadCachedInformation(opened)) => {
                ColumnChange::FromResponse(&opened.recipients.recipient_columns)
            }
            (_, ResponseBody::RopOpenEmbeddedMessage(opened)) => {
                ColumnChange::FromResponse(&opened.recipients.recipient_columns)
            }
            _ => ColumnChange::None,
        }
    }
}

/// Tracks the columns of objects through a batch. It uses only the handles of objects, not their types, so that a
/// recording may begin in the middle of a session.
pub struct BatchColumns<'a> {
    handles: &'a [u32],
    known: &'a dyn Columns,
    /// The columns that the batch changed so far. An object that the batch created has an entry.
    changed: BTreeMap<Slot, Option<Arc<[PropTag]>>>,
}

/// The columns of objects by their handles; `None` if they are not known any more.
pub type ChangedColumns = Vec<(u32, Option<Arc<[PropTag]>>)>;

/// An object in a batch; one that the batch created, at an index of the handle table, has no handle yet. Objects that
/// existed before are first: a new one may have the handle of one that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Handle(u32),
    Created(u8),
}

impl<'a> BatchColumns<'a> {
    /// Begins a batch with the handle table `handles`, in a session whose columns are `known`.
    pub const fn new(handles: &'a [u32], known: &'a dyn Columns) -> Self {
        Self { handles, known, changed: BTreeMap::new() }
    }

    /// The columns of the object on which `request` acts.
    pub fn of_request(&self, request: &RopRequest) -> Option<&Arc<[PropTag]>> {
        self.of_slot(self.slot(request.handle_index))
    }

    /// The current columns of the table or message `handle`; `None` if they are not known, or the batch created the
    /// object.
    pub fn of_handle(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        self.of_slot(Slot::Handle(handle))
    }

    /// Records the response to `request`.
    pub fn replied(&mut self, request: &RopRequest, reply: &RopReply) {
        if reply.return_value.is_success() {
            self.succeeded(request, &reply.body);
        }
    }

    /// Records that `request`, which has no response, released its object.
    pub fn released(&mut self, request: &RopRequest) {
        self.changed.insert(self.slot(request.handle_index), None);
    }

    /// Returns the changes of columns by handle; `handles` is the handle table of the responses. If a handle occurs
    /// more than once, the last entry applies.
    pub fn finish(self, handles: &[u32]) -> ChangedColumns {
        let changed = self.changed.into_iter().filter_map(|(slot, columns)| {
            let handle = match slot {
                Slot::Handle(handle) => handle,
                Slot::Created(index) => *handles.get(usize::from(index))?,
            };
            Some((handle, columns))
        });
        changed.collect()
    }

    fn slot(&self, index: u8) -> Slot {
        let handle = self.handles.get(usize::from(index)).copied().unwrap_or(NO_OBJECT);
        if handle == NO_OBJECT || self.changed.contains_key(&Slot::Created(index)) {
            Slot::Created(index)
        } else {
            Slot::Handle(handle)
        }
    }

    fn of_slot(&self, slot: Slot) -> Option<&Arc<[PropTag]>> {
        match (self.changed.get(&slot), slot) {
            (Some(columns), _) => columns.as_ref(),
            (None, Slot::Handle(handle)) => self.known.columns(handle),
            (None, Slot::Created(_)) => None,
        }
    }

    fn succeeded(&mut self, request: &RopRequest, reply: &ResponseBody) {
        if let Some(index) = request.output_handle_index() {
            self.changed.insert(Slot::Created(index), None);
        }
        let acted_on = self.slot(request.handle_index);
        let (slot, columns) = match request.columns_after(reply) {
            ColumnChange::None => return,
            ColumnChange::Unknown => (acted_on, None),
            ColumnChange::FromRequest(columns) => (acted_on, Some(columns.into())),
            ColumnChange::Added(more) => {
                (acted_on, self.of_slot(acted_on).and_then(|known| add_columns(known, more)))
            }
            ColumnChange::FromResponse(columns) => {
                let index = request.output_handle_index().unwrap_or(request.handle_index);
                (self.slot(index), Some(columns.into()))
            }
        };
        self.changed.insert(slot, columns);
    }
}

impl std::fmt::Debug for BatchColumns<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchColumns").field("changed", &self.changed).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::super::recipient::{RopModifyRecipientsRequest, RopReadRecipientsRequest};
    use super::super::responses::ResponseMatcher;
    use super::*;
    use crate::ErrorCode;
    use crate::rop::Empty;

    /// The message 7 has these columns.
    struct Known(Arc<[PropTag]>);

    impl Columns for Known {
        fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
            (handle == 7).then_some(&self.0)
        }
    }

    fn tags(ids: std::ops::Range<u32>) -> Vec<PropTag> {
        ids.map(|id| PropTag(id << 16 | 3)).collect()
    }

    fn modify(recipient_columns: Vec<PropTag>) -> RopRequest {
        let body = RopModifyRecipientsRequest { recipient_columns, recipient_rows: Vec::new() };
        RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::RopModifyRecipients(body) }
    }

    /// The columns of the message 7, if they are changed, after requests that add these columns.
    fn after(known: Vec<PropTag>, added: &[Vec<PropTag>]) -> (Option<Arc<[PropTag]>>, Known) {
        let known = Known(known.into());
        let requests: Vec<_> = added.iter().map(|columns| modify(columns.clone())).collect();
        let mut batch = BatchColumns::new(&[7], &known);
        for request in &requests {
            let body = ResponseBody::RopModifyRecipients(Empty);
            batch.replied(request, &RopReply { handle_index: 0, return_value: ErrorCode::SUCCESS, body });
        }
        let mut changed = batch.finish(&[7]);
        assert_eq!(changed.len(), 1);
        (changed.remove(0).1, known)
    }

    #[test]
    fn columns_are_copied_only_if_there_are_further_ones() {
        let (same, known) = after(tags(0..9), &[Vec::new(), tags(8..9), tags(0..2)]);
        assert!(Arc::ptr_eq(&same.unwrap(), &known.0));
        let twice = [tags(1..3), tags(1..3)].concat();
        let (more, _) = after(tags(0..2), &[tags(0..1), twice]);
        assert_eq!(more.as_deref(), Some(&tags(0..3)[..]));
    }

    #[test]
    fn columns_above_the_limit_are_not_known_whatever_is_added_later() {
        let limit = u32::try_from(MAX_ADDED_COLUMNS).unwrap();
        assert_eq!(
            after(tags(0..1), &[tags(0..limit)]).0.map(|columns| columns.len()),
            Some(MAX_ADDED_COLUMNS)
        );
        assert_eq!(after(tags(0..1), &[tags(1..limit + 1), tags(0..1)]).0, None);
        // A server may send more. They are used until the client adds columns.
        assert_eq!(after(tags(0..9000), &[Vec::new()]).0.map(|columns| columns.len()), Some(9000));
        assert_eq!(after(tags(0..9000), &[tags(0..1)]).0, None);
    }

    #[test]
    fn responses_share_the_columns_of_the_recipients() {
        let known = Known(tags(0..9).into());
        let body = RequestBody::RopReadRecipients(RopReadRecipientsRequest { row_id: 0, reserved: 0 });
        let requests = [RopRequest { logon_id: 0, handle_index: 0, body }];
        let mut matcher = ResponseMatcher::new(&requests, &[7], &known);
        let response = [0x0F, 0, 0, 0, 0, 0, 0];
        let matched = matcher.next(&mut wire::Reader::new(&response)).unwrap();
        let ResponseBody::RopReadRecipients(read) = &matched.response.reply().unwrap().body else {
            panic!("another response")
        };
        assert!(Arc::ptr_eq(&read.recipient_columns, &known.0));
    }
}
