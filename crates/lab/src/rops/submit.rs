//! Sending messages ([MS-OXOMSG] 3.3.5.1).

use mapi::ErrorCode;
use mapi::data::{FolderId, ServerId};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::transport::{
    Help, MessageFlags, RopGetAddressTypesResponse, RopGetTransportFolderResponse, RopOptionsDataRequest,
    RopOptionsDataResponse, RopSubmitMessageRequest, RopTransportSendResponse, SentProperties, SubmitFlags,
};
use mapi::rop::{AsciiZ, Bool, Bytes16, Empty, ResponseBody};
use store::{Change, Mailbox, ObjectId};

use super::context::Context;
use super::message::save_in_folder;
use super::outcome::{Outcome, done};
use super::recipient::sync_display;
use crate::delivery::{NO_RECIPIENTS, Reason, Resolved, report, resolve, sender};
use crate::directory::Entry;
use crate::export::exported;
use crate::mailbox::{OUTBOX, special};
use crate::quota;
use crate::refusal::Refusal;
use crate::rules::Mailer;
use crate::session::logon::Logon;
use crate::session::message::{OpenMessage, Place};
use crate::values::message::of_content;

/// The address types to which messages can be sent.
const ADDRESS_TYPES: [&str; 2] = ["EX", "SMTP"];
/// The largest message that can be sent, in bytes, and the most bytes of all its copies.
const MESSAGE_MAX: u64 = 32 << 20;
const COPIES_MAX: u64 = 256 << 20;

/// `RopSubmitMessage`. There is no spooler.
pub(super) fn submit(context: &mut Context<'_>, request: &RopSubmitMessageRequest) -> Outcome {
    if request.submit_flags.contains(SubmitFlags::NEEDS_SPOOLER) {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    send(context)?;
    done(ResponseBody::RopSubmitMessage(Empty))
}

/// `RopTransportSend`.
pub(super) fn transport_send(context: &mut Context<'_>) -> Outcome {
    send(context)?;
    done(ResponseBody::RopTransportSend(RopTransportSendResponse {
        no_properties_returned: Bool::TRUE,
        property_values: SentProperties(None),
    }))
}

/// `RopGetAddressTypes`.
pub(super) fn address_types(context: &Context<'_>) -> Outcome {
    context.on_logon()?;
    let address_types = ADDRESS_TYPES.map(|name| AsciiZ(name.as_bytes().to_vec())).to_vec();
    done(ResponseBody::RopGetAddressTypes(RopGetAddressTypesResponse { address_types }))
}

/// `RopOptionsData`: no address type has options ([MS-OXOMSG] 3.3.5).
pub(super) fn options(context: &Context<'_>, request: &RopOptionsDataRequest) -> Outcome {
    context.on_logon()?;
    if !ADDRESS_TYPES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(&request.address_type.0)) {
        return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
    }
    let options_info = Bytes16(Vec::new().into());
    done(ResponseBody::RopOptionsData(RopOptionsDataResponse { reserved: 1, options_info, help: Help(None) }))
}

/// `RopGetTransportFolder`.
pub(super) fn transport_folder(context: &Context<'_>) -> Outcome {
    context.on_logon()?;
    let folder_id: FolderId = special(OUTBOX).folder_id();
    done(ResponseBody::RopGetTransportFolder(RopGetTransportFolderResponse { folder_id }))
}

/// Saves the message and delivers it to all recipients, or does nothing.
fn send(context: &mut Context<'_>) -> Result<(), Refusal> {
    let backend = context.backend();
    let (_, logon, message) = context.message()?;
    let Place::Folder { folder, associated: false } = message.place else {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    };
    if !message.is_writable || !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    if message.recipients.is_empty() {
        return Err(NO_RECIPIENTS.into());
    }
    let own = backend.person(&backend.config.user_dn(&logon.user)).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let now = backend.now();
    sync_display(message);
    for (tag, value) in sender(own).iter() {
        message.set(tag, value.clone());
    }
    message.set(PropTag::PidTagClientSubmitTime, PropertyValue::Time(now));
    let has_attachments = !message.attachment_numbers().is_empty();
    message.set(PropTag::PidTagHasAttachments, PropertyValue::Boolean(has_attachments));
    let flags = MessageFlags::MF_READ | MessageFlags::MF_FROM_ME;
    message.set(PropTag::PidTagMessageFlags, PropertyValue::Integer32(flags.0.cast_signed()));
    let Resolved { people, unknown } = resolve(&backend, &message.recipients);
    let people = people.into_iter().filter_map(|mid| backend.directory.entry(mid));
    let mailboxes = people.map(|entry| Ok((backend.mailbox_of(entry)?, entry)));
    let mailboxes = mailboxes.collect::<Result<Vec<(Mailbox, &Entry)>, Refusal>>()?;
    let subject = of_content(&message.properties.values, PropTag::PidTagSubject);
    let subject = subject.and_then(|subject| subject.to_text()).unwrap_or_default();
    let after = After::of(message);
    let sent = quota::write(&backend, &logon.mailbox, now, |change| {
        quota::check_sending(&backend, change, &logon.mailbox)?;
        let saved = save_in_folder(change, &logon, message, (folder, false), false)?;
        let stored = saved.stored.as_ref().ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        let copies = u64::try_from(mailboxes.len()).unwrap_or(u64::MAX);
        if stored.size > MESSAGE_MAX || stored.size.saturating_mul(copies) > COPIES_MAX {
            return Err(Refusal(ErrorCode::MAPI_E_TOO_BIG));
        }
        let content = exported(change, stored.content)?;
        let mut mailer = Mailer::new(&backend, change);
        for (mailbox, entry) in &mailboxes {
            mailer.deliver(&content, &logon.mailbox, (mailbox, entry), 0)?;
        }
        mailer.finish()?;
        if !unknown.is_empty() {
            report(&backend, change, &logon.mailbox, &subject, (unknown, Reason::Unknown))?;
        }
        after.apply(change, &logon, stored.id)?;
        Ok(saved)
    })?;
    // The client releases a message that it has sent.
    *message = OpenMessage { is_writable: false, ..sent };
    Ok(())
}

/// What becomes of the sender's copy ([MS-OXOMSG] 2.2.3.8, 2.2.3.10).
enum After {
    Stays,
    Deleted,
    Moved(ObjectId),
}

impl After {
    fn of(message: &OpenMessage) -> Self {
        if message.properties.values.integer(PropTag::PidTagDeleteAfterSubmit).unwrap_or_default() != 0 {
            return Self::Deleted;
        }
        match message.properties.values.get(PropTag::PidTagSentMailSvrEID) {
            Some(PropertyValue::ServerId(ServerId::Ours { folder_id, .. })) => {
                Self::Moved(ObjectId::from(*folder_id))
            }
            _ => Self::Stays,
        }
    }

    fn apply(&self, change: &Change<'_>, logon: &Logon, id: ObjectId) -> Result<(), Refusal> {
        let mailbox = logon.mailbox.id;
        match self {
            Self::Stays => Ok(()),
            Self::Deleted => Ok(change.delete_message(mailbox, id, false)?),
            Self::Moved(folder) => Ok(change.move_message(mailbox, id, mailbox, *folder).map(drop)?),
        }
    }
}
