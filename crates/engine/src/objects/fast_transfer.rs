//! `FastTransfer` contexts: the streams that objects are copied and synchronized by ([MS-OXCFXICS]).

use mapi::data::FolderId;
use mapi::fast_transfer::{Marker, Path, PropInfo, Property, Token, Tokenizer};
use mapi::property::PropTag;
use wire::Error;

use super::content::Content;

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
    /// Why its parts are not decoded any more, if they are not.
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
    pub(super) fn content_bytes(&self) -> usize {
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
    pub(super) fn feed(&mut self, bytes: &[u8], mut visit: impl FnMut(TransferPart, bool)) {
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
            self.fail(why);
        }
    }

    /// Its parts are not decoded any more.
    pub(super) fn fail(&mut self, why: Error) {
        self.tokenizer = Tokenizer::default();
        self.error = Some(why);
    }
}
