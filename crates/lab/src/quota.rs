//! The quotas of mailboxes: from which size on the owner is warned, can send nothing, and receives and saves nothing.

use mapi::ErrorCode;
use mapi::property::{PropTag, PropertyValue};
use store::{Change, ContentEdit, Mailbox, MailboxKind, NewMessage, Properties, View};
use wire::FileTime;

use crate::backend::Backend;
use crate::config::Quota;
use crate::mailbox::{INBOX, special};
use crate::refusal::Refusal;

/// `ecQuotaExceeded`: the mailbox is too large to send ([MS-OXCDATA] 2.4).
pub(crate) const QUOTA_EXCEEDED: ErrorCode = ErrorCode(0x0000_04D9);
/// `ecShutoffQuotaExceeded`: the mailbox is too large to receive or save more ([MS-OXCDATA] 2.4).
pub(crate) const SHUTOFF_QUOTA_EXCEEDED: ErrorCode = ErrorCode(0x0000_04DD);
/// Bytes of a kilobyte.
const KILOBYTE: u64 = 1024;

/// The quota of a mailbox, if it has one.
pub(crate) fn of<'a>(backend: &'a Backend, mailbox: &Mailbox) -> Option<&'a Quota> {
    match mailbox.kind {
        MailboxKind::Private => backend.config.quota(&mailbox.owner),
        MailboxKind::Public => None,
    }
}

/// Whether `size` bytes reach the limit `kilobytes`.
fn reaches(size: u64, kilobytes: Option<u32>) -> bool {
    kilobytes.is_some_and(|limit| size >= u64::from(limit).saturating_mul(KILOBYTE))
}

/// Succeeds if the owner of a mailbox may send.
///
/// # Errors
/// `ecQuotaExceeded`.
pub(crate) fn check_sending(backend: &Backend, view: &View<'_>, mailbox: &Mailbox) -> Result<(), Refusal> {
    match of(backend, mailbox) {
        Some(quota) if reaches(view.size_of_mailbox(mailbox.id)?, quota.send) => Err(QUOTA_EXCEEDED.into()),
        _ => Ok(()),
    }
}

/// Whether a mailbox receives `more` bytes.
pub(crate) fn has_room(
    backend: &Backend,
    view: &View<'_>,
    mailbox: &Mailbox,
    more: usize,
) -> store::Result<bool> {
    let Some(limit) = of(backend, mailbox).and_then(|quota| quota.receive) else { return Ok(true) };
    Ok(!reaches(
        view.size_of_mailbox(mailbox.id)?.saturating_add(u64::try_from(more).unwrap_or(u64::MAX)),
        Some(limit),
    ))
}

/// Calls `change` as [`Backend::write`] does, for a user who works in `mailbox`. It may not make the mailbox larger if
/// that is then too large.
///
/// # Errors
/// Those of `change`, and `ecShutoffQuotaExceeded`.
pub(crate) fn write<T>(
    backend: &Backend,
    mailbox: &Mailbox,
    now: FileTime,
    change: impl FnOnce(&Change<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let Some(quota) = of(backend, mailbox) else { return backend.write(now, change) };
    backend.write(now, |changed| {
        let before = changed.size_of_mailbox(mailbox.id)?;
        let result = change(changed)?;
        let after = changed.size_of_mailbox(mailbox.id)?;
        if after > before && reaches(after, quota.receive) {
            return Err(SHUTOFF_QUOTA_EXCEEDED.into());
        }
        warn(changed, mailbox, quota, (before, after))?;
        Ok(result)
    })
}

/// Calls `deliver`, which puts a message into `mailbox`, and warns the owner if the mailbox becomes too large.
pub(crate) fn delivering<T>(
    backend: &Backend,
    change: &Change<'_>,
    mailbox: &Mailbox,
    deliver: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let Some(quota) = of(backend, mailbox) else { return deliver() };
    let before = change.size_of_mailbox(mailbox.id)?;
    let result = deliver()?;
    warn(change, mailbox, quota, (before, change.size_of_mailbox(mailbox.id)?))?;
    Ok(result)
}

/// Creates a warning in the inbox, if the size of the mailbox has reached the limit for it.
fn warn(
    change: &Change<'_>,
    mailbox: &Mailbox,
    quota: &Quota,
    (before, after): (u64, u64),
) -> Result<(), Refusal> {
    let Some(limit) = quota.warning.filter(|_| !reaches(before, quota.warning)) else { return Ok(()) };
    if !reaches(after, Some(limit)) {
        return Ok(());
    }
    let kilobytes = |limit: Option<u32>| limit.map_or("no limit".to_owned(), |limit| format!("{limit} KB"));
    let text = format!(
        "Your mailbox has {} KB. Limit for sending: {}; for receiving and saving: {}.",
        after / KILOBYTE,
        kilobytes(quota.send),
        kilobytes(quota.receive)
    );
    let set = Properties::from([
        (PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note.StorageQuotaWarning.Warning")),
        (PropTag::PidTagSubjectPrefix, PropertyValue::from("")),
        (PropTag::PidTagNormalizedSubject, PropertyValue::from("Your mailbox is almost full")),
        (PropTag::PidTagBody, PropertyValue::from(text.as_str())),
        (PropTag::PidTagSenderName, PropertyValue::from("Mail Delivery System")),
        (PropTag::PidTagImportance, PropertyValue::Integer32(2)),
        (PropTag::PidTagMessageDeliveryTime, PropertyValue::Time(change.now())),
    ]);
    let content = ContentEdit { set, ..ContentEdit::default() };
    let new = NewMessage { content, ..NewMessage::default() };
    let message = change.create_message(mailbox.id, special(INBOX), &new)?;
    change.delivered(mailbox.id, special(INBOX), message.id);
    Ok(())
}
