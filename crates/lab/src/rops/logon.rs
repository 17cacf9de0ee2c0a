//! Logging on to a mailbox, and what concerns all of it ([MS-OXCSTOR] 3.2.5).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::data::{FolderId, LongTermId, PropertyProblem};
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};
use mapi::rop::logon::{
    FolderIds, LogonFlags, LogonRedirect, LogonTime, OpenFlags, PrivateLogon, PublicLogon, ResponseFlags,
    RopLogonRequest, RopLogonResponse,
};
use mapi::rop::logon_store::{
    RopIdFromLongTermIdRequest, RopIdFromLongTermIdResponse, RopLongTermIdFromIdRequest,
    RopLongTermIdFromIdResponse,
};
use mapi::rop::{Bytes8, ResponseBody};
use store::{OWN_REPLICA, ObjectId};
use wire::{FileTime, Guid};

use super::context::Context;
use super::outcome::{Found, Outcome, Permitted, Success, done};
use crate::backend::Backend;
use crate::config::ServerName;
use crate::directory::properties::person_id;
use crate::mailbox::{ROOT, special};
use crate::quota;
use crate::refusal::Refusal;
use crate::session::Object;
use crate::session::logon::Logon;
use crate::values::convert::canonical;

/// Intervals of a `FILETIME` in a second.
const TICKS: u64 = 10_000_000;
/// `ecParameterOverflow`: too many replicas have numbers ([MS-OXCSTOR] 3.2.5.9).
const PARAMETER_OVERFLOW: ErrorCode = ErrorCode(0x0000_0450);
/// The properties of a logon.
const LOGON_PROPERTIES: [PropTag; 9] = [
    PropTag::PidTagMailboxOwnerName,
    PropTag::PidTagMailboxOwnerEntryId,
    PropTag::PidTagUserEntryId,
    PropTag::PidTagMaximumSubmitMessageSize,
    PropTag::PidTagOutOfOfficeState,
    PropTag::PidTagMessageSizeExtended,
    STORAGE_QUOTA_LIMIT,
    PropTag::PidTagProhibitSendQuota,
    PropTag::PidTagProhibitReceiveQuota,
];
/// `PidTagStorageQuotaLimit`: from which size on the owner is warned, in kilobytes.
const STORAGE_QUOTA_LIMIT: PropTag = PropTag::new(0x3ff5, PropType::PtypInteger32);
/// The largest message that can be submitted, in kilobytes.
const MESSAGE_KILOBYTES: i32 = 32 << 10;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// `RopLogon` ([MS-OXCSTOR] 3.2.5.1).
pub(super) fn logon(context: &Context<'_>, request: &RopLogonRequest) -> Outcome {
    match (request.logon_flags.contains(LogonFlags::PRIVATE), request.open_flags.contains(OpenFlags::PUBLIC))
    {
        (true, false) => private(context, request),
        (false, true) => public(context, request),
        _ => Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    }
}

/// A logon to the public folders ([MS-OXCSTOR] 2.2.1.1.4).
fn public(context: &Context<'_>, request: &RopLogonRequest) -> Outcome {
    let backend = context.backend();
    let user = backend.directory.entry(context.session.user).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let logon = Arc::new(Logon { mailbox: backend.public_folders()?, user: user.alias.clone() });
    let response = PublicLogon {
        logon_flags: request.logon_flags,
        folder_ids: crate::public::folder_ids(),
        replica_id: OWN_REPLICA,
        replica_guid: logon.mailbox.replica,
        per_user_guid: Guid::default(),
    };
    let body = ResponseBody::RopLogon(RopLogonResponse::Public(Box::new(response)));
    Ok(Success::opened(body, &logon, Object::Logon))
}

/// The response for a mailbox on another server ([MS-OXCSTOR] 2.2.1.1.2, 3.2.5.1.2).
fn redirect(backend: &Backend, request: &RopLogonRequest, server: &ServerName) -> Success {
    let name = [backend.config.server_dn(&server.name).as_bytes(), b"\0"].concat();
    let flags = LogonFlags::PRIVATE | LogonFlags::UNDERCOVER | LogonFlags::GHOSTED;
    let response = LogonRedirect {
        logon_flags: LogonFlags(request.logon_flags.0 & flags.0),
        server_name: Bytes8(name.into()),
    };
    let body = ResponseBody::RopLogon(RopLogonResponse::Redirect(response));
    Success { code: ErrorCode::EC_WRONG_SERVER, ..Success::new(body) }
}

/// A logon to a mailbox ([MS-OXCSTOR] 2.2.1.1.3).
fn private(context: &Context<'_>, request: &RopLogonRequest) -> Outcome {
    let (backend, dn) = (context.backend(), String::from_utf8_lossy(request.dn()).into_owned());
    let user = backend.directory.entry(context.session.user).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let entry = backend.person(&dn).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    if let Some(server) = backend.config.elsewhere.get(&entry.alias) {
        return Ok(redirect(&backend, request, server));
    }
    let own = entry.mid == user.mid;
    if !own && request.open_flags.contains(OpenFlags::USE_ADMIN_PRIVILEGE) {
        return Err(ErrorCode::EC_LOGIN_PERM.into());
    }
    let logon = Arc::new(Logon { mailbox: backend.mailbox_of(entry)?, user: user.alias.clone() });
    if !own && !backend.read(|view| logon.sees_any(view, special(ROOT)))? {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let mut folder_ids = FolderIds::default();
    for (id, place) in folder_ids.iter_mut().zip(0..) {
        *id = special(place).folder_id().0;
    }
    let owner = ResponseFlags::OWNER_RIGHT | ResponseFlags::SEND_AS_RIGHT;
    let response = PrivateLogon {
        logon_flags: request.logon_flags,
        folder_ids,
        response_flags: if own { ResponseFlags::RESERVED | owner } else { ResponseFlags::RESERVED },
        mailbox_guid: logon.mailbox.guid,
        replica_id: OWN_REPLICA,
        replica_guid: logon.mailbox.replica,
        logon_time: logon_time(backend.now()),
        gwart_time: 0,
        store_state: 0,
    };
    let body = ResponseBody::RopLogon(RopLogonResponse::Private(Box::new(response)));
    Ok(Success::opened(body, &logon, Object::Logon))
}

/// A time as a date ([MS-OXCROPS] 2.2.3.1.2.1).
fn logon_time(time: FileTime) -> LogonTime {
    let seconds = time.0 / TICKS;
    let small = |number: u64| u8::try_from(number).unwrap_or_default();
    // Days are counted from 1 January 1601, a Monday. A cycle of 400 years has 146,097 days.
    let (mut days, mut year) = (seconds / DAY, 1601_u16);
    let day_of_week = small((days.saturating_add(1)) % 7);
    let leap = |year: u16| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        (days, year) = (days.saturating_sub(length), year.saturating_add(1));
    }
    let mut month = 1;
    for length in [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        (days, month) = (days.saturating_sub(length), small(u64::from(month).saturating_add(1)));
    }
    LogonTime {
        seconds: small(seconds % 60),
        minutes: small(seconds / 60 % 60),
        hour: small(seconds / 3600 % 24),
        day_of_week,
        day: small(days.saturating_add(1)),
        month,
        year,
    }
}

/// `RopLongTermIdFromId` ([MS-OXCSTOR] 3.2.5.8).
pub(super) fn long_term_id(context: &Context<'_>, request: &RopLongTermIdFromIdRequest) -> Outcome {
    let (logon, id) = (context.on_logon()?, request.object_id);
    let replica = context.backend().read(|view| view.replica_guid(logon.mailbox.id, id.repl_id()))?;
    let replica = replica.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
    let long_term_id = LongTermId::new(replica, id.global_counter());
    done(ResponseBody::RopLongTermIdFromId(RopLongTermIdFromIdResponse { long_term_id }))
}

/// `RopIdFromLongTermId` ([MS-OXCSTOR] 3.2.5.9): an unknown replica of the owner gets a number. Others cannot use the
/// numbers up.
pub(super) fn id_from_long_term_id(context: &Context<'_>, request: &RopIdFromLongTermIdRequest) -> Outcome {
    let (logon, gid) = (context.on_logon()?, request.long_term_id.gid);
    if gid.replica.is_nil() {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let (backend, mailbox) = (context.backend(), logon.mailbox.id);
    let number = match backend.read(|view| view.replica_number(mailbox, gid.replica))? {
        Some(number) => number,
        None if logon.is_owner() => backend
            .write(backend.now(), |change| change.number_replica(mailbox, gid.replica))
            .map_err(|error| match error {
                store::Error::Limit { .. } => Refusal(PARAMETER_OVERFLOW),
                other => other.into(),
            })?,
        None => return Err(ErrorCode::MAPI_E_NOT_FOUND.into()),
    };
    let object_id: FolderId = ObjectId::new(number, gid.global_counter).folder_id();
    done(ResponseBody::RopIdFromLongTermId(RopIdFromLongTermIdResponse { object_id }))
}

/// Sets properties of a logon, and returns those that clients cannot set: all but whether the owner is out of office.
/// When that changes, rules reply to everyone again.
pub(super) fn set_properties(
    backend: &Backend,
    logon: &Logon,
    set: &[TaggedValue],
) -> Result<Vec<PropertyProblem>, Refusal> {
    let computed = |tag: PropTag| !tag.is_same_property(PropTag::PidTagOutOfOfficeState);
    let computed: Vec<PropTag> = set.iter().map(|value| value.tag).filter(|tag| computed(*tag)).collect();
    let permitted = Permitted::new(set, &[], &computed);
    let Some(state) = permitted.set.last() else { return Ok(permitted.problems) };
    let (PropertyValue::Boolean(is_out), true) = (&state.value, logon.is_owner()) else {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    };
    let mailbox = logon.mailbox.id;
    backend.write(backend.now(), |change| {
        let mut properties = change.mailbox_properties(mailbox)?;
        let before = properties.integer(PropTag::PidTagOutOfOfficeState).unwrap_or_default() != 0;
        if before != *is_out {
            change.clear_replied(mailbox)?;
            properties.set(PropTag::PidTagOutOfOfficeState, PropertyValue::Boolean(*is_out));
            change.set_mailbox_properties(mailbox, &properties)?;
        }
        Ok::<_, Refusal>(())
    })?;
    Ok(permitted.problems)
}

/// The properties of a logon ([MS-OXCSTOR] 2.2.2.1): `tags`, or all. Only the owner reads the size of a mailbox and its
/// quota.
pub(super) fn properties(
    context: &Context<'_>,
    logon: &Logon,
    tags: Option<&[PropTag]>,
) -> store::Result<Found> {
    let backend = context.backend();
    let is_owner = logon.is_owner();
    let mailbox = logon.mailbox.id;
    let is_size = |tag: &PropTag| tag.is_same_property(PropTag::PidTagMessageSizeExtended);
    let wants_size = is_owner && tags.is_none_or(|tags| tags.iter().any(is_size));
    let (size, stored) = backend.read(|view| {
        let size = if wants_size { view.size_of_mailbox(mailbox)? } else { 0 };
        Ok::<_, store::Error>((size, view.mailbox_properties(mailbox)?))
    })?;
    let quota = quota::of(&backend, &logon.mailbox).filter(|_| is_owner).copied().unwrap_or_default();
    let kilobytes = |limit: Option<u32>| limit.map(|limit| PropertyValue::Integer32(limit.cast_signed()));
    let entry_id = |alias: &str| Some(PropertyValue::Binary(person_id(&backend.config.user_dn(alias))));
    let owner = backend.person(&backend.config.user_dn(&logon.mailbox.owner));
    let value = |tag: PropTag| match canonical(tag, &LOGON_PROPERTIES) {
        PropTag::PidTagMailboxOwnerName => Some(PropertyValue::from(owner?.display_name.as_str())),
        PropTag::PidTagMailboxOwnerEntryId => entry_id(&logon.mailbox.owner),
        PropTag::PidTagUserEntryId => entry_id(&logon.user),
        PropTag::PidTagMaximumSubmitMessageSize => Some(PropertyValue::Integer32(MESSAGE_KILOBYTES)),
        // `PidTagMessageSize` has the same id.
        PropTag::PidTagMessageSizeExtended if is_owner && tag.prop_type() == PropType::PtypInteger32 => {
            Some(PropertyValue::Integer32(i32::try_from(size).unwrap_or(i32::MAX)))
        }
        PropTag::PidTagMessageSizeExtended if is_owner => {
            Some(PropertyValue::Integer64(i64::try_from(size).unwrap_or(i64::MAX)))
        }
        PropTag::PidTagOutOfOfficeState => {
            let state = stored.integer(PropTag::PidTagOutOfOfficeState).unwrap_or_default();
            is_owner.then_some(PropertyValue::Boolean(state != 0))
        }
        STORAGE_QUOTA_LIMIT => kilobytes(quota.warning),
        PropTag::PidTagProhibitSendQuota => kilobytes(quota.send),
        PropTag::PidTagProhibitReceiveQuota => kilobytes(quota.receive),
        _ => None,
    };
    let found = tags.unwrap_or(&LOGON_PROPERTIES).iter().map(|tag| (*tag, value(*tag)));
    Ok(found.filter(|(_, value)| tags.is_some() || value.is_some()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_date_that_calendars_have() {
        let date = |time| {
            let LogonTime { seconds, minutes, hour, day_of_week, day, month, year } =
                logon_time(FileTime(time));
            (year, month, day, day_of_week, (hour, minutes, seconds))
        };
        // Monday, 1 January 1601; Thursday, 29 February 2024; Sunday, 31 December 2000.
        assert_eq!(date(0), (1601, 1, 1, 1, (0, 0, 0)));
        assert_eq!(date(133_536_384_000_000_000 + 3_723 * TICKS), (2024, 2, 29, 4, (1, 2, 3)));
        assert_eq!(date(126_227_808_000_000_000 - TICKS), (2000, 12, 31, 0, (23, 59, 59)));
    }
}
