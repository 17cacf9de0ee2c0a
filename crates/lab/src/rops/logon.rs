//! Logging on to a mailbox ([MS-OXCSTOR] 3.2.5.1).

use mapi::ErrorCode;
use mapi::rop::ResponseBody;
use mapi::rop::logon::{
    FolderIds, LogonFlags, LogonTime, PrivateLogon, ResponseFlags, RopLogonRequest, RopLogonResponse,
};

use super::outcome::{Outcome, Success};
use crate::directory::Entry;
use crate::session::{MailboxSession, Object};

/// The replica id of every mailbox's own ids.
const REPLICA_ID: u16 = 1;
/// The number of a mailbox's first folder.
const FIRST_FOLDER: u64 = 0x01_0001;
/// The time on the server at every logon, since the lab has no clock: 1 January 2024, noon.
const LOGON_TIME: LogonTime =
    LogonTime { seconds: 0, minutes: 0, hour: 12, day_of_week: 1, day: 1, month: 1, year: 2024 };

pub(super) fn logon(session: &MailboxSession, request: &RopLogonRequest) -> Outcome {
    if !request.logon_flags.contains(LogonFlags::PRIVATE) {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT);
    }
    let dn = String::from_utf8_lossy(request.dn());
    let entry = session.backend.person(&dn).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let response = mailbox(entry, entry.mid == session.user, request.logon_flags);
    let body = ResponseBody::RopLogon(RopLogonResponse::Private(Box::new(response)));
    Ok(Success::opened(body, Object::Logon(entry.mid)))
}

/// The response to a logon to the mailbox of `entry`, which is the user's own or not.
fn mailbox(entry: &Entry, own: bool, logon_flags: LogonFlags) -> PrivateLogon {
    let mut folder_ids = FolderIds::default();
    for (id, number) in folder_ids.iter_mut().zip(FIRST_FOLDER..) {
        *id = folder_id(number);
    }
    let rights = ResponseFlags::RESERVED;
    let owner = ResponseFlags::OWNER_RIGHT | ResponseFlags::SEND_AS_RIGHT;
    let mut replica_guid = entry.guid;
    replica_guid.data1 = !replica_guid.data1;
    PrivateLogon {
        logon_flags,
        folder_ids,
        response_flags: if own { rights | owner } else { rights },
        mailbox_guid: entry.guid,
        replica_id: REPLICA_ID,
        replica_guid,
        logon_time: LOGON_TIME,
        gwart_time: 0,
        store_state: 0,
    }
}

/// A folder id: the replica id, then 48 bits of a counter, highest byte first ([MS-OXCDATA] 2.2.1.1).
fn folder_id(counter: u64) -> u64 {
    let [low, high] = REPLICA_ID.to_le_bytes();
    let [_, _, a, b, c, d, e, f] = counter.to_be_bytes();
    u64::from_le_bytes([low, high, a, b, c, d, e, f])
}
