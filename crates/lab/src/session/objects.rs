//! The server objects of a session, by handle ([MS-OXCROPS] 1.3.1).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use mapi::ErrorCode;
use mapi::emsmdb::NO_OBJECT;
use mapi::rop::Logons;
use store::ObjectId;

use super::logon::Logon;
use super::message::{OpenAttachment, OpenMessage};
use super::stream::Stream;
use super::table::Table;
use crate::notify::subscription::Interest;
use crate::sync::collector::Collector;
use crate::sync::download::Download;
use crate::sync::incoming::Incoming;

/// How many objects a session may have open.
const OBJECTS_MAX: usize = 512;

/// The most bytes that a session may hold of changes that it has not saved, and of downloads.
const CHANGES_MAX: usize = 64 << 20;

/// A server object.
#[derive(Debug)]
pub(crate) enum Object {
    /// A logon to a mailbox.
    Logon,
    /// A folder.
    Folder(ObjectId),
    /// A table.
    Table(Box<Table>),
    /// A message.
    Message(Box<OpenMessage>),
    /// An attachment of a message.
    Attachment(Box<OpenAttachment>),
    /// A stream on a property of a message or an attachment.
    Stream(Box<Stream>),
    /// A stream of objects that the client downloads.
    Download(Box<Download>),
    /// An upload of changes that the client made in its copy of a folder.
    Collector(Box<Collector>),
    /// A stream of objects that the client uploads.
    Upload(Box<Incoming>),
    /// A subscription to notifications.
    Subscription(Interest),
}

/// An object and the logon to which it belongs.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) logon: Arc<Logon>,
    pub(crate) object: Object,
}

/// The open objects of a session.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    open: HashMap<u32, Opened>,
    /// The handle of the next object. As in Exchange, that of the first one is zero.
    next: u32,
    /// The ids of the logons to the public folders.
    public: BTreeSet<u8>,
}

impl Objects {
    /// Adds an object, which the ROP of the logon `logon_id` has opened, and returns its handle. Handles are not used
    /// again within a session.
    ///
    /// # Errors
    /// `OutOfResources` if the session has too many objects.
    pub(crate) fn add(&mut self, logon_id: u8, opened: Opened) -> Result<u32, ErrorCode> {
        let handle = self.next;
        if handle == NO_OBJECT || self.open.len() >= OBJECTS_MAX {
            return Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES);
        }
        self.next = handle.saturating_add(1);
        if matches!(opened.object, Object::Logon) {
            if opened.logon.is_public() {
                self.public.insert(logon_id)
            } else {
                self.public.remove(&logon_id)
            };
        }
        self.open.insert(handle, opened);
        Ok(handle)
    }

    pub(crate) fn get(&self, handle: u32) -> Option<&Opened> {
        self.open.get(&handle)
    }

    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut Opened> {
        self.open.get_mut(&handle)
    }

    /// Succeeds if the session may hold `more` bytes of changes.
    ///
    /// # Errors
    /// `NotEnoughMemory`.
    pub(crate) fn check_room(&self, more: usize) -> Result<(), ErrorCode> {
        let size = |opened: &Opened| match &opened.object {
            Object::Message(message) => message.size(),
            Object::Attachment(attachment) => attachment.size(),
            Object::Stream(stream) => stream.data.len(),
            Object::Download(download) => download.size(),
            Object::Collector(collector) => collector.size(),
            Object::Upload(upload) => upload.size(),
            Object::Logon | Object::Folder(_) | Object::Table(_) | Object::Subscription(_) => 0,
        };
        let held = self.open.values().map(size).fold(more, usize::saturating_add);
        if held > CHANGES_MAX { Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY) } else { Ok(()) }
    }

    /// Releases an object; a logon with all its objects ([MS-OXCROPS] 2.2.15.3).
    pub(crate) fn release(&mut self, handle: u32) {
        if let Some(Opened { logon, object: Object::Logon }) = self.open.remove(&handle) {
            self.open.retain(|_, other| !Arc::ptr_eq(&other.logon, &logon));
        }
    }
}

impl Logons for Objects {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        Some(!self.public.contains(&logon_id))
    }
}
