//! The server objects of a session, as far as a recording tells.

use std::collections::HashMap;

use mapi::data::PropertyName;
use mapi::emsmdb::NO_OBJECT;
use mapi::property::PropTag;
use mapi::property::names::{NamedProperty, set};
use mapi::rop::logon::LogonFlags;
use mapi::rop::{ColumnChange, Columns, Logons, RequestBody, ResponseBody, RopReply, RopRequest};

use super::tidy::Names;
use super::transfer::Transfer;

/// How many objects of a session are known at once; of more, nothing is known.
const MAX_OBJECTS: usize = 16_384;

/// The objects of a session.
#[derive(Debug, Default)]
pub(super) struct Objects {
    by_handle: HashMap<u32, Object>,
    /// Whether a logon is to a private mailbox.
    logons: HashMap<u8, bool>,
    /// The names of the session's named properties, by their numbers.
    pub(super) names: Names,
}

/// An object.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// What it is.
    pub(super) kind: String,
    columns: Option<Vec<PropTag>>,
    /// Where in its stream a `FastTransfer` context stands.
    transfer: Option<Transfer>,
}

impl Columns for Objects {
    fn columns(&self, handle: u32) -> Option<&[PropTag]> {
        self.by_handle.get(&handle)?.columns.as_deref()
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
        self.by_handle.get(&handle).map(|object| object.kind.as_str()).filter(|kind| !kind.is_empty())
    }

    /// Where in its stream the `FastTransfer` context `handle` stands.
    pub(super) fn transfer(&mut self, handle: u32) -> Option<&mut Transfer> {
        if self.by_handle.len() >= MAX_OBJECTS && !self.by_handle.contains_key(&handle) {
            return None;
        }
        let object = self.by_handle.entry(handle).or_default();
        Some(object.transfer.get_or_insert_default())
    }

    /// The client lets go of an object.
    pub(super) fn release(&mut self, handle: u32) {
        self.by_handle.remove(&handle);
    }

    /// A ROP succeeded, which acted on the object `on` and made `made`.
    pub(super) fn take_in(&mut self, request: &RopRequest, reply: &RopReply, on: u32, made: Option<u32>) {
        if let RequestBody::RopLogon(logon) = &request.body {
            let private = logon.logon_flags.contains(LogonFlags::PRIVATE);
            self.logons.insert(request.logon_id, private);
        }
        self.take_in_names(request, reply);
        let made = made.filter(|handle| *handle != NO_OBJECT && self.by_handle.len() < MAX_OBJECTS);
        if let Some(handle) = made {
            self.by_handle.insert(handle, Object { kind: kind(request), ..Object::default() });
        }
        let change = match request.columns_after(&reply.body) {
            ColumnChange::None => return,
            ColumnChange::Unknown => (on, None),
            ColumnChange::Asked(columns) => (on, Some(columns.to_vec())),
            ColumnChange::Added(columns) => {
                let mut known = self.by_handle.get(&on).and_then(|object| object.columns.clone());
                if let Some(known) = &mut known {
                    known.extend(
                        columns.iter().filter(|column| !known.contains(column)).copied().collect::<Vec<_>>(),
                    );
                }
                (on, known)
            }
            ColumnChange::Told(columns) => (made.unwrap_or(on), Some(columns.to_vec())),
        };
        if change.0 != NO_OBJECT
            && (self.by_handle.len() < MAX_OBJECTS || self.by_handle.contains_key(&change.0))
        {
            self.by_handle.entry(change.0).or_default().columns = change.1;
        }
    }

    /// Takes in which numbers named properties have.
    fn take_in_names(&mut self, request: &RopRequest, reply: &RopReply) {
        let (names, ids) = match (&request.body, &reply.body) {
            (
                RequestBody::RopGetPropertyIdsFromNames(asked),
                ResponseBody::RopGetPropertyIdsFromNames(answer),
            ) => (&asked.property_names.0, &answer.property_ids.0),
            (
                RequestBody::RopGetNamesFromPropertyIds(asked),
                ResponseBody::RopGetNamesFromPropertyIds(answer),
            ) => (&answer.property_names.0, &asked.property_ids.0),
            _ => return,
        };
        for (name, id) in names.iter().zip(ids).filter(|(_, id)| **id >= FIRST_NAMED) {
            self.names.insert(*id, name_of(name));
        }
    }
}

/// The first number that a named property can have ([MS-OXCDATA] 2.9).
const FIRST_NAMED: u16 = 0x8000;

/// What a named property is called: as the specification does, or by its set and its number or text.
fn name_of(name: &PropertyName) -> String {
    let known = match name {
        PropertyName::Lid { guid, lid } => NamedProperty::by_lid(guid, *lid),
        PropertyName::Name { guid, name } => NamedProperty::by_text(guid, &name.to_string_lossy()),
        PropertyName::OddName { .. } | PropertyName::None { .. } => None,
    };
    if let Some(known) = known {
        return known.name.to_owned();
    }
    let guid = name.guid();
    let whole = name.to_string();
    match set::name(&guid) {
        Some(set) => whole.replacen(&guid.to_string(), set, 1),
        None => whole,
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
