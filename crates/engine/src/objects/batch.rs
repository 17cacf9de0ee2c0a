use std::sync::Arc;

use mapi::emsmdb::NO_OBJECT;
use mapi::property::PropTag;
use mapi::rop::{RopId, RopReply, RopRequest};

use super::{Object, ObjectHandle, ObjectKind, ObjectTable, Properties, TransferPart};

/// What a slot of a batch's handle table stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// Nothing: no object, or one whose making failed.
    Empty,
    /// An object that was there before the batch.
    Open(ObjectHandle),
    /// An object that a ROP of the batch makes; it has no handle yet.
    New {
        /// `LogonId` of the ROP that makes it: those of another logon can't act on it.
        logon_id: u8,
        /// The object.
        object: Box<Object>,
    },
}

impl Slot {
    fn new(logon_id: u8, object: Object) -> Self {
        Self::New { logon_id, object: Box::new(object) }
    }

    /// The object that a ROP of the batch makes here, if it is one of the logon `logon_id`.
    fn made(&self, logon_id: u8) -> Option<&Object> {
        match self {
            Self::New { logon_id: of, object } if *of == logon_id => Some(object),
            _ => None,
        }
    }

    fn made_mut(&mut self, logon_id: u8) -> Option<&mut Object> {
        match self {
            Self::New { logon_id: of, object } if *of == logon_id => Some(object),
            _ => None,
        }
    }
}

/// The objects that the ROPs of one batch act on, ROP by ROP.
#[derive(Debug)]
pub struct BatchObjects<'a> {
    pub(super) table: &'a mut ObjectTable,
    slots: Vec<Slot>,
    handles: Vec<u32>,
    /// What the ROP just gone past brought of a stream.
    pub(super) transferred: Vec<TransferPart>,
}

impl<'a> BatchObjects<'a> {
    /// Starts at the first ROP of a batch with this handle table.
    pub fn new(table: &'a mut ObjectTable, handles: &[u32]) -> Self {
        Self {
            table,
            slots: vec![Slot::Empty; handles.len()],
            handles: handles.to_vec(),
            transferred: Vec::new(),
        }
    }

    /// What stands in a slot, for a ROP of the logon `logon_id`.
    fn handle(&self, logon_id: u8, index: u8) -> Option<ObjectHandle> {
        let handle = *self.handles.get(usize::from(index))?;
        (handle != NO_OBJECT).then_some(ObjectHandle { logon_id, handle })
    }

    /// The handle of the object at `index`, for objects that were there before the batch.
    pub fn open_handle(&self, logon_id: u8, index: u8) -> Option<ObjectHandle> {
        match self.slots.get(usize::from(index))? {
            Slot::New { .. } => None,
            Slot::Open(handle) => (handle.logon_id == logon_id).then_some(*handle),
            Slot::Empty => self.handle(logon_id, index),
        }
    }

    /// The object at `index` of the handle table, as a ROP of the logon `logon_id` means it.
    pub fn object(&self, logon_id: u8, index: u8) -> Option<&Object> {
        match self.slots.get(usize::from(index))? {
            slot @ Slot::New { .. } => slot.made(logon_id),
            _ => self.table.get(self.open_handle(logon_id, index)?),
        }
    }

    /// The object that `request` acts on.
    pub fn acted_on(&self, request: &RopRequest) -> Option<&Object> {
        self.object(request.logon_id, request.acted_on_index()?)
    }

    /// The mailbox that `request` belongs to. A logon that the batch itself asks for takes the place of the one
    /// that had its `LogonId` ([MS-OXCROPS] 3.1.4.2).
    pub fn logon(&self, request: &RopRequest) -> Option<&super::Logon> {
        let made = self.slots.iter().find_map(|slot| slot.made(request.logon_id)?.kind.logon());
        made.or_else(|| self.table.logon(request.logon_id))
    }

    /// The columns that rows in the answer to `request` have.
    pub fn columns(&self, request: &RopRequest) -> Option<Arc<[PropTag]>> {
        match &self.acted_on(request)?.kind {
            ObjectKind::Table(table) => table.columns.clone(),
            ObjectKind::Message(message) => Some(Arc::clone(&message.recipient_columns)),
            _ => None,
        }
    }

    /// Goes past `request`, as if it succeeded: what it makes, later ROPs can act on. The table stays as it is.
    pub fn assume(&mut self, request: &RopRequest) {
        if request.id() == RopId::RopRelease {
            self.put(request.handle_index, Slot::Empty, true);
        } else if let Some((index, mut object)) = super::made::made_by(self, request, None) {
            self.table.admit(&mut object);
            self.put(index, Slot::new(request.logon_id, object), false);
        }
    }

    /// Goes past `request`, which was answered with `reply`; the table changes accordingly. `handles` is the
    /// handle table of the answer.
    pub fn settle(&mut self, request: &RopRequest, reply: Option<&RopReply>, handles: &[u32]) {
        self.transferred.clear();
        if request.id() == RopId::RopRelease {
            self.release(request);
            return;
        }
        let Some(reply) = reply else { return };
        if let Some((index, mut object)) = super::made::made_by(self, request, Some(reply)) {
            self.table.admit(&mut object);
            let handle = handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_OBJECT);
            match handle {
                Some(handle) => {
                    let handle = ObjectHandle { logon_id: request.logon_id, handle };
                    self.table.insert(handle, object);
                    self.put(index, Slot::Open(handle), false);
                }
                None => self.put(index, Slot::new(request.logon_id, object), false),
            }
        } else if let Some(index) = request.output_handle_index() {
            self.put(index, Slot::Empty, true);
        }
        super::learn::learn(self, request, reply);
    }

    /// Goes past one more answer to `request`, the last ROP of the batch.
    pub fn settle_more(&mut self, request: &RopRequest, reply: &RopReply) {
        self.transferred.clear();
        super::learn::learn_more(self, request, reply);
    }

    /// The batch's handle table has more slots now.
    pub fn grow(&mut self, handles: &[u32]) {
        let added = handles.get(self.handles.len()..).unwrap_or_default();
        self.handles.extend_from_slice(added);
        self.slots.resize(self.handles.len(), Slot::Empty);
    }

    /// The properties of what `request` acts on, with what the ROPs `earlier` in the batch set.
    pub fn properties_before<'r>(
        &self,
        request: &RopRequest,
        earlier: impl Iterator<Item = &'r RopRequest>,
    ) -> Option<Properties> {
        let mut properties = self.acted_on(request)?.kind.properties()?.clone();
        earlier
            .filter(|other| self.acts_on_same(request, other))
            .for_each(|other| super::learn::overlay(&mut properties, other));
        Some(properties)
    }

    /// Whether two ROPs act on the same object.
    pub(super) fn acts_on_same(&self, one: &RopRequest, other: &RopRequest) -> bool {
        one.logon_id == other.logon_id
            && one
                .acted_on_index()
                .zip(other.acted_on_index())
                .is_some_and(|(index, of_other)| self.names_same(one.logon_id, index, of_other))
    }

    /// Whether two slots stand for the same object.
    fn names_same(&self, logon_id: u8, one: u8, other: u8) -> bool {
        one == other || {
            let handle = self.open_handle(logon_id, one);
            handle.is_some() && handle == self.open_handle(logon_id, other)
        }
    }

    fn release(&mut self, request: &RopRequest) {
        if let Some(handle) = self.open_handle(request.logon_id, request.handle_index) {
            self.table.remove(handle);
        }
        self.put(request.handle_index, Slot::Empty, true);
    }

    fn put(&mut self, index: u8, slot: Slot, gone: bool) {
        let gone_from_it = match self.slots.get_mut(usize::from(index)) {
            Some(place) => std::mem::replace(place, slot),
            None => slot,
        };
        if let Slot::New { object, .. } = gone_from_it {
            self.table.dismiss(&object);
        }
        if gone && let Some(handle) = self.handles.get_mut(usize::from(index)) {
            *handle = NO_OBJECT;
        }
    }

    /// Goes past the ROPs that continue the last one of the batch.
    pub fn settle_packed<'r>(&mut self, packed: impl Iterator<Item = &'r RopRequest>) {
        packed.for_each(|request| super::learn::learn_packed(self, request));
    }

    /// The logon `logon_id`, to be changed.
    pub(super) fn logon_mut(&mut self, logon_id: u8) -> Option<&mut super::Logon> {
        let made = self.slots.iter_mut().find_map(|slot| slot.made_mut(logon_id)?.kind.logon_mut());
        made.or_else(|| self.table.logon_mut(logon_id))
    }

    /// The object that `request` acts on, to be changed.
    pub(super) fn acted_on_mut(&mut self, request: &RopRequest) -> Option<&mut Object> {
        self.object_mut(request.logon_id, request.acted_on_index()?)
    }

    /// The object at `index`, to be changed.
    fn object_mut(&mut self, logon_id: u8, index: u8) -> Option<&mut Object> {
        if let Some(handle) = self.open_handle(logon_id, index) {
            return self.table.objects.get_mut(&handle);
        }
        self.slots.get_mut(usize::from(index))?.made_mut(logon_id)
    }
}

impl Drop for BatchObjects<'_> {
    /// What the batch made and had no handle for is gone with it.
    fn drop(&mut self) {
        for slot in &self.slots {
            if let Slot::New { object, .. } = slot {
                self.table.dismiss(object);
            }
        }
    }
}
