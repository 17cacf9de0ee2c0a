//! What the tests of the store share: a store in a temporary folder with one mailbox.

use mapi::property::{PropTag, PropertyValue};
use store::{
    Change, ContentEdit, Folder, FolderKind, Mailbox, MailboxKind, NewFolder, NewMailbox, NewMessage,
    ObjectId, Properties, Store,
};
use tempfile::TempDir;
use wire::{FileTime, Guid};

/// `PidTagSubject`.
pub(crate) const SUBJECT: PropTag = PropTag(0x0037_001F);
/// `PidTagAttachDataBinary`.
pub(crate) const DATA: PropTag = PropTag(0x3701_0102);
/// The time of the first change.
pub(crate) const NOW: FileTime = FileTime(133_000_000_000_000_000);

/// A store with the mailbox of alice, its root folder and the folder Inbox.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) mailbox: Mailbox,
    pub(crate) root: Folder,
    pub(crate) inbox: Folder,
    /// Deletes the file when it is dropped.
    _folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let (mailbox, root, inbox) = store.write(NOW, |change| create_mailbox(change, "alice", 1)).unwrap();
        Self { store, mailbox, root, inbox, _folder: folder }
    }

    /// Fails if the store is not intact.
    pub(crate) fn verify(&self) {
        assert_eq!(self.store.verify().unwrap(), []);
    }
}

pub(crate) fn create_mailbox(
    change: &Change<'_>,
    owner: &str,
    number: u8,
) -> store::Result<(Mailbox, Folder, Folder)> {
    let mailbox = change.create_mailbox(&NewMailbox {
        guid: Guid::from_le([number; 16]),
        replica: Guid::from_le([!number; 16]),
        kind: MailboxKind::Private,
        owner: owner.to_owned(),
    })?;
    let root = change.create_folder(mailbox.id, &folder("Root", None, FolderKind::Root))?;
    let inbox = change.create_folder(mailbox.id, &folder("Inbox", Some(root.id), FolderKind::Generic))?;
    Ok((mailbox, root, inbox))
}

pub(crate) fn folder(name: &str, parent: Option<ObjectId>, kind: FolderKind) -> NewFolder {
    NewFolder { id: None, parent, kind, name: name.to_owned(), properties: Properties::new() }
}

pub(crate) fn subject(text: &str) -> ContentEdit {
    ContentEdit { set: Properties::from([(SUBJECT, PropertyValue::from(text))]), ..ContentEdit::default() }
}

pub(crate) fn message(text: &str) -> NewMessage {
    NewMessage { content: subject(text), ..NewMessage::default() }
}
