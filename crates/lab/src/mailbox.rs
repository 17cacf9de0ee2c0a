//! Mailboxes: their special folders, and their creation when they are first opened ([MS-OXCSTOR] 2.2.1.1.3,
//! [MS-OXOSFLD] 2.2).

use mapi::property::{PropTag, PropertyValue};
use store::{Change, FolderKind, Mailbox, MailboxKind, Member, NewFolder, NewMailbox, ObjectId, Properties};
use wire::{FileTime, Guid};

use crate::backend::Backend;
use crate::directory::Entry;
use crate::refusal::Refusal;
use crate::values::entry_id::folder_entry_id;

/// The time at which all mailboxes are created: 1 January 2024, noon.
pub(crate) const CREATED: FileTime = FileTime(133_485_840_000_000_000);
/// How many ids are reserved for special folders, so that each has the same id in all mailboxes.
pub(crate) const RESERVED: u32 = 0x100;
/// The same as the last of these ids.
const RESERVED_IDS: u64 = 0x100;

/// The special folders that a logon returns, in its order ([MS-OXCSTOR] 2.2.1.1.3), and after these those of
/// [MS-OXOSFLD] 2.2.1.
const FOLDERS: [Special; 19] = [
    Special::new("", None, ""),
    Special::new("Deferred Action", Some(ROOT), ""),
    Special::new("Spooler Queue", Some(ROOT), ""),
    Special::new("Top of Information Store", Some(ROOT), ""),
    Special::new("Inbox", Some(IPM_SUBTREE), "IPF.Note"),
    Special::new("Outbox", Some(IPM_SUBTREE), "IPF.Note"),
    Special::new("Sent Items", Some(IPM_SUBTREE), "IPF.Note"),
    Special::new("Deleted Items", Some(IPM_SUBTREE), "IPF.Note"),
    Special::new("Common Views", Some(ROOT), ""),
    Special::new("Schedule", Some(ROOT), ""),
    Special::new("Finder", Some(ROOT), ""),
    Special::new("Views", Some(ROOT), ""),
    Special::new("Shortcuts", Some(ROOT), ""),
    Special::new("Calendar", Some(IPM_SUBTREE), "IPF.Appointment"),
    Special::new("Contacts", Some(IPM_SUBTREE), "IPF.Contact"),
    Special::new("Drafts", Some(IPM_SUBTREE), "IPF.Note"),
    Special::new("Journal", Some(IPM_SUBTREE), "IPF.Journal"),
    Special::new("Notes", Some(IPM_SUBTREE), "IPF.StickyNote"),
    Special::new("Tasks", Some(IPM_SUBTREE), "IPF.Task"),
];

/// The properties of the root and the inbox that name special folders ([MS-OXOSFLD] 2.2.3).
const NAMED: [(PropTag, u64); 6] = [
    (PropTag::PidTagIpmAppointmentEntryId, 13),
    (PropTag::PidTagIpmContactEntryId, 14),
    (PropTag::PidTagIpmDraftsEntryId, 15),
    (PropTag::PidTagIpmJournalEntryId, 16),
    (PropTag::PidTagIpmNoteEntryId, 17),
    (PropTag::PidTagIpmTaskEntryId, 18),
];

/// The place of the root in [`FOLDERS`]; so are the following.
pub(crate) const ROOT: u64 = 0;
const IPM_SUBTREE: u64 = 3;
/// The folder of deferred actions ([MS-OXORULE] 2.2.6).
pub(crate) const DEFERRED_ACTION: u64 = 1;
pub(crate) const INBOX: u64 = 4;
pub(crate) const OUTBOX: u64 = 5;
pub(crate) const CALENDAR: u64 = 13;

/// `FreeBusySimple`: to see when the owner of a calendar is busy ([MS-OXCPERM] 2.2.7).
const FREE_BUSY_SIMPLE: u32 = 0x800;

/// A folder that each mailbox has, or a special public folder.
pub(crate) struct Special {
    name: &'static str,
    parent: Option<u64>,
    class: &'static str,
}

impl Special {
    pub(crate) const fn new(name: &'static str, parent: Option<u64>, class: &'static str) -> Self {
        Self { name, parent, class }
    }
}

/// The last id that special folders may have. Clients cannot delete these folders.
pub(crate) const SPECIAL_MAX: ObjectId = ObjectId::own(RESERVED_IDS);

/// The id of a special folder by its place in [`FOLDERS`]. Ids begin at 1.
pub(crate) const fn special(place: u64) -> ObjectId {
    ObjectId::own(place.saturating_add(1))
}

impl Backend {
    /// The mailbox of the person `entry`, which is created if it does not exist.
    pub(crate) fn mailbox_of(&self, entry: &Entry) -> Result<Mailbox, Refusal> {
        if let Some(mailbox) = self.read(|view| view.mailbox_of(&entry.alias))? {
            return Ok(mailbox);
        }
        let created = self.write(CREATED, |change| mailbox_within(change, entry));
        Ok(created?)
    }
}

/// The mailbox of the person `entry`, which is created within `change` if it does not exist.
pub(crate) fn mailbox_within(change: &Change<'_>, entry: &Entry) -> store::Result<Mailbox> {
    match change.mailbox_of(&entry.alias)? {
        Some(mailbox) => Ok(mailbox),
        None => create(change, entry),
    }
}

fn create(change: &Change<'_>, entry: &Entry) -> store::Result<Mailbox> {
    let replica = Guid { data1: !entry.guid.data1, ..entry.guid };
    let mailbox = change.create_mailbox(&NewMailbox {
        guid: entry.guid,
        replica,
        kind: MailboxKind::Private,
        owner: entry.alias.clone(),
    })?;
    change.reserve_ids(mailbox.id, RESERVED)?;
    for (place, folder) in (0..).zip(&FOLDERS) {
        let mut properties = Properties::new();
        if !folder.class.is_empty() {
            properties.set(PropTag::PidTagContainerClass, PropertyValue::from(folder.class));
        }
        if matches!(place, ROOT | INBOX) {
            for (tag, named) in NAMED {
                let id = folder_entry_id(&mailbox, special(named));
                properties.set(tag, PropertyValue::Binary(id));
            }
        }
        create_special(change, &mailbox, place, folder, properties)?;
        let default = if place == CALENDAR { FREE_BUSY_SIMPLE } else { 0 };
        change.set_permission(mailbox.id, special(place), &Member::Default, default)?;
        change.set_permission(mailbox.id, special(place), &Member::Anonymous, 0)?;
    }
    for (class, folder) in [("", INBOX), ("IPM", INBOX), ("REPORT.IPM", INBOX), ("IPC", ROOT)] {
        change.set_receive_folder(mailbox.id, class, Some(special(folder)))?;
    }
    Ok(mailbox)
}

/// Creates the special folder with the place `place`.
pub(crate) fn create_special(
    change: &Change<'_>,
    mailbox: &Mailbox,
    place: u64,
    folder: &Special,
    properties: Properties,
) -> store::Result<()> {
    let new = NewFolder {
        id: Some(special(place)),
        parent: folder.parent.map(special),
        kind: if place == ROOT { FolderKind::Root } else { FolderKind::Generic },
        name: folder.name.to_owned(),
        properties,
    };
    change.create_folder(mailbox.id, &new).map(drop)
}
