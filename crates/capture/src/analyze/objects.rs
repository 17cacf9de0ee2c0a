//! The server objects of a session, as known from the recording.

use std::collections::HashMap;
use std::sync::Arc;

use engine::objects::{Object, ObjectKind, ObjectTable};
use mapi::property::PropTag;
use mapi::rop::{Columns, Logons, RequestBody, ResponseBody, RopReply, RopRequest};

use super::normalize::Names;
use super::transfer::Transfer;

/// The maximum number of objects of a session whose columns are tracked, and of streams that are decoded.
const MAX_OBJECTS: usize = 16_384;

/// The objects of a session.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The objects that were opened in the recording.
    pub(super) table: ObjectTable,
    pub(super) columns: KnownColumns,
    pub(super) transfers: Transfers,
    /// The names of the session's named properties, by their ids.
    pub(super) names: Names,
    /// The code page of the session's 8-bit texts, if a request specified it.
    pub(super) code_page: Option<u16>,
}

impl Logons for Objects {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.table.is_private(logon_id)
    }
}

/// The columns of objects, by handle: a recording may begin after the objects were opened.
#[derive(Debug, Default)]
pub(super) struct KnownColumns(HashMap<u32, Arc<[PropTag]>>);

impl Columns for KnownColumns {
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        self.0.get(&handle)
    }
}

impl KnownColumns {
    /// Sets the columns of the object `handle`; `None` if they are not known.
    pub(super) fn set(&mut self, handle: u32, columns: Option<Arc<[PropTag]>>) {
        match columns {
            Some(columns) if self.0.len() < MAX_OBJECTS || self.0.contains_key(&handle) => {
                self.0.insert(handle, columns);
            }
            _ => {
                self.0.remove(&handle);
            }
        }
    }
}

/// The FastTransfer streams of a session, by the handles of their contexts.
#[derive(Debug, Default)]
pub(super) struct Transfers(HashMap<u32, Transfer>);

impl Transfers {
    /// The state of the stream of the FastTransfer context `handle`.
    pub(super) fn of(&mut self, handle: u32) -> Option<&mut Transfer> {
        if self.0.len() >= MAX_OBJECTS && !self.0.contains_key(&handle) {
            return None;
        }
        Some(self.0.entry(handle).or_default())
    }

    /// Removes the stream of an object that the client released.
    pub(super) fn remove(&mut self, handle: u32) -> Option<Transfer> {
        self.0.remove(&handle)
    }
}

/// Adds the ids of named properties.
pub(super) fn add_names(known: &mut Names, request: &RopRequest, reply: &RopReply) {
    let (names, ids) = match (&request.body, &reply.body) {
        (
            RequestBody::RopGetPropertyIdsFromNames(request),
            ResponseBody::RopGetPropertyIdsFromNames(response),
        ) => (&request.property_names.0, &response.property_ids.0),
        (
            RequestBody::RopGetNamesFromPropertyIds(request),
            ResponseBody::RopGetNamesFromPropertyIds(response),
        ) => (&response.property_names.0, &request.property_ids.0),
        _ => return,
    };
    for (name, id) in names.iter().zip(ids).filter(|(_, id)| **id >= FIRST_NAMED) {
        known.insert(*id, name.known_name());
    }
}

/// The first id of named properties ([MS-OXCDATA] 2.9).
const FIRST_NAMED: u16 = 0x8000;

/// A short description of an object.
pub(super) fn described(object: &Object) -> String {
    let name = object.kind.name();
    let id = match &object.kind {
        ObjectKind::Folder { id } => Some(id.to_string()),
        ObjectKind::Message(message) => message.id.map(|id| id.to_string()),
        ObjectKind::Attachment(attachment) => attachment.number.map(|number| number.to_string()),
        ObjectKind::Stream(stream) => Some(stream.tag.in_store().to_string()),
        ObjectKind::FastTransfer(transfer) => transfer.folder.map(|id| format!("of folder {id}")),
        _ => None,
    };
    id.map_or_else(|| name.to_owned(), |id| format!("{name} {id}"))
}
