//! Folders ([MS-OXCFOLD] 3.2.5).

use mapi::ErrorCode;
use mapi::data::Text;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::{
    DeleteFolderFlags, FolderTableRequest, FolderTableResponse, FolderType, OpenModeFlags, PartialCompletion,
    RopCreateFolderRequest, RopCreateFolderResponse, RopDeleteFolderRequest, RopOpenFolderRequest,
    RopOpenFolderResponse, TableFlags,
};
use mapi::rop::{Bool, ResponseBody};
use store::{Change, FolderKind, MailboxId, Member, MessageFilter, NewFolder, ObjectId, Properties, View};

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use super::rows::refresh;
use crate::codepage::CodePage;
use crate::mailbox::SPECIAL_MAX;
use crate::refusal::Refusal;
use crate::session::logon::{ALL, CREATE_SUBFOLDER, Logon, OWNER, READ_ANY};
use crate::session::table::{Notified, Source, Table};
use crate::session::{Object, Opened};

/// The most search folders of a mailbox.
const SEARCH_FOLDERS_MAX: u32 = 50;
/// The longest name of a folder, in characters.
pub(super) const NAME_MAX: usize = 255;

pub(super) fn text(text: &Text, code_page: CodePage) -> String {
    match text {
        Text::String8(bytes) => code_page.decode(bytes),
        Text::Unicode(text) => text.to_string_lossy(),
    }
}

/// Succeeds if the user may see the folder, and it is soft-deleted or not, as `deleted` requires. Another folder does
/// not exist for the user ([MS-OXCFOLD] 3.2.5.1).
pub(super) fn visible(view: &View<'_>, logon: &Logon, id: ObjectId, deleted: bool) -> Result<(), Refusal> {
    let folder = view.folder(logon.mailbox.id, id)?;
    if folder.deleted != deleted || logon.rights(view, id)? == 0 {
        return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
    }
    Ok(())
}

/// `RopOpenFolder` ([MS-OXCFOLD] 3.2.5.1).
pub(super) fn open(context: &Context<'_>, request: &RopOpenFolderRequest) -> Outcome {
    let logon = match context.opened()? {
        Opened { logon, object: Object::Logon | Object::Folder(_) } => logon.clone(),
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let id = ObjectId::from(request.folder_id);
    let deleted = request.open_mode_flags.contains(OpenModeFlags::OPEN_SOFT_DELETED);
    let has_rules = context.backend().read(|view| {
        let found = visible(view, &logon, id, false);
        if deleted { found.or_else(|_| visible(view, &logon, id, true)) } else { found }?;
        Ok::<_, Refusal>(view.has_rules(logon.mailbox.id, id)?)
    })?;
    let has_rules = Bool(u8::from(has_rules));
    let response = RopOpenFolderResponse { has_rules, is_ghosted: Bool::FALSE, servers: None };
    Ok(Success::opened(ResponseBody::RopOpenFolder(response), &logon, Object::Folder(id)))
}

/// `RopCreateFolder` ([MS-OXCFOLD] 3.2.5.2).
pub(super) fn create(context: &Context<'_>, request: &RopCreateFolderRequest) -> Outcome {
    let (logon, parent) = context.folder()?;
    let kind = match request.folder_type {
        FolderType::GENERIC => FolderKind::Generic,
        FolderType::SEARCH => FolderKind::Search,
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    if kind == FolderKind::Search && logon.is_public() {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    let code_page = context.session.code_page;
    let name = text(&request.display_name, code_page);
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let mut properties = Properties::new();
    let comment = text(&request.comment, code_page);
    if !comment.is_empty() {
        properties.set(PropTag::PidTagComment, PropertyValue::from(comment.as_str()));
    }
    let (backend, mailbox) = (context.backend(), logon.mailbox.id);
    let id = backend.write(backend.now(), |change| {
        logon.require(change, parent, CREATE_SUBFOLDER | OWNER)?;
        if let Some(existing) = change.folder_by_name(mailbox, parent, &name)? {
            if !request.open_existing.is_true() {
                return Err(ErrorCode::MAPI_E_COLLISION.into());
            }
            return visible(change, &logon, existing.id, false).map(|()| existing.id);
        }
        if kind == FolderKind::Search && change.count_search_folders(mailbox)? >= SEARCH_FOLDERS_MAX {
            return Err(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES.into());
        }
        let new = NewFolder { id: None, parent: Some(parent), kind, name, properties };
        let folder = change.create_folder(mailbox, &new)?;
        copy_permissions(change, mailbox, parent, folder.id)?;
        // Who creates a public folder owns it.
        if logon.is_public() && logon.rights(change, folder.id)? & OWNER == 0 {
            change.set_permission(mailbox, folder.id, &Member::User(logon.user.clone()), ALL)?;
        }
        Ok::<_, Refusal>(folder.id)
    })?;
    let response = RopCreateFolderResponse {
        folder_id: id.folder_id(),
        is_existing_folder: Bool::FALSE, // In a private mailbox always ([MS-OXCFOLD] 2.2.1.2.2).
        existing: None,
    };
    Ok(Success::opened(ResponseBody::RopCreateFolder(response), &logon, Object::Folder(id)))
}

/// Gives a new folder the permissions of its parent.
pub(super) fn copy_permissions(
    change: &Change<'_>,
    mailbox: MailboxId,
    parent: ObjectId,
    folder: ObjectId,
) -> store::Result<()> {
    for permission in change.permissions(mailbox, parent)? {
        change.set_permission(mailbox, folder, &permission.member, permission.rights)?;
    }
    Ok(())
}

/// `RopDeleteFolder` ([MS-OXCFOLD] 3.2.5.3). Unknown flags are ignored, as by Exchange 2010 and later.
pub(super) fn delete(context: &Context<'_>, request: &RopDeleteFolderRequest) -> Outcome {
    let ((logon, parent), flags) = (context.folder()?, request.delete_folder_flags);
    let (backend, mailbox) = (context.backend(), logon.mailbox.id);
    let id = ObjectId::from(request.folder_id);
    let is_deleted = backend.write(backend.now(), |change| {
        visible(change, &logon, id, false)?;
        if change.folder(mailbox, id)?.parent != Some(parent) {
            return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
        }
        logon.require(change, id, OWNER)?;
        if id <= SPECIAL_MAX {
            return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
        }
        let tree = change.folder_tree(mailbox, id, false)?;
        for (below, _) in &tree {
            if logon.rights(change, *below)? & OWNER == 0 {
                return Ok(false);
            }
        }
        let filter = |associated| MessageFilter { associated, deleted: false };
        let messages = change.count_messages(mailbox, id, filter(false))?.0 > 0
            || change.count_messages(mailbox, id, filter(true))?.0 > 0;
        if (messages && !flags.contains(DeleteFolderFlags::DEL_MESSAGES))
            || (tree.len() > 1 && !flags.contains(DeleteFolderFlags::DEL_FOLDERS))
        {
            return Ok(false);
        }
        let soft = !flags.contains(DeleteFolderFlags::DELETE_HARD_DELETE);
        change.delete_folder(mailbox, id, soft)?;
        Ok::<_, Refusal>(true)
    })?;
    let partial_completion = if is_deleted { Bool::FALSE } else { Bool::TRUE };
    done(ResponseBody::RopDeleteFolder(PartialCompletion { partial_completion }))
}

const fn notified(flags: TableFlags) -> Notified {
    if flags.contains(TableFlags::NO_NOTIFICATIONS) { Notified::Never } else { Notified::WhenRead }
}

/// `RopGetHierarchyTable` ([MS-OXCFOLD] 3.2.5.13).
pub(super) fn hierarchy_table(context: &Context<'_>, request: &FolderTableRequest) -> Outcome {
    let ((logon, folder), flags) = (context.folder()?, request.table_flags);
    let depth = flags.contains(TableFlags::DEPTH);
    let deleted = flags.contains(TableFlags::SOFT_DELETES);
    let source = Source::Hierarchy { folder, depth, deleted };
    let mut table = Table::new(source, notified(flags));
    refresh(&context.backend(), &logon, &mut table, context.session.code_page)?;
    let row_count = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    let body = ResponseBody::RopGetHierarchyTable(FolderTableResponse { row_count });
    Ok(Success::opened(body, &logon, Object::Table(Box::new(table))))
}

/// `RopGetContentsTable` ([MS-OXCFOLD] 3.2.5.14).
pub(super) fn contents_table(context: &Context<'_>, request: &FolderTableRequest) -> Outcome {
    let ((logon, folder), flags) = (context.folder()?, request.table_flags);
    // Messages of a public folder are in one table, which the client restricts to a conversation.
    if flags.contains(TableFlags::CONVERSATION_MEMBERS) && !logon.is_public() {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    let kind = context.backend().read(|view| {
        logon.require(view, folder, READ_ANY | OWNER)?;
        Ok::<_, Refusal>(view.folder(logon.mailbox.id, folder)?.kind)
    })?;
    let filter = MessageFilter {
        associated: flags.contains(TableFlags::ASSOCIATED),
        deleted: flags.contains(TableFlags::SOFT_DELETES),
    };
    let is_search = kind == FolderKind::Search && filter == MessageFilter::default();
    let source = Source::Contents { folder, filter, is_search };
    let mut table = Table::new(source, notified(flags));
    refresh(&context.backend(), &logon, &mut table, context.session.code_page)?;
    let row_count = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    let body = ResponseBody::RopGetContentsTable(FolderTableResponse { row_count });
    Ok(Success::opened(body, &logon, Object::Table(Box::new(table))))
}
