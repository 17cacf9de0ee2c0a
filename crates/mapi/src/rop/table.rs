//! The table of ROPs ([MS-OXCROPS] 2.2.2).

use wire::{Error, Reader};

use super::folder::{RopOpenFolderRequest, RopOpenFolderResponse};
use super::logon::{RopLogonRequest, RopLogonResponse};
use super::special::Unanswered;
use super::{Empty, Field, HandleRole, RequestContext, ResponseContext, ResponseFields, newtype_field, rops};
use crate::ErrorCode;
use crate::show::{Show, Shown, show_named};

rops! {
    // 2.2.3 Logon ROPs

    /// Signs on to a mailbox or to the public folders.
    0xFE RopLogon: RopLogonRequest => RopLogonResponse;

    // 2.2.4 Folder ROPs

    /// Opens a folder.
    0x02 RopOpenFolder: RopOpenFolderRequest => RopOpenFolderResponse;

    // 2.2.15 Other ROPs

    /// Lets go of a server object. It is not answered.
    0x01 RopRelease: Empty => Unanswered;

    special {
        /// Tells what happened.
        0x2A RopNotify;
        /// Tells that notifications wait.
        0x6E RopPending;
        /// Tells that the server is busy.
        0xF9 RopBackoff;
        /// Tells that answers do not fit.
        0xFF RopBufferTooSmall;
    }
}

show_named!(RopId);
newtype_field!(RopId(u8));

#[cold]
fn unknown(id: RopId, r: &Reader<'_>) -> Error {
    r.invalid("RopId", u64::from(id.0), "a ROP of [MS-OXCROPS] 2.2.2")
}
