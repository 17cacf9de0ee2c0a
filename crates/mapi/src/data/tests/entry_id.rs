//! Tests of entry ids.

use proptest::prelude::*;
use wire::{Decode, Encode, Utf16};

use super::arbitrary::{bytes, guid, text8, unicode};
use super::*;
use crate::data::{DisplayType, EphemeralEntryId, FlatUid, MId, PermanentEntryId};

#[track_caller]
fn survives(id: &EntryId) {
    let bytes = id.to_bytes().unwrap();
    assert_eq!(&EntryId::parse(&bytes), id);
}

/// The entry id of an inbox, recorded from a folder table.
#[test]
fn a_recorded_folder_entry_id_is_decoded() {
    let bytes = hex(
        "00000000 aca810f166e1334a8b6899f1c3b9d4e1 0100 02000000a5187b6fbcdcea1ed03c5657 00000000000d 0000",
    );
    let id = EntryId::parse(&bytes);
    let EntryId::Folder(folder) = &id else { panic!("{id:?}") };
    assert_eq!(folder.folder_type, StoreObjectType::PrivateFolder);
    assert_eq!(folder.folder.global_counter.value(), 0x0D);
    assert_eq!(id.to_string(), "folder 00000002-18a5-6f7b-bcdc-ea1ed03c5657-00000000000d");
    assert_eq!(id.to_bytes().unwrap(), bytes);
}

/// Built by the layouts of [MS-OXCDATA] 2.2.4.3, 2.2.5.1, 2.2.5.3 and [MS-OXOCNTC] 2.2.2.2.4.1.1.
#[test]
fn the_kinds_of_entry_ids_are_distinguished() {
    let store = hex("00000000 38A1BB1005E5101AA1BB08002B2A56C2 00 00 454D534D44422E444C4C00000000 \
         00000000 1B55FA20AA6611CD9BC800AA002FC45A 0C000000 53525600 2F6F3D4C616200");
    let id = EntryId::parse(&store);
    assert_eq!(id.to_string(), "mailbox /o=Lab");
    let EntryId::Store(parts) = &id else { panic!("{id:?}") };
    assert_eq!((&parts.wrapped_provider_uid, &parts.trailing[..]), (&StoreEntryId::MAILBOX, &[][..]));
    assert_eq!(id.to_bytes().unwrap(), store);
    // Later versions have more fields, and public folders may have no name.
    let longer = [&store[..], &[0x32, 0xAD, 0xC4]].concat();
    assert_eq!(EntryId::parse(&longer).to_bytes().unwrap(), longer);
    // The second version's fields take the place of the name of public folders, and follow that of mailboxes.
    let v2 = hex("D83521F3 18000000 01000000 14000000 16000000 6100 6200 0000 0000");
    for (head, shown) in
        [(&store[..], "mailbox /o=Lab"), (&store[..store.len() - 7], "public folders on SRV")]
    {
        for magic in [StoreEntryId::V2_MAGIC, StoreEntryId::V3_MAGIC] {
            let whole = [head, &magic.to_le_bytes(), &v2[4..]].concat();
            let id = EntryId::parse(&whole);
            assert_eq!(id.to_string(), shown);
            let EntryId::Store(parts) = &id else { panic!("{id:?}") };
            assert_eq!(parts.trailing.len(), v2.len());
            assert_eq!(id.to_bytes().unwrap(), whole);
        }
    }
    let public = &store[..store.len() - 7];
    assert!(matches!(EntryId::parse(public), EntryId::Store(StoreEntryId { mailbox_dn: None, .. })));
    assert_eq!(EntryId::parse(public).to_bytes().unwrap(), public);

    let one_off = hex("00000000 812B1FA4BEA310199D6E00DD010F5402 0000 0190 \
         4100 0000 53004D00540050000000 6100400062000000");
    let id = EntryId::parse(&one_off);
    assert_eq!(id.to_string(), "A <SMTP:a@b>");
    let EntryId::OneOff(parts) = &id else { panic!("{id:?}") };
    assert!(parts.one_off_flags.contains(OneOffFlags::UNICODE | OneOffFlags::MIME));
    assert_eq!(id.to_bytes().unwrap(), one_off);

    let contact = hex("00000000 FE42AA0A18C71A10E8850B651C240000 03000000 04000000 01000000 02000000 AABB");
    let id = EntryId::parse(&contact);
    assert_eq!(id.to_string(), "address 1 of a contact");
    assert_eq!(id.to_bytes().unwrap(), contact);

    let wrapped = hex("00000000 C091ADD3519DCF11A4A900AA0047FAA4 B5 01");
    assert!(matches!(EntryId::parse(&wrapped), EntryId::Wrapped(id) if id.wrapped_type == 0xB5));

    let dn = EntryId::AddressBook(PermanentEntryId {
        display_type: DisplayType::DT_MAILUSER,
        distinguished_name: b"/o=Lab/cn=ann".to_vec(),
    });
    survives(&dn);
    assert_eq!(dn.to_string(), "EX:/o=Lab/cn=ann");
    survives(&EntryId::Ephemeral(EphemeralEntryId {
        provider_uid: FlatUid([9; 16]),
        display_type: DisplayType::DT_DISTLIST,
        mid: MId(17),
    }));
}

#[test]
fn an_unknown_entry_id_is_kept_as_bytes() {
    for text in ["", "00", "00000000 812B1FA4BEA310199D6E00DD010F5402 0000 0190 4100"] {
        let bytes = hex(text);
        assert_eq!(EntryId::parse(&bytes), EntryId::Unknown(bytes.clone()));
    }
    let mut folder = vec![0; FolderEntryId::SIZE];
    folder[20] = 0x07;
    assert!(matches!(EntryId::parse(&folder), EntryId::Unknown(_)));
    folder[20] = 0x01;
    assert!(matches!(EntryId::parse(&folder), EntryId::Folder(_)));
}

fn gid() -> impl Strategy<Value = Gid> {
    (guid(), any::<[u8; 6]>())
        .prop_map(|(replica, counter)| Gid { replica, global_counter: GlobalCounter(counter) })
}

/// A provider that is not known.
fn provider() -> impl Strategy<Value = FlatUid> {
    any::<[u8; 15]>().prop_map(|rest| {
        let mut uid = [0x01; 16];
        uid[1..].copy_from_slice(&rest);
        FlatUid(uid)
    })
}

fn one_off() -> impl Strategy<Value = EntryId> {
    let text = |unicode_text: bool| {
        if unicode_text {
            unicode().prop_map(Text::Unicode).boxed()
        } else {
            text8().prop_map(Text::String8).boxed()
        }
    };
    any::<(bool, u32, u16, u16)>().prop_flat_map(move |(wide, flags, version, mut one_off_flags)| {
        one_off_flags = one_off_flags & 0x7FFF | u16::from(wide) << 15;
        (text(wide), text(wide), text(wide)).prop_map(move |(display_name, address_type, email_address)| {
            let one_off_flags = OneOffFlags(one_off_flags);
            EntryId::OneOff(OneOffEntryId {
                flags,
                version,
                one_off_flags,
                display_name,
                address_type,
                email_address,
            })
        })
    })
}

fn entry_id() -> impl Strategy<Value = EntryId> {
    let folder =
        (any::<u32>(), provider(), gid(), any::<u16>()).prop_map(|(flags, provider_uid, folder, pad)| {
            let folder_type = StoreObjectType::PublicFolder;
            EntryId::Folder(FolderEntryId { flags, provider_uid, folder_type, folder, pad })
        });
    let message = (any::<u32>(), provider(), gid(), gid(), any::<(u16, u16)>()).prop_map(
        |(flags, provider_uid, folder, message, (folder_pad, message_pad))| {
            let message_type = StoreObjectType::MappedPublicMessage;
            EntryId::Message(MessageEntryId {
                flags,
                provider_uid,
                message_type,
                folder,
                folder_pad,
                message,
                message_pad,
            })
        },
    );
    let store =
        (any::<(u32, u8, [u8; 14], u32, [u8; 16], u32)>(), text8(), prop::option::of((text8(), bytes())))
            .prop_map(|((flags, version, dll_file_name, wrapped_flags, uid, wrapped_type), server, rest)| {
                let (mailbox_dn, trailing) =
                    rest.map_or((None, vec![]), |(dn, trailing)| (Some(dn), trailing));
                EntryId::Store(StoreEntryId {
                    flags,
                    version,
                    flag: 0,
                    dll_file_name,
                    wrapped_flags,
                    wrapped_provider_uid: FlatUid(uid),
                    wrapped_type,
                    server_shortname: server,
                    mailbox_dn,
                    trailing,
                })
            });
    let contact = (any::<(u32, u32, u32, u32)>(), bytes(), bytes()).prop_map(
        |((flags, version, contact_type, index), entry_id, trailing)| {
            EntryId::Contact(ContactEntryId { flags, version, contact_type, index, entry_id, trailing })
        },
    );
    let wrapped = (any::<(u32, u8)>(), bytes()).prop_map(|((flags, wrapped_type), embedded)| {
        EntryId::Wrapped(WrappedEntryId { flags, wrapped_type, embedded })
    });
    let person = (any::<u32>(), text8()).prop_map(|(display_type, distinguished_name)| {
        let display_type = DisplayType(display_type);
        EntryId::AddressBook(PermanentEntryId { display_type, distinguished_name })
    });
    let ephemeral = (provider(), any::<(u32, u32)>()).prop_map(|(provider_uid, (display_type, mid))| {
        let (display_type, mid) = (DisplayType(display_type), MId(mid));
        EntryId::Ephemeral(EphemeralEntryId { provider_uid, display_type, mid })
    });
    prop_oneof![folder, message, store, contact, one_off(), wrapped, person, ephemeral]
}

proptest! {
    #[test]
    fn entry_ids_round_trip(id in entry_id()) {
        survives(&id);
        prop_assert!(!id.to_string().is_empty());
    }

    #[test]
    fn decodable_bytes_round_trip(bytes: Vec<u8>) {
        prop_assert_eq!(EntryId::parse(&bytes).to_bytes().unwrap(), bytes);
    }

    /// A truncated entry id decodes as some kind, and encodes to the same bytes.
    #[test]
    fn truncated_entry_ids_round_trip(id in entry_id(), end: prop::sample::Index) {
        let bytes = id.to_bytes().unwrap();
        let cut = &bytes[..end.index(bytes.len())];
        prop_assert_eq!(EntryId::parse(cut).to_bytes().unwrap(), cut);
    }
}

#[test]
fn inconsistent_fields_are_not_encoded() {
    let text = |wide: bool| if wide { Text::Unicode(Utf16::new("a")) } else { Text::String8(b"a".to_vec()) };
    let id = OneOffEntryId {
        flags: 0,
        version: 0,
        one_off_flags: OneOffFlags::UNICODE,
        display_name: text(true),
        address_type: text(false),
        email_address: text(true),
    };
    assert!(id.to_bytes().is_err());
    assert!(FolderEntryId::from_bytes(&[0; FolderEntryId::SIZE]).is_err());
}
