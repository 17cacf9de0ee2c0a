//! What users are notified of in the mailboxes of others: only of what they may see there.
//!
//! A user who may see one folder of a mailbox can log on to it and subscribe to the whole mailbox. These tests are
//! what such a user could try: to learn that other folders exist, what they are named by, when messages arrive in
//! them, or what is moved out of them.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId};
use mapi::notification::NotificationType;
use mapi::rop::folder::DeleteFolderFlags;

use super::waits::has_pending;
use super::{ALL, events, objects, subscribe};
use crate::tests::Caller;
use crate::tests::folders::{create, delete as delete_folder, permit};
use crate::tests::mail::Mail;
use crate::tests::messages::{
    INBOX, KEEP, create as create_message, delete, mark_read, message, save, transfer,
};

const READ: i32 = 0x401;
const CREATED: NotificationType = NotificationType::ObjectCreated;
const DELETED: NotificationType = NotificationType::ObjectDeleted;
const MODIFIED: NotificationType = NotificationType::ObjectModified;

/// alice with her inbox at 1 and the folder Shared at 9, which bob may read; bob, who has subscribed to her mailbox.
fn alice_and_bob() -> (Mail, Mail, FolderId) {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let shared = create(&mut alice, 1, "Shared", 9).unwrap();
    permit(&mut alice, 9, "bob", READ);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    subscribe(&mut bob, ALL, None, 8).unwrap();
    (alice, bob, shared)
}

#[test]
fn a_user_is_notified_of_nothing_in_folders_that_the_user_may_not_see() {
    let (mut alice, mut bob, _) = alice_and_bob();
    let secret = create(&mut alice, 1, "Secret", 3).unwrap();
    let one = message(&mut alice, "one", 4);
    mark_read(&mut alice, &[one]);
    delete(&mut alice, &[one]);
    assert!(!has_pending(&bob), "no wait ends");
    assert_eq!(delete_folder(&mut alice, 1, secret, DeleteFolderFlags::DELETE_HARD_DELETE), Ok(true));
    assert!(!has_pending(&bob));
    assert_eq!(objects(&mut bob), []);
    for scope in [(alice.special(INBOX), MessageId(0)), (secret, MessageId(0)), (alice.special(INBOX), one)] {
        let refused = subscribe(&mut bob, ALL, Some(scope), 10);
        assert_eq!(refused, Err(ErrorCode::MAPI_E_NOT_FOUND), "as if it did not exist");
    }
}

#[test]
fn a_message_from_a_hidden_folder_is_created_and_one_that_moves_there_is_deleted() {
    let (mut alice, mut bob, shared) = alice_and_bob();
    let (one, two) = (message(&mut alice, "one", 4), message(&mut alice, "two", 4));
    transfer(&mut alice, &[one], 0, 9).unwrap();
    transfer(&mut alice, &[two], 1, 9).unwrap();
    let found = events(&mut bob);
    for (kind, event) in &found[..] {
        assert_eq!(event.folder_id, shared);
        assert_eq!(event.old, None, "where it was is not named");
        assert!(matches!(*kind, CREATED | MODIFIED), "{kind}");
    }
    let moved = found[0].1.message_id.unwrap();
    assert_eq!(found.iter().filter(|(kind, _)| *kind == CREATED).count(), 2);
    // Back to the inbox.
    alice.open_folder(shared, 1).unwrap();
    alice.open_folder(alice.special(INBOX), 9).unwrap();
    transfer(&mut alice, &[moved], 1, 9).unwrap();
    assert_eq!(objects(&mut bob), [], "a copy in a hidden folder does not exist");
    transfer(&mut alice, &[moved], 0, 9).unwrap();
    assert_eq!(objects(&mut bob), [(DELETED, shared, Some(moved)), (MODIFIED, shared, None)]);
}

#[test]
fn a_user_is_notified_of_the_end_of_a_folder_that_the_user_could_see() {
    let (mut alice, mut bob, shared) = alice_and_bob();
    let flags = DeleteFolderFlags::DELETE_HARD_DELETE;
    assert_eq!(delete_folder(&mut alice, 1, shared, flags), Ok(true));
    assert_eq!(objects(&mut bob), [(DELETED, shared, None)]);
}

#[test]
fn notifications_that_wait_are_not_sent_once_the_user_may_not_see_the_folder() {
    let (mut alice, mut bob, shared) = alice_and_bob();
    alice.open_folder(shared, 1).unwrap();
    alice.open_folder(alice.special(INBOX), 9).unwrap();
    message(&mut alice, "one", 4);
    let inbox = alice.special(INBOX);
    create_message(&mut alice, shared, 4).unwrap();
    save(&mut alice, 4, KEEP).unwrap();
    permit(&mut alice, 1, "bob", 0);
    assert_eq!(objects(&mut bob), [], "nothing of {shared:?} or {inbox:?}");
    permit(&mut alice, 1, "bob", READ);
    assert_eq!(objects(&mut bob), [(MODIFIED, shared, None)], "it is visible again");
}

#[test]
fn a_folder_that_is_visible_but_not_readable_has_events_without_those_of_its_messages() {
    let (mut alice, mut bob, shared) = alice_and_bob();
    permit(&mut alice, 9, "bob", 0x400);
    objects(&mut bob);
    create_message(&mut alice, shared, 4).unwrap();
    save(&mut alice, 4, KEEP).unwrap();
    assert_eq!(objects(&mut bob), [(MODIFIED, shared, None)], "as PidTagContentCount of the folder shows");
}
