//! The properties of folders ([MS-OXCFOLD] 2.2.2).

use mapi::data::Gid;
use mapi::property::{PropTag, PropType, PropertyValue};
use store::{Folder, FolderKind, MessageFilter, ObjectId, View};
use wire::Encode as _;

use super::convert::canonical;
use super::entry_id::folder_entry_id;
use crate::search;
use crate::session::logon::{CREATE, CREATE_SUBFOLDER, Logon, OWNER, READ_ANY};

/// `MAPI_FOLDER` ([MS-OXCPRPT] 2.2.1.7).
const FOLDER: i32 = 3;
/// Bits of `PidTagAccess` ([MS-OXCPRPT] 2.2.1.1): modify, read, delete, create subfolder, contents, associated.
const ACCESS: [(u32, i32); 4] =
    [(OWNER, 0x1 | 0x4 | 0x20), (READ_ANY, 0x2), (CREATE_SUBFOLDER, 0x8), (CREATE, 0x10)];

/// Properties that are not kept with the others of a folder. Of these, clients can set `PidTagDisplayName` only.
pub(crate) const KNOWN: [PropTag; 32] = [
    PropTag::PidTagDisplayName,
    PropTag::PidTagFolderId,
    PropTag::PidTagParentFolderId,
    PropTag::PidTagFolderType,
    PropTag::PidTagContentCount,
    PropTag::PidTagContentUnreadCount,
    PropTag::PidTagAssociatedContentCount,
    PropTag::PidTagSubfolders,
    PropTag::PidTagMessageSizeExtended,
    PropTag::PidTagAccess,
    PropTag::PidTagRights,
    PropTag::PidTagChangeNumber,
    PropTag::PidTagChangeKey,
    PropTag::PidTagPredecessorChangeList,
    PropTag::PidTagSourceKey,
    PropTag::PidTagParentSourceKey,
    PropTag::PidTagEntryId,
    PropTag::PidTagRecordKey,
    PropTag::PidTagParentEntryId,
    PropTag::PidTagCreationTime,
    PropTag::PidTagLastModificationTime,
    PropTag::PidTagLocalCommitTime,
    PropTag::PidTagLocalCommitTimeMax,
    PropTag::PidTagHierRev,
    PropTag::PidTagHierarchyChangeNumber,
    PropTag::PidTagDeletedCountTotal,
    PropTag::PidTagObjectType,
    PropTag::PidTagDepth,
    PropTag::PidTagInstID,
    PropTag::PidTagInstanceNum,
    PropTag::PidTagHasRules,
    PropTag::PidTagMappingSignature,
];

/// A folder whose properties are read.
pub(crate) struct FolderValues<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) logon: &'a Logon,
    pub(crate) folder: &'a Folder,
    /// The depth below the folder of the table.
    pub(crate) depth: u32,
}

impl FolderValues<'_> {
    /// The property with the id of `tag`, in its own type.
    pub(crate) fn get(&self, tag: PropTag) -> store::Result<Option<PropertyValue>> {
        use PropertyValue as V;
        let (folder, mailbox) = (self.folder, &self.logon.mailbox);
        let parent = folder.parent.unwrap_or(folder.id);
        let id = |id: ObjectId| V::Integer64(id.folder_id().0.cast_signed());
        Ok(Some(match canonical(tag, &KNOWN) {
            PropTag::PidTagFolderId | PropTag::PidTagInstID => id(folder.id),
            PropTag::PidTagInstanceNum => V::Integer32(0),
            PropTag::PidTagParentFolderId => id(parent),
            PropTag::PidTagDisplayName => V::from(folder.name.as_str()),
            PropTag::PidTagFolderType => V::Integer32(folder.kind.to_integer()),
            PropTag::PidTagContentCount => return Ok(self.count(false)?.map(|(all, _)| all)),
            PropTag::PidTagContentUnreadCount => return Ok(self.count(false)?.map(|(_, unread)| unread)),
            PropTag::PidTagAssociatedContentCount => return Ok(self.count(true)?.map(|(all, _)| all)),
            // `PidTagMessageSize` has the same id.
            PropTag::PidTagMessageSizeExtended if tag.prop_type() == PropType::PtypInteger32 => {
                V::Integer32(i32::try_from(self.size()?).unwrap_or(i32::MAX))
            }
            PropTag::PidTagMessageSizeExtended => V::Integer64(self.size()?),
            PropTag::PidTagSubfolders => {
                V::Boolean(!self.view.subfolders(mailbox.id, folder.id, false)?.is_empty())
            }
            PropTag::PidTagAccess => {
                let rights = self.logon.rights(self.view, folder.id)?;
                let bits = ACCESS.iter().filter(|(right, _)| rights & right != 0);
                V::Integer32(bits.fold(0, |access, (_, bits)| access | bits))
            }
            PropTag::PidTagRights => V::Integer32(self.logon.rights(self.view, folder.id)?.cast_signed()),
            PropTag::PidTagChangeNumber => V::Integer64(folder.change.change_number().0.cast_signed()),
            PropTag::PidTagChangeKey => V::Binary(folder.change_key.clone()),
            PropTag::PidTagPredecessorChangeList => V::Binary(folder.predecessors.clone()),
            PropTag::PidTagSourceKey => V::Binary(self.source_key(folder.id)),
            PropTag::PidTagParentSourceKey => V::Binary(self.source_key(parent)),
            PropTag::PidTagEntryId | PropTag::PidTagRecordKey => {
                V::Binary(folder_entry_id(mailbox, folder.id))
            }
            PropTag::PidTagParentEntryId => V::Binary(folder_entry_id(mailbox, parent)),
            PropTag::PidTagMappingSignature => V::Binary(mailbox.guid.to_le().to_vec()),
            PropTag::PidTagCreationTime => V::Time(folder.created),
            PropTag::PidTagLastModificationTime | PropTag::PidTagLocalCommitTime => V::Time(folder.modified),
            PropTag::PidTagLocalCommitTimeMax => V::Time(folder.contents_changed),
            PropTag::PidTagHierRev => V::Time(folder.hierarchy_changed),
            PropTag::PidTagHierarchyChangeNumber => V::Integer32(folder.hierarchy_changes.cast_signed()),
            PropTag::PidTagDeletedCountTotal => V::Integer32(folder.deleted_count.cast_signed()),
            PropTag::PidTagObjectType => V::Integer32(FOLDER),
            PropTag::PidTagDepth => V::Integer32(self.depth.cast_signed()),
            PropTag::PidTagHasRules => V::Boolean(self.view.has_rules(mailbox.id, folder.id)?),
            _ => return Ok(folder.properties.get(tag).cloned()),
        }))
    }

    /// The bytes of all messages of the folder ([MS-OXCFOLD] 2.2.2.2.1.10).
    fn size(&self) -> store::Result<i64> {
        self.view.size_of_messages(self.logon.mailbox.id, self.folder.id)
    }

    /// How many messages the folder has, and how many of them were not read. `None` for a search folder whose search is
    /// too complex.
    fn count(&self, associated: bool) -> store::Result<Option<(PropertyValue, PropertyValue)>> {
        let filter = MessageFilter { associated, deleted: false };
        let (all, unread) = if self.folder.kind == FolderKind::Search && !associated {
            let Ok(counts) = search::count(self.view, self.logon, self.folder.id) else { return Ok(None) };
            counts
        } else {
            self.view.count_messages(self.logon.mailbox.id, self.folder.id, filter)?
        };
        let number = |count: u32| PropertyValue::Integer32(count.cast_signed());
        Ok(Some((number(all), number(unread))))
    }

    /// `PidTagSourceKey`: a GID ([MS-OXCFXICS] 2.2.1.2.5).
    fn source_key(&self, id: ObjectId) -> Vec<u8> {
        let gid = Gid { replica: self.logon.mailbox.replica, global_counter: id.counter() };
        gid.to_bytes().unwrap_or_default()
    }
}
