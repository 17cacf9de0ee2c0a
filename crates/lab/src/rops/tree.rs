//! ROPs on a folder with everything in it: emptying, moving and copying ([MS-OXCFOLD] 3.2.5.7 to 3.2.5.10).

use mapi::ErrorCode;
use mapi::data::Text;
use mapi::rop::folder::{
    EmptyFolderRequest, MoveCompletion, PartialCompletion, RopCopyFolderRequest, RopMoveFolderRequest,
};
use mapi::rop::{Bool, ResponseBody};
use store::{Change, FolderKind, MessageFilter, ObjectId};

use super::context::Context;
use super::folder::{NAME_MAX, text, visible};
use super::outcome::{Outcome, done};
use crate::mailbox::{ROOT, SPECIAL_MAX, special};
use crate::quota;
use crate::refusal::Refusal;
use crate::session::logon::{CREATE, CREATE_SUBFOLDER, DELETE_ANY, DELETE_OWN, Logon, OWNER, READ_ANY};

/// The most folders that one ROP copies; tests copy fewer.
const FOLDERS_MAX: u32 = if cfg!(test) { 100 } else { 1000 };
/// The most messages that one ROP copies, and the most bytes of them.
const MESSAGES_MAX: u32 = 10_000;
const BYTES_MAX: u64 = 256 << 20;

/// What one ROP may copy at most.
#[derive(Debug)]
pub(super) struct CopyBudget {
    folders: u32,
    messages: u32,
    bytes: u64,
}

impl Default for CopyBudget {
    fn default() -> Self {
        Self { folders: FOLDERS_MAX, messages: MESSAGES_MAX, bytes: BYTES_MAX }
    }
}

impl CopyBudget {
    /// Takes a message of `bytes` bytes from what may be copied.
    ///
    /// # Errors
    /// `OutOfResources` if nothing more may be copied.
    pub(super) fn take_message(&mut self, bytes: u64) -> Result<(), Refusal> {
        let left = self.messages.checked_sub(1).zip(self.bytes.checked_sub(bytes));
        (self.messages, self.bytes) = left.ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)?;
        Ok(())
    }

    fn take_folder(&mut self) -> Result<(), Refusal> {
        self.folders = self.folders.checked_sub(1).ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)?;
        Ok(())
    }
}

/// A logon to a mailbox that is changed.
#[derive(Clone, Copy)]
pub(super) struct Editor<'a> {
    pub(super) change: &'a Change<'a>,
    pub(super) logon: &'a Logon,
}

const fn completion(is_complete: bool) -> Bool {
    if is_complete { Bool::FALSE } else { Bool::TRUE }
}

/// `RopEmptyFolder` and `RopHardDeleteMessagesAndSubfolders` ([MS-OXCFOLD] 3.2.5.9, 3.2.5.10).
pub(super) fn empty(
    context: &Context<'_>,
    request: &EmptyFolderRequest,
    soft: bool,
    body: fn(PartialCompletion) -> ResponseBody,
) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    if folder == special(ROOT) {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    let is_complete = backend.write(backend.now(), |change| {
        visible(change, &logon, folder, false)?;
        if change.folder(logon.mailbox.id, folder)?.kind == FolderKind::Search {
            return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
        }
        logon.require(change, folder, DELETE_OWN | DELETE_ANY | OWNER)?;
        Editor { change, logon: &logon }.empty(folder, soft, request.want_delete_associated.is_true())
    })?;
    done(body(PartialCompletion { partial_completion: completion(is_complete) }))
}

/// `RopMoveFolder` ([MS-OXCFOLD] 3.2.5.7), within one mailbox.
pub(super) fn move_folder(context: &Context<'_>, request: &RopMoveFolderRequest) -> Outcome {
    let ((logon, parent), backend) = (context.folder()?, context.backend());
    let target = context.destination_folder(&logon)?;
    let (mailbox, id) = (logon.mailbox.id, ObjectId::from(request.folder_id));
    let name = new_name(context, &request.new_folder_name)?;
    let is_complete = backend.write(backend.now(), |change| {
        let editor = Editor { change, logon: &logon };
        editor.require_child(parent, id)?;
        logon.require(change, id, OWNER)?;
        logon.require(change, target, CREATE_SUBFOLDER | OWNER)?;
        // A folder is moved with everything below it, or stays.
        let owns_all = editor.owns_all(id)?;
        if owns_all {
            change.move_folder(mailbox, id, target, &name)?;
        }
        Ok::<_, Refusal>(owns_all)
    })?;
    let partial_completion = completion(is_complete);
    done(ResponseBody::RopMoveFolder(MoveCompletion { dest_handle_index: None, partial_completion }))
}

/// `RopCopyFolder` ([MS-OXCFOLD] 3.2.5.8), within one mailbox. The copies have the permissions of their parents.
pub(super) fn copy_folder(context: &Context<'_>, request: &RopCopyFolderRequest) -> Outcome {
    let ((logon, parent), backend) = (context.folder()?, context.backend());
    let target = context.destination_folder(&logon)?;
    let id = ObjectId::from(request.folder_id);
    let name = new_name(context, &request.new_folder_name)?;
    let is_complete = quota::write(&backend, &logon.mailbox, backend.now(), |change| {
        let editor = Editor { change, logon: &logon };
        editor.require_child(parent, id)?;
        logon.require(change, id, READ_ANY | OWNER)?;
        logon.require(change, target, CREATE_SUBFOLDER | OWNER)?;
        editor.require_outside(id, target)?;
        editor.copy((id, target), &name, request.want_recursive.is_true(), &mut CopyBudget::default())
    })?;
    let partial_completion = completion(is_complete);
    done(ResponseBody::RopCopyFolder(MoveCompletion { dest_handle_index: None, partial_completion }))
}

/// The name that a folder gets.
fn new_name(context: &Context<'_>, name: &Text) -> Result<String, Refusal> {
    let name = text(name, context.session.code_page);
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    Ok(name)
}

impl Editor<'_> {
    /// Succeeds if `id` is in `parent`, the user may see it, and it may be moved.
    fn require_child(&self, parent: ObjectId, id: ObjectId) -> Result<(), Refusal> {
        visible(self.change, self.logon, id, false)?;
        if self.change.folder(self.logon.mailbox.id, id)?.parent != Some(parent) {
            return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
        }
        if id <= SPECIAL_MAX {
            return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
        }
        Ok(())
    }

    /// Whether the user owns `top` and all folders below it.
    fn owns_all(&self, top: ObjectId) -> Result<bool, Refusal> {
        for (below, _) in self.change.folder_tree(self.logon.mailbox.id, top, false)? {
            if self.logon.rights(self.change, below)? & OWNER == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Succeeds if `target` is not `top` or below it.
    ///
    /// # Errors
    /// `FolderCycle`.
    pub(super) fn require_outside(&self, top: ObjectId, target: ObjectId) -> Result<(), Refusal> {
        let tree = self.change.folder_tree(self.logon.mailbox.id, top, true)?;
        if tree.iter().any(|(below, _)| *below == target) {
            return Err(store::Error::Cycle.into());
        }
        Ok(())
    }

    /// Deletes the messages and subfolders of a folder. Returns whether all of them were deleted: special folders stay,
    /// and those that the user may not delete.
    fn empty(&self, folder: ObjectId, soft: bool, with_associated: bool) -> Result<bool, Refusal> {
        let (change, mailbox) = (self.change, self.logon.mailbox.id);
        let deletes_all = self.logon.rights(change, folder)? & (DELETE_ANY | OWNER) != 0;
        let mut is_complete = true;
        for associated in [false, true] {
            if associated && !with_associated {
                continue;
            }
            for message in change.messages(mailbox, folder, MessageFilter { associated, deleted: false })? {
                is_complete &= deletes_all;
                if deletes_all {
                    change.delete_message(mailbox, message.id, soft)?;
                }
            }
        }
        for subfolder in change.subfolders(mailbox, folder, false)? {
            if subfolder.id > SPECIAL_MAX && self.owns_all(subfolder.id)? {
                change.delete_folder(mailbox, subfolder.id, soft)?;
            } else {
                is_complete = false;
            }
        }
        Ok(is_complete)
    }

    /// Copies the folder `from` into the folder `target`, with the name `name`. Returns whether everything was copied:
    /// subfolders that the user may not read are not.
    fn copy(
        &self,
        (from, target): (ObjectId, ObjectId),
        name: &str,
        recursive: bool,
        budget: &mut CopyBudget,
    ) -> Result<bool, Refusal> {
        let (change, mailbox) = (self.change, self.logon.mailbox.id);
        budget.take_folder()?;
        let copy = change.copy_folder(mailbox, from, target, name)?;
        for permission in change.permissions(mailbox, target)? {
            change.set_permission(mailbox, copy.id, &permission.member, permission.rights)?;
        }
        for associated in [false, true] {
            self.copy_messages((from, copy.id), associated, budget)?;
        }
        if recursive { self.copy_subfolders((from, copy.id), budget) } else { Ok(true) }
    }

    /// Copies the messages of one folder to another: associated ones, or those that are not.
    pub(super) fn copy_messages(
        &self,
        (from, to): (ObjectId, ObjectId),
        associated: bool,
        budget: &mut CopyBudget,
    ) -> Result<(), Refusal> {
        let (change, mailbox) = (self.change, self.logon.mailbox.id);
        for message in change.messages(mailbox, from, MessageFilter { associated, deleted: false })? {
            budget.take_message(message.size)?;
            change.copy_message(mailbox, message.id, mailbox, to)?;
        }
        Ok(())
    }

    /// Copies the subfolders of one folder to another. Returns whether everything was copied.
    pub(super) fn copy_subfolders(
        &self,
        (from, to): (ObjectId, ObjectId),
        budget: &mut CopyBudget,
    ) -> Result<bool, Refusal> {
        let mut is_complete = true;
        for subfolder in self.change.subfolders(self.logon.mailbox.id, from, false)? {
            let may_read = self.logon.rights(self.change, subfolder.id)? & (READ_ANY | OWNER) != 0;
            is_complete &= may_read && self.copy((subfolder.id, to), &subfolder.name, true, budget)?;
        }
        Ok(is_complete)
    }

    /// Succeeds if the user may add messages to `folder`.
    pub(super) fn require_create(&self, folder: ObjectId) -> Result<(), Refusal> {
        self.logon.require(self.change, folder, CREATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_of_messages_and_of_their_bytes() {
        let mut budget = CopyBudget::default();
        assert!((0..MESSAGES_MAX).all(|_| budget.take_message(0).is_ok()));
        assert!(budget.take_message(0).is_err());
        let mut budget = CopyBudget::default();
        assert_eq!(budget.take_message(BYTES_MAX), Ok(()));
        assert_eq!(budget.take_message(1), Err(Refusal(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)));
        assert_eq!(budget.take_message(0), Ok(()), "what does not fit is not counted");
    }
}
