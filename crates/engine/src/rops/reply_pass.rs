//! Passes the responses of a batch to the modules, from last to first, with the state of the objects at each ROP.

use std::borrow::Cow;
use std::sync::Arc;

use mapi::property::PropTag;
use mapi::rop::{RopReply, RopRequest};
use wire::FileTime;

use super::batch::{Disposition, Entry, RopBatch};
use super::view::RopResponseView;
use crate::module::Module;
use crate::objects::slots::BatchObjects;
use crate::session::Session;

/// Applies the responses of a batch to the objects, and passes each to the modules.
pub(super) struct ReplyPass<'a> {
    pub(super) modules: &'a [Box<dyn Module>],
    pub(super) interface: mapi::Interface,
    pub(super) session: &'a mut Session,
    pub(super) objects: BatchObjects<'a>,
    pub(super) at: FileTime,
    pub(super) notes: Vec<(&'static str, Cow<'static, str>)>,
}

impl ReplyPass<'_> {
    /// The columns of the object that `request` acts on.
    pub(super) fn columns(&self, request: &RopRequest) -> Option<&Arc<[PropTag]>> {
        self.objects.columns(request)
    }

    /// Passes the response to the ROP at `position`, if there is one. `handles` is the handle table of the response.
    /// Returns whether a module changed the response.
    pub(super) fn deliver(&mut self, batch: &mut RopBatch, position: usize, handles: &[u32]) -> bool {
        if let Some(entry) = batch.entries().get(position)
            && entry.disposition == Disposition::Forwarded
        {
            self.objects.settle(&entry.request, entry.reply.as_ref(), handles);
            if position.saturating_add(1) == batch.entries().len() && entry.reply.is_some() {
                self.objects.settle_packed(batch.packed());
            }
        }
        let Some(entry) = batch.entries.get_mut(position) else { return false };
        let visibility = match (&entry.disposition, entry.is_added()) {
            (_, true) => Visibility::Only(entry.by),
            (Disposition::Forwarded, false) => Visibility::All,
            (_, false) => Visibility::Above(entry.by.unwrap_or(usize::MAX)),
        };
        let Entry { request, reply, .. } = entry;
        reply.as_mut().is_some_and(|reply| self.call_modules(request, reply, visibility))
    }

    /// Passes a further response to the last ROP. Returns whether a module changed it.
    pub(super) fn continued(&mut self, batch: &RopBatch, reply: &mut RopReply) -> bool {
        let Some(entry) = batch.entries().last() else { return false };
        self.objects.settle_more(&entry.request, reply);
        self.call_modules(&entry.request, reply, Visibility::All)
    }

    /// Passes a response to the modules, from last to first. Returns whether a module changed it.
    fn call_modules(&mut self, request: &RopRequest, reply: &mut RopReply, visibility: Visibility) -> bool {
        let mut changed = false;
        for (number, module) in self.modules.iter().enumerate().rev() {
            let sees = match visibility {
                Visibility::All => true,
                Visibility::Above(by) => number < by,
                Visibility::Only(by) => by == Some(number),
            };
            if !sees || !module.interests().include_rops(self.interface) {
                continue;
            }
            let mut notes = Vec::new();
            let mut view = RopResponseView {
                request,
                is_added: matches!(visibility, Visibility::Only(_)),
                reply,
                changed: &mut changed,
                objects: &self.objects,
                at: self.at,
                notes: &mut notes,
            };
            module.rop_response(&mut view, self.session);
            self.notes.extend(notes.into_iter().map(|note| (module.name(), note)));
        }
        changed
    }
}

/// Which modules receive a response.
#[derive(Debug, Clone, Copy)]
enum Visibility {
    All,
    /// The modules between the client and the module that responded.
    Above(usize),
    /// The module that added the request.
    Only(Option<usize>),
}
