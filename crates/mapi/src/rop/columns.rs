//! The columns of tables, and of messages' recipients: what ROPs do to them, and how a batch's responses are followed.

use std::borrow::Cow;
use std::collections::HashSet;

use super::body::{RequestBody, ResponseBody};
use super::request::RopRequest;
use super::response::RopReply;
use crate::emsmdb::NO_OBJECT;
use crate::property::PropTag;

/// Knows the columns of a session's tables, and those of its messages' recipients.
pub trait Columns {
    /// The columns of the table or message `handle`, where they are known.
    fn columns(&self, handle: u32) -> Option<&[PropTag]>;
}

/// Knows none.
impl Columns for () {
    fn columns(&self, _handle: u32) -> Option<&[PropTag]> {
        None
    }
}

/// What a ROP that succeeded does to the columns of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnChange<'q, 's> {
    /// Nothing.
    None,
    /// They are not known any more.
    Unknown,
    /// The object that the ROP acted on has those that the request asked for.
    Asked(&'q [PropTag]),
    /// The object that the ROP acted on has those of the request too, see [`add_columns`].
    Added(&'q [PropTag]),
    /// The object that the ROP opened, or else the one that it acted on, has those that the response tells.
    Told(&'s [PropTag]),
}

/// Puts those of `more` behind `columns` that are not among them.
pub fn add_columns(columns: &mut Vec<PropTag>, more: &[PropTag]) {
    let mut known: HashSet<PropTag> = columns.iter().copied().collect();
    columns.extend(more.iter().filter(|column| known.insert(**column)));
}

impl RopRequest {
    /// What this does to the columns of an object where it succeeded with `body`.
    pub fn columns_after<'q, 's>(&'q self, body: &'s ResponseBody) -> ColumnChange<'q, 's> {
        match (&self.body, body) {
            (RequestBody::RopSetColumns(request), _) => ColumnChange::Asked(&request.property_tags.0),
            (RequestBody::RopResetTable(_), _) => ColumnChange::Unknown,
            (RequestBody::RopCreateMessage(_), _) => ColumnChange::Told(&[]),
            (RequestBody::RopModifyRecipients(request), _) => ColumnChange::Added(&request.recipient_columns),
            (_, ResponseBody::RopOpenMessage(opened) | ResponseBody::RopReloadCachedInformation(opened)) => {
                ColumnChange::Told(&opened.recipients.recipient_columns)
            }
            (_, ResponseBody::RopOpenEmbeddedMessage(opened)) => {
                ColumnChange::Told(&opened.recipients.recipient_columns)
            }
            _ => ColumnChange::None,
        }
    }
}

/// Follows the columns of objects through one batch, by their handles alone: nothing has to be known of what the
/// objects are, so that a recording may begin within a session.
pub struct BatchColumns<'a> {
    handles: &'a [u32],
    known: &'a dyn Columns,
    /// Slots of the handle table for which the batch itself made an object.
    made: Vec<u8>,
    /// What the batch itself did to the columns of objects, the latest last.
    changed: Vec<(Slot, Option<Cow<'a, [PropTag]>>)>,
}

/// The columns of objects by their handles; none where they are not known any more.
pub type ChangedColumns = Vec<(u32, Option<Vec<PropTag>>)>;

/// An object, as far as the requests tell: one that the batch made has no handle yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Handle(u32),
    Made(u8),
}

impl<'a> BatchColumns<'a> {
    /// Before the first ROP of a batch with the handle table `handles`, in a session that `known` knows.
    pub const fn new(handles: &'a [u32], known: &'a dyn Columns) -> Self {
        Self { handles, known, made: Vec::new(), changed: Vec::new() }
    }

    /// The columns of the object that `request` acts on.
    pub fn of_request(&self, request: &RopRequest) -> Option<&[PropTag]> {
        self.of_slot(self.slot(request.handle_index))
    }

    /// The columns that the table or message `handle` has now; none where they are not known, and where it is the
    /// batch itself that made the object.
    pub fn of_handle(&self, handle: u32) -> Option<&[PropTag]> {
        self.of_slot(Slot::Handle(handle))
    }

    /// `request` was answered with `reply`.
    pub fn answered(&mut self, request: &'a RopRequest, reply: &RopReply) {
        if reply.return_value.is_success() {
            self.succeeded(request, &reply.body);
        }
    }

    /// `request`, a release, has no answer.
    pub fn released(&mut self, request: &RopRequest) {
        self.changed.push((self.slot(request.handle_index), None));
    }

    /// What the batch did to the columns of objects, by their handles; `handles` is the table that came with
    /// the responses. Where a handle is listed more than once, the last holds.
    pub fn finish(self, handles: &[u32]) -> ChangedColumns {
        let changed = self.changed.into_iter().filter_map(|(slot, columns)| {
            let handle = match slot {
                Slot::Handle(handle) => handle,
                Slot::Made(index) => *handles.get(usize::from(index))?,
            };
            Some((handle, columns.map(Cow::into_owned)))
        });
        changed.collect()
    }

    fn slot(&self, index: u8) -> Slot {
        let handle = self.handles.get(usize::from(index)).copied().unwrap_or(NO_OBJECT);
        if handle == NO_OBJECT || self.made.contains(&index) {
            Slot::Made(index)
        } else {
            Slot::Handle(handle)
        }
    }

    fn of_slot(&self, slot: Slot) -> Option<&[PropTag]> {
        let changed = self.changed.iter().rev().find(|(changed, _)| *changed == slot);
        match (changed, slot) {
            (Some((_, columns)), _) => columns.as_deref(),
            (None, Slot::Handle(handle)) => self.known.columns(handle),
            (None, Slot::Made(_)) => None,
        }
    }

    fn succeeded(&mut self, request: &'a RopRequest, reply: &ResponseBody) {
        if let Some(index) = request.output_handle_index() {
            self.made.push(index);
            self.changed.push((Slot::Made(index), None));
        }
        let acted_on = self.slot(request.handle_index);
        match request.columns_after(reply) {
            ColumnChange::None => {}
            ColumnChange::Unknown => self.changed.push((acted_on, None)),
            ColumnChange::Asked(columns) => self.changed.push((acted_on, Some(Cow::Borrowed(columns)))),
            ColumnChange::Added(more) => {
                let mut columns = self.of_slot(acted_on).unwrap_or_default().to_vec();
                add_columns(&mut columns, more);
                self.changed.push((acted_on, Some(Cow::Owned(columns))));
            }
            ColumnChange::Told(columns) => {
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
