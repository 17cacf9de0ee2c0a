//! Copying properties and contents from one folder to another ([MS-OXCPRPT] 3.2.5.7, 3.2.5.8).

use mapi::ErrorCode;
use mapi::data::PropertyProblem;
use mapi::property::PropTag;
use store::ObjectId;

use super::context::Context;
use super::outcome::problem;
use super::property::check_folder;
use super::selection::Selection;
use super::tree::{CopyBudget, Editor};
use crate::quota;
use crate::refusal::Refusal;
use crate::session::logon::{CREATE_SUBFOLDER, OWNER, READ_ANY};
use crate::values::folder::KNOWN;

/// Copies properties of the folder `from` to the folder `to`, and what is in it if that is selected. The change is made
/// at once, or not at all.
pub(super) fn copy(
    context: &Context<'_>,
    (from, to): (ObjectId, ObjectId),
    selection: &Selection<'_>,
    overwrites: bool,
) -> Result<Vec<PropertyProblem>, Refusal> {
    let (logon, backend) = (context.logon()?, context.backend());
    let mailbox = logon.mailbox.id;
    let mut problems = Vec::new();
    if let Selection::Only(tags) = selection {
        let computed = |tag: PropTag| KNOWN.iter().any(|known| known.is_same_property(tag));
        let computed = tags.iter().enumerate().filter(|(_, tag)| computed(**tag));
        problems.extend(computed.map(|(index, tag)| problem(index, *tag, ErrorCode::MAPI_E_COMPUTED)));
    }
    let is_complete = quota::write(&backend, &logon.mailbox, backend.now(), |change| {
        logon.require(change, from, READ_ANY | OWNER)?;
        logon.require(change, to, OWNER)?;
        let source = change.folder(mailbox, from)?;
        let destination = change.folder(mailbox, to)?;
        let mut properties = destination.properties.clone();
        for (tag, value) in source.properties.iter() {
            if selection.has(tag) && (overwrites || properties.get(tag).is_none()) {
                properties.set(tag, value.clone());
            }
        }
        check_folder(&properties)?;
        change.change_folder(mailbox, to, &destination.name, &properties)?;
        let editor = Editor { change, logon: &logon };
        let mut budget = CopyBudget::default();
        for (tag, associated) in
            [(PropTag::PidTagContainerContents, false), (PropTag::PidTagFolderAssociatedContents, true)]
        {
            if selection.has_nested(tag) {
                editor.require_create(to)?;
                editor.require_outside(from, to)?;
                editor.copy_messages((from, to), associated, &mut budget)?;
            }
        }
        if !selection.has_nested(PropTag::PidTagContainerHierarchy) {
            return Ok(true);
        }
        logon.require(change, to, CREATE_SUBFOLDER | OWNER)?;
        editor.require_outside(from, to)?;
        editor.copy_subfolders((from, to), &mut budget)
    })?;
    if !is_complete {
        problems.push(problem(0, PropTag::PidTagContainerHierarchy, ErrorCode::MAPI_E_NO_ACCESS));
    }
    Ok(problems)
}
