//! Determines the objects that ROPs open.

use std::sync::Arc;

use mapi::data::FolderId;
use mapi::property::PropTag;
use mapi::rop::folder::TableFlags;
use mapi::rop::logon::{LogonFlags, RopLogonRequest, RopLogonResponse};
use mapi::rop::recipient::OpenRecipients;
use mapi::rop::sync::{ImportFlag, SynchronizationType};
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};

use super::content::Content;
use super::fast_transfer::{FastTransfer, FastTransferKind};
use super::object::{Attachment, Logon, Message, Object, ObjectKind, Stream, Table, TableKind};
use super::slots::BatchObjects;

/// The maximum length of the content that the clone of a stream receives, in bytes.
const MAX_CLONED: usize = 0x8000;

/// The object that `request` opens, with its index in the handle table. Without a response the ROP is assumed to
/// succeed. `None` if the ROP failed, or opens no object of a known kind.
pub(super) fn opened_by(
    objects: &BatchObjects<'_>,
    request: &RopRequest,
    reply: Option<&RopReply>,
) -> Option<(u8, Object)> {
    let index = request.output_handle_index()?;
    if reply.is_some_and(|reply| matches!(reply.body, ResponseBody::Failed(_))) {
        return None;
    }
    let kind = opened_kind(objects, request, reply.map(|reply| &reply.body))?;
    let parent =
        request.acted_on_index().and_then(|acted_on| objects.open_handle(request.logon_id, acted_on));
    Some((index, Object { kind, parent }))
}

fn opened_kind(
    objects: &BatchObjects<'_>,
    request: &RopRequest,
    reply: Option<&ResponseBody>,
) -> Option<ObjectKind> {
    match &request.body {
        RequestBody::RopLogon(request) => logon(request, reply),
        RequestBody::RopOpenFolder(request) => Some(ObjectKind::Folder { id: request.folder_id }),
        RequestBody::RopCreateFolder(_) => {
            // The id is known from the response only.
            let id = match reply {
                Some(ResponseBody::RopCreateFolder(opened)) => opened.folder_id,
                _ => FolderId(0),
            };
            Some(ObjectKind::Folder { id })
        }
        RequestBody::RopGetHierarchyTable(_) => Some(table(TableKind::Hierarchy)),
        RequestBody::RopGetContentsTable(request) => {
            let associated = request.table_flags.contains(TableFlags::ASSOCIATED);
            Some(table(TableKind::Contents { associated }))
        }
        RequestBody::RopGetAttachmentTable(_) => Some(table(TableKind::Attachments)),
        RequestBody::RopGetPermissionsTable(_) => Some(table(TableKind::Permissions)),
        RequestBody::RopGetRulesTable(_) => Some(table(TableKind::Rules)),
        RequestBody::RopOpenMessage(_)
        | RequestBody::RopCreateMessage(_)
        | RequestBody::RopOpenEmbeddedMessage(_)
        | RequestBody::RopSynchronizationImportMessageChange(_) => {
            opened_message(&request.body, reply).map(|message| ObjectKind::Message(Box::new(message)))
        }
        RequestBody::RopOpenAttachment(request) => Some(attachment(Some(request.attachment_id))),
        RequestBody::RopCreateAttachment(_) => Some(attachment(match reply {
            Some(ResponseBody::RopCreateAttachment(opened)) => Some(opened.attachment_id),
            _ => None,
        })),
        RequestBody::RopRegisterNotification(_) => Some(ObjectKind::Subscription),
        RequestBody::RopOpenStream(request) => Some(stream(request.property_tag)),
        RequestBody::RopCloneStream(_) => match &objects.acted_on(request)?.kind {
            ObjectKind::Stream(original) => Some(ObjectKind::Stream(Box::new(cloned(original)))),
            _ => None,
        },
        body => {
            let kind = opened_transfer(body)?;
            let folder = objects.acted_on(request).and_then(|object| folder_of(&object.kind));
            Some(ObjectKind::FastTransfer(Box::new(FastTransfer::new(kind, folder))))
        }
    }
}

/// A mailbox, unless the server redirects the client to another server.
fn logon(request: &RopLogonRequest, response: Option<&ResponseBody>) -> Option<ObjectKind> {
    if matches!(response, Some(ResponseBody::RopLogon(RopLogonResponse::Redirect(_)))) {
        return None;
    }
    let private = request.logon_flags.contains(LogonFlags::PRIVATE);
    let mailbox = request.dn().to_vec();
    Some(ObjectKind::Logon(Box::new(Logon { private, mailbox, ..Logon::default() })))
}

fn opened_message(request: &RequestBody, reply: Option<&ResponseBody>) -> Option<Message> {
    let columns = |recipients: &OpenRecipients| Some(Arc::from(recipients.recipient_columns.as_slice()));
    let mut message = Message { recipient_columns: Some(Arc::default()), ..Message::default() };
    match request {
        RequestBody::RopOpenMessage(request) => {
            message.folder = Some(request.folder_id);
            message.id = Some(request.message_id);
        }
        RequestBody::RopCreateMessage(request) => {
            message.folder = Some(request.folder_id);
            message.associated = request.associated_flag.is_true();
        }
        RequestBody::RopOpenEmbeddedMessage(_) => message.embedded = true,
        RequestBody::RopSynchronizationImportMessageChange(request) => {
            message.associated = request.import_flag.contains(ImportFlag::ASSOCIATED);
        }
        _ => return None,
    }
    match reply {
        Some(ResponseBody::RopOpenMessage(opened)) => message.recipient_columns = columns(&opened.recipients),
        Some(ResponseBody::RopOpenEmbeddedMessage(opened)) => {
            message.id = Some(opened.message_id);
            message.recipient_columns = columns(&opened.recipients);
        }
        Some(ResponseBody::RopCreateMessage(opened)) => message.id = opened.message_id,
        Some(ResponseBody::RopSynchronizationImportMessageChange(opened)) => {
            message.id = Some(opened.message_id);
        }
        _ => {}
    }
    Some(message)
}

fn attachment(number: Option<u32>) -> ObjectKind {
    ObjectKind::Attachment(Box::new(Attachment { number, ..Attachment::default() }))
}

/// The folder that an object is, or that contains it.
fn folder_of(kind: &ObjectKind) -> Option<FolderId> {
    match kind {
        ObjectKind::Folder { id } => Some(*id),
        ObjectKind::Message(message) => message.folder,
        ObjectKind::FastTransfer(transfer) => transfer.folder,
        _ => None,
    }
}

fn opened_transfer(request: &RequestBody) -> Option<FastTransferKind> {
    Some(match request {
        RequestBody::RopFastTransferSourceCopyFolder(_)
        | RequestBody::RopFastTransferSourceCopyMessages(_)
        | RequestBody::RopFastTransferSourceCopyTo(_)
        | RequestBody::RopFastTransferSourceCopyProperties(_) => FastTransferKind::Download,
        RequestBody::RopSynchronizationGetTransferState(_) => FastTransferKind::SynchronizationState,
        RequestBody::RopFastTransferDestinationConfigure(_) => FastTransferKind::Upload,
        RequestBody::RopSynchronizationConfigure(request) => FastTransferKind::SynchronizationDownload {
            contents: request.synchronization_type == SynchronizationType::CONTENTS,
        },
        RequestBody::RopSynchronizationOpenCollector(request) => {
            FastTransferKind::SynchronizationUpload { contents: request.is_contents_collector.is_true() }
        }
        _ => return None,
    })
}

fn table(kind: TableKind) -> ObjectKind {
    ObjectKind::Table(Box::new(Table { kind, columns: None }))
}

/// The clone of a stream (`RopCloneStream`). The bytes of a long stream are not copied: a client may send thousands of
/// such ROPs in one batch.
fn cloned(original: &Stream) -> Stream {
    let content = if original.content.bytes().len() <= MAX_CLONED {
        original.content.clone()
    } else {
        let mut content = Content::default();
        content.truncated = true;
        content
    };
    Stream { tag: original.tag, position: original.position, content }
}

fn stream(tag: PropTag) -> ObjectKind {
    ObjectKind::Stream(Box::new(Stream { tag, position: 0, content: Content::default() }))
}
