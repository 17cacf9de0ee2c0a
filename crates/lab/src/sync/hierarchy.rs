//! The changes of the folders below a folder ([MS-OXCFXICS] 3.2.5.3, 2.2.4.3.5).

use mapi::fast_transfer::{Marker, Value};
use mapi::idset::Globset;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::sync::{SynchronizationExtraFlags, SynchronizationFlags};
use store::{Folder, ObjectId, View};

use super::content::Reading;
use super::contents::{Plan, sets_element};
use super::element::{binary, marker, plain};
use super::state::{SyncState, contains, insert};
use super::step::Step;
use crate::session::logon::{Logon, OWNER, READ_ANY, VISIBLE};
use crate::values::folder::FolderValues;

/// Properties of a folder that are sent if the client selects them, beside those that are kept with the folder.
const COMPUTED: [PropTag; 4] =
    [PropTag::PidTagFolderType, PropTag::PidTagRights, PropTag::PidTagAccess, PropTag::PidTagCreationTime];

/// The rights to see a folder in a hierarchy table.
const SEE: u32 = READ_ANY | VISIBLE | OWNER;

/// Which changes of folders are downloaded.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    /// The folder whose subfolders are synchronized.
    pub(crate) folder: ObjectId,
    pub(crate) flags: SynchronizationFlags,
    pub(crate) extra: SynchronizationExtraFlags,
}

impl Hierarchy {
    /// Determines what a client with `state` does not have. Folders that the user may not see do not exist.
    pub(crate) fn plan(&self, view: &View<'_>, logon: &Logon, state: &SyncState) -> store::Result<Plan> {
        let (mut steps, mut given, mut seen) = (Vec::new(), Globset::default(), Globset::default());
        for (id, depth) in view.folder_tree(logon.mailbox.id, self.folder, false)? {
            if depth == 0 || !sees(view, logon, id)? {
                continue;
            }
            let change = view.folder(logon.mailbox.id, id)?.change;
            insert(&mut given, id);
            insert(&mut seen, change);
            if !contains(&state.given, id) || !contains(&state.seen, change) {
                steps.push(Step::FolderChange(id));
            }
        }
        let total = steps.len();
        if self.flags.contains(SynchronizationFlags::NO_DELETIONS) {
            given.union(&state.given);
        } else {
            let deleted = [(PropTag::MetaTagIdsetDeleted, state.given.difference(&given))];
            steps.extend(sets_element(Marker::IncrSyncDel, &deleted)?);
        }
        let after = SyncState { given, seen, ..SyncState::default() };
        steps.push(Step::Bytes(after.element(logon.mailbox.replica, false)?));
        steps.push(Step::Bytes(marker(Marker::IncrSyncEnd)));
        Ok(Plan { steps, state: after, total })
    }

    /// The change of a folder, if the user may still see it.
    pub(crate) fn change(
        &self,
        reading: &Reading<'_>,
        logon: &Logon,
        id: ObjectId,
    ) -> store::Result<Vec<Step>> {
        let view = reading.view;
        let folder = match view.folder(logon.mailbox.id, id) {
            Ok(folder) if !folder.deleted && sees(view, logon, id)? => folder,
            Ok(_) | Err(store::Error::NotFound(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut steps = vec![Step::Bytes(self.header(view, logon, &folder)?)];
        let name = PropertyValue::from(folder.name.as_str());
        steps.extend(reading.step(PropTag::PidTagDisplayName, &name)?);
        let values = FolderValues { view, logon, folder: &folder, depth: 0 };
        for tag in COMPUTED.into_iter().filter(|tag| reading.filter.admits(*tag)) {
            steps.extend(values.get(tag)?.map(|value| reading.step(tag, &value)).transpose()?.flatten());
        }
        for (tag, value) in folder.properties.iter().filter(|(tag, _)| reading.filter.admits(*tag)) {
            steps.extend(reading.step(tag, value)?);
        }
        steps.push(Step::Sent { id, change: folder.change, associated: false });
        Ok(steps)
    }

    /// The properties that each change has ([MS-OXCFXICS] 2.2.4.3.5).
    fn header(&self, view: &View<'_>, logon: &Logon, folder: &Folder) -> store::Result<Vec<u8>> {
        let values = FolderValues { view, logon, folder, depth: 0 };
        let key = |tag: PropTag| match values.get(tag)? {
            Some(PropertyValue::Binary(bytes)) => binary(tag, bytes),
            _ => binary(tag, Vec::new()),
        };
        let mut header = marker(Marker::IncrSyncChg);
        // It is empty for folders directly in the one that is synchronized ([MS-OXCFXICS] 2.2.1.2.6).
        if folder.parent == Some(self.folder) {
            header.extend(binary(PropTag::PidTagParentSourceKey, Vec::new())?);
        } else {
            header.extend(key(PropTag::PidTagParentSourceKey)?);
        }
        header.extend(key(PropTag::PidTagSourceKey)?);
        header.extend(plain(PropTag::PidTagLastModificationTime, Value::Time(folder.modified))?);
        header.extend(key(PropTag::PidTagChangeKey)?);
        header.extend(key(PropTag::PidTagPredecessorChangeList)?);
        let with_ids = self.extra.contains(SynchronizationExtraFlags::EID);
        let number = |id: ObjectId| Value::Integer64(id.folder_id().0.cast_signed());
        if with_ids {
            header.extend(plain(PropTag::PidTagFolderId, number(folder.id))?);
        }
        if with_ids || self.flags.contains(SynchronizationFlags::NO_FOREIGN_IDENTIFIERS) {
            let parent = folder.parent.unwrap_or(folder.id);
            header.extend(plain(PropTag::PidTagParentFolderId, number(parent))?);
        }
        if self.extra.contains(SynchronizationExtraFlags::CN) {
            let change = folder.change.change_number().0.cast_signed();
            header.extend(plain(PropTag::PidTagChangeNumber, Value::Integer64(change))?);
        }
        Ok(header)
    }
}

fn sees(view: &View<'_>, logon: &Logon, folder: ObjectId) -> store::Result<bool> {
    Ok(logon.rights(view, folder)? & SEE != 0)
}
