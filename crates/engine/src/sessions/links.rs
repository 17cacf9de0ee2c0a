//! Links between sessions of the mailbox store (`ulIcxrLink`, [MS-OXCRPC] 3.1.4.1 and 3.2.4.1).
//!
//! A client may link a new session to an earlier one. Responses in either then also report that the other has pending
//! notifications. The client refers to the earlier session by the index of 16 bits that the server returned as `picxr`,
//! which is not secret. The server checks that both sessions belong to one user, which with a service account is always
//! true. So the proxy forwards an index only if the server returned it to the same user and, if the client did
//! not authenticate, in the same association group.

use std::sync::Arc;

use identity::Identity;
use mapi::{Interface, emsmdb};
use wire::Endian;

use crate::body::{OperationKey, Request, Response};
use crate::message::Body as _;
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::sessions::handles::HandleTable;
use crate::sessions::store_sessions::StoreSessions;

/// The value of `ulIcxrLink` that links no session.
const NO_LINK: u32 = u32::MAX;

/// The size of the counts before the characters of a string (C706 14.3.4.2): maximum, offset and actual count, in
/// bytes.
const COUNTS: usize = 12;

/// The size of the six fields between the name and the link, and of the link, in bytes.
const UP_TO_LINK: usize = 28;

/// Removes the link from a Connect if the client may not link to that session ([`StoreSessions::may_link`]). The server
/// then opens the session without a link, as it does if the earlier session has ended.
///
/// # Errors
/// If the request cannot be decoded, and the server might find a link in it.
pub(crate) fn remove_foreign_link(
    sessions: &StoreSessions,
    group: &Arc<HandleTable>,
    operation: &mut Operation,
) -> Result<(), Refusal> {
    let opens = opens_session(operation.key());
    if !opens {
        return Ok(());
    }
    let identity = operation.context().identity().clone();
    let request = &mut operation.request;
    let unlinked = request.edit(|request| {
        let link = match request {
            Request::Emsmdb(emsmdb::Request::EcDoConnect(connect)) => &mut connect.icxr_link,
            Request::Emsmdb(emsmdb::Request::EcDoConnectEx(connect)) => &mut connect.icxr_link,
            _ => return false,
        };
        let is_own = is_own(sessions, (&identity, group), *link);
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

/// Checks, when a Connect is sent, whether the client may still link to that session. `stub` is its little-endian stub.
///
/// # Errors
/// If that session has ended since [`remove_foreign_link`], so that the index may belong to another user.
pub(crate) fn check_link(
    sessions: &StoreSessions,
    client: (&Identity, &Arc<HandleTable>),
    key: OperationKey,
    stub: &[u8],
) -> Result<(), Refusal> {
    if !opens_session(key) {
        return Ok(());
    }
    let link = match Request::decode(key, stub, Endian::Little) {
        Ok((Request::Emsmdb(emsmdb::Request::EcDoConnect(connect)), _)) => connect.icxr_link,
        Ok((Request::Emsmdb(emsmdb::Request::EcDoConnectEx(connect)), _)) => connect.icxr_link,
        // `remove_foreign_link` has checked that it has no link.
        _ => NO_LINK,
    };
    if is_own(sessions, client, link) {
        return Ok(());
    }
    let why = "the session to which the request links the new one ended before the request was sent";
    Err(Refusal::new(RefusalKind::NotExecuted, why))
}

/// Whether a link refers to a session to which the client may link, or to none.
fn is_own(sessions: &StoreSessions, (identity, group): (&Identity, &Arc<HandleTable>), link: u32) -> bool {
    let may_link = |index| sessions.may_link(index, identity, group);
    link == NO_LINK || u16::try_from(link).is_ok_and(may_link)
}

/// Whether a request is long enough for a link, after a name with any of the counts that it declares.
fn has_room_for_link(stub: &[u8]) -> bool {
    let lengths = [0, 8].into_iter().filter_map(|at| stub.get(at..)?.first_chunk());
    let lengths = lengths.flat_map(|count| [u32::from_le_bytes(*count), u32::from_be_bytes(*count)]);
    let ends = lengths.filter_map(|length| {
        let name = usize::try_from(length).ok()?.checked_next_multiple_of(4)?;
        name.checked_add(COUNTS + UP_TO_LINK)
    });
    ends.into_iter().any(|end| end <= stub.len())
}

/// The index of the session that a call opened, from its little-endian response `stub`.
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

/// Whether a call opens a session of the mailbox store.
pub(crate) const fn opens_session(key: OperationKey) -> bool {
    matches!(key, OperationKey::Call(Interface::Emsmdb, 0 | 10))
}
