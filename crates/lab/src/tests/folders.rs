//! Tests of logons, folders and tables.

use mapi::ErrorCode;
use mapi::data::{FolderId, Order, SortOrder, SortOrderSet, Text};
use mapi::emsmdb::{NO_OBJECT, RpcFlags};
use mapi::nspi::{DisplayType, PermanentEntryId};
use mapi::property::{
    FuzzyLevel, PropTag, PropertyList, PropertyValue, RelationalOperator, Restriction, TaggedValue,
};
use mapi::rop::folder::{DeleteFolderFlags, FolderType, RopCreateFolderRequest, RopDeleteFolderRequest};
use mapi::rop::logon::ResponseFlags;
use mapi::rop::logon_store::{
    RopGetReceiveFolderRequest, RopIdFromLongTermIdRequest, RopLongTermIdFromIdRequest,
};
use mapi::rop::permission::{
    ModifyFlags, PermissionData, PermissionDataFlags, PermissionsTableFlags, RopGetPermissionsTableRequest,
    RopModifyPermissionsRequest,
};
use mapi::rop::shared::Sized16;
use mapi::rop::table::{
    AsynchronousFlags, Bookmark, FindRowFlags, QueryRowsFlags, RopFindRowRequest, RopQueryRowsRequest,
    RopRestrictRequest, RopSeekRowRequest, RopSortTableRequest,
};
use mapi::rop::{
    AsciiZ, Bool, Bytes16, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody, ResponseContext,
    RopRequest, RopResponse,
};
use wire::{Encode as _, Reader};

use super::Caller;
use super::mail::{LOGON, Mail, text};
use super::messages::message;
use crate::LabConfig;

const NAME: PropTag = PropTag::PidTagDisplayName;
/// Places of special folders in the response to a logon.
const ROOT: usize = 0;
const IPM_SUBTREE: usize = 3;
const INBOX: usize = 4;

pub(super) fn create(mail: &mut Mail, parent: u8, name: &str, output: u8) -> Result<FolderId, ErrorCode> {
    create_of(mail, parent, name, output, FolderType::GENERIC)
}

/// Creates a folder of this type in the folder at `parent`.
pub(super) fn create_of(
    mail: &mut Mail,
    parent: u8,
    name: &str,
    output: u8,
    folder_type: FolderType,
) -> Result<FolderId, ErrorCode> {
    let request = RopCreateFolderRequest {
        output_handle_index: OutputHandleIndex(output),
        folder_type,
        use_unicode_strings: Bool::TRUE,
        open_existing: Bool::FALSE,
        reserved: 0,
        display_name: Text::from(name),
        comment: Text::from(""),
    };
    match mail.rop(parent, RequestBody::RopCreateFolder(request))? {
        ResponseBody::RopCreateFolder(response) => Ok(response.folder_id),
        other => panic!("{other:?}"),
    }
}

pub(super) fn delete(
    mail: &mut Mail,
    parent: u8,
    folder_id: FolderId,
    flags: DeleteFolderFlags,
) -> Result<bool, ErrorCode> {
    let request = RopDeleteFolderRequest { delete_folder_flags: flags, folder_id };
    match mail.rop(parent, RequestBody::RopDeleteFolder(request))? {
        ResponseBody::RopDeleteFolder(response) => Ok(!response.partial_completion.is_true()),
        other => panic!("{other:?}"),
    }
}

/// Gives `user` rights on the folder at `folder`.
pub(super) fn permit(mail: &mut Mail, folder: u8, user: &str, rights: i32) {
    let entry_id = PermanentEntryId {
        display_type: DisplayType::DT_MAILUSER,
        distinguished_name: LabConfig::default().user_dn(user).into_bytes(),
    };
    let property_values = PropertyList(vec![
        TaggedValue::new(PropTag::PidTagEntryId, PropertyValue::Binary(entry_id.to_bytes().unwrap())),
        TaggedValue::new(PropTag::PidTagMemberRights, PropertyValue::Integer32(rights)),
    ]);
    let data = PermissionData { permission_data_flags: PermissionDataFlags::ADD_ROW, property_values };
    let request =
        RopModifyPermissionsRequest { modify_flags: ModifyFlags::NONE, permissions_data: List16(vec![data]) };
    mail.rop(folder, RequestBody::RopModifyPermissions(request)).unwrap();
}

/// alice, with the folders Zoo, ant and Bee in her inbox, which is at 1; their table is at 2.
fn zoo() -> Mail {
    let mut mail = Mail::alice();
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    for name in ["Zoo", "ant", "Bee"] {
        create(&mut mail, 1, name, 3).unwrap();
    }
    assert_eq!(mail.open_table(1, false, 2), Ok(3));
    mail
}

#[test]
fn a_new_mailbox_has_the_special_folders() {
    let mut mail = Mail::alice();
    mail.open_folder(mail.special(IPM_SUBTREE), 1).unwrap();
    assert_eq!(mail.open_table(1, false, 2), Ok(10));
    let names = mail.texts(2, NAME);
    for name in ["Inbox", "Outbox", "Sent Items", "Deleted Items", "Calendar", "Drafts"] {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    assert_eq!(mail.get(1, NAME), Ok(PropertyValue::from("Inbox")));
    assert_eq!(mail.get(1, PropTag::PidTagContainerClass), Ok(PropertyValue::from("IPF.Note")));
    assert_eq!(mail.get(1, PropTag::PidTagContentCount), Ok(PropertyValue::Integer32(0)));
    let entry_id = mail.get(1, PropTag::PidTagIpmAppointmentEntryId).unwrap();
    assert_eq!(entry_id.as_bytes().unwrap().len(), 46);
    assert_eq!(mail.get(1, PropTag::PidTagSubject), Err(ErrorCode::MAPI_E_NOT_FOUND));
}

#[test]
fn equal_labs_have_equal_mailboxes() {
    let (one, two) = (Mail::alice(), Mail::open(&Caller::new(), "svcproxy", "svcproxy").unwrap());
    let again = Mail::alice();
    assert_eq!(one.logon.mailbox_guid, again.logon.mailbox_guid);
    assert_eq!(one.logon.replica_guid, again.logon.replica_guid);
    assert_eq!(one.logon.folder_ids, two.logon.folder_ids);
    assert_ne!(one.logon.mailbox_guid, two.logon.mailbox_guid);
}

#[test]
fn a_mailbox_of_another_person_shows_only_what_its_owner_permits() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    assert!(alice.logon.response_flags.contains(ResponseFlags::OWNER_RIGHT));
    assert_eq!(Mail::open(&caller, "bob", "alice").err(), Some(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(Mail::open(&caller, "bob", "unknown").err(), Some(ErrorCode::EC_UNKNOWN_USER));
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    create(&mut alice, 1, "Shared", 2).unwrap();
    permit(&mut alice, 2, "bob", 0x401); // ReadAny and FolderVisible ([MS-OXCPERM] 2.2.7).
    let request = RopGetPermissionsTableRequest {
        output_handle_index: OutputHandleIndex(3),
        table_flags: PermissionsTableFlags::NONE,
    };
    alice.rop(2, RequestBody::RopGetPermissionsTable(request)).unwrap();
    let names = alice.texts(3, PropTag::PidTagMemberName);
    assert!(names.len() == 3 && names.iter().any(|name| name.starts_with("Bob ")), "{names:?}");
    let PropertyValue::Integer64(id) = alice.get(2, PropTag::PidTagFolderId).unwrap() else {
        panic!("no id")
    };

    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    assert!(!bob.logon.response_flags.contains(ResponseFlags::OWNER_RIGHT));
    assert_eq!(bob.open_folder(FolderId(id.cast_unsigned()), 1), Ok(()));
    assert_eq!(bob.open_table(1, true, 2), Ok(0));
    assert_eq!(create(&mut bob, 1, "Mine", 3), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(bob.set(1, vec![text(NAME, "Mine")]), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(bob.open_folder(bob.special(INBOX), 1), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(Mail::open(&caller, "carol", "alice").err(), Some(ErrorCode::MAPI_E_NO_ACCESS));
}

#[test]
fn the_name_of_a_folder_is_unique_among_its_siblings() {
    let mut mail = zoo();
    assert_eq!(create(&mut mail, 1, "ZOO", 4), Err(ErrorCode::MAPI_E_COLLISION));
    assert_eq!(mail.handles[4], NO_OBJECT);
    assert_eq!(create(&mut mail, 1, "", 4), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(create(&mut mail, LOGON, "x", 4), Err(ErrorCode::MAPI_E_NO_SUPPORT), "a logon is no folder");
    let id = create(&mut mail, 3, "Zoo", 4).unwrap();
    assert_eq!(mail.get(4, PropTag::PidTagFolderId), Ok(PropertyValue::Integer64(id.0.cast_signed())));
    assert_eq!(mail.set(4, vec![text(NAME, "Hive")]), Ok(vec![]));
    assert_eq!(mail.get(4, NAME), Ok(PropertyValue::from("Hive")));
    let count = TaggedValue::new(PropTag::PidTagContentCount, PropertyValue::Integer32(9));
    assert_eq!(mail.set(4, vec![count, text(NAME, "Herd")]), Ok(vec![ErrorCode::MAPI_E_COMPUTED]));
    assert_eq!(mail.get(4, NAME), Ok(PropertyValue::from("Herd")));
    assert_eq!(mail.delete(4, vec![PropTag::PidTagContentCount]), Ok(vec![ErrorCode::MAPI_E_COMPUTED]));
    assert_eq!(mail.get(3, PropTag::PidTagSubfolders), Ok(PropertyValue::Boolean(true)));
}

#[test]
fn a_folder_cannot_lose_its_name() {
    let mut mail = zoo();
    create(&mut mail, 1, "Hive", 4).unwrap();
    assert_eq!(mail.set(4, vec![text(NAME, "")]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(mail.delete(4, vec![NAME]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(mail.get(4, NAME), Ok(PropertyValue::from("Hive")));
}

#[test]
fn a_folder_with_subfolders_is_deleted_only_if_the_client_wants_it() {
    let mut mail = zoo();
    let id = create(&mut mail, 1, "Parent", 3).unwrap();
    create(&mut mail, 3, "Child", 4).unwrap();
    assert_eq!(delete(&mut mail, 1, id, DeleteFolderFlags::DEL_MESSAGES), Ok(false));
    assert_eq!(mail.texts(2, NAME).len(), 4);
    assert_eq!(delete(&mut mail, 1, id, DeleteFolderFlags(0x42)), Ok(false), "unknown flags are ignored");
    assert_eq!(delete(&mut mail, 4, id, DeleteFolderFlags::NONE), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(delete(&mut mail, 1, id, DeleteFolderFlags::DEL_FOLDERS), Ok(true));
    assert_eq!(mail.open_folder(id, 5), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(delete(&mut mail, 1, id, DeleteFolderFlags::DEL_FOLDERS), Err(ErrorCode::MAPI_E_NOT_FOUND));
    // The calendar, which is a special folder.
    mail.open_folder(mail.special(IPM_SUBTREE), 1).unwrap();
    let calendar = mail.special(INBOX);
    assert_eq!(delete(&mut mail, 1, calendar, DeleteFolderFlags::NONE), Err(ErrorCode::MAPI_E_NO_ACCESS));
}

#[test]
fn only_tables_of_messages_are_sorted() {
    let mut mail = zoo();
    let sort = |mail: &mut Mail, order| {
        let sort_orders = vec![SortOrder { tag: PropTag::PidTagSubject, order }];
        let sort_orders = SortOrderSet { sort_orders, ..Default::default() };
        let request = RopSortTableRequest { sort_table_flags: AsynchronousFlags::NONE, sort_orders };
        mail.rop(2, RequestBody::RopSortTable(request)).map(drop)
    };
    assert_eq!(sort(&mut mail, Order::Ascending), Err(ErrorCode::MAPI_E_NO_SUPPORT), "a table of folders");
    for subject in ["Zoo", "ant", "Bee"] {
        message(&mut mail, subject, 3);
    }
    mail.open_table(1, true, 2).unwrap();
    sort(&mut mail, Order::Ascending).unwrap();
    assert_eq!(mail.texts(2, PropTag::PidTagSubject), ["ant", "Bee", "Zoo"]);
    sort(&mut mail, Order::Descending).unwrap();
    message(&mut mail, "Yak", 3);
    assert_eq!(mail.texts(2, PropTag::PidTagSubject), ["Zoo", "Yak", "Bee", "ant"]);
}

#[test]
fn a_table_shows_folders_that_are_created_later() {
    let mut mail = zoo();
    assert_eq!(mail.texts(2, NAME), ["Zoo", "ant", "Bee"]);
    create(&mut mail, 1, "Yak", 4).unwrap();
    let seek = |origin, row_count| {
        RequestBody::RopSeekRow(RopSeekRowRequest { origin, row_count, want_row_moved_count: Bool::TRUE })
    };
    let ResponseBody::RopSeekRow(sought) = mail.rop(2, seek(Bookmark::BOOKMARK_BEGINNING, 7)).unwrap() else {
        panic!("no response")
    };
    assert_eq!((sought.rows_sought, sought.has_sought_less.is_true()), (4, true));
    mail.rop(2, seek(Bookmark::BOOKMARK_END, -3)).unwrap();
    assert_eq!(mail.texts(2, NAME), ["ant", "Bee", "Yak"]);
}

#[test]
fn a_restricted_table_has_the_rows_that_match() {
    let mut mail = zoo();
    let named = |name: &str, fuzzy_level| {
        let value = text(NAME, name);
        Restriction::Content { fuzzy_level, tag: NAME, value }
    };
    let restrict = |mail: &mut Mail, restriction: Option<Restriction>| {
        let restriction_data = restriction.map(Sized16::new).unwrap_or_default();
        let request = RopRestrictRequest { restrict_flags: AsynchronousFlags::NONE, restriction_data };
        mail.rop(2, RequestBody::RopRestrict(request)).map(drop)
    };
    let prefix = FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE;
    restrict(&mut mail, Some(named("A", prefix))).unwrap();
    assert_eq!(mail.texts(2, NAME), ["ant"]);
    restrict(&mut mail, Some(Restriction::Not(Box::new(named("A", prefix))))).unwrap();
    assert_eq!(mail.texts(2, NAME), ["Zoo", "Bee"]);
    restrict(&mut mail, Some(named("A", FuzzyLevel::FL_PREFIX))).unwrap();
    assert_eq!(mail.texts(2, NAME), Vec::<String>::new(), "in another case");
    restrict(&mut mail, None).unwrap();
    assert_eq!(mail.texts(2, NAME).len(), 3);
    let many = Restriction::Or((0..2000).map(|_| Restriction::Exist { tag: NAME }).collect());
    assert_eq!(restrict(&mut mail, Some(many)), Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    // Ten thousand restrictions in one another, which cannot be decoded.
    let mut rop = vec![0x14, 0, 2, 0];
    rop.extend(10_001_u16.to_le_bytes());
    rop.extend(vec![2; 10_001]);
    let responses = mail.send(&rop, RpcFlags::NONE, 0x8007).unwrap();
    assert_eq!(responses[0], [0x14, 2, 0x17, 0x01, 0x04, 0x80]);
}

#[test]
fn a_row_is_found_by_a_restriction() {
    let mut mail = zoo();
    mail.set_columns(2, &[NAME]).unwrap();
    let mut find = |name: &str, origin, find_row_flags| {
        let restriction =
            Restriction::Property { relop: RelationalOperator::RELOP_EQ, tag: NAME, value: text(NAME, name) };
        let restriction_data = Sized16::new(restriction);
        let bookmark = Bytes16::default();
        let request = RopFindRowRequest { find_row_flags, restriction_data, origin, bookmark };
        mail.rop_with(2, RequestBody::RopFindRow(request), Some(&[NAME])).map(drop)
    };
    assert_eq!(find("bee", Bookmark::BOOKMARK_BEGINNING, FindRowFlags::NONE), Ok(()));
    assert_eq!(find("ant", Bookmark::BOOKMARK_CURRENT, FindRowFlags::NONE), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(find("ant", Bookmark::BOOKMARK_CURRENT, FindRowFlags::BACKWARDS), Ok(()));
    assert_eq!(
        find("ant", Bookmark::BOOKMARK_CUSTOM, FindRowFlags::NONE),
        Err(ErrorCode::MAPI_E_INVALID_BOOKMARK)
    );
    assert_eq!(mail.texts(2, NAME), ["ant", "Bee"]);
}

#[test]
fn rows_are_queried_only_after_columns_are_set() {
    let mut mail = zoo();
    assert_eq!(mail.rows(2, &[NAME], 5), Err(ErrorCode::EC_NULL_OBJECT));
    let invalid = PropTag(0x3001_0000);
    assert_eq!(mail.set_columns(2, &[invalid]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(mail.set_columns(1, &[NAME]), Err(ErrorCode::MAPI_E_NO_SUPPORT), "a folder is no table");
    assert_eq!(mail.set_columns(9, &[NAME]), Err(ErrorCode::EC_NULL_OBJECT));
    assert_eq!(mail.rop(2, RequestBody::RopAbort(Empty)), Err(ErrorCode(0x8004_0114)));
}

#[test]
fn more_rows_than_fit_into_a_buffer_follow_in_others() {
    let mut mail = Mail::alice();
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    for number in 0..90 {
        create(&mut mail, 1, &format!("{number:0200}"), 3).unwrap();
    }
    mail.open_table(1, false, 2).unwrap();
    let columns = [NAME, PropTag::PidTagComment, NAME];
    mail.set_columns(2, &columns).unwrap();
    let request = RopRequest {
        logon_id: 0,
        handle_index: 2,
        body: RequestBody::RopQueryRows(RopQueryRowsRequest {
            query_rows_flags: QueryRowsFlags::ENABLE_PACKED_BUFFERS,
            forward_read: Bool::TRUE,
            row_count: 85,
        }),
    };
    let responses = mail.send(&request.to_bytes().unwrap(), RpcFlags::CHAIN, 0x4_0000).unwrap();
    let rows = |rops: &[u8]| {
        let columns = columns.into();
        let context = ResponseContext { columns: Some(&columns), ..Default::default() };
        let response = RopResponse::decode(&mut Reader::new(rops), context).unwrap();
        let Some(ResponseBody::RopQueryRows(body)) = response.reply().map(|reply| reply.body.clone()) else {
            panic!("{response:?}")
        };
        assert!(rops.len() <= 0x8000);
        body.rows.iter().map(|row| row.value(0).unwrap().to_text().unwrap()).collect::<Vec<_>>()
    };
    assert!(responses.len() > 1);
    let all: Vec<String> = responses.iter().flat_map(|rops| rows(rops)).collect();
    assert_eq!(all, (0..85).map(|number| format!("{number:0200}")).collect::<Vec<_>>());
    assert_eq!(mail.rows(2, &columns, 50).unwrap().len(), 5, "the cursor is after the last row");
}

#[test]
fn ids_and_long_term_ids_name_the_same_folder() {
    let mut mail = Mail::alice();
    let object_id = mail.special(INBOX);
    let request = RopLongTermIdFromIdRequest { object_id };
    let ResponseBody::RopLongTermIdFromId(long) =
        mail.rop(LOGON, RequestBody::RopLongTermIdFromId(request)).unwrap()
    else {
        panic!("no response")
    };
    assert_eq!(long.long_term_id.gid.replica, mail.logon.replica_guid);
    let request = RopIdFromLongTermIdRequest { long_term_id: long.long_term_id };
    let ResponseBody::RopIdFromLongTermId(short) =
        mail.rop(LOGON, RequestBody::RopIdFromLongTermId(request)).unwrap()
    else {
        panic!("no response")
    };
    assert_eq!(short.object_id, object_id);
    let mut number_of = |replica| {
        let mut long_term_id = long.long_term_id;
        long_term_id.gid.replica = replica;
        let request = RopIdFromLongTermIdRequest { long_term_id };
        match mail.rop(LOGON, RequestBody::RopIdFromLongTermId(request))? {
            ResponseBody::RopIdFromLongTermId(short) => Ok::<_, ErrorCode>(short.object_id.repl_id()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(number_of(wire::Guid::default()), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    let unknown = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
    let number = number_of(unknown).unwrap();
    assert_eq!(number_of(unknown), Ok(number), "an unknown replica gets a number");
    assert_ne!(number, mail.logon.replica_id);
    let unknown = RopLongTermIdFromIdRequest { object_id: FolderId(7) };
    let result = mail.rop(LOGON, RequestBody::RopLongTermIdFromId(unknown));
    assert_eq!(result, Err(ErrorCode::MAPI_E_NOT_FOUND));
}

#[test]
fn messages_of_all_mail_classes_are_received_in_the_inbox() {
    let mut mail = Mail::alice();
    let mut folder = |class: &str| {
        let message_class = AsciiZ(class.as_bytes().to_vec());
        let request = RopGetReceiveFolderRequest { message_class };
        match mail.rop(LOGON, RequestBody::RopGetReceiveFolder(request))? {
            ResponseBody::RopGetReceiveFolder(found) => Ok((found.folder_id, found.explicit_message_class.0)),
            other => panic!("{other:?}"),
        }
    };
    let (inbox, class) = folder("IPM.Note.Special").unwrap();
    assert_eq!(class, b"IPM");
    assert_ne!(folder("IPC.Foo").unwrap().0, inbox);
    assert_eq!(folder("Other").unwrap(), (inbox, Vec::new()));
    assert_eq!(folder(".IPM"), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
}

#[test]
fn the_hierarchy_change_number_of_a_folder_rises_with_each_change_of_its_subfolders() {
    let mut mail = zoo();
    let number = |mail: &mut Mail| match mail.get(1, PropTag::PidTagHierarchyChangeNumber).unwrap() {
        PropertyValue::Integer32(number) => number,
        other => panic!("{other:?}"),
    };
    let before = number(&mut mail);
    let id = create(&mut mail, 1, "Short-lived", 4).unwrap();
    let created = number(&mut mail);
    assert!(created > before);
    assert_eq!(number(&mut mail), created);
    delete(&mut mail, 1, id, DeleteFolderFlags::NONE).unwrap();
    assert!(number(&mut mail) > created);
    let set = TaggedValue::new(PropTag::PidTagHierarchyChangeNumber, PropertyValue::Integer32(0));
    assert_eq!(mail.set(1, vec![set]), Ok(vec![ErrorCode::MAPI_E_COMPUTED]));
}

#[test]
fn objects_are_released_with_their_logon() {
    let mut mail = zoo();
    let handles = mail.handles.clone();
    mail.release(LOGON);
    assert_eq!(mail.handles, handles, "the client's table keeps the handles, also that of the logon");
    assert_eq!(mail.get(1, NAME), Err(ErrorCode::EC_NULL_OBJECT));
    assert_eq!(mail.open_folder(FolderId(0), 5), Err(ErrorCode::EC_NULL_OBJECT));
}

#[test]
fn a_session_has_a_limited_number_of_objects() {
    let mut mail = Mail::alice();
    let root = mail.special(ROOT);
    let opened = (0..2000).position(|_| mail.open_folder(root, 1).is_err());
    assert_eq!(opened, Some(511));
    assert_eq!(mail.open_folder(root, 1), Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES));
    mail.release(1);
    assert_eq!(mail.open_folder(root, 1), Ok(()));
}
