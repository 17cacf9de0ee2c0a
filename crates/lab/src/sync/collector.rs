//! The upload of changes that a client made in its copy of a folder ([MS-OXCFXICS] 3.2.5.9.4).

use store::ObjectId;

use super::state::{StateUpload, SyncState, insert};

/// An upload of changes.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) folder: ObjectId,
    /// Whether messages are uploaded; otherwise folders.
    pub(crate) is_contents: bool,
    /// What the client has: what it sent, and what it uploaded since.
    pub(crate) state: SyncState,
    pub(crate) upload: StateUpload,
}

impl Collector {
    pub(crate) fn new(folder: ObjectId, is_contents: bool) -> Self {
        Self { folder, is_contents, state: SyncState::default(), upload: StateUpload::default() }
    }

    /// The bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        self.state.size().saturating_add(self.upload.size())
    }

    /// The client has the version `change` of the object `id`.
    pub(crate) fn has(&mut self, id: ObjectId, change: ObjectId, associated: bool) {
        insert(&mut self.state.given, id);
        insert(if associated { &mut self.state.seen_fai } else { &mut self.state.seen }, change);
    }
}
