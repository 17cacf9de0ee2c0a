//! Tests of search folders.

use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::property::{FuzzyLevel, PropTag, PropType, PropertyValue, Restriction, TaggedValue};
use mapi::rop::folder::{
    EmptyFolderRequest, FolderType, RopGetSearchCriteriaRequest, RopGetSearchCriteriaResponse,
    RopSetSearchCriteriaRequest, SearchRequestFlags as Flags, SearchResponseFlags,
};
use mapi::rop::notification::{NotificationTypes, RopRegisterNotificationRequest, WantWholeStore};
use mapi::rop::shared::Sized16;
use mapi::rop::{Bool, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody};

use super::Caller;
use super::folders::{create, create_of, permit};
use super::mail::{LOGON, Mail, text};
use super::messages::{INBOX, KEEP, delete, message, save, transfer};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const NOT_SEARCH_FOLDER: ErrorCode = ErrorCode(0x461);
const NOT_INITIALIZED: ErrorCode = ErrorCode(0x8004_0605);
const SEARCH_FOLDER: ErrorCode = ErrorCode(0x460);
const DEEP: Flags = Flags::RECURSIVE_SEARCH;

/// Creates a search folder in the folder at `parent`.
fn create_search(mail: &mut Mail, parent: u8, name: &str, output: u8) -> Result<FolderId, ErrorCode> {
    create_of(mail, parent, name, output, FolderType::SEARCH)
}

/// That the subject begins with "tea".
fn tea() -> Restriction {
    let fuzzy_level = FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE;
    Restriction::Content { fuzzy_level, tag: SUBJECT, value: text(SUBJECT, "tea") }
}

fn search(
    mail: &mut Mail,
    folder: u8,
    restriction: Option<Restriction>,
    folders: &[FolderId],
    search_flags: Flags,
) -> Result<(), ErrorCode> {
    let restriction_data = restriction.map(Sized16::new).unwrap_or_default();
    let folder_ids = List16(folders.to_vec());
    let request = RopSetSearchCriteriaRequest { restriction_data, folder_ids, search_flags };
    mail.rop(folder, RequestBody::RopSetSearchCriteria(request)).map(drop)
}

fn criteria(mail: &mut Mail, folder: u8, with: u8) -> Result<RopGetSearchCriteriaResponse, ErrorCode> {
    let request = RopGetSearchCriteriaRequest {
        use_unicode: Bool::TRUE,
        include_restriction: Bool(with),
        include_folders: Bool(with),
    };
    match mail.rop(folder, RequestBody::RopGetSearchCriteria(request))? {
        ResponseBody::RopGetSearchCriteria(criteria) => Ok(criteria),
        other => panic!("{other:?}"),
    }
}

/// Saves a message in a folder.
fn put(mail: &mut Mail, folder: FolderId, subject: &str) {
    super::messages::create(mail, folder, 14).unwrap();
    mail.set(14, vec![text(SUBJECT, subject)]).unwrap();
    save(mail, 14, KEEP).unwrap();
}

fn subjects(mail: &mut Mail, folder: u8) -> Vec<String> {
    mail.open_table(folder, true, 15).unwrap();
    let mut subjects = mail.texts(15, SUBJECT);
    subjects.sort();
    subjects
}

/// alice's mailbox, with a subfolder (at 2) of her inbox (at 1), the search folder at 3, and messages in both folders.
fn mailbox(caller: &Caller) -> (Mail, FolderId, FolderId) {
    let mut mail = Mail::open(caller, "alice", "alice").unwrap();
    let inbox = mail.special(INBOX);
    mail.open_folder(inbox, 1).unwrap();
    let below = create(&mut mail, 1, "Below", 2).unwrap();
    mail.open_folder(mail.special(10), 4).unwrap();
    let found = create_search(&mut mail, 4, "Tea", 3).unwrap();
    put(&mut mail, inbox, "Tea at five");
    put(&mut mail, inbox, "Coffee");
    put(&mut mail, below, "tea below");
    (mail, below, found)
}

#[test]
fn a_search_folder_shows_the_messages_that_match() {
    let (mut mail, below, _) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    assert_eq!(subjects(&mut mail, 3), Vec::<String>::new(), "without criteria");
    search(&mut mail, 3, Some(tea()), &[inbox], Flags::NONE).unwrap();
    assert_eq!(subjects(&mut mail, 3), ["Tea at five"]);
    search(&mut mail, 3, None, &[], DEEP).unwrap();
    assert_eq!(subjects(&mut mail, 3), ["Tea at five", "tea below"], "with the criteria before");
    assert_eq!(mail.get(3, PropTag::PidTagContentCount), Ok(PropertyValue::Integer32(2)));
    assert_eq!(mail.get(3, PropTag::PidTagFolderType), Ok(PropertyValue::Integer32(2)));
    // The results are updated, also in a table that is open.
    mail.open_table(3, true, 5).unwrap();
    mail.texts(5, SUBJECT);
    put(&mut mail, below, "Tea again");
    put(&mut mail, below, "water");
    assert_eq!(mail.rows(5, &[SUBJECT], 9).unwrap().len(), 1);
    let id = message(&mut mail, "Tea, deleted", 6);
    assert_eq!(subjects(&mut mail, 3).len(), 4);
    delete(&mut mail, &[id]);
    assert_eq!(subjects(&mut mail, 3), ["Tea again", "Tea at five", "tea below"]);
    search(&mut mail, 3, Some(Restriction::Exist { tag: SUBJECT }), &[below], Flags::RESTART_SEARCH).unwrap();
    assert_eq!(subjects(&mut mail, 3), ["Tea again", "tea below", "water"]);
    let state = mail.rop(LOGON, RequestBody::RopGetStoreState(Empty));
    assert_eq!(state, Err(ErrorCode::MAPI_E_NOT_IMPLEMENTED), "as in Exchange since 2010");
}

#[test]
fn criteria_have_eight_bit_texts_for_clients_without_unicode() {
    let (mut mail, _, _) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    search(&mut mail, 3, Some(Restriction::Not(Box::new(tea()))), &[inbox], DEEP).unwrap();
    let unicode = criteria(&mut mail, 3, 1).unwrap().restriction_data.value;
    assert_eq!(unicode.as_deref(), Some(&Restriction::Not(Box::new(tea()))));
    let request = RopGetSearchCriteriaRequest {
        use_unicode: Bool::FALSE,
        include_restriction: Bool::TRUE,
        include_folders: Bool::FALSE,
    };
    let criteria = match mail.rop(3, RequestBody::RopGetSearchCriteria(request)).unwrap() {
        ResponseBody::RopGetSearchCriteria(criteria) => criteria,
        other => panic!("{other:?}"),
    };
    let tag = SUBJECT.with_type(PropType::PtypString8);
    let value = TaggedValue::new(tag, PropertyValue::String8(b"tea".to_vec()));
    let fuzzy_level = FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE;
    let inner = Restriction::Content { fuzzy_level, tag, value };
    assert_eq!(criteria.restriction_data.value.as_deref(), Some(&Restriction::Not(Box::new(inner))));
}

#[test]
fn a_static_search_keeps_what_it_has_found() {
    let (mut mail, _, _) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    let id = message(&mut mail, "Tea, deleted", 6);
    search(&mut mail, 3, Some(tea()), &[inbox], DEEP | Flags::STATIC_SEARCH).unwrap();
    put(&mut mail, inbox, "Tea, later");
    delete(&mut mail, &[id]);
    assert_eq!(subjects(&mut mail, 3), ["Tea at five", "tea below"]);
    let flags = criteria(&mut mail, 3, 0).unwrap().search_flags;
    assert!(flags.contains(SearchResponseFlags::SEARCH_STATIC | SearchResponseFlags::SEARCH_RECURSIVE));
    search(&mut mail, 3, None, &[], DEEP | Flags::STATIC_SEARCH | Flags::RESTART_SEARCH).unwrap();
    assert_eq!(subjects(&mut mail, 3), ["Tea at five", "Tea, later", "tea below"]);
}

#[test]
fn criteria_are_checked_and_returned() {
    let (mut mail, _, found) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    assert_eq!(criteria(&mut mail, 3, 1), Err(NOT_INITIALIZED));
    assert_eq!(criteria(&mut mail, 1, 1), Err(NOT_SEARCH_FOLDER));
    assert_eq!(criteria(&mut mail, LOGON, 1), Err(ErrorCode::MAPI_E_NO_SUPPORT));
    let many: Restriction = Restriction::Or((0..2000).map(|_| Restriction::Exist { tag: SUBJECT }).collect());
    for (index, folders, flags, restriction, code) in [
        (1, &[inbox][..], DEEP, tea(), NOT_SEARCH_FOLDER),
        (3, &[], DEEP, tea(), NOT_INITIALIZED),
        (3, &[found], DEEP, tea(), ErrorCode::EC_SEARCH_FOLDER_SCOPE_VIOLATION),
        (3, &[FolderId(7)], DEEP, tea(), ErrorCode::MAPI_E_NOT_FOUND),
        (3, &[inbox], Flags(0x80), tea(), ErrorCode::MAPI_E_INVALID_PARAMETER),
        (3, &[inbox], DEEP | Flags::SHALLOW_SEARCH, tea(), ErrorCode::MAPI_E_INVALID_PARAMETER),
        (3, &[inbox], DEEP, many, ErrorCode::MAPI_E_TOO_COMPLEX),
    ] {
        assert_eq!(search(&mut mail, index, Some(restriction), folders, flags), Err(code));
    }
    search(&mut mail, 3, Some(tea()), &[inbox], DEEP | Flags(0x10)).expect("a search in the foreground");
    let all = criteria(&mut mail, 3, 1).unwrap();
    assert_eq!(all.restriction_data.value.as_deref(), Some(&tea()));
    assert_eq!(all.folder_ids.0, [inbox]);
    let none = criteria(&mut mail, 3, 0).unwrap();
    assert_eq!((none.restriction_data.value, none.folder_ids.0), (None, vec![]));
    let is_running = |mail: &mut Mail| {
        criteria(mail, 3, 0).unwrap().search_flags.contains(SearchResponseFlags::SEARCH_RUNNING)
    };
    assert!(is_running(&mut mail));
    search(&mut mail, 3, Some(Restriction::Exist { tag: SUBJECT }), &[], Flags::STOP_SEARCH).unwrap();
    assert!(!is_running(&mut mail));
    put(&mut mail, inbox, "Tea after the stop");
    assert_eq!(subjects(&mut mail, 3).len(), 3, "the results are still updated, with the criteria before");
    search(&mut mail, 3, None, &[], DEEP).unwrap();
    assert!(is_running(&mut mail), "it was restarted");
    assert_eq!(
        (0..99).position(|number| create_search(&mut mail, 4, &number.to_string(), 9).is_err()),
        Some(49)
    );
}

#[test]
fn nothing_is_put_into_a_search_folder() {
    let (mut mail, below, found) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    search(&mut mail, 3, Some(tea()), &[inbox], DEEP).unwrap();
    super::messages::create(&mut mail, found, 9).unwrap();
    assert_eq!(save(&mut mail, 9, KEEP), Err(SEARCH_FOLDER));
    let id = message(&mut mail, "x", 9);
    for copy in [0, 1] {
        assert_eq!(transfer(&mut mail, &[id], copy, 3), Err(SEARCH_FOLDER));
    }
    assert_eq!(create(&mut mail, 3, "Child", 9), Err(SEARCH_FOLDER));
    let request = EmptyFolderRequest { want_asynchronous: Bool::FALSE, want_delete_associated: Bool::FALSE };
    let emptied = mail.rop(3, RequestBody::RopEmptyFolder(request));
    assert_eq!(emptied, Err(ErrorCode::MAPI_E_NO_SUPPORT));
    mail.open_folder(below, 2).unwrap();
    assert_eq!(subjects(&mut mail, 2), ["tea below"]);
}

#[test]
fn a_search_shows_others_only_what_they_may_read() {
    let caller = Caller::new();
    let (mut alice, below, found) = mailbox(&caller);
    let inbox = alice.special(INBOX);
    search(&mut alice, 3, Some(tea()), &[inbox], DEEP).unwrap();
    permit(&mut alice, 3, "bob", 0x401);
    permit(&mut alice, 2, "bob", 0x401);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(found, 3).unwrap();
    assert_eq!(subjects(&mut bob, 3), ["tea below"], "the inbox is hidden");
    assert_eq!(bob.get(3, PropTag::PidTagContentCount), Ok(PropertyValue::Integer32(1)));
    assert_eq!(search(&mut bob, 3, Some(tea()), &[below], DEEP), Err(ErrorCode::MAPI_E_NO_ACCESS));
    search(&mut alice, 3, None, &[], DEEP | Flags::STATIC_SEARCH).unwrap();
    assert_eq!(subjects(&mut bob, 3), ["tea below"]);
    // Who owns the search folder searches only what is visible.
    permit(&mut alice, 3, "bob", 0x5fb);
    assert_eq!(search(&mut bob, 3, Some(tea()), &[inbox], DEEP), Err(ErrorCode::MAPI_E_NOT_FOUND));
}

#[test]
fn a_client_is_notified_when_a_search_completes_and_when_its_results_change() {
    let (mut mail, below, found) = mailbox(&Caller::new());
    let request = RopRegisterNotificationRequest {
        output_handle_index: OutputHandleIndex(7),
        notification_types: NotificationTypes::SEARCH_COMPLETE,
        reserved: None,
        want_whole_store: WantWholeStore(1),
        scope: None,
    };
    mail.rop(LOGON, RequestBody::RopRegisterNotification(request)).unwrap();
    let inbox = mail.special(INBOX);
    search(&mut mail, 3, Some(tea()), &[inbox], DEEP).unwrap();
    let events = format!("{:?}", mail.poll());
    let (completed, folder) = ("NotificationFlags(0x80)", format!("folder_id: {found:?}"));
    assert!(events.contains(completed) && events.contains(&folder), "{events}");
    mail.open_table(3, true, 8).unwrap();
    mail.texts(8, SUBJECT);
    put(&mut mail, below, "Tea again");
    let events = format!("{:?}", mail.poll());
    assert!(events.contains("TableRowAdded") && !events.contains(completed), "{events}");
}

#[test]
fn a_message_is_moved_out_of_its_folder_by_a_search_folder() {
    let (mut mail, below, found) = mailbox(&Caller::new());
    let inbox = mail.special(INBOX);
    search(&mut mail, 3, Some(tea()), &[inbox], DEEP).unwrap();
    let (tea, water) = (message(&mut mail, "Tea to move", 6), message(&mut mail, "Water", 6));
    mail.open_folder(below, 2).unwrap();
    mail.open_folder(found, 1).unwrap();
    assert_eq!(transfer(&mut mail, &[tea], 0, 2), Ok(false));
    assert_eq!(subjects(&mut mail, 2), ["Tea to move", "tea below"]);
    assert_eq!(transfer(&mut mail, &[water], 0, 2), Ok(true), "which the folder does not show");
}
