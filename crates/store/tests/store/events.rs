//! Events: what a change reports of itself.

use std::cell::Cell;

use store::{Change, Error, Event, EventKind, EventObject, FolderKind, Member, ObjectId};

use crate::common::{Fixture, NOW, create_mailbox, folder, message, subject};

/// The objects and kinds of the events of `change`, which all are in the fixture's mailbox.
fn events(
    fixture: &Fixture,
    change: impl FnOnce(&Change<'_>) -> Result<(), Error>,
) -> Vec<(EventObject, EventKind)> {
    let events = fixture.store.write(NOW, |written| {
        change(written)?;
        written.take_events()
    });
    let of = |Event { mailbox, object, kind }| {
        assert_eq!(mailbox, fixture.mailbox.id);
        (object, kind)
    };
    events.unwrap().into_iter().map(of).collect()
}

fn in_folder(id: ObjectId, folder: ObjectId) -> EventObject {
    EventObject::Message { id, folder }
}

fn below(id: ObjectId, parent: ObjectId) -> EventObject {
    EventObject::Folder { id, parent: Some(parent) }
}

const DELETED: EventKind = EventKind::Deleted { permissions: Vec::new() };

#[test]
fn each_change_of_a_message_is_an_event_and_its_folder_has_one_for_all() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let inbox_modified = (below(inbox, fixture.root.id), EventKind::ContentsModified);
    let created = Cell::new(None);
    let found = events(&fixture, |change| {
        let one = change.create_message(mailbox, inbox, &message("one"))?.id;
        let two = change.create_message(mailbox, inbox, &message("two"))?.id;
        change.delivered(mailbox, inbox, two);
        created.set(Some((one, two)));
        Ok(())
    });
    let (one, two) = created.take().unwrap();
    assert_eq!(
        found,
        [
            (in_folder(one, inbox), EventKind::Created),
            (in_folder(two, inbox), EventKind::Created),
            (in_folder(two, inbox), EventKind::Delivered),
            inbox_modified.clone(),
        ]
    );
    let found = events(&fixture, |change| {
        change.change_message(mailbox, one, &subject("changed"), None)?;
        change.set_read(mailbox, two, true)?;
        change.set_read(mailbox, two, true)?;
        change.delete_message(mailbox, one, true)?;
        change.delete_message(mailbox, one, false)
    });
    assert_eq!(
        found,
        [
            (in_folder(one, inbox), EventKind::Modified),
            (in_folder(two, inbox), EventKind::Modified),
            (in_folder(one, inbox), DELETED),
            inbox_modified,
        ],
        "neither a change to the same state nor the end of a deleted message is an event"
    );
}

#[test]
fn a_moved_or_copied_message_has_the_object_from_which_it_was_made() {
    let fixture = Fixture::new();
    let (mailbox, inbox, root) = (fixture.mailbox.id, fixture.inbox.id, fixture.root.id);
    let create = |change: &Change<'_>| change.create_message(mailbox, inbox, &message("one"));
    let one = fixture.store.write(NOW, create).unwrap().id;
    let made = Cell::new(None);
    let mut found = events(&fixture, |change| {
        let copy = change.copy_message(mailbox, one, mailbox, root)?.id;
        let moved = change.move_message(mailbox, one, mailbox, root)?.id;
        made.set(Some((copy, moved)));
        Ok(())
    });
    let (copy, moved) = made.take().unwrap();
    let from = in_folder(one, inbox);
    let root_modified = EventObject::Folder { id: root, parent: None };
    found.sort_by_key(|(object, _)| matches!(object, EventObject::Folder { .. }));
    assert_eq!(
        found,
        [
            (in_folder(copy, root), EventKind::Copied { from }),
            (in_folder(moved, root), EventKind::Moved { from }),
            (root_modified, EventKind::ContentsModified),
            (below(inbox, root), EventKind::ContentsModified),
        ]
    );
}

#[test]
fn a_message_that_moves_to_another_mailbox_is_deleted_in_one_and_created_in_the_other() {
    let fixture = Fixture::new();
    let (mailbox, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let events = fixture.store.write(NOW, |change| {
        let (other, _, folder) = create_mailbox(change, "bob", 2)?;
        let one = change.create_message(mailbox, inbox, &message("one"))?.id;
        change.take_events()?;
        let moved = change.move_message(mailbox, one, other.id, folder.id)?.id;
        let events = change.take_events()?;
        let expected = [
            (mailbox, in_folder(one, inbox), DELETED),
            (other.id, in_folder(moved, folder.id), EventKind::Created),
        ];
        for (event, (mailbox, object, kind)) in events.iter().zip(expected) {
            assert_eq!(*event, Event { mailbox, object, kind });
        }
        Ok::<_, Error>(events)
    });
    assert_eq!(events.unwrap().len(), 4, "and both folders were changed");
}

#[test]
fn a_folder_that_is_deleted_has_one_event_with_the_permissions_that_it_had() {
    let fixture = Fixture::new();
    let (mailbox, root, inbox) = (fixture.mailbox.id, fixture.root.id, fixture.inbox.id);
    let new = folder("Projects", Some(inbox), FolderKind::Generic);
    let created = Cell::new(None);
    let found = events(&fixture, |change| {
        let id = change.create_folder(mailbox, &new)?.id;
        change.set_permission(mailbox, id, &Member::Default, 0x400)?;
        created.set(Some(id));
        Ok(())
    });
    let id = created.take().unwrap();
    let inbox_modified = (below(inbox, root), EventKind::Modified);
    assert_eq!(found, [(below(id, inbox), EventKind::Created), inbox_modified.clone()]);

    let found = events(&fixture, |change| {
        change.create_message(mailbox, id, &message("within"))?;
        change.take_events()?;
        change.move_folder(mailbox, id, root, "Projects")?;
        change.set_permission(mailbox, id, &Member::Default, 0x401)?;
        change.move_folder(mailbox, id, inbox, "Projects").map(drop)
    });
    let moved = |to, from| (below(id, to), EventKind::Moved { from: below(id, from) });
    let root_modified = (EventObject::Folder { id: root, parent: None }, EventKind::Modified);
    let modified = (below(id, inbox), EventKind::Modified);
    let expected = [moved(root, inbox), moved(inbox, root), root_modified, inbox_modified.clone(), modified];
    assert_eq!(found, expected);

    let permissions = fixture.store.read(|view| view.permissions(mailbox, id)).unwrap();
    assert_eq!(permissions[0].rights, 0x401);
    let found = events(&fixture, |change| change.delete_folder(mailbox, id, false));
    assert_eq!(found, [(below(id, inbox), EventKind::Deleted { permissions }), inbox_modified]);
    fixture.verify();
}

#[test]
fn a_change_that_fails_calls_nothing_afterwards() {
    let fixture = Fixture::new();
    let called = Cell::new(0);
    let write = |fails: bool| {
        fixture.store.write_then(
            NOW,
            |change| {
                change.create_message(fixture.mailbox.id, fixture.inbox.id, &message("one"))?;
                if fails { Err(Error::Conflict) } else { change.take_events() }
            },
            |events| called.set(events.len()),
        )
    };
    assert!(write(true).is_err());
    assert_eq!(called.get(), 0);
    write(false).unwrap();
    assert_eq!(called.get(), 2);
}
