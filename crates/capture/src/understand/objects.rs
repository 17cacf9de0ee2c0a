//! The server objects of a session, as far as a recording tells.

use std::collections::HashMap;

use mapi::emsmdb::NO_OBJECT;
use mapi::property::PropTag;
use mapi::rop::logon::LogonFlags;
use mapi::rop::{ColumnChange, Columns, Logons, RequestBody, RopReply, RopRequest};

use super::transfer::Transfer;

/// How many objects of a session are known at once; of more, nothing is known.
const MAX_OBJECTS: usize = 16_384;

/// The objects of a session.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: HashMap<u32, Object>,
    /// Whether a logon is to a private mailbox.
    logons: HashMap<u8, bool>,
}

/// An object.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// What it is.
    pub(super) kind: String,
    columns: Option<Vec<PropTag>>,
    /// Where in its stream a FastTransfer context stands.
    transfer: Option<Transfer>,
}

impl Columns for Objects {
    fn columns(&self, handle: u32) -> Option<&[PropTag]> {
        self.objects.get(&handle)?.columns.as_deref()
    }
}

impl Logons for Objects {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.logons.get(&logon_id).copied()
    }
}

impl Objects {
    /// What is known of `handle`.
    pub(super) fn kind(&self, handle: u32) -> Option<&str> {
        self.objects.get(&handle).map(|object| object.kind.as_str()).filter(|kind| !kind.is_empty())
    }

    /// Where in its stream the FastTransfer context `handle` stands.
    pub(super) fn transfer(&mut self, handle: u32) -> Option<&mut Transfer> {
        if self.objects.len() >= MAX_OBJECTS && !self.objects.contains_key(&handle) {
            return None;
        }
        let object = self.objects.entry(handle).or_default();
        Some(object.transfer.get_or_insert_default())
    }

    /// The client lets go of an object.
    pub(super) fn release(&mut self, handle: u32) {
        self.objects.remove(&handle);
    }

    /// A ROP succeeded, which acted on the object `on` and made `made`.
    pub(super) fn take_in(&mut self, request: &RopRequest, reply: &RopReply, on: u32, made: Option<u32>) {
        if let RequestBody::RopLogon(logon) = &request.body {
            let private = logon.logon_flags.contains(LogonFlags::PRIVATE);
            self.logons.insert(request.logon_id, private);
        }
        let made = made.filter(|handle| *handle != NO_OBJECT && self.objects.len() < MAX_OBJECTS);
        if let Some(handle) = made {
            self.objects.insert(handle, Object { kind: kind(request), ..Object::default() });
        }
        let change = match request.columns_after(&reply.body) {
            ColumnChange::None => return,
            ColumnChange::Unknown => (on, None),
            ColumnChange::Asked(columns) => (on, Some(columns.to_vec())),
            ColumnChange::Told(columns) => (made.unwrap_or(on), Some(columns.to_vec())),
        };
        if change.0 != NO_OBJECT && (self.objects.len() < MAX_OBJECTS || self.objects.contains_key(&change.0))
        {
            self.objects.entry(change.0).or_default().columns = change.1;
        }
    }
}

/// What the object is that `request` makes: in the words of the ROP's name, and with the id that it asked for.
fn kind(request: &RopRequest) -> String {
    let name = request.id().name().unwrap_or_default().trim_start_matches("Rop");
    let verbs = ["Open", "Create", "Get", "Register"];
    let noun = verbs.iter().find_map(|verb| name.strip_prefix(verb)).unwrap_or(name);
    let ids = ["MessageId", "FolderId", "PropertyTag", "AttachmentID"];
    let id = ids.iter().find_map(|id| super::rops::field(&request.body, id));
    let mut words = String::new();
    for c in noun.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    id.map_or_else(|| words.clone(), |id| format!("{words} {id}"))
}
