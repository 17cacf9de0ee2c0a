//! Uploads of changes: folders, deletions, read states, and ids of clients ([MS-OXCFXICS] 3.2.5.9.4).

use std::collections::BTreeSet;

use mapi::ErrorCode;
use mapi::data::{FolderId, Gid};
use mapi::idset::GlobRange;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::sync::{
    ImportDeleteFlags, RopGetLocalReplicaIdsRequest, RopGetLocalReplicaIdsResponse,
    RopSetLocalReplicaMidsetDeletedRequest, RopSynchronizationImportDeletesRequest,
    RopSynchronizationImportHierarchyChangeRequest, RopSynchronizationImportHierarchyChangeResponse,
    RopSynchronizationImportReadStateChangesRequest, RopSynchronizationOpenCollectorRequest,
};
use mapi::rop::{Empty, ResponseBody};
use store::{Change, Folder, FolderKind, Imported, NewFolder, ObjectId, Properties, Relation};

use super::context::Context;
use super::folder::{NAME_MAX, copy_permissions, visible};
use super::import::{IGNORED, OBJECT_DELETED, bytes, collector, exactly, imported, own_id, time};
use super::outcome::{Outcome, Success, done};
use super::property::check_folder;
use crate::codepage::CodePage;
use crate::mailbox::SPECIAL_MAX;
use crate::refusal::Refusal;
use crate::session::Object;
use crate::session::logon::{CREATE_SUBFOLDER, DELETE_ANY, Logon, OWNER, READ_ANY};
use crate::sync::collector::Collector;
use crate::sync::state::insert;
use crate::values::convert::stored;
use crate::values::folder::KNOWN;

/// `SyncNoParent`: the parent of a folder does not exist ([MS-OXCFXICS] 3.3.4.3.3).
const NO_PARENT: ErrorCode = ErrorCode(0x8004_0803);
/// The most ids that are reserved by one request.
const IDS_MAX: u32 = 0x1_0000;
/// The properties that identify an uploaded folder, in their order ([MS-OXCFXICS] 2.2.3.2.4.3.1).
const VERSION: [PropTag; 6] = [
    PropTag::PidTagParentSourceKey,
    PropTag::PidTagSourceKey,
    PropTag::PidTagLastModificationTime,
    PropTag::PidTagChangeKey,
    PropTag::PidTagPredecessorChangeList,
    PropTag::PidTagDisplayName,
];

/// `RopSynchronizationOpenCollector` ([MS-OXCFXICS] 3.2.5.9.4.1).
pub(super) fn open(context: &Context<'_>, request: &RopSynchronizationOpenCollectorRequest) -> Outcome {
    let (logon, folder) = context.folder()?;
    context.backend().read(|view| visible(view, &logon, folder, false))?;
    let collector = Collector::new(folder, request.is_contents_collector.is_true());
    let body = ResponseBody::RopSynchronizationOpenCollector(Empty);
    Ok(Success::opened(body, &logon, Object::Collector(Box::new(collector))))
}

/// A folder that a client uploads.
struct Uploaded {
    id: ObjectId,
    /// `None` for the folder of the collector.
    parent: Option<ObjectId>,
    name: String,
    version: Imported,
    properties: Properties,
}

impl Uploaded {
    fn new(
        logon: &Logon,
        code_page: CodePage,
        request: &RopSynchronizationImportHierarchyChangeRequest,
    ) -> Result<Self, ErrorCode> {
        let [parent, source_key, modified, key, predecessors, name] =
            exactly(&request.hierarchy_values, VERSION)?;
        let parent = match bytes(parent)? {
            [] => None,
            parent => Some(own_id(&logon.mailbox, parent)?),
        };
        let name = stored(name, code_page).to_text().unwrap_or_default();
        if name.is_empty() || name.chars().count() > NAME_MAX {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        let is_computed = |tag: PropTag| KNOWN.iter().any(|known| known.is_same_property(tag));
        let values = request.property_values.0.iter().filter(|value| !is_computed(value.tag));
        let values = values.map(|TaggedValue { tag, value }| {
            let value = stored(value, code_page);
            TaggedValue::new(tag.with_type(value.prop_type()), value)
        });
        Ok(Self {
            id: own_id(&logon.mailbox, bytes(source_key)?)?,
            parent,
            name,
            version: imported(bytes(key)?, bytes(predecessors)?, time(modified)?)?,
            properties: values.collect(),
        })
    }

    /// Creates the folder in `parent`.
    fn create(self, change: &Change<'_>, logon: &Logon, parent: ObjectId) -> Result<Folder, Refusal> {
        let mailbox = logon.mailbox.id;
        logon.require(change, parent, CREATE_SUBFOLDER | OWNER)?;
        if !change.assign_local_id(mailbox, &logon.user, self.id)? {
            return Err(OBJECT_DELETED.into());
        }
        check_folder(&self.properties)?;
        let new = NewFolder {
            id: Some(self.id),
            parent: Some(parent),
            kind: FolderKind::Generic,
            name: self.name,
            properties: self.properties,
        };
        change.create_folder(mailbox, &new)?;
        copy_permissions(change, mailbox, parent, self.id)?;
        change.import_folder_version(mailbox, self.id, &[], &self.version)?;
        Ok(change.folder(mailbox, self.id)?)
    }

    /// Changes or moves the folder. Of versions that are in conflict, the one that was modified last is kept
    /// ([MS-OXCFXICS] 3.1.5.6.2.2). Returns the folder, and whether the client has this version.
    fn update(
        self,
        change: &Change<'_>,
        logon: &Logon,
        folder: &Folder,
        parent: ObjectId,
    ) -> Result<(Folder, bool), Refusal> {
        let mailbox = logon.mailbox.id;
        logon.require(change, folder.id, OWNER)?;
        let relation = self.version.relation(&folder.predecessors)?;
        if relation == Relation::Included {
            return Err(IGNORED.into());
        }
        if relation == Relation::Conflict && folder.modified >= self.version.modified {
            change.supersede_folder(mailbox, folder.id, &self.version)?;
            return Ok((change.folder(mailbox, folder.id)?, false));
        }
        if folder.parent != Some(parent) {
            if folder.id <= SPECIAL_MAX {
                return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
            }
            logon.require(change, parent, CREATE_SUBFOLDER | OWNER)?;
            change.move_folder(mailbox, folder.id, parent, &self.name)?;
        }
        let mut properties = folder.properties.clone();
        self.properties.iter().for_each(|(tag, value)| properties.set(tag, value.clone()));
        check_folder(&properties)?;
        change.change_folder(mailbox, folder.id, &self.name, &properties)?;
        change.import_folder_version(mailbox, folder.id, &folder.predecessors, &self.version)?;
        Ok((change.folder(mailbox, folder.id)?, relation == Relation::Newer))
    }
}

/// `RopSynchronizationImportHierarchyChange` ([MS-OXCFXICS] 3.2.5.9.4.3).
pub(super) fn hierarchy_change(
    context: &mut Context<'_>,
    request: &RopSynchronizationImportHierarchyChangeRequest,
) -> Outcome {
    let (backend, code_page) = (context.backend(), context.session.code_page);
    let (_, logon, &mut Collector { folder: top, .. }) = collector(context, false)?;
    let uploaded = Uploaded::new(&logon, code_page, request)?;
    let (folder, is_known) = backend.write(backend.now(), |change| {
        let parent = uploaded.parent.unwrap_or(top);
        visible(change, &logon, parent, false).map_err(|_| NO_PARENT)?;
        match change.folder(logon.mailbox.id, uploaded.id) {
            Ok(folder) => {
                visible(change, &logon, uploaded.id, false).map_err(|_| OBJECT_DELETED)?;
                uploaded.update(change, &logon, &folder, parent)
            }
            Err(store::Error::NotFound(_)) => {
                uploaded.create(change, &logon, parent).map(|folder| (folder, true))
            }
            Err(error) => Err(error.into()),
        }
    })?;
    if is_known {
        collector(context, false)?.2.has(folder.id, folder.change, false);
    }
    let response = RopSynchronizationImportHierarchyChangeResponse { folder_id: FolderId(0) };
    done(ResponseBody::RopSynchronizationImportHierarchyChange(response))
}

/// `RopSynchronizationImportDeletes`: either all objects are deleted, or none ([MS-OXCFXICS] 3.2.5.9.4.5). Ids of
/// objects that never existed cannot be assigned later.
pub(super) fn deletes(
    context: &mut Context<'_>,
    request: &RopSynchronizationImportDeletesRequest,
) -> Outcome {
    let (backend, flags) = (context.backend(), request.import_delete_flags);
    if flags.0 & !(ImportDeleteFlags::HIERARCHY | ImportDeleteFlags::HARD_DELETE).0 != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let is_contents = !flags.contains(ImportDeleteFlags::HIERARCHY);
    let soft = !flags.contains(ImportDeleteFlags::HARD_DELETE);
    let (_, logon, &mut Collector { folder, .. }) = collector(context, is_contents)?;
    let values = request.property_values.0.as_slice();
    let [TaggedValue { value: PropertyValue::MultipleBinary(keys), .. }] = values else {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    };
    let ids = keys.iter().map(|key| own_id(&logon.mailbox, key)).collect::<Result<BTreeSet<_>, _>>()?;
    backend.write(backend.now(), |change| {
        if is_contents {
            logon.require(change, folder, DELETE_ANY | OWNER)?;
        }
        for id in &ids {
            let is_deleted = if is_contents {
                delete_message(change, &logon, (folder, *id), soft)?
            } else {
                delete_folder(change, &logon, *id, soft)?
            };
            if !is_deleted {
                change.release_local_ids(logon.mailbox.id, &logon.user, (*id, *id))?;
            }
        }
        Ok::<_, Refusal>(())
    })?;
    let (_, _, collector) = collector(context, is_contents)?;
    for id in ids {
        collector.state.given.remove(GlobRange::single(id.counter()));
    }
    done(ResponseBody::RopSynchronizationImportDeletes(Empty))
}

/// Deletes a message, if it is in the folder.
fn delete_message(
    change: &Change<'_>,
    logon: &Logon,
    (folder, id): (ObjectId, ObjectId),
    soft: bool,
) -> Result<bool, Refusal> {
    match change.message(logon.mailbox.id, id) {
        Ok(message) if message.folder == folder && !message.deleted => {
            change.delete_message(logon.mailbox.id, id, soft)?;
            Ok(true)
        }
        Ok(_) | Err(store::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a folder with everything in it, if the user may see it.
fn delete_folder(change: &Change<'_>, logon: &Logon, id: ObjectId, soft: bool) -> Result<bool, Refusal> {
    match visible(change, logon, id, false) {
        Ok(()) => {}
        Err(Refusal(ErrorCode::MAPI_E_NOT_FOUND)) => return Ok(false),
        Err(error) => return Err(error),
    }
    if id <= SPECIAL_MAX {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    for (below, _) in change.folder_tree(logon.mailbox.id, id, false)? {
        logon.require(change, below, OWNER)?;
    }
    change.delete_folder(logon.mailbox.id, id, soft)?;
    Ok(true)
}

/// `RopSynchronizationImportReadStateChanges`. Associated messages, and messages that were deleted, are ignored
/// ([MS-OXCFXICS] 3.2.5.9.4.6).
pub(super) fn read_states(
    context: &mut Context<'_>,
    request: &RopSynchronizationImportReadStateChangesRequest,
) -> Outcome {
    let backend = context.backend();
    let (_, logon, &mut Collector { folder, .. }) = collector(context, true)?;
    let mailbox = logon.mailbox.id;
    let states = request.message_read_states.0.iter();
    let states =
        states.map(|state| Ok((own_id(&logon.mailbox, &state.message_id.0)?, state.mark_as_read.is_true())));
    let states = states.collect::<Result<Vec<_>, ErrorCode>>()?;
    let changes = backend.write(backend.now(), |change| {
        logon.require(change, folder, READ_ANY | OWNER)?;
        let mut changes = Vec::new();
        for (id, read) in states {
            match change.message(mailbox, id) {
                Ok(message) if message.folder == folder && !message.deleted && !message.associated => {
                    change.set_read(mailbox, id, read)?;
                    changes.extend(change.message(mailbox, id)?.read_change);
                }
                Ok(_) | Err(store::Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok::<_, Refusal>(changes)
    })?;
    let (_, _, collector) = collector(context, true)?;
    for change in changes {
        insert(&mut collector.state.read, change);
    }
    done(ResponseBody::RopSynchronizationImportReadStateChanges(Empty))
}

/// `RopGetLocalReplicaIds`: reserves ids for the user ([MS-OXCFXICS] 3.2.5.9.4.7).
pub(super) fn local_ids(context: &Context<'_>, request: &RopGetLocalReplicaIdsRequest) -> Outcome {
    let (logon, backend) = (context.on_logon()?, context.backend());
    let count = request.id_count;
    if !(1..=IDS_MAX).contains(&count) {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let first = backend
        .write(backend.now(), |change| change.reserve_local_ids(logon.mailbox.id, &logon.user, count))?;
    done(ResponseBody::RopGetLocalReplicaIds(RopGetLocalReplicaIdsResponse {
        repl_guid: logon.mailbox.replica,
        global_count: first.counter(),
    }))
}

/// `RopSetLocalReplicaMidsetDeleted`: the client will not assign these ids ([MS-OXCFXICS] 3.2.5.9.4.8).
pub(super) fn release_ids(
    context: &Context<'_>,
    request: &RopSetLocalReplicaMidsetDeletedRequest,
) -> Outcome {
    let ((logon, _), backend) = (context.folder()?, context.backend());
    let ranges = &request.long_term_id_ranges;
    let list = ranges.value.as_ref().filter(|_| ranges.trailing.is_empty());
    let list = list.ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
    let id =
        |gid: Gid| (gid.replica == logon.mailbox.replica).then(|| ObjectId::own(gid.global_counter.value()));
    let ranges = list.0.iter().map(|range| {
        let ends = id(range.min_long_term_id.gid).zip(id(range.max_long_term_id.gid));
        ends.filter(|(first, last)| first <= last).ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)
    });
    let ranges = ranges.collect::<Result<Vec<_>, _>>()?;
    backend.write(backend.now(), |change| {
        let release = |range| change.release_local_ids(logon.mailbox.id, &logon.user, range);
        ranges.into_iter().try_for_each(release)
    })?;
    done(ResponseBody::RopSetLocalReplicaMidsetDeleted(Empty))
}
