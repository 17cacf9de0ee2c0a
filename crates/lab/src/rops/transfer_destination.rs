//! Streams of objects that clients upload ([MS-OXCFXICS] 3.2.5.8.2).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::property::PropTag;
use mapi::rop::fast_transfer::{
    DestinationCopyFlags, RopFastTransferDestinationConfigureRequest,
    RopFastTransferDestinationPutBufferExtendedResponse, RopFastTransferDestinationPutBufferRequest,
    RopFastTransferDestinationPutBufferResponse, SourceOperation, TransferStatus,
};
use mapi::rop::{Empty, ResponseBody};
use store::{Change, FolderKind, NewFolder, NewMessage, ObjectId, Properties};

use super::attachment::COMPUTED as OF_ATTACHMENTS;
use super::context::Context;
use super::folder::{NAME_MAX, copy_permissions};
use super::outcome::{Outcome, Success};
use super::property::check_folder;
use crate::codepage::CodePage;
use crate::quota;
use crate::refusal::Refusal;
use crate::session::logon::{CREATE, CREATE_SUBFOLDER, Logon, OWNER};
use crate::session::{Object, Objects, Opened};
use crate::sync::incoming::{
    CHILDREN_MAX, Element, Ended, Folder, Frame, Incoming, Message, Target, add_recipient,
};
use crate::sync::received::stored;
use crate::values::folder::KNOWN;
use crate::values::message::COMPUTED as OF_MESSAGES;

/// `RopFastTransferDestinationConfigure` ([MS-OXCFXICS] 3.2.5.8.2.1).
pub(super) fn configure(
    context: &Context<'_>,
    request: &RopFastTransferDestinationConfigureRequest,
) -> Outcome {
    let (handle, operation) = (context.handle()?, request.source_operation);
    if request.copy_flags.0 & !DestinationCopyFlags::MOVE.0 != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let of_one = matches!(operation, SourceOperation::COPY_TO | SourceOperation::COPY_PROPERTIES);
    let Opened { logon, object } = context.opened()?;
    let (target, root) = match object {
        Object::Folder(id) => {
            let rights = match operation {
                SourceOperation::COPY_MESSAGES => CREATE,
                SourceOperation::COPY_FOLDER => CREATE_SUBFOLDER | OWNER,
                _ if of_one => OWNER,
                _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
            };
            context.backend().read(|view| logon.require(view, *id, rights))?;
            let root = Folder { id: Some(*id), properties: Properties::new() };
            (Target::Folder(*id), Frame::Folder(root))
        }
        Object::Message(message) if of_one && message.is_writable => {
            (Target::Object(handle), Frame::Message(Message::default()))
        }
        Object::Attachment(attachment) if of_one && attachment.is_writable => {
            (Target::Object(handle), Frame::Attachment(store::AttachmentEdit::default()))
        }
        Object::Message(_) | Object::Attachment(_) if of_one => {
            return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
        }
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let upload = Object::Upload(Box::new(Incoming::new(target, root)));
    Ok(Success::opened(ResponseBody::RopFastTransferDestinationConfigure(Empty), logon, upload))
}

/// `RopFastTransferDestinationPutBuffer` ([MS-OXCFXICS] 3.2.5.8.2.2).
pub(super) fn put_buffer(
    context: &mut Context<'_>,
    request: &RopFastTransferDestinationPutBufferRequest,
) -> Outcome {
    let (code, transfer_status, buffer_used_size) = put(context, request)?;
    let response = RopFastTransferDestinationPutBufferResponse {
        transfer_status,
        in_progress_count: 0,
        total_step_count: 0,
        reserved: 0,
        buffer_used_size,
    };
    Ok(Success { code, ..Success::new(ResponseBody::RopFastTransferDestinationPutBuffer(response)) })
}

/// `RopFastTransferDestinationPutBufferExtended` ([MS-OXCFXICS] 3.2.5.8.2.3).
pub(super) fn put_buffer_extended(
    context: &mut Context<'_>,
    request: &RopFastTransferDestinationPutBufferRequest,
) -> Outcome {
    let (code, transfer_status, buffer_used_size) = put(context, request)?;
    let response = RopFastTransferDestinationPutBufferExtendedResponse {
        transfer_status,
        in_progress_count: 0,
        total_step_count: 0,
        reserved: 0,
        buffer_used_size,
    };
    Ok(Success { code, ..Success::new(ResponseBody::RopFastTransferDestinationPutBufferExtended(response)) })
}

fn upload<'a>(context: &'a mut Context<'_>) -> Result<(Arc<Logon>, &'a mut Incoming), Refusal> {
    let handle = context.handle()?;
    match context.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { logon, object: Object::Upload(upload) } => Ok((Arc::clone(logon), upload)),
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// Takes the next bytes of a stream. An upload that failed takes no more.
fn put(
    context: &mut Context<'_>,
    request: &RopFastTransferDestinationPutBufferRequest,
) -> Result<(ErrorCode, TransferStatus, u16), Refusal> {
    let data = &request.transfer_data.0;
    upload(context)?;
    let result = match context.session.objects.check_room(data.len()) {
        Ok(()) => take(context, data),
        Err(code) => Err(code.into()),
    };
    let size = u16::try_from(data.len()).unwrap_or(u16::MAX);
    Ok(match result {
        Ok(()) => (ErrorCode::SUCCESS, TransferStatus::PARTIAL, size),
        Err(Refusal(code)) => {
            let (_, upload) = upload(context)?;
            upload.failed = Some(code);
            upload.frames.clear();
            (code, TransferStatus::ERROR, 0)
        }
    })
}

fn take(context: &mut Context<'_>, data: &[u8]) -> Result<(), Refusal> {
    let (backend, code_page) = (context.backend(), context.session.code_page);
    let (logon, upload) = upload(context)?;
    if let Some(code) = upload.failed {
        return Err(code.into());
    }
    let elements = upload.elements(data)?;
    quota::write(&backend, &logon.mailbox, backend.now(), |change| {
        let mut writing = Writing { change, logon: &logon, code_page };
        elements.into_iter().try_for_each(|element| writing.element(upload, element))?;
        // What the root has so far.
        if let [Frame::Folder(folder)] = upload.frames.as_mut_slice() {
            writing.ensure(None, folder)?;
        }
        Ok::<_, Refusal>(())
    })?;
    let target = upload.target;
    let root = match (target, upload.frames.first_mut()) {
        (Target::Object(_), Some(Frame::Message(root))) => Frame::Message(std::mem::take(root)),
        (Target::Object(_), Some(Frame::Attachment(root))) => Frame::Attachment(std::mem::take(root)),
        _ => return Ok(()),
    };
    let Target::Object(handle) = target else { return Ok(()) };
    upload.released();
    apply(&mut context.session.objects, handle, root)
}

/// Applies what was received of an object to the open one.
fn apply(objects: &mut Objects, handle: u32, root: Frame) -> Result<(), Refusal> {
    let is_computed = |list: &[PropTag], tag: PropTag| list.iter().any(|known| known.is_same_property(tag));
    let opened = objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)?;
    match (&mut opened.object, root) {
        (Object::Message(message), Frame::Message(root)) => {
            if root.replaces_recipients || !root.recipients.is_empty() {
                let mut recipients =
                    if root.replaces_recipients { Vec::new() } else { message.recipients.clone() };
                for recipient in root.recipients {
                    add_recipient(&mut recipients, Some(recipient.row), recipient.properties);
                }
                message.set_recipients(recipients);
            }
            if root.replaces_attachments {
                for number in message.attachment_numbers() {
                    message.remove_attachment(number);
                }
            }
            for attachment in root.attachments {
                let number = message.next_attachment;
                message.next_attachment = number.saturating_add(1);
                message.edit.attachments.insert(number, attachment);
            }
            if message.recipients.len() > CHILDREN_MAX || message.attachment_numbers().len() > CHILDREN_MAX {
                return Err(ErrorCode::MAPI_E_TOO_BIG.into());
            }
            for (tag, value) in root.properties.iter().filter(|(tag, _)| !is_computed(&OF_MESSAGES, *tag)) {
                if !tag.is_same_property(PropTag::PidTagSubject) {
                    message.set(tag, value.clone());
                }
            }
        }
        (Object::Attachment(attachment), Frame::Attachment(root)) => {
            for (tag, value) in root.set.iter().filter(|(tag, _)| !is_computed(&OF_ATTACHMENTS, *tag)) {
                attachment.set(tag, value.clone());
            }
            if root.embedded.is_some() {
                attachment.edit.embedded = root.embedded;
            }
        }
        _ => return Err(ErrorCode::EC_NULL_OBJECT.into()),
    }
    Ok(())
}

/// Writes what a stream has to the store.
struct Writing<'a> {
    change: &'a Change<'a>,
    logon: &'a Logon,
    code_page: CodePage,
}

impl Writing<'_> {
    fn element(&mut self, upload: &mut Incoming, element: Element) -> Result<(), Refusal> {
        let mailbox = self.logon.mailbox.id;
        let marker = match element {
            Element::Property(property) if property.info.tag.is_same_property(PropTag::MetaTagFXDelProp) => {
                let tag = match property.value {
                    mapi::fast_transfer::Value::Integer32(tag) => PropTag(tag.cast_unsigned()),
                    _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
                };
                upload.replace(tag);
                return Ok(());
            }
            Element::Property(property) => {
                let stored = stored(self.change, mailbox, self.code_page, &property)?;
                return Ok(stored.map_or(Ok(()), |(tag, value)| upload.set(tag, value))?);
            }
            Element::Marker(marker) => marker,
        };
        match upload.mark(marker)? {
            Ended::Nothing => {}
            Ended::FolderNeeded => drop(self.folders(&mut upload.frames)?),
            Ended::Message(message) => {
                let folder = self.folders(&mut upload.frames)?;
                self.message(folder, message)?;
            }
            Ended::Folder(mut folder) => {
                let parent = self.folders(&mut upload.frames)?;
                self.ensure(Some(parent), &mut folder)?;
            }
        }
        Ok(())
    }

    /// Creates the folders that have begun, up to the innermost one that has an object in it, and returns that one.
    fn folders(&mut self, frames: &mut [Frame]) -> Result<ObjectId, Refusal> {
        let mut parent = None;
        let last = frames.len().saturating_sub(1);
        for (place, frame) in frames.iter_mut().enumerate() {
            match frame {
                // A folder that has just begun has no properties yet.
                Frame::Folder(folder) if folder.id.is_some() || place < last => {
                    parent = Some(self.ensure(parent, folder)?);
                }
                _ => break,
            }
        }
        parent.ok_or_else(|| ErrorCode::MAPI_E_INVALID_PARAMETER.into())
    }

    /// Creates a folder in `parent` if it does not exist, and sets the properties that were received.
    fn ensure(&mut self, parent: Option<ObjectId>, folder: &mut Folder) -> Result<ObjectId, Refusal> {
        let (change, mailbox) = (self.change, self.logon.mailbox.id);
        let mut received = std::mem::take(&mut folder.properties);
        let name = received.text(PropTag::PidTagDisplayName).unwrap_or_default();
        for tag in KNOWN {
            received.remove(tag);
        }
        if let Some(id) = folder.id {
            if !received.is_empty() {
                self.logon.require(change, id, OWNER)?;
                let stored = change.folder(mailbox, id)?;
                let mut properties = stored.properties;
                received.iter().for_each(|(tag, value)| properties.set(tag, value.clone()));
                check_folder(&properties)?;
                change.change_folder(mailbox, id, &stored.name, &properties)?;
            }
            return Ok(id);
        }
        let parent = parent.ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
        self.logon.require(change, parent, CREATE_SUBFOLDER | OWNER)?;
        check_folder(&received)?;
        if name.is_empty() || name.chars().count() > NAME_MAX {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
        }
        let new = NewFolder {
            id: None,
            parent: Some(parent),
            kind: FolderKind::Generic,
            name,
            properties: received,
        };
        let id = change.create_folder(mailbox, &new)?.id;
        copy_permissions(change, mailbox, parent, id)?;
        folder.id = Some(id);
        Ok(id)
    }

    fn message(&self, folder: ObjectId, mut message: Message) -> Result<(), Refusal> {
        self.logon.require(self.change, folder, CREATE)?;
        for tag in OF_MESSAGES.into_iter().chain([PropTag::PidTagSubject]) {
            message.properties.remove(tag);
        }
        let read = message.properties.integer(PropTag::PidTagMessageFlags).unwrap_or_default() & 1 != 0;
        let associated = message.associated;
        let new = NewMessage { id: None, associated, read, content: message.into_edit() };
        self.change.create_message(self.logon.mailbox.id, folder, &new)?;
        Ok(())
    }
}
