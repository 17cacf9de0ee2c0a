//! Folders, permissions, named properties and ids.

use mapi::data::PropertyName;
use mapi::property::names::set;
use store::{Error, FolderKind, Member, Properties};
use wire::{FileTime, Guid, Utf16};

use crate::common::{Fixture, NOW, create_mailbox, folder, message};

#[test]
fn folders_of_one_parent_have_different_names_in_any_letter_case() {
    let fixture = Fixture::new();
    let id = fixture.mailbox.id;
    let create = |name: &str| {
        let new = folder(name, Some(fixture.inbox.id), FolderKind::Generic);
        fixture.store.write(NOW, |change| change.create_folder(id, &new))
    };
    let first = create("Ärger").unwrap();
    assert!(matches!(create("äRGER"), Err(Error::Exists(_))));
    let second = create("other").unwrap();
    let rename = |name: &str| {
        fixture.store.write(NOW, |change| change.change_folder(id, second.id, name, &Properties::new()))
    };
    assert!(matches!(rename("ÄRGER"), Err(Error::Exists(_))));
    let renamed = rename("OTHER").unwrap();
    assert!(renamed.change > second.change);
    // A deleted folder does not keep its name.
    fixture.store.write(NOW, |change| change.delete_folder(id, first.id, true)).unwrap();
    create("ärger").unwrap();
    fixture.verify();
}

#[test]
fn a_folder_cannot_be_moved_below_itself() {
    let fixture = Fixture::new();
    let id = fixture.mailbox.id;
    let (a, b) = fixture
        .store
        .write(NOW, |change| {
            let a = change.create_folder(id, &folder("a", Some(fixture.inbox.id), FolderKind::Generic))?;
            let b = change.create_folder(id, &folder("b", Some(a.id), FolderKind::Generic))?;
            Ok::<_, Error>((a.id, b.id))
        })
        .unwrap();
    let move_to = |what, to| fixture.store.write(NOW, |change| change.move_folder(id, what, to, "moved"));
    assert!(matches!(move_to(a, b), Err(Error::Cycle)));
    assert!(matches!(move_to(a, a), Err(Error::Cycle)));
    assert!(matches!(move_to(fixture.root.id, a), Err(Error::Cycle)));
    move_to(b, fixture.root.id).unwrap();
    move_to(a, b).unwrap();
    let tree = fixture.store.read(|view| view.folder_tree(id, fixture.root.id, false)).unwrap();
    assert_eq!(tree, [(fixture.root.id, 0), (fixture.inbox.id, 1), (b, 1), (a, 2)]);
    fixture.verify();
}

#[test]
fn a_deleted_folder_takes_its_subfolders_and_messages_along() {
    for soft in [true, false] {
        let fixture = Fixture::new();
        let id = fixture.mailbox.id;
        let (top, below) = fixture
            .store
            .write(NOW, |change| {
                let top =
                    change.create_folder(id, &folder("top", Some(fixture.inbox.id), FolderKind::Generic))?;
                let below = change.create_folder(id, &folder("below", Some(top.id), FolderKind::Generic))?;
                change.create_message(id, below.id, &message("lost"))?;
                change.delete_folder(id, top.id, soft)?;
                Ok::<_, Error>((top.id, below.id))
            })
            .unwrap();
        let live = fixture.store.read(|view| view.subfolders(id, fixture.inbox.id, false)).unwrap();
        assert_eq!(live, []);
        let found = fixture
            .store
            .read(|view| Ok::<_, Error>((view.folder(id, top), view.folder(id, below))))
            .unwrap();
        match found {
            (Ok(top), Ok(below)) => assert!(soft && top.deleted && below.deleted),
            (Err(Error::NotFound(_)), Err(Error::NotFound(_))) => assert!(!soft),
            other => panic!("{other:?}"),
        }
        fixture.verify();
    }
}

#[test]
fn times_of_a_folder_follow_what_happens_in_it() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let (later, latest) = (FileTime(NOW.0 + 10), FileTime(NOW.0 + 20));
    fixture.store.write(later, |change| change.create_message(id, inbox, &message("m"))).unwrap();
    let new = folder("sub", Some(inbox), FolderKind::Generic);
    fixture.store.write(latest, |change| change.create_folder(id, &new)).unwrap();
    let folder = fixture.store.read(|view| view.folder(id, inbox)).unwrap();
    assert_eq!([folder.contents_changed, folder.hierarchy_changed], [later, latest]);
    assert_eq!([folder.created, folder.modified], [NOW, NOW]);
}

#[test]
fn reserved_ids_are_given_to_no_other_object() {
    let fixture = Fixture::new();
    let id = fixture.mailbox.id;
    let (first, next) = fixture
        .store
        .write(NOW, |change| {
            let first = change.reserve_ids(id, 1000)?;
            Ok::<_, Error>((first, change.create_message(id, fixture.inbox.id, &message("m"))?.id))
        })
        .unwrap();
    assert!(next.counter().value() >= first.counter().value() + 1000);
    fixture.verify();
}

#[test]
fn replicas_have_one_number_each() {
    let fixture = Fixture::new();
    let id = fixture.mailbox.id;
    let other = Guid::from_le([77; 16]);
    let numbers = fixture
        .store
        .write(NOW, |change| {
            Ok::<_, Error>([
                change.number_replica(id, other)?,
                change.number_replica(id, other)?,
                change.number_replica(id, fixture.mailbox.replica)?,
            ])
        })
        .unwrap();
    assert_eq!(numbers, [2, 2, store::OWN_REPLICA]);
    assert_eq!(fixture.store.read(|view| view.replica_guid(id, 2)).unwrap(), Some(other));
    assert_eq!(fixture.store.read(|view| view.replica_guid(id, 3)).unwrap(), None);
}

#[test]
fn named_properties_have_ids_of_their_mailbox() {
    let fixture = Fixture::new();
    let (bob, ..) = fixture.store.write(NOW, |change| create_mailbox(change, "bob", 2)).unwrap();
    let lid = PropertyName::Lid { guid: set::PSETID_Task, lid: 0x8101 };
    let header = |name: &str| PropertyName::Name { guid: set::PS_INTERNET_HEADERS, name: Utf16::new(name) };
    let public = |name: &str| PropertyName::Name { guid: set::PS_PUBLIC_STRINGS, name: Utf16::new(name) };
    let assign = |mailbox, name: &PropertyName| {
        fixture.store.write(NOW, |change| change.assign_named_property(mailbox, name)).unwrap()
    };
    let alice = fixture.mailbox.id;
    let ids = [&lid, &header("X-Spam"), &header("x-spam"), &public("Keywords"), &public("keywords"), &lid]
        .map(|name| assign(alice, name));
    assert_eq!(ids, [0x8001, 0x8002, 0x8002, 0x8003, 0x8004, 0x8001]);
    assert_eq!(assign(bob.id, &public("Keywords")), 0x8001);
    let name = |mailbox, id| fixture.store.read(|view| view.property_name(mailbox, id)).unwrap();
    assert_eq!(name(alice, 0x8002), Some(header("x-spam")));
    assert_eq!(name(bob.id, 0x8002), None);
    assert_eq!(fixture.store.read(|view| view.named_properties(alice)).unwrap().len(), 4);
}

#[test]
fn permissions_belong_to_a_folder() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let members = [
        Member::Default,
        Member::Anonymous,
        Member::User("bob".to_owned()),
        Member::User("carol".to_owned()),
    ];
    let ids = fixture
        .store
        .write(NOW, |change| {
            let set = |member| change.set_permission(id, inbox, member, 1);
            members.iter().map(set).collect::<store::Result<Vec<_>>>()
        })
        .unwrap();
    assert_eq!(ids, [0, -1, 1, 2]);
    fixture
        .store
        .write(NOW, |change| {
            assert_eq!(change.set_permission(id, inbox, &members[2], 0x400)?, 1);
            change.remove_permission(id, inbox, 2)
        })
        .unwrap();
    let permissions = fixture.store.read(|view| view.permissions(id, inbox)).unwrap();
    let rights: Vec<_> =
        permissions.iter().map(|permission| (&permission.member, permission.rights)).collect();
    assert_eq!(rights, [(&members[1], 1), (&members[0], 1), (&members[2], 0x400)]);
    assert_eq!(fixture.store.read(|view| view.permissions(id, fixture.root.id)).unwrap(), []);
}

#[test]
fn new_messages_are_delivered_by_the_nearest_class() {
    let fixture = Fixture::new();
    let (id, root, inbox) = (fixture.mailbox.id, fixture.root.id, fixture.inbox.id);
    fixture
        .store
        .write(NOW, |change| {
            change.set_receive_folder(id, "", Some(root))?;
            change.set_receive_folder(id, "IPM.Note", Some(inbox))
        })
        .unwrap();
    let folder = |class: &str| {
        let found = fixture.store.read(|view| view.receive_folder(id, class)).unwrap().unwrap();
        (found.message_class, found.folder)
    };
    let (all, notes) = ((String::new(), root), ("IPM.Note".to_owned(), inbox));
    for (class, expected) in
        [("ipm.note.SMIME", &notes), ("IPM.NOTE", &notes), ("IPM.Notes", &all), ("", &all)]
    {
        assert_eq!(folder(class), *expected, "{class}");
    }
    fixture.store.write(NOW, |change| change.set_receive_folder(id, "ipm.note", None)).unwrap();
    assert_eq!(folder("IPM.Note"), all);
    let unknown = store::ObjectId::own(0x00FF_0000);
    let set = fixture.store.write(NOW, |change| change.set_receive_folder(id, "IPM", Some(unknown)));
    assert!(matches!(set, Err(Error::NotFound(_))));
}

#[test]
fn messages_of_a_class_whose_receive_folder_is_deleted_are_delivered_by_the_class_above() {
    for soft in [true, false] {
        let fixture = Fixture::new();
        let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
        let found = fixture.store.write(NOW, |change| {
            change.set_receive_folder(id, "IPM", Some(inbox))?;
            let top = change.create_folder(id, &folder("top", Some(inbox), FolderKind::Generic))?;
            let below = change.create_folder(id, &folder("below", Some(top.id), FolderKind::Generic))?;
            change.set_receive_folder(id, "IPM.Note", Some(below.id))?;
            change.delete_folder(id, top.id, soft)?;
            change.receive_folder(id, "IPM.Note")
        });
        let found = found.unwrap().unwrap();
        assert_eq!((found.message_class.as_str(), found.folder), ("IPM", inbox));
        fixture.verify();
    }
}
