//! What users synchronize in the mailboxes of others: only what tables show them.
//!
//! A user who may see one folder of a mailbox can log on to it and open folders. These tests are what such a user
//! could try: to download messages without the right to read them, to learn of folders or their names, to go on with
//! a download after the right was withdrawn, or to learn from a state what was deleted.

use mapi::ErrorCode;
use mapi::property::PropTag;

use super::client::{DOWNLOAD, State, Sync, configure, download, get_buffer};
use crate::tests::Caller;
use crate::tests::folders::{create, permit};
use crate::tests::mail::Mail;
use crate::tests::messages::{INBOX, KEEP, create as create_message, save};

const NAME: PropTag = PropTag::PidTagDisplayName;
/// `ReadAny` and `FolderVisible` ([MS-OXCPERM] 2.2.7).
const READ: i32 = 0x401;
const VISIBLE: i32 = 0x400;

/// alice, in whose inbox bob may see Shared (at 9) and nothing of Secret (at 10); bob, who has opened the inbox at 1
/// and Shared at 2.
fn alice_and_bob() -> (Mail, Mail) {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    permit(&mut alice, 1, "bob", VISIBLE);
    let shared = create(&mut alice, 1, "Shared", 9).unwrap();
    permit(&mut alice, 9, "bob", READ);
    create(&mut alice, 1, "Secret", 10).unwrap();
    permit(&mut alice, 10, "bob", 0);
    for _ in 0..100 {
        create_message(&mut alice, shared, 4).unwrap();
        save(&mut alice, 4, KEEP).unwrap();
    }
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    bob.open_folder(shared, 2).unwrap();
    (alice, bob)
}

#[test]
fn messages_are_downloaded_only_by_users_who_may_read_them() {
    let (mut alice, mut bob) = alice_and_bob();
    assert_eq!(configure(&mut bob, 1, &Sync::contents()), Err(ErrorCode::MAPI_E_NO_ACCESS));
    let found = download(&mut bob, 2, &Sync::contents(), &State::default()).unwrap();
    assert_eq!(found.changes().len(), 100);
    configure(&mut bob, 2, &Sync::contents()).unwrap();
    get_buffer(&mut bob, DOWNLOAD, 15_480, 0).unwrap();
    permit(&mut alice, 9, "bob", VISIBLE);
    let refused = get_buffer(&mut bob, DOWNLOAD, 15_480, 0);
    assert_eq!(refused.err(), Some(ErrorCode::MAPI_E_NO_ACCESS), "the right was withdrawn");
    permit(&mut alice, 9, "bob", READ);
    assert_eq!(get_buffer(&mut bob, DOWNLOAD, 15_480, 0).err(), Some(ErrorCode::MAPI_E_NO_ACCESS));
}

#[test]
fn folders_that_a_user_may_not_see_do_not_exist_in_downloads() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = download(&mut bob, 1, &Sync::hierarchy(), &State::default()).unwrap();
    assert_eq!(first.texts(NAME), ["Shared"]);
    assert_eq!(first.state.set(PropTag::MetaTagIdsetGiven).len(), 1);
    permit(&mut alice, 10, "bob", VISIBLE);
    let second = download(&mut bob, 1, &Sync::hierarchy(), &first.state).unwrap();
    assert_eq!(second.texts(NAME), ["Secret"], "it is visible now, although it was not changed");
    permit(&mut alice, 10, "bob", 0);
    let third = download(&mut bob, 1, &Sync::hierarchy(), &second.state).unwrap();
    assert_eq!((third.changes().len(), third.ids(PropTag::MetaTagIdsetDeleted).len()), (0, 1));
    permit(&mut alice, 10, "bob", VISIBLE);
    let fourth = download(&mut bob, 1, &Sync::hierarchy(), &third.state).unwrap();
    assert_eq!(fourth.texts(NAME), ["Secret"]);

    configure(&mut bob, 1, &Sync::hierarchy()).unwrap();
    permit(&mut alice, 10, "bob", 0);
    permit(&mut alice, 1, "bob", 0);
    assert_eq!(configure(&mut bob, 1, &Sync::hierarchy()), Err(ErrorCode::MAPI_E_NOT_FOUND));
}
