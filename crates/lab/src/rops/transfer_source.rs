//! Copies of objects as streams, which clients download ([MS-OXCFXICS] 3.2.5.8.1.1 to 3.2.5.8.1.4).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::property::PropTag;
use mapi::rop::fast_transfer::{
    CopyToFlags, FolderCopyFlags, MessageCopyFlags, PropertyCopyFlags,
    RopFastTransferSourceCopyFolderRequest, RopFastTransferSourceCopyMessagesRequest,
    RopFastTransferSourceCopyPropertiesRequest, RopFastTransferSourceCopyToRequest, SendOptions,
};
use mapi::rop::{Empty, ResponseBody};
use store::{ObjectId, ValueSource};

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use super::sync::{KNOWN_OPTIONS, encoding};
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER, READ_ANY};
use crate::session::{Object, Opened};
use crate::sync::content::{MessageParts, Reading, embedded};
use crate::sync::copied::folder_content;
use crate::sync::download::Download;
use crate::sync::element::{Encoding, Filter};
use crate::sync::step::Step;
use crate::values::flags::flags;

/// Sub-objects, which a client can exclude from a copy.
const CHILDREN: [PropTag; 6] = [
    PropTag::PidTagMessageRecipients,
    PropTag::PidTagMessageAttachments,
    PropTag::PidTagAttachDataObject,
    PropTag::PidTagContainerContents,
    PropTag::PidTagFolderAssociatedContents,
    PropTag::PidTagContainerHierarchy,
];

/// `RopTellVersion`: a server's version has no effect ([MS-OXCFXICS] 3.2.5.8.1.6).
pub(super) fn tell_version(context: &Context<'_>) -> Outcome {
    context.opened()?;
    done(ResponseBody::RopTellVersion(Empty))
}

fn download(
    context: &Context<'_>,
    (logon, encoding): (&Arc<Logon>, Encoding),
    steps: Vec<Step>,
    body: ResponseBody,
) -> Outcome {
    let download = Download::of_steps(steps, encoding, Filter::default());
    context.session.objects.check_room(download.size())?;
    Ok(Success::opened(body, logon, Object::Download(Box::new(download))))
}

/// `RopFastTransferSourceCopyMessages` ([MS-OXCFXICS] 3.2.5.8.1.3). Messages that are not in the folder are left out.
pub(super) fn copy_messages(
    context: &Context<'_>,
    request: &RopFastTransferSourceCopyMessagesRequest,
) -> Outcome {
    let ((logon, folder), flags) = (context.folder()?, request.copy_flags);
    let known = MessageCopyFlags::MOVE | MessageCopyFlags::BEST_BODY | MessageCopyFlags::SEND_ENTRY_ID;
    check(flags.0.into(), known.0.into(), request.send_options)?;
    let with_ids = flags.contains(MessageCopyFlags::SEND_ENTRY_ID);
    let steps = context.backend().read(|view| {
        logon.require(view, folder, READ_ANY | OWNER)?;
        let mut steps = Vec::new();
        for id in request.message_ids.0.iter().copied().map(ObjectId::from) {
            match view.message(logon.mailbox.id, id) {
                Ok(message) if message.folder == folder => steps.push(Step::Message { id, with_ids }),
                Ok(_) | Err(store::Error::NotFound(_)) => {}
                Err(error) => return Err(Refusal::from(error)),
            }
        }
        Ok(steps)
    })?;
    let encoding = encoding(context, request.send_options);
    download(context, (&logon, encoding), steps, ResponseBody::RopFastTransferSourceCopyMessages(Empty))
}

/// `RopFastTransferSourceCopyFolder` ([MS-OXCFXICS] 3.2.5.8.1.4).
pub(super) fn copy_folder(
    context: &Context<'_>,
    request: &RopFastTransferSourceCopyFolderRequest,
) -> Outcome {
    let ((logon, id), flags) = (context.folder()?, request.copy_flags);
    let known = FolderCopyFlags::MOVE | FolderCopyFlags::COPY_SUBFOLDERS;
    check(flags.0.into(), known.0.into(), request.send_options)?;
    context.backend().read(|view| logon.require(view, id, READ_ANY | OWNER))?;
    let is_deep = flags.contains(FolderCopyFlags::COPY_SUBFOLDERS);
    let steps = vec![Step::Folder { id, is_top: true, is_deep }];
    let encoding = encoding(context, request.send_options);
    download(context, (&logon, encoding), steps, ResponseBody::RopFastTransferSourceCopyFolder(Empty))
}

/// `RopFastTransferSourceCopyTo` ([MS-OXCFXICS] 3.2.5.8.1.1).
pub(super) fn copy_to(context: &Context<'_>, request: &RopFastTransferSourceCopyToRequest) -> Outcome {
    // Exchange 2013 and later refuse `Move` ([MS-OXCFXICS] 3.2.5.8.1.1).
    check(request.copy_flags.0, CopyToFlags::BEST_BODY.0, request.send_options)?;
    let filter = Filter::all_except(&request.property_tags.0);
    let body = ResponseBody::RopFastTransferSourceCopyTo(Empty);
    copy(context, (&filter, request.level.0 != 0), request.send_options, body)
}

/// `RopFastTransferSourceCopyProperties` ([MS-OXCFXICS] 3.2.5.8.1.2).
pub(super) fn copy_properties(
    context: &Context<'_>,
    request: &RopFastTransferSourceCopyPropertiesRequest,
) -> Outcome {
    check(request.copy_flags.0.into(), PropertyCopyFlags::MOVE.0.into(), request.send_options)?;
    let filter = Filter::only(&request.property_tags.0);
    let body = ResponseBody::RopFastTransferSourceCopyProperties(Empty);
    copy(context, (&filter, request.level.0 != 0), request.send_options, body)
}

/// Refuses unknown flags. The client's capabilities beside the encoding of texts have no effect.
fn check(flags: u32, known: u32, options: SendOptions) -> Result<(), Refusal> {
    if flags & !known != 0 || options.0 & !KNOWN_OPTIONS != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    Ok(())
}

/// Copies what `filter` selects of an object; without sub-objects if it is `shallow`.
fn copy(
    context: &Context<'_>,
    (filter, shallow): (&Filter, bool),
    options: SendOptions,
    body: ResponseBody,
) -> Outcome {
    let Opened { logon, object } = context.opened()?;
    let encoding = encoding(context, options);
    let is_child = |tag: PropTag| CHILDREN.iter().any(|child| child.is_same_property(tag));
    let admits = |tag: PropTag| filter.admits(tag) && !(shallow && is_child(tag));
    let steps = context.backend().read(|view| {
        let reading = Reading { view, mailbox: logon.mailbox.id, encoding, filter };
        match object {
            Object::Folder(id) => {
                logon.require(view, *id, READ_ANY | OWNER)?;
                Ok(folder_content(&reading, logon, &view.folder(logon.mailbox.id, *id)?, &admits)?)
            }
            Object::Message(message) => {
                let (read, associated) =
                    message.stored.as_ref().map_or((true, false), |stored| (stored.read, stored.associated));
                let parts = MessageParts {
                    content: message.content,
                    properties: &message.properties.values,
                    large: &message.properties.large,
                    recipients: &message.recipients,
                    attachments: message.attachments.values().collect(),
                    flags: flags(&message.properties.values, read, associated),
                    created: None,
                };
                Ok::<_, Refusal>(reading.message(&parts, &admits)?)
            }
            Object::Attachment(attachment) => {
                let mut steps = Vec::new();
                for (tag, value) in attachment.properties.values.iter().filter(|(tag, _)| admits(*tag)) {
                    steps.extend(reading.step(tag, value)?);
                }
                if let Some(content) = attachment.content {
                    let source = (content, ValueSource::Attachment(attachment.number));
                    reading.large(&mut steps, source, &attachment.properties.large, &admits)?;
                }
                embedded(&mut steps, attachment.embedded, &admits);
                Ok(steps)
            }
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    })?;
    download(context, (logon, encoding), steps, body)
}
