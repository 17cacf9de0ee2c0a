//! Folders and messages that are copied as a stream ([MS-OXCFXICS] 2.2.4.3.6 to 2.2.4.3.15).

use mapi::fast_transfer::{Marker, Value};
use mapi::property::{PropTag, PropertyValue};
use store::{Folder, MessageFilter, ObjectId};

use super::content::{Reading, replaced};
use super::element::{binary, marker, plain};
use super::step::{ContentStep, Step};
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER, READ_ANY, VISIBLE};

/// The rights to read the messages of a folder.
const READ: u32 = READ_ANY | OWNER;

/// A message, if it still exists and the user may read it.
pub(crate) fn message(
    reading: &Reading<'_>,
    logon: &Logon,
    id: ObjectId,
    with_ids: bool,
) -> Result<Vec<Step>, Refusal> {
    let message = match reading.view.message(logon.mailbox.id, id) {
        Ok(message) if !message.deleted => message,
        Ok(_) | Err(store::Error::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    logon.require(reading.view, message.folder, READ)?;
    let begin = if message.associated { Marker::StartFAIMsg } else { Marker::StartMessage };
    let mut header = marker(begin);
    if with_ids {
        header.extend(plain(PropTag::PidTagMid, Value::Integer64(id.message_id().0.cast_signed()))?);
        header.extend(plain(PropTag::PidTagLastModificationTime, Value::Time(message.modified))?);
        header.extend(binary(PropTag::PidTagChangeKey, message.change_key)?);
        header.extend(binary(PropTag::PidTagPredecessorChangeList, message.predecessors)?);
    }
    let content = ContentStep {
        content: message.content,
        read: message.read,
        associated: message.associated,
        created: None,
        is_filtered: false,
    };
    let end = Step::Bytes(marker(Marker::EndMessage));
    Ok(vec![Step::Bytes(header), Step::Content(content), end])
}

/// A folder, if the user may see it.
pub(crate) fn folder(
    reading: &Reading<'_>,
    logon: &Logon,
    id: ObjectId,
    (is_top, is_deep): (bool, bool),
) -> Result<Vec<Step>, Refusal> {
    let folder = match reading.view.folder(logon.mailbox.id, id) {
        Ok(folder) if !folder.deleted => folder,
        Ok(_) | Err(store::Error::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if logon.rights(reading.view, id)? & (READ | VISIBLE) == 0 {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    if is_top {
        steps.push(Step::Bytes(marker(Marker::StartTopFld)));
    } else {
        let id = Value::Integer64(id.folder_id().0.cast_signed());
        steps.push(Step::Bytes([marker(Marker::StartSubFld), plain(PropTag::PidTagFolderId, id)?].concat()));
    }
    folder_properties(reading, &mut steps, &folder, &|_| true)?;
    for associated in [true, false] {
        steps.extend(messages(reading, logon, id, (associated, true))?);
    }
    if is_deep {
        steps.extend(subfolders(reading, logon, id)?);
    }
    steps.push(Step::Bytes(marker(Marker::EndFolder)));
    Ok(steps)
}

/// The properties of a folder that `admits` selects.
fn folder_properties(
    reading: &Reading<'_>,
    steps: &mut Vec<Step>,
    folder: &Folder,
    admits: &dyn Fn(PropTag) -> bool,
) -> store::Result<()> {
    let name = PropertyValue::from(folder.name.as_str());
    let comment = folder.properties.get(PropTag::PidTagComment).cloned();
    let comment = comment.unwrap_or_else(|| PropertyValue::from(""));
    // They have fixed places ([MS-OXCFXICS] 2.2.4.3.6).
    for (tag, value) in [(PropTag::PidTagDisplayName, &name), (PropTag::PidTagComment, &comment)] {
        if admits(tag) {
            steps.extend(reading.step(tag, value)?);
        }
    }
    for (tag, value) in folder.properties.iter() {
        if admits(tag) && !tag.is_same_property(PropTag::PidTagComment) {
            steps.extend(reading.step(tag, value)?);
        }
    }
    Ok(())
}

/// The messages of a folder, if the user may read them.
fn messages(
    reading: &Reading<'_>,
    logon: &Logon,
    folder: ObjectId,
    (associated, with_ids): (bool, bool),
) -> store::Result<Vec<Step>> {
    if logon.rights(reading.view, folder)? & READ == 0 {
        return Ok(Vec::new());
    }
    let filter = MessageFilter { associated, deleted: false };
    let messages = reading.view.messages(logon.mailbox.id, folder, filter)?;
    Ok(messages.into_iter().map(|message| Step::Message { id: message.id, with_ids }).collect())
}

fn subfolders(reading: &Reading<'_>, logon: &Logon, folder: ObjectId) -> store::Result<Vec<Step>> {
    let folders = reading.view.subfolders(logon.mailbox.id, folder, false)?;
    Ok(folders
        .into_iter()
        .map(|folder| Step::Folder { id: folder.id, is_top: false, is_deep: true })
        .collect())
}

/// The content of a folder that is copied into another one: its properties, messages and subfolders, as far as
/// `admits` selects them ([MS-OXCFXICS] 2.2.4.3.6).
pub(crate) fn folder_content(
    reading: &Reading<'_>,
    logon: &Logon,
    folder: &Folder,
    admits: &dyn Fn(PropTag) -> bool,
) -> store::Result<Vec<Step>> {
    let mut steps = Vec::new();
    folder_properties(reading, &mut steps, folder, admits)?;
    for (tag, associated) in
        [(PropTag::PidTagFolderAssociatedContents, true), (PropTag::PidTagContainerContents, false)]
    {
        if admits(tag) {
            steps.push(replaced(tag)?);
            steps.extend(messages(reading, logon, folder.id, (associated, false))?);
        }
    }
    if admits(PropTag::PidTagContainerHierarchy) {
        steps.push(replaced(PropTag::PidTagContainerHierarchy)?);
        steps.extend(subfolders(reading, logon, folder.id)?);
    }
    Ok(steps)
}
