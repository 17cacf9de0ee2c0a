//! A logon to a mailbox, and what its user may do in each folder ([MS-OXCPERM] 2.2.7).

use mapi::ErrorCode;
use store::{Mailbox, MailboxKind, Member, ObjectId, Permission, View};

use crate::refusal::Refusal;

/// To read all messages.
pub(crate) const READ_ANY: u32 = 0x1;
/// To create messages.
pub(crate) const CREATE: u32 = 0x2;
/// To change messages that the user created.
pub(crate) const EDIT_OWN: u32 = 0x8;
/// To delete messages that the user created.
pub(crate) const DELETE_OWN: u32 = 0x10;
/// To change all messages.
pub(crate) const EDIT_ANY: u32 = 0x20;
/// To delete all messages.
pub(crate) const DELETE_ANY: u32 = 0x40;
/// To create subfolders.
pub(crate) const CREATE_SUBFOLDER: u32 = 0x80;
/// To change the folder and its permissions.
pub(crate) const OWNER: u32 = 0x100;
/// To see the folder in its parent.
pub(crate) const VISIBLE: u32 = 0x400;
/// All rights, which the owner of a mailbox has.
pub(crate) const ALL: u32 = 0x5fb;

/// A logon to a mailbox.
#[derive(Debug)]
pub(crate) struct Logon {
    pub(crate) mailbox: Mailbox,
    /// The alias of the person who logged on.
    pub(crate) user: String,
}

impl Logon {
    /// Whether the logon is to the public folders.
    pub(crate) fn is_public(&self) -> bool {
        self.mailbox.kind == MailboxKind::Public
    }

    /// Whether the user is the owner of the mailbox. The public folders have no owner.
    pub(crate) fn is_owner(&self) -> bool {
        self.user == self.mailbox.owner
    }

    /// The user's rights on a folder: those of the user, or else those of users who are not listed.
    pub(crate) fn rights(&self, view: &View<'_>, folder: ObjectId) -> store::Result<u32> {
        if self.is_owner() {
            return Ok(ALL);
        }
        Ok(self.rights_among(&view.permissions(self.mailbox.id, folder)?))
    }

    /// The user's rights on a folder with these permissions.
    pub(crate) fn rights_among(&self, permissions: &[Permission]) -> u32 {
        if self.is_owner() {
            return ALL;
        }
        let of = |member: &Member| permissions.iter().find(|permission| permission.member == *member);
        let listed = of(&Member::User(self.user.clone())).or_else(|| of(&Member::Default));
        listed.map_or(0, |permission| permission.rights)
    }

    /// Succeeds if the user has one of `rights` on a folder.
    ///
    /// # Errors
    /// `ecAccessDenied`.
    pub(crate) fn require(&self, view: &View<'_>, folder: ObjectId, rights: u32) -> Result<(), Refusal> {
        if self.rights(view, folder)? & rights == 0 {
            return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
        }
        Ok(())
    }

    /// Whether the user may see any folder of the mailbox.
    pub(crate) fn sees_any(&self, view: &View<'_>, root: ObjectId) -> store::Result<bool> {
        for (folder, _) in view.folder_tree(self.mailbox.id, root, false)? {
            if self.rights(view, folder)? & (READ_ANY | VISIBLE | OWNER) != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
