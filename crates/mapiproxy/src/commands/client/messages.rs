//! `mapiproxy client list`, `read` and `watch`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use client::{AttachmentInfo, Message, Recipient};
use mapi::data::MessageId;
use mapi::notification::{Event, NotificationData};
use mapi::property::PropTag;
use mapi::rop::notification::NotificationTypes;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::arguments::Read;
use super::printer::{Printer, progress, shown, shown_lines};
use super::session::Session;
use crate::failure::{Failure, Outcome, report};

/// `mfRead` of `PidTagMessageFlags` ([MS-OXCMSG] 2.2.1.6).
const READ: i64 = 1;

/// The bytes of an attachment that are read at a time.
const PIECE: usize = 32 << 10;

/// Lists messages.
pub(super) async fn list(session: &Session, printer: Printer, folder: &str, limit: usize) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    let folder = mailbox.find_folder(folder).await?;
    let page = u16::try_from(limit.min(200)).unwrap_or(1);
    let messages = folder.messages().sort(PropTag::PidTagMessageDeliveryTime, true).page(page);
    let mut messages = messages.open().await?;
    let mut count = 0;
    while count < limit
        && let Some(row) = messages.next().await?
    {
        count += 1;
        let text = |tag| row.text(tag).unwrap_or_default();
        let id = format!("{:#x}", row.message_id().unwrap_or_default().0);
        let received = row.time(PropTag::PidTagMessageDeliveryTime);
        let received = received.map(|time| time.to_string()).unwrap_or_default();
        let is_read = row.integer(PropTag::PidTagMessageFlags).unwrap_or_default() & READ != 0;
        let (sender, subject) = (text(PropTag::PidTagSenderName), text(PropTag::PidTagSubject));
        let mark = if is_read { ' ' } else { '*' };
        let day = received.get(..16).unwrap_or(&received);
        let line = format!("{mark} {id:<18} {day:<16} {:<24} {}", shown(&sender), shown(&subject));
        let json = json!({
            "id": id,
            "received": received,
            "sender": sender,
            "subject": subject,
            "is_read": is_read,
            "size": row.integer(PropTag::PidTagMessageSize),
            "class": row.text(PropTag::PidTagMessageClass),
        });
        printer.print(line, &json)?;
    }
    drop((messages, folder));
    mailbox.disconnect().await?;
    Ok(())
}

/// Prints a message, and saves its attachments.
pub(super) async fn read(session: &Session, printer: Printer, read: &Read) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    let folder = mailbox.find_folder(&read.folder).await?;
    let message = folder.open_message(MessageId(read.id)).await?;
    let values = message
        .get(&[
            PropTag::PidTagSubject,
            PropTag::PidTagSenderName,
            PropTag::PidTagSenderSmtpAddress,
            PropTag::PidTagMessageDeliveryTime,
            PropTag::PidTagBody,
        ])
        .await?;
    let text = |tag| values.text(tag).unwrap_or_default();
    let recipients = message.recipients().await?;
    let attachments = message.attachments().await?;
    let time = values.time(PropTag::PidTagMessageDeliveryTime).map(|time| time.to_string());
    let mut head = vec![
        format!("From: {} <{}>", text(PropTag::PidTagSenderName), text(PropTag::PidTagSenderSmtpAddress)),
        format!("Date: {}", time.clone().unwrap_or_default()),
    ];
    head.extend(
        recipients.iter().map(|each| format!("{}: {} <{}>", each.kind.name(), each.name, address(each))),
    );
    head.push(format!("Subject: {}", text(PropTag::PidTagSubject)));
    head.extend(attachments.iter().map(|each| {
        let kind = if each.is_message { ", a message" } else { "" };
        format!("Attachment {}: {} ({} bytes{kind})", each.number, each.name, each.size)
    }));
    let head: Vec<String> = head.iter().map(|line| shown(line)).collect();
    let body = text(PropTag::PidTagBody);
    let json = json!({
        "id": format!("{:#x}", read.id),
        "subject": text(PropTag::PidTagSubject),
        "sender": { "name": text(PropTag::PidTagSenderName), "smtp": text(PropTag::PidTagSenderSmtpAddress) },
        "received": time,
        "recipients": recipients.iter().map(recipient_json).collect::<Vec<_>>(),
        "attachments": attachments.iter().map(attachment_json).collect::<Vec<_>>(),
        "body": body,
    });
    printer.print(format_args!("{}\n\n{}", head.join("\n"), shown_lines(&body)), &json)?;
    if let Some(directory) = &read.save {
        for attachment in attachments.iter().filter(|each| !each.is_message) {
            save(&message, attachment, directory).await?;
        }
    }
    drop((message, folder));
    mailbox.disconnect().await?;
    Ok(())
}

fn address(recipient: &Recipient) -> &str {
    recipient.smtp.as_deref().unwrap_or(&recipient.address)
}

fn recipient_json(recipient: &Recipient) -> Value {
    json!({ "kind": recipient.kind.name(), "name": recipient.name, "address": address(recipient) })
}

fn attachment_json(attachment: &AttachmentInfo) -> Value {
    json!({
        "number": attachment.number,
        "name": attachment.name,
        "size": attachment.size,
        "is_message": attachment.is_message,
    })
}

/// Saves an attachment as a new file in `directory`.
async fn save(message: &Message, attachment: &AttachmentInfo, directory: &Path) -> Outcome {
    let path = directory.join(file_name(attachment));
    let refused =
        |error: std::io::Error| -> Failure { format!("cannot save {}: {error}", path.display()).into() };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(refused)?;
    let mut reader = message.open_attachment(attachment.number).await?.reader().await?;
    let bar = progress(u64::from(reader.size()));
    let mut piece = vec![0; PIECE];
    loop {
        let length =
            reader.read(&mut piece).await.map_err(|error| match error.downcast::<client::Error>() {
                Ok(error) => Failure::from(error),
                Err(error) => refused(error),
            })?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
        file.write_all(read).map_err(refused)?;
        bar.inc(u64::try_from(length)?);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The name of the file of an attachment: the last component of its name, without control characters.
fn file_name(attachment: &AttachmentInfo) -> String {
    let name = attachment.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|each| !each.is_control()).collect();
    match name.as_str() {
        "" | "." | ".." => format!("attachment-{}", attachment.number),
        _ => name,
    }
}

/// Prints notifications.
pub(super) async fn watch(
    session: &Session,
    printer: Printer,
    folder: Option<&str>,
    count: Option<u64>,
) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    let id = match folder {
        Some(path) => Some(mailbox.find_folder(path).await?.id()),
        None => None,
    };
    let types = NotificationTypes::NEW_MAIL
        | NotificationTypes::OBJECT_CREATED
        | NotificationTypes::OBJECT_DELETED
        | NotificationTypes::OBJECT_MODIFIED
        | NotificationTypes::OBJECT_MOVED
        | NotificationTypes::OBJECT_COPIED;
    let subscription = mailbox.subscribe(types, id).await?;
    if !printer.is_json {
        report("watching; Ctrl-C ends");
    }
    let mut printed = 0;
    while count.is_none_or(|count| printed < count) {
        let notification = mailbox.next_notification().await?;
        printed += 1;
        let kind = notification.data.notification_type().to_string();
        let [folder, message] = object_of(&notification.data);
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
        let line = format!("{kind}: message {} in folder {}", id(&message), id(&folder));
        let json =
            json!({ "type": kind, "folder": folder, "message": message, "dropped": notification.dropped });
        printer.print(line, &json)?;
    }
    drop(subscription);
    mailbox.disconnect().await?;
    Ok(())
}

/// The ids of the folder and the message that a notification is about.
fn object_of(data: &NotificationData) -> [Option<String>; 2] {
    match &data.event {
        Event::Object(object) => {
            let message = object.message_id.map(|id| format!("{:#x}", id.0));
            [Some(format!("{:#x}", object.folder_id.0)), message]
        }
        Event::Table(_) | Event::Extended => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_an_attachment_is_in_the_directory_whatever_its_name() {
        let named = |name: &str| {
            file_name(&AttachmentInfo { number: 3, name: name.to_owned(), ..AttachmentInfo::default() })
        };
        for (name, file) in [
            ("tea.txt", "tea.txt"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\win.ini", "win.ini"),
            ("/", "attachment-3"),
            ("..", "attachment-3"),
            ("a\nb\u{0}", "ab"),
        ] {
            assert_eq!(named(name), file, "{name:?}");
        }
    }
}
