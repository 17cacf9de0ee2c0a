//! Tests of the public folders.

use mapi::ErrorCode;
use mapi::data::{FolderId, LongTermId};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::{FolderType, TableFlags};
use mapi::rop::logon::{LogonFlags, OpenFlags, RopLogonRequest, RopLogonResponse};
use mapi::rop::logon_store::{
    RopGetPerUserGuidRequest, RopGetPerUserLongTermIdsRequest, RopGetReceiveFolderRequest,
    RopSetReceiveFolderRequest,
};
use mapi::rop::message::{ReadFlags, RopSetMessageReadFlagRequest, SaveFlags};
use mapi::rop::{AsciiZ, Bytes16, Empty, InputHandleIndex, RequestBody, ResponseBody};
use wire::Guid;

use super::Caller;
use super::folders::{create, create_of};
use super::mail::{LOGON, Mail, text};
use super::messages::{create as create_message, save};

/// The place of the folder with the topmost public folders in the response to a logon.
const IPM_SUBTREE: usize = 1;
const NAME: PropTag = PropTag::PidTagDisplayName;

fn logon(
    mail: &mut Mail,
    logon_flags: LogonFlags,
    open_flags: OpenFlags,
) -> Result<Vec<FolderId>, ErrorCode> {
    let request = RopLogonRequest { logon_flags, open_flags, store_state: 0, essdn: Bytes16::default() };
    match mail.rop(LOGON, RequestBody::RopLogon(request))? {
        ResponseBody::RopLogon(RopLogonResponse::Public(logon)) => {
            Ok(logon.folder_ids.iter().copied().map(FolderId).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// `user` with a logon to the public folders, and the folder with the topmost public folders open at 1.
fn public(caller: &Caller, user: &str) -> Mail {
    let mut mail = Mail::open(caller, user, user).unwrap();
    let folders = logon(&mut mail, LogonFlags::NONE, OpenFlags::PUBLIC).unwrap();
    mail.open_folder(folders[IPM_SUBTREE], 1).unwrap();
    mail
}

#[test]
fn a_logon_whose_flags_disagree_about_public_folders_is_refused() {
    let mut mail = Mail::alice();
    let refused = Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!(logon(&mut mail, LogonFlags::NONE, OpenFlags::NONE), refused);
    assert_eq!(logon(&mut mail, LogonFlags::PRIVATE, OpenFlags::PUBLIC), refused);
    let folders = logon(&mut mail, LogonFlags::NONE, OpenFlags::PUBLIC).unwrap();
    assert_eq!(folders[10..], [FolderId::default(); 3], "which have no folder");
    assert!(folders[..10].iter().all(|folder| mail.open_folder(*folder, 1).is_ok()));
}

#[test]
fn users_share_the_public_folders_and_own_those_that_they_create() {
    let caller = Caller::new();
    let mut bob = public(&caller, "bob");
    let of_bob = create(&mut bob, 1, "Of Bob", 2).unwrap();
    assert_eq!(bob.set(2, vec![text(NAME, "From Bob")]), Ok(vec![]));
    let mut carol = public(&caller, "carol");
    carol.open_folder(of_bob, 2).unwrap();
    assert_eq!(carol.get(2, NAME), Ok(PropertyValue::from("From Bob")));
    assert_eq!(carol.set(2, vec![text(NAME, "Of Carol")]), Err(ErrorCode::MAPI_E_NO_ACCESS));
    create_message(&mut carol, of_bob, 3).unwrap();
    save(&mut carol, 3, SaveFlags::NONE).unwrap();
    assert_eq!(bob.open_table(2, true, 4), Ok(1));
    let mut alice = public(&caller, "alice");
    alice.open_folder(of_bob, 2).unwrap();
    assert_eq!(alice.set(2, vec![text(NAME, "Of Alice")]), Ok(vec![]), "who owns the public folders");
}

#[test]
fn a_logon_to_the_public_folders_has_no_receive_folders() {
    let mut mail = public(&Caller::new(), "alice");
    let message_class = || AsciiZ(b"IPM".to_vec());
    for body in [
        RequestBody::RopGetReceiveFolder(RopGetReceiveFolderRequest { message_class: message_class() }),
        RequestBody::RopSetReceiveFolder(RopSetReceiveFolderRequest {
            folder_id: FolderId::default(),
            message_class: message_class(),
        }),
        RequestBody::RopGetReceiveFolderTable(Empty),
        RequestBody::RopGetPerUserLongTermIds(RopGetPerUserLongTermIdsRequest {
            database_guid: Guid::default(),
        }),
        RequestBody::RopGetPerUserGuid(RopGetPerUserGuidRequest { long_term_id: LongTermId::default() }),
    ] {
        let name = format!("{body:?}");
        assert_eq!(mail.rop(LOGON, body), Err(ErrorCode::MAPI_E_NO_SUPPORT), "{name}");
    }
}

#[test]
fn members_of_a_conversation_are_in_the_table_of_a_public_folder() {
    let mut mail = public(&Caller::new(), "alice");
    let folder = create(&mut mail, 1, "Folder", 2).unwrap();
    create_message(&mut mail, folder, 3).unwrap();
    save(&mut mail, 3, SaveFlags::NONE).unwrap();
    assert_eq!(mail.open_table_with(2, true, 4, TableFlags::CONVERSATION_MEMBERS), Ok(1));
}

#[test]
fn there_are_no_search_folders_among_public_folders() {
    let mut mail = public(&Caller::new(), "alice");
    let search = create_of(&mut mail, 1, "Found", 2, FolderType::SEARCH);
    assert_eq!(search, Err(ErrorCode::MAPI_E_NO_SUPPORT));
}

#[test]
fn a_client_of_public_folders_receives_the_change_of_a_read_state() {
    let mut mail = public(&Caller::new(), "alice");
    let folder = create(&mut mail, 1, "Folder", 2).unwrap();
    create_message(&mut mail, folder, 3).unwrap();
    save(&mut mail, 3, SaveFlags::KEEP_OPEN_READ_WRITE).unwrap();
    let mut mark = |read_flags| {
        let client_data = Some([7; 24]);
        let input_handle_index = InputHandleIndex(3);
        let request = RopSetMessageReadFlagRequest { input_handle_index, read_flags, client_data };
        match mail.rop(LOGON, RequestBody::RopSetMessageReadFlag(request)).unwrap() {
            ResponseBody::RopSetMessageReadFlag(response) => response.change.map(|change| change.client_data),
            other => panic!("{other:?}"),
        }
    };
    let (read, unread) = (ReadFlags::NONE, ReadFlags::RF_CLEAR_READ_FLAG);
    mark(unread);
    assert_eq!(mark(read), Some([7; 24]));
    assert_eq!(mark(read), None, "which is no change");
    assert_eq!(mark(unread), Some([7; 24]));
}
