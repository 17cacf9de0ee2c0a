//! A stream that a client uploads: the objects in it that have begun and not ended ([MS-OXCFXICS] 3.2.5.8.2).

use std::collections::BTreeMap;

use mapi::ErrorCode;
use mapi::fast_transfer::{Limits, Marker, PropInfo, Property, Token, Tokenizer, Value};
use mapi::property::{PropTag, PropertyValue};
use store::{AttachmentEdit, ContentEdit, ObjectId, Properties, Recipient};
use wire::{ErrorKind, Result};

use crate::values::convert::size;

/// How many messages can be embedded in one another.
const DEPTH_MAX: usize = 32;
/// The most recipients and attachments of a message, and the most properties of an object.
pub(crate) const CHILDREN_MAX: usize = 1000;
const PROPERTIES_MAX: usize = 4096;
/// The most bytes of a value.
const VALUE_MAX: usize = 32 << 20;

/// To what a stream is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A folder: messages, subfolders, or its own properties.
    Folder(ObjectId),
    /// The message or the attachment of this handle.
    Object(u32),
}

/// A message in the stream.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) associated: bool,
    pub(crate) properties: Properties,
    /// Whether the recipients or attachments that the message had are deleted.
    pub(crate) replaces_recipients: bool,
    pub(crate) replaces_attachments: bool,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) attachments: Vec<AttachmentEdit>,
}

impl Message {
    pub(crate) fn into_edit(self) -> ContentEdit {
        ContentEdit {
            set: self.properties,
            recipients: Some(self.recipients),
            attachments: (0..).zip(self.attachments).collect::<BTreeMap<_, _>>(),
            ..ContentEdit::default()
        }
    }
}

/// A folder in the stream. It is created with the first object in it, or at its end.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) id: Option<ObjectId>,
    pub(crate) properties: Properties,
}

/// An object that has begun and not ended.
#[derive(Debug)]
pub(crate) enum Frame {
    Folder(Folder),
    Message(Message),
    Recipient(Properties),
    Attachment(AttachmentEdit),
}

/// An element of the stream.
#[derive(Debug)]
pub(crate) enum Element {
    Marker(Marker),
    Property(Property<'static>),
}

/// What an element ends.
#[derive(Debug)]
pub(crate) enum Ended {
    Nothing,
    /// A folder begins in the innermost one, or a message does: that folder has to exist.
    FolderNeeded,
    Message(Message),
    Folder(Folder),
}

/// An upload.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) target: Target,
    tokenizer: Tokenizer,
    /// A large value of which some bytes are missing.
    large: Option<(PropInfo<'static>, Vec<u8>)>,
    pub(crate) frames: Vec<Frame>,
    held: usize,
    pub(crate) failed: Option<ErrorCode>,
}

impl Incoming {
    /// An upload to `target`, whose own properties and sub-objects are in `root`.
    pub(crate) fn new(target: Target, root: Frame) -> Self {
        Self {
            target,
            tokenizer: Tokenizer::new(Limits::default()),
            large: None,
            frames: vec![root],
            held: 0,
            failed: None,
        }
    }

    /// The bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let large = self.large.as_ref().map_or(0, |(_, bytes)| bytes.len());
        self.held.saturating_add(large).saturating_add(self.tokenizer.pending().len())
    }

    /// What the root had was taken, and is not held here any more.
    pub(crate) fn released(&mut self) {
        if self.frames.len() == 1 {
            self.held = 0;
        }
    }

    /// The elements that are complete with the next bytes of the stream.
    ///
    /// # Errors
    /// `ecInvalidParam` if the stream is malformed, `TooBig` for a value that is too large.
    pub(crate) fn elements(&mut self, bytes: &[u8]) -> std::result::Result<Vec<Element>, ErrorCode> {
        let mut elements = Vec::new();
        let large = &mut self.large;
        let fed = self.tokenizer.feed(bytes, |token| take(&mut elements, large, token));
        match fed {
            Ok(()) => Ok(elements),
            Err(error) if matches!(error.kind, ErrorKind::TooLong { .. }) => Err(ErrorCode::MAPI_E_TOO_BIG),
            Err(_) => Err(ErrorCode::MAPI_E_INVALID_PARAMETER),
        }
    }

    /// Sets a property of the innermost object.
    pub(crate) fn set(&mut self, tag: PropTag, value: PropertyValue) -> std::result::Result<(), ErrorCode> {
        self.held = self.held.saturating_add(size(&value)).saturating_add(64);
        let properties = match self.frames.last_mut().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)? {
            Frame::Folder(folder) => &mut folder.properties,
            Frame::Message(message) => &mut message.properties,
            Frame::Recipient(properties) => properties,
            Frame::Attachment(attachment) => &mut attachment.set,
        };
        if properties.len() >= PROPERTIES_MAX {
            return Err(ErrorCode::MAPI_E_TOO_BIG);
        }
        properties.set(tag, value);
        Ok(())
    }

    /// Deletes the recipients or the attachments that the innermost message has ([MS-OXCFXICS] 2.2.4.1.5.1). Messages
    /// and subfolders of a folder are not deleted.
    pub(crate) fn replace(&mut self, children: PropTag) {
        if let Some(Frame::Message(message)) = self.frames.last_mut() {
            if children.is_same_property(PropTag::PidTagMessageRecipients) {
                message.replaces_recipients = true;
                message.recipients.clear();
            } else if children.is_same_property(PropTag::PidTagMessageAttachments) {
                message.replaces_attachments = true;
                message.attachments.clear();
            }
        }
    }

    /// Begins or ends an object.
    ///
    /// # Errors
    /// If the marker has no place there, or there are too many objects.
    pub(crate) fn mark(&mut self, marker: Marker) -> std::result::Result<Ended, ErrorCode> {
        let depth = self.frames.iter().filter(|frame| matches!(frame, Frame::Message(_))).count();
        let begun = match (marker, self.frames.last()) {
            (Marker::StartMessage | Marker::StartFAIMsg, Some(Frame::Folder(_))) => {
                let associated = marker == Marker::StartFAIMsg;
                Frame::Message(Message { associated, ..Message::default() })
            }
            (Marker::StartTopFld | Marker::StartSubFld, Some(Frame::Folder(_))) => {
                Frame::Folder(Folder { id: None, properties: Properties::new() })
            }
            (Marker::StartRecip, Some(Frame::Message(message)))
                if message.recipients.len() < CHILDREN_MAX =>
            {
                Frame::Recipient(Properties::new())
            }
            (Marker::NewAttach, Some(Frame::Message(message)))
                if message.attachments.len() < CHILDREN_MAX =>
            {
                Frame::Attachment(AttachmentEdit::default())
            }
            (Marker::StartEmbed, Some(Frame::Attachment(attachment)))
                if depth < DEPTH_MAX && attachment.embedded.is_none() =>
            {
                Frame::Message(Message::default())
            }
            _ => return self.end(marker),
        };
        let in_folder = matches!(self.frames.last(), Some(Frame::Folder(_)));
        self.frames.push(begun);
        self.held = self.held.saturating_add(256);
        Ok(if in_folder { Ended::FolderNeeded } else { Ended::Nothing })
    }

    fn end(&mut self, marker: Marker) -> std::result::Result<Ended, ErrorCode> {
        // The root has no end.
        let ended = self.frames.pop().filter(|_| !self.frames.is_empty());
        match (marker, ended, self.frames.last_mut()) {
            (Marker::EndToRecip, Some(Frame::Recipient(mut properties)), Some(Frame::Message(message))) => {
                let row = properties.remove(PropTag::PidTagRowid).and_then(|row| row.to_integer());
                let row = row.and_then(|row| u32::try_from(row).ok());
                add_recipient(&mut message.recipients, row, properties);
                Ok(Ended::Nothing)
            }
            (Marker::EndAttach, Some(Frame::Attachment(mut attachment)), Some(Frame::Message(message))) => {
                attachment.set.remove(PropTag::PidTagAttachNumber);
                message.attachments.push(attachment);
                Ok(Ended::Nothing)
            }
            (Marker::EndEmbed, Some(Frame::Message(message)), Some(Frame::Attachment(attachment))) => {
                attachment.embedded = Some(Box::new(message.into_edit()));
                Ok(Ended::Nothing)
            }
            (Marker::EndMessage, Some(Frame::Message(message)), Some(Frame::Folder(_))) => {
                // Its bytes are held no longer.
                self.held = 0;
                Ok(Ended::Message(message))
            }
            (Marker::EndFolder, Some(Frame::Folder(folder)), Some(Frame::Folder(_))) => {
                Ok(Ended::Folder(folder))
            }
            _ => Err(ErrorCode::MAPI_E_INVALID_PARAMETER),
        }
    }
}

/// Adds a recipient, with the id `row` unless another one has it.
pub(crate) fn add_recipient(recipients: &mut Vec<Recipient>, row: Option<u32>, properties: Properties) {
    let used = |row: &u32| recipients.iter().any(|known| known.row == *row);
    let next = recipients.iter().map(|known| known.row.saturating_add(1)).max().unwrap_or_default();
    let row = row.filter(|row| !used(row)).unwrap_or(next);
    recipients.push(Recipient { row, properties });
    recipients.sort_by_key(|recipient| recipient.row);
}

/// Takes a token. Of a large value, the bytes are collected.
fn take(
    elements: &mut Vec<Element>,
    large: &mut Option<(PropInfo<'static>, Vec<u8>)>,
    token: Token<'_>,
) -> Result<()> {
    match token {
        Token::Marker(marker) => elements.push(Element::Marker(marker)),
        Token::Property(property) => elements.push(Element::Property(property.into_owned())),
        Token::Large { info, length } => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > VALUE_MAX {
                let wide = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
                let kind = ErrorKind::TooLong { length: wide(length), limit: wide(VALUE_MAX) };
                return Err(wire::Error::new(kind, "length", 0));
            }
            *large = Some((info.into_owned(), Vec::new()));
        }
        Token::Piece { bytes, is_last } => {
            if let Some((_, value)) = large {
                value.extend_from_slice(bytes);
            }
            if let Some((info, value)) = large.take_if(|_| is_last) {
                elements.push(Element::Property(Property { info, value: Value::Bytes(value.into()) }));
            }
        }
    }
    Ok(())
}
