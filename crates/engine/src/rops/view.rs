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

/// What becomes of a single ROP, in the opinion of one module.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RopDecision {
    /// It goes on, as it is or as it was changed.
    Forward,
    /// It is not relayed, the ROPs around it are: this is its answer. For `RopRelease`, which has no answer, it
    /// is taken out.
    Respond(RopReply),
    /// It is not relayed: it fails with this error.
    Refuse(ErrorCode),
}

/// A single ROP on its way to the upstream, with what is known of the objects that it acts on.
#[derive(Debug)]
pub struct RopView<'a> {
    pub(super) batch: &'a mut RopBatch,
    pub(super) position: usize,
    pub(super) module: usize,
    pub(super) objects: &'a BatchObjects<'a>,
    /// What is to follow it.
    pub(super) after: Vec<RopRequest>,
    /// When its operation came.
    pub(super) at: FileTime,
    pub(super) notes: &'a mut Vec<Cow<'static, str>>,
}

impl RopView<'_> {
    /// The ROP.
    pub fn request(&self) -> &RopRequest {
        self.entry()
    }

    /// Puts another body in place of the ROP's: the batch is encoded anew.
    pub fn replace(&mut self, body: RequestBody) {
        if let Some(entry) = self.batch.entries.get_mut(self.position) {
            entry.request.body = body;
            self.batch.edited = true;
        }
    }

    /// Lets `edit` change the ROP; the batch is encoded anew if it says that it did. Returns what it says.
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

    /// The object that it acts on.
    pub fn object(&self) -> Option<&Object> {
        self.objects.acted_on(self.entry())
    }

    /// The mailbox that it belongs to.
    pub fn logon(&self) -> Option<&Logon> {
        self.objects.logon(self.entry())
    }

    /// All that is known of the properties of the message or attachment that it acts on, with what earlier ROPs
    /// of the batch set.
    pub fn properties(&self) -> Option<Properties> {
        self.objects.properties_before(self.entry(), self.earlier())
    }

    /// The parts of a `FastTransfer` stream that it uploads, behind those that came before: properties, and
    /// where messages and attachments begin and end. Only where a module reads content.
    pub fn transferred(&self) -> Vec<TransferPart> {
        let is_last = self.position.saturating_add(1) == self.batch.entries().len();
        let further = self.batch.packed().take(if is_last { usize::MAX } else { 0 });
        let earlier = self.batch.entries().iter().take(self.position).filter(|entry| entry.is_forwarded());
        self.objects.transferred_by(self.entry(), earlier.map(|entry| &entry.request), further)
    }

    /// Puts a ROP before this one; its answer comes to this module alone. It has to act on slots that are
    /// there, or on [`RopView::new_slot`].
    ///
    /// # Errors
    /// When it names a slot that is not there.
    pub fn insert_before(&mut self, request: RopRequest) -> Result<()> {
        self.batch.insert(self.position, request, self.module)?;
        self.position = self.position.saturating_add(1);
        Ok(())
    }

    /// Puts a ROP behind this one, and behind those that were put there already.
    pub fn insert_after(&mut self, request: RopRequest) {
        self.after.push(request);
    }

    /// A slot of the handle table for an object that an added ROP makes. The client does not see it.
    ///
    /// # Errors
    /// When the handle table is full.
    pub fn new_slot(&mut self) -> Result<u8> {
        self.batch.new_slot()
    }

    /// Keeps `bytes` of the room for the answer free, for who is going to make answers longer.
    pub const fn reserve(&mut self, bytes: usize) {
        self.batch.edited = true;
        self.batch.reserve(bytes);
    }

    /// When its operation came.
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

/// The answer to a single ROP on its way back.
#[derive(Debug)]
pub struct RopResponseView<'a> {
    /// What was asked, as it went to the upstream.
    pub request: &'a RopRequest,
    /// Whether the module that looks at it added the ROP: then the client never sees this answer.
    pub is_added: bool,
    pub(super) reply: &'a mut RopReply,
    pub(super) changed: &'a mut bool,
    pub(super) objects: &'a BatchObjects<'a>,
    /// When its operation came.
    pub(super) at: FileTime,
    pub(super) notes: &'a mut Vec<Cow<'static, str>>,
}

impl RopResponseView<'_> {
    /// What was answered.
    pub const fn reply(&self) -> &RopReply {
        self.reply
    }

    /// What was answered, to be changed: the batch is encoded anew.
    pub const fn change(&mut self) -> &mut RopReply {
        *self.changed = true;
        self.reply
    }

    /// Lets `edit` change what was answered; the batch is encoded anew if it says that it did.
    pub fn edit(&mut self, edit: impl FnOnce(&mut RopReply) -> bool) -> bool {
        let changed = edit(self.reply);
        *self.changed |= changed;
        changed
    }

    /// When its operation came.
    pub const fn at(&self) -> FileTime {
        self.at
    }

    /// Adds a note of what the module did, for the observer.
    pub fn note(&mut self, text: impl Into<Cow<'static, str>>) {
        self.notes.push(text.into());
    }

    /// The object that the ROP acted on.
    pub fn object(&self) -> Option<&Object> {
        self.objects.acted_on(self.request)
    }

    /// The parts of a `FastTransfer` stream that passed with the ROP, as the server sent or took them. Only
    /// where a module reads content.
    pub fn transferred(&self) -> &[TransferPart] {
        self.objects.transferred()
    }

    /// The object that the ROP made.
    pub fn opened(&self) -> Option<&Object> {
        self.objects.object(self.request.logon_id, self.request.output_handle_index()?)
    }

    /// The mailbox that it belongs to.
    pub fn logon(&self) -> Option<&Logon> {
        self.objects.logon(self.request)
    }
}
