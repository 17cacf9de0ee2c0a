//! Messages: what they contain, conflicts, copies, deletion.

use std::collections::BTreeMap;

use mapi::property::{PropTag, PropertyValue};
use store::{
    AttachmentEdit, ContentEdit, Error, FolderKind, Message, MessageFilter, NewMessage, Properties,
    Recipient, ValueSource,
};

use crate::common::{DATA, Fixture, NOW, SUBJECT, create_mailbox, folder, message, subject};

/// `PidTagBody`.
const BODY: PropTag = PropTag(0x1000_001F);

/// A message with a large body, two recipients and three attachments: small, large, and a message with a large
/// attachment.
fn rich() -> NewMessage {
    let recipient = |row, name: &str| Recipient {
        row,
        properties: Properties::from([(PropTag(0x3001_001F), PropertyValue::from(name))]),
    };
    let data = |size| AttachmentEdit {
        set: Properties::from([(DATA, PropertyValue::Binary(vec![5; size]))]),
        ..AttachmentEdit::default()
    };
    let inner = ContentEdit { attachments: BTreeMap::from([(0, data(50_000))]), ..subject("inner") };
    let embedded = AttachmentEdit { embedded: Some(Box::new(inner)), ..AttachmentEdit::default() };
    let mut content = subject("outer");
    content.set.set(BODY, PropertyValue::from("x".repeat(100_000).as_str()));
    content.recipients = Some(vec![recipient(0, "Bob"), recipient(7, "Carol")]);
    content.attachments = BTreeMap::from([(0, data(1)), (1, data(3_000_000)), (4, embedded)]);
    NewMessage { content, ..NewMessage::default() }
}

/// Fails if `message` does not contain what [`rich`] says.
fn assert_rich(fixture: &Fixture, message: &Message) {
    fixture
        .store
        .read(|view| {
            let content = view.content(message.content)?;
            assert_eq!(content.properties.text(SUBJECT).as_deref(), Some("outer"));
            assert_eq!(content.large, BTreeMap::from([(BODY, 200_000)]));
            let body = view.value(content.id, ValueSource::Message, BODY)?.and_then(|value| value.to_text());
            assert_eq!(body.map(|body| body.len()), Some(100_000));
            let rows: Vec<_> = content.recipients.iter().map(|recipient| recipient.row).collect();
            assert_eq!(rows, [0, 7]);
            let numbers: Vec<_> = content.attachments.iter().map(|attachment| attachment.number).collect();
            assert_eq!(numbers, [0, 1, 4]);
            let size = |id, number| {
                let value = view.value(id, ValueSource::Attachment(number), DATA)?;
                Ok::<_, Error>(value.and_then(|value| value.as_bytes().map(<[u8]>::len)))
            };
            assert_eq!([size(content.id, 0)?, size(content.id, 1)?], [Some(1), Some(3_000_000)]);
            let inner = view.content(content.attachments[2].embedded.unwrap())?;
            assert_eq!(inner.properties.text(SUBJECT).as_deref(), Some("inner"));
            assert_eq!(size(inner.id, 0)?, Some(50_000));
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn a_message_keeps_everything_that_it_contains() {
    let fixture = Fixture::new();
    let create =
        |change: &store::Change<'_>| change.create_message(fixture.mailbox.id, fixture.inbox.id, &rich());
    let message = fixture.store.write(NOW, create).unwrap();
    assert_rich(&fixture, &message);
    assert!((3_250_000..3_260_000).contains(&message.size), "{}", message.size);
    assert_eq!((message.created, message.modified, message.read), (NOW, NOW, false));
    fixture.verify();
}

#[test]
fn copies_and_moved_messages_are_independent_of_the_original() {
    let fixture = Fixture::new();
    let (alice, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let (bob, _, bobs) = fixture.store.write(NOW, |change| create_mailbox(change, "bob", 2)).unwrap();
    let original = fixture.store.write(NOW, |change| change.create_message(alice, inbox, &rich())).unwrap();
    let copy =
        fixture.store.write(NOW, |change| change.copy_message(alice, original.id, bob.id, bobs.id)).unwrap();
    fixture.verify();
    let moved =
        fixture.store.write(NOW, |change| change.move_message(alice, original.id, bob.id, bobs.id)).unwrap();
    let gone = fixture.store.read(|view| view.message(alice, original.id));
    assert!(matches!(gone, Err(Error::NotFound(_))));
    fixture.store.write(NOW, |change| change.delete_message(bob.id, moved.id, false)).unwrap();
    assert_rich(&fixture, &copy);
    fixture.verify();
}

#[test]
fn an_edit_changes_only_what_it_names() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let message = fixture.store.write(NOW, |change| change.create_message(id, inbox, &rich())).unwrap();
    let edit = ContentEdit {
        // The small value replaces the large one of the same id, whatever the type.
        set: Properties::from([(PropTag(0x1000_001E), PropertyValue::String8(b"short".to_vec()))]),
        removed: vec![SUBJECT],
        removed_attachments: vec![1, 4],
        ..ContentEdit::default()
    };
    let change =
        fixture.store.write(NOW, |change| change.change_message(id, message.id, &edit, None)).unwrap();
    assert!(change.change > message.change && change.size < 1000);
    let content = fixture.store.read(|view| view.content(message.content)).unwrap();
    assert_eq!(content.properties.text(BODY).as_deref(), Some("short"));
    assert_eq!((content.properties.get(SUBJECT), content.large.len()), (None, 0));
    assert_eq!((content.recipients.len(), content.attachments.len()), (2, 1));
    fixture.verify();
}

#[test]
fn an_edit_of_an_outdated_version_is_a_conflict() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let read = fixture.store.write(NOW, |change| change.create_message(id, inbox, &message("1"))).unwrap();
    let save = |text: &str, expected| {
        fixture.store.write(NOW, |change| change.change_message(id, read.id, &subject(text), expected))
    };
    save("2", Some(read.change)).unwrap();
    assert!(matches!(save("3", Some(read.change)), Err(Error::Conflict)));
    let content = fixture.store.read(|view| view.content(read.content)).unwrap();
    assert_eq!(content.properties.text(SUBJECT).as_deref(), Some("2"));
    save("3", None).unwrap();
}

#[test]
fn a_failed_change_leaves_no_trace() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let failed = fixture.store.write(NOW, |change| {
        change.create_message(id, inbox, &rich())?;
        Err::<(), _>(Error::Conflict)
    });
    assert!(matches!(failed, Err(Error::Conflict)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fixture.store.write(NOW, |change| {
            change.create_message(id, inbox, &rich())?;
            panic!("intended by the test");
            #[allow(unreachable_code)]
            Ok::<(), Error>(())
        })
    }));
    assert!(panicked.is_err());
    let messages = fixture.store.read(|view| view.messages(id, inbox, MessageFilter::default())).unwrap();
    assert_eq!(messages, []);
    fixture.store.write(NOW, |change| change.create_message(id, inbox, &message("later"))).unwrap();
    fixture.verify();
}

#[test]
fn deleted_messages_are_listed_apart_and_counted() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let create = |new: &NewMessage| {
        fixture.store.write(NOW, |change| change.create_message(id, inbox, new)).unwrap().id
    };
    let ids = ["a", "b", "c"].map(|text| create(&message(text)));
    create(&NewMessage { associated: true, ..message("associated") });
    fixture
        .store
        .write(NOW, |change| {
            change.delete_message(id, ids[0], true)?;
            change.delete_message(id, ids[1], false)?;
            change.set_read(id, ids[2], true)?;
            assert!(matches!(change.delete_message(id, ids[0], true), Err(Error::NotFound(_))));
            Ok::<_, Error>(())
        })
        .unwrap();
    let count = |associated, deleted| {
        let filter = MessageFilter { associated, deleted };
        fixture.store.read(|view| view.count_messages(id, inbox, filter)).unwrap()
    };
    assert_eq!([count(false, false), count(false, true), count(true, false)], [(1, 0), (1, 1), (1, 1)]);
    let folder = fixture.store.read(|view| view.folder(id, inbox)).unwrap();
    assert_eq!(folder.deleted_count, 2);
    // What is soft deleted is deleted for good without being counted twice.
    fixture.store.write(NOW, |change| change.delete_message(id, ids[0], false)).unwrap();
    assert_eq!(fixture.store.read(|view| view.folder(id, inbox)).unwrap().deleted_count, 2);
    fixture.verify();
}

#[test]
fn a_read_state_has_a_change_number_of_its_own() {
    let fixture = Fixture::new();
    let (id, inbox) = (fixture.mailbox.id, fixture.inbox.id);
    let new = fixture.store.write(NOW, |change| change.create_message(id, inbox, &message("m"))).unwrap();
    let read = |read| fixture.store.write(NOW, |change| change.set_read(id, new.id, read)).unwrap();
    assert_eq!([read(true), read(true)], [true, false]);
    let marked = fixture.store.read(|view| view.message(id, new.id)).unwrap();
    assert_eq!((marked.change, marked.change_key, marked.read), (new.change, new.change_key, true));
    assert!(marked.read_change > Some(new.change));
    // It stays when the message is changed: the client that changed it has not received it.
    let saved =
        fixture.store.write(NOW, |change| change.change_message(id, new.id, &subject("n"), None)).unwrap();
    assert_eq!((saved.read, saved.read_change), (true, marked.read_change));
}

#[test]
fn messages_are_embedded_to_a_limit() {
    let fixture = Fixture::new();
    let nested = |depth: usize| {
        (0..depth).fold(subject("innermost"), |inner, _| {
            let embedded = AttachmentEdit { embedded: Some(Box::new(inner)), ..AttachmentEdit::default() };
            ContentEdit { attachments: BTreeMap::from([(0, embedded)]), ..ContentEdit::default() }
        })
    };
    let create = |depth| {
        let new = NewMessage { content: nested(depth), ..NewMessage::default() };
        fixture.store.write(NOW, |change| change.create_message(fixture.mailbox.id, fixture.inbox.id, &new))
    };
    let message = create(64).unwrap();
    assert!(matches!(create(65), Err(Error::Limit { .. })));
    fixture.store.write(NOW, |change| change.delete_message(fixture.mailbox.id, message.id, false)).unwrap();
    fixture.verify();
}

#[test]
fn messages_are_only_created_in_folders_that_exist() {
    let fixture = Fixture::new();
    let id = fixture.mailbox.id;
    let deleted = fixture
        .store
        .write(NOW, |change| {
            let folder =
                change.create_folder(id, &folder("x", Some(fixture.inbox.id), FolderKind::Generic))?;
            change.delete_folder(id, folder.id, true)?;
            Ok::<_, Error>(folder.id)
        })
        .unwrap();
    let unknown = store::ObjectId::own(0x00FF_0000);
    for folder in [deleted, unknown] {
        let created = fixture.store.write(NOW, |change| change.create_message(id, folder, &message("m")));
        assert!(matches!(created, Err(Error::NotFound(_))), "{created:?}");
    }
}
