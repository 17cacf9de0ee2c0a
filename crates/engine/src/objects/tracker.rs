//! Applies the ROPs of a batch to the tracked objects, one after the other: what each opens, changes and releases.

use mapi::ErrorCode;
use mapi::emsmdb::NO_OBJECT;
use mapi::rop::{RopId, RopReply, RopRequest};

use super::apply::{apply, apply_more, apply_packed, overlay};
use super::content::Properties;
use super::object::{ObjectHandle, ObjectKind};
use super::opened::opened_by;
use super::slots::{BatchObjects, LogonRef, Slot};

impl BatchObjects<'_> {
    /// Applies the assumed success of `request`, so that later ROPs find the object that it opens. The table does not
    /// receive the object, but counts its memory until it is replaced or the batch ends.
    pub fn assume(&mut self, request: &RopRequest) {
        if request.id() == RopId::RopRelease {
            self.put(request.handle_index, Slot::Empty);
        } else if let Some((index, mut object)) = opened_by(self, request, None) {
            self.table.charge(&mut object);
            self.put_new(index, request, object);
        } else if let Some(index) = request.output_handle_index() {
            self.put(index, Slot::Given(NO_OBJECT));
        }
    }

    /// Applies the response to `request` to the table. `handles` is the handle table of the response.
    pub fn settle(&mut self, request: &RopRequest, reply: Option<&RopReply>, handles: &[u32]) {
        self.transferred.clear();
        if request.id() == RopId::RopRelease {
            self.release(request);
            return;
        }
        let Some(reply) = reply else { return };
        if let Some(index) = request.output_handle_index() {
            self.add_opened(request, reply, index, handles);
        }
        apply(self, request, reply);
    }

    /// Adds the object that `request` opened to the table and to its slot.
    fn add_opened(&mut self, request: &RopRequest, reply: &RopReply, index: u8, handles: &[u32]) {
        let handle = handles.get(usize::from(index)).copied().filter(|handle| *handle != NO_OBJECT);
        let handle = handle.map(|handle| ObjectHandle { logon_id: request.logon_id, handle });
        let opened = opened_by(self, request, Some(reply));
        match (opened, handle) {
            (Some((index, mut object)), Some(handle)) => {
                self.table.charge(&mut object);
                let logon = if matches!(object.kind, ObjectKind::Logon(_)) {
                    let logon = LogonRef::Table(handle);
                    self.current.insert(request.logon_id, logon);
                    Some(logon)
                } else {
                    self.logon_of(request)
                };
                self.table.insert(handle, object);
                self.put(index, Slot::Open(handle, logon));
            }
            (Some((index, mut object)), None) => {
                self.table.charge(&mut object);
                self.put_new(index, request, object);
            }
            // An object of an unknown kind.
            (None, Some(handle)) if reply.return_value == ErrorCode::SUCCESS => {
                self.put(index, Slot::Open(handle, self.logon_of(request)));
            }
            (None, _) => self.put(index, Slot::Empty),
        }
    }

    /// Applies a further response to `request`, the last ROP of the batch.
    pub fn settle_more(&mut self, request: &RopRequest, reply: &RopReply) {
        self.transferred.clear();
        apply_more(self, request, reply);
    }

    /// Applies the requests in further buffers, which continue the last ROP of the batch.
    pub fn settle_packed<'r>(&mut self, packed: impl Iterator<Item = &'r RopRequest>) {
        packed.for_each(|request| apply_packed(self, request));
    }

    /// The properties of the object that `request` acts on, with those that the ROPs `earlier` in the batch set.
    pub fn properties_before<'r>(
        &self,
        request: &RopRequest,
        earlier: impl Iterator<Item = &'r RopRequest>,
    ) -> Option<Properties> {
        let mut properties = self.acted_on(request)?.kind.properties()?.clone();
        earlier
            .filter(|other| self.acts_on_same(request, other))
            .for_each(|other| overlay(&mut properties, other));
        Some(properties)
    }

    fn release(&mut self, request: &RopRequest) {
        if let Some(handle) = self.open_handle(request.logon_id, request.handle_index) {
            self.table.remove(handle);
        }
        self.put(request.handle_index, Slot::Empty);
    }
}
