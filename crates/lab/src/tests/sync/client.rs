//! A client that synchronizes folders: it keeps the state of each synchronization.

use mapi::ErrorCode;
use mapi::fast_transfer::{Group, Marker, Property, Tree, TreeLimits, Value};
use mapi::idset::{ReplGuidSet, ReplIdSet};
use mapi::property::{PropTag, Restriction};
use mapi::rop::fast_transfer::{
    RopFastTransferSourceGetBufferRequest, RopFastTransferSourceGetBufferResponse, SendOptions,
    TransferContent, TransferStatus,
};
use mapi::rop::shared::Sized16;
use mapi::rop::sync::{
    RopSynchronizationConfigureRequest, RopSynchronizationGetTransferStateRequest,
    RopSynchronizationUploadStateStreamBeginRequest, RopSynchronizationUploadStateStreamContinueRequest,
    SynchronizationExtraFlags, SynchronizationFlags, SynchronizationType,
};
use mapi::rop::{Bytes32, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody, SizeOrSentinel};
use wire::Decode as _;

use crate::tests::mail::Mail;

/// Where the downloads of these tests are in the handle table.
pub(super) const DOWNLOAD: u8 = 11;

/// What a client requests.
#[derive(Clone)]
pub(super) struct Sync {
    pub(super) kind: SynchronizationType,
    pub(super) flags: SynchronizationFlags,
    pub(super) extra: SynchronizationExtraFlags,
    pub(super) options: SendOptions,
    pub(super) restriction: Option<Restriction>,
    pub(super) tags: Vec<PropTag>,
    /// `BufferSize`; with the sentinel, `MaximumBufferSize` is 30,000.
    pub(super) buffer: u16,
}

impl Sync {
    /// All changes of all messages.
    pub(super) fn contents() -> Self {
        let flags = SynchronizationFlags::UNICODE | SynchronizationFlags::READ_STATE;
        Self {
            kind: SynchronizationType::CONTENTS,
            flags: flags | SynchronizationFlags::FAI | SynchronizationFlags::NORMAL,
            extra: SynchronizationExtraFlags::EID | SynchronizationExtraFlags::CN,
            options: SendOptions::UNICODE,
            restriction: None,
            tags: Vec::new(),
            buffer: 0xBABE,
        }
    }

    pub(super) fn hierarchy() -> Self {
        let flags = SynchronizationFlags::UNICODE;
        Self { kind: SynchronizationType::HIERARCHY, flags, ..Self::contents() }
    }
}

/// The state of a synchronization, as the server sent it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State(pub(super) Vec<(PropTag, Vec<u8>)>);

impl State {
    pub(super) fn of(group: &Group) -> Self {
        assert_eq!(group.marker, Marker::IncrSyncStateBegin);
        Self(group.properties().map(|property| (property.info.tag, bytes(property))).collect())
    }

    /// A set of the state.
    pub(super) fn set(&self, tag: PropTag) -> ReplGuidSet {
        let found = self.0.iter().find(|(known, _)| known.is_same_property(tag));
        found.map_or_else(ReplGuidSet::default, |(_, bytes)| ReplGuidSet::from_bytes(bytes).unwrap())
    }
}

/// A property with bytes.
pub(super) fn bytes(property: &Property<'_>) -> Vec<u8> {
    match &property.value {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// What a download had.
#[derive(Debug)]
pub(super) struct Downloaded {
    pub(super) tree: Tree,
    pub(super) state: State,
}

impl Downloaded {
    /// The changes.
    pub(super) fn changes(&self) -> Vec<&Group> {
        self.tree.groups().filter(|group| group.marker == Marker::IncrSyncChg).collect()
    }

    /// The texts of a property of the changes: of the messages, or of the folders.
    pub(super) fn texts(&self, tag: PropTag) -> Vec<String> {
        let text = |group: &&Group| {
            let message = group.groups_with(Marker::IncrSyncMessage).next().unwrap_or(group);
            message.get(tag).and_then(Property::text).unwrap_or_default()
        };
        self.changes().iter().map(text).collect()
    }

    /// A set of deletions or read states.
    pub(super) fn ids(&self, tag: PropTag) -> ReplIdSet {
        let found = self.tree.groups().find_map(|group| group.get(tag));
        found.map_or_else(ReplIdSet::default, |found| ReplIdSet::from_bytes(&bytes(found)).unwrap())
    }
}

pub(super) fn configure(mail: &mut Mail, folder: u8, sync: &Sync) -> Result<(), ErrorCode> {
    let request = RopSynchronizationConfigureRequest {
        output_handle_index: OutputHandleIndex(DOWNLOAD),
        synchronization_type: sync.kind,
        send_options: sync.options,
        synchronization_flags: sync.flags,
        restriction_data: sync.restriction.clone().map_or_else(Sized16::default, Sized16::new),
        synchronization_extra_flags: sync.extra,
        property_tags: List16(sync.tags.clone()),
    };
    mail.rop(folder, RequestBody::RopSynchronizationConfigure(Box::new(request))).map(drop)
}

pub(super) fn begin_state(mail: &mut Mail, context: u8, tag: PropTag, size: usize) -> Result<(), ErrorCode> {
    let begin = RopSynchronizationUploadStateStreamBeginRequest {
        state_property: tag,
        transfer_buffer_size: u32::try_from(size).unwrap(),
    };
    mail.rop(context, RequestBody::RopSynchronizationUploadStateStreamBegin(begin)).map(drop)
}

pub(super) fn continue_state(mail: &mut Mail, context: u8, data: &[u8]) -> Result<(), ErrorCode> {
    let stream_data = Bytes32(data.to_vec().into());
    let next = RopSynchronizationUploadStateStreamContinueRequest { stream_data };
    mail.rop(context, RequestBody::RopSynchronizationUploadStateStreamContinue(next)).map(drop)
}

pub(super) fn end_state(mail: &mut Mail, context: u8) -> Result<(), ErrorCode> {
    mail.rop(context, RequestBody::RopSynchronizationUploadStateStreamEnd(Empty)).map(drop)
}

/// Sends the state that the client has, each property in two parts.
pub(super) fn upload_state(mail: &mut Mail, context: u8, state: &State) {
    for (tag, bytes) in &state.0 {
        begin_state(mail, context, *tag, bytes.len()).unwrap();
        let (one, two) = bytes.split_at(bytes.len() / 2);
        continue_state(mail, context, one).unwrap();
        continue_state(mail, context, two).unwrap();
        end_state(mail, context).unwrap();
    }
}

/// One buffer of a download, with the error of a response that has one.
pub(super) fn get_buffer(
    mail: &mut Mail,
    context: u8,
    buffer_size: u16,
    maximum: u16,
) -> Result<RopFastTransferSourceGetBufferResponse, ErrorCode> {
    let buffer_size = SizeOrSentinel(buffer_size);
    let maximum_buffer_size = buffer_size.is_sentinel().then_some(maximum);
    let request = RopFastTransferSourceGetBufferRequest { buffer_size, maximum_buffer_size };
    match mail.rop(context, RequestBody::RopFastTransferSourceGetBuffer(request))? {
        ResponseBody::RopFastTransferSourceGetBuffer(response) => Ok(response),
        other => panic!("{other:?}"),
    }
}

/// All bytes of a download.
pub(super) fn read_all(mail: &mut Mail, context: u8, buffer: u16) -> Result<Vec<u8>, ErrorCode> {
    let (mut all, mut before) = (Vec::new(), 0);
    loop {
        let response = get_buffer(mail, context, buffer, 30_000)?;
        assert!(
            response.in_progress_count >= before && response.in_progress_count <= response.total_step_count
        );
        before = response.in_progress_count;
        let TransferContent::Buffer(bytes) = response.content else { panic!("busy") };
        all.extend(bytes);
        match response.transfer_status {
            TransferStatus::DONE => return Ok(all),
            TransferStatus::PARTIAL => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn tree(bytes: &[u8]) -> Tree {
    let tree = Tree::read(bytes, TreeLimits::default()).unwrap();
    assert!(tree.cut.is_empty());
    tree
}

/// Synchronizes the folder at `folder`, of which the client has `state`.
pub(super) fn download(
    mail: &mut Mail,
    folder: u8,
    sync: &Sync,
    state: &State,
) -> Result<Downloaded, ErrorCode> {
    configure(mail, folder, sync)?;
    upload_state(mail, DOWNLOAD, state);
    let bytes = read_all(mail, DOWNLOAD, sync.buffer)?;
    let tree = tree(&bytes);
    let state =
        tree.groups().find(|group| group.marker == Marker::IncrSyncStateBegin).map(State::of).unwrap();
    assert_eq!(tree.groups().last().unwrap().marker, Marker::IncrSyncEnd);
    assert_eq!(transfer_state(mail, DOWNLOAD), state, "the state at the end");
    mail.release(DOWNLOAD);
    Ok(Downloaded { tree, state })
}

/// The state of the download or collector `context`.
pub(super) fn transfer_state(mail: &mut Mail, context: u8) -> State {
    let request = RopSynchronizationGetTransferStateRequest { output_handle_index: OutputHandleIndex(12) };
    mail.rop(context, RequestBody::RopSynchronizationGetTransferState(request)).unwrap();
    let bytes = read_all(mail, 12, 0xBABE).unwrap();
    mail.release(12);
    State::of(tree(&bytes).groups().next().unwrap())
}
