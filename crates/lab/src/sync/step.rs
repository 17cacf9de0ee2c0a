//! The steps of a download.

use mapi::property::PropTag;
use store::{ContentId, ObjectId, ValueSource};
use wire::FileTime;

/// A part of a stream.
#[derive(Debug)]
pub(crate) enum Step {
    /// These bytes. They are in one buffer unless they are too long for it.
    Bytes(Vec<u8>),
    /// The rest of a large value.
    Large(Box<LargeValue>),
    /// What a message contains: properties, recipients and attachments.
    Content(ContentStep),
    /// The change of a message in the folder that is synchronized.
    MessageChange(ObjectId),
    /// The change of a folder.
    FolderChange(ObjectId),
    /// A message, with its identifiers and its version if `with_ids`.
    Message { id: ObjectId, with_ids: bool },
    /// A folder with its messages, and with its subfolders if `is_deep`.
    Folder { id: ObjectId, is_top: bool, is_deep: bool },
    /// The version `change` of the object `id` is sent.
    Sent { id: ObjectId, change: ObjectId, associated: bool },
}

/// A message, or an embedded one, whose content is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentStep {
    pub(crate) content: ContentId,
    pub(crate) read: bool,
    pub(crate) associated: bool,
    /// `PidTagCreationTime` of a message in a folder that is synchronized.
    pub(crate) created: Option<FileTime>,
    /// Whether the client selects its properties. It selects those of the outermost message only.
    pub(crate) is_filtered: bool,
}

/// A large value in the store, of which some bytes are sent.
#[derive(Debug)]
pub(crate) struct LargeValue {
    pub(crate) content: ContentId,
    pub(crate) source: ValueSource,
    pub(crate) tag: PropTag,
    /// The bytes of the value, which are announced to the client.
    pub(crate) length: u64,
    pub(crate) sent: u64,
}

impl Step {
    /// The bytes in memory that the step has beside itself.
    pub(crate) const fn payload(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Large(_) => size_of::<LargeValue>(),
            _ => 0,
        }
    }
}
