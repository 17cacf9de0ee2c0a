//! Entry ids ([MS-OXCDATA] 2.2): of which object, by their provider and their length.

mod provider;
mod recipient;
mod store;

use std::fmt;

use wire::{Decode as _, Encode, Result, Writer};

pub use self::recipient::{ContactEntryId, OneOffEntryId, OneOffFlags, WrappedEntryId};
pub use self::store::{FolderEntryId, MessageEntryId, StoreEntryId, StoreObjectType};
use super::address_book::{EphemeralEntryId, FlatUid, PermanentEntryId};

/// An entry id ([MS-OXCDATA] 2.2), as what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryId {
    /// A folder.
    Folder(FolderEntryId),
    /// A message.
    Message(MessageEntryId),
    /// A mailbox or the public folders.
    Store(StoreEntryId),
    /// An address book object, permanently.
    AddressBook(PermanentEntryId),
    /// An address book object, during a session.
    Ephemeral(EphemeralEntryId),
    /// A recipient that is in no address book.
    OneOff(OneOffEntryId),
    /// A contact's address or a personal distribution list.
    Contact(ContactEntryId),
    /// A member of a personal distribution list.
    Wrapped(WrappedEntryId),
    /// Another, or one of another shape.
    Unknown(Vec<u8>),
}

impl EntryId {
    /// Decodes `bytes`. An entry id of an unknown kind stays bytes.
    pub fn parse(bytes: &[u8]) -> Self {
        let provider = bytes.get(4..20).and_then(|uid| <[u8; 16]>::try_from(uid).ok()).map(FlatUid);
        let known = match provider {
            Some(StoreEntryId::PROVIDER) => StoreEntryId::from_bytes(bytes).map(Self::Store),
            Some(OneOffEntryId::PROVIDER) => OneOffEntryId::from_bytes(bytes).map(Self::OneOff),
            Some(ContactEntryId::PROVIDER) => ContactEntryId::from_bytes(bytes).map(Self::Contact),
            Some(WrappedEntryId::PROVIDER) => WrappedEntryId::from_bytes(bytes).map(Self::Wrapped),
            Some(FlatUid::GUID_NSPI) => PermanentEntryId::from_bytes(bytes).map(Self::AddressBook),
            Some(_) => match bytes.len() {
                FolderEntryId::SIZE => FolderEntryId::from_bytes(bytes).map(Self::Folder),
                MessageEntryId::SIZE => MessageEntryId::from_bytes(bytes).map(Self::Message),
                _ => EphemeralEntryId::from_bytes(bytes).map(Self::Ephemeral),
            },
            None => return Self::Unknown(bytes.to_vec()),
        };
        known.unwrap_or_else(|_| Self::Unknown(bytes.to_vec()))
    }
}

impl Encode for EntryId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Folder(id) => id.encode(w),
            Self::Message(id) => id.encode(w),
            Self::Store(id) => id.encode(w),
            Self::AddressBook(id) => id.encode(w),
            Self::Ephemeral(id) => id.encode(w),
            Self::OneOff(id) => id.encode(w),
            Self::Contact(id) => id.encode(w),
            Self::Wrapped(id) => id.encode(w),
            Self::Unknown(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(id) => write!(f, "folder {}", id.folder),
            Self::Message(id) => write!(f, "message {} in {}", id.message, id.folder),
            Self::Store(id) => match &id.mailbox_dn {
                Some(dn) => write!(f, "mailbox {}", String::from_utf8_lossy(dn)),
                None => write!(f, "public folders on {}", String::from_utf8_lossy(&id.server_shortname)),
            },
            Self::AddressBook(id) => write!(f, "EX:{}", String::from_utf8_lossy(&id.distinguished_name)),
            Self::Ephemeral(id) => write!(f, "address book object {}", id.mid),
            Self::OneOff(id) => write!(f, "{} <{}:{}>", id.display_name, id.address_type, id.email_address),
            Self::Contact(id) if id.contact_type == ContactEntryId::LIST => f.write_str("personal list"),
            Self::Contact(id) => write!(f, "address {} of a contact", id.index),
            Self::Wrapped(id) => write!(f, "member of a list, type {:#x}", id.wrapped_type),
            Self::Unknown(bytes) => write!(f, "entry id of {} bytes", bytes.len()),
        }
    }
}
