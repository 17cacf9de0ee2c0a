//! FastTransfer contexts: the streams by which objects are copied and synchronized ([MS-OXCFXICS]).

use mapi::data::FolderId;
use mapi::fast_transfer::{Marker, Path, PropInfo, Property, Token, Tokenizer};
use mapi::property::PropTag;
use wire::Error;

use super::content::Content;

/// The purpose of a FastTransfer context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FastTransferKind {
    /// The client reads objects.
    Download,
    /// The client writes objects.
    Upload,
    /// The client reads changes.
    SynchronizationDownload {
        /// Messages changed, not folders.
        contents: bool,
    },
    /// The client writes changes.
    SynchronizationUpload {
        /// Messages changed, not folders.
        contents: bool,
    },
    /// The client reads the state of a synchronization.
    SynchronizationState,
}

/// A FastTransfer context: the source or destination of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct FastTransfer {
    /// The purpose of the context.
    pub kind: FastTransferKind,
    /// The folder that is transferred, or the folder of the message that is transferred, if known.
    pub folder: Option<FolderId>,
    /// The properties of the state that the client uploaded, in the order of the upload.
    pub state: Vec<SyncState>,
    /// The progress of the stream.
    pub stream: TransferStream,
}

/// A property of the state from which a client synchronizes: a set of ids, as bytes ([MS-OXCFXICS] 2.2.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct SyncState {
    /// The property.
    pub property: PropTag,
    /// The size of the value that the client declared, in bytes.
    pub length: u32,
    /// The bytes that the client uploaded so far.
    pub content: Content,
    /// Whether the upload of the property ended.
    pub is_whole: bool,
}

/// A stream that is transferred in pieces of any size. It is decoded only if a module of the stack reads content. At
/// most one incomplete part of it is buffered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransferStream {
    /// The number of bytes transferred.
    pub bytes: u64,
    /// The number of messages that began, without embedded ones.
    pub messages: u32,
    /// Whether the server reported the end of the stream (`TransferStatus` `Done`).
    pub is_done: bool,
    /// The error because of which the rest of the stream is not decoded.
    pub error: Option<Error>,
    tokenizer: Tokenizer,
    path: Path,
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum TransferPart {
    /// A marker: the start or end of an object, or of another element.
    Marker(Marker),
    /// A property with its value.
    Property(Property<'static>),
    /// A property whose value is too large to be buffered. [`TransferPart::Piece`]s with its bytes follow.
    Large {
        /// The property.
        info: PropInfo<'static>,
        /// The size of the value, in bytes.
        length: u32,
    },
    /// A piece of a large value.
    Piece {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether this is the last piece of the value.
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

    /// An estimate of the memory of the buffered bytes.
    pub(super) fn content_bytes(&self) -> usize {
        let state: usize = self.state.iter().map(|state| state.content.bytes().len()).sum();
        state.saturating_add(self.stream.tokenizer.pending().len())
    }
}

impl TransferStream {
    /// The open markers, outermost first: they show whether the next part belongs to a message, an attachment or a
    /// recipient.
    pub fn path(&self) -> &[Marker] {
        self.path.markers()
    }

    /// Decodes the next `bytes`. Calls `visit` with each complete part, and with whether it is at the top level.
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

    /// Stops decoding the stream, because of an error.
    pub(super) fn fail(&mut self, why: Error) {
        self.tokenizer = Tokenizer::default();
        self.error = Some(why);
    }
}
