//! Versions and ids that clients make.

use mapi::data::{Gid, GlobalCounter, PredecessorChangeList, SizedXid, Xid};
use store::{Imported, MessageVersion, NewMessage, ObjectId, Relation, ValueSource};
use wire::{Encode as _, FileTime, Guid};

use crate::common::{DATA, Fixture, NOW, SUBJECT, folder, message, subject};

/// The change key of change `counter` of a client.
fn key(counter: u64) -> Vec<u8> {
    let replica = Guid::from_le([0xC1; 16]);
    Gid { replica, global_counter: GlobalCounter::new(counter).unwrap() }.to_bytes().unwrap()
}

/// A version that the client made of one with the list `predecessors`.
fn version(counter: u64, predecessors: &[u8]) -> Imported {
    Imported::new(&key(counter), predecessors, FileTime(7)).unwrap()
}

#[test]
fn a_version_is_newer_if_it_is_based_on_all_changes_of_the_other() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let first =
        fixture.store.write(NOW, |change| change.create_message(mailbox, inbox, &message("1"))).unwrap();
    let newer = version(1, &first.predecessors);
    assert_eq!(newer.relation(&first.predecessors).unwrap(), Relation::Newer);
    assert_eq!(newer.relation(&newer.predecessors).unwrap(), Relation::Included, "it is the same");
    assert_eq!(newer.relation(&version(2, &first.predecessors).predecessors).unwrap(), Relation::Included);
    let second = fixture
        .store
        .write(NOW, |change| change.change_message(mailbox, first.id, &subject("2"), None))
        .unwrap();
    assert_eq!(newer.relation(&second.predecessors).unwrap(), Relation::Conflict);
    assert!(Imported::new(&[1, 2, 3], &[], NOW).is_err());
    assert!(Imported::new(&key(1), &[22, 1, 2], NOW).is_err());
}

#[test]
fn an_imported_version_has_the_client_s_change_key_and_the_store_s_change_number() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let imported = fixture
        .store
        .write(NOW, |change| {
            let created = change.create_message(mailbox, inbox, &message("1"))?;
            change.import_message_version(mailbox, created.id, &[], &version(1, &[]))?;
            let first = change.message(mailbox, created.id)?;
            assert_eq!((first.change, first.modified), (created.change, FileTime(7)));
            assert_eq!(first.change_key, key(1));
            let changed = change.change_message(mailbox, created.id, &subject("2"), None)?;
            let second = version(2, &first.predecessors);
            change.import_message_version(mailbox, created.id, &first.predecessors, &second)?;
            assert!(changed.change > created.change);
            change.supersede_message(mailbox, created.id, &version(9, &[]))?;
            let kept = change.message(mailbox, created.id)?;
            assert!(kept.change > changed.change);
            assert_eq!(kept.change_key, key(2), "it is the store's version");
            change.import_folder_version(mailbox, inbox, &[], &version(3, &[]))?;
            assert_eq!(change.folder(mailbox, inbox)?.change_key, key(3));
            change.supersede_folder(mailbox, inbox, &version(8, &[]))?;
            assert_eq!(change.folder(mailbox, inbox)?.change_key, key(3));
            Ok::<_, store::Error>(kept)
        })
        .unwrap();
    let latest = SizedXid(Xid { namespace: Guid::from_le([0xC1; 16]), local_id: vec![0, 0, 0, 0, 0, 9] });
    assert_eq!(imported.predecessors, PredecessorChangeList(vec![latest]).to_bytes().unwrap());
    fixture.verify();
}

#[test]
fn an_id_that_is_reserved_for_a_user_is_assigned_once_and_by_that_user() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    fixture
        .store
        .write(NOW, |change| {
            let first = change.reserve_local_ids(mailbox, "alice", 10)?.counter().value();
            let id = |offset| ObjectId::own(first + offset);
            assert!(!change.assign_local_id(mailbox, "bob", id(0))?);
            for offset in [0, 9, 4] {
                assert!(change.assign_local_id(mailbox, "alice", id(offset))?, "{offset}");
                assert!(!change.assign_local_id(mailbox, "alice", id(offset))?, "{offset} again");
            }
            assert!(!change.assign_local_id(mailbox, "alice", id(10))?, "after the range");
            change.release_local_ids(mailbox, "bob", (id(0), id(9)))?;
            change.release_local_ids(mailbox, "alice", (id(3), id(6)))?;
            for (offset, expected) in [(2, true), (3, false), (6, false), (7, true), (8, true)] {
                assert_eq!(change.assign_local_id(mailbox, "alice", id(offset))?, expected, "{offset}");
            }
            let new = NewMessage { id: Some(id(2)), ..message("mine") };
            change.create_message(mailbox, inbox, &new)?;
            change.delete_message(mailbox, id(2), false)?;
            assert!(!change.assign_local_id(mailbox, "alice", id(2))?, "it was deleted");
            Ok::<_, store::Error>(())
        })
        .unwrap();
    fixture.verify();
}

#[test]
fn versions_of_messages_and_parts_of_values_are_read_without_the_rest() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let data: Vec<u8> = (0..10_000_u16).flat_map(u16::to_le_bytes).collect();
    fixture
        .store
        .write(NOW, |change| {
            let mut new = message("1");
            new.content.set.set(DATA, mapi::property::PropertyValue::Binary(data.clone()));
            let one = change.create_message(mailbox, inbox, &new)?;
            let gone = change.create_message(mailbox, inbox, &message("2"))?;
            change.delete_message(mailbox, gone.id, true)?;
            change.set_read(mailbox, one.id, true)?;
            let associated = NewMessage { associated: true, ..message("3") };
            let two = change.create_message(mailbox, inbox, &associated)?;
            let mut found: Vec<MessageVersion> = Vec::new();
            change.for_each_version(mailbox, inbox, |version| {
                found.push(version);
                Ok::<_, store::Error>(())
            })?;
            assert_eq!(found.iter().map(|version| version.id).collect::<Vec<_>>(), [one.id, two.id]);
            assert!(found[0].read_change > Some(one.change) && found[0].read && found[1].associated);
            let part = |tag, place| change.value_part(one.content, ValueSource::Message, tag, place);
            assert_eq!(part(DATA, (19_998, 10))?, Some((data[19_998..].to_vec(), 20_000)));
            assert_eq!(part(DATA, (0, 4))?, Some((data[..4].to_vec(), 20_000)));
            assert_eq!(part(SUBJECT, (0, 4))?, None, "it is small");
            change.create_folder(mailbox, &folder("F", Some(inbox), store::FolderKind::Generic))?;
            Ok::<_, store::Error>(())
        })
        .unwrap();
}
