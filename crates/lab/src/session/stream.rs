//! Streams, by which a client reads and writes a value in parts ([MS-OXCPRPT] 3.2.5.11).

use mapi::property::PropTag;

/// A stream. It holds the whole value.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The handle of the message or the attachment.
    pub(crate) parent: u32,
    pub(crate) tag: PropTag,
    pub(crate) data: Vec<u8>,
    pub(crate) position: usize,
    pub(crate) is_writable: bool,
    /// Whether `data` has changes that are not in the object.
    pub(crate) is_changed: bool,
}
