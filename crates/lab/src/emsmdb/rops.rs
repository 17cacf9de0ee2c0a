//! The ROPs that the lab executes: logging on to a mailbox and releasing objects
//! ([MS-OXCROPS] 2.2.3.1, 2.2.15.3).

use mapi::ErrorCode;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::logon::RopLogonResponse;
use mapi::rop::logon::{FolderIds, LogonFlags, LogonTime, PrivateLogon, ResponseFlags, RopLogonRequest};
use mapi::rop::{RequestBody, ResponseBody, RopId, RopReply, RopRequest};
use wire::{Encode as _, Reader, Writer};

use super::session::Session;
use crate::directory::Entry;
use crate::service::Lab;

/// The replica id of every mailbox's own ids.
const REPLICA_ID: u16 = 1;
/// The number of a mailbox's first folder.
const FIRST_FOLDER: u64 = 0x01_0001;
/// The time on the server at every logon, since the lab has no clock: 1 January 2024, noon.
const LOGON_TIME: LogonTime =
    LogonTime { seconds: 0, minutes: 0, hour: 12, day_of_week: 1, day: 1, month: 1, year: 2024 };
/// Requests of these ROPs have an `OutputHandleIndex` after the index of the object on which they act, and their
/// responses have the former ([MS-OXCROPS] 2.2).
const CREATE_OBJECTS: [u8; 23] = [
    0x02, 0x03, 0x04, 0x05, 0x06, 0x1c, 0x21, 0x22, 0x23, 0x29, 0x2b, 0x3e, 0x3f, 0x46, 0x4b, 0x4c, 0x4d,
    0x53, 0x69, 0x70, 0x72, 0x7e, 0x82,
];

/// Executes the ROPs of `buffer`. A ROP has no length field: after an unknown or a truncated one, the rest cannot
/// be decoded and is skipped.
pub(super) fn execute(lab: &Lab, session: &mut Session, buffer: &RopBuffer) -> RopBuffer {
    let mut handles = buffer.handles.clone();
    let mut reader = Reader::new(&buffer.rops);
    let mut answers = Writer::new();
    while let rest = reader.peek()
        && !rest.is_empty()
    {
        let request = RopRequest::decode(&mut reader, &()).ok();
        let went_on = request.and_then(|request| match &request.body {
            RequestBody::RopLogon(asked) => {
                logon(lab, session, request.handle_index, asked, &mut handles).encode(&mut answers).ok()
            }
            RequestBody::RopRelease(_) => {
                release(session, request.handle_index, &mut handles);
                Some(())
            }
            _ => None,
        });
        if went_on.is_none() {
            refuse(rest, &mut answers);
            break;
        }
    }
    RopBuffer::new(answers.into_vec(), handles)
}

/// The response to a ROP that is not supported.
fn refuse(rop: &[u8], answers: &mut Writer) {
    let id = rop.first().copied().unwrap_or_default();
    let place = if CREATE_OBJECTS.contains(&id) { 3 } else { 2 };
    let index = rop.get(place).copied().unwrap_or_default();
    answers.u8(id).u8(index).u32(ErrorCode::MAPI_E_NO_SUPPORT.0);
}

fn logon(
    lab: &Lab,
    session: &mut Session,
    index: u8,
    request: &RopLogonRequest,
    handles: &mut [u32],
) -> RopReply {
    let failed = |code| RopReply::failed(RopId::RopLogon, index, code);
    let place = handles.get_mut(usize::from(index));
    let dn = String::from_utf8_lossy(request.dn()).into_owned();
    match (place, lab.mailbox(&dn)) {
        (Some(place), Some(entry)) if request.logon_flags.contains(LogonFlags::PRIVATE) => {
            session.last = session.last.saturating_add(1);
            session.objects.insert(session.last, entry.mid);
            *place = session.last;
            let own = entry.mid == session.user;
            let response = Box::new(mailbox(entry, own, request.logon_flags));
            let body = ResponseBody::RopLogon(RopLogonResponse::Private(response));
            RopReply { handle_index: index, return_value: ErrorCode::SUCCESS, body }
        }
        (Some(_), None) if request.logon_flags.contains(LogonFlags::PRIVATE) => {
            failed(ErrorCode::EC_UNKNOWN_USER)
        }
        (Some(_), _) => failed(ErrorCode::MAPI_E_NO_SUPPORT),
        (None, _) => failed(ErrorCode::MAPI_E_INVALID_PARAMETER),
    }
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

fn release(session: &mut Session, index: u8, handles: &mut [u32]) {
    if let Some(handle) = handles.get_mut(usize::from(index)) {
        session.objects.remove(handle);
        *handle = NO_OBJECT;
    }
}
