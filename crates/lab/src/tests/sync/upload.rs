//! Uploads of messages, folders, deletions and read states.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::message::MessageOpenModeFlags;
use mapi::rop::sync::{ImportDeleteFlags, ImportFlag};

use super::client::{State, Sync, download, transfer_state, upload_state};
use super::uploader::{
    Version, import_deletes, import_folder, import_message, import_move, import_read, local_ids,
    open_collector, release_ids,
};
use crate::tests::Caller;
use crate::tests::folders::{create, permit};
use crate::tests::mail::{Mail, text};
use crate::tests::messages::{INBOX, KEEP, alice, mark_read, message, open, save};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const NAME: PropTag = PropTag::PidTagDisplayName;
const NORMAL: ImportFlag = ImportFlag::NONE;
const FAIL: ImportFlag = ImportFlag::FAIL_ON_CONFLICT;
const SOFT: ImportDeleteFlags = ImportDeleteFlags::NONE;
const DELETED: ErrorCode = ErrorCode(0x8004_0800);
const OBJECT_DELETED: Result<(), ErrorCode> = Err(DELETED);
const IGNORED: Result<(), ErrorCode> = Err(ErrorCode(0x8004_0801));
const CONFLICT: Result<(), ErrorCode> = Err(ErrorCode(0x8004_0802));
const NO_PARENT: Result<(), ErrorCode> = Err(ErrorCode(0x8004_0803));
const NO_ACCESS: Result<(), ErrorCode> = Err(ErrorCode::MAPI_E_NO_ACCESS);
/// A time before all changes of the server, and one after them.
const EARLY: u64 = 7;
const LATE: u64 = 1 << 60;

/// The counter of an id.
fn counter(id: MessageId) -> u64 {
    id.global_counter().value()
}

/// Uploads a message with a subject by the collector at 3.
fn upload(
    mail: &mut Mail,
    id: u64,
    version: &Version,
    flags: ImportFlag,
    subject: &str,
) -> Result<(), ErrorCode> {
    import_message(mail, 3, id, version, (flags, 4))?;
    mail.set(4, vec![text(SUBJECT, subject)])?;
    save(mail, 4, KEEP).map(drop)
}

fn subject(mail: &mut Mail, id: u64) -> String {
    let id = MessageId::new(1, mapi::data::GlobalCounter::new(id).unwrap());
    open(mail, id, MessageOpenModeFlags::NONE, 5).unwrap();
    mail.get(5, SUBJECT).unwrap().to_text().unwrap()
}

/// The list of predecessors of the message at `handle`.
fn predecessors(mail: &mut Mail, handle: u8) -> Vec<u8> {
    let found = mail.get(handle, PropTag::PidTagPredecessorChangeList).unwrap();
    found.as_bytes().unwrap().to_vec()
}

#[test]
fn an_uploaded_message_has_the_id_and_the_version_of_the_client() {
    let mut mail = alice();
    open_collector(&mut mail, 1, true, 3).unwrap();
    let id = local_ids(&mut mail, 10).unwrap();
    let first = Version::new(0xC1, 1, &[], EARLY);
    upload(&mut mail, id, &first, NORMAL, "Mine").unwrap();
    assert_eq!(subject(&mut mail, id), "Mine");
    assert_eq!(mail.get(5, PropTag::PidTagMessageClass), Ok(PropertyValue::from("IPM.Note")));
    assert_eq!(mail.get(5, PropTag::PidTagChangeKey), Ok(PropertyValue::Binary(first.key.clone())));
    assert_eq!(predecessors(&mut mail, 5), first.predecessors);
    assert_eq!(upload(&mut mail, id, &first, NORMAL, "Again"), IGNORED);
    let second = Version::new(0xC1, 2, &first.predecessors, EARLY);
    upload(&mut mail, id, &second, FAIL, "Changed").unwrap();
    assert_eq!(subject(&mut mail, id), "Changed");
    assert_eq!(upload(&mut mail, id, &first, NORMAL, "Old"), IGNORED);
    // The client has what it uploaded, and downloads nothing.
    let state = transfer_state(&mut mail, 3);
    assert_eq!(download(&mut mail, 1, &Sync::contents(), &state).unwrap().changes().len(), 0);
    assert_eq!(upload(&mut mail, 1 << 40, &first, NORMAL, "No id of this client"), OBJECT_DELETED);
}

#[test]
fn a_change_replaces_all_that_the_message_contained() {
    let mut mail = alice();
    let id = counter(message(&mut mail, "Server", 2));
    mail.set(2, vec![text(PropTag::PidTagBody, "Body"), text(PropTag::PidTagComment, &"x".repeat(5000))])
        .unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    open_collector(&mut mail, 1, true, 3).unwrap();
    let version = Version::new(0xC1, 1, &predecessors(&mut mail, 2), EARLY);
    upload(&mut mail, id, &version, FAIL, "Client").unwrap();
    assert_eq!(subject(&mut mail, id), "Client");
    for tag in [PropTag::PidTagBody, PropTag::PidTagComment] {
        assert_eq!(mail.get(5, tag), Err(ErrorCode::MAPI_E_NOT_FOUND));
    }
}

#[test]
fn of_versions_in_conflict_the_latest_is_kept() {
    let mut mail = alice();
    for (modified, expected) in [(EARLY, "Server 2"), (LATE, "Client")] {
        let id = counter(message(&mut mail, "Server 1", 2));
        let known = predecessors(&mut mail, 2);
        mail.set(2, vec![text(SUBJECT, "Server 2")]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
        let first = download(&mut mail, 1, &Sync::contents(), &State::default()).unwrap();
        open_collector(&mut mail, 1, true, 3).unwrap();
        upload_state(&mut mail, 3, &first.state);
        let version = Version::new(0xC1, 1, &known, modified);
        assert_eq!(upload(&mut mail, id, &version, FAIL, "Client"), CONFLICT);
        assert_eq!(upload(&mut mail, id, &version, NORMAL, "Client"), Ok(()));
        assert_eq!(subject(&mut mail, id), expected);
        let state = transfer_state(&mut mail, 3);
        let second = download(&mut mail, 1, &Sync::contents(), &state).unwrap();
        assert_eq!(second.texts(SUBJECT), [expected], "the client downloads the result");
        // It is based on both versions.
        let merged = predecessors(&mut mail, 5);
        assert_eq!(upload(&mut mail, id, &Version::new(0xC1, 2, &merged, EARLY), FAIL, "Next"), Ok(()));
    }
}

#[test]
fn a_version_that_became_old_since_it_was_opened_is_not_saved() {
    let mut mail = alice();
    let id = counter(message(&mut mail, "Server", 2));
    open_collector(&mut mail, 1, true, 3).unwrap();
    let version = Version::new(0xC1, 1, &predecessors(&mut mail, 2), EARLY);
    import_message(&mut mail, 3, id, &version, (FAIL, 4)).unwrap();
    mail.set(2, vec![text(SUBJECT, "Server 2")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert_eq!(save(&mut mail, 4, KEEP).map(drop), CONFLICT);
    assert_eq!(subject(&mut mail, id), "Server 2");
    let new = local_ids(&mut mail, 1).unwrap();
    import_message(&mut mail, 3, new, &Version::new(0xC1, 2, &[], EARLY), (NORMAL, 4)).unwrap();
    import_deletes(&mut mail, 3, &[new], SOFT).unwrap();
    assert_eq!(save(&mut mail, 4, KEEP).map(drop), OBJECT_DELETED);
}

#[test]
fn deleted_messages_cannot_be_uploaded_again() {
    let mut mail = alice();
    open_collector(&mut mail, 1, true, 3).unwrap();
    let id = local_ids(&mut mail, 10).unwrap();
    let version = Version::new(0xC1, 1, &[], EARLY);
    upload(&mut mail, id, &version, NORMAL, "One").unwrap();
    let server = message(&mut mail, "Server", 2);
    import_deletes(&mut mail, 3, &[id, id + 1, counter(server)], SOFT).unwrap();
    import_deletes(&mut mail, 3, &[id], ImportDeleteFlags::HARD_DELETE).unwrap();
    assert_eq!(mail.open_table(1, true, 6), Ok(0));
    for deleted in [id, id + 1, counter(server)] {
        assert_eq!(upload(&mut mail, deleted, &version, NORMAL, "Again"), OBJECT_DELETED);
    }
    release_ids(&mut mail, 1, id + 2, id + 8).unwrap();
    assert_eq!(upload(&mut mail, id + 2, &version, NORMAL, "Released"), OBJECT_DELETED);
    assert_eq!(upload(&mut mail, id + 9, &version, NORMAL, "Not released"), Ok(()));
    let invalid = Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
    assert_eq!(import_deletes(&mut mail, 3, &[id], ImportDeleteFlags(4)), invalid);
    assert_eq!(release_ids(&mut mail, 1, 9, 8), invalid);
    assert_eq!(local_ids(&mut mail, 0).map(drop), invalid);
    assert_eq!(local_ids(&mut mail, 0x1_0001).map(drop), invalid);
    let hierarchy = import_deletes(&mut mail, 3, &[id], ImportDeleteFlags::HIERARCHY);
    assert_eq!(hierarchy, Err(ErrorCode::MAPI_E_NO_SUPPORT), "the collector is for messages");
}

#[test]
fn read_states_are_uploaded_and_not_downloaded_again() {
    let mut mail = alice();
    let ids = ["a", "b"].map(|subject| counter(message(&mut mail, subject, 2)));
    let first = download(&mut mail, 1, &Sync::contents(), &State::default()).unwrap();
    open_collector(&mut mail, 1, true, 3).unwrap();
    upload_state(&mut mail, 3, &first.state);
    import_read(&mut mail, 3, &[(ids[0], true), (ids[1], false), (1 << 40, true)]).unwrap();
    assert_eq!(mail.get(1, PropTag::PidTagContentUnreadCount), Ok(PropertyValue::Integer32(1)));
    let state = transfer_state(&mut mail, 3);
    let second = download(&mut mail, 1, &Sync::contents(), &state).unwrap();
    assert_eq!(second.tree.groups().count(), 2, "the state and the end: {}", second.tree);
    // A read state stays when the client changes the message.
    mark_read(&mut mail, &[MessageId::new(1, mapi::data::GlobalCounter::new(ids[1]).unwrap())]);
    let version = Version::new(0xC1, 1, &predecessors(&mut mail, 2), EARLY);
    upload_state(&mut mail, 3, &state);
    upload(&mut mail, ids[1], &version, FAIL, "b2").unwrap();
    let state = transfer_state(&mut mail, 3);
    let third = download(&mut mail, 1, &Sync::contents(), &state).unwrap();
    assert_eq!((third.changes().len(), third.ids(PropTag::MetaTagIdsetRead).len()), (0, 1));
}

#[test]
fn a_move_keeps_the_version_that_is_newer() {
    let mut mail = alice();
    let inbox = mail.special(INBOX).global_counter().value();
    create(&mut mail, 1, "Target", 6).unwrap();
    open_collector(&mut mail, 6, true, 3).unwrap();
    let to = local_ids(&mut mail, 10).unwrap();
    let moved = |mail: &mut Mail, from, to, version: &Version| {
        let result = import_move(mail, 3, (inbox, from, to), version);
        let state = transfer_state(mail, 3);
        let found = download(mail, 6, &Sync::contents(), &state).unwrap();
        (result, found.texts(SUBJECT))
    };
    let from = counter(message(&mut mail, "same", 2));
    let key = mail.get(2, PropTag::PidTagChangeKey).unwrap().as_bytes().unwrap().to_vec();
    let known = predecessors(&mut mail, 2);
    let same = Version { key, predecessors: known.clone(), modified: EARLY };
    assert_eq!(moved(&mut mail, from, to, &same), (ErrorCode::SUCCESS, vec![]));
    assert_eq!(moved(&mut mail, from, to + 1, &same), (DELETED, vec![]));

    let from = counter(message(&mut mail, "client", 2));
    let newer = Version::new(0xC1, 1, &predecessors(&mut mail, 2), EARLY);
    let result = moved(&mut mail, from, to + 2, &newer);
    assert_eq!(result, (ErrorCode(0x0004_0821), vec![]), "NewerClientChange");
    assert_eq!(upload(&mut mail, to + 2, &newer, FAIL, "changed").map(drop), Ok(()));

    let from = counter(message(&mut mail, "server", 2));
    let old = Version::new(0xC1, 2, &[], EARLY);
    assert_eq!(moved(&mut mail, from, to + 3, &old), (ErrorCode::SUCCESS, vec!["server".to_owned()]));
    let from = counter(message(&mut mail, "last", 2));
    let used = moved(&mut mail, from, to + 3, &old).0;
    assert_eq!(used, DELETED, "the new id is in use");
}

#[test]
fn folders_are_uploaded_changed_moved_and_deleted() {
    let mut mail = alice();
    open_collector(&mut mail, 1, false, 3).unwrap();
    let id = local_ids(&mut mail, 10).unwrap();
    let first = Version::new(0xC1, 1, &[], LATE);
    let comment = || vec![text(PropTag::PidTagComment, "Tea")];
    assert_eq!(import_folder(&mut mail, 3, (id + 1, Some(id)), &first, ("Below", vec![])), NO_PARENT);
    import_folder(&mut mail, 3, (id, None), &first, ("Top", comment())).unwrap();
    import_folder(&mut mail, 3, (id + 1, Some(id)), &first, ("Below", vec![])).unwrap();
    let found = download(&mut mail, 1, &Sync::hierarchy(), &State::default()).unwrap();
    assert_eq!(found.texts(NAME), ["Top", "Below"]);
    assert_eq!(found.texts(PropTag::PidTagComment), ["Tea", ""]);
    let state = transfer_state(&mut mail, 3);
    assert_eq!(download(&mut mail, 1, &Sync::hierarchy(), &state).unwrap().changes().len(), 0);

    let second = Version::new(0xC1, 2, &first.predecessors, LATE);
    let taken = import_folder(&mut mail, 3, (id + 2, None), &first, ("TOP", vec![]));
    assert_eq!(taken, Err(ErrorCode::MAPI_E_COLLISION));
    assert_eq!(import_folder(&mut mail, 3, (id, None), &first, ("Top", vec![])), IGNORED);
    import_folder(&mut mail, 3, (id + 1, None), &second, ("Beside", vec![])).unwrap();
    let folder = |id| FolderId::new(1, mapi::data::GlobalCounter::new(id).unwrap());
    mail.open_folder(folder(id + 1), 6).unwrap();
    let parent = mail.get(6, PropTag::PidTagParentFolderId).unwrap();
    assert_eq!(parent, PropertyValue::Integer64(mail.special(INBOX).0.cast_signed()));

    // The server changes it; the client's old version does not replace that, and its late one does.
    mail.set(6, vec![text(NAME, "Server")]).unwrap();
    let early = Version::new(0xC1, 3, &second.predecessors, EARLY);
    import_folder(&mut mail, 3, (id + 1, None), &early, ("Early", vec![])).unwrap();
    assert_eq!(mail.get(6, NAME), Ok(PropertyValue::from("Server")));
    let late = Version::new(0xC1, 4, &second.predecessors, LATE);
    mail.set(6, vec![text(NAME, "Server 2")]).unwrap();
    import_folder(&mut mail, 3, (id + 1, None), &late, ("Late", vec![])).unwrap();
    assert_eq!(mail.get(6, NAME), Ok(PropertyValue::from("Late")));
    let below_itself = Version::new(0xC1, 5, &predecessors(&mut mail, 6), LATE);
    let cycle = import_folder(&mut mail, 3, (id + 1, Some(id + 1)), &below_itself, ("Cycle", vec![]));
    assert_eq!(cycle, Err(ErrorCode(0x8004_060b)));

    import_deletes(&mut mail, 3, &[id, id + 5], ImportDeleteFlags::HIERARCHY).unwrap();
    let deleted = import_folder(&mut mail, 3, (id, None), &late, ("Top", vec![]));
    assert_eq!(deleted, OBJECT_DELETED);
    let never = import_folder(&mut mail, 3, (id + 5, None), &first, ("Five", vec![]));
    assert_eq!(never, OBJECT_DELETED);
    let inbox = mail.special(INBOX).global_counter().value();
    assert_eq!(import_deletes(&mut mail, 3, &[inbox], ImportDeleteFlags::HIERARCHY), NO_ACCESS);
}

/// What a user could try in the mailbox of another one: to replace, delete, move or mark messages without the right to
/// do so, to assign ids that are reserved for others, and to learn which messages exist.
#[test]
fn uploads_require_the_rights_of_the_changes_that_they_make() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let shared = create(&mut alice, 1, "Shared", 9).unwrap();
    let reserved = local_ids(&mut alice, 10).unwrap();
    crate::tests::messages::create(&mut alice, shared, 2).unwrap();
    let id = counter(save(&mut alice, 2, KEEP).unwrap());
    permit(&mut alice, 9, "bob", 0x402); // Create and FolderVisible: a folder in which messages can be put.
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(shared, 1).unwrap();
    open_collector(&mut bob, 1, true, 3).unwrap();
    let own = local_ids(&mut bob, 10).unwrap();
    let version = Version::new(0xC2, 1, &[], LATE);
    let try_import = |bob: &mut Mail, id| import_message(bob, 3, id, &version, (NORMAL, 4));
    assert_eq!(try_import(&mut bob, own), Ok(()));
    assert_eq!(try_import(&mut bob, reserved), OBJECT_DELETED, "it is reserved for alice");
    assert_eq!(try_import(&mut bob, id), OBJECT_DELETED, "as if it did not exist");
    assert_eq!(import_deletes(&mut bob, 3, &[id], SOFT), NO_ACCESS);
    assert_eq!(import_read(&mut bob, 3, &[(id, true)]), NO_ACCESS);
    let source = shared.global_counter().value();
    assert_eq!(import_move(&mut bob, 3, (source, id, own + 1), &version), ErrorCode::MAPI_E_NO_ACCESS);
    permit(&mut alice, 9, "bob", 0x401); // ReadAny.
    assert_eq!(try_import(&mut bob, id), NO_ACCESS);
    assert_eq!(try_import(&mut bob, own + 1), NO_ACCESS);
    assert_eq!(save(&mut bob, 4, KEEP).map(drop), NO_ACCESS, "the right was withdrawn");

    open_collector(&mut bob, 1, false, 3).unwrap();
    let folder = |bob: &mut Mail, id, parent| import_folder(bob, 3, (id, parent), &version, ("F", vec![]));
    assert_eq!(folder(&mut bob, own + 2, None), NO_ACCESS);
    assert_eq!(folder(&mut bob, source, None), NO_ACCESS);
    let inbox = bob.special(INBOX).global_counter().value();
    assert_eq!(folder(&mut bob, own + 2, Some(inbox)), NO_PARENT, "bob may not see it");
    assert_eq!(import_deletes(&mut bob, 3, &[source], ImportDeleteFlags::HIERARCHY), NO_ACCESS);
    assert_eq!(
        import_deletes(&mut bob, 3, &[inbox], ImportDeleteFlags::HIERARCHY),
        Ok(()),
        "nothing happens"
    );
    release_ids(&mut bob, 1, reserved, reserved + 9).unwrap();
    open_collector(&mut alice, 9, true, 3).unwrap();
    assert_eq!(import_message(&mut alice, 3, reserved, &version, (NORMAL, 4)), Ok(()), "they are still hers");
    mail_is_intact(&mut alice, shared, id);
}

fn mail_is_intact(alice: &mut Mail, shared: FolderId, id: u64) {
    alice.open_folder(shared, 1).unwrap();
    alice.open_table(1, true, 6).unwrap();
    alice.set_columns(6, &[PropTag::PidTagMid]).unwrap();
    let rows = alice.rows(6, &[PropTag::PidTagMid], 10).unwrap();
    let expected = MessageId::new(1, mapi::data::GlobalCounter::new(id).unwrap()).0.cast_signed();
    assert_eq!(
        rows.iter().map(|row| row.value(0).unwrap().clone()).collect::<Vec<_>>(),
        [PropertyValue::Integer64(expected)]
    );
}
