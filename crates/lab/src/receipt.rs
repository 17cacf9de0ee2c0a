//! The read state of messages, and the receipts that their senders requested ([MS-OXCMSG] 2.2.3.10,
//! [MS-OXOMSG] 2.2.1.29, 2.2.2).

use mapi::ErrorCode;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::message::ReadFlags;
use mapi::rop::recipient::RecipientType;
use mapi::rop::transport::MessageFlags;
use store::{Change, ContentEdit, Message, ObjectId, Properties, Recipient, ValueSource};

use crate::backend::Backend;
use crate::delivery::{resolve, sender};
use crate::mailbox::mailbox_within;
use crate::refusal::Refusal;
use crate::rules::Mailer;
use crate::session::logon::Logon;
use crate::values::message::of_content;

/// Requests that exclude one another ([MS-OXCMSG] 2.2.3.10.1), and the flags with a meaning.
const EXCLUSIVE: [ReadFlags; 3] = [
    ReadFlags::RF_CLEAR_READ_FLAG,
    ReadFlags::RF_GENERATE_RECEIPT_ONLY,
    ReadFlags(ReadFlags::RF_CLEAR_NOTIFY_READ.0 | ReadFlags::RF_CLEAR_NOTIFY_UNREAD.0),
];
const KNOWN: ReadFlags = ReadFlags(0x7f);
/// The receipts that are pending.
const PENDING: MessageFlags = MessageFlags(MessageFlags::MF_NOTIFY_READ.0 | MessageFlags::MF_NOTIFY_UNREAD.0);
/// Receipts are not replied to, as what rules have sent is not.
const HOPS: u32 = 1;

/// A valid request to change the read state of messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRequest(ReadFlags);

impl ReadRequest {
    /// # Errors
    /// `ecNotSupported` for unknown flags, `ecInvalidParam` for requests that exclude one another.
    pub(crate) fn new(flags: ReadFlags) -> Result<Self, Refusal> {
        if flags.0 & !KNOWN.0 != 0 {
            return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
        }
        if EXCLUSIVE.iter().filter(|one| flags.intersects(**one)).count() > 1 {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
        }
        Ok(Self(flags))
    }

    /// Whether the messages are read then; `None` if that does not change.
    fn read(self) -> Option<bool> {
        if self.0.contains(ReadFlags::RF_CLEAR_READ_FLAG) {
            return Some(false);
        }
        (!EXCLUSIVE.iter().any(|one| self.0.intersects(*one))).then_some(true)
    }

    /// Whether a pending read receipt is sent.
    fn sends(self) -> bool {
        self.read() == Some(true) && !self.0.contains(ReadFlags::RF_SUPPRESS_RECEIPT)
            || self.0.contains(ReadFlags::RF_GENERATE_RECEIPT_ONLY)
    }

    /// The pending receipts that are cancelled.
    fn cancelled(self) -> MessageFlags {
        let mut cancelled = MessageFlags::NONE;
        if self.read() == Some(true) {
            cancelled = PENDING;
        }
        if self.0.contains(ReadFlags::RF_CLEAR_NOTIFY_READ) {
            cancelled = cancelled | MessageFlags::MF_NOTIFY_READ;
        }
        if self.0.contains(ReadFlags::RF_CLEAR_NOTIFY_UNREAD) {
            cancelled = cancelled | MessageFlags::MF_NOTIFY_UNREAD;
        }
        cancelled
    }
}

/// Changes the read state of a message. Only the owner of the mailbox sends receipts, and cancels them. Returns the
/// message as it is then, and its `PidTagMessageFlags` in the store.
pub(crate) fn set_read(
    backend: &Backend,
    change: &Change<'_>,
    logon: &Logon,
    id: ObjectId,
    request: ReadRequest,
) -> Result<(Message, Option<MessageFlags>), Refusal> {
    let mailbox = logon.mailbox.id;
    if let Some(read) = request.read() {
        change.set_read(mailbox, id, read)?;
    }
    let message = change.message(mailbox, id)?;
    let Some(flags) = flags(change, &message)? else { return Ok((message, None)) };
    let mut left = flags;
    if logon.is_owner() {
        left = MessageFlags(flags.0 & !request.cancelled().0);
        if request.sends() && flags.contains(MessageFlags::MF_NOTIFY_READ) {
            send(backend, change, logon, &message, true)?;
            left = MessageFlags(flags.0 & !PENDING.0);
        }
    }
    if left != flags {
        change.set_flags(mailbox, id, PropTag::PidTagMessageFlags, left.0)?;
    }
    Ok((message, Some(left)))
}

/// Sends the non-read receipt of a message that is about to be deleted, if its sender requested one.
pub(crate) fn deleted(
    backend: &Backend,
    change: &Change<'_>,
    logon: &Logon,
    id: ObjectId,
) -> Result<(), Refusal> {
    let message = change.message(logon.mailbox.id, id)?;
    if !logon.is_owner() || message.read {
        return Ok(());
    }
    match flags(change, &message)? {
        Some(flags) if flags.contains(MessageFlags::MF_NOTIFY_UNREAD) => {
            send(backend, change, logon, &message, false)
        }
        _ => Ok(()),
    }
}

/// `PidTagMessageFlags` of a message, as the store has it.
fn flags(change: &Change<'_>, message: &Message) -> Result<Option<MessageFlags>, Refusal> {
    let value = change.value(message.content, ValueSource::Message, PropTag::PidTagMessageFlags)?;
    Ok(match value {
        Some(PropertyValue::Integer32(flags)) => Some(MessageFlags(flags.cast_unsigned())),
        _ => None,
    })
}

/// Sends a receipt for a message of the owner's mailbox. An address that is not in the directory receives none.
fn send(
    backend: &Backend,
    change: &Change<'_>,
    logon: &Logon,
    message: &Message,
    read: bool,
) -> Result<(), Refusal> {
    let original = change.small_properties(message.content)?;
    let Some(owner) = backend.person(&backend.config.user_dn(&logon.mailbox.owner)) else { return Ok(()) };
    let Some((recipient, people)) = addressees(&original)
        .map(|recipient| (recipient.clone(), resolve(backend, &[recipient]).people))
        .find(|(_, people)| !people.is_empty())
    else {
        return Ok(());
    };
    let set = properties(change, &original, sender(owner), read);
    let content = ContentEdit { set, recipients: Some(vec![recipient]), ..ContentEdit::default() };
    let mut mailer = Mailer::new(backend, change);
    for entry in people.into_iter().filter_map(|mid| backend.directory.entry(mid)) {
        let mailbox = mailbox_within(change, entry)?;
        mailer.deliver(&content, &logon.mailbox, (&mailbox, entry), HOPS)?;
    }
    mailer.finish()
}

/// To whom receipts for a message are sent: whom its sender named, or else the person who sent it
/// ([MS-OXCMAIL] 2.1.3.1.6).
fn addressees(original: &Properties) -> impl Iterator<Item = Recipient> {
    let groups = [
        (PropTag::PidTagReadReceiptAddressType, PropTag::PidTagReadReceiptEmailAddress),
        (PropTag::PidTagSentRepresentingAddressType, PropTag::PidTagSentRepresentingEmailAddress),
    ];
    groups.into_iter().filter_map(|(kind, address)| {
        let (kind, address) = (original.text(kind)?, original.text(address)?);
        let properties = Properties::from([
            (PropTag::PidTagRecipientType, PropertyValue::Integer32(i32::from(RecipientType::PRIMARY.0))),
            (PropTag::PidTagAddressType, PropertyValue::from(kind.as_str())),
            (PropTag::PidTagEmailAddress, PropertyValue::from(address.as_str())),
            (PropTag::PidTagDisplayName, PropertyValue::from(address.as_str())),
        ]);
        Some(Recipient { row: 0, properties })
    })
}

/// The properties of a receipt for the message `original` ([MS-OXOMSG] 2.2.2), which `sender` sends.
fn properties(change: &Change<'_>, original: &Properties, sender: Properties, read: bool) -> Properties {
    let mut set = sender;
    let subject = of_content(original, PropTag::PidTagSubject).and_then(|subject| subject.to_text());
    let subject = subject.unwrap_or_default();
    let class = original.text(PropTag::PidTagMessageClass).unwrap_or_else(|| "IPM.Note".to_owned());
    let (kind, what) = if read { ("IPNRN", "Read") } else { ("IPNNRN", "Not read") };
    let text = if read { "was read." } else { "was deleted without being read." };
    let text = format!("Your message \"{subject}\" {text}");
    let now = PropertyValue::Time(change.now());
    for (tag, value) in [
        (PropTag::PidTagMessageClass, PropertyValue::from(format!("REPORT.{class}.{kind}").as_str())),
        (PropTag::PidTagSubjectPrefix, PropertyValue::from("")),
        (PropTag::PidTagNormalizedSubject, PropertyValue::from(format!("{what}: {subject}").as_str())),
        (PropTag::PidTagOriginalSubject, PropertyValue::from(subject.as_str())),
        (PropTag::PidTagBody, PropertyValue::from(text.as_str())),
        (PropTag::PidTagClientSubmitTime, now.clone()),
        (PropTag::PidTagReceiptTime, now.clone()),
        (PropTag::PidTagReportTime, now),
    ] {
        set.set(tag, value);
    }
    for (to, from) in [
        (PropTag::PidTagOriginalSubmitTime, PropTag::PidTagClientSubmitTime),
        (PropTag::PidTagOriginalDeliveryTime, PropTag::PidTagMessageDeliveryTime),
        (PropTag::PidTagParentKey, PropTag::PidTagSearchKey),
        (PropTag::PidTagReportTag, PropTag::PidTagReportTag),
    ] {
        if let Some(value) = original.get(from) {
            set.set(to, value.clone());
        }
    }
    set
}
