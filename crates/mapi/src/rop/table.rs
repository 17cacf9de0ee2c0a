//! The table of ROPs ([MS-OXCROPS] 2.2.2).
#![allow(clippy::wildcard_imports, reason = "the table names all that the families have")]

use wire::{Error, Reader};

use super::folder::{RopOpenFolderRequest, RopOpenFolderResponse};
use super::logon::{RopLogonRequest, RopLogonResponse};
use super::response::left_out;
use super::special::Unanswered;
use super::stream::*;
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

    // 2.2.9 Stream ROPs

    /// Opens a property as a stream.
    0x2B RopOpenStream: RopOpenStreamRequest => RopOpenStreamResponse;
    /// Reads from a stream.
    0x2C RopReadStream: RopReadStreamRequest => RopReadStreamResponse;
    /// Writes to a stream.
    0x2D RopWriteStream: RopWriteStreamRequest => RopWriteStreamResponse;
    /// Writes more to a stream than one buffer holds.
    0xA3 RopWriteStreamExtended: RopWriteStreamExtendedRequest => RopWriteStreamExtendedResponse;
    /// Makes what was written to a stream last.
    0x5D RopCommitStream: Empty => Empty;
    /// Asks for the size of a stream.
    0x5E RopGetStreamSize: Empty => RopGetStreamSizeResponse;
    /// Cuts or grows a stream.
    0x2F RopSetStreamSize: RopSetStreamSizeRequest => Empty;
    /// Goes to another place of a stream.
    0x2E RopSeekStream: RopSeekStreamRequest => RopSeekStreamResponse;
    /// Copies from one stream to another.
    0x3A RopCopyToStream: RopCopyToStreamRequest => RopCopyToStreamResponse;
    /// Locks a part of a stream.
    0x5B RopLockRegionStream: RopLockRegionStreamRequest => Empty;
    /// Unlocks a part of a stream.
    0x5C RopUnlockRegionStream: RopUnlockRegionStreamRequest => Empty;
    /// Writes to a stream and makes it last.
    0x90 RopWriteAndCommitStream: RopWriteAndCommitStreamRequest => RopWriteAndCommitStreamResponse;
    /// Opens a second stream on the same value.
    0x3B RopCloneStream: RopCloneStreamRequest => Empty;

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
