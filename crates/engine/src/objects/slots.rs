//! The slots of a batch's handle table, and the objects in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mapi::emsmdb::NO_OBJECT;
use mapi::property::PropTag;
use mapi::rop::RopRequest;

use super::fast_transfer::TransferPart;
use super::object::{Logon, Object, ObjectHandle, ObjectKind};
use super::table::ObjectTable;

/// A slot of a batch's handle table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// The handle that the slot had at the start of the batch.
    Given(u32),
    /// No object: it was released, or could not be opened.
    Empty,
    /// An object that the batch opened, by its handle, and the logon on which it was opened.
    Open(ObjectHandle, Option<LogonRef>),
    /// A logon that a ROP of the batch opens and that has no handle yet: its `LogonId`, and its index in
    /// [`BatchObjects::logons`].
    Logon(u8, usize),
    /// Another object that a ROP of the batch opens and that has no handle yet.
    New {
        /// The `LogonId` of the ROP that opens the object: ROPs of another logon cannot act on it.
        logon_id: u8,
        /// The object.
        object: Box<Object>,
        /// The logon on which the object was opened.
        logon: Option<LogonRef>,
    },
}

/// A reference to a logon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogonRef {
    /// In the session's table.
    Table(ObjectHandle),
    /// In [`BatchObjects::logons`], by its index.
    Batch(usize),
}

/// The objects that the ROPs of one batch act on, ROP by ROP.
#[derive(Debug)]
pub struct BatchObjects<'a> {
    pub(super) table: &'a mut ObjectTable,
    slots: Vec<Slot>,
    /// The logons that the batch opens and that have no handle yet.
    logons: Vec<Object>,
    /// The logons that ROPs of the batch opened so far, by `LogonId`: the last one with the id.
    pub(super) current: BTreeMap<u8, LogonRef>,
    /// The parts of a stream that the last applied ROP transferred.
    pub(super) transferred: Vec<TransferPart>,
}

impl<'a> BatchObjects<'a> {
    /// Creates the state before the first ROP of a batch with this handle table.
    pub fn new(table: &'a mut ObjectTable, handles: &[u32]) -> Self {
        Self {
            table,
            slots: handles.iter().copied().map(Slot::Given).collect(),
            logons: Vec::new(),
            current: BTreeMap::new(),
            transferred: Vec::new(),
        }
    }

    /// The handle of the object at `index` of the handle table, if it has a handle.
    pub fn open_handle(&self, logon_id: u8, index: u8) -> Option<ObjectHandle> {
        match self.slots.get(usize::from(index))? {
            Slot::Empty | Slot::Logon(..) | Slot::New { .. } => None,
            Slot::Open(handle, _) => (handle.logon_id == logon_id).then_some(*handle),
            Slot::Given(handle) => {
                (*handle != NO_OBJECT).then_some(ObjectHandle { logon_id, handle: *handle })
            }
        }
    }

    /// The object at `index` of the handle table, for a ROP of the logon `logon_id`.
    pub fn object(&self, logon_id: u8, index: u8) -> Option<&Object> {
        match self.slots.get(usize::from(index))? {
            Slot::Logon(of, place) if *of == logon_id => self.logons.get(*place),
            Slot::New { logon_id: of, object, .. } if *of == logon_id => Some(object),
            _ => self.table.get(self.open_handle(logon_id, index)?),
        }
    }

    /// The object that `request` acts on.
    pub fn acted_on(&self, request: &RopRequest) -> Option<&Object> {
        self.object(request.logon_id, request.acted_on_index()?)
    }

    /// The logon of `request`: the one on which the object was opened on which the ROP acts. For a ROP that acts on
    /// no object, the logon that has its `LogonId` at that position in the batch: a logon that the batch opens
    /// replaces the earlier one with the same id ([MS-OXCROPS] 3.1.4.2).
    pub fn logon(&self, request: &RopRequest) -> Option<&Logon> {
        match self.logon_of(request)? {
            LogonRef::Table(handle) => self.table.get(handle)?.kind.logon(),
            LogonRef::Batch(place) => self.logons.get(place)?.kind.logon(),
        }
    }

    /// As [`BatchObjects::logon`], to be changed.
    pub(super) fn logon_mut(&mut self, request: &RopRequest) -> Option<&mut Logon> {
        match self.logon_of(request)? {
            LogonRef::Table(handle) => self.table.get_mut(handle)?.kind.logon_mut(),
            LogonRef::Batch(place) => self.logons.get_mut(place)?.kind.logon_mut(),
        }
    }

    pub(super) fn logon_of(&self, request: &RopRequest) -> Option<LogonRef> {
        let logon_id = request.logon_id;
        let current = self.current.get(&logon_id).copied();
        let kept = || self.table.logons.get(&logon_id).copied().map(LogonRef::Table);
        let Some(index) = request.acted_on_index() else { return current.or_else(kept) };
        match self.slots.get(usize::from(index))? {
            Slot::Empty => None,
            Slot::Open(handle, logon) => logon.filter(|_| handle.logon_id == logon_id),
            Slot::Logon(of, place) => (*of == logon_id).then_some(LogonRef::Batch(*place)),
            Slot::New { logon_id: of, logon, .. } => logon.filter(|_| *of == logon_id),
            // No tracked object. The server may have one of an unknown kind.
            Slot::Given(NO_OBJECT) => current.or_else(kept),
            // Opened before the batch. If its logon was replaced within the batch, the object is released.
            Slot::Given(_) if matches!(current, Some(LogonRef::Table(_))) => None,
            Slot::Given(_) => kept(),
        }
    }

    /// The columns of the rows in the response to `request`.
    pub fn columns(&self, request: &RopRequest) -> Option<&Arc<[PropTag]>> {
        match &self.acted_on(request)?.kind {
            ObjectKind::Table(table) => table.columns.as_ref(),
            ObjectKind::Message(message) => message.recipient_columns.as_ref(),
            _ => None,
        }
    }

    /// Adds the slots by which the batch's handle table has grown.
    pub fn grow(&mut self, handles: &[u32]) {
        let added = handles.get(self.slots.len()..).unwrap_or_default();
        self.slots.extend(added.iter().copied().map(Slot::Given));
    }

    /// Whether two ROPs act on the same object.
    pub(super) fn acts_on_same(&self, one: &RopRequest, other: &RopRequest) -> bool {
        one.logon_id == other.logon_id
            && one
                .acted_on_index()
                .zip(other.acted_on_index())
                .is_some_and(|(index, other_index)| self.same_object(one.logon_id, index, other_index))
    }

    /// Whether two slots contain the same object.
    fn same_object(&self, logon_id: u8, one: u8, other: u8) -> bool {
        one == other || {
            let handle = self.open_handle(logon_id, one);
            handle.is_some() && handle == self.open_handle(logon_id, other)
        }
    }

    /// Puts an object that was charged and has no handle yet into a slot.
    pub(super) fn put_new(&mut self, index: u8, request: &RopRequest, object: Object) {
        let logon_id = request.logon_id;
        let slot = if matches!(object.kind, ObjectKind::Logon(_)) {
            let place = self.logons.len();
            self.logons.push(object);
            self.current.insert(logon_id, LogonRef::Batch(place));
            Slot::Logon(logon_id, place)
        } else {
            Slot::New { logon_id, object: Box::new(object), logon: self.logon_of(request) }
        };
        self.put(index, slot);
    }

    pub(super) fn put(&mut self, index: u8, slot: Slot) {
        let replaced = match self.slots.get_mut(usize::from(index)) {
            Some(place) => std::mem::replace(place, slot),
            None => slot,
        };
        if let Slot::New { object, .. } = replaced {
            self.table.refund(&object);
        }
    }

    /// The object that `request` acts on, to be changed.
    pub(super) fn acted_on_mut(&mut self, request: &RopRequest) -> Option<&mut Object> {
        self.object_mut(request.logon_id, request.acted_on_index()?)
    }

    /// The object at `index`, to be changed.
    fn object_mut(&mut self, logon_id: u8, index: u8) -> Option<&mut Object> {
        if let Some(handle) = self.open_handle(logon_id, index) {
            return self.table.get_mut(handle);
        }
        match self.slots.get_mut(usize::from(index))? {
            Slot::Logon(of, place) if *of == logon_id => self.logons.get_mut(*place),
            Slot::New { logon_id: of, object, .. } if *of == logon_id => Some(object),
            _ => None,
        }
    }
}

impl Drop for BatchObjects<'_> {
    /// Refunds the objects that received no handle.
    fn drop(&mut self) {
        for slot in &self.slots {
            if let Slot::New { object, .. } = slot {
                self.table.refund(object);
            }
        }
        for logon in &self.logons {
            self.table.refund(logon);
        }
    }
}
