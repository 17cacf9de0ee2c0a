//! The server objects of a session, by handle: logons, folders, messages, streams, tables ([MS-OXCROPS] 3.1.1,
//! 3.2.1).
//!
//! [`ObjectTable`] lives as long as the session. [`BatchObjects`] maps the slots of one batch's handle table to
//! objects, since later ROPs of a batch act on objects that earlier ones open.
//!
//! This file declares the modules, and exports names to other crates. Within this crate, names are imported from the
//! file that defines them.

mod apply;
mod apply_transfer;
pub(crate) mod content;
pub(crate) mod fast_transfer;
pub(crate) mod object;
mod opened;
pub(crate) mod slots;
pub(crate) mod table;
mod tracker;

pub use self::content::{Content, Properties};
pub use self::fast_transfer::{FastTransfer, FastTransferKind, SyncState, TransferPart, TransferStream};
pub use self::object::{
    Attachment, Logon, Message, Object, ObjectHandle, ObjectKind, Stream, Table, TableKind,
};
pub use self::slots::BatchObjects;
pub use self::table::{ObjectLimits, ObjectTable};
