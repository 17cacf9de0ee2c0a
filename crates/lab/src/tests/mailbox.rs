//! Tests of ROPs on a mailbox: receive folders, named properties, public folders.

use mapi::ErrorCode;
use mapi::data::{FolderId, LongTermId, PropertyName};
use mapi::property::names::set::{PS_MAPI, PS_PUBLIC_STRINGS};
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::logon_store::{
    PublicFolderRequest, RopGetPerUserGuidRequest, RopGetPerUserLongTermIdsRequest,
    RopReadPerUserInformationRequest, RopSetReceiveFolderRequest,
};
use mapi::rop::message::{MessageStatusFlags, RopGetMessageStatusRequest, RopSetMessageStatusRequest};
use mapi::rop::named_property::{
    PropertyIdFlags, QueryFlags, RopGetPropertyIdsFromNamesRequest, RopQueryNamedPropertiesRequest,
};
use mapi::rop::transport::RopOptionsDataRequest;
use mapi::rop::{AsciiZ, Bool, Empty, List16, RequestBody, ResponseBody};
use wire::{Guid, Utf16};

use super::Caller;
use super::folders::{create, permit};
use super::mail::{LOGON, Mail, text};
use super::messages::{INBOX, KEEP, alice, create as create_message, create_draft, message, save};

fn set_receive_folder(mail: &mut Mail, class: &str, folder_id: FolderId) -> Result<(), ErrorCode> {
    let message_class = AsciiZ(class.as_bytes().to_vec());
    let request = RopSetReceiveFolderRequest { folder_id, message_class };
    mail.rop(LOGON, RequestBody::RopSetReceiveFolder(request)).map(drop)
}

/// The classes that have receive folders, and these.
fn receive_folders(mail: &mut Mail) -> Result<Vec<(String, i64)>, ErrorCode> {
    match mail.rop(LOGON, RequestBody::RopGetReceiveFolderTable(Empty))? {
        ResponseBody::RopGetReceiveFolderTable(table) => {
            let row = |row: &mapi::property::PropertyRow| {
                let Some(PropertyValue::String8(class)) = row.value(1) else { panic!("{row:?}") };
                (String::from_utf8(class.clone()).unwrap(), row.value(0).unwrap().to_integer().unwrap())
            };
            Ok(table.rows.iter().map(row).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_owner_decides_where_messages_of_a_class_are_delivered() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let fax = create(&mut alice, 1, "Fax", 2).unwrap();
    set_receive_folder(&mut alice, "IPM.Note.Fax", fax).unwrap();
    let found = receive_folders(&mut alice).unwrap();
    assert_eq!(
        found.iter().map(|(class, _)| &**class).collect::<Vec<_>>(),
        ["", "IPC", "IPM", "IPM.Note.Fax", "REPORT.IPM"]
    );
    assert_eq!(found[3].1.cast_unsigned(), fax.0);
    let none = FolderId(0);
    for (class, folder, code) in [
        ("ipm", fax, ErrorCode::MAPI_E_NO_ACCESS),
        ("Report.IPM", fax, ErrorCode::MAPI_E_NO_ACCESS),
        ("", none, ErrorCode::MAPI_E_CALL_FAILED),
        ("IPM..X", fax, ErrorCode::MAPI_E_INVALID_PARAMETER),
        ("IPM.X", FolderId(0x7777_0001), ErrorCode::MAPI_E_NOT_FOUND),
    ] {
        assert_eq!(set_receive_folder(&mut alice, class, folder), Err(code), "{class}");
    }
    set_receive_folder(&mut alice, "IPM.Note.Fax", none).unwrap();
    assert_eq!(receive_folders(&mut alice).unwrap().len(), 4);
    // Each entry has a limited size, and all of them fit into a response.
    let class = |number: u32| format!("IPM.{number:0>248}");
    for number in 0..96 {
        set_receive_folder(&mut alice, &class(number), fax).unwrap();
    }
    assert_eq!(set_receive_folder(&mut alice, &class(96), fax), Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES));
    assert_eq!(receive_folders(&mut alice).unwrap().len(), 100);

    // Someone who may read a folder cannot have mail delivered there.
    permit(&mut alice, 2, "bob", 0x5fb);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    assert_eq!(set_receive_folder(&mut bob, "IPM.Note", fax), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(receive_folders(&mut bob), Err(ErrorCode::MAPI_E_NO_ACCESS));
    // Nor can they use up the numbers of replicas.
    let mut long_term_id = LongTermId::default();
    long_term_id.gid.replica = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
    let request = mapi::rop::logon_store::RopIdFromLongTermIdRequest { long_term_id };
    let number = bob.rop(LOGON, RequestBody::RopIdFromLongTermId(request));
    assert_eq!(number, Err(ErrorCode::MAPI_E_NOT_FOUND));
}

#[test]
fn a_private_mailbox_has_no_public_folders() {
    let mut mail = Mail::alice();
    let folder_id = mail.special(INBOX);
    let mut rop = |body| mail.rop(LOGON, body);
    let owning = rop(RequestBody::RopGetOwningServers(PublicFolderRequest { folder_id }));
    assert_eq!(owning, Err(ErrorCode::MAPI_E_NO_SUPPORT));
    match rop(RequestBody::RopPublicFolderIsGhosted(PublicFolderRequest { folder_id })).unwrap() {
        ResponseBody::RopPublicFolderIsGhosted(ghosted) => assert!(!ghosted.is_ghosted.is_true()),
        other => panic!("{other:?}"),
    }
    let database_guid = Guid::default();
    let request = RopGetPerUserLongTermIdsRequest { database_guid };
    match rop(RequestBody::RopGetPerUserLongTermIds(request)).unwrap() {
        ResponseBody::RopGetPerUserLongTermIds(ids) => assert_eq!(ids.long_term_ids.0, []),
        other => panic!("{other:?}"),
    }
    let long_term_id = LongTermId::default();
    let guid = rop(RequestBody::RopGetPerUserGuid(RopGetPerUserGuidRequest { long_term_id }));
    assert_eq!(guid, Err(ErrorCode::MAPI_E_NOT_FOUND));
    let mut read = |data_offset| {
        let folder_id = LongTermId::default();
        let request =
            RopReadPerUserInformationRequest { folder_id, reserved: 0, data_offset, max_data_size: 0 };
        match rop(RequestBody::RopReadPerUserInformation(request))? {
            ResponseBody::RopReadPerUserInformation(read) => {
                Ok((read.has_finished.is_true(), read.data.0.len()))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(0), Ok((true, 0)));
    assert_eq!(read(1), Err(ErrorCode::MAPI_E_CALL_FAILED));
}

#[test]
fn named_properties_of_a_mailbox_and_of_a_message_are_queried() {
    let mut mail = alice();
    let other: Guid = "00062008-0000-0000-c000-000000000046".parse().unwrap();
    let names = [
        PropertyName::Name { guid: PS_PUBLIC_STRINGS, name: Utf16::new("Colour") },
        PropertyName::Lid { guid: other, lid: 0x8503 },
    ];
    let request = RopGetPropertyIdsFromNamesRequest {
        flags: PropertyIdFlags::CREATE,
        property_names: List16(names.to_vec()),
    };
    mail.rop(LOGON, RequestBody::RopGetPropertyIdsFromNames(request)).unwrap();
    let query = |mail: &mut Mail, object, query_flags, property_guid: Option<Guid>| {
        let has_guid = Bool(u8::from(property_guid.is_some()));
        let request = RopQueryNamedPropertiesRequest { query_flags, has_guid, property_guid };
        match mail.rop(object, RequestBody::RopQueryNamedProperties(request)).unwrap() {
            ResponseBody::RopQueryNamedProperties(found) => found.properties,
            other => panic!("{other:?}"),
        }
    };
    let all = [(0x8001, names[0].clone()), (0x8002, names[1].clone())];
    assert_eq!(query(&mut mail, LOGON, QueryFlags::NONE, None), all);
    assert_eq!(query(&mut mail, LOGON, QueryFlags::NO_STRINGS, None), all[1..]);
    assert_eq!(query(&mut mail, LOGON, QueryFlags::NO_IDS, None), all[..1]);
    assert_eq!(query(&mut mail, LOGON, QueryFlags(0xf0), Some(other)), all[1..]);
    assert_eq!(query(&mut mail, LOGON, QueryFlags::NONE, Some(PS_MAPI)), []);
    message(&mut mail, "Named", 2);
    assert_eq!(query(&mut mail, 2, QueryFlags::NONE, None), []);
    mail.set(2, vec![text(PropTag::new(0x8001, PropType::PtypString), "blue")]).unwrap();
    assert_eq!(query(&mut mail, 2, QueryFlags::NONE, None), all[..1]);
}

#[test]
fn the_status_of_a_message_changes_without_a_new_version() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let message_id = message(&mut alice, "Status", 2);
    let change = |mail: &mut Mail, flags, mask| {
        let request = RopSetMessageStatusRequest {
            message_id,
            message_status_flags: MessageStatusFlags(flags),
            message_status_mask: MessageStatusFlags(mask),
        };
        match mail.rop(1, RequestBody::RopSetMessageStatus(request))? {
            ResponseBody::RopSetMessageStatus(before) => Ok(before.message_status_flags.0),
            other => panic!("{other:?}"),
        }
    };
    let get = |mail: &mut Mail| {
        let request = RopGetMessageStatusRequest { message_id };
        match mail.rop(1, RequestBody::RopGetMessageStatus(request))? {
            ResponseBody::RopSetMessageStatus(status) => Ok::<_, ErrorCode>(status.message_status_flags.0),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(get(&mut alice), Ok(0));
    assert_eq!(change(&mut alice, 0x3000, 0x1000), Ok(0), "the flags before");
    assert_eq!(change(&mut alice, 0x2000, 0x2000), Ok(0x1000));
    assert_eq!(change(&mut alice, 0, 0x1000), Ok(0x3000));
    assert_eq!(get(&mut alice), Ok(0x2000));
    alice.set(2, vec![text(PropTag::PidTagSubject, "Changed")]).unwrap();
    save(&mut alice, 2, KEEP).expect("the message was not changed meanwhile");

    permit(&mut alice, 1, "bob", 0x401);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    assert_eq!(get(&mut bob), Ok(0x2000));
    assert_eq!(change(&mut bob, 0, 0x2000), Err(ErrorCode::MAPI_E_NO_ACCESS));
    permit(&mut alice, 1, "carol", 0x400);
    let mut carol = Mail::open(&caller, "carol", "alice").unwrap();
    carol.open_folder(carol.special(INBOX), 1).unwrap();
    assert_eq!(get(&mut carol), Err(ErrorCode::MAPI_E_NO_ACCESS));
}

#[test]
fn address_types_have_no_options() {
    let mut mail = Mail::alice();
    let mut options = |name: &str| {
        let address_type = AsciiZ(name.as_bytes().to_vec());
        let request = RopOptionsDataRequest { address_type, want_win32: Bool::TRUE };
        match mail.rop(LOGON, RequestBody::RopOptionsData(request))? {
            ResponseBody::RopOptionsData(options) => Ok((options.options_info.0.len(), options.help.0)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(options("smtp"), Ok((0, None)));
    assert_eq!(options("X400"), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(
        mail.get(LOGON, PropTag::PidTagMaximumSubmitMessageSize),
        Ok(PropertyValue::Integer32(32 << 10))
    );
}

#[test]
fn a_message_is_a_draft_that_was_read_unless_its_flags_are_set() {
    let mut mail = alice();
    let inbox = mail.special(INBOX);
    create_draft(&mut mail, inbox, 2).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert_eq!(mail.get(2, PropTag::PidTagMessageFlags), Ok(PropertyValue::Integer32(0x409)));
    assert_eq!(mail.get(1, PropTag::PidTagContentUnreadCount), Ok(PropertyValue::Integer32(0)));
    create_message(&mut mail, inbox, 2).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert_eq!(mail.get(1, PropTag::PidTagContentUnreadCount), Ok(PropertyValue::Integer32(1)));
}
