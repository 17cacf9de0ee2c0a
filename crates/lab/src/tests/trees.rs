//! Tests of ROPs on a folder with everything in it.

use mapi::ErrorCode;
use mapi::data::{FolderId, Text};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::{
    DeleteFolderFlags, EmptyFolderRequest, MoveCompletion, RopCopyFolderRequest, RopMoveFolderRequest,
};
use mapi::rop::{Bool, DestHandleIndex, RequestBody, ResponseBody};

use super::Caller;
use super::folders::{create, delete as delete_folder, permit};
use super::mail::{Mail, text};
use super::messages::{INBOX, KEEP, alice, message, save};

const NAME: PropTag = PropTag::PidTagDisplayName;
const SUBJECT: PropTag = PropTag::PidTagSubject;
/// Rights ([MS-OXCPERM] 2.2.7): all, and to read messages of a folder and see it.
const ALL: i32 = 0x5fb;
const READ: i32 = 0x401;
const DELETE_OWN: i32 = 0x10;

/// Saves a message in the folder `folder`.
fn put(mail: &mut Mail, folder: FolderId, subject: &str) {
    super::messages::create(mail, folder, 14).unwrap();
    mail.set(14, vec![text(SUBJECT, subject)]).unwrap();
    save(mail, 14, KEEP).unwrap();
}

fn empty(mail: &mut Mail, folder: u8, hard: bool, with_associated: bool) -> Result<bool, ErrorCode> {
    let request = EmptyFolderRequest {
        want_asynchronous: Bool::FALSE,
        want_delete_associated: Bool(u8::from(with_associated)),
    };
    let body = if hard {
        RequestBody::RopHardDeleteMessagesAndSubfolders(request)
    } else {
        RequestBody::RopEmptyFolder(request)
    };
    match mail.rop(folder, body)? {
        ResponseBody::RopEmptyFolder(done) | ResponseBody::RopHardDeleteMessagesAndSubfolders(done) => {
            Ok(!done.partial_completion.is_true())
        }
        other => panic!("{other:?}"),
    }
}

fn completed(response: ResponseBody) -> bool {
    match response {
        ResponseBody::RopMoveFolder(MoveCompletion { partial_completion, .. })
        | ResponseBody::RopCopyFolder(MoveCompletion { partial_completion, .. }) => {
            !partial_completion.is_true()
        }
        other => panic!("{other:?}"),
    }
}

/// Moves the folder `id` from the folder at `from` to that at `to`.
fn move_folder(mail: &mut Mail, from: u8, id: FolderId, to: u8, name: &str) -> Result<bool, ErrorCode> {
    let request = RopMoveFolderRequest {
        dest_handle_index: DestHandleIndex(to),
        want_asynchronous: Bool::FALSE,
        use_unicode: Bool::TRUE,
        folder_id: id,
        new_folder_name: Text::from(name),
    };
    mail.rop(from, RequestBody::RopMoveFolder(request)).map(completed)
}

fn copy(mail: &mut Mail, from: u8, id: FolderId, to: u8, name: &str, deep: bool) -> Result<bool, ErrorCode> {
    let request = RopCopyFolderRequest {
        dest_handle_index: DestHandleIndex(to),
        want_asynchronous: Bool::FALSE,
        want_recursive: Bool(u8::from(deep)),
        use_unicode: Bool::TRUE,
        folder_id: id,
        new_folder_name: Text::from(name),
    };
    mail.rop(from, RequestBody::RopCopyFolder(request)).map(completed)
}

/// The names of the subfolders of the folder at `folder`, or the subjects of its messages.
fn list(mail: &mut Mail, folder: u8, contents: bool) -> Vec<String> {
    mail.open_table(folder, contents, 15).unwrap();
    mail.texts(15, if contents { SUBJECT } else { NAME })
}

/// alice, with the folder Top (at 2) in her inbox (at 1), in it the folders Red and Blue, and a message in each.
fn trees() -> (Mail, [FolderId; 3]) {
    let mut mail = alice();
    let top = create(&mut mail, 1, "Top", 2).unwrap();
    let red = create(&mut mail, 2, "Red", 3).unwrap();
    let blue = create(&mut mail, 2, "Blue", 4).unwrap();
    for (folder, subject) in [(top, "in top"), (red, "in red"), (blue, "in blue")] {
        put(&mut mail, folder, subject);
    }
    (mail, [top, red, blue])
}

#[test]
fn an_emptied_folder_stays_without_messages_and_subfolders() {
    for hard in [false, true] {
        let (mut mail, [top, red, _]) = trees();
        assert_eq!(empty(&mut mail, 2, hard, false), Ok(true));
        assert_eq!(list(&mut mail, 2, true), Vec::<String>::new());
        assert_eq!(list(&mut mail, 2, false), Vec::<String>::new());
        assert_eq!(mail.open_folder(top, 5), Ok(()));
        assert_eq!(mail.open_folder(red, 5), Err(ErrorCode::MAPI_E_NOT_FOUND));
        let deleted = mapi::rop::folder::TableFlags::SOFT_DELETES;
        assert_eq!(mail.open_table_with(2, true, 6, deleted), Ok(u32::from(!hard)));
    }
    let (mut mail, _) = trees();
    mail.open_folder(mail.special(0), 5).unwrap();
    assert_eq!(empty(&mut mail, 5, false, false), Err(ErrorCode::MAPI_E_NO_SUPPORT), "the root");
    mail.open_folder(mail.special(3), 5).unwrap();
    assert_eq!(empty(&mut mail, 5, true, true), Ok(false), "special folders stay");
    assert_eq!(list(&mut mail, 5, false).len(), 10);
    assert_eq!(list(&mut mail, 1, true).len(), 0);
}

#[test]
fn associated_messages_are_deleted_only_if_the_client_wants_it() {
    let (mut mail, [top, ..]) = trees();
    let request = mapi::rop::message::RopCreateMessageRequest {
        output_handle_index: mapi::rop::OutputHandleIndex(14),
        code_page_id: 0x0fff,
        folder_id: top,
        associated_flag: Bool::TRUE,
    };
    mail.rop(0, RequestBody::RopCreateMessage(request)).unwrap();
    save(&mut mail, 14, KEEP).unwrap();
    let count = |mail: &mut Mail| mail.get(2, PropTag::PidTagAssociatedContentCount).unwrap();
    assert_eq!(empty(&mut mail, 2, false, false), Ok(true));
    assert_eq!(count(&mut mail), PropertyValue::Integer32(1));
    assert_eq!(empty(&mut mail, 2, false, true), Ok(true));
    assert_eq!(count(&mut mail), PropertyValue::Integer32(0));
}

#[test]
fn a_folder_is_moved_with_everything_in_it() {
    let (mut mail, [top, red, blue]) = trees();
    assert_eq!(move_folder(&mut mail, 2, red, 4, "Crimson"), Ok(true));
    assert_eq!(list(&mut mail, 2, false), ["Blue"]);
    assert_eq!(list(&mut mail, 4, false), ["Crimson"]);
    assert_eq!(list(&mut mail, 3, true), ["in red"], "the handle is that of the moved folder");
    let cycle = Err(ErrorCode(0x8004_060b));
    assert_eq!(move_folder(&mut mail, 1, top, 3, "x"), cycle, "into its own subfolder");
    assert_eq!(move_folder(&mut mail, 1, top, 2, "x"), cycle, "into itself");
    let not_found = Err(ErrorCode::MAPI_E_NOT_FOUND);
    assert_eq!(move_folder(&mut mail, 1, blue, 1, "x"), not_found, "it is in another folder");
    let special = mail.special(INBOX);
    mail.open_folder(mail.special(3), 5).unwrap();
    assert_eq!(move_folder(&mut mail, 5, special, 2, "x"), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(move_folder(&mut mail, 1, top, 13, "x"), Err(ErrorCode::EC_DST_NULL_OBJECT));
    assert_eq!(move_folder(&mut mail, 1, top, 0, "x"), Err(ErrorCode::MAPI_E_NO_SUPPORT), "to a logon");
    assert_eq!(move_folder(&mut mail, 4, red, 2, "blue"), Err(ErrorCode::MAPI_E_COLLISION));
    assert_eq!(move_folder(&mut mail, 4, red, 2, ""), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
}

#[test]
fn a_folder_is_copied_with_its_subfolders_if_the_client_wants_it() {
    let (mut mail, [top, ..]) = trees();
    assert_eq!(copy(&mut mail, 1, top, 1, "Flat", false), Ok(true));
    assert_eq!(copy(&mut mail, 1, top, 1, "Deep", true), Ok(true));
    assert_eq!(list(&mut mail, 1, false), ["Top", "Flat", "Deep"]);
    let open = |mail: &mut Mail, parent, name, output| {
        let id = create_existing(mail, parent, name, output);
        mail.open_folder(id, output).unwrap();
    };
    open(&mut mail, 1, "Flat", 5);
    assert_eq!(list(&mut mail, 5, true), ["in top"]);
    assert_eq!(list(&mut mail, 5, false), Vec::<String>::new());
    open(&mut mail, 1, "Deep", 5);
    assert_eq!(list(&mut mail, 5, true), ["in top"]);
    assert_eq!(list(&mut mail, 5, false), ["Red", "Blue"]);
    open(&mut mail, 5, "Red", 6);
    assert_eq!(list(&mut mail, 6, true), ["in red"]);
    assert_eq!(list(&mut mail, 3, true), ["in red"], "the original stays");
    for recursive in [false, true] {
        let cycle = Err(ErrorCode(0x8004_060b));
        assert_eq!(copy(&mut mail, 1, top, 3, "x", recursive), cycle, "into its own subfolder");
        assert_eq!(copy(&mut mail, 1, top, 2, "x", recursive), cycle, "into itself");
    }
}

/// The id of an existing subfolder.
fn create_existing(mail: &mut Mail, parent: u8, name: &str, output: u8) -> FolderId {
    let request = mapi::rop::folder::RopCreateFolderRequest {
        output_handle_index: mapi::rop::OutputHandleIndex(output),
        folder_type: mapi::rop::folder::FolderType::GENERIC,
        use_unicode_strings: Bool::TRUE,
        open_existing: Bool::TRUE,
        reserved: 0,
        display_name: Text::from(name),
        comment: Text::from(""),
    };
    match mail.rop(parent, RequestBody::RopCreateFolder(request)).unwrap() {
        ResponseBody::RopCreateFolder(folder) => folder.folder_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_copy_has_a_limited_number_of_folders() {
    let mut mail = alice();
    let top = create(&mut mail, 1, "0", 2).unwrap();
    for number in 0..30 {
        create(&mut mail, 2, &format!("{number}"), 3).unwrap();
    }
    // Each copy of the whole, put into the next, has more folders than both.
    assert_eq!(copy(&mut mail, 1, top, 1, "1", true), Ok(true));
    let mut results = Vec::new();
    for number in 1..20 {
        let id = create_existing(&mut mail, 1, &number.to_string(), 4);
        results.push(copy(&mut mail, 1, id, 2, &format!("copy {number}"), true));
        results.push(copy(&mut mail, 1, top, 1, &format!("{}", number + 1), true));
        if results.iter().any(Result::is_err) {
            break;
        }
    }
    assert_eq!(results.last(), Some(&Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)));
    assert!(results.len() < 20, "{results:?}");
}

#[test]
fn others_change_only_trees_that_they_own_and_copy_what_they_may_read() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let top = create(&mut alice, 1, "Top", 2).unwrap();
    let red = create(&mut alice, 2, "Red", 3).unwrap();
    let secret = create(&mut alice, 2, "Secret", 4).unwrap();
    put(&mut alice, secret, "secret");
    put(&mut alice, red, "in red");
    permit(&mut alice, 1, "bob", READ);
    permit(&mut alice, 2, "bob", ALL);
    permit(&mut alice, 3, "bob", READ);
    let own = create(&mut alice, 1, "Bob's", 5).unwrap();
    permit(&mut alice, 5, "bob", ALL);

    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    bob.open_folder(top, 2).unwrap();
    bob.open_folder(own, 5).unwrap();
    assert_eq!(move_folder(&mut bob, 1, top, 5, "x"), Ok(false), "Red is not bob's");
    let flags = DeleteFolderFlags::DEL_FOLDERS | DeleteFolderFlags::DEL_MESSAGES;
    assert_eq!(delete_folder(&mut bob, 1, top, flags), Ok(false), "for the same reason");
    assert_eq!(list(&mut alice, 2, false), ["Red", "Secret"]);
    assert_eq!(move_folder(&mut bob, 2, secret, 5, "x"), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(copy(&mut bob, 2, secret, 5, "x", true), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(copy(&mut bob, 1, top, 1, "x", true), Err(ErrorCode::MAPI_E_NO_ACCESS), "into alice's inbox");
    assert_eq!(copy(&mut bob, 1, top, 5, "Copy", true), Ok(false), "without Secret");
    let copied = create_existing(&mut bob, 5, "Copy", 6);
    bob.open_folder(copied, 6).unwrap();
    assert_eq!(list(&mut bob, 6, false), ["Red"]);
    assert_eq!(empty(&mut bob, 1, true, false), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(empty(&mut bob, 2, true, false), Ok(false), "neither subfolder is bob's");
    assert_eq!(list(&mut alice, 2, false), ["Red", "Secret"]);
    message(&mut alice, "kept", 7);
    permit(&mut alice, 1, "bob", READ | DELETE_OWN);
    assert_eq!(empty(&mut bob, 1, true, false), Ok(false), "the message is not bob's");
    assert_eq!(list(&mut alice, 1, true), ["kept"]);
}
