//! What a client sends to upload changes.

use mapi::ErrorCode;
use mapi::data::{Gid, GlobalCounter, LongTermId, PredecessorChangeList, SizedXid, Xid};
use mapi::emsmdb::RpcFlags;
use mapi::property::{PropTag, PropType, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::shared::Sized16;
use mapi::rop::sync::{
    ImportDeleteFlags, ImportFlag, LongTermIdRange, MessageReadState, MessageReadStates,
    RopGetLocalReplicaIdsRequest, RopSetLocalReplicaMidsetDeletedRequest,
    RopSynchronizationImportDeletesRequest, RopSynchronizationImportHierarchyChangeRequest,
    RopSynchronizationImportMessageChangeRequest, RopSynchronizationImportMessageMoveRequest,
    RopSynchronizationImportReadStateChangesRequest, RopSynchronizationOpenCollectorRequest,
};
use mapi::rop::{
    Bool, Bytes16, Bytes32, List32, OutputHandleIndex, RequestBody, ResponseBody, ResponseContext,
    RopRequest, RopResponse,
};
use wire::{Decode as _, Encode as _, FileTime, Guid, Reader};

use crate::tests::mail::{LOGON, Mail, OUT_MAX, text};

/// A version of an object in a client's copy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) key: Vec<u8>,
    pub(super) predecessors: Vec<u8>,
    pub(super) modified: u64,
}

impl Version {
    /// The version that the client `replica` makes of one with the list `before`, as its change `counter`.
    pub(super) fn new(replica: u8, counter: u64, before: &[u8], modified: u64) -> Self {
        let own = Guid::from_le([replica; 16]);
        let global_counter = GlobalCounter::new(counter).unwrap();
        let key = Xid::from(Gid { replica: own, global_counter });
        let mut list = PredecessorChangeList::from_bytes(before).unwrap();
        list.0.retain(|entry| entry.0.namespace != own);
        list.0.push(SizedXid(key.clone()));
        list.0.sort_by_key(|entry| entry.0.namespace.to_le());
        Self { key: key.to_bytes().unwrap(), predecessors: list.to_bytes().unwrap(), modified }
    }

    fn values(&self, source_key: &[u8]) -> Vec<TaggedValue> {
        let binary = |tag, bytes: &[u8]| TaggedValue::new(tag, PropertyValue::Binary(bytes.to_vec()));
        let modified = PropertyValue::Time(FileTime(self.modified));
        vec![
            binary(PropTag::PidTagSourceKey, source_key),
            TaggedValue::new(PropTag::PidTagLastModificationTime, modified),
            binary(PropTag::PidTagChangeKey, &self.key),
            binary(PropTag::PidTagPredecessorChangeList, &self.predecessors),
        ]
    }
}

/// The source key of the object `id` in the mailbox.
pub(super) fn source_key(mail: &Mail, id: u64) -> Vec<u8> {
    let (replica, global_counter) = (mail.logon.replica_guid, GlobalCounter::new(id).unwrap());
    Gid { replica, global_counter }.to_bytes().unwrap()
}

/// Reserves ids, and returns the first.
pub(super) fn local_ids(mail: &mut Mail, id_count: u32) -> Result<u64, ErrorCode> {
    match mail.rop(LOGON, RequestBody::RopGetLocalReplicaIds(RopGetLocalReplicaIdsRequest { id_count }))? {
        ResponseBody::RopGetLocalReplicaIds(ids) => {
            assert_eq!(ids.repl_guid, mail.logon.replica_guid);
            Ok(ids.global_count.value())
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn release_ids(mail: &mut Mail, folder: u8, first: u64, last: u64) -> Result<(), ErrorCode> {
    let replica = mail.logon.replica_guid;
    let id = |counter| LongTermId::new(replica, GlobalCounter::new(counter).unwrap());
    let range = LongTermIdRange { min_long_term_id: id(first), max_long_term_id: id(last) };
    let long_term_id_ranges = Sized16::new(List32(vec![range]));
    let request = RopSetLocalReplicaMidsetDeletedRequest { long_term_id_ranges };
    mail.rop(folder, RequestBody::RopSetLocalReplicaMidsetDeleted(request)).map(drop)
}

pub(super) fn open_collector(
    mail: &mut Mail,
    folder: u8,
    contents: bool,
    output: u8,
) -> Result<(), ErrorCode> {
    let request = RopSynchronizationOpenCollectorRequest {
        output_handle_index: OutputHandleIndex(output),
        is_contents_collector: Bool(u8::from(contents)),
    };
    mail.rop(folder, RequestBody::RopSynchronizationOpenCollector(request)).map(drop)
}

/// Uploads the version of a message, whose handle is stored at `output`.
pub(super) fn import_message(
    mail: &mut Mail,
    collector: u8,
    id: u64,
    version: &Version,
    (import_flag, output): (ImportFlag, u8),
) -> Result<(), ErrorCode> {
    let request = RopSynchronizationImportMessageChangeRequest {
        output_handle_index: OutputHandleIndex(output),
        import_flag,
        property_values: PropertyList(version.values(&source_key(mail, id))),
    };
    mail.rop(collector, RequestBody::RopSynchronizationImportMessageChange(request)).map(drop)
}

/// Uploads the version of a folder in `parent`, or else in the folder of the collector.
pub(super) fn import_folder(
    mail: &mut Mail,
    collector: u8,
    (id, parent): (u64, Option<u64>),
    version: &Version,
    (name, properties): (&str, Vec<TaggedValue>),
) -> Result<(), ErrorCode> {
    let parent = parent.map(|parent| source_key(mail, parent)).unwrap_or_default();
    let mut values = vec![TaggedValue::new(PropTag::PidTagParentSourceKey, PropertyValue::Binary(parent))];
    values.extend(version.values(&source_key(mail, id)));
    values.push(text(PropTag::PidTagDisplayName, name));
    let request = RopSynchronizationImportHierarchyChangeRequest {
        hierarchy_values: PropertyList(values),
        property_values: PropertyList(properties),
    };
    mail.rop(collector, RequestBody::RopSynchronizationImportHierarchyChange(request)).map(drop)
}

pub(super) fn import_deletes(
    mail: &mut Mail,
    collector: u8,
    ids: &[u64],
    import_delete_flags: ImportDeleteFlags,
) -> Result<(), ErrorCode> {
    let keys = ids.iter().map(|id| source_key(mail, *id)).collect();
    let tag = PropTag::new(0, PropType::PtypMultipleBinary);
    let property_values = PropertyList(vec![TaggedValue::new(tag, PropertyValue::MultipleBinary(keys))]);
    let request = RopSynchronizationImportDeletesRequest { import_delete_flags, property_values };
    mail.rop(collector, RequestBody::RopSynchronizationImportDeletes(request)).map(drop)
}

pub(super) fn import_read(mail: &mut Mail, collector: u8, states: &[(u64, bool)]) -> Result<(), ErrorCode> {
    let state = |(id, read): &(u64, bool)| MessageReadState {
        message_id: Bytes16(source_key(mail, *id).into()),
        mark_as_read: Bool(u8::from(*read)),
    };
    let message_read_states = MessageReadStates(states.iter().map(state).collect());
    let request = RopSynchronizationImportReadStateChangesRequest { message_read_states };
    mail.rop(collector, RequestBody::RopSynchronizationImportReadStateChanges(request)).map(drop)
}

/// Uploads the move of the message `from` of the folder `source`, which has the id `to` in the collector's folder.
/// Returns the code of the response, which may be a warning.
pub(super) fn import_move(
    mail: &mut Mail,
    collector: u8,
    (source, from, to): (u64, u64, u64),
    version: &Version,
) -> ErrorCode {
    let bytes = |bytes: &[u8]| Bytes32(bytes.to_vec().into());
    let request = RopSynchronizationImportMessageMoveRequest {
        source_folder_id: bytes(&source_key(mail, source)),
        source_message_id: bytes(&source_key(mail, from)),
        predecessor_change_list: bytes(&version.predecessors),
        destination_message_id: bytes(&source_key(mail, to)),
        change_number: bytes(&version.key),
    };
    let body = RequestBody::RopSynchronizationImportMessageMove(Box::new(request));
    let request = RopRequest { logon_id: 0, handle_index: collector, body };
    let rops = mail.send(&request.to_bytes().unwrap(), RpcFlags::NONE, OUT_MAX).unwrap().remove(0);
    match RopResponse::decode(&mut Reader::new(&rops), ResponseContext::default()).unwrap() {
        RopResponse::Reply(reply) => {
            let has_fields = !matches!(reply.body, ResponseBody::Failed(_));
            assert_eq!(has_fields, reply.return_value == ErrorCode::SUCCESS, "{reply:?}");
            reply.return_value
        }
        other => panic!("{other:?}"),
    }
}
