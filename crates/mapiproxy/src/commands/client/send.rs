//! `mapiproxy client send`.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use client::{Message, Recipient, RecipientKind, WellKnown};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::arguments::Mail;
use super::printer::{Printer, progress};
use super::session::Session;
use crate::failure::{Failure, Outcome};

/// The bytes of a file that are read at a time.
const PIECE: usize = 32 << 10;

/// Sends a message.
pub(super) async fn send(session: &Session, printer: Printer, mail: &Mail) -> Outcome {
    let body = match &mail.body {
        Some(body) => body.clone(),
        None => std::io::read_to_string(stdin())?,
    };
    // A file that cannot be opened must not leave a message behind.
    let files = mail.attach.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let mailbox = session.mailbox(None).await?;
    let outbox = mailbox.folder(WellKnown::Outbox).await?;
    let message = outbox.create_message().await?;
    message
        .set(vec![
            TaggedValue::new(PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note")),
            TaggedValue::new(PropTag::PidTagSubject, PropertyValue::from(mail.subject.as_str())),
            TaggedValue::new(PropTag::PidTagBody, PropertyValue::from(body.as_str())),
            mailbox.sent_items_entry(),
        ])
        .await?;
    let of = |kind, addresses: &[String]| -> Vec<Recipient> {
        addresses.iter().map(|address| Recipient::smtp(kind, address, address)).collect()
    };
    let recipients =
        [of(RecipientKind::To, &mail.to), of(RecipientKind::Cc, &mail.cc), of(RecipientKind::Bcc, &mail.bcc)]
            .concat();
    message.set_recipients(&recipients).await?;
    for (path, file) in mail.attach.iter().zip(files) {
        attach(&message, path, file).await?;
    }
    message.submit().await?;
    let line = format_args!("sent to {} recipients", recipients.len());
    printer.print(line, &json!({ "recipients": recipients.len() }))?;
    drop(outbox);
    mailbox.disconnect().await?;
    Ok(())
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

/// Attaches a file.
async fn attach(message: &Message, path: &Path, mut file: File) -> Outcome {
    let refused =
        |error: std::io::Error| -> Failure { format!("cannot read {}: {error}", path.display()).into() };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let attachment = message.create_attachment().await?;
    attachment.set_file_name(&name).await?;
    let mut writer = attachment.writer().await?;
    let bar = progress(file.metadata().map_err(refused)?.len());
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).map_err(refused)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
        writer.write_all(read).await.map_err(written)?;
        bar.inc(u64::try_from(length)?);
    }
    writer.shutdown().await.map_err(written)?;
    bar.finish_and_clear();
    attachment.save().await?;
    Ok(())
}

/// The error of a writer, which contains that of the client.
fn written(error: std::io::Error) -> Failure {
    match error.downcast::<client::Error>() {
        Ok(error) => error.into(),
        Err(error) => error.into(),
    }
}
