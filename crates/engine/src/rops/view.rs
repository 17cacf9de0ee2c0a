//! Views of a single ROP and of its response, for modules.

use std::borrow::Cow;

use mapi::ErrorCode;
use mapi::rop::{RequestBody, RopReply, RopRequest};
use wire::{FileTime, Result};

use super::batch::RopBatch;
use crate::objects::content::Properties;
use crate::objects::fast_transfer::TransferPart;
use crate::objects::object::{Logon, Object};
use crate::objects::slots::BatchObjects;

/// A module's decision about a single ROP.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RopDecision {
    /// Continue with the next module, and after the last one forward the ROP.
    Forward,
    /// Do not forward the ROP; this is its response. A `RopRelease`, which has no response, is removed. The other
    /// ROPs of the batch are forwarded.
    Respond(RopReply),
    /// Do not forward the ROP; it fails with this error.
    Refuse(ErrorCode),
}

/// A single ROP of a request, with the objects on which it acts.
#[derive(Debug)]
pub struct RopView<'a> {
    pub(super) batch: &'a mut RopBatch,
    pub(super) position: usize,
    pub(super) module: usize,
    pub(super) objects: &'a BatchObjects<'a>,
    /// The ROPs to insert after this one.
    pub(super) after: Vec<RopRequest>,
    /// When the operation was received.
    pub(super) at: FileTime,
    pub(super) notes: &'a mut Vec<Cow<'static, str>>,
}

impl RopView<'_> {
    /// The request of the ROP.
    pub fn request(&self) -> &RopRequest {
        self.entry()
    }

    /// Replaces the body of the ROP. The batch will be encoded again.
    pub fn replace(&mut self, body: RequestBody) {
        if let Some(entry) = self.batch.entries.get_mut(self.position) {
            entry.request.body = body;
            self.batch.edited = true;
        }
    }

    /// Calls `edit` with the body of the ROP. The batch will be encoded again only if `edit` returns `true`,
    /// which states that it changed the body. Returns what `edit` returned.
    pub fn edit(&mut self, edit: impl FnOnce(&mut RequestBody) -> bool) -> bool {
        let Some(entry) = self.batch.entries.get_mut(self.position) else { return false };
        let changed = edit(&mut entry.request.body);
        self.batch.edited |= changed;
        changed
    }

    /// The ROPs of the batch before this one, in order.
    pub fn earlier(&self) -> impl Iterator<Item = &RopRequest> {
        self.batch.entries().iter().take(self.position).map(|entry| &entry.request)
    }

    /// The object on which the ROP acts, if it is tracked.
    pub fn object(&self) -> Option<&Object> {
        self.objects.acted_on(self.entry())
    }

    /// The logon to which the ROP belongs.
    pub fn logon(&self) -> Option<&Logon> {
        self.objects.logon(self.entry())
    }

    /// The tracked properties of the message or attachment on which the ROP acts, including those that earlier ROPs
    /// of the batch set.
    pub fn properties(&self) -> Option<Properties> {
        self.objects.properties_before(self.entry(), self.earlier())
    }

    /// The parts of a FastTransfer stream that the ROP uploads: properties, and markers where messages and
    /// attachments begin and end. Empty unless a module reads content
    /// ([`Interests::content`](crate::Interests::content)).
    pub fn transferred(&self) -> Vec<TransferPart> {
        let is_last = self.position.saturating_add(1) == self.batch.entries().len();
        let further = self.batch.packed().take(if is_last { usize::MAX } else { 0 });
        let earlier = self.batch.entries().iter().take(self.position).filter(|entry| entry.is_forwarded());
        self.objects.transferred_by(self.entry(), earlier.map(|entry| &entry.request), further)
    }

    /// Inserts a ROP before this one. Only this module receives its response. Its handle indexes have to be in the
    /// client's handle table, or from [`RopView::new_slot`].
    ///
    /// # Errors
    /// If it refers to a slot outside of the handle table.
    pub fn insert_before(&mut self, request: RopRequest) -> Result<()> {
        self.batch.insert(self.position, request, self.module)?;
        self.position = self.position.saturating_add(1);
        Ok(())
    }

    /// Inserts a ROP after this one, and after those that were inserted there before. A ROP that refers to a slot
    /// outside of the handle table is not inserted.
    pub fn insert_after(&mut self, request: RopRequest) {
        self.after.push(request);
    }

    /// Adds a slot to the handle table, for an object that an inserted ROP opens. The client does not receive the
    /// slot.
    ///
    /// # Errors
    /// If the handle table is full.
    pub fn new_slot(&mut self) -> Result<u8> {
        self.batch.new_slot()
    }

    /// Reserves `bytes` of the response, for a module that will lengthen responses.
    pub const fn reserve(&mut self, bytes: usize) {
        self.batch.edited = true;
        self.batch.reserve(bytes);
    }

    /// When the operation was received.
    pub const fn at(&self) -> FileTime {
        self.at
    }

    /// Adds a note of what the module did, for the observer.
    pub fn note(&mut self, text: impl Into<Cow<'static, str>>) {
        self.notes.push(text.into());
    }

    fn entry(&self) -> &RopRequest {
        self.batch.request(self.position)
    }
}

/// The response to a single ROP, with the objects on which the ROP acted.
#[derive(Debug)]
pub struct RopResponseView<'a> {
    /// The request, as forwarded to the upstream.
    pub request: &'a RopRequest,
    /// Whether this module added the ROP. The client does not receive this response.
    pub is_added: bool,
    pub(super) reply: &'a mut RopReply,
    pub(super) changed: &'a mut bool,
    pub(super) objects: &'a BatchObjects<'a>,
    /// When the operation was received.
    pub(super) at: FileTime,
    pub(super) notes: &'a mut Vec<Cow<'static, str>>,
}

impl RopResponseView<'_> {
    /// The response.
    pub const fn reply(&self) -> &RopReply {
        self.reply
    }

    /// The response, to be changed. The batch will be encoded again.
    pub const fn change(&mut self) -> &mut RopReply {
        *self.changed = true;
        self.reply
    }

    /// Calls `edit` with the response. The batch will be encoded again only if `edit` returns `true`,
    /// which states that it changed the response. Returns what `edit` returned.
    pub fn edit(&mut self, edit: impl FnOnce(&mut RopReply) -> bool) -> bool {
        let changed = edit(self.reply);
        *self.changed |= changed;
        changed
    }

    /// When the operation was received.
    pub const fn at(&self) -> FileTime {
        self.at
    }

    /// Adds a note of what the module did, for the observer.
    pub fn note(&mut self, text: impl Into<Cow<'static, str>>) {
        self.notes.push(text.into());
    }

    /// The object on which the ROP acted, if it is tracked.
    pub fn object(&self) -> Option<&Object> {
        self.objects.acted_on(self.request)
    }

    /// The parts of a FastTransfer stream that the ROP transferred. Empty unless a module reads content
    /// ([`Interests::content`](crate::Interests::content)).
    pub fn transferred(&self) -> &[TransferPart] {
        self.objects.transferred()
    }

    /// The object that the ROP opened, if it is tracked.
    pub fn opened(&self) -> Option<&Object> {
        self.objects.object(self.request.logon_id, self.request.output_handle_index()?)
    }

    /// The logon to which the ROP belongs.
    pub fn logon(&self) -> Option<&Logon> {
        self.objects.logon(self.request)
    }
}
