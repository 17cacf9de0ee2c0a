//! The messages that search folders show ([MS-OXCFOLD] 3.2.5.4). A search is evaluated when its results are read, so
//! that they are always complete; only a static search keeps what it has found.

use std::collections::BTreeSet;

use mapi::property::{Layout, Restriction};
use store::{FolderKind, Message, MessageFilter, ObjectId, Properties, Search, View};
use wire::{FileTime, Reader};

use crate::codepage::CodePage;
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER, READ_ANY};
use crate::values::matched::MatchedMessage;
use crate::values::restriction::Filter;

/// The restriction of a search; `None` if it shows all messages.
pub(crate) fn restriction(search: &Search) -> store::Result<Option<Restriction>> {
    if search.restriction.is_empty() {
        return Ok(None);
    }
    Ok(Some(Restriction::read(&mut Reader::new(&search.restriction), Layout::Rop)?))
}

/// The folders that are searched, of those that exist and that the user may read. Search folders are not searched.
fn scope(view: &View<'_>, logon: &Logon, search: &Search) -> store::Result<BTreeSet<ObjectId>> {
    let mailbox = logon.mailbox.id;
    let mut scope = BTreeSet::new();
    for top in &search.folders {
        let tree = if search.recursive { view.folder_tree(mailbox, *top, false)? } else { vec![(*top, 0)] };
        for (id, _) in tree {
            if scope.contains(&id) || !may_read(view, logon, id)? {
                continue;
            }
            scope.insert(id);
        }
    }
    Ok(scope)
}

/// Whether messages of a folder are shown to the user.
fn may_read(view: &View<'_>, logon: &Logon, id: ObjectId) -> store::Result<bool> {
    match view.folder(logon.mailbox.id, id) {
        Ok(folder) if folder.deleted || folder.kind == FolderKind::Search => Ok(false),
        Ok(_) => Ok(logon.rights(view, id)? & (READ_ANY | OWNER) != 0),
        Err(store::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A time that changes if the messages that a search folder shows do.
pub(crate) fn state(view: &View<'_>, logon: &Logon, folder: ObjectId) -> store::Result<FileTime> {
    let mailbox = logon.mailbox.id;
    let mut last = view.folder(mailbox, folder)?.contents_changed;
    let Some(search) = view.search(mailbox, folder)? else { return Ok(last) };
    for id in scope(view, logon, &search)? {
        let folder = view.folder(mailbox, id)?;
        last = FileTime(last.0.max(folder.contents_changed.0).max(folder.hierarchy_changed.0));
    }
    Ok(last)
}

/// Calls `visit` with each message that a search folder shows to the user, and with its properties without the large
/// ones.
///
/// # Errors
/// Those of `visit`; `ecTooComplex` if the restriction would be evaluated on too many messages.
pub(crate) fn for_each_hit(
    view: &View<'_>,
    logon: &Logon,
    folder: ObjectId,
    mut visit: impl FnMut(Message, Properties) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mailbox = logon.mailbox.id;
    let Some(search) = view.search(mailbox, folder)? else { return Ok(()) };
    if let Some(hits) = &search.hits {
        for id in hits {
            let message = match view.message(mailbox, *id) {
                Ok(message) => message,
                Err(store::Error::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            if !message.deleted && may_read(view, logon, message.folder)? {
                let properties = view.content(message.content)?.properties;
                visit(message, properties)?;
            }
        }
        return Ok(());
    }
    let restriction = restriction(&search)?;
    let code_page = CodePage::new(search.code_page).unwrap_or(CodePage::UTF8);
    let mut filter = Filter::new(restriction.as_ref(), code_page);
    for id in scope(view, logon, &search)? {
        let mut result = Ok(());
        view.for_each_message(mailbox, id, MessageFilter::default(), |message, properties| {
            if result.is_ok() {
                let object = MatchedMessage::new(view, &logon.mailbox, &message, &properties);
                result = match filter.admits(&object) {
                    Ok(true) => visit(message, properties),
                    Ok(false) => Ok(()),
                    Err(code) => Err(code.into()),
                };
            }
            Ok(())
        })?;
        result?;
    }
    Ok(())
}

/// How many messages a search folder shows to the user, and how many of them were not read.
///
/// # Errors
/// As [`for_each_hit`].
pub(crate) fn count(view: &View<'_>, logon: &Logon, folder: ObjectId) -> Result<(u32, u32), Refusal> {
    let (mut all, mut unread) = (0_u32, 0_u32);
    for_each_hit(view, logon, folder, |message, _| {
        all = all.saturating_add(1);
        unread = unread.saturating_add(u32::from(!message.read));
        Ok(())
    })?;
    Ok((all, unread))
}
