//! `FastTransfer` contexts: the streams that objects are copied and synchronized by ([MS-OXCFXICS]).

use mapi::data::FolderId;
use mapi::fast_transfer::{Marker, Path, PropInfo, Property, Token, Tokenizer, Value};
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::fast_transfer::{TransferContent, TransferStatus};
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};
use wire::{Error, Utf16};

use super::{BatchObjects, Content, ObjectKind};

/// What a `FastTransfer` context is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FastTransferKind {
    /// Objects are read.
    Download,
    /// Objects are written.
    Upload,
    /// What changed is read.
    SynchronizationDownload {
        /// Messages changed, not folders.
        contents: bool,
    },
    /// What changed is written.
    SynchronizationUpload {
        /// Messages changed, not folders.
        contents: bool,
    },
    /// How far an upload of changes is, is read.
    SynchronizationState,
}

/// Where a `FastTransfer` stream comes from or goes to.
#[derive(Debug, Clone, PartialEq)]
pub struct FastTransfer {
    /// What it is for.
    pub kind: FastTransferKind,
    /// The folder that it is about, or that the message is in that it is about, where that is known.
    pub folder: Option<FolderId>,
    /// What the client said of the state that it synchronizes from, in the order in which it did.
    pub state: Vec<SyncState>,
    /// How far the stream is.
    pub stream: TransferStream,
}

/// A property of the state that a client synchronizes from: a set of ids, as bytes ([MS-OXCFXICS] 2.2.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct SyncState {
    /// Which one.
    pub property: PropTag,
    /// How many bytes the client said that it has.
    pub length: u32,
    /// The bytes that passed.
    pub content: Content,
    /// Whether all of it passed.
    pub is_whole: bool,
}

/// A stream that passes in parts, cut anywhere. Its parts are followed only where a module on the stack reads
/// content; no more of it is held than one that is not yet whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransferStream {
    /// How many bytes passed.
    pub bytes: u64,
    /// How many messages began, embedded ones not among them.
    pub messages: u32,
    /// Whether the server said that there is no more.
    pub is_done: bool,
    /// Why its parts can't be told any more, if they can't.
    pub error: Option<Error>,
    tokenizer: Tokenizer,
    path: Path,
}

/// A part of a stream that a ROP brought.
#[derive(Debug, Clone, PartialEq)]
pub enum TransferPart {
    /// Something begins or ends.
    Marker(Marker),
    /// A property with its value.
    Property(Property<'static>),
    /// A property whose value is too large to be held: its bytes follow in pieces.
    Large {
        /// Which property.
        info: PropInfo<'static>,
        /// Bytes of its value.
        length: u32,
    },
    /// Some bytes of a large value.
    Piece {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether they are the value's last.
        is_last: bool,
    },
}

/// The most properties of a state that are known: there are four.
const STATES: usize = 8;

impl TransferPart {
    fn of(token: Token<'_>) -> Self {
        match token {
            Token::Marker(marker) => Self::Marker(marker),
            Token::Property(property) => Self::Property(property.into_owned()),
            Token::Large { info, length } => Self::Large { info: info.into_owned(), length },
            Token::Piece { bytes, is_last } => Self::Piece { bytes: bytes.to_vec(), is_last },
        }
    }
}

impl FastTransfer {
    pub(super) fn new(kind: FastTransferKind, folder: Option<FolderId>) -> Self {
        Self { kind, folder, state: Vec::new(), stream: TransferStream::default() }
    }

    /// About how many bytes it holds.
    pub(super) fn held(&self) -> usize {
        let state: usize = self.state.iter().map(|state| state.content.bytes().len()).sum();
        state.saturating_add(self.stream.tokenizer.pending().len())
    }
}

impl TransferStream {
    /// The parts that have begun and are not over, outermost first: whether the next one belongs to a message,
    /// an attachment, a recipient.
    pub fn path(&self) -> &[Marker] {
        self.path.markers()
    }

    /// Reads on; `visit` gets each part that is whole now, and whether it lies in no other.
    fn feed(&mut self, bytes: &[u8], mut visit: impl FnMut(TransferPart, bool)) {
        let Self { tokenizer, path, messages, error, .. } = self;
        if error.is_some() {
            return;
        }
        let fed = tokenizer.feed(bytes, |token| {
            if let Token::Marker(marker) = &token {
                path.pass(*marker)?;
                let is_message =
                    matches!(*marker, Marker::StartMessage | Marker::StartFAIMsg | Marker::IncrSyncMessage);
                *messages = messages.saturating_add(u32::from(is_message));
            }
            visit(TransferPart::of(token), path.markers().is_empty());
            Ok(())
        });
        if let Err(why) = fed {
            self.give_up(why);
        }
    }

    /// Its parts are not told any more.
    fn give_up(&mut self, why: Error) {
        self.tokenizer = Tokenizer::default();
        self.error = Some(why);
    }
}

/// The part of a stream that passes with a request.
fn uploaded(request: &RequestBody) -> Option<&[u8]> {
    match request {
        RequestBody::RopFastTransferDestinationPutBuffer(asked)
        | RequestBody::RopFastTransferDestinationPutBufferExtended(asked) => Some(&asked.transfer_data.0),
        _ => None,
    }
}

/// The part of a stream that passed, as the answer to `request` tells.
fn passed<'r>(request: &'r RequestBody, reply: &'r ResponseBody) -> Option<&'r [u8]> {
    let used = match reply {
        ResponseBody::RopFastTransferSourceGetBuffer(told) => {
            return match &told.content {
                TransferContent::Buffer(bytes) => Some(bytes),
                TransferContent::Backoff { .. } => None,
            };
        }
        ResponseBody::RopFastTransferDestinationPutBuffer(told) => told.buffer_used_size,
        ResponseBody::RopFastTransferDestinationPutBufferExtended(told) => told.buffer_used_size,
        _ => return None,
    };
    uploaded(request).map(|bytes| bytes.get(..usize::from(used)).unwrap_or(bytes))
}

/// Follows the stream that `request` and its answer brought a part of.
pub(super) fn learn(objects: &mut BatchObjects<'_>, request: &RopRequest, reply: &RopReply) {
    if !reply.return_value.is_success() {
        return;
    }
    learn_state(objects, request);
    if let Some(bytes) = passed(&request.body, &reply.body) {
        let is_done = matches!(&reply.body, ResponseBody::RopFastTransferSourceGetBuffer(told)
            if told.transfer_status == TransferStatus::DONE);
        follow(objects, request, bytes, is_done);
    }
}

/// Follows the stream that a further buffer of a request brought a part of.
pub(super) fn learn_packed(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    if let Some(bytes) = uploaded(&request.body) {
        follow(objects, request, bytes, false);
    }
}

fn follow(objects: &mut BatchObjects<'_>, request: &RopRequest, bytes: &[u8], is_done: bool) {
    let (room, keep) = (objects.table.room(), objects.table.keep_content);
    let Some(transfer) = acted_on(objects, request) else { return };
    transfer.stream.bytes =
        transfer.stream.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    transfer.stream.is_done |= is_done;
    if !keep {
        return;
    }
    let is_upload = transfer.kind == FastTransferKind::Upload;
    let before = transfer.held();
    let mut parts = Vec::new();
    let mut written = Vec::new();
    transfer.stream.feed(bytes, |part, is_top| {
        if is_upload
            && is_top
            && let TransferPart::Property(property) = &part
        {
            written.extend(value_of(property));
        }
        parts.push(part);
    });
    if transfer.held() > room.saturating_add(before) {
        transfer.stream.give_up(Error::invalid("FastTransfer", 0, 0, "room for what is not yet whole"));
    }
    let after = transfer.held();
    objects.table.held = objects.table.held.saturating_add(after).saturating_sub(before);
    objects.transferred.append(&mut parts);
    keep_written(objects, request, written);
}

/// What is uploaded at the top of a stream are properties of the object that the upload was opened on.
fn keep_written(
    objects: &mut BatchObjects<'_>,
    request: &RopRequest,
    written: Vec<(PropTag, PropertyValue)>,
) {
    if written.is_empty() {
        return;
    }
    let parent = objects.acted_on(request).and_then(|transfer| transfer.parent);
    if let Some(parent) = parent {
        super::apply::keep_in(objects.table, parent, written);
    }
}

/// A property that is not named, as other ROPs have its value. None for types of several values.
fn value_of(property: &Property<'_>) -> Option<(PropTag, PropertyValue)> {
    let tag = property.info.tag;
    let value = match &property.value {
        Value::Integer16(x) => PropertyValue::Integer16(*x),
        Value::Integer32(x) => PropertyValue::Integer32(*x),
        Value::Integer64(x) => PropertyValue::Integer64(*x),
        Value::Boolean(x) => PropertyValue::Boolean(*x != 0),
        Value::Time(x) => PropertyValue::Time(*x),
        Value::Guid(x) => PropertyValue::Guid(*x),
        Value::Bytes(bytes) => match tag.prop_type() {
            PropType::PtypBinary => PropertyValue::Binary(bytes.to_vec()),
            PropType::PtypString8 => {
                PropertyValue::String8(bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec())
            }
            PropType::PtypString => {
                let units = bytes.as_chunks::<2>().0;
                let text = units.strip_suffix(&[[0, 0]]).unwrap_or(units);
                PropertyValue::Unicode(Utf16::from_units(text.iter().map(|unit| u16::from_le_bytes(*unit))))
            }
            _ => return None,
        },
        _ => return None,
    };
    (!tag.is_named()).then_some((tag, value))
}

/// Follows what a client says of the state that it synchronizes from ([MS-OXCFXICS] 2.2.3.2.2).
fn learn_state(objects: &mut BatchObjects<'_>, request: &RopRequest) {
    let (room, keep) = (objects.table.room(), objects.table.keep_content);
    let mut grown = 0;
    let Some(transfer) = acted_on(objects, request) else { return };
    match &request.body {
        RequestBody::RopSynchronizationUploadStateStreamBegin(asked) if transfer.state.len() < STATES => {
            transfer.state.push(SyncState {
                property: asked.state_property,
                length: asked.transfer_buffer_size,
                content: Content::default(),
                is_whole: false,
            });
        }
        RequestBody::RopSynchronizationUploadStateStreamContinue(asked) => {
            let Some(state) = transfer.state.last_mut().filter(|state| !state.is_whole) else { return };
            let bytes = &asked.stream_data.0;
            if keep && bytes.len() <= room && !state.content.truncated {
                let at = u64::try_from(state.content.bytes().len()).unwrap_or(u64::MAX);
                state.content.add(at, bytes);
                grown = bytes.len();
            } else {
                state.content.truncated = true;
            }
        }
        RequestBody::RopSynchronizationUploadStateStreamEnd(_) => {
            if let Some(state) = transfer.state.last_mut() {
                state.is_whole = true;
            }
        }
        _ => {}
    }
    objects.table.held = objects.table.held.saturating_add(grown);
}

impl BatchObjects<'_> {
    /// The parts of a stream that the ROP just gone past brought.
    pub fn transferred(&self) -> &[TransferPart] {
        &self.transferred
    }

    /// The parts of a stream that `request` uploads, behind those that the ROPs `earlier` in the batch upload;
    /// `further` continue it in buffers of their own. None where no module reads content.
    pub fn transferred_by<'r>(
        &self,
        request: &'r RopRequest,
        earlier: impl Iterator<Item = &'r RopRequest>,
        further: impl Iterator<Item = &'r RopRequest>,
    ) -> Vec<TransferPart> {
        let mut parts = Vec::new();
        let own = uploaded(&request.body).filter(|_| self.table.keep_content);
        let (Some(own), Some(ObjectKind::FastTransfer(transfer))) =
            (own, self.acted_on(request).map(|object| &object.kind))
        else {
            return parts;
        };
        let mut stream = transfer.stream.clone();
        for before in earlier.filter(|other| self.acts_on_same(request, other)) {
            stream.feed(uploaded(&before.body).unwrap_or_default(), |_, _| {});
        }
        for bytes in std::iter::once(own).chain(further.filter_map(|request| uploaded(&request.body))) {
            stream.feed(bytes, |part, _| parts.push(part));
        }
        parts
    }
}

fn acted_on<'a>(objects: &'a mut BatchObjects<'_>, request: &RopRequest) -> Option<&'a mut FastTransfer> {
    match &mut objects.acted_on_mut(request)?.kind {
        ObjectKind::FastTransfer(transfer) => Some(transfer),
        _ => None,
    }
}
