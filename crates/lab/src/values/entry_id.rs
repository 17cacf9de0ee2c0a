//! Entry ids of folders and messages ([MS-OXCDATA] 2.2.4).

use mapi::data::{FlatUid, FolderEntryId, Gid, MessageEntryId, StoreObjectType};
use store::{Mailbox, MailboxKind, ObjectId};
use wire::Encode as _;

/// The provider of the entry ids of public folders: `%x1A.44.73.90.AA.66.11.CD.9B.C8.00.AA.00.2F.C4.5A`
/// ([MS-OXCDATA] 2.2.4.1).
const PUBLIC_PROVIDER: FlatUid =
    FlatUid([0x1a, 0x44, 0x73, 0x90, 0xaa, 0x66, 0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa, 0x00, 0x2f, 0xc4, 0x5a]);

fn provider(mailbox: &Mailbox) -> FlatUid {
    match mailbox.kind {
        MailboxKind::Private => FlatUid(mailbox.guid.to_le()),
        MailboxKind::Public => PUBLIC_PROVIDER,
    }
}

fn gid(mailbox: &Mailbox, id: ObjectId) -> Gid {
    Gid { replica: mailbox.replica, global_counter: id.counter() }
}

/// The entry id of a folder ([MS-OXCDATA] 2.2.4.1).
pub(crate) fn folder_entry_id(mailbox: &Mailbox, folder: ObjectId) -> Vec<u8> {
    let id = FolderEntryId {
        flags: 0,
        provider_uid: provider(mailbox),
        folder_type: match mailbox.kind {
            MailboxKind::Private => StoreObjectType::PrivateFolder,
            MailboxKind::Public => StoreObjectType::PublicFolder,
        },
        folder: gid(mailbox, folder),
        pad: 0,
    };
    id.to_bytes().unwrap_or_default()
}

/// The entry id of a message in a folder ([MS-OXCDATA] 2.2.4.2).
pub(crate) fn message_entry_id(mailbox: &Mailbox, folder: ObjectId, message: ObjectId) -> Vec<u8> {
    let id = MessageEntryId {
        flags: 0,
        provider_uid: provider(mailbox),
        message_type: match mailbox.kind {
            MailboxKind::Private => StoreObjectType::PrivateMessage,
            MailboxKind::Public => StoreObjectType::PublicMessage,
        },
        folder: gid(mailbox, folder),
        folder_pad: 0,
        message: gid(mailbox, message),
        message_pad: 0,
    };
    id.to_bytes().unwrap_or_default()
}
