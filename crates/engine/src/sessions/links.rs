//! Links between sessions of the store ([MS-OXCRPC] 3.1.4.1 and 3.2.4.1, `ulIcxrLink`).
//!
//! A client may have a new session linked with an earlier one, on which it then learns of pending notifications.
//! It names the earlier one by an index of 16 bits that the server gave out, `picxr`, which is in no way secret. The
//! server checks that both have one user; with a service account they always have. So an
//! index is passed on only to the identity that it was given to.

use mapi::{Interface, emsmdb};
use wire::Endian;

use crate::body::{OperationKey, Request, Response};
use crate::message::Body as _;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::sessions::handles::HandleTable;

/// In place of an index: no session.
const NO_LINK: u32 = u32::MAX;

/// The counts before the characters of a name (C706 14.3.4.2): the most, an offset, and how many there are.
const COUNTS: usize = 12;

/// The six fields between the name and the link, and the link itself.
const UP_TO_LINK: usize = 28;

/// Takes the link out of a request for a session that is to be linked with one that the identity of `group` does not
/// have. The server then opens the session all the same, as it does where the earlier one is gone.
///
/// # Errors
/// When the request can't be read, and the server might find a link in it.
pub(crate) fn remove_foreign_link(group: &HandleTable, operation: &mut Operation) -> Result<(), Refusal> {
    let opens = opens_session(operation.key());
    if !opens {
        return Ok(());
    }
    let request = &mut operation.request;
    let unlinked = request.edit(|request| {
        let link = match request {
            Request::Emsmdb(emsmdb::Request::EcDoConnect(connect)) => &mut connect.icxr_link,
            Request::Emsmdb(emsmdb::Request::EcDoConnectEx(connect)) => &mut connect.icxr_link,
            _ => return false,
        };
        let known = |index| group.has_session_index(index);
        let is_own = *link == NO_LINK || u16::try_from(*link).is_ok_and(known);
        if !is_own {
            *link = NO_LINK;
        }
        !is_own
    });
    match unlinked {
        Err(error) if has_room_for_link(request.original()) => {
            Err(Refusal::new(RefusalKind::BadRequest, error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Whether a request is as long as one with a link in it, behind a name of any of the lengths that it states.
fn has_room_for_link(stub: &[u8]) -> bool {
    let lengths = [0, 8].into_iter().filter_map(|at| stub.get(at..)?.first_chunk());
    let lengths = lengths.flat_map(|count| [u32::from_le_bytes(*count), u32::from_be_bytes(*count)]);
    let ends = lengths.filter_map(|length| {
        let name = usize::try_from(length).ok()?.checked_next_multiple_of(4)?;
        name.checked_add(COUNTS + UP_TO_LINK)
    });
    ends.into_iter().any(|end| end <= stub.len())
}

/// The index of the session that the little-endian answer `stub` to a call opens, where it has one.
pub(crate) fn session_index(key: OperationKey, stub: &[u8]) -> Option<u16> {
    if !opens_session(key) {
        return None;
    }
    match Response::decode(key, stub, Endian::Little).ok()?.0 {
        Response::Emsmdb(emsmdb::Response::EcDoConnect(connected)) => Some(connected.icxr),
        Response::Emsmdb(emsmdb::Response::EcDoConnectEx(connected)) => Some(connected.icxr),
        _ => None,
    }
}

/// Whether a call opens a session of the store.
fn opens_session(key: OperationKey) -> bool {
    matches!(key, OperationKey::Call(Interface::Emsmdb, 0 | 10))
}
