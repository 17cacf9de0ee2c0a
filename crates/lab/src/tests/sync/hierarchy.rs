//! Downloads of the changes of folders.

use mapi::fast_transfer::{Property, Value};
use mapi::property::PropTag;
use mapi::rop::folder::DeleteFolderFlags;

use super::client::{State, Sync, bytes, download};
use crate::tests::folders::{create, delete};
use crate::tests::mail::text;
use crate::tests::messages::alice;

const NAME: PropTag = PropTag::PidTagDisplayName;

#[test]
fn each_version_of_a_folder_is_downloaded_once_and_after_its_parent() {
    let mut mail = alice();
    let top = create(&mut mail, 1, "Top", 2).unwrap();
    let below = create(&mut mail, 2, "Below", 3).unwrap();
    let hierarchy = Sync::hierarchy();
    let first = download(&mut mail, 1, &hierarchy, &State::default()).unwrap();
    assert_eq!(first.texts(NAME), ["Top", "Below"]);
    let changes = first.changes();
    assert!(bytes(changes[0].get(PropTag::PidTagParentSourceKey).unwrap()).is_empty());
    let source = bytes(changes[0].get(PropTag::PidTagSourceKey).unwrap());
    assert_eq!(bytes(changes[1].get(PropTag::PidTagParentSourceKey).unwrap()), source);
    let id = |at: usize, tag| changes[at].get(tag).map(|found: &Property<'_>| found.value.clone());
    assert_eq!(id(1, PropTag::PidTagFolderId), Some(Value::Integer64(below.0.cast_signed())));
    assert_eq!(id(1, PropTag::PidTagParentFolderId), Some(Value::Integer64(top.0.cast_signed())));
    let again = download(&mut mail, 1, &hierarchy, &first.state).unwrap();
    assert_eq!(again.tree.groups().count(), 2, "the state and the end: {}", again.tree);

    mail.set(2, vec![text(NAME, "Renamed")]).unwrap();
    let flags = DeleteFolderFlags::DEL_MESSAGES;
    assert_eq!(delete(&mut mail, 2, below, flags), Ok(true));
    create(&mut mail, 1, "New", 3).unwrap();
    let second = download(&mut mail, 1, &hierarchy, &first.state).unwrap();
    assert_eq!(second.texts(NAME), ["Renamed", "New"]);
    let deleted = second.ids(PropTag::MetaTagIdsetDeleted);
    assert!(deleted.contains_folder(below) && deleted.len() == 1);
    assert_eq!(second.state.set(PropTag::MetaTagIdsetGiven).len(), 2);
}

#[test]
fn a_client_selects_the_properties_of_folders() {
    let mut mail = alice();
    create(&mut mail, 1, "Top", 2).unwrap();
    mail.set(2, vec![text(PropTag::PidTagComment, "Tea"), text(PropTag::PidTagContainerClass, "IPF.Note")])
        .unwrap();
    let sync = Sync { tags: vec![PropTag::PidTagComment, PropTag::PidTagRights], ..Sync::hierarchy() };
    let found = download(&mut mail, 1, &sync, &State::default()).unwrap();
    let changes = found.changes();
    let has = |tag| changes[0].get(tag).is_some();
    assert!(!has(PropTag::PidTagComment) && !has(PropTag::PidTagRights));
    assert!(has(PropTag::PidTagContainerClass) && has(PropTag::PidTagCreationTime) && has(NAME));
}
