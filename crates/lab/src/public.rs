//! The public folders: a mailbox of its own without an owner, which is created when it is first opened
//! ([MS-OXCSTOR] 2.2.1.1.4).

use mapi::rop::logon::FolderIds;
use store::{Change, FolderKind, Mailbox, MailboxKind, Member, NewFolder, NewMailbox, Properties};
use wire::Guid;

use crate::backend::Backend;
use crate::config::LabConfig;
use crate::mailbox::{CREATED, RESERVED, ROOT, Special, create_special, special};
use crate::refusal::Refusal;
use crate::session::logon::{ALL, CREATE, CREATE_SUBFOLDER, DELETE_OWN, EDIT_OWN, READ_ANY, VISIBLE};

/// The name by which the store knows the mailbox. No alias has a slash.
const OWNER: &str = "/public";

/// The special folders that a logon returns, in its order ([MS-OXCSTOR] 2.2.1.1.4). The last three have no folder.
const FOLDERS: [Special; 10] = [
    Special::new("", None, ""),
    Special::new("IPM_SUBTREE", Some(ROOT), ""),
    Special::new("NON_IPM_SUBTREE", Some(ROOT), ""),
    Special::new("EFORMS REGISTRY", Some(NON_IPM_SUBTREE), ""),
    Special::new("SCHEDULE+ FREE BUSY", Some(NON_IPM_SUBTREE), ""),
    Special::new("OFFLINE ADDRESS BOOK", Some(NON_IPM_SUBTREE), ""),
    Special::new("Local forms", Some(3), ""),
    Special::new("Local free/busy data", Some(4), ""),
    Special::new("Local offline address book", Some(5), ""),
    Special::new("NNTP Article Index", Some(NON_IPM_SUBTREE), ""),
];

const IPM_SUBTREE: u64 = 1;
const NON_IPM_SUBTREE: u64 = 2;

/// The rights of people who are not listed on the folder of the topmost public folders: those of an author, and to
/// create subfolders.
const DEFAULT: u32 = READ_ANY | CREATE | EDIT_OWN | DELETE_OWN | CREATE_SUBFOLDER | VISIBLE;

impl Backend {
    /// The public folders, which are created if they do not exist.
    pub(crate) fn public_folders(&self) -> Result<Mailbox, Refusal> {
        if let Some(mailbox) = self.read(|view| view.mailbox_of(OWNER))? {
            return Ok(mailbox);
        }
        Ok(self.write(CREATED, |change| match change.mailbox_of(OWNER)? {
            Some(mailbox) => Ok(mailbox),
            None => create(change, &self.config),
        })?)
    }
}

/// The folders that a logon to the public folders returns.
pub(crate) fn folder_ids() -> FolderIds {
    let mut ids = FolderIds::default();
    for (id, (place, _)) in ids.iter_mut().zip((0..).zip(&FOLDERS)) {
        *id = special(place).folder_id().0;
    }
    ids
}

fn create(change: &Change<'_>, config: &LabConfig) -> store::Result<Mailbox> {
    let seed = config.seed.to_be_bytes();
    let guid = Guid { data1: 0x7075_626c, data2: 0x6963, data3: 0x4000, data4: seed };
    let mailbox = change.create_mailbox(&NewMailbox {
        guid,
        replica: Guid { data1: !guid.data1, ..guid },
        kind: MailboxKind::Public,
        owner: OWNER.to_owned(),
    })?;
    change.reserve_ids(mailbox.id, RESERVED)?;
    for (place, folder) in (0..).zip(&FOLDERS) {
        create_special(change, &mailbox, place, folder, Properties::new())?;
        let default = if place == IPM_SUBTREE { DEFAULT } else { READ_ANY | VISIBLE };
        let permissions = [(Member::Default, default), (Member::Anonymous, 0)];
        let owners = config.public_folder_owners.iter().map(|owner| (Member::User(owner.clone()), ALL));
        for (member, rights) in permissions.into_iter().chain(owners) {
            change.set_permission(mailbox.id, special(place), &member, rights)?;
        }
    }
    for name in &config.public_folders {
        let parent = special(IPM_SUBTREE);
        let kind = FolderKind::Generic;
        let properties = Properties::new();
        let new = NewFolder { id: None, parent: Some(parent), kind, name: name.clone(), properties };
        let folder = change.create_folder(mailbox.id, &new)?;
        for permission in change.permissions(mailbox.id, parent)? {
            change.set_permission(mailbox.id, folder.id, &permission.member, permission.rights)?;
        }
    }
    Ok(mailbox)
}
