//! The state that clients send.

use mapi::ErrorCode;
use mapi::idset::{GlobRange, ReplGuidSet};
use mapi::property::{PropTag, Restriction};
use mapi::rop::sync::{SynchronizationFlags, SynchronizationType};
use wire::{Encode as _, Guid};

use super::client::{
    DOWNLOAD, State, Sync, begin_state, configure, continue_state, download, end_state, get_buffer,
    transfer_state, upload_state,
};
use crate::tests::messages::{alice, message};

const GIVEN: PropTag = PropTag::MetaTagIdsetGiven;
const FAILED: Result<(), ErrorCode> = Err(ErrorCode::MAPI_E_CALL_FAILED);
const INVALID: Result<(), ErrorCode> = Err(ErrorCode::MAPI_E_INVALID_PARAMETER);

#[test]
fn a_state_that_is_not_sent_in_order_or_is_malformed_is_refused() {
    let mut mail = alice();
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    assert_eq!(continue_state(&mut mail, DOWNLOAD, &[1]), FAILED);
    assert_eq!(end_state(&mut mail, DOWNLOAD), FAILED);
    assert_eq!(begin_state(&mut mail, DOWNLOAD, PropTag::PidTagSubject, 4), INVALID);
    assert_eq!(begin_state(&mut mail, DOWNLOAD, GIVEN, (1 << 20) + 1), Err(ErrorCode::MAPI_E_TOO_BIG));
    assert_eq!(begin_state(&mut mail, DOWNLOAD, GIVEN, 4), Ok(()));
    assert_eq!(begin_state(&mut mail, DOWNLOAD, GIVEN, 4), FAILED, "another one is not ended");
    assert_eq!(continue_state(&mut mail, DOWNLOAD, &[0; 5]), INVALID, "more than was announced");
    assert_eq!(continue_state(&mut mail, DOWNLOAD, &[0; 3]), Ok(()));
    assert_eq!(end_state(&mut mail, DOWNLOAD), INVALID, "less than was announced");
    begin_state(&mut mail, DOWNLOAD, GIVEN, 3).unwrap();
    continue_state(&mut mail, DOWNLOAD, &[9; 3]).unwrap();
    assert_eq!(end_state(&mut mail, DOWNLOAD), Err(ErrorCode(0x4b6)), "RpcFormat: it is no set");
    get_buffer(&mut mail, DOWNLOAD, 0xBABE, 30_000).unwrap();
    assert_eq!(begin_state(&mut mail, DOWNLOAD, GIVEN, 4), FAILED, "the download has begun");
    assert_eq!(begin_state(&mut mail, 1, GIVEN, 4), Err(ErrorCode::MAPI_E_NO_SUPPORT), "of a folder");
}

#[test]
fn a_client_that_has_all_ids_receives_the_deletion_of_all_others() {
    let mut mail = alice();
    let id = message(&mut mail, "Tea", 2);
    let replica = mail.logon.replica_guid;
    let mut set = ReplGuidSet::default();
    let all =
        GlobRange::new(mapi::data::GlobalCounter([0; 6]), mapi::data::GlobalCounter([0xff; 6])).unwrap();
    set.insert_range(replica, all);
    set.insert_range(Guid::from_le([7; 16]), all);
    let state = State(vec![(GIVEN, set.to_bytes().unwrap())]);
    let found = download(&mut mail, 1, &Sync::contents(), &state).unwrap();
    let deleted = found.ids(PropTag::MetaTagIdsetDeleted);
    assert_eq!(deleted.len(), (1 << 48) - 1);
    assert!(!deleted.contains_message(id));
    assert_eq!(found.state.set(GIVEN).len(), 1);
}

#[test]
fn the_read_states_that_a_client_has_include_those_of_the_messages_that_it_received() {
    let mut mail = alice();
    let sync = Sync { flags: Sync::contents().flags | SynchronizationFlags::READ_STATE, ..Sync::contents() };
    let first = download(&mut mail, 1, &sync, &State::default()).unwrap();
    message(&mut mail, "Tea", 2);
    let second = download(&mut mail, 1, &sync, &first.state).unwrap();
    let read = |found: &State| found.set(PropTag::MetaTagCnsetRead);
    assert_ne!(read(&first.state), read(&second.state));
    assert_eq!(read(&second.state), second.state.set(PropTag::MetaTagCnsetSeen));
}

#[test]
fn the_state_of_a_download_in_progress_has_what_was_sent() {
    let mut mail = alice();
    for number in 0..200 {
        message(&mut mail, &format!("message {number}"), 2);
    }
    configure(&mut mail, 1, &Sync::contents()).unwrap();
    assert!(transfer_state(&mut mail, DOWNLOAD).set(GIVEN).is_empty());
    let response = get_buffer(&mut mail, DOWNLOAD, 15_480, 0).unwrap();
    let state = transfer_state(&mut mail, DOWNLOAD);
    let sent = state.set(GIVEN).len();
    assert!(sent > 5 && sent < 195);
    assert_eq!(u64::from(response.in_progress_count), sent);
    assert_eq!(response.total_step_count, 200);
    let rest = download(&mut mail, 1, &Sync::contents(), &state).unwrap();
    assert_eq!(u64::try_from(rest.changes().len()).unwrap(), 200 - sent);
}

#[test]
fn requests_that_no_synchronization_can_have_are_refused() {
    let mut mail = alice();
    let restriction = Some(Restriction::Exist { tag: PropTag::PidTagSubject });
    for wrong in [
        Sync { kind: SynchronizationType(3), ..Sync::contents() },
        Sync { restriction, ..Sync::hierarchy() },
        Sync { flags: SynchronizationFlags(0x0040), ..Sync::contents() },
    ] {
        assert_eq!(configure(&mut mail, 1, &wrong), INVALID);
    }
    let mut state = State::default();
    state.0.push((GIVEN, Vec::new()));
    configure(&mut mail, 1, &Sync::hierarchy()).unwrap();
    upload_state(&mut mail, DOWNLOAD, &state);
}
