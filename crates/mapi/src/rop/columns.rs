//! The columns of tables and of recipients of messages: how ROPs change them, and how they are tracked through a batch.

use std::borrow::Cow;
use std::collections::HashSet;

use super::body::{RequestBody, ResponseBody};
use super::request::RopRequest;
use super::response::RopReply;
use crate::emsmdb::NO_OBJECT;
use crate::property::PropTag;

/// Provides the columns of the tables in a session, and those of the recipients of its messages.
pub trait Columns {
    /// The columns of the table or message `handle`, if they are known.
    fn columns(&self, handle: u32) -> Option<&[PropTag]>;
}

/// Provides no columns.
impl Columns for () {
    fn columns(&self, _handle: u32) -> Option<&[PropTag]> {
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

/// Appends those of `more` to `columns` that it does not contain.
pub fn add_columns(columns: &mut Vec<PropTag>, more: &[PropTag]) {
    let mut known: HashSet<PropTag> = columns.iter().copied().collect();
    columns.extend(more.iter().filter(|column| known.insert(**column)));
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
    /// The indexes in the handle table at which the batch stored new objects.
    created: Vec<u8>,
    /// The changes of columns in the batch, the latest last.
    changed: Vec<(Slot, Option<Cow<'a, [PropTag]>>)>,
}

/// The columns of objects by their handles; `None` if they are not known any more.
pub type ChangedColumns = Vec<(u32, Option<Vec<PropTag>>)>;

/// An object in a batch; one that the batch created has no handle yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Handle(u32),
    Created(u8),
}

impl<'a> BatchColumns<'a> {
    /// Begins a batch with the handle table `handles`, in a session whose columns are `known`.
    pub const fn new(handles: &'a [u32], known: &'a dyn Columns) -> Self {
        Self { handles, known, created: Vec::new(), changed: Vec::new() }
    }

    /// The columns of the object on which `request` acts.
    pub fn of_request(&self, request: &RopRequest) -> Option<&[PropTag]> {
        self.of_slot(self.slot(request.handle_index))
    }

    /// The current columns of the table or message `handle`; `None` if they are not known, or the batch created the
    /// object.
    pub fn of_handle(&self, handle: u32) -> Option<&[PropTag]> {
        self.of_slot(Slot::Handle(handle))
    }

    /// Records the response to `request`.
    pub fn replied(&mut self, request: &'a RopRequest, reply: &RopReply) {
        if reply.return_value.is_success() {
            self.succeeded(request, &reply.body);
        }
    }

    /// Records that `request`, which has no response, released its object.
    pub fn released(&mut self, request: &RopRequest) {
        self.changed.push((self.slot(request.handle_index), None));
    }

    /// Returns the changes of columns by handle; `handles` is the handle table of the responses. If a handle occurs
    /// more than once, the last entry applies.
    pub fn finish(self, handles: &[u32]) -> ChangedColumns {
        let changed = self.changed.into_iter().filter_map(|(slot, columns)| {
            let handle = match slot {
                Slot::Handle(handle) => handle,
                Slot::Created(index) => *handles.get(usize::from(index))?,
            };
            Some((handle, columns.map(Cow::into_owned)))
        });
        changed.collect()
    }

    fn slot(&self, index: u8) -> Slot {
        let handle = self.handles.get(usize::from(index)).copied().unwrap_or(NO_OBJECT);
        if handle == NO_OBJECT || self.created.contains(&index) {
            Slot::Created(index)
        } else {
            Slot::Handle(handle)
        }
    }

    fn of_slot(&self, slot: Slot) -> Option<&[PropTag]> {
        let changed = self.changed.iter().rev().find(|(changed, _)| *changed == slot);
        match (changed, slot) {
            (Some((_, columns)), _) => columns.as_deref(),
            (None, Slot::Handle(handle)) => self.known.columns(handle),
            (None, Slot::Created(_)) => None,
        }
    }

    fn succeeded(&mut self, request: &'a RopRequest, reply: &ResponseBody) {
        if let Some(index) = request.output_handle_index() {
            self.created.push(index);
            self.changed.push((Slot::Created(index), None));
        }
        let acted_on = self.slot(request.handle_index);
        match request.columns_after(reply) {
            ColumnChange::None => {}
            ColumnChange::Unknown => self.changed.push((acted_on, None)),
            ColumnChange::FromRequest(columns) => self.changed.push((acted_on, Some(Cow::Borrowed(columns)))),
            ColumnChange::Added(more) => {
                let mut columns = self.of_slot(acted_on).unwrap_or_default().to_vec();
                add_columns(&mut columns, more);
                self.changed.push((acted_on, Some(Cow::Owned(columns))));
            }
            ColumnChange::FromResponse(columns) => {
                let index = request.output_handle_index().unwrap_or(request.handle_index);
                self.changed.push((self.slot(index), Some(Cow::Owned(columns.to_vec()))));
            }
        }
    }
}

impl std::fmt::Debug for BatchColumns<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchColumns").field("changed", &self.changed).finish_non_exhaustive()
    }
}
