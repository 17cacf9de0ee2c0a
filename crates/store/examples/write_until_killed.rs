//! Writes messages into a store without end, for the test of durability, which kills this program. After each message
//! that the store reported as saved, its id and subject are printed.

use std::io::Write as _;
use std::path::Path;

use mapi::property::{PropTag, PropertyValue};
use store::{ContentEdit, FolderKind, MailboxKind, NewFolder, NewMailbox, NewMessage, Properties, Store};
use wire::{FileTime, Guid};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: write_until_killed STORE")?;
    let store = Store::open(Path::new(&path))?;
    let now = FileTime(133_000_000_000_000_000);
    let (mailbox, inbox) = store.write(now, |change| {
        if let Some(mailbox) = change.mailbox_of("alice")? {
            let root = change.folder_tree(mailbox.id, store::ObjectId::own(1), false)?;
            return Ok::<_, store::Error>((mailbox.id, root.first().map(|(id, _)| *id)));
        }
        let (guid, replica) = (Guid::from_le([1; 16]), Guid::from_le([2; 16]));
        let new = NewMailbox { guid, replica, kind: MailboxKind::Private, owner: "alice".to_owned() };
        let mailbox = change.create_mailbox(&new)?;
        let root = NewFolder {
            id: None,
            parent: None,
            kind: FolderKind::Root,
            name: "Root".to_owned(),
            properties: Properties::new(),
        };
        Ok((mailbox.id, Some(change.create_folder(mailbox.id, &root)?.id)))
    })?;
    let inbox = inbox.ok_or("the mailbox has no folder")?;
    let mut output = std::io::stdout().lock();
    for number in 0_u64.. {
        let subject = format!("message {number}");
        let content = ContentEdit {
            set: Properties::from([
                (PropTag(0x0037_001F), PropertyValue::from(subject.as_str())),
                (PropTag(0x1009_0102), PropertyValue::Binary(vec![7; 20_000])),
            ]),
            ..ContentEdit::default()
        };
        let new = NewMessage { content, ..NewMessage::default() };
        let message = store.write(now, |change| change.create_message(mailbox, inbox, &new))?;
        writeln!(output, "{} {subject}", message.id.counter().value())?;
        output.flush()?;
        if number % 3 == 0 {
            store.write(now, |change| change.delete_message(mailbox, message.id, false))?;
            writeln!(output, "deleted {}", message.id.counter().value())?;
            output.flush()?;
        }
    }
    Ok(())
}
