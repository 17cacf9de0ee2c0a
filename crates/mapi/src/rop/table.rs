//! The table of ROPs ([MS-OXCROPS] 2.2.2).

use wire::{Error, Reader};

use super::folder::{RopOpenFolderRequest, RopOpenFolderResponse};
use super::{Empty, Field, HandleRole, ResponseContext, ResponseFields, rops};
use crate::ErrorCode;
use crate::show::{Show, Shown};

rops! {
    /// Lets go of a server object. It is not answered.
    0x01 RopRelease: Empty => Empty;
    /// Opens a folder.
    0x02 RopOpenFolder: RopOpenFolderRequest => RopOpenFolderResponse;
    special {
        /// Signs on to a mailbox.
        0xfe RopLogon;
    }
}

#[cold]
fn unknown(id: RopId, r: &Reader<'_>) -> Error {
    r.invalid("RopId", u64::from(id.0), "a ROP of [MS-OXCROPS] 2.2.2")
}
