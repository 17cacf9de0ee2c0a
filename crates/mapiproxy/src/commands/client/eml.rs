//! `mapiproxy client read --eml` and `export`: messages in the format of RFC 5322.

use std::fs::{self, File};
use std::io::{self, Write as _, stdout};
use std::path::{Path, PathBuf};

use client::{Folder, FolderInfo, Mailbox};
use indicatif::ProgressBar;
use mapi::data::MessageId;
use mapi::property::PropTag;
use message::{Limits, Rfc5322};
use serde_json::json;

use super::addresses::{Addresses, Unreadable};
use super::arguments::Export;
use super::printer::{Printer, shown};
use super::session::Session;
use crate::commands::progress;
use crate::failure::{Failure, Outcome, WithStatus, report};

/// The longest name of a file or directory, in characters of at most four bytes each. Most file systems permit 255
/// bytes.
const LONGEST_NAME: usize = 50;

/// The exit status for wrong arguments.
const WRONG_ARGUMENTS: u8 = 2;

/// The message `id` of `folder` in the format of RFC 5322.
async fn converted(folder: &Folder, id: MessageId, addresses: &mut Addresses) -> Result<Rfc5322, Unreadable> {
    let limits = Limits::default();
    let message = folder.open_message(id).await?;
    let whole = message.whole(&limits).await?;
    addresses.convert(&whole, &limits).await
}

/// Prints a message in the format of RFC 5322, and what is lost of it to standard error.
pub(super) async fn print(session: &Session, printer: Printer, folder: &str, id: u64) -> Outcome {
    if printer.is_json {
        let text = "--eml prints a message, which is no JSON: pass either --eml or --json".to_owned();
        return Err(WithStatus { text, status: WRONG_ARGUMENTS }.into());
    }
    let mailbox = session.mailbox(None).await?;
    let folder = mailbox.find_folder(folder).await?;
    let mut addresses = Addresses::open(&session.client).await?;
    let Rfc5322 { bytes, losses } = converted(&folder, MessageId(id), &mut addresses).await?;
    addresses.close().await?;
    stdout().write_all(&bytes)?;
    stdout().flush()?;
    for loss in &losses {
        report(&format!("not kept: {}", shown(&loss.to_string())));
    }
    drop(folder);
    mailbox.disconnect().await?;
    Ok(())
}

/// The numbers of messages.
#[derive(Debug, Default)]
struct Count {
    written: u64,
    existing: u64,
    failed: u64,
}

/// Writes the messages of a folder and the folders below it, or else of the whole mailbox, to files.
pub(super) async fn export(session: &Session, printer: Printer, export: &Export) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    let folders = folders(&mailbox, export.folder.as_deref()).await?;
    let messages = folders.iter().map(|(folder, _)| u64::from(folder.messages)).sum();
    let bar = progress::bar(messages, "{bar:40} {pos} of {len} messages, {eta} left");
    let mut count = Count::default();
    let mut addresses = Addresses::open(&session.client).await?;
    for (folder, path) in &folders {
        let directory =
            path.iter().fold(export.to.clone(), |directory, name| directory.join(file_name(name)));
        fs::create_dir_all(&directory).map_err(|error| cannot("create the directory", &directory, &error))?;
        let opened = mailbox.open_folder(folder.id).await?;
        let columns = [PropTag::PidTagMid, PropTag::PidTagSubject];
        let mut messages = opened.messages().columns(&columns).open().await?;
        while let Some(row) = messages.next().await? {
            bar.inc(1);
            let Some(id) = row.message_id() else { continue };
            let subject = row.text(PropTag::PidTagSubject).unwrap_or_default();
            let file = directory.join(format!("{} {:x}.eml", file_name(&subject).display(), id.0));
            one((&opened, id), &file, &mut addresses, (printer, &bar), &mut count).await?;
        }
    }
    bar.finish_and_clear();
    addresses.close().await?;
    mailbox.disconnect().await?;
    let Count { written, existing, failed } = count;
    let line =
        format!("{written} messages written, {existing} were there already, {failed} could not be read");
    let json = json!({ "written": written, "existing": existing, "failed": failed });
    printer.print(line, &json)?;
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} messages could not be read").into()),
    }
}

/// Writes one message to `file`, unless it exists.
async fn one(
    (folder, id): (&Folder, MessageId),
    file: &Path,
    addresses: &mut Addresses,
    (printer, bar): (Printer, &ProgressBar),
    count: &mut Count,
) -> Outcome {
    if file.symlink_metadata().is_ok() {
        count.existing += 1;
        return Ok(());
    }
    let shown_file = shown(&file.display().to_string());
    let message = match converted(folder, id, addresses).await {
        Ok(message) => message,
        Err(error) if error.concerns_one_message() => {
            count.failed += 1;
            bar.suspend(|| report(&format!("cannot export {shown_file}: {error}")));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    write(file, &message.bytes).map_err(|error| cannot("write", file, &error))?;
    count.written += 1;
    let losses: Vec<_> = message.losses.iter().map(ToString::to_string).collect();
    bar.suspend(|| {
        for loss in &losses {
            report(&format!("{shown_file}: not kept: {}", shown(loss)));
        }
        if !printer.is_json {
            return Ok(());
        }
        printer.print("", &json!({ "file": file, "id": format!("{:#x}", id.0), "losses": losses }))
    })?;
    Ok(())
}

/// The folders to export, each with the names of the directories for it.
async fn folders(mailbox: &Mailbox, top: Option<&str>) -> Result<Vec<(FolderInfo, Vec<String>)>, Failure> {
    let top = match top {
        Some(path) => Some(mailbox.find_folder(path).await?.id()),
        None => None,
    };
    let mut found: Vec<(FolderInfo, Vec<String>)> = Vec::new();
    for folder in mailbox.folders().await? {
        let above = found.iter().find(|(above, _)| above.id == folder.parent).map(|(_, path)| path.clone());
        let is_top = top.map_or(above.is_none(), |top| folder.id == top);
        let Some(mut path) = above.or_else(|| is_top.then(Vec::new)) else { continue };
        path.push(folder.name.clone());
        found.push((folder, path));
    }
    Ok(found)
}

/// Creates `file` with `bytes`: the whole of it, or none.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = file.with_extension("part");
    // What an interrupted export left.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = File::create_new(&part).and_then(|mut created| {
        created.write_all(bytes)?;
        created.sync_all()
    });
    // A link, unlike a renamed file, replaces no file.
    let linked = written.and_then(|()| fs::hard_link(&part, file));
    fs::remove_file(&part)?;
    linked
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    format!("cannot {what} {}: {error}", path.display()).into()
}

/// `text` as the name of a file or directory: without characters that are not permitted in names on common systems, and
/// not hidden.
fn file_name(text: &str) -> PathBuf {
    let is_permitted = |each: char| !each.is_control() && !"/\\:*?\"<>|".contains(each);
    let name: String = text.chars().map(|each| if is_permitted(each) { each } else { '_' }).collect();
    let name: String = name.trim().trim_start_matches('.').chars().take(LONGEST_NAME).collect();
    let name = name.trim_end_matches([' ', '.']);
    PathBuf::from(if name.is_empty() { "_" } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_directory() {
        for (text, expected) in [
            ("Tea?", "Tea_"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "_"),
            ("", "_"),
            (" .bashrc ", "bashrc"),
            ("a\0b\r\nc", "a_b__c"),
            ("Grüße", "Grüße"),
        ] {
            assert_eq!(file_name(text), PathBuf::from(expected), "{text:?}");
        }
        assert!(file_name(&"ü".repeat(1000)).as_os_str().len() <= 4 * LONGEST_NAME);
    }

    #[test]
    fn a_file_is_written_whole_and_replaces_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.eml");
        fs::write(directory.path().join("a.part"), "left").unwrap();
        write(&file, b"one").unwrap();
        assert!(write(&file, b"two").is_err());
        assert_eq!(fs::read(&file).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
